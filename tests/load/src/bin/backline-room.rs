//! `backline-room`: a session without sockets, for what only the processor and memory decide; see `cargo xtask report server`.
#![expect(clippy::print_stdout, reason = "a program for people and scripts that read its standard output")]

use std::process::ExitCode;
use std::sync::Barrier;
use std::time::Duration;

use backline_load::LoadError;
use backline_load::room::Room;
use backline_load::system::resident_bytes;
use clap::{Parser, Subcommand};
use serde_json::{Value, json};

/// Packets that are passed on in a row.
const PACKETS: usize = 20_000;
/// Each is measured so often, in turn; the best counts, since other work only ever takes time.
const ROUNDS: usize = 5;
const HOUR: Duration = Duration::from_secs(3_600);

/// What shards do, without the system. Ends with one JSON object.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// How much of two cores two shards use: packets passed on in a second by both, by twice those of one alone.
    Parallel {
        /// Who hear each packet.
        #[arg(long, default_value_t = 5)]
        listeners: usize,
    },
    /// A session that goes on for many hours of simulated time, a packet each 10 ms: how much memory it takes on the way.
    Life {
        /// For how long.
        #[arg(long, default_value_t = 24)]
        hours: u32,
        /// Who hear each packet.
        #[arg(long, default_value_t = 5)]
        listeners: usize,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().what {
        What::Parallel { listeners } => parallel(listeners),
        What::Life { hours, listeners } => life(hours, listeners),
    };
    match outcome {
        Ok(figures) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("backline-room: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parallel(listeners: usize) -> Result<Value, LoadError> {
    let mut rooms = [Room::new(listeners)?, Room::new(listeners)?];
    let mut reckoners = [(), ()];
    let mut best = [f64::INFINITY; 4];
    let mut keep = |at: usize, times: &[Duration]| {
        let slowest = times.iter().max().copied().unwrap_or_default();
        best[at] = best[at].min(slowest.as_secs_f64());
    };
    for _ in 0..ROUNDS {
        keep(0, &at_once(&mut rooms[..1], pass_on));
        keep(1, &at_once(&mut rooms, pass_on));
        keep(2, &at_once(&mut reckoners[..1], |()| reckon()));
        keep(3, &at_once(&mut reckoners, |()| reckon()));
    }
    let [one, both, reckons_one, reckons_both] = best;
    Ok(json!({
        "listeners": listeners,
        "packet_us": 1e6 * one / PACKETS as f64,
        "efficiency": one / both,
        "machine_efficiency": reckons_one / reckons_both,
    }))
}

/// Lets each do its part, all beginning at the same moment.
fn at_once<T: Send>(parts: &mut [T], work: impl Fn(&mut T) -> Duration + Sync) -> Vec<Duration> {
    let barrier = Barrier::new(parts.len());
    let (barrier, work) = (&barrier, &work);
    std::thread::scope(|scope| {
        let begun: Vec<_> = parts
            .iter_mut()
            .map(|part| {
                scope.spawn(move || {
                    barrier.wait();
                    work(part)
                })
            })
            .collect();
        begun.into_iter().map(|thread| thread.join().unwrap_or(Duration::MAX)).collect()
    })
}

fn pass_on(room: &mut Room) -> Duration {
    let packets = room.packets(PACKETS);
    room.pass_on(&packets).1
}

/// Work that needs nothing but a core: what the machine's two cores give at the most.
fn reckon() -> Duration {
    let began = backline_io::clock::now();
    let mut state = 1_u64;
    for _ in 0..200_000_000_u32 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    }
    std::hint::black_box(state);
    backline_io::clock::now().saturating_duration_since(began)
}

fn life(hours: u32, listeners: usize) -> Result<Value, LoadError> {
    let mut room = Room::new(listeners)?;
    let resident = || resident_bytes(std::process::id());
    // Of the first hour is what comes with everything that happens for the first time.
    room.live(HOUR);
    let (before, held_before) = (resident(), room.holdings());
    for hour in 1..hours {
        eprintln!("hour {hour} of {hours}");
        room.live(HOUR);
    }
    let frames = u64::from(hours) * HOUR.as_secs() * 100;
    Ok(json!({
        "hours": hours,
        "frames": frames,
        "heard": room.heard(),
        "lost": frames * listeners as u64 - room.heard().min(frames * listeners as u64),
        "present": room.present(),
        "grown_bytes": resident().saturating_sub(before),
        "held_more": room.holdings().saturating_sub(held_before),
    }))
}
