//! A computer that stands still for some milliseconds, as virtual machines and power saving do: what could not be heard is
//! lost, and afterwards the sound is exactly where it was before. No latency is left behind.

use std::time::Duration;

use backline_sim::judge::exact_delay;
use backline_sim::signal::{grid_noise, silence};
use backline_sim::{Card, Id, Musician, World};

/// Ada plays, Bob listens; both have been at it for three seconds.
fn a_session(block_frames: usize) -> (World, Id, Id) {
    let mut world = World::new(5);
    let card = Card { block_frames, ..Card::default() };
    let ada = world.add(Musician { card, ..Musician::new("Ada", grid_noise(7)) });
    // No depth to find: what is later afterwards was left behind by the pause.
    let depth_ceiling = Duration::from_micros(500);
    let bob = world.add(Musician { card, depth_ceiling, ..Musician::new("Bob", silence()) });
    world.meet(ada, &[bob]);
    world.run(Duration::from_secs(3));
    (world, ada, bob)
}

/// Where the sound is now: the exact delay over the quarter of a second to come.
fn delay(world: &mut World, ada: Id, bob: Id) -> Option<usize> {
    let from = world.heard(bob).len();
    world.run(Duration::from_millis(250));
    exact_delay(world.sent(ada), world.heard(bob), from)
}

fn returns_to_its_place(block_frames: usize, pause: impl Fn(&mut World, Id, Id)) {
    let (mut world, ada, bob) = a_session(block_frames);
    let before = delay(&mut world, ada, bob);
    assert!(before.is_some(), "block {block_frames}: not exact before the pause");
    for _ in 0..4 {
        pause(&mut world, ada, bob);
        world.run(Duration::from_millis(750));
        assert_eq!(delay(&mut world, ada, bob), before, "block {block_frames}: {:?}", world.sources(bob));
    }
}

#[test]
fn a_listener_that_stood_still_hears_at_the_same_latency_afterwards() {
    for block_frames in [64, 128, 480] {
        returns_to_its_place(block_frames, |world, _, bob| world.pause(bob, Duration::from_millis(23)));
    }
}

#[test]
fn a_sender_that_stood_still_is_heard_at_the_same_latency_afterwards() {
    for block_frames in [64, 128, 480] {
        returns_to_its_place(block_frames, |world, ada, _| world.pause(ada, Duration::from_millis(23)));
    }
}

#[test]
fn a_machine_that_stood_still_with_both_goes_on_at_the_same_latency() {
    for block_frames in [64, 128, 480] {
        returns_to_its_place(block_frames, |world, ada, bob| {
            world.pause(ada, Duration::from_millis(8));
            world.pause(bob, Duration::from_millis(8));
        });
    }
}
