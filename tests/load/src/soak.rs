//! A soak: a real server lives with many guests for a long time, who do what people do and what they should not, and it must end as it began.
//!
//! Here are the rooms, the changes of route, the looks at the process, and the verdict. What guests do is in `soak/house.rs`. Nothing is judged that depends on
//! how busy the machine is: packets that found a full port are the system's, and no time is measured. The step before is `cargo xtask report soak`; the
//! step after is a figure in each line.

mod guest;
mod house;
mod watch;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backline_codec::OpusFrame;
use backline_io::clock;
use backline_wire::{InviteLink, Route};

use crate::LoadError;
use crate::music::Music;
use crate::server::Server;
use crate::system;
use house::{House, HouseCounts};
use watch::Watch;
pub use watch::{Bar, Limit};

/// How many each session is for: 64 in all. One more, who floods, comes into the last but one.
const ROOMS: [usize; 9] = [16, 12, 10, 8, 6, 4, 4, 2, 2];
/// Between two changes of route, of one session after the other.
const ROUTE_EVERY: Duration = Duration::from_millis(700);
/// Between two looks at the process.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How fast memory may grow, in KiB/min; where the time is too short to tell a slope from a step, more: see `soak/watch.rs`.
const GROWTH_MAX: f64 = 64.0;

/// Frames as long as the server's mixes; what is not of the test's own limits is as everywhere.
const CONFIGURATION: &str = r#"
[log]
level = "info"
[mix]
frame_ms = 20.0
kilobits_per_second = 64
[limits]
packets_per_second = 1500
joins_per_minute = 1000
stranger_packets_per_second = 600
"#;

/// Lets a server live for so long.
///
/// # Errors
/// When it does not start, does not answer, or the system has no room for the guests.
pub fn soak(program: &Path, time: Duration) -> Result<Vec<Bar>, LoadError> {
    let music = Music::encode(OpusFrame::Ms20, None)?;
    let mut server = Server::start_as(program, None, CONFIGURATION)?;
    let mut rooms: Vec<(String, (InviteLink, usize))> = Vec::new();
    for (number, places) in ROOMS.iter().enumerate() {
        let (id, link) = server.room(&format!("Room {}", number + 1))?;
        rooms.push((id, (link, *places)));
    }
    let (ids, links): (Vec<String>, Vec<(InviteLink, usize)>) = rooms.into_iter().unzip();
    let house = House::new(&links, &music, server.port())?;
    let drops_before = system::port_drops();
    let is_over = AtomicBool::new(false);
    let (watch, counts) = std::thread::scope(|scope| {
        let living = scope.spawn(|| house.run(&is_over));
        let watch = conduct(&server, &ids, time);
        is_over.store(true, Ordering::Relaxed);
        let failed = |_| Err(LoadError::Server("is not soaked: a thread failed".to_owned()));
        Ok::<_, LoadError>((watch?, living.join().unwrap_or_else(failed)?))
    })?;
    let drops = Drops::since(&drops_before, &counts, server.port());
    let metrics = server.metrics()?;
    let misused = server.shard()?.pool.misused;
    let lives = server.lives();
    let ended_well = server.stop();
    let log = server.log();
    let mut bars = of_guests(&counts, drops);
    bars.extend(watch.bars(GROWTH_MAX));
    bars.extend(of_server(&metrics, misused, lives, ended_well, &log));
    Ok(bars)
}

/// Routes change, and the process is looked at, until the time is over.
fn conduct(server: &Server, sessions: &[String], time: Duration) -> Result<Watch, LoadError> {
    let started = clock::now();
    let (mut next_route, mut next_look) = (started + ROUTE_EVERY, started + LOOK_EVERY);
    let mut watch = Watch::new(server.process(), time);
    let routes = [Route::Mix, Route::Forward, Route::Mesh];
    while clock::now() < started + time {
        let now = clock::now();
        if now >= next_look {
            next_look = now + LOOK_EVERY;
            watch.look(now.saturating_duration_since(started));
        }
        if now >= next_route {
            next_route = now + ROUTE_EVERY;
            let number = watch.routes as usize;
            let turn = number / sessions.len().max(1);
            let (session, route) = (number % sessions.len().max(1), routes[(number + turn) % routes.len()]);
            server.set_route(&sessions[session], route)?;
            watch.routes += 1;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(watch)
}

/// Datagrams that found a full port: what they would have become is lost, whoever's fault it is.
#[derive(Debug, Clone, Copy)]
struct Drops {
    at_server: u64,
    at_guests: u64,
}

impl Drops {
    fn since(before: &BTreeMap<u16, u64>, counts: &HouseCounts, server: u16) -> Self {
        let now = system::port_drops();
        let of = |port: &u16| {
            let at = |table: &BTreeMap<u16, u64>| table.get(port).copied().unwrap_or(0);
            at(&now).saturating_sub(at(before))
        };
        Self { at_server: of(&server), at_guests: counts.dropped + counts.ports.iter().map(of).sum::<u64>() }
    }

    /// Packets that guests may miss for it: each of one room's largest number of listeners.
    fn packets(self) -> u64 {
        let listeners = ROOMS.iter().max().copied().unwrap_or(0) as u64;
        self.at_server * listeners + self.at_guests
    }
}

fn of_guests(counts: &HouseCounts, drops: Drops) -> Vec<Bar> {
    let heard = &counts.heard;
    let unexplained = heard.missed.saturating_sub(drops.packets());
    let expected: usize = ROOMS.iter().sum();
    let count = |id, what, figure: u64, limit| Bar::new(id, what, figure as f64, "", limit);
    vec![
        count(
            "soak.in",
            "guests who are in at the end",
            counts.in_at_end as u64,
            Limit::AtLeast(expected as f64),
        ),
        count("soak.thrown_out", "guests thrown out or refused", counts.thrown_out, Limit::AtMost(0.0))
            .why(counts.why.clone()),
        count("soak.heard", "packets that guests heard of each other", heard.heard, Limit::AtLeast(1_000.0)),
        count("soak.lost", "packets lost that no full port explains", unexplained, Limit::AtMost(0.0))
            .why((unexplained > 0).then(|| format!("{} missed, {drops:?}", heard.missed))),
        count("soak.missed", "packets lost in all", heard.missed, Limit::None),
        count(
            "soak.ports",
            "datagrams that found a full port",
            drops.at_server + drops.at_guests,
            Limit::None,
        ),
        count("soak.mixed", "frames of mixes that guests heard", heard.mixed, Limit::AtLeast(1_000.0)),
        count("soak.mixed_missed", "frames of mixes left out or lost", heard.mixed_missed, Limit::None),
        count("soak.joins", "times that somebody came in", counts.joins, Limit::AtLeast(expected as f64)),
        count("soak.leaves", "times that somebody left", counts.leaves, Limit::AtLeast(1.0)),
        count("soak.crashes", "times that somebody went without a word", counts.crashes, Limit::AtLeast(1.0)),
        count("soak.told", "times that a guest was told of a route", heard.routes, Limit::AtLeast(1.0)),
        count("soak.faders", "moved faders that were answered", heard.answered, Limit::AtLeast(1.0)),
        count("soak.warned", "warnings, but of who floods", heard.warnings, Limit::AtMost(0.0)),
        count("soak.flood", "datagrams of the flood", counts.flood, Limit::AtLeast(1.0)),
        count(
            "soak.flood_warned",
            "times that who floods was warned",
            counts.flooder_warnings,
            Limit::AtLeast(1.0),
        ),
        count(
            "soak.flood_out",
            "times that who floods was disconnected",
            counts.flooder_disconnected,
            Limit::AtLeast(1.0),
        ),
        count("soak.rubbish", "datagrams of strangers", counts.rubbish, Limit::AtLeast(1_000.0)),
    ]
}

fn of_server(
    metrics: &BTreeMap<String, f64>,
    misused: u64,
    lives: bool,
    ended_well: bool,
    log: &str,
) -> Vec<Bar> {
    let sum = |name: &str, label: &str| -> f64 {
        let is_it = |key: &str| key.split('{').next() == Some(name) && key.contains(label);
        metrics.iter().filter(|(key, _)| is_it(key)).map(|(_, value)| value).sum()
    };
    let none = Limit::AtMost(0.0);
    let bar = |id, what, figure, limit| Bar::new(id, what, figure, "", limit);
    let errors: Vec<&str> = log.lines().filter(|line| line.contains(" ERROR ")).collect();
    vec![
        bar("soak.errors", "lines of level ERROR in the log", errors.len() as f64, none)
            .why(errors.first().map(|line| (*line).to_owned())),
        bar("soak.restarts", "shards started again", sum("backline_shard_restarts_total", ""), none),
        bar("soak.sessions", "sessions that failed", sum("backline_shard_sessions_failed_total", ""), none),
        bar(
            "soak.failures",
            "participants' data that made it fail",
            sum("backline_shard_errors_total", "failure"),
            none,
        ),
        bar(
            "soak.store",
            "times that the disk kept nothing",
            sum("backline_shard_store_failures_total", ""),
            none,
        ),
        bar("soak.misused", "misused buffers of the pool", misused as f64, none),
        bar(
            "soak.refused",
            "datagrams of strangers refused",
            sum("backline_shard_refused_total", ""),
            Limit::AtLeast(100.0),
        ),
        bar("soak.lives", "it answers at the end", f64::from(u8::from(lives)), Limit::AtLeast(1.0)),
        bar(
            "soak.ends",
            "it stops in order when asked to",
            f64::from(u8::from(ended_well)),
            Limit::AtLeast(1.0),
        ),
    ]
}
