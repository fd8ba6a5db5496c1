//! Wrong and old links: both sides are told, in words.

use std::time::Duration;

use backline_client::engine::EngineEvent;
use backline_session::{JoinError, SessionState};
use backline_sim::signal::silence;
use backline_sim::{Id, Musician, World};
use backline_wire::{Fingerprint, InviteLink, SessionSecret};

fn duo(seed: u64) -> (World, Id, Id) {
    let mut world = World::new(seed);
    let ada = world.add(Musician::new("Ada", silence()));
    let bob = world.add(Musician::new("Bob", silence()));
    world.host(ada);
    (world, ada, bob)
}

fn outcome(world: &mut World, who: Id) -> Option<JoinError> {
    world.run(Duration::from_secs(20));
    match world.state(who) {
        Some(SessionState::Failed(error)) => Some(error),
        _ => None,
    }
}

#[test]
fn a_link_of_an_older_session_is_refused_on_both_sides() {
    let (mut world, ada, bob) = duo(30);
    let old = world.invite(ada);
    world.leave(ada);
    world.host(ada);
    world.join(bob, &old);
    assert_eq!(outcome(&mut world, bob), Some(JoinError::UnknownSession));
    let is_told = world.events(ada).iter().any(|event| matches!(event, EngineEvent::Relay(_)));
    assert!(is_told, "{:?}", world.events(ada));
}

#[test]
fn a_link_with_another_secret_is_refused_on_both_sides() {
    let (mut world, ada, bob) = duo(31);
    let link = world.invite(ada);
    let wrong = InviteLink::new(link.addresses(), SessionSecret([9; 16]), *link.fingerprint()).unwrap();
    world.join(bob, &wrong);
    assert_eq!(outcome(&mut world, bob), Some(JoinError::UnknownSession));
    assert!(!world.events(ada).is_empty());
}

#[test]
fn a_host_with_another_certificate_is_not_trusted() {
    let (mut world, ada, bob) = duo(32);
    let link = world.invite(ada);
    let wrong = InviteLink::new(link.addresses(), *link.secret(), Fingerprint([9; 32])).unwrap();
    world.join(bob, &wrong);
    assert_eq!(outcome(&mut world, bob), Some(JoinError::WrongHost));
}

#[test]
fn a_host_that_is_not_there_is_named_with_its_address() {
    let (mut world, ada, bob) = duo(33);
    let link = world.invite(ada);
    world.crash(ada);
    world.join(bob, &link);
    let error = outcome(&mut world, bob).unwrap().to_string();
    assert!(error.contains("10.0.0.1:4464") && error.contains("4464"), "{error}");
}

#[test]
fn a_host_that_comes_back_with_another_session_ends_the_waiting() {
    let (mut world, ada, bob) = duo(34);
    let link = world.invite(ada);
    world.join(bob, &link);
    world.run(Duration::from_secs(2));
    world.crash(ada);
    world.run(Duration::from_secs(5));
    assert_eq!(world.state(bob), Some(SessionState::Reconnecting));
    world.host(ada);
    assert_eq!(outcome(&mut world, bob), Some(JoinError::UnknownSession));
}
