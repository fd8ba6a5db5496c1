//! A real DAW as a host of tests: Ardour or qtractor under a JACK server of its own plays a recording through the plugin on a
//! track, and what its main output returns is recorded.
//!
//! The words that it understands are in `session/host_process.rs`.
#![expect(clippy::print_stdout, reason = "a program whose standard output is read by the one who started it")]

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use backline_hosts::block_clock::sleep_until;
use backline_hosts::daw::ardour::{Ardour, Backend};
use backline_hosts::daw::qtractor::song::{self, Track};
use backline_hosts::daw::qtractor::{self, Qtractor};
use backline_hosts::daw::{Class, Daw};
use backline_hosts::desktop::wait_until;
use backline_hosts::error::HostError;
use backline_hosts::jack_graph::{Player, SERVER_VARIABLE, Server};
use backline_hosts::session::host_process::HostRun;
use backline_hosts::session::host_program::{Orders, PlayArguments};
use clap::Parser;
use jack::PortFlags;

/// Plays a recording through the plugin in a DAW. JACK's dummy driver has no other clock than the machine's.
#[derive(Parser)]
struct Arguments {
    /// Which one.
    #[arg(long)]
    daw: Daw,
    /// The class on the track.
    #[arg(long)]
    name: String,
    /// Move the transport while the music plays.
    #[arg(long)]
    roll: bool,
    #[command(flatten)]
    play: PlayArguments,
}

fn main() -> Result<(), HostError> {
    let arguments = Arguments::parse();
    let play = &arguments.play;
    let server = format!("backline-{}", std::process::id());
    if std::env::var(SERVER_VARIABLE).as_ref() != Ok(&server) {
        return Err(start_again(&server));
    }
    if play.ppm != 0.0 {
        return Err(HostError::host("daw_host", "JACK's dummy driver is neither fast nor slow"));
    }
    // -S: a block of a busy machine is late, not lost.
    let jack = Server::start(&server, play.rate, play.block, &["-S"], play.folder())?;
    let player = Player::new(play.music()?, play.tail_frames)?;
    let mut daw = open(&arguments, &jack, &player)?;
    println!("ready");
    let orders = Orders::read();
    let begin_ns = loop {
        orders.check()?;
        daw.check_running()?;
        match orders.begin_ns() {
            Some(begin_ns) => break begin_ns,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    sleep_until(begin_ns);
    let mut turn = 0;
    let (heard, start_ns) = player.play(|| {
        orders.check()?;
        turn += 1;
        if arguments.roll { move_transport(&mut daw, &jack, turn) } else { daw.check_running() }
    })?;
    daw.close()?;
    let blocks = (heard.frames() / play.block) as u64;
    play.write(&heard, &HostRun { start_ns, blocks, ..HostRun::default() })
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

/// A running one.
enum Running {
    Ardour(Ardour),
    Qtractor(Qtractor),
}

impl Running {
    fn check_running(&mut self) -> Result<(), HostError> {
        match self {
            Self::Ardour(ardour) => ardour.check_running(),
            Self::Qtractor(qtractor) => qtractor.check_running(),
        }
    }

    fn close(self) -> Result<(), HostError> {
        match self {
            Self::Ardour(ardour) => ardour.close(),
            Self::Qtractor(qtractor) => qtractor.close(),
        }
    }
}

/// Ardour's own threads now and then talk to JACK at the same time while a project opens, and JACK turns Ardour out for it.
const ATTEMPTS: usize = 4;

/// The DAW with its track and its main output connected to the player.
fn open(arguments: &Arguments, jack: &Server, player: &Player) -> Result<Running, HostError> {
    let mut turned_out = HostError::host(arguments.daw.name(), "was not opened");
    for attempt in 0..ATTEMPTS {
        match open_once(arguments, attempt, jack, player) {
            Ok(daw) => return Ok(daw),
            Err(error) => turned_out = error,
        }
    }
    Err(turned_out)
}

fn open_once(
    arguments: &Arguments,
    attempt: usize,
    jack: &Server,
    player: &Player,
) -> Result<Running, HostError> {
    let class = Class::named(&arguments.name)
        .ok_or_else(|| HostError::host("daw_host", format!("no class {:?}", arguments.name)))?;
    let folder = arguments.play.folder();
    let new = folder.join(format!("project-{attempt}"));
    let (state, home) = (arguments.play.state.as_deref(), folder.join("home"));
    let (mut daw, into, from) = match arguments.daw {
        Daw::Ardour => {
            let mut ardour = Ardour::open(Backend::Jack, state.unwrap_or(&new), &home, &[])?;
            if state.is_none() {
                ardour.add(class)?;
            }
            let into = format!("^ardour:{}/audio_in", class.name());
            (Running::Ardour(ardour), into, "^ardour:Master/audio_out".to_owned())
        }
        Daw::Qtractor => {
            if state.is_none() {
                song::write(&new, &[Track::new(class)])?;
            }
            let qtractor = Qtractor::open(state.unwrap_or(&new), jack, &home, &[])?;
            let port = |name| format!("^{}:{}/{name}", qtractor::CLIENT, song::BUS);
            (Running::Qtractor(qtractor), port("in"), port("out"))
        }
    };
    connect(&mut daw, player, &into, &from)?;
    Ok(daw)
}

/// Connects the player, once the ports are there.
fn connect(daw: &mut Running, player: &Player, into: &str, from: &str) -> Result<(), HostError> {
    let into = || player.ports(into, PortFlags::IS_INPUT);
    let from = || player.ports(from, PortFlags::IS_OUTPUT);
    wait_until("the track and the main output of the DAW are in JACK", || {
        daw.check_running()?;
        Ok((into().len() >= 2 && from().len() >= 2).then_some(()))
    })?;
    player.connect(&into(), &from())?;
    daw.check_running()
}

/// A move in every half second of the music. The moves are known to the plugin by its next block.
fn move_transport(daw: &mut Running, jack: &Server, turn: usize) -> Result<(), HostError> {
    daw.check_running()?;
    if !turn.is_multiple_of(TURNS_OF_A_MOVE) {
        return Ok(());
    }
    let (verb, frame) = MOVES[turn / TURNS_OF_A_MOVE % MOVES.len()];
    match daw {
        Running::Ardour(ardour) => {
            let verb = if verb == "play" { "roll" } else { verb };
            ardour.ask(&format!("{verb}({frame})")).map(drop)
        }
        // It follows JACK's.
        Running::Qtractor(_) => jack.transport(&format!("{verb} {frame}")),
    }
}

/// What is done, and the sample frame that it is done to.
const MOVES: [(&str, &str); 6] =
    [("play", ""), ("locate", "480000"), ("stop", ""), ("locate", "48000"), ("play", ""), ("locate", "0")];
/// The player looks ten times a second.
const TURNS_OF_A_MOVE: usize = 5;
