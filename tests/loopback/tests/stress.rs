//! Whatever is asked of eight instances of one process, in any order and from several threads, while somebody else comes and goes:
//! nothing hangs, and afterwards they play together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use backline_client::{
    Client, Command, Connection, Fader, GainValue, Grantee, Quality, ReturnChoice, Scope, Setting, SourceId,
};
use backline_loopback::Rig;

const INSTANCES: u64 = 8;
const THREADS: u64 = 3;
/// Operations in all, unless `BACKLINE_STRESS_OPERATIONS` says otherwise.
const OPERATIONS: u64 = 900;
/// One operation takes no longer than this, or it hangs: a worker that ends says goodbye first.
const HANGS_AFTER: Duration = Duration::from_secs(20);
const SEED: u64 = 77;

/// A pseudo-random number below `limit`.
fn chance(state: &mut u64, limit: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % limit
}

/// One thing that a person, an editor or a host may do.
fn operate(client: &Client, link: &str, state: &mut u64) {
    let snapshot = client.snapshot();
    match chance(state, 14) {
        0 | 1 => client.send(Command::Leave),
        2..=4 => client.send(Command::Join { link: link.to_owned() }),
        5 => client.send(Command::SetSends(chance(state, 2) == 0)),
        6 => {
            let choices = [ReturnChoice::Automatic, ReturnChoice::Mix, ReturnChoice::Nothing];
            client.send(Command::SetReturns(choices[chance(state, 3) as usize].clone()));
        }
        7 => {
            let qualities = [Quality::LowestLatency, Quality::Balanced, Quality::Careful, Quality::Lossless];
            client.send(Command::SetQuality(qualities[chance(state, 4) as usize]));
        }
        8 => client.send(Command::SetName(format!("Name {}", chance(state, 100)))),
        9 => {
            if let Some(participant) = snapshot.you.participant {
                let source = SourceId { participant, instance: snapshot.you.instance };
                let scopes = [Scope::Send(source), Scope::Monitor(participant)];
                let (scope, allowed) = (scopes[chance(state, 2) as usize], chance(state, 2) == 0);
                client.send(Command::Permit { scope, grantee: Grantee::Everyone, allowed });
            }
        }
        10..=12 => {
            if let Some(view) = snapshot.sources.first() {
                let setting = Setting::Gain(GainValue::from_db(-(chance(state, 60) as f32)));
                client.send(Command::MoveFader { fader: Fader::Send(view.source), setting });
            }
        }
        _ => client.send(if chance(state, 2) == 0 { Command::SyncNow } else { Command::DiscardWaiting }),
    }
}

#[test]
fn random_operations_on_eight_instances_never_hang() {
    let named = std::env::var("BACKLINE_STRESS_OPERATIONS").ok().and_then(|text| text.parse().ok());
    let operations: u64 = named.unwrap_or(OPERATIONS);
    let mut host = Rig::new(100);
    host.play(900.0);
    let link = host.host().unwrap();
    let mut rigs = vec![Rig::new(101)];
    (1..INSTANCES).for_each(|number| rigs.push(rigs[0].beside(101 + number)));
    rigs.iter_mut().enumerate().for_each(|(index, rig)| rig.play(300.0 + 50.0 * index as f32));
    let done = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (rigs, link, done) = (&rigs, &link, &done);
            scope.spawn(move || {
                let mut state = SEED + thread;
                while done.fetch_add(1, Ordering::Relaxed) < operations {
                    let rig = &rigs[chance(&mut state, INSTANCES) as usize];
                    let started = Instant::now();
                    operate(&rig.client, link, &mut state);
                    assert!(started.elapsed() < HANGS_AFTER, "an operation took {:?}", started.elapsed());
                    std::thread::sleep(Duration::from_micros(chance(&mut state, 8_000)));
                }
            });
        }
    });
    for rig in &rigs {
        rig.client.send(Command::SetSends(true));
        rig.client.send(Command::Join { link: link.clone() });
    }
    for rig in &rigs {
        rig.wait(|snapshot| snapshot.connection == Connection::Joined).expect("it answers and is in");
    }
    let all = |snapshot: &backline_client::Snapshot| {
        snapshot.sources.iter().filter(|source| source.present).count() == INSTANCES as usize
    };
    host.wait(all).expect("the host hears of all of them");
    rigs[3].stop();
    rigs.drain(4..);
    let fewer = |snapshot: &backline_client::Snapshot| {
        snapshot.sources.iter().filter(|source| source.present).count() <= 4
    };
    host.wait(fewer).expect("those who are gone are gone");
}
