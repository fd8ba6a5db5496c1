//! Host processes, each with several instances of the built plugin on tracks of its own, in one session: which tone is heard on
//! which track, and how loud.
//!
//! Each instance plays a tone that nobody else does. The process of a side is `bin/clap_band.rs`; this starts all, asks them to
//! measure and to automate parameters, and reads what they say. It does not judge.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::bundles;
use crate::error::HostError;

/// How loud each tone is played.
pub const AMPLITUDE: f32 = 0.04;
/// A tone that is at least so much of it loud is heard,
pub const HEARD: f32 = 0.7;
/// and one that is less than this is not.
pub const SILENT: f32 = 0.05;

/// What the hosts are called.
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// How loud each tone of the session is on each instance of a side, as a part of how loud it is played: instances × tones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Instances in the order in which they were made; tones of side A, then those of side B, and so on.
    pub loudness: Vec<Vec<f32>>,
}

/// The frequency of an instance's tone in Hz: whole periods in a tenth of a second, none a small multiple of another.
pub fn tone_hz(number: usize) -> f32 {
    430.0 + 170.0 * number as f32
}

impl Measurement {
    /// How loud a tone is on all instances of the side together.
    pub fn of_tone(&self, tone: usize) -> f32 {
        self.loudness.iter().filter_map(|instance| instance.get(tone)).sum()
    }
}

/// All sides of a session.
#[derive(Debug)]
pub struct Band {
    sides: Vec<Side>,
}

/// One host process.
#[derive(Debug)]
struct Side {
    name: &'static str,
    child: Child,
    words: ChildStdin,
    answers: BufReader<ChildStdout>,
    report: PathBuf,
}

/// A parameter that the host of a side moves.
#[derive(Debug, Clone, Copy)]
pub struct Automation<'a> {
    /// Of which of its instances.
    pub instance: usize,
    /// By name: "Slot 1 Gain".
    pub parameter: &'a str,
    /// To where, as the plugin reads it: "-12 dB".
    pub to: &'a str,
}

impl Band {
    /// Starts a host with `instances[0]` instances, the first of which opens the session, and one for each other number, which join; four
    /// hosts at the most.
    ///
    /// # Errors
    /// When there is no bundle, or a process does not start.
    pub fn start(folder: &Path, instances: &[usize]) -> Result<Self, HostError> {
        let link = folder.join("invite-link");
        let tones = instances.iter().sum();
        let mut sides: Vec<Side> = Vec::new();
        let mut first_tone = 0;
        for (name, count) in NAMES.into_iter().zip(instances) {
            let role = if sides.is_empty() { "BACKLINE_HOST_LINK_FILE" } else { "BACKLINE_JOIN" };
            sides.push(Side::start(name, folder, (first_tone, *count, tones), (role, &link))?);
            first_tone += count;
        }
        Ok(Self { sides })
    }

    /// What all sides hear in the next two seconds.
    ///
    /// # Errors
    /// When a process has ended.
    pub fn measure(&mut self) -> Result<Vec<Measurement>, HostError> {
        self.sides.iter_mut().try_for_each(|side| side.say("measure"))?;
        self.sides.iter_mut().map(Side::answer).collect()
    }

    /// The host of a side moves a parameter there, in half a second; what is measured next is measured after that.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn automate(&mut self, side: usize, automation: Automation<'_>) -> Result<(), HostError> {
        let Automation { instance, parameter, to } = automation;
        self.sides[side].say(&format!("automate {instance}\t{parameter}\t{to}"))
    }

    /// What the plugin of a side reports; of a side with several instances, that of any of them.
    ///
    /// # Errors
    /// When it has not reported.
    pub fn report(&self, side: usize) -> Result<serde_json::Value, HostError> {
        let side = &self.sides[side];
        let text =
            std::fs::read_to_string(&side.report).map_err(|error| HostError::file(&side.report, error))?;
        serde_json::from_str(&text).map_err(|error| HostError::host(side.name, format!("{error}: {text:?}")))
    }

    /// Measures until it is as wished, but no longer than `within`; gives the last.
    ///
    /// # Errors
    /// When a process has ended.
    pub fn measure_until(
        &mut self,
        within: Duration,
        wish: impl Fn(&[Measurement]) -> bool,
    ) -> Result<Vec<Measurement>, HostError> {
        let started = Instant::now();
        loop {
            let measured = self.measure()?;
            if wish(&measured) || started.elapsed() > within {
                return Ok(measured);
            }
        }
    }
}

/// On how many instances of a side each tone is heard, and the number of tones that are neither heard nor silent somewhere.
fn heard_times(side: &Measurement) -> (Vec<usize>, usize) {
    let tones = side.loudness.first().map_or(0, Vec::len);
    let of_tone = |tone: usize| side.loudness.iter().map(move |instance| instance[tone]);
    let heard = |tone: usize| of_tone(tone).filter(|loudness| *loudness >= HEARD).count();
    let unclear = |tone: &usize| of_tone(*tone).any(|loudness| (SILENT..HEARD).contains(&loudness));
    ((0..tones).map(heard).collect(), (0..tones).filter(unclear).count())
}

/// On how many ways something is wrong: tones of other sides that are not heard exactly once, own ones that are heard, and what is
/// between heard and silent. `instances` are those of each side.
pub fn wrong_ways(measured: &[Measurement], instances: &[usize]) -> usize {
    let of_side = |(side, measurement): (usize, &Measurement)| {
        let (times, unclear) = heard_times(measurement);
        let first: usize = instances[..side].iter().sum();
        let own = first..first + instances[side];
        let expected = |tone: usize| usize::from(!own.contains(&tone));
        let wrong = times.iter().enumerate().filter(|(tone, times)| **times != expected(*tone)).count();
        wrong + unclear
    };
    measured.iter().enumerate().map(of_side).sum()
}

impl Side {
    fn start(
        name: &'static str,
        folder: &Path,
        (first_tone, instances, tones): (usize, usize, usize),
        role: (&str, &Path),
    ) -> Result<Self, HostError> {
        let report = folder.join(format!("report-{name}.json"));
        let mut child = Command::new(program()?)
            .args([Path::new("--bundle"), &bundles::clap()?])
            .args(["--instances", &instances.to_string(), "--first-tone", &first_tone.to_string()])
            .args(["--tones", &tones.to_string()])
            .env(role.0, role.1)
            .env("BACKLINE_QUALITY", "lossless")
            .env("BACKLINE_AUTOMATIC", "off")
            .env("BACKLINE_NAME", format!("Host {}", name.to_uppercase()))
            .env("BACKLINE_CONFIG_DIR", folder.join(format!("config-{name}")))
            .env("BACKLINE_DATA_DIR", folder.join(format!("data-{name}")))
            .env("BACKLINE_LOCAL_NETWORK", "off")
            .env("BACKLINE_REPORT", &report)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| HostError::host(name, format!("could not be started: {error}")))?;
        let ends = child.stdin.take().zip(child.stdout.take());
        let (words, answers) = ends.ok_or_else(|| HostError::host(name, "has no pipes"))?;
        Ok(Self { name, child, words, answers: BufReader::new(answers), report })
    }

    fn say(&mut self, word: &str) -> Result<(), HostError> {
        writeln!(self.words, "{word}").map_err(|error| HostError::host(self.name, error.to_string()))
    }

    fn answer(&mut self) -> Result<Measurement, HostError> {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        read.map_err(|error| HostError::host(self.name, error.to_string()))?;
        serde_json::from_str(&line).map_err(|error| HostError::host(self.name, format!("{error}: {line:?}")))
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        let _ = writeln!(self.words, "end");
        let started = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && started.elapsed() < ENDS_WITHIN {
            std::thread::sleep(Duration::from_millis(10));
        }
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// The program of a side, which cargo builds beside this one.
fn program() -> Result<PathBuf, HostError> {
    let own = std::env::current_exe().map_err(|error| HostError::file("this program", error))?;
    let found =
        own.ancestors().skip(1).take(2).map(|folder| folder.join("clap_band")).find(|path| path.exists());
    found.ok_or_else(|| HostError::Missing("the test host clap_band".to_owned()))
}
