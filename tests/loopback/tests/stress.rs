//! Whatever is asked of eight instances of one process, in any order and from several threads, while somebody else comes and goes and
//! the network goes away: nothing hangs, and afterwards they play together. `cargo xtask sanitize` runs it under ThreadSanitizer.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use backline_client::{
    Client, Command, Connection, Fader, GainValue, Grantee, Quality, ReturnChoice, Scope, Setting, Snapshot,
    SourceId,
};
use backline_loopback::Rig;
use backline_loopback::cable::Cable;
use backline_wire::InviteLink;

const INSTANCES: u64 = 8;
const THREADS: u64 = 3;
/// Operations in all, unless `BACKLINE_STRESS_OPERATIONS` says otherwise.
const OPERATIONS: u64 = 900;
/// One operation takes no longer than this, or it hangs: a worker that ends says goodbye first.
const HANGS_AFTER: Duration = Duration::from_secs(20);
const SEED: u64 = 77;
/// The longest wait of somebody who comes and goes: twice as long as a host may be silent before it is called again.
const PAUSE_MS_MAX: u64 = 2_000;

/// A pseudo-random number below `limit`.
fn chance(state: &mut u64, limit: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % limit
}

/// One thing that a person, an editor or a host may do.
fn operate(client: &Client, link: &str, state: &mut u64) {
    let snapshot = client.snapshot();
    match chance(state, 16) {
        0 | 1 => client.send(Command::Leave),
        2..=4 => client.send(Command::Join { link: link.to_owned() }),
        5 => client.send(Command::SetSends(chance(state, 2) == 0)),
        6 | 7 => choose_returns(client, &snapshot, state),
        8 => {
            let qualities = [Quality::LowestLatency, Quality::Balanced, Quality::Careful, Quality::Lossless];
            client.send(Command::SetQuality(qualities[chance(state, 4) as usize]));
        }
        9 => client.send(Command::SetName(format!("Name {}", chance(state, 100)))),
        10 => {
            if let Some(own) = own_source(&snapshot) {
                let scopes = [Scope::Send(own), Scope::Monitor(own.participant)];
                let (scope, allowed) = (scopes[chance(state, 2) as usize], chance(state, 2) == 0);
                client.send(Command::Permit { scope, grantee: Grantee::Everyone, allowed });
            }
        }
        11..=13 => fade(client, &snapshot, state),
        14 => {
            let meters = client.meters();
            std::hint::black_box((meters.send(), meters.main(), meters.slot(0), meters.faults()));
        }
        _ => client.send(if chance(state, 2) == 0 { Command::SyncNow } else { Command::DiscardWaiting }),
    }
}

fn choose_returns(client: &Client, snapshot: &Snapshot, state: &mut u64) {
    let sources = snapshot.sources.iter().map(|view| view.source).collect();
    let choices =
        [ReturnChoice::Automatic, ReturnChoice::Mix, ReturnChoice::Sources(sources), ReturnChoice::Nothing];
    client.send(Command::SetReturns(choices[chance(state, 4) as usize].clone()));
}

/// Moves our own send, what we hear of somebody, or somebody's send, which they may refuse.
fn fade(client: &Client, snapshot: &Snapshot, state: &mut u64) {
    let (Some(own), Some(view)) = (own_source(snapshot), snapshot.sources.first()) else { return };
    let monitor = Fader::Monitor { listener: own.participant, source: view.source };
    let faders = [Fader::Send(own), monitor, Fader::Send(view.source)];
    let setting = Setting::Gain(GainValue::from_db(-(chance(state, 60) as f32)));
    client.send(Command::MoveFader { fader: faders[chance(state, 3) as usize], setting });
}

fn own_source(snapshot: &Snapshot) -> Option<SourceId> {
    let participant = snapshot.you.participant?;
    Some(SourceId { participant, instance: snapshot.you.instance })
}

/// Somebody else joins, is heard first through the host and then straight, and leaves or is gone; meanwhile the eight lose their host for
/// a while.
fn come_and_go(guest: &mut Rig, link: &str, cable: &Cable, state: &mut u64) {
    let pause = |state: &mut u64| std::thread::sleep(Duration::from_millis(chance(state, PAUSE_MS_MAX)));
    guest.play(700.0);
    guest.client.send(Command::Join { link: link.to_owned() });
    pause(state);
    cable.plug(false);
    pause(state);
    match chance(state, 2) {
        0 => guest.client.send(Command::Leave),
        _ => guest.reopen(),
    }
    guest.stop();
    cable.plug(true);
    pause(state);
}

fn present(snapshot: &Snapshot) -> u64 {
    snapshot.sources.iter().filter(|source| source.present).count() as u64
}

#[test]
fn random_operations_on_eight_instances_never_hang() {
    let named = std::env::var("BACKLINE_STRESS_OPERATIONS").ok().and_then(|text| text.parse().ok());
    let operations: u64 = named.unwrap_or(OPERATIONS);
    let mut host = Rig::new(100);
    host.play(900.0);
    let straight = host.host().unwrap();
    let port = host.client.snapshot().local_port.unwrap();
    let cable = Cable::new((Ipv4Addr::LOCALHOST, port).into()).unwrap();
    let session = InviteLink::parse(&straight).unwrap();
    let link =
        InviteLink::new(&[cable.address()], *session.secret(), *session.fingerprint()).unwrap().to_text();
    let mut guest = Rig::new(110);
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
        let mut state = SEED + THREADS;
        while done.load(Ordering::Relaxed) < operations {
            come_and_go(&mut guest, &straight, &cable, &mut state);
        }
    });
    drop(guest);
    for rig in &rigs {
        rig.client.send(Command::SetSends(true));
        rig.client.send(Command::Join { link: link.clone() });
    }
    assert!(all_are_in(&host, &rigs), "each answers and is in, and the host hears of all of them");
    cable.plug(false);
    for rig in &rigs {
        rig.wait(|snapshot| snapshot.connection == Connection::Reconnecting).expect("it misses the host");
        fade(&rig.client, &rig.client.snapshot(), &mut SEED.clone());
    }
    cable.plug(true);
    assert!(all_are_in(&host, &rigs), "they find their host again");
    rigs[3].stop();
    rigs.drain(4..);
    host.wait(|snapshot| present(snapshot) <= 4).expect("those who are gone are gone");
}

fn all_are_in(host: &Rig, rigs: &[Rig]) -> bool {
    let is_in = |rig: &Rig| rig.wait(|snapshot| snapshot.connection == Connection::Joined).is_ok();
    rigs.iter().all(is_in) && host.wait(|snapshot| present(snapshot) == INSTANCES).is_ok()
}
