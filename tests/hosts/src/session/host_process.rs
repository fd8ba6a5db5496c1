//! A host as a process: its arguments, the few words spoken with it, and the figures that it leaves.
//!
//! All hosts (`bin/clap_host.rs`, `python/vst3_host.py` and `bin/daw_host.rs`) understand the same. They print `ready` once blocks are running;
//! they read `play NANOSECONDS` (of CLOCK_MONOTONIC) and begin with the first block after that; they write the WAV and the
//! figures, and end. When standard input ends they stop at once, so that none outlives the one who started it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{HostKind, MUSIC_LOOP_FRAMES, Outcome, PluginReport, Setup, Side, TAIL};
use crate::audio_file::Recording;
use crate::block_clock::{BlockClock, MonotonicNs};
use crate::bundles;
use crate::error::HostError;

/// What a host measured while the music played.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HostRun {
    /// The ideal time of the first recorded sample frame.
    pub start_ns: MonotonicNs,
    /// Blocks that were processed.
    pub blocks: u64,
    /// Cost of a call of the plugin, as this host sees it.
    pub process_us_median: f64,
    /// The same, at the 99th percentile.
    pub process_us_p99: f64,
    /// The same, the dearest call.
    pub process_us_max: f64,
    /// All calls together.
    pub process_s_total: f64,
    /// How late the host itself woke up for a block.
    pub late_us_median: f64,
    /// The same, at the 99th percentile.
    pub late_us_p99: f64,
    /// The same, the latest.
    pub late_us_max: f64,
    /// Blocks that began after the next one was due: the machine, not the plugin, was late.
    pub blocks_missed: u64,
    /// Processor time of the process outside of its audio thread, while the music played.
    pub other_threads_s: f64,
    /// Whether the audio thread had real-time priority.
    pub realtime: bool,
}

/// A running host.
pub struct HostProcess {
    name: String,
    child: Child,
    words: Option<ChildStdin>,
    ready: Arc<Mutex<bool>>,
    said: Arc<Mutex<String>>,
    heard_file: PathBuf,
    figures_file: PathBuf,
    report_file: PathBuf,
    /// The last report with a source: at the very end the session is over.
    last_report: PluginReport,
}

impl HostProcess {
    /// Starts a host; `role` is the variable that makes its plugin open or join the session.
    pub fn start(
        name: &str,
        setup: &Setup,
        side: &Side,
        folder: &Path,
        role: (&str, &Path),
    ) -> Result<Self, HostError> {
        let heard_file = folder.join(format!("heard-by-{name}.wav"));
        let figures_file = folder.join("host.json");
        let report_file = folder.join("plugin-report.json");
        let _ = std::fs::remove_file(&report_file);
        let mut command = command(side)?;
        command
            .args(["--rate", &setup.sample_rate_hz.to_string(), "--block", &side.block_frames.to_string()])
            .args(["--ppm", &side.ppm.to_string(), "--loop-frames", &MUSIC_LOOP_FRAMES.to_string()])
            .args(["--play-frames", &play_frames(setup).to_string()])
            .args(["--tail-frames", &tail_frames(setup).to_string()])
            .args([Path::new("--music"), &side.music, Path::new("--heard"), &heard_file])
            .args([Path::new("--figures"), &figures_file])
            .env(role.0, role.1)
            .env("BACKLINE_QUALITY", &setup.quality)
            // Figures are those of this quality.
            .env("BACKLINE_AUTOMATIC", "off")
            .env("BACKLINE_NAME", format!("Host {}", name.to_uppercase()))
            .env("BACKLINE_CONFIG_DIR", folder.join("config"))
            // Tests tell the network nothing.
            .env("BACKLINE_LOCAL_NETWORK", "off")
            .env("BACKLINE_REPORT", &report_file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(depth) = setup.depth_ms {
            command.env("BACKLINE_DEPTH_MS", depth.to_string());
        }
        let mut child = command
            .spawn()
            .map_err(|error| HostError::host(name, format!("could not be started: {error}")))?;
        let (ready, said) = (Arc::default(), Arc::default());
        listen(child.stdout.take(), child.stderr.take(), &ready, &said);
        let words = child.stdin.take();
        let (name, last_report) = (name.to_owned(), PluginReport::default());
        Ok(Self { name, child, words, ready, said, heard_file, figures_file, report_file, last_report })
    }

    /// Waits until blocks are running.
    pub fn wait_ready(&mut self) -> Result<(), HostError> {
        let started = Instant::now();
        while !*self.ready.lock().unwrap_or_else(PoisonError::into_inner) {
            self.check_running()?;
            if started.elapsed() > READY_WITHIN {
                return Err(self.failed("did not begin to process"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Gives the time at which the music begins.
    pub fn play(&mut self, begin_ns: MonotonicNs) -> Result<(), HostError> {
        let written =
            self.words.as_mut().map(|words| writeln!(words, "play {begin_ns}").and_then(|()| words.flush()));
        match written {
            Some(Ok(())) => Ok(()),
            _ => Err(self.failed("does not listen")),
        }
    }

    /// An error when the process has ended too early.
    pub fn check_running(&mut self) -> Result<(), HostError> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) if status.success() && self.figures_file.exists() => Ok(()),
            Ok(Some(status)) => Err(self.failed(&format!("ended with {status}"))),
            Err(error) => Err(self.failed(&error.to_string())),
        }
    }

    /// What its plugin last reported.
    pub fn report(&mut self) -> &PluginReport {
        let report = PluginReport::read(&self.report_file);
        if report.hears_somebody() || !self.last_report.hears_somebody() {
            self.last_report = report;
        }
        &self.last_report
    }

    /// Waits for its end and reads what it left.
    pub fn finish(mut self, setup: &Setup, side: &Side) -> Result<Outcome, HostError> {
        let started = Instant::now();
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if started.elapsed() > FINISH_WITHIN => return Err(self.failed("did not end")),
                Ok(None) => std::thread::sleep(Duration::from_millis(20)),
                Err(error) => return Err(self.failed(&error.to_string())),
            }
        };
        if !status.success() {
            return Err(self.failed(&format!("ended with {status}")));
        }
        let text = std::fs::read_to_string(&self.figures_file)
            .map_err(|error| HostError::file(&self.figures_file, error))?;
        let run: HostRun =
            serde_json::from_str(&text).map_err(|error| HostError::file(&self.figures_file, error))?;
        Ok(Outcome {
            sent: Recording::read(&side.music)?.looped(MUSIC_LOOP_FRAMES, play_frames(setup)),
            heard: Recording::read(&self.heard_file)?,
            heard_file: self.heard_file.clone(),
            clock: BlockClock::new(run.start_ns, setup.sample_rate_hz, side.ppm),
            run,
            report: self.last_report.clone(),
        })
    }

    fn failed(&self, why: &str) -> HostError {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let tail: Vec<&str> = said.lines().rev().take(20).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        HostError::host(&self.name, format!("{why}; it said last:\n{}", tail.join("\n")))
    }
}

impl Drop for HostProcess {
    fn drop(&mut self) {
        drop(self.words.take());
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

const READY_WITHIN: Duration = Duration::from_secs(30);
const FINISH_WITHIN: Duration = Duration::from_secs(20);

fn play_frames(setup: &Setup) -> usize {
    setup.seconds as usize * setup.sample_rate_hz as usize
}

fn tail_frames(setup: &Setup) -> usize {
    (TAIL.as_secs_f64() * f64::from(setup.sample_rate_hz)) as usize
}

/// The program of a host and the bundle that it opens.
fn command(side: &Side) -> Result<Command, HostError> {
    let mut command = match side.kind {
        HostKind::Vst3 | HostKind::Vst3Multi | HostKind::Vst3Return => {
            let mut command = Command::new(bundles::python()?);
            command.arg(bundles::vst3_host_script()).arg("play").arg("--bundle").arg(bundles::vst3()?);
            command
        }
        HostKind::Clap | HostKind::ClapMulti { .. } | HostKind::ClapReturn => {
            let mut command = Command::new(program("clap_host")?);
            command.arg("play").arg("--bundle").arg(bundles::clap()?);
            command
        }
        HostKind::Daw(..) | HostKind::DawRolling(..) => Command::new(program("daw_host")?),
    };
    match side.kind {
        HostKind::Vst3 | HostKind::Clap => {}
        HostKind::Vst3Multi => {
            command.args(["--name", "Backline Multi"]);
        }
        HostKind::Vst3Return => {
            command.args(["--name", "Backline Return"]);
        }
        HostKind::ClapMulti { output_port } => {
            command.args(["--class", bundles::CLAP_MULTI_ID, "--output-port", &output_port.to_string()]);
        }
        HostKind::Daw(daw, class) => {
            command.args(["--daw", daw.name(), "--name", class.name()]);
        }
        HostKind::DawRolling(daw, class) => {
            command.args(["--daw", daw.name(), "--name", class.name(), "--roll"]);
        }
        HostKind::ClapReturn => {
            command.args(["--class", bundles::CLAP_RETURN_ID]);
        }
    }
    if let Some(state) = &side.state {
        command.arg("--state").arg(state);
    }
    command.env_remove("BACKLINE_HOST_LINK_FILE").env_remove("BACKLINE_JOIN");
    Ok(command)
}

/// The programs of this crate lie beside each other, one folder up from test programs.
fn program(name: &str) -> Result<PathBuf, HostError> {
    let own = std::env::current_exe().map_err(|error| HostError::file(name, error))?;
    let found =
        own.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|program| program.exists());
    found.ok_or_else(|| HostError::Missing(format!("the program {name} (cargo build -p backline-hosts)")))
}

/// Keeps what the host prints, and notes when it is ready.
fn listen(
    out: Option<ChildStdout>,
    err: Option<ChildStderr>,
    ready: &Arc<Mutex<bool>>,
    said: &Arc<Mutex<String>>,
) {
    let ready = Arc::clone(ready);
    let keep = |said: &Arc<Mutex<String>>, line: &str| {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push_str(line);
        said.push('\n');
    };
    let read_lines =
        move |stream: Box<dyn Read + Send>, said: Arc<Mutex<String>>, ready: Option<Arc<Mutex<bool>>>| {
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    match &ready {
                        Some(ready) if line.trim() == "ready" => {
                            *ready.lock().unwrap_or_else(PoisonError::into_inner) = true
                        }
                        _ => keep(&said, &line),
                    }
                }
            });
        };
    if let Some(out) = out {
        read_lines(Box::new(out), Arc::clone(said), Some(ready));
    }
    if let Some(err) = err {
        read_lines(Box::new(err), Arc::clone(said), None);
    }
}
