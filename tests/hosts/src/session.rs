//! Two host processes with the built plugin that meet over loopback and play to each other.
//!
//! This starts them, waits until both plugins report the other, gives them one time at which to begin, and reads what they
//! wrote. It does not judge: [`crate::figures`] does. Each host is a process of its own, in a folder of its own, as on two
//! machines; the words they exchange with this side are in [`host_process`].

pub mod host_process;
pub mod host_program;
pub mod machine;
mod report;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::audio_file::Recording;
use crate::block_clock::{BlockClock, monotonic_now};
use crate::daw::{Class, Daw};
use crate::error::HostError;
use host_process::{HostProcess, HostRun};
use machine::{MachineWatch, Stall};
pub use report::PluginReport;

/// Which host loads which format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKind {
    /// `pedalboard` (JUCE) with the VST3 bundle.
    Vst3,
    /// The same with *Backline Multi*, whose auxiliary outputs this host leaves inactive.
    Vst3Multi,
    /// The same with *Backline Return*: it plays nothing.
    Vst3Return,
    /// The CLAP host of this crate with the CLAP bundle.
    Clap,
    /// CLAP with *Backline Multi*, listening to one of its output ports.
    ClapMulti {
        /// 0 is main, 1 to 8 are the auxiliary ones.
        output_port: usize,
    },
    /// CLAP with *Backline Return*: it plays nothing.
    ClapReturn,
    /// A DAW with a class on a track, its transport at rest.
    Daw(Daw, Class),
    /// The same, and its transport rolls, jumps and stops while the music plays.
    DawRolling(Daw, Class),
}

impl HostKind {
    /// Whether the other side has something to hear.
    fn sends(self) -> bool {
        !matches!(
            self,
            Self::ClapReturn
                | Self::Vst3Return
                | Self::Daw(_, Class::Return)
                | Self::DawRolling(_, Class::Return)
        )
    }
}

/// One side of a session.
#[derive(Debug, Clone)]
pub struct Side {
    /// The host.
    pub kind: HostKind,
    /// The recording that it plays.
    pub music: PathBuf,
    /// A saved state with which the plugin begins, or the folder of a DAW's project; not for pedalboard.
    pub state: Option<PathBuf>,
    /// How fast its sound card is, against CLOCK_MONOTONIC.
    pub ppm: f64,
    /// Sample frames of a block.
    pub block_frames: usize,
}

impl Side {
    /// A side with the plugin's defaults and an exact sound card.
    pub fn new(kind: HostKind, music: PathBuf, block_frames: usize) -> Self {
        Self { kind, music, state: None, ppm: 0.0, block_frames }
    }
}

/// A whole session. Side 0 hosts it, side 1 joins.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Everything is written here, below `a` and `b`.
    pub folder: PathBuf,
    /// The two sides.
    pub sides: [Side; 2],
    /// Samples of each second in both hosts.
    pub sample_rate_hz: u32,
    /// The quality of both, by its name in BACKLINE_QUALITY.
    pub quality: String,
    /// The playout depth of both; `None` leaves the plugin's own.
    pub depth_ms: Option<f64>,
    /// How long the music plays.
    pub seconds: u32,
}

/// What one side did and heard.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What it played.
    pub sent: Recording,
    /// What came back from its plugin, from the first block of the music on.
    pub heard: Recording,
    /// The file of what it heard.
    pub heard_file: PathBuf,
    /// When each of its sample frames was.
    pub clock: BlockClock,
    /// What the host measured.
    pub run: HostRun,
    /// What the plugin reported at the end.
    pub report: PluginReport,
}

/// The first sample frames of the recordings that repeat without a seam: nine bars at 100 beats a minute.
pub const MUSIC_LOOP_FRAMES: usize = 36 * 28_800;

/// Recorded after the music has ended, so that its end is heard too.
pub const TAIL: Duration = Duration::from_secs(1);

const CONNECT_WITHIN: Duration = Duration::from_secs(30);
/// From the order to play until the first sample: both hosts have long read it by then, and both playouts have worked off what
/// the start of two hosts at once has cost them.
const COUNT_IN: Duration = Duration::from_secs(5);

/// A session that was played.
#[derive(Debug, Clone)]
pub struct Played {
    /// By side.
    pub outcomes: [Outcome; 2],
    /// When the machine stood still meanwhile.
    pub stalls: Vec<Stall>,
}

/// Runs a session; `say` is told each step as a sentence.
pub fn run(setup: &Setup, say: &mut dyn FnMut(&str)) -> Result<Played, HostError> {
    let link = setup.folder.join("invite-link");
    let folders = [setup.folder.join("a"), setup.folder.join("b")];
    for folder in &folders {
        std::fs::create_dir_all(folder).map_err(|error| HostError::file(folder, error))?;
    }
    let _ = std::fs::remove_file(&link);
    say("starting host A, which opens the session");
    let mut a =
        HostProcess::start("a", setup, &setup.sides[0], &folders[0], ("BACKLINE_HOST_LINK_FILE", &link))?;
    wait_for_link(&link, &mut a)?;
    say("starting host B, which joins with the link");
    let mut b = HostProcess::start("b", setup, &setup.sides[1], &folders[1], ("BACKLINE_JOIN", &link))?;
    a.wait_ready()?;
    b.wait_ready()?;
    wait_connected(setup, &mut a, &mut b)?;
    say("each has the other's stream; the music begins");
    let watch = MachineWatch::start();
    let begin_ns = monotonic_now() + COUNT_IN.as_nanos() as u64;
    a.play(begin_ns)?;
    b.play(begin_ns)?;
    let played = play_through(setup, &mut [&mut a, &mut b], say);
    let stalls = watch.finish();
    played?;
    Ok(Played { outcomes: [a.finish(setup, &setup.sides[0])?, b.finish(setup, &setup.sides[1])?], stalls })
}

fn wait_for_link(link: &Path, host: &mut HostProcess) -> Result<(), HostError> {
    let started = Instant::now();
    while std::fs::read_to_string(link).map_or(true, |text| text.trim().is_empty()) {
        host.check_running()?;
        if started.elapsed() > CONNECT_WITHIN {
            let seen = format!("no invite link in {} (BACKLINE_HOST_LINK_FILE)", link.display());
            return Err(HostError::NotConnected { waited_s: CONNECT_WITHIN.as_secs(), seen });
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn wait_connected(setup: &Setup, a: &mut HostProcess, b: &mut HostProcess) -> Result<(), HostError> {
    let started = Instant::now();
    // Each by what the other does.
    let hears = [setup.sides[1].kind.sends(), setup.sides[0].kind.sends()];
    loop {
        a.check_running()?;
        b.check_running()?;
        let reports = [a.report(), b.report()];
        if reports.iter().zip(hears).all(|(report, hears)| report.hears_somebody() == hears) {
            return Ok(());
        }
        if started.elapsed() > CONNECT_WITHIN {
            let seen = format!("A {}; B {}", reports[0].describe(), reports[1].describe());
            return Err(HostError::NotConnected { waited_s: CONNECT_WITHIN.as_secs(), seen });
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn play_through(
    setup: &Setup,
    hosts: &mut [&mut HostProcess; 2],
    say: &mut dyn FnMut(&str),
) -> Result<(), HostError> {
    let total = COUNT_IN + Duration::from_secs(u64::from(setup.seconds)) + TAIL;
    let started = Instant::now();
    let mut said = 0;
    while started.elapsed() < total {
        for host in hosts.iter_mut() {
            host.check_running()?;
            host.report();
        }
        let played = started.elapsed().saturating_sub(COUNT_IN).as_secs();
        if played >= said + 5 {
            said = played;
            say(&format!("playing: {played} of {} s", setup.seconds));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
