//! A session on a server that people come to and leave for a long time: what the server holds afterwards is what it held before.

use std::collections::BTreeMap;
use std::time::Duration;

use backline_relay::{Limits, SessionId};
use backline_sim::signal::sine;
use backline_sim::{Id, Musician, World};
use backline_wire::{InviteLink, Route};

const SECOND: Duration = Duration::from_secs(1);
/// One life: each way of media, and each of them leaves once, of whom one without a word.
const ROUTES: [Route; 3] = [Route::Mix, Route::Forward, Route::Mesh];
/// Lives after the first two, in which everything that is remembered for ever has been seen once.
const LIVES: usize = 22;
/// Whoever comes back here has lost their outbox: the server remembers so many of each of three people.
/// And the document has a name of each, and of each listener five settings for each of two others.
const BOUNDED: [(&str, usize); 3] =
    [("outboxes", 3 * 8), ("answers", 3 * 8), ("document entries", 3 + 3 * 2 * 5)];

struct Rehearsal {
    world: World,
    people: Vec<Id>,
    session: SessionId,
    link: InviteLink,
}

impl Rehearsal {
    fn new() -> Self {
        let mut world = World::new(800);
        let people: Vec<Id> = [("Ada", 300.0), ("Bob", 500.0), ("Cleo", 700.0)]
            .into_iter()
            .map(|(name, tone)| world.add(Musician::new(name, sine(tone, 48_000.0, 0.1))))
            .collect();
        world.add_server(Limits::default());
        let (session, link) = world.serve_session("Rehearsal");
        people.iter().for_each(|who| world.join(*who, &link));
        world.run(3 * SECOND);
        Self { world, people, session, link }
    }

    /// Half a minute: everybody is in again at its end, and the route is as it was.
    fn live(&mut self, number: usize) {
        let Self { world, people, session, link } = self;
        for (turn, route) in ROUTES.into_iter().enumerate() {
            let now = world.instant();
            assert!(world.server().shard.set_route(*session, now, route));
            world.run(2 * SECOND);
            let who = people[(number + turn) % people.len()];
            if turn == 1 {
                world.crash(who);
            } else {
                world.leave(who);
            }
            world.controls(people[(number + turn + 1) % people.len()]).slots[turn].muted ^= true;
            world.run(6 * SECOND);
            world.join(who, link);
            world.run(2 * SECOND);
        }
        // What was heard is nobody's business here, and would fill this test's own memory.
        people.iter().for_each(|who| drop((world.take_heard(*who), world.take_sent(*who))));
    }

    fn holdings(&mut self) -> BTreeMap<&'static str, usize> {
        self.world.server().events.clear();
        self.world.server().shard.holdings()
    }
}

#[test]
fn what_a_server_holds_stays_level_while_people_come_and_go() {
    let mut rehearsal = Rehearsal::new();
    (0..2).for_each(|number| rehearsal.live(number));
    let mut highest = rehearsal.holdings();
    assert_eq!((highest["members"], highest["sources"]), (3, 3), "{highest:?}");
    for number in 2..5 {
        rehearsal.live(number);
        for (name, count) in rehearsal.holdings() {
            let most = highest.entry(name).or_default();
            *most = count.max(*most);
        }
    }
    for number in 5..LIVES {
        rehearsal.live(number);
        let now = rehearsal.holdings();
        let is_grown = |(name, count): &(&&str, &usize)| {
            let most = BOUNDED.iter().find(|(bounded, _)| bounded == *name).map(|(_, most)| *most);
            **count > most.unwrap_or(highest[**name])
        };
        let grown: Vec<_> = now.iter().filter(is_grown).collect();
        assert_eq!(grown, [], "in life {number}, of {highest:?}");
    }
    let lived = rehearsal.world.now();
    assert!(lived > Duration::from_secs(600), "{lived:?}");
}
