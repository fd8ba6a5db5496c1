//! A real DAW as a host of tests: Ardour under a JACK server of its own plays a recording through the plugin on a track, and what
//! its master returns is recorded.
//!
//! The words that it understands are in `session/host_process.rs`.
#![expect(clippy::print_stdout, reason = "a program whose standard output is read by the one who started it")]

use std::io::BufRead;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use backline_hosts::audio_file::Recording;
use backline_hosts::block_clock::sleep_until;
use backline_hosts::daw::Class;
use backline_hosts::daw::ardour::{Ardour, Backend};
use backline_hosts::desktop::wait_until;
use backline_hosts::error::HostError;
use backline_hosts::jack_graph::{Player, SERVER_VARIABLE, Server};
use backline_hosts::session::host_process::HostRun;
use clap::Parser;
use jack::PortFlags;

/// Plays a recording through the plugin in Ardour.
#[derive(Parser)]
struct Arguments {
    /// The class on the track.
    #[arg(long)]
    name: String,
    /// A project's folder with such a track in it; without one, a new project is made.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Move the transport while the music plays.
    #[arg(long)]
    roll: bool,
    /// Samples of each second.
    #[arg(long, default_value_t = 48_000)]
    rate: u32,
    /// Sample frames of each block.
    #[arg(long, default_value_t = 256)]
    block: usize,
    /// How fast this sound card is, in parts per million: JACK's dummy driver has no other clock than the machine's.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    ppm: f64,
    /// The FLAC or WAV file to play.
    #[arg(long)]
    music: PathBuf,
    /// The sample frames of it that repeat.
    #[arg(long)]
    loop_frames: usize,
    /// How many sample frames to play.
    #[arg(long)]
    play_frames: usize,
    /// How many sample frames to record after that.
    #[arg(long)]
    tail_frames: usize,
    /// Where to write what came back.
    #[arg(long)]
    heard: PathBuf,
    /// Where to write what was measured; everything else of this host is written beside it.
    #[arg(long)]
    figures: PathBuf,
}

fn main() -> Result<(), HostError> {
    let arguments = Arguments::parse();
    let server = format!("backline-{}", std::process::id());
    if std::env::var(SERVER_VARIABLE).as_ref() != Ok(&server) {
        return Err(start_again(&server));
    }
    if arguments.ppm != 0.0 {
        return Err(HostError::host("daw_host", "JACK's dummy driver is neither fast nor slow"));
    }
    let folder = arguments.figures.parent().unwrap_or(Path::new("."));
    // -S: a block of a busy machine is late, not lost.
    let _jack = Server::start(arguments.rate, arguments.block, &["-S"], folder)?;
    let music = Recording::read(&arguments.music)?.looped(arguments.loop_frames, arguments.play_frames);
    let player = Player::new(music, arguments.tail_frames)?;
    let mut ardour = open(&arguments, folder, &player)?;
    println!("ready");
    let orders = Orders::read();
    sleep_until(orders.wait_for_begin(|| ardour.check_running())?);
    let mut turn = 0;
    let (heard, start_ns) = player.play(|| {
        orders.check()?;
        turn += 1;
        if arguments.roll { move_transport(&mut ardour, turn) } else { ardour.check_running() }
    })?;
    ardour.close()?;
    heard.write_wav(&arguments.heard)?;
    let blocks = (heard.frames() / arguments.block) as u64;
    let figures = HostRun { start_ns, blocks, ..HostRun::default() };
    let json =
        serde_json::to_string_pretty(&figures).map_err(|error| HostError::file(&arguments.figures, error))?;
    std::fs::write(&arguments.figures, json).map_err(|error| HostError::file(&arguments.figures, error))
}

/// This program in its own place, with JACK's variable, which a running one cannot set safely. Comes back only where that fails.
fn start_again(server: &str) -> HostError {
    let own = match std::env::current_exe() {
        Ok(own) => own,
        Err(error) => return HostError::file("daw_host", error),
    };
    let mut again = Command::new(&own);
    again
        .args(std::env::args_os().skip(1))
        .env(SERVER_VARIABLE, server)
        .env("JACK_NO_AUDIO_RESERVATION", "1");
    HostError::file(own, again.exec())
}

/// Ardour's own threads now and then talk to JACK at the same time while a project opens, and JACK turns Ardour out for it.
const ATTEMPTS: usize = 4;

/// Ardour with its track and its master connected to the player.
fn open(arguments: &Arguments, folder: &Path, player: &Player) -> Result<Ardour, HostError> {
    let mut turned_out = HostError::host("ardour", "was not opened");
    for attempt in 0..ATTEMPTS {
        match open_once(arguments, folder, attempt, player) {
            Ok(ardour) => return Ok(ardour),
            Err(error) => turned_out = error,
        }
    }
    Err(turned_out)
}

fn open_once(
    arguments: &Arguments,
    folder: &Path,
    attempt: usize,
    player: &Player,
) -> Result<Ardour, HostError> {
    let class = Class::named(&arguments.name)
        .ok_or_else(|| HostError::host("daw_host", format!("no class {:?}", arguments.name)))?;
    let new = folder.join(format!("project-{attempt}"));
    let project = arguments.state.as_deref().unwrap_or(&new);
    let mut ardour = Ardour::open(Backend::Jack, project, &folder.join("home"), &[])?;
    if arguments.state.is_none() {
        ardour.add(class)?;
    }
    let into = || player.ports(&format!("^ardour:{}/audio_in", arguments.name), PortFlags::IS_INPUT);
    let from = || player.ports("^ardour:Master/audio_out", PortFlags::IS_OUTPUT);
    wait_until("the track and the master of Ardour are in JACK", || {
        ardour.check_running()?;
        Ok((into().len() >= 2 && from().len() >= 2).then_some(()))
    })?;
    player.connect(&into(), &from())?;
    ardour.check_running()?;
    Ok(ardour)
}

/// A move in every half second of the music. The moves are known to the plugin by its next block.
fn move_transport(ardour: &mut Ardour, turn: usize) -> Result<(), HostError> {
    let moves = ["roll()", "locate(480000)", "stop()", "locate(48000)", "roll()", "locate(0)"];
    match turn % TURNS_OF_A_MOVE {
        0 => ardour.ask(moves[turn / TURNS_OF_A_MOVE % moves.len()]).map(drop),
        _ => ardour.check_running(),
    }
}

/// The player looks ten times a second.
const TURNS_OF_A_MOVE: usize = 5;

/// What standard input has said so far.
#[derive(Default)]
struct Orders {
    /// When to begin; 0 is not yet.
    begin_ns: AtomicU64,
    /// Standard input has ended.
    abandoned: AtomicBool,
}

impl Orders {
    fn read() -> Arc<Self> {
        let orders = Arc::new(Self::default());
        let told = Arc::clone(&orders);
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                if let Some(begin) = line.strip_prefix("play ").and_then(|text| text.trim().parse().ok()) {
                    told.begin_ns.store(begin, Ordering::Release);
                }
            }
            told.abandoned.store(true, Ordering::Release);
        });
        orders
    }

    fn check(&self) -> Result<(), HostError> {
        match self.abandoned.load(Ordering::Acquire) {
            true => Err(HostError::host("daw_host", "was abandoned")),
            false => Ok(()),
        }
    }

    fn wait_for_begin(&self, mut check: impl FnMut() -> Result<(), HostError>) -> Result<u64, HostError> {
        loop {
            match self.begin_ns.load(Ordering::Acquire) {
                0 => {
                    self.check()?;
                    check()?;
                    std::thread::sleep(Duration::from_millis(5));
                }
                begin_ns => return Ok(begin_ns),
            }
        }
    }
}
