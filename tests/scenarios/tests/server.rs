//! Sessions on a server: who is heard there, and what one person's trouble costs the others.

use std::time::Duration;

use backline_relay::counts::ERRORS;
use backline_relay::{Limits, RelayEvent, ShardEvent};
use backline_session::{JoinError, SessionState};
use backline_sim::signal::sine;
use backline_sim::{Chance, Id, Musician, World};
use backline_wire::{GoodbyeReason, Limit};

const SECOND: Duration = Duration::from_secs(1);

/// Three in one session, at 300, 500 and 700 Hz, of whom no two reach each other but by the server.
fn trio(seed: u64) -> (World, [Id; 3]) {
    let mut world = World::new(seed);
    let people = [("Ada", 300.0), ("Bob", 500.0), ("Cleo", 700.0)];
    let people = people.map(|(name, tone)| world.add(Musician::new(name, sine(tone, 48_000.0, 0.25))));
    world.add_server(Limits::default());
    let (_, link) = world.serve_session("Rehearsal");
    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
        let (one, other) = (world.address(people[one]), world.address(people[other]));
        world.network.block(one, other);
    }
    people.iter().for_each(|who| world.join(*who, &link));
    world.run(3 * SECOND);
    (world, people)
}

/// Frames of silence or of what was made up that each of Ada and Bob got from the other so far.
fn made_up(world: &mut World, [ada, bob, _]: [Id; 3]) -> u64 {
    let of = |world: &mut World, listener, name: &str| {
        let views = world.sources(listener);
        let view = views
            .iter()
            .find(|view| view.participant_name == name)
            .unwrap_or_else(|| unreachable!("{views:?}"));
        view.concealed_frames
    };
    of(world, ada, "Bob") + of(world, bob, "Ada")
}

#[test]
fn people_meet_on_a_server_that_is_in_no_list_of_people() {
    let (mut world, people) = trio(600);
    for who in people {
        let views = world.sources(who);
        assert_eq!(views.len(), 2, "{views:?}");
        assert!(views.iter().all(|view| view.present && view.latency.is_some()), "{views:?}");
    }
    world.leave(people[2]);
    world.run(SECOND);
    let now = world.instant();
    let sessions = world.server().shard.view(now);
    assert_eq!(sessions[0].participants.len(), 2);
}

#[test]
fn who_is_in_comes_in_once_alone_and_with_others() {
    let (mut world, _) = trio(605);
    world.run(10 * SECOND);
    let alone = world.add(Musician::new("Dan", sine(900.0, 48_000.0, 0.25)));
    let (_, link) = world.serve_session("Practice");
    world.join(alone, &link);
    world.run(10 * SECOND);
    let is_join = |event: &&ShardEvent| matches!(event, ShardEvent::Relay(_, RelayEvent::Joined(..)));
    assert_eq!(world.server().events.iter().filter(is_join).count(), 4);
}

#[test]
fn two_sessions_of_one_server_hear_nothing_of_each_other() {
    let mut world = World::new(601);
    let [ada, bob] = [("Ada", 300.0), ("Bob", 500.0)]
        .map(|(name, tone)| world.add(Musician::new(name, sine(tone, 48_000.0, 0.25))));
    world.add_server(Limits::default());
    let (one, other) = (world.serve_session("One").1, world.serve_session("Other").1);
    world.join(ada, &one);
    world.join(bob, &other);
    world.run(2 * SECOND);
    assert!(world.sources(ada).is_empty() && world.sources(bob).is_empty());
    world.join(bob, &one);
    world.run(3 * SECOND);
    assert_eq!(
        (world.sources(ada).len(), world.sources(bob).len()),
        (1, 1),
        "from one to the other by the same port"
    );
}

#[test]
fn a_member_who_floods_is_warned_then_disconnected_and_the_others_lose_nothing() {
    let (mut world, people) = trio(602);
    let (from, to) = (world.address(people[2]), world.server().address);
    let before = made_up(&mut world, people);
    // 100,000 a second of what looks like media.
    let datagram = [[0x80, 111].as_slice(), &[7; 98]].concat();
    for _ in 0..12_000 {
        let at = world.now();
        for _ in 0..100 {
            world.network.send(at, from, to, &datagram);
        }
        world.run(Duration::from_millis(1));
    }
    assert_eq!(made_up(&mut world, people), before);
    let events = &world.server().events;
    let is = |wanted: fn(&RelayEvent) -> bool| {
        events.iter().filter(|event| matches!(event, ShardEvent::Relay(_, event) if wanted(event))).count()
    };
    assert_eq!(is(|event| matches!(event, RelayEvent::Warned(_, _, Limit::Packets))), 1);
    assert_eq!(is(|event| matches!(event, RelayEvent::Disconnected(_, _, Limit::Packets))), 1);
    let over = JoinError::Ended(GoodbyeReason::OverLimit(Limit::Packets));
    assert_eq!(world.state(people[2]), Some(SessionState::Failed(over)));
}

#[test]
fn a_flood_of_strangers_costs_those_who_are_in_nothing_and_is_counted() {
    let (mut world, people) = trio(603);
    let to = world.server().address;
    let before = made_up(&mut world, people);
    let mut chance = Chance::new(603);
    for _ in 0..2_000 {
        let at = world.now();
        for port in 0..100 {
            let mut datagram = vec![0; 20 + chance.below(200)];
            datagram.iter_mut().for_each(|byte| *byte = chance.bits() as u8);
            datagram[0] = [0, 1, 22, 128, 255][chance.below(5)];
            world.network.send(at, ([192, 0, 2, 9], 10_000 + port).into(), to, &datagram);
        }
        world.run(Duration::from_millis(1));
    }
    assert_eq!(made_up(&mut world, people), before);
    let stats = world.server().shard.stats();
    assert!(stats.stranger_flood > 150_000, "{stats:?}");
}

#[test]
fn what_makes_the_server_fail_is_its_senders_alone() {
    let (mut world, people) = trio(604);
    let cleo = world.source_of(people[2], 1).participant;
    let now = world.instant();
    let id = world.server().shard.view(now)[0].id;
    let before = made_up(&mut world, people);
    let mut chance = Chance::new(604);
    std::panic::set_hook(Box::new(|_| {}));
    let relay = world.server().shard.relay_mut(id).unwrap_or_else(|| unreachable!("it is open"));
    relay.set_fault(Box::new(move |participant| {
        assert!(participant != cleo || !chance.hits(0.1), "a fault that was put in");
    }));
    let start = world.server().shard.view(now)[0].totals.relay.packets_in;
    let mut packets = 0;
    while packets < 100_000 {
        world.run(SECOND);
        let now = world.instant();
        packets = world.server().shard.view(now)[0].totals.relay.packets_in - start;
    }
    drop(std::panic::take_hook());
    assert_eq!(made_up(&mut world, people), before, "the others hear each other without a gap");
    let now = world.instant();
    let session = &world.server().shard.view(now)[0];
    let failures: u64 = session
        .totals
        .relay
        .errors
        .named(&ERRORS)
        .filter(|(what, _)| *what == "failure")
        .map(|(_, count)| count)
        .sum();
    assert!(failures > 10, "{:?}", session.totals);
    assert!(session.participants.len() <= 3, "nothing is left of who had to go");
}

#[test]
fn a_session_that_fails_as_a_whole_is_opened_again_and_the_others_notice_nothing() {
    let (mut world, people) = trio(605);
    let (_, other) = world.serve_session("Other");
    let dan = world.add(Musician::new("Dan", sine(900.0, 48_000.0, 0.25)));
    let eve = world.add(Musician::new("Eve", sine(1_100.0, 48_000.0, 0.25)));
    world.join(dan, &other);
    world.join(eve, &other);
    world.run(3 * SECOND);
    let before = world.sources(dan)[0].concealed_frames;
    let now = world.instant();
    std::panic::set_hook(Box::new(|_| {}));
    world.server().shard.fail(backline_relay::SessionId(1), now);
    drop(std::panic::take_hook());
    world.run(10 * SECOND);
    assert_eq!(world.sources(dan)[0].concealed_frames, before);
    for who in people {
        assert_eq!(world.state(who), Some(SessionState::Joined), "they come back by themselves");
        assert!(world.sources(who).iter().filter(|view| view.present).count() == 2);
    }
    assert_eq!(world.server().shard.stats().sessions_failed, 1);
}

#[test]
fn a_listener_whose_network_stalls_is_gone_after_a_moment_and_comes_back() {
    let (mut world, people) = trio(606);
    let before = made_up(&mut world, people);
    let address = world.address(people[2]);
    world.network.cut(address, true);
    world.run(5 * SECOND);
    let now = world.instant();
    assert_eq!(world.server().shard.view(now)[0].participants.len(), 2);
    assert_eq!(made_up(&mut world, people), before);
    world.network.cut(address, false);
    world.run(5 * SECOND);
    let now = world.instant();
    assert_eq!(world.server().shard.view(now)[0].participants.len(), 3);
}
