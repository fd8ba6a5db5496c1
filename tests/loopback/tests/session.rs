//! Two instances in one process, over real UDP on loopback.

use std::sync::Mutex;
use std::time::Duration;

use backline_client::{
    Bpm, Command, Connection, Fader, GainValue, Meter, Quality, Route, Setting, Snapshot, SourceId, Tempo,
};
use backline_loopback::cable::Cable;
use backline_loopback::{Rig, worker_threads};
use backline_wire::InviteLink;

/// Threads are counted, and time is real: one test at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn level(samples: &[f32]) -> f32 {
    (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32).sqrt()
}

#[test]
fn two_instances_hear_each_other_and_an_idle_one_has_no_thread() {
    let _guard = ONE_AT_A_TIME.lock().unwrap();
    let (mut ada, mut bob) = (Rig::new(1), Rig::new(2));
    ada.play(440.0);
    bob.play(330.0);
    assert_eq!(worker_threads(), 0, "nobody asked for a session yet");
    ada.client.send(Command::SetQuality(Quality::LowestLatency));
    bob.client.send(Command::SetQuality(Quality::LowestLatency));
    let link = ada.host().unwrap();
    bob.join(&link).unwrap();
    for rig in [&ada, &bob] {
        let snapshot =
            rig.wait(|s| s.sources.iter().any(|s| s.latency.is_some() && s.route == Route::Direct));
        let source = snapshot.unwrap().sources[0].clone();
        assert!(source.encrypted && source.present, "{source:?}");
        std::thread::sleep(Duration::from_millis(300));
        assert!((level(&rig.heard(Duration::from_millis(500))) - 0.177).abs() < 0.02);
        println!("{:?} underruns {:?}", rig.client.snapshot().sources[0], rig.client.meters().faults());
        println!("{:?}", rig.client.snapshot().worker);
    }
    assert_eq!(worker_threads(), 2);
    bob.client.send(Command::Leave);
    bob.wait(|snapshot| snapshot.connection == Connection::Idle).unwrap();
    ada.wait(|snapshot| snapshot.participants == 1 && !snapshot.sources[0].present).unwrap();
    ada.client.send(Command::Leave);
    let idle = ada.wait(|snapshot| snapshot.connection == Connection::Idle).unwrap();
    assert!(idle.slots[0].is_some(), "the slot stays bound for the next session");
    // The thread says that it ends just before it does.
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(worker_threads(), 0);
}

#[test]
fn a_bad_link_is_explained_and_a_good_one_still_works_after_it() {
    let _guard = ONE_AT_A_TIME.lock().unwrap();
    let (mut ada, mut bob) = (Rig::new(3), Rig::new(4));
    ada.play(440.0);
    bob.play(0.0);
    bob.client.send(Command::Join { link: "hello".to_owned() });
    let failed = bob.wait(|snapshot| matches!(snapshot.connection, Connection::Failed { .. })).unwrap();
    println!("{:?}", failed.connection);
    let link = ada.host().unwrap();
    bob.join(&link).unwrap();
    bob.wait(|snapshot| snapshot.sources.len() == 1).unwrap();
}

#[test]
fn an_instance_that_is_dropped_in_a_session_says_goodbye() {
    let _guard = ONE_AT_A_TIME.lock().unwrap();
    let (mut ada, mut bob) = (Rig::new(5), Rig::new(6));
    ada.play(440.0);
    bob.play(330.0);
    let link = ada.host().unwrap();
    bob.join(&link).unwrap();
    ada.wait(|snapshot| snapshot.participants == 2).unwrap();
    drop(bob);
    ada.wait(|snapshot| snapshot.participants == 1).unwrap();
}

#[test]
fn host_and_leave_in_quick_succession_end_in_the_last_wish() {
    let _guard = ONE_AT_A_TIME.lock().unwrap();
    let mut ada = Rig::new(7);
    ada.play(440.0);
    for _ in 0..20 {
        ada.client.send(Command::Host);
        ada.client.send(Command::Leave);
    }
    ada.client.send(Command::Host);
    ada.wait(|snapshot| snapshot.connection == Connection::Hosting).unwrap();
    ada.client.send(Command::Leave);
    ada.wait(|snapshot| snapshot.connection == Connection::Idle).unwrap();
}

#[test]
fn a_host_that_activates_again_goes_on_in_the_same_session() {
    let _guard = ONE_AT_A_TIME.lock().unwrap();
    let (mut ada, mut bob) = (Rig::new(8), Rig::new(9));
    ada.play(440.0);
    bob.play(0.0);
    let link = ada.host().unwrap();
    bob.join(&link).unwrap();
    for _ in 0..3 {
        bob.stop();
        bob.play(0.0);
    }
    bob.wait(|snapshot| snapshot.sources.iter().any(|source| source.route == Route::Direct)).unwrap();
    std::thread::sleep(Duration::from_millis(1_000));
    assert!((level(&bob.heard(Duration::from_millis(500))) - 0.177).abs() < 0.02);
}

#[test]
fn what_was_changed_without_a_network_is_done_after_the_daw_was_closed_and_opened() {
    let _guard = ONE_AT_A_TIME.lock().unwrap();
    let (mut ada, mut bob) = (Rig::new(1), Rig::new(2));
    ada.play(440.0);
    bob.play(330.0);
    let link = ada.host().unwrap();
    let port = ada.client.snapshot().local_port.unwrap();
    let cable = Cable::new(([127, 0, 0, 1], port).into()).unwrap();
    let link = InviteLink::parse(&link).unwrap();
    let link = InviteLink::new(&[cable.address()], *link.secret(), *link.fingerprint()).unwrap().to_text();
    bob.join(&link).unwrap();
    ada.wait(|snapshot| snapshot.sources.iter().any(|source| source.present)).unwrap();
    let you = bob.wait(|snapshot| snapshot.you.participant.is_some()).unwrap().you.clone();
    let source = SourceId { participant: you.participant.unwrap(), instance: you.instance };
    let fader = Fader::Send(source);
    // Nothing can be changed before the document is there, a few datagrams after the welcome.
    while ada.client.snapshot().sources[0].send.gain != GainValue::from_db(-3.0) {
        let setting = Setting::Gain(GainValue::from_db(-3.0));
        bob.client.send(Command::MoveFader { fader, setting });
        std::thread::sleep(Duration::from_millis(20));
    }
    bob.wait(|snapshot| snapshot.waiting.changes == 0).unwrap();

    cable.plug(false);
    bob.wait(|snapshot| snapshot.connection == Connection::Reconnecting).unwrap();
    let setting = Setting::Gain(GainValue::from_db(-12.0));
    bob.client.send(Command::MoveFader { fader, setting });
    let waiting = bob.wait(|snapshot| snapshot.waiting.changes == 1).unwrap();
    assert_eq!(waiting.send_fader.gain, GainValue::from_db(-12.0), "shown while it waits");
    std::thread::sleep(Duration::from_millis(200));
    bob.reopen();
    assert_eq!(ada.client.snapshot().sources[0].send.gain, GainValue::from_db(-3.0));

    cable.plug(true);
    bob.play(330.0);
    bob.join(&link).unwrap();
    let there = ada.wait(|snapshot| snapshot.sources[0].send.gain == GainValue::from_db(-12.0)).unwrap();
    let who = there.sources[0].send.moved_by.clone().unwrap();
    let latest = &there.log[0];
    assert_eq!(latest.text, format!("{who} set how loud everyone gets {who}'s track to -12.0 dB."));
    bob.wait(|snapshot| snapshot.waiting.changes == 0).unwrap();
}

#[test]
fn a_tempo_and_a_start_reach_everybody_and_nothing_is_started_without_a_session() {
    let _guard = ONE_AT_A_TIME.lock().unwrap();
    let (mut ada, mut bob) = (Rig::new(1), Rig::new(2));
    ada.play(440.0);
    bob.play(330.0);
    bob.client.send(Command::StartTransport { count_in_bars: 1 });
    let told = bob.wait(|snapshot| !snapshot.notices.is_empty()).unwrap();
    assert!(told.notices[0].text.starts_with("Nothing was started"), "{:?}", told.notices);
    let link = ada.host().unwrap();
    bob.join(&link).unwrap();
    bob.wait(|snapshot| snapshot.sources.iter().any(|source| source.latency.is_some())).unwrap();
    let tempo = Tempo { bpm: Bpm::new(92.0).unwrap(), meter: Meter::new(3, 4).unwrap() };
    ada.client.send(Command::SetTempo(tempo));
    let there = bob.wait(|snapshot| snapshot.tempo.tempo == tempo).unwrap();
    let of_tempo = there.log.iter().find(|line| line.text.contains("the tempo")).unwrap();
    assert!(of_tempo.text.ends_with("set the tempo to 92 bpm, 3/4."), "{of_tempo:?}");
    bob.client.send(Command::StartTransport { count_in_bars: 1 });
    for rig in [&ada, &bob] {
        let rolls =
            |snapshot: &Snapshot| snapshot.tempo.transport.is_some_and(|transport| transport.is_rolling);
        let view = rig.wait(rolls).unwrap().tempo.clone();
        assert_eq!(view.transport.map(|transport| transport.position_quarters), Some(-3.0));
    }
    let heard_later = ada.wait(|snapshot| snapshot.tempo.path.is_some()).unwrap().tempo.path;
    assert!(heard_later.is_some_and(|path| path > Duration::ZERO), "Ada is with what she hears of Bob");
    let has_past = |snapshot: &Snapshot| snapshot.histories.values().any(|history| history.points.len() > 1);
    ada.wait(has_past).unwrap();
    ada.client.send(Command::StopTransport);
    bob.wait(|snapshot| snapshot.tempo.transport.is_some_and(|transport| !transport.is_rolling)).unwrap();
}
