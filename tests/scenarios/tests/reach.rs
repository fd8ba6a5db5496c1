//! Musicians behind routers reach each other: at the address that a STUN server tells, or through a TURN server.

use std::net::SocketAddr;
use std::time::Duration;

use backline_client::Route;
use backline_client::engine::EngineEvent;
use backline_session::SessionState;
use backline_sim::judge::level;
use backline_sim::signal::{silence, sine};
use backline_sim::turn_server::{PASSWORD, USER};
use backline_sim::{Id, Musician, World};
use backline_transport::{ReachConfig, ReachError, ReachEvent, TurnServer};

const SECOND: Duration = Duration::from_secs(1);

fn turn(address: SocketAddr, password: &str) -> ReachConfig {
    let turn = TurnServer { address, user: USER.to_owned(), password: password.to_owned() };
    ReachConfig { stun: None, turn: Some(turn) }
}

fn stun(address: SocketAddr) -> ReachConfig {
    ReachConfig { stun: Some(address), turn: None }
}

/// Ada and Bob at work, with a TURN server in the world.
fn duo(seed: u64) -> (World, Id, Id, SocketAddr) {
    let mut world = World::new(seed);
    let ada = world.add(Musician::new("Ada", sine(330.0, 48_000.0, 0.1)));
    let bob = world.add(Musician::new("Bob", sine(440.0, 48_000.0, 0.1)));
    let server = world.add_turn_server();
    (world, ada, bob, server)
}

/// What `listener` hears while `time` passes.
fn listen(world: &mut World, listener: Id, time: Duration) -> f64 {
    let from = world.heard(listener).len();
    world.run(time);
    level(&world.heard(listener)[from..])
}

fn route(world: &World, listener: Id, name: &str) -> Option<Route> {
    let source = world.sources(listener).into_iter().find(|source| source.participant_name == name)?;
    Some(source.route)
}

/// Both hear each other through the server alone.
fn meet_through_the_server(world: &mut World, ada: Id, bob: Id, server: SocketAddr) {
    let (one, other) = (world.address(ada), world.address(bob));
    world.network.block(one, other);
    world.host(ada);
    world.set_servers(ada, turn(server, PASSWORD));
    world.run(SECOND);
    let link = world.invite(ada);
    world.join(bob, &link);
    world.set_servers(bob, turn(server, PASSWORD));
    world.run(3 * SECOND);
    assert_eq!(world.state(bob), Some(SessionState::Joined));
}

#[test]
fn two_who_reach_only_the_turn_server_hear_each_other_through_it() {
    let (mut world, ada, bob, server) = duo(70);
    world.put_behind_router(ada);
    world.put_behind_router(bob);
    meet_through_the_server(&mut world, ada, bob, server);
    let before = world.sent_by_turn_server();
    assert!(listen(&mut world, ada, SECOND) > 0.05, "{:?}", world.sources(ada));
    assert!(listen(&mut world, bob, SECOND) > 0.05, "{:?}", world.sources(bob));
    assert!(world.sent_by_turn_server() - before > 2_000, "media went by the server");
    let routes = [route(&world, ada, "Bob"), route(&world, bob, "Ada")];
    assert!(routes.contains(&Some(Route::ThroughTurn)), "whose server it is shows it: {routes:?}");
}

#[test]
fn what_the_server_must_refresh_still_stands_after_half_an_hour() {
    let (mut world, ada, bob, server) = duo(71);
    meet_through_the_server(&mut world, ada, bob, server);
    // Nothing is played meanwhile: a permission lasts 5 minutes, a channel 10, an allocation 30.
    for who in [ada, bob] {
        world.set_running(who, false);
    }
    world.run(Duration::from_secs(35 * 60));
    assert_eq!(world.state(bob), Some(SessionState::Joined));
    for who in [ada, bob] {
        world.set_running(who, true);
    }
    world.run(SECOND);
    assert!(listen(&mut world, ada, SECOND) > 0.05 && listen(&mut world, bob, SECOND) > 0.05);
}

#[test]
fn a_direct_way_is_taken_although_a_turn_server_is_there() {
    let (mut world, ada, bob, server) = duo(72);
    world.host(ada);
    world.set_servers(ada, turn(server, PASSWORD));
    world.run(SECOND);
    let link = world.invite(ada);
    world.join(bob, &link);
    world.set_servers(bob, turn(server, PASSWORD));
    world.run(3 * SECOND);
    let before = world.sent_by_turn_server();
    assert!(listen(&mut world, ada, SECOND) > 0.05 && listen(&mut world, bob, SECOND) > 0.05);
    assert!(world.sent_by_turn_server() - before < 100, "{}", world.sent_by_turn_server() - before);
}

#[test]
fn a_way_that_breaks_is_replaced_by_the_server() {
    let (mut world, ada, bob, server) = duo(73);
    world.host(ada);
    world.set_servers(ada, turn(server, PASSWORD));
    world.run(SECOND);
    let link = world.invite(ada);
    world.join(bob, &link);
    world.set_servers(bob, turn(server, PASSWORD));
    world.run(3 * SECOND);
    let (one, other) = (world.address(ada), world.address(bob));
    world.network.block(one, other);
    world.run(2 * SECOND);
    assert!(listen(&mut world, ada, SECOND) > 0.05, "{:?}", world.sources(ada));
    assert!(listen(&mut world, bob, SECOND) > 0.05, "{:?}", world.sources(bob));
}

#[test]
fn a_host_behind_a_router_is_reached_at_the_address_that_a_stun_server_tells() {
    let (mut world, ada, bob, server) = duo(74);
    world.put_behind_router(ada);
    world.host(ada);
    let (local, public) = (world.invite(ada), world.address(ada));
    assert!(!local.addresses().contains(&public));
    world.set_servers(ada, stun(server));
    world.run(SECOND);
    let link = world.invite(ada);
    assert!(link.addresses().contains(&public), "{:?}", link.addresses());
    world.join(bob, &link);
    world.run(3 * SECOND);
    assert!(listen(&mut world, ada, SECOND) > 0.05 && listen(&mut world, bob, SECOND) > 0.05);
    assert!(world.sent_by_turn_server() < 10, "media does not go by a STUN server");
}

#[test]
fn joiners_that_only_the_server_connects_hear_each_other_directly_through_it() {
    let (mut world, ada, bob, server) = duo(75);
    let cleo = world.add(Musician::new("Cleo", silence()));
    world.host(ada);
    let link = world.invite(ada);
    let (one, other) = (world.address(bob), world.address(cleo));
    world.network.block(one, other);
    for who in [bob, cleo] {
        world.join(who, &link);
        world.set_servers(who, turn(server, PASSWORD));
    }
    world.run(4 * SECOND);
    let routes = [route(&world, cleo, "Bob"), route(&world, bob, "Cleo")];
    assert_eq!(routes, [Some(Route::ThroughTurn); 2], "both see it, whosever server it is");
    assert!(listen(&mut world, cleo, SECOND) > 0.05);
    assert!(world.sent_by_turn_server() > 500);
}

#[test]
fn a_router_that_gives_another_address_interrupts_a_session_through_the_server_for_less_than_two_seconds() {
    for joiner_moves in [true, false] {
        let (mut world, ada, bob, server) = duo(78);
        world.put_behind_router(ada);
        world.put_behind_router(bob);
        meet_through_the_server(&mut world, ada, bob, server);
        world.run(SECOND);
        world.rebind(if joiner_moves { bob } else { ada });
        let (one, other) = (world.address(ada), world.address(bob));
        world.network.block(one, other);
        world.run(2 * SECOND);
        assert!(listen(&mut world, ada, SECOND / 2) > 0.05, "{joiner_moves} {:?}", world.sources(ada));
        assert!(listen(&mut world, bob, SECOND / 2) > 0.05, "{joiner_moves} {:?}", world.sources(bob));
    }
}

#[test]
fn a_turn_server_that_starts_again_gives_another_address() {
    let (mut world, ada, _, server) = duo(76);
    world.host(ada);
    world.set_servers(ada, turn(server, PASSWORD));
    world.run(SECOND);
    world.restart_turn_server();
    world.run(Duration::from_secs(40 * 60));
    let relayed =
        world.events(ada).iter().filter(|event| matches!(event, EngineEvent::Reach(ReachEvent::Relayed(_))));
    assert_eq!(relayed.count(), 2, "{:?}", world.events(ada));
}

#[test]
fn servers_that_do_not_help_are_named_once_and_change_nothing_else() {
    let (mut world, ada, bob, server) = duo(77);
    let nobody = SocketAddr::from(([198, 51, 100, 99], 3478));
    let cases = [
        (turn(server, "wrong"), ReachError::TurnUnauthorised(server)),
        (turn(nobody, PASSWORD), ReachError::TurnSilent(nobody)),
        (stun(nobody), ReachError::StunSilent(nobody)),
    ];
    world.host(ada);
    for (servers, error) in cases {
        world.set_servers(ada, servers);
        world.run(60 * SECOND);
        let told = EngineEvent::Reach(ReachEvent::Failed(error));
        assert_eq!(
            world.events(ada).iter().filter(|event| **event == told).count(),
            1,
            "{:?}",
            world.events(ada)
        );
    }
    let link = world.invite(ada);
    world.join(bob, &link);
    world.run(2 * SECOND);
    assert!(listen(&mut world, ada, SECOND) > 0.05);
}
