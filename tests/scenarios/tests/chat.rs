//! Lines of the chat by every route: everybody sees each once, in the order in which it was written, and by whom.

use std::time::Duration;

use backline_client::{ChatLine, ChatLineState};
use backline_relay::{Limits, RelayEvent, ShardEvent};
use backline_session::SessionState;
use backline_sim::signal::silence;
use backline_sim::{Id, Musician, World};
use backline_wire::limits::CHAT_LINES_PER_SECOND;
use backline_wire::{InviteLink, Limit, Route};

const SECOND: Duration = Duration::from_secs(1);
const NAMES: [&str; 3] = ["Ada", "Bob", "Cleo"];

struct Trio {
    world: World,
    people: [Id; 3],
    link: InviteLink,
}

/// On a server, or in the first one's plugin where no route is named.
fn trio(seed: u64, route: Option<Route>) -> Trio {
    let mut world = World::new(seed);
    let people = NAMES.map(|name| world.add(Musician::new(name, silence())));
    let link = match route {
        None => {
            world.meet(people[0], &people[1..]);
            world.invite(people[0])
        }
        Some(route) => {
            world.add_server(Limits::default());
            let (session, link) = world.serve_session("Rehearsal");
            let now = world.instant();
            assert!(world.server().shard.set_route(session, now, route));
            people.iter().for_each(|who| world.join(*who, &link));
            link
        }
    };
    world.run(3 * SECOND);
    Trio { world, people, link }
}

impl Trio {
    fn say(&mut self, who: Id, text: &str) -> bool {
        let now = self.world.instant();
        let (line, engine) = (ChatLine::new(text).ok(), self.world.engine(who));
        engine.zip(line).is_some_and(|(engine, line)| engine.session_mut().say(now, line))
    }

    /// Who wrote what, as somebody sees it; only what has arrived.
    fn seen_by(&mut self, who: Id) -> Vec<(String, String)> {
        let lines = self.world.engine(who).map(|engine| engine.session().chat()).unwrap_or_default();
        let arrived = lines.iter().filter(|line| line.state == ChatLineState::Arrived);
        arrived.map(|line| (line.name.clone(), line.line.as_str().to_owned())).collect()
    }

    /// The same of one writer.
    fn seen_of(&mut self, who: Id, writer: &str) -> Vec<String> {
        let seen = self.seen_by(who);
        seen.into_iter().filter(|(name, _)| name == writer).map(|(_, text)| text).collect()
    }
}

#[test]
fn everybody_sees_every_line_once_by_every_route_and_nobody_what_was_before_them() {
    for (seed, route) in
        [(800, None), (801, Some(Route::Mesh)), (802, Some(Route::Forward)), (803, Some(Route::Mix))]
    {
        let mut trio = trio(seed, route);
        for round in 1..=4 {
            for who in trio.people {
                assert!(trio.say(who, &format!("line {round}")), "{route:?}");
            }
            trio.world.run(SECOND / 4);
        }
        trio.world.run(SECOND);
        let lines: Vec<String> = (1..=4).map(|round| format!("line {round}")).collect();
        for reader in trio.people {
            assert_eq!(trio.seen_by(reader).len(), 12, "{route:?}");
            for writer in NAMES {
                assert_eq!(trio.seen_of(reader, writer), lines, "{route:?}: {reader:?} reads {writer}");
            }
        }
        let dan = trio.world.add(Musician::new("Dan", silence()));
        trio.world.join(dan, &trio.link);
        trio.world.run(3 * SECOND);
        assert!(trio.seen_by(dan).is_empty(), "{route:?}");
        assert!(trio.say(trio.people[1], "Hello Dan"));
        trio.world.run(SECOND);
        assert_eq!(trio.seen_by(dan), [("Bob".to_owned(), "Hello Dan".to_owned())], "{route:?}");
    }
}

#[test]
fn a_line_that_the_network_swallows_is_told_and_after_a_reconnect_nothing_is_there_twice() {
    for (seed, route) in [(810, None), (811, Some(Route::Forward))] {
        let mut trio = trio(seed, route);
        let [ada, bob, cleo] = trio.people;
        assert!(trio.say(bob, "before"));
        trio.world.run(SECOND);
        let address = trio.world.address(bob);
        trio.world.network.cut(address, true);
        assert!(trio.say(bob, "swallowed"), "nobody knows yet");
        trio.world.run(4 * SECOND);
        assert_eq!(trio.world.state(bob), Some(SessionState::Reconnecting));
        assert!(!trio.say(bob, "while away"));
        trio.say(ada, "Where is Bob?");
        trio.world.run(20 * SECOND);
        trio.world.network.cut(address, false);
        trio.world.run(8 * SECOND);
        assert_eq!(trio.world.state(bob), Some(SessionState::Joined), "{route:?}");
        assert!(trio.say(bob, "after"));
        trio.say(ada, "There");
        trio.world.run(2 * SECOND);
        for reader in [ada, cleo] {
            assert_eq!(trio.seen_of(reader, "Bob"), ["before", "after"], "{route:?}");
        }
        assert_eq!(trio.seen_of(bob, "Ada"), ["There"]);
        let own = trio.world.engine(bob).unwrap().session().chat();
        let states: Vec<_> = own.iter().filter(|line| line.is_own).map(|line| line.state).collect();
        let lost = ChatLineState::Unanswered;
        assert_eq!(states, [ChatLineState::Arrived, lost, ChatLineState::Arrived], "{route:?}");
    }
}

#[test]
fn a_flood_of_lines_is_cut_down_its_writer_is_told_and_others_are_read() {
    let mut trio = trio(820, Some(Route::Mesh));
    let [ada, bob, cleo] = trio.people;
    for number in 0..300 {
        trio.say(cleo, &format!("spam {number}"));
    }
    assert!(trio.say(bob, "Cleo, stop that"));
    trio.world.run(2 * SECOND);
    let spam = trio.seen_of(ada, "Cleo").len();
    assert!(spam > 0 && spam <= 4 * CHAT_LINES_PER_SECOND as usize, "{spam} lines came through");
    assert_eq!(trio.seen_of(ada, "Bob"), ["Cleo, stop that"]);
    let is_told = |event: &ShardEvent| matches!(event, ShardEvent::Relay(_, RelayEvent::Warned(_, name, Limit::Control)) if name.as_str() == "Cleo");
    assert!(trio.world.server().events.iter().any(is_told));
    assert_eq!(trio.world.state(cleo), Some(SessionState::Joined), "once is forgiven");
}
