//! Several instances of one participant in one process: one worker, one connection, a source each, nothing heard twice.

use std::f32::consts::TAU;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use backline_client::{Command, Connection, Quality, ReturnChoice};
use backline_loopback::{Rig, worker_threads};

/// Threads are counted, and time is real: one test at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

const LISTEN: Duration = Duration::from_millis(500);
const SETTLE: Duration = Duration::from_millis(700);

/// The amplitude of a tone.
fn tone(samples: &[f32], frequency_hz: f32) -> f32 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let phase = TAU * frequency_hz * n as f32 / 48_000.0;
        re += sample * phase.cos();
        im += sample * phase.sin();
    }
    2.0 * f32::hypot(re, im) / samples.len().max(1) as f32
}

fn assert_tones(rig: &Rig, expected: &[(f32, bool)]) {
    let heard = rig.heard(LISTEN);
    for (frequency_hz, is_heard) in expected {
        // Tenths of a second: a playout that is still getting to its depth shifts the pitch by up to 1000 ppm.
        let tenths: Vec<f32> = heard.chunks_exact(4_800).map(|tenth| tone(tenth, *frequency_hz)).collect();
        let amplitude = tenths.iter().sum::<f32>() / tenths.len() as f32;
        let wanted = if *is_heard { 0.18..0.32 } else { 0.0..0.06 };
        assert!(wanted.contains(&amplitude), "{frequency_hz} Hz at {amplitude}; {:?}", rig.client.snapshot());
    }
}

fn low_latency(rigs: [&Rig; 3]) {
    rigs.iter().for_each(|rig| rig.client.send(Command::SetQuality(Quality::LowestLatency)));
}

#[test]
fn two_tracks_share_a_worker_and_the_session_outlives_the_one_that_hosted_it() {
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut drums = Rig::new(21);
    let mut bass = drums.beside(22);
    let mut bob = Rig::new(23);
    low_latency([&drums, &bass, &bob]);
    drums.play(400.0);
    bass.play(600.0);
    bob.play(900.0);
    assert!(bass.client.snapshot().here.is_none());
    let link = drums.host().unwrap();
    let here = bass.wait(|snapshot| snapshot.here.is_some()).unwrap().here.clone().unwrap();
    assert_eq!(here.link, link);
    assert!(bob.client.snapshot().here.is_none(), "another participant");
    bass.client.send(Command::Join { link: here.link });
    bass.wait(|snapshot| snapshot.connection == Connection::Hosting).unwrap();
    assert_eq!(worker_threads(), 1);
    bob.join(&link).unwrap();
    bob.wait(|snapshot| snapshot.sources.iter().filter(|source| source.present).count() == 2).unwrap();
    assert_eq!(bob.client.snapshot().participants, 2, "two tracks are one participant");
    std::thread::sleep(SETTLE);
    assert_tones(&bob, &[(400.0, true), (600.0, true)]);
    assert_tones(&drums, &[(900.0, true), (600.0, false)]);
    assert_tones(&bass, &[(900.0, false), (400.0, false)]);
    let snapshot = bass.client.snapshot();
    let mix: Vec<u64> =
        snapshot.instances.iter().filter(|one| one.returns_mix).map(|one| one.instance.0).collect();
    assert_eq!(mix, [21]);

    drums.client.send(Command::Leave);
    drums.wait(|snapshot| snapshot.connection == Connection::Idle).unwrap();
    bob.wait(|snapshot| snapshot.sources.iter().filter(|source| source.present).count() == 1).unwrap();
    std::thread::sleep(SETTLE);
    assert_tones(&bob, &[(400.0, false), (600.0, true)]);
    assert_tones(&bass, &[(900.0, true)]);
    assert_tones(&drums, &[(900.0, false)]);
    assert!(drums.client.snapshot().here.is_some(), "it may come back");

    bass.client.send(Command::Leave);
    drop(bass);
    bob.wait(|snapshot| matches!(snapshot.connection, Connection::Failed { .. })).unwrap();
    assert!(drums.client.snapshot().here.is_none());
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(worker_threads(), 0);
}

#[test]
fn a_track_for_one_musician_and_a_bypassed_project() {
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut ada = Rig::new(31);
    let mut bob = Rig::new(32);
    let mut track = bob.beside(33);
    low_latency([&ada, &bob, &track]);
    ada.play(400.0);
    bob.play(600.0);
    track.play(0.0);
    let link = ada.host().unwrap();
    bob.join(&link).unwrap();
    track.join(&link).unwrap();
    assert_eq!(worker_threads(), 2);
    let source = bob.wait(|snapshot| snapshot.sources.len() == 1).unwrap().sources[0].source;
    track.client.send(Command::SetReturns(ReturnChoice::Sources(vec![source])));
    track.client.send(Command::SetSends(false));
    track.wait(|snapshot| snapshot.slots[0].as_ref().is_some_and(|slot| slot.present)).unwrap();
    ada.wait(|snapshot| snapshot.sources.iter().filter(|source| source.present).count() == 1).unwrap();
    std::thread::sleep(SETTLE);
    assert_tones(&track, &[(400.0, true)]);
    assert_tones(&bob, &[(400.0, false)]);
    // The host of that track stops; the musician stays where they were put.
    track.stop();
    std::thread::sleep(SETTLE);
    assert_tones(&bob, &[(400.0, false)]);
    drop(track);
    std::thread::sleep(SETTLE);
    assert_tones(&bob, &[(400.0, true)]);
}

#[test]
fn tracks_that_come_and_go_in_a_hurry_end_where_the_last_wish_was() {
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut first = Rig::new(41);
    let second = first.beside(42);
    first.play(400.0);
    let link = first.host().unwrap();
    for _ in 0..20 {
        second.client.send(Command::Join { link: link.clone() });
        second.client.send(Command::Leave);
    }
    second.client.send(Command::Join { link: link.clone() });
    second.wait(|snapshot| snapshot.connection == Connection::Hosting).unwrap();
    assert_eq!(worker_threads(), 1);
    for number in 43..48 {
        let other = first.beside(number);
        other.client.send(Command::Join { link: link.clone() });
        drop(other);
    }
    first.wait(|snapshot| snapshot.instances.len() == 2).unwrap();
    drop(first);
    second.wait(|snapshot| snapshot.instances.len() == 1).unwrap();
    second.client.send(Command::Host);
    second.wait(|snapshot| snapshot.invite.as_ref().is_some_and(|invite| *invite != link)).unwrap();
    drop(second);
    assert_eq!(worker_threads(), 0, "who drops the last one waits for the end");
}
