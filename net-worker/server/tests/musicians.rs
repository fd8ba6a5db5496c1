//! Real clients in a session of a real server process.
#![allow(clippy::unwrap_used, reason = "in a test that is the way to fail")]

mod process;

use std::time::Duration;

use backline_client::{
    Command, Connection, Fader, GainValue, Grantee, Route, Scope, Setting, Snapshot, SourceId,
};
use backline_loopback::Rig;
use process::{Server, free_port, log};

const SECOND: Duration = Duration::from_secs(1);

fn level(samples: &[f32]) -> f32 {
    (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32).sqrt()
}

fn hears(rig: &Rig) -> f32 {
    rig.wait(|snapshot| snapshot.sources.iter().any(|source| source.present && source.latency.is_some()))
        .unwrap();
    std::thread::sleep(SECOND / 2);
    level(&rig.heard(SECOND / 2))
}

#[test]
fn musicians_meet_on_a_server_and_find_it_again_after_it_stopped_and_after_it_crashed() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let server = Server::start(dir.path(), port);
    let (id, link) = server.session("Rehearsal");
    let (mut ada, mut bob) = (Rig::new(1), Rig::new(2));
    ada.play(440.0);
    bob.play(330.0);
    let you = ada.join(&link).unwrap().you.clone();
    bob.join(&link).unwrap();
    assert!((hears(&ada) - 0.177).abs() < 0.03 && (hears(&bob) - 0.177).abs() < 0.03);

    // Ada lets everybody move what she sends, and Bob does; the server remembers it.
    let source = SourceId { participant: you.participant.unwrap(), instance: you.instance };
    ada.client.send(Command::Permit {
        scope: Scope::Send(source),
        grantee: Grantee::Everyone,
        allowed: true,
    });
    bob.wait(|snapshot| snapshot.sources.iter().any(|source| source.send.may_move)).unwrap();
    let setting = Setting::Gain(GainValue::from_db(-12.0));
    bob.client.send(Command::MoveFader { fader: Fader::Send(source), setting });
    ada.wait(|snapshot| snapshot.send_fader.gain == GainValue::from_db(-12.0)).unwrap();
    let session = server.get(&format!("/sessions/{id}"));
    assert_eq!(session["participants"].as_array().unwrap().len(), 2, "{session}");

    assert!(server.stop().success());
    ada.wait(|snapshot| snapshot.connection == Connection::Reconnecting).unwrap();
    let server = Server::start(dir.path(), port);
    back(&ada, &bob);

    server.kill();
    ada.wait(|snapshot| snapshot.connection == Connection::Reconnecting).unwrap();
    let server = Server::start(dir.path(), port);
    back(&ada, &bob);
    assert!(!log(dir.path()).contains(&link), "no secret is written down");
    assert!(server.stop().success());
}

#[test]
fn musicians_hear_each_other_by_each_route_and_the_server_remembers_it() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let server = Server::start(dir.path(), port);
    let (id, link) = server.session("Concert");
    server.set_route(&id, "mix");
    let (mut ada, mut bob) = (Rig::new(3), Rig::new(4));
    ada.play(440.0);
    bob.play(330.0);
    ada.join(&link).unwrap();
    bob.join(&link).unwrap();
    let is_mixed = |snapshot: &Snapshot| snapshot.sources.iter().any(|source| source.route == Route::Mixed);
    ada.wait(is_mixed).unwrap();
    assert!((hears(&ada) - 0.177).abs() < 0.03 && (hears(&bob) - 0.177).abs() < 0.03);
    assert_eq!(server.get(&format!("/sessions/{id}"))["mix"]["listeners"], 2);

    server.set_route(&id, "forward");
    let is_forwarded =
        |snapshot: &Snapshot| snapshot.sources.iter().any(|source| source.route == Route::ThroughHost);
    ada.wait(is_forwarded).unwrap();
    assert!((hears(&ada) - 0.177).abs() < 0.03 && (hears(&bob) - 0.177).abs() < 0.03);

    server.set_route(&id, "mix");
    ada.wait(is_mixed).unwrap();
    server.kill();
    ada.wait(|snapshot| snapshot.connection == Connection::Reconnecting).unwrap();
    let server = Server::start(dir.path(), port);
    ada.wait(|snapshot| snapshot.connection == Connection::Joined && is_mixed(snapshot)).unwrap();
    bob.wait(|snapshot| snapshot.connection == Connection::Joined && is_mixed(snapshot)).unwrap();
    std::thread::sleep(SECOND);
    assert!((level(&ada.heard(SECOND / 2)) - 0.177).abs() < 0.03);
    assert!(server.stop().success());
}

/// Both are in again by themselves, hear each other, and the fader is where it was.
fn back(ada: &Rig, bob: &Rig) {
    for rig in [ada, bob] {
        rig.wait(|snapshot| snapshot.connection == Connection::Joined).unwrap();
    }
    let heard = bob.wait(|snapshot| snapshot.sources.iter().any(|source| source.present)).unwrap();
    assert_eq!(heard.sources[0].send.gain, GainValue::from_db(-12.0));
    assert!((hears(bob) - 0.0445).abs() < 0.01);
    assert!((hears(ada) - 0.177).abs() < 0.03);
}
