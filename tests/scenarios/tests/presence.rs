//! Who leaves, crashes or vanishes is gone without a click, and is back in the same place.

use std::time::Duration;

use backline_bridge::BlockControls;
use backline_session::SessionState;
use backline_sim::judge::{level, roughness};
use backline_sim::signal::{chord, silence, sine};
use backline_sim::{Id, Musician, World};

const SECOND: Duration = Duration::from_secs(1);

/// Ada hosts and listens, Bob plays a chord, Cleo plays a sine.
fn trio(seed: u64) -> (World, Id, Id, Id) {
    let mut world = World::new(seed);
    let ada = world.add(Musician::new("Ada", silence()));
    let bob = world.add(Musician::new("Bob", chord(48_000.0)));
    let cleo = world.add(Musician::new("Cleo", sine(440.0, 48_000.0, 0.1)));
    world.meet(ada, &[bob, cleo]);
    world.run(4 * SECOND);
    (world, ada, bob, cleo)
}

fn slot_of(world: &World, listener: Id, name: &str) -> Option<usize> {
    world
        .sources(listener)
        .into_iter()
        .find(|source| source.participant_name == name)
        .and_then(|source| source.slot)
}

fn is_present(world: &World, listener: Id, name: &str) -> bool {
    world.sources(listener).iter().any(|source| source.participant_name == name && source.present)
}

/// What `listener` hears while `time` passes.
fn listen(world: &mut World, listener: Id, time: Duration) -> Vec<[f32; 2]> {
    let from = world.heard(listener).len();
    world.run(time);
    world.heard(listener)[from..].to_vec()
}

fn mute_all_but(controls: &mut BlockControls, slot: usize) {
    for (number, strip) in controls.slots.iter_mut().enumerate() {
        strip.muted = number != slot;
    }
}

#[test]
fn everybody_hears_everybody_directly() {
    let (mut world, ada, bob, cleo) = trio(10);
    for (listener, names) in [(ada, ["Bob", "Cleo"]), (bob, ["Ada", "Cleo"]), (cleo, ["Ada", "Bob"])] {
        for name in names {
            assert!(is_present(&world, listener, name), "{listener:?} sees {:?}", world.sources(listener));
        }
    }
    let view = world.sources(bob).into_iter().find(|source| source.participant_name == "Cleo").unwrap();
    assert_eq!(view.route, backline_client::Route::Direct, "{view:?}");
    assert!(level(&listen(&mut world, bob, SECOND)) > 0.05);
}

#[test]
fn who_says_goodbye_is_gone_at_once_without_a_click() {
    let (mut world, ada, bob, _) = trio(11);
    let slot = slot_of(&world, ada, "Bob").unwrap();
    mute_all_but(world.controls(ada), slot);
    let playing = listen(&mut world, ada, SECOND);
    world.leave(bob);
    let leaving = listen(&mut world, ada, SECOND);
    assert!(!is_present(&world, ada, "Bob"));
    assert!(level(&leaving[24_000..]) < 1e-6);
    assert!(
        roughness(&leaving) < 1.5 * roughness(&playing),
        "{} {}",
        roughness(&leaving),
        roughness(&playing)
    );
}

#[test]
fn who_crashes_is_gone_within_three_seconds_and_returns_to_the_same_slot() {
    let (mut world, ada, bob, cleo) = trio(12);
    let slot = slot_of(&world, ada, "Bob").unwrap();
    let playing = listen(&mut world, ada, SECOND);
    world.crash(bob);
    let leaving = listen(&mut world, ada, 4 * SECOND);
    assert!(!is_present(&world, ada, "Bob") && !is_present(&world, cleo, "Bob"));
    assert!(
        roughness(&leaving) < 1.5 * roughness(&playing),
        "{} {}",
        roughness(&leaving),
        roughness(&playing)
    );
    let link = world.invite(ada);
    world.join(bob, &link);
    world.run(3 * SECOND);
    assert!(is_present(&world, ada, "Bob"), "{:?} {:?}", world.sources(ada), world.state(bob));
    assert_eq!(slot_of(&world, ada, "Bob"), Some(slot));
    mute_all_but(world.controls(ada), slot);
    world.run(SECOND / 10);
    assert!(level(&listen(&mut world, ada, SECOND)) > 0.05);
}

#[test]
fn who_loses_the_network_is_back_by_themselves() {
    let (mut world, ada, bob, cleo) = trio(13);
    let slot = slot_of(&world, cleo, "Bob").unwrap();
    let address = world.address(bob);
    world.network.cut(address, true);
    world.run(4 * SECOND);
    assert!(!is_present(&world, ada, "Bob") && !is_present(&world, cleo, "Bob"));
    assert_eq!(world.state(bob), Some(SessionState::Reconnecting));
    world.network.cut(address, false);
    world.run(4 * SECOND);
    assert_eq!(world.state(bob), Some(SessionState::Joined));
    for listener in [ada, cleo] {
        assert!(is_present(&world, listener, "Bob"), "{:?}", world.sources(listener));
    }
    assert_eq!(slot_of(&world, cleo, "Bob"), Some(slot));
    mute_all_but(world.controls(cleo), slot);
    world.run(SECOND / 10);
    assert!(level(&listen(&mut world, cleo, SECOND)) > 0.05);
}

#[test]
fn a_short_gap_of_the_network_ends_nothing() {
    let (mut world, ada, bob, _) = trio(14);
    let address = world.address(bob);
    world.network.cut(address, true);
    world.run(SECOND * 3 / 2);
    world.network.cut(address, false);
    world.run(2 * SECOND);
    assert!(is_present(&world, ada, "Bob"));
    assert_eq!(world.state(bob), Some(SessionState::Joined));
}

#[test]
fn a_router_that_gives_another_address_interrupts_for_less_than_two_seconds() {
    let (mut world, ada, bob, cleo) = trio(15);
    let slot = slot_of(&world, ada, "Bob").unwrap();
    mute_all_but(world.controls(ada), slot);
    let slot = slot_of(&world, cleo, "Bob").unwrap();
    mute_all_but(world.controls(cleo), slot);
    world.rebind(bob);
    world.run(2 * SECOND);
    for listener in [ada, cleo] {
        let heard = listen(&mut world, listener, SECOND / 2);
        assert!(level(&heard) > 0.05, "{listener:?}: {:?}", world.sources(listener));
    }
}

#[test]
fn when_the_host_crashes_the_others_still_hear_each_other() {
    let (mut world, ada, bob, cleo) = trio(16);
    world.crash(ada);
    world.run(5 * SECOND);
    assert_eq!(world.state(bob), Some(SessionState::Reconnecting));
    assert!(is_present(&world, cleo, "Bob") && !is_present(&world, cleo, "Ada"), "{:?}", world.sources(cleo));
    assert!(level(&listen(&mut world, cleo, SECOND)) > 0.05, "{:?}", world.sources(cleo));
}

#[test]
fn when_the_host_ends_the_session_everybody_is_told() {
    let (mut world, ada, bob, _) = trio(17);
    world.leave(ada);
    world.run(SECOND);
    let Some(SessionState::Failed(error)) = world.state(bob) else { panic!("{:?}", world.state(bob)) };
    assert!(error.to_string().contains("ended"), "{error}");
}

#[test]
fn a_daw_that_stops_and_goes_on_plays_nothing_old() {
    let (mut world, ada, bob, _) = trio(18);
    let slot = slot_of(&world, ada, "Bob").unwrap();
    mute_all_but(world.controls(ada), slot);
    world.set_running(ada, false);
    world.run(2 * SECOND);
    world.set_running(ada, true);
    let heard = listen(&mut world, ada, 2 * SECOND);
    assert!(level(&heard[48_000..]) > 0.05, "{:?}", world.sources(ada));
    let after = world.sources(ada).into_iter().find(|source| source.participant_name == "Bob").unwrap();
    assert!(after.latency.unwrap() < Duration::from_millis(40), "{after:?}");
    let _ = bob;
}
