//! Joining without a link from the same local network: who gets in by what is announced, and who does not.
#![allow(clippy::unwrap_used, reason = "a test with helpers")]

use std::time::Duration;

use backline_client::engine::EngineEvent;
use backline_relay::RelayEvent;
use backline_session::{JoinError, SessionState};
use backline_sim::signal::silence;
use backline_sim::{Id, Musician, World};
use backline_wire::{Announcement, InviteLink, Name};

/// Ada hosts, Bob is there; and what Bob's Backline makes of Ada's announcement.
fn duo(seed: u64, is_open: bool) -> (World, Id, Id, InviteLink) {
    let mut world = World::new(seed);
    let ada = world.add(Musician::new("Ada", silence()));
    let bob = world.add(Musician::new("Bob", silence()));
    world.host(ada);
    let address = world.address(ada);
    let engine = world.engine(ada).unwrap();
    engine.set_open_to_lan(is_open);
    let announcement = Announcement::new(Name::new("Ada"), 1, engine.hosted_fingerprint().unwrap());
    (world, ada, bob, announcement.link(&[address]).unwrap())
}

fn refusal(world: &World, who: Id) -> Option<JoinError> {
    match world.state(who) {
        Some(SessionState::Failed(error)) => Some(error),
        _ => None,
    }
}

#[test]
fn somebody_in_the_local_network_gets_in_and_the_host_is_told() {
    let (mut world, ada, bob, found) = duo(50, true);
    world.join(bob, &found);
    world.run(Duration::from_secs(2));
    assert_eq!(world.state(bob), Some(SessionState::Joined));
    let told = EngineEvent::Relay(RelayEvent::CameLocally(Name::new("Bob")));
    assert!(world.events(ada).contains(&told), "{:?}", world.events(ada));
    assert!(world.sources(bob).iter().any(|source| source.present), "{:?}", world.sources(bob));
}

#[test]
fn where_the_host_does_not_want_that_they_are_strangers() {
    let (mut world, ada, bob, found) = duo(51, false);
    world.join(bob, &found);
    world.run(Duration::from_secs(20));
    assert_eq!(refusal(&world, bob), Some(JoinError::UnknownSession));
    assert!(
        world.events(ada).iter().any(|event| matches!(event, EngineEvent::Relay(RelayEvent::Stranger(_))))
    );
}

#[test]
fn from_the_internet_the_announcement_is_worth_nothing() {
    let (mut world, ada, bob, found) = duo(52, true);
    world.put_behind_router(bob);
    world.join(bob, &found);
    world.run(Duration::from_secs(20));
    assert_eq!(refusal(&world, bob), Some(JoinError::UnknownSession));
    let invite = world.invite(ada);
    world.join(bob, &invite);
    world.run(Duration::from_secs(2));
    assert_eq!(world.state(bob), Some(SessionState::Joined), "the link still is");
}

#[test]
fn who_is_in_stays_when_the_door_closes_and_nobody_else_comes() {
    let (mut world, ada, bob, found) = duo(53, true);
    world.join(bob, &found);
    world.run(Duration::from_secs(2));
    world.engine(ada).unwrap().set_open_to_lan(false);
    let cleo = world.add(Musician::new("Cleo", silence()));
    world.join(cleo, &found);
    world.run(Duration::from_secs(20));
    assert_eq!(world.state(bob), Some(SessionState::Joined));
    assert_eq!(refusal(&world, cleo), Some(JoinError::UnknownSession));
    let invite = world.invite(ada);
    world.join(cleo, &invite);
    world.run(Duration::from_secs(2));
    assert_eq!(world.state(cleo), Some(SessionState::Joined), "with the link they do");
}

#[test]
fn the_sessions_secret_is_not_what_is_announced() {
    let (world, ada, _, found) = duo(54, true);
    let invite = world.invite(ada);
    assert_eq!(invite.fingerprint(), found.fingerprint());
    assert!(invite.secret() != found.secret());
    let (real, derived) = (invite.secret().ice_credentials_host(), found.secret().ice_credentials_host());
    assert!(real.ufrag != derived.ufrag && real.password != derived.password);
}
