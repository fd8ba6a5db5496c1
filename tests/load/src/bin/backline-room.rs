//! `backline-room`: a session without sockets, for what only the processor and memory decide; see `cargo xtask report server`.
#![expect(clippy::print_stdout, reason = "a program for people and scripts that read its standard output")]

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Barrier;
use std::time::Duration;

use backline_load::LoadError;
use backline_load::room::Room;
use backline_load::system::resident_bytes;
use clap::{Parser, Subcommand};
use serde_json::{Value, json};

/// Packets that are passed on in a row, and how many rows there are: together they take some tenths of a second, and a row fits into a cache.
const PACKETS: usize = 5_000;
const ROWS: usize = 60;
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
    /// One room for `parallel`, in a process of its own.
    #[command(hide = true)]
    Alone {
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
        What::Alone { listeners } => alone(listeners),
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
    let [mut one, mut both, mut apart] = [f64::INFINITY; 3];
    for _ in 0..ROUNDS {
        one = one.min(at_once(1, listeners)?.as_secs_f64());
        both = both.min(at_once(2, listeners)?.as_secs_f64());
        apart = apart.min(two_processes(listeners)?.as_secs_f64());
    }
    Ok(json!({
        "listeners": listeners,
        "packet_us": 1e6 * one / (PACKETS * ROWS) as f64,
        "efficiency": one / both,
        "efficiency_of_processes": one / apart,
    }))
}

/// Lets so many rooms pass packets on, each in a thread of its own as a shard is, all beginning at the same moment; how long the slowest took.
fn at_once(rooms: usize, listeners: usize) -> Result<Duration, LoadError> {
    let barrier = Barrier::new(rooms);
    let work = || {
        let room = Room::new(listeners);
        barrier.wait();
        room.map(|mut room| pass_on(&mut room))
    };
    let ended = std::thread::scope(|scope| {
        let begun: Vec<_> = (0..rooms).map(|_| scope.spawn(work)).collect();
        begun.into_iter().map(|thread| thread.join()).collect::<Vec<_>>()
    });
    let failed = || LoadError::Server("failed".to_owned());
    ended.into_iter().try_fold(Duration::ZERO, |slowest, time| Ok(slowest.max(time.map_err(|_| failed())??)))
}

fn pass_on(room: &mut Room) -> Duration {
    let row = |_| {
        let packets = room.packets(PACKETS);
        room.pass_on(&packets).1
    };
    (0..ROWS).map(row).sum()
}

/// The same by two processes, which share nothing but the machine: what it gives at the most.
fn two_processes(listeners: usize) -> Result<Duration, LoadError> {
    let failed = |error| LoadError::System { what: "a second process", error };
    let program = std::env::current_exe().map_err(failed)?;
    let listeners = listeners.to_string();
    let start = || {
        let mut command = Command::new(&program);
        command
            .args(["alone", "--listeners", &listeners])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
    };
    let mut children = [start().map_err(failed)?, start().map_err(failed)?];
    let mut say = [None, None];
    for (child, said) in children.iter_mut().zip(&mut say) {
        let mut reader =
            BufReader::new(child.stdout.take().ok_or_else(|| failed(ErrorKind::BrokenPipe.into()))?);
        reader.read_line(&mut String::new()).map_err(failed)?;
        *said = Some(reader);
    }
    // They wait for the end of what they are told.
    children.iter_mut().for_each(|child| drop(child.stdin.take()));
    let mut slowest = Duration::ZERO;
    for (child, reader) in children.iter_mut().zip(say) {
        let mut line = String::new();
        reader.map_or(Ok(0), |mut reader| reader.read_line(&mut line)).map_err(failed)?;
        child.wait().map_err(failed)?;
        let seconds: f64 = line.trim().parse().map_err(|_| failed(ErrorKind::InvalidData.into()))?;
        slowest = slowest.max(Duration::from_secs_f64(seconds));
    }
    Ok(slowest)
}

/// One of two processes: ready, begun when its standard input ends, and how long it took.
fn alone(listeners: usize) -> Result<Value, LoadError> {
    let mut room = Room::new(listeners)?;
    println!("ready");
    // Whatever comes but an end is an end, too.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    Ok(json!(pass_on(&mut room).as_secs_f64()))
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
