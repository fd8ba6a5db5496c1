//! One run: a fresh server, so many clients, some seconds of measuring.
//!
//! The step before is `main.rs` or `search.rs`; the step after is `figures.rs`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use backline_codec::OpusFrame;
use backline_io::{clock, cores};
use backline_wire::Route;

use crate::LoadError;
use crate::client::Part;
use crate::crowd::{Crowd, CrowdCounts};
use crate::figures::Figures;
use crate::music::Music;
use crate::server::{MixFigures, Server, ShardFigures};
use crate::stage::{Phase, Stage};
use crate::system;

/// After the last has come in, until it counts, unless somebody wants it otherwise.
pub const SETTLE: Duration = Duration::from_millis(1_500);
/// The server's snapshots are at most so old.
const SNAPSHOT: Duration = Duration::from_millis(250);
/// How long nobody may come in before it is given up.
const PATIENCE: Duration = Duration::from_secs(15);

/// What is run.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The program.
    pub server: PathBuf,
    /// How many clients.
    pub clients: usize,
    /// How many share a session.
    pub room: usize,
    /// How media travels.
    pub route: Route,
    /// One of them plays, and all listen.
    pub one_source: bool,
    /// One of each session plays, and all listen.
    pub listen_only: bool,
    /// Whoever plays rests for every other second.
    pub silent_half: bool,
    /// Of the Opus frames.
    pub frame: OpusFrame,
    /// For how long all play before it counts.
    pub settle: Duration,
    /// For how long it is measured.
    pub time: Duration,
    /// How many threads play clients.
    pub threads: usize,
}

/// Moments of the server.
struct Moment {
    shard: ShardFigures,
    mixes: MixFigures,
    drops: BTreeMap<u16, u64>,
    cpu: Duration,
    resident_bytes: u64,
    core_time: (f64, f64),
}

/// Runs it.
///
/// # Errors
/// When the server does not start or clients do not get in.
pub fn run(setting: &Setting, music: &Music) -> Result<Figures, LoadError> {
    let all = cores::available();
    let server_core = all.first().copied();
    let server = Server::start(&setting.server, server_core, music.encoding)?;
    let parts = parts(setting, &server)?;
    std::thread::sleep(SNAPSHOT);
    let resident_empty = system::resident_bytes(server.process());
    let stage = Stage::default();
    let threads = setting.threads.clamp(1, setting.clients.max(1));
    let mut crowds: Vec<Vec<Part>> = (0..threads).map(|_| Vec::new()).collect();
    // Whoever shares a room shares a thread, so that a fan-out is timed by one clock.
    parts.into_iter().for_each(|part| crowds[part.number / setting.room.max(1) % threads].push(part));
    let listeners = setting.one_source.then(|| setting.clients.saturating_sub(1));
    let other_cores: Vec<usize> = all.iter().copied().skip(1).collect();
    std::thread::scope(|scope| {
        let stage = &stage;
        let running: Vec<_> = crowds
            .into_iter()
            .enumerate()
            .map(|(number, parts)| {
                let core = other_cores.get(number % other_cores.len().max(1)).copied();
                scope.spawn(move || Crowd::new(parts, music, stage, listeners)?.run(core))
            })
            .collect();
        let measured = conduct(setting, &server, stage, server_core.unwrap_or(0));
        stage.set_phase(Phase::End);
        let mut counts = Vec::new();
        for thread in running {
            let ended = thread
                .join()
                .unwrap_or_else(|_| Err(LoadError::Server("is not measured: a thread failed".to_owned())));
            counts.push(ended?);
        }
        let (before, after) = measured?;
        Ok(judge(setting, music, &server, (&before, &after), resident_empty, &counts, stage))
    })
}

fn parts(setting: &Setting, server: &Server) -> Result<Vec<Part>, LoadError> {
    let room = setting.room.max(1);
    let mut parts = Vec::new();
    for first in (0..setting.clients).step_by(room) {
        let link = server.session(&format!("Room {}", first / room + 1), setting.route)?;
        for number in first..(first + room).min(setting.clients) {
            let plays = number == first || !(setting.one_source || setting.listen_only);
            parts.push(Part {
                number,
                link: link.clone(),
                plays,
                rests: setting.silent_half,
                route: setting.route,
            });
        }
    }
    Ok(parts)
}

/// Says who does what when; the server before and after the time that counts.
fn conduct(
    setting: &Setting,
    server: &Server,
    stage: &Stage,
    core: usize,
) -> Result<(Moment, Moment), LoadError> {
    let (mut joined, mut since) = (0, clock::now());
    while joined < setting.clients {
        std::thread::sleep(Duration::from_millis(20));
        let (before, now) = (std::mem::replace(&mut joined, stage.joined()), clock::now());
        if joined > before {
            since = now;
        }
        let why = stage.trouble();
        if why.is_some() || now.saturating_duration_since(since) > PATIENCE {
            let why = why.unwrap_or_else(|| format!("nobody answers. The server's log:\n{}", server.log()));
            return Err(LoadError::Join { joined, clients: setting.clients, why });
        }
    }
    std::thread::sleep(setting.settle);
    let before = moment(setting, server, core)?;
    stage.set_phase(Phase::Measure);
    let end = clock::now() + setting.time;
    while clock::now() < end && !stage.is_too_slow() {
        std::thread::sleep(Duration::from_millis(20));
    }
    // Before the clients leave.
    let after = moment(setting, server, core)?;
    Ok((before, after))
}

fn moment(setting: &Setting, server: &Server, core: usize) -> Result<Moment, LoadError> {
    Ok(Moment {
        shard: server.shard()?,
        mixes: if setting.route == Route::Mix { server.mixes()? } else { MixFigures::default() },
        drops: system::port_drops(),
        cpu: system::cpu_time(server.process()),
        resident_bytes: system::resident_bytes(server.process()),
        core_time: system::core_time(core),
    })
}

fn judge(
    setting: &Setting,
    music: &Music,
    server: &Server,
    (before, after): (&Moment, &Moment),
    resident_empty: u64,
    crowds: &[CrowdCounts],
    stage: &Stage,
) -> Figures {
    let mut all = CrowdCounts::default();
    for crowd in crowds {
        all.clients.sent += crowd.clients.sent;
        all.clients.heard += crowd.clients.heard;
        all.clients.missed += crowd.clients.missed;
        all.clients.silent += crowd.clients.silent;
        all.clients.one_way += &crowd.clients.one_way;
        all.lateness += &crowd.lateness;
        all.turns += &crowd.turns;
        all.to_last_listener += &crowd.to_last_listener;
        all.cpu += crowd.cpu;
        all.time = all.time.max(crowd.time);
        all.ports.extend(&crowd.ports);
    }
    let drops = |port: &u16| {
        let at = |moment: &Moment| moment.drops.get(port).copied().unwrap_or(0);
        at(after).saturating_sub(at(before))
    };
    let mut figures = Figures::new(setting, music.payload_bytes(), &all);
    figures.dropped_at_clients = all.ports.iter().map(drops).sum();
    figures.dropped_at_server_port = drops(&server.port());
    figures.server_cpu_s = after.cpu.saturating_sub(before.cpu).as_secs_f64();
    figures.memory_empty_bytes = resident_empty;
    figures.memory_bytes = after.resident_bytes;
    figures.memory_grown_bytes = after.resident_bytes.saturating_sub(before.resident_bytes);
    let (total, idle) = (after.core_time.0 - before.core_time.0, after.core_time.1 - before.core_time.1);
    figures.core_busy_share = if total > 0.0 { 1.0 - idle / total } else { 0.0 };
    figures.load_average = system::load_average();
    figures.add_shard(&before.shard, &after.shard);
    figures.add_mixes(after.mixes.since(before.mixes));
    figures.judge(stage.is_too_slow());
    figures
}
