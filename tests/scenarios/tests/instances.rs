//! Several instances of one participant: each sends a source of its own, and nothing is heard twice.

use std::time::Duration;

use backline_client::Quality;
use backline_session::ReturnChoice;
use backline_sim::judge::{roughness, tone};
use backline_sim::signal::{silence, sine};
use backline_sim::{Id, Musician, Track, World};

const SECOND: Duration = Duration::from_secs(1);
const RATE_HZ: f64 = 48_000.0;
const LOUD: f64 = 0.04;

/// Each instance of each participant has a tone of its own, in whole tenths of hertz cycles.
fn frequency(participant: usize, instance: u64) -> f64 {
    300.0 + 100.0 * instance as f64 + 1_500.0 * participant as f64
}

fn track(participant: usize, instance: u64) -> Track {
    Track::new(instance, sine(frequency(participant, instance), RATE_HZ, LOUD))
}

fn musician(name: &'static str, participant: usize) -> Musician {
    let quality = Quality::Lossless;
    Musician { quality, ..Musician::new(name, sine(frequency(participant, 1), RATE_HZ, LOUD)) }
}

/// Ada hosts with so many instances, Bob joins with so many.
fn band(seed: u64, ada_has: u64, bob_has: u64) -> (World, Id, Id) {
    let mut world = World::new(seed);
    let ada = world.add(musician("Ada", 0));
    let bob = world.add(musician("Bob", 1));
    for (number, (who, count)) in [(ada, ada_has), (bob, bob_has)].into_iter().enumerate() {
        (2..=count).for_each(|instance| world.add_track(who, track(number, instance)));
    }
    world.meet(ada, &[bob]);
    (world, ada, bob)
}

/// How loud a tone is in the last second of what an instance heard, in tenths of a second.
fn loudness(heard: &[[f32; 2]], frequency_hz: f64) -> f64 {
    let last = &heard[heard.len() - 48_000..];
    last.chunks_exact(4_800).map(|tenth| tone(tenth, frequency_hz, RATE_HZ)).sum::<f64>() / 10.0
}

fn assert_heard(world: &mut World, (who, instance): (Id, u64), participant: usize, expected: &[(u64, bool)]) {
    let heard = world.take_heard_on(who, instance);
    for (source, is_heard) in expected {
        let amplitude = loudness(&heard, frequency(participant, *source));
        let wanted = if *is_heard { 0.9 * LOUD..1.1 * LOUD } else { 0.0..0.1 * LOUD };
        assert!(
            wanted.contains(&amplitude),
            "{who:?}/{instance} hears {participant}/{source} at {amplitude}"
        );
    }
}

#[test]
fn eight_instances_and_four_are_heard_once_each() {
    let (mut world, ada, bob) = band(80, 8, 4);
    world.run(4 * SECOND);
    assert_eq!(world.sources(ada).iter().filter(|source| source.present).count(), 4);
    assert_eq!(world.sources(bob).iter().filter(|source| source.present).count(), 8);
    for (listener, count, speaker, sources) in [(ada, 8, 1, 4), (bob, 4, 0, 8)] {
        let own = 1 - speaker;
        for instance in 1..=count {
            let heard: Vec<(u64, bool)> = (1..=sources).map(|source| (source, instance == 1)).collect();
            let not_own: Vec<(u64, bool)> = (1..=count).map(|source| (source, false)).collect();
            let kept = world.take_heard_on(listener, instance);
            for (participant, expected) in [(speaker, heard), (own, not_own)] {
                for (source, is_heard) in expected {
                    let amplitude = loudness(&kept, frequency(participant, source));
                    let wanted = if is_heard { 0.9 * LOUD..1.1 * LOUD } else { 0.0..0.1 * LOUD };
                    assert!(
                        wanted.contains(&amplitude),
                        "{listener:?}/{instance} hears {participant}/{source} at {amplitude}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_track_for_one_musician_takes_them_out_of_the_mix() {
    let (mut world, ada, bob) = band(81, 3, 3);
    world.run(3 * SECOND);
    let second = world.source_of(bob, 2);
    world.set_returns(ada, 3, ReturnChoice::Sources(vec![second]));
    world.run(3 * SECOND);
    assert_heard(&mut world, (ada, 1), 1, &[(1, true), (2, false), (3, true)]);
    assert_heard(&mut world, (ada, 2), 1, &[(1, false), (2, false), (3, false)]);
    assert_heard(&mut world, (ada, 3), 1, &[(1, false), (2, true), (3, false)]);
    world.remove_track(ada, 3);
    world.run(3 * SECOND);
    assert_heard(&mut world, (ada, 1), 1, &[(1, true), (2, true), (3, true)]);
}

#[test]
fn the_session_goes_on_when_the_instance_that_hosted_it_is_deleted() {
    let (mut world, ada, bob) = band(82, 3, 1);
    world.run(3 * SECOND);
    world.remove_track(ada, 1);
    world.run(3 * SECOND);
    assert_heard(&mut world, (ada, 2), 1, &[(1, true)]);
    assert_heard(&mut world, (bob, 1), 0, &[(1, false), (2, true), (3, true)]);
    assert_eq!(world.sources(bob).iter().filter(|source| source.present).count(), 2);
}

#[test]
fn an_instance_that_sends_nothing_is_no_source_until_it_does() {
    let (mut world, ada, bob) = band(83, 2, 1);
    world.set_sends(ada, 2, false);
    world.run(3 * SECOND);
    assert_heard(&mut world, (bob, 1), 0, &[(1, true), (2, false)]);
    assert_eq!(world.sources(bob).iter().filter(|source| source.present).count(), 1);
    world.set_sends(ada, 2, true);
    world.run(3 * SECOND);
    assert_heard(&mut world, (bob, 1), 0, &[(1, true), (2, true)]);
}

/// A pseudo-random number below `limit`.
fn chance(state: &mut u64, limit: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % limit
}

/// One thing that a person may do to their tracks.
fn change_something(world: &mut World, who: Id, bob: Id, state: &mut u64) -> String {
    let tracks = world.tracks(who);
    let one = tracks[chance(state, tracks.len() as u64) as usize];
    match chance(state, 6) {
        0 if tracks.len() < 5 => {
            let new = tracks.iter().max().unwrap_or(&0) + 1;
            world.add_track(who, Track::new(new, silence()));
            format!("add {new}")
        }
        1 if tracks.len() > 1 => {
            world.remove_track(who, one);
            format!("remove {one}")
        }
        2 | 3 => {
            let on = chance(state, 2) == 0;
            world.set_bypassed(who, one, on);
            format!("bypass {one}: {on}")
        }
        4 => {
            let on = chance(state, 2) == 0;
            world.set_called(who, one, on);
            format!("call {one}: {on}")
        }
        _ => {
            let source = world.source_of(bob, 1 + chance(state, 2));
            let choices = [
                ReturnChoice::Automatic,
                ReturnChoice::Mix,
                ReturnChoice::Nothing,
                ReturnChoice::Sources(vec![source]),
            ];
            let choice = choices[chance(state, 4) as usize].clone();
            world.set_returns(who, one, choice.clone());
            format!("{one} returns {choice:?}")
        }
    }
}

/// What comes out of all tracks of a participant together.
fn take_sum(world: &mut World, who: Id) -> Vec<[f32; 2]> {
    let tracks = world.tracks(who);
    let all: Vec<_> = tracks.into_iter().map(|instance| world.take_heard_on(who, instance)).collect();
    // A track that was added meanwhile has silence before, from when the card started.
    let frames = all.iter().map(Vec::len).min().unwrap_or(0);
    let ends = all.iter().map(|heard| &heard[heard.len() - frames..]);
    ends.fold(vec![[0.0; 2]; frames], |mut sum, heard| {
        for (sum, heard) in sum.iter_mut().zip(heard) {
            sum[0] += heard[0];
            sum[1] += heard[1];
        }
        sum
    })
}

#[test]
fn whatever_is_done_to_tracks_in_any_order_no_tone_is_ever_doubled() {
    for seed in [84, 85, 86] {
        let mut world = World::new(seed);
        let ada = world.add(Musician { quality: Quality::Lossless, ..Musician::new("Ada", silence()) });
        let bob = world.add(musician("Bob", 1));
        world.add_track(bob, track(1, 2));
        world.meet(ada, &[bob]);
        world.run(3 * SECOND);
        take_sum(&mut world, ada);
        let mut state = seed;
        let mut done = Vec::new();
        for _ in 0..16 {
            done.push(change_something(&mut world, ada, bob, &mut state));
            world.run(2 * SECOND);
            let sum = take_sum(&mut world, ada);
            let instances = world.instances(ada);
            for source in [1, 2] {
                let doubled = sum
                    .windows(2_400)
                    .step_by(1_200)
                    .map(|window| tone(window, frequency(1, source), RATE_HZ))
                    .fold(0.0, f64::max);
                assert!(doubled < 1.15 * LOUD, "seed {seed}: {source} at {doubled} after {done:?}");
                let id = world.source_of(bob, source);
                let views = world.sources(ada);
                let owner = views.iter().find(|view| view.source == id).and_then(|view| view.returned_by);
                let is_heard = instances.iter().any(|one| Some(one.instance) == owner && one.is_active);
                let amplitude = loudness(&sum, frequency(1, source));
                let wanted = if is_heard { 0.9 * LOUD..1.1 * LOUD } else { 0.0..0.1 * LOUD };
                assert!(
                    wanted.contains(&amplitude),
                    "seed {seed}: {source} at {amplitude}, {owner:?}, after {done:?}: {instances:?}"
                );
            }
        }
    }
}

#[test]
fn the_mix_moves_to_another_track_without_a_click() {
    let mut world = World::new(87);
    let ada = world.add(Musician { quality: Quality::Lossless, ..Musician::new("Ada", silence()) });
    let bob = world.add(musician("Bob", 1));
    world.meet(ada, &[bob]);
    world.add_track(ada, Track::new(2, silence()));
    world.run(3 * SECOND);
    let playing = world.take_heard_on(ada, 1);
    world.take_heard_on(ada, 2);
    let smooth = roughness(&playing[playing.len() - 48_000..]);
    world.set_returns(ada, 1, ReturnChoice::Nothing);
    world.run(SECOND);
    for instance in [1, 2] {
        let heard = world.take_heard_on(ada, instance);
        assert!(roughness(&heard) < 1.5 * smooth, "{instance}: {} {smooth}", roughness(&heard));
    }
}

#[test]
fn a_track_that_is_deleted_while_the_network_is_away_is_gone_when_it_is_back() {
    let (mut world, ada, bob) = band(88, 1, 2);
    world.run(3 * SECOND);
    let address = world.address(bob);
    world.network.cut(address, true);
    world.run(SECOND / 2);
    world.remove_track(bob, 2);
    world.run(2 * SECOND);
    world.network.cut(address, false);
    world.run(4 * SECOND);
    assert_heard(&mut world, (ada, 1), 1, &[(1, true), (2, false)]);
    assert_eq!(world.sources(ada).iter().filter(|source| source.present).count(), 1);
}
