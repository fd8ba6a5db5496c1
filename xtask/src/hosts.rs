//! Sessions between two real hosts, run by the program `session` of `tests/hosts`; its JSON as types.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::bundles::Profile;
use crate::{needs, run, workspace};

/// What to run.
#[derive(Debug, Clone)]
pub struct Session {
    /// A name for its folder below target/sessions.
    pub name: String,
    /// The quality, by its name in BACKLINE_QUALITY.
    pub quality: String,
    /// How long the music plays.
    pub seconds: u32,
    /// Sample frames of a block.
    pub block_frames: usize,
    /// The playout depth.
    pub depth_ms: f64,
}

/// The figures of both sides; `sides[0]` is what A heard of B.
#[derive(Debug, Clone, Deserialize)]
pub struct Figures {
    /// By side.
    pub sides: [Side; 2],
    pub stalls: usize,
    pub stall_ms_max: f64,
}

/// What one side heard and cost. The units are in `tests/hosts/src/figures.rs`.
#[derive(Debug, Clone, Deserialize)]
pub struct Side {
    pub heard: bool,
    pub latency_ms_median: f64,
    pub latency_ms_p99: f64,
    pub latency_ms_shown: Option<f64>,
    pub dropouts: usize,
    pub dropouts_of_machine: usize,
    pub dropouts_at_s: Vec<f64>,
    pub level_difference_db: f64,
    pub snr_db: f64,
    pub snr_running_db: f64,
    pub callback_percent: f64,
    pub callback_us_median: f64,
    pub callback_us_p99: f64,
    pub worker_percent: Option<f64>,
    pub underruns: Option<u64>,
    pub concealed_frames: Option<f64>,
    pub encoding: Option<String>,
    pub host_blocks_missed: u64,
    pub host_late_us_p99: f64,
    pub heard_file: String,
}

impl Side {
    /// Dropouts that began while the machine ran.
    pub fn dropouts_of_plugin(&self) -> usize {
        self.dropouts - self.dropouts_of_machine
    }
}

impl Figures {
    /// The larger (or, with `f64::min`, smaller) of both sides.
    pub fn of_both(&self, figure: impl Fn(&Side) -> f64, pick: fn(f64, f64) -> f64) -> f64 {
        pick(figure(&self.sides[0]), figure(&self.sides[1]))
    }

    /// Whether both heard the other.
    pub fn both_heard(&self) -> bool {
        self.sides.iter().all(|side| side.heard)
    }

    /// Dropouts of both sides that began while the machine ran.
    pub fn dropouts(&self) -> usize {
        self.sides.iter().map(Side::dropouts_of_plugin).sum()
    }

    /// Dropouts of both sides that began when the machine itself stood still.
    pub fn dropouts_of_machine(&self) -> usize {
        self.sides.iter().map(|side| side.dropouts_of_machine).sum()
    }

    /// What stands behind the figure of [`dropouts_of_machine`](Self::dropouts_of_machine).
    pub fn machine_text(&self) -> String {
        format!(
            "more while the machine stood still ({} times, at most {:.1} ms)",
            self.stalls, self.stall_ms_max
        )
    }
}

/// Builds the programs of the test hosts.
pub fn build() -> Result<()> {
    run::run(run::cargo().args(["build", "--release", "--quiet", "-p", "backline-hosts", "--bins"]))
}

/// Runs a session with the release bundles: VST3 in pedalboard hosts, CLAP in the CLAP host joins.
pub fn session(session: &Session) -> Result<Figures> {
    let folder = folder(&session.name);
    let _ = std::fs::remove_dir_all(&folder);
    let mut command = run::program(&workspace::target().join("release/session").display().to_string());
    command
        .arg("--folder")
        .arg(&folder)
        .args(["--seconds", &session.seconds.to_string(), "--quality", &session.quality])
        .args(["--block", &session.block_frames.to_string()])
        .args(["--depth-ms", &session.depth_ms.to_string()])
        .env("BACKLINE_BUNDLES", Profile::Release.folder())
        .env("BACKLINE_PYTHON", needs::python());
    let json = run::output(&mut command)?;
    serde_json::from_str(json.trim()).context("the session's figures are not as expected")
}

/// Runs two hosts with several instances of the release bundle each; gives the lines that it prints.
pub fn band() -> Result<String> {
    let folder = folder("band");
    let _ = std::fs::remove_dir_all(&folder);
    let mut command = run::program(&workspace::target().join("release/band").display().to_string());
    command.arg("--folder").arg(&folder).env("BACKLINE_BUNDLES", Profile::Release.folder());
    run::output(&mut command)
}

/// Where a session writes.
pub fn folder(name: &str) -> PathBuf {
    workspace::target().join("sessions").join(name)
}
