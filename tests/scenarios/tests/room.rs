//! Sixteen people in a session: everybody hears everybody, straight where that goes and by the host elsewhere.

use std::time::Duration;

use backline_client::{Quality, Route};
use backline_session::SessionState;
use backline_sim::judge::tone;
use backline_sim::signal::sine;
use backline_sim::{Card, Id, Musician, World};

const NAMES: [&str; 17] = [
    "Ada", "Bob", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hal", "Ida", "Jan", "Kim", "Leo", "Mia", "Ned",
    "Oda", "Pia", "Quentin",
];

fn frequency(number: usize) -> f64 {
    200.0 + 100.0 * number as f64
}

fn room(seed: u64, people: usize) -> (World, Vec<Id>) {
    let mut world = World::new(seed);
    let ids: Vec<Id> = (0..people)
        .map(|number| {
            let quality = Quality::Lossless;
            world.add(Musician {
                quality,
                ..Musician::new(NAMES[number], sine(frequency(number), 48_000.0, 0.04))
            })
        })
        .collect();
    world.host(ids[0]);
    (world, ids)
}

fn assert_all_heard(world: &World, ids: &[Id]) {
    for listener in ids {
        let heard = world.heard(*listener);
        let last = &heard[heard.len() - 48_000..];
        for (number, speaker) in ids.iter().enumerate() {
            // Tenths of a second: a playout that is still getting to its depth shifts the pitch by up to 1000 ppm.
            let tenths = last.chunks_exact(4_800).map(|tenth| tone(tenth, frequency(number), 48_000.0));
            let amplitude = tenths.sum::<f64>() / 10.0;
            let expected = if speaker == listener { 0.0..0.004 } else { 0.036..0.044 };
            assert!(expected.contains(&amplitude), "{listener:?} hears {speaker:?} at {amplitude}");
        }
    }
}

#[test]
fn sixteen_people_hear_each_other_and_a_seventeenth_is_told_that_it_is_full() {
    let (mut world, mut ids) = room(20, 17);
    let link = world.invite(ids[0]);
    let late = ids.pop().unwrap();
    for id in &ids[1..] {
        world.join(*id, &link);
        world.run(Duration::from_millis(50));
    }
    world.run(Duration::from_millis(1_500));
    world.join(late, &link);
    world.run(Duration::from_millis(1_500));
    assert_all_heard(&world, &ids);
    let Some(SessionState::Failed(error)) = world.state(late) else { panic!("{:?}", world.state(late)) };
    assert!(error.to_string().contains("full"), "{error}");
    assert!(world.sources(ids[3]).iter().all(|source| source.route == Route::Direct));
}

#[test]
fn who_cannot_reach_each_other_is_heard_through_the_host_and_directly_once_that_goes() {
    let (mut world, ids) = room(21, 4);
    let link = world.invite(ids[0]);
    let (bob, cleo) = (world.address(ids[1]), world.address(ids[2]));
    world.network.block(bob, cleo);
    for id in &ids[1..] {
        world.join(*id, &link);
    }
    world.run(Duration::from_secs(4));
    assert_all_heard(&world, &ids);
    let route = |world: &World| {
        let sources = world.sources(ids[1]);
        sources
            .iter()
            .find(|source| source.participant_name == "Cleo")
            .map(|source| (source.route, source.encrypted))
    };
    assert_eq!(route(&world), Some((Route::ThroughHost, true)));
    world.network.unblock_all();
    world.run(Duration::from_secs(40));
    assert_eq!(route(&world), Some((Route::Direct, true)));
    assert_all_heard(&world, &ids);
}

#[test]
fn a_direct_path_that_breaks_is_replaced_by_the_host() {
    let (mut world, ids) = room(22, 3);
    let link = world.invite(ids[0]);
    for id in &ids[1..] {
        world.join(*id, &link);
    }
    world.run(Duration::from_secs(3));
    let (bob, cleo) = (world.address(ids[1]), world.address(ids[2]));
    world.network.block(bob, cleo);
    world.run(Duration::from_secs(3));
    assert_all_heard(&world, &ids);
}

#[test]
fn latency_is_measured_across_clocks_that_disagree() {
    let (mut world, ids) = room(23, 3);
    let link = world.invite(ids[0]);
    for id in &ids[1..] {
        world.join(*id, &link);
    }
    world.run(Duration::from_secs(4));
    for listener in &ids {
        for source in world.sources(*listener) {
            let latency = source.latency.unwrap();
            // 2 ms of network, half a millisecond of depth, blocks of about 2 ms.
            assert!((4_000..6_000).contains(&latency.as_micros()), "{source:?}");
        }
    }
}

/// The listener's own figure, told to whoever is heard: straight, through the host, and no longer once nothing is played.
#[test]
fn each_learns_after_how_long_the_others_hear_them() {
    let mut world = World::new(24);
    let people: Vec<Id> = [("Ada", 64), ("Bob", 480), ("Cleo", 1024)]
        .map(|(name, block_frames)| {
            let card = Card { block_frames, ..Card::default() };
            world.add(Musician { card, ..Musician::new(name, sine(440.0, 48_000.0, 0.1)) })
        })
        .into();
    let (bob, cleo) = (world.address(people[1]), world.address(people[2]));
    world.network.block(bob, cleo);
    world.meet(people[0], &people[1..]);
    world.run(Duration::from_secs(12));
    let named = |world: &World, who: Id, name: &str| {
        world.sources(who).into_iter().find(|source| source.participant_name == name).unwrap()
    };
    for (listener, name) in people.iter().zip(NAMES) {
        for (heard, theirs) in people.iter().zip(NAMES).filter(|(_, theirs)| *theirs != name) {
            let measured = named(&world, *listener, theirs).latency.unwrap();
            let told = named(&world, *heard, name).hears_us_after.unwrap();
            println!("{name} hears {theirs} after {measured:?}, {theirs} was told {told:?}");
            assert!(measured.abs_diff(told) < Duration::from_millis(1));
        }
    }
    world.leave(people[1]);
    world.run(Duration::from_secs(4));
    assert_eq!(named(&world, people[0], "Bob").hears_us_after, None);
    assert!(named(&world, people[0], "Cleo").hears_us_after.is_some());
}
