//! Runs an instance without a person, as the environment asks: hosts or joins, and reports.
//!
//! The thread here exists only while `BACKLINE_HOST_LINK_FILE`, `BACKLINE_JOIN` or `BACKLINE_REPORT` is set. It does
//! what a person with an editor would: looks at snapshots and sends commands. The variables: `environment.rs`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use backline_client::{Command, Severity};

use crate::environment::{Environment, path_of_instance};
use crate::project::Project;
use crate::report;

/// How often snapshots are looked at; this thread makes no sound and may be late.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often the report is written.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// How long to wait for a file that holds a link.
const LINK_FILE_WAIT_MAX: Duration = Duration::from_secs(30);

/// Ends with the instance.
pub struct Unattended {
    reporter: Option<Arc<Reporter>>,
    thread: Option<Running>,
}

struct Running {
    stop: Sender<()>,
    handle: JoinHandle<()>,
}

impl Unattended {
    /// Does what the environment asks. [main-thread]
    pub fn start(project: Arc<Project>, environment: Environment) -> Self {
        apply_settings(&project, &environment);
        let reporter = environment.report.as_ref().map(|path| Arc::new(Reporter::new(project.clone(), path)));
        let attendant = Attendant::new(project.clone(), environment, reporter.clone());
        let thread = if attendant.has_work() { spawn(&project, attendant) } else { None };
        Self { reporter, thread }
    }

    /// Writes the report now, where one is wanted. [main-thread]
    pub fn report_now(&self) {
        if let Some(reporter) = &self.reporter {
            reporter.write();
        }
    }
}

impl Drop for Unattended {
    /// Waits for the thread, which never takes longer than one file.
    fn drop(&mut self) {
        if let Some(Running { stop, handle }) = self.thread.take() {
            drop(stop);
            let _ = handle.join();
        }
        self.report_now();
    }
}

fn apply_settings(project: &Project, environment: &Environment) {
    // Straight to the client: what the environment says is not for the project to keep.
    let client = project.client();
    if let Some(name) = &environment.name {
        client.send(Command::SetName(name.clone()));
    }
    if let Some(quality) = environment.quality {
        client.send(Command::SetQuality(quality));
    }
    if let Some(automatic) = environment.automatic {
        client.send(Command::SetAutomatic(automatic));
    }
    if let Some(depth) = environment.depth {
        client.send(Command::SetDepthCeiling(depth));
    }
    if environment.host_address.is_some() {
        client.send(Command::SetHostAddress(environment.host_address.clone()));
    }
    if environment.stun.is_some() || environment.turn.is_some() {
        client.send(Command::SetServers { stun: environment.stun.clone(), turn: environment.turn.clone() });
    }
    for complaint in &environment.complaints {
        complain(project, complaint.clone());
    }
}

fn complain(project: &Project, text: String) {
    tracing::warn!("{text}");
    let advice = "See docs/OPERATING.md for the environment variables.".to_owned();
    project.client().send(Command::Notify { severity: Severity::Error, text, advice });
}

fn spawn(project: &Project, attendant: Attendant) -> Option<Running> {
    let (stop, stopped) = channel();
    let named = std::thread::Builder::new().name("backline-unattended".to_owned());
    match named.spawn(move || attendant.run(&stopped)) {
        Ok(handle) => Some(Running { stop, handle }),
        Err(error) => {
            complain(
                project,
                format!("Backline cannot follow its environment variables: no thread ({error})."),
            );
            None
        }
    }
}

/// What the thread still has to do.
struct Attendant {
    project: Arc<Project>,
    host_link_file: Option<Claim>,
    written_link: Option<String>,
    join_file: Option<PathBuf>,
    reporter: Option<Arc<Reporter>>,
}

/// The link files that instances of this process write.
static HOSTING: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// That this instance writes a link file, and no other of this process; given back when dropped.
struct Claim(PathBuf);

impl Claim {
    /// None where another instance of this process has it.
    fn new(path: &Path) -> Option<Self> {
        let mut hosting = HOSTING.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = !hosting.iter().any(|claimed| claimed == path);
        is_free.then(|| {
            hosting.push(path.to_owned());
            Self(path.to_owned())
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut hosting = HOSTING.lock().unwrap_or_else(PoisonError::into_inner);
        hosting.retain(|claimed| *claimed != self.0);
    }
}

impl Attendant {
    /// Sends what can be sent at once.
    fn new(project: Arc<Project>, environment: Environment, reporter: Option<Arc<Reporter>>) -> Self {
        let instance = project.state().instance;
        let host_link_file = environment.host_link_file.map(|path| path_of_instance(&path, instance));
        let mut join_file = None;
        let host_link_file = host_link_file.map(|path| Claim::new(&path).ok_or(path));
        match (&host_link_file, environment.join) {
            (Some(Ok(Claim(path))), _) => {
                // A link of an earlier run would lead others astray.
                let _ = std::fs::remove_file(path);
                project.send(Command::Host);
            }
            // Another track of the same project hosts: this one is a source of its own there.
            (Some(Err(path)), _) => join_file = Some(path.clone()),
            (None, Some(link)) if is_link(&link) => project.send(Command::Join { link }),
            (None, Some(path)) => join_file = Some(PathBuf::from(path)),
            (None, None) => {}
        }
        let host_link_file = host_link_file.and_then(Result::ok);
        Self { project, host_link_file, written_link: None, join_file, reporter }
    }

    fn has_work(&self) -> bool {
        self.host_link_file.is_some() || self.join_file.is_some() || self.reporter.is_some()
    }

    fn run(mut self, stopped: &Receiver<()>) {
        let started = Instant::now();
        let mut next_report = started;
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(LOOK_EVERY) {
            self.write_link();
            self.join_from_file(started.elapsed());
            if Instant::now() >= next_report {
                next_report = Instant::now() + REPORT_EVERY;
                self.reporter.iter().for_each(|reporter| reporter.write());
            }
        }
    }

    fn write_link(&mut self) {
        let Some(Claim(path)) = &self.host_link_file else { return };
        let invite = self.project.client().snapshot().invite.clone();
        let Some(link) = invite.filter(|link| self.written_link.as_ref() != Some(link)) else { return };
        if let Err(error) = replace_file(path, link.as_bytes()) {
            complain(
                &self.project,
                format!("The invite link cannot be written to {}: {error}.", path.display()),
            );
        }
        self.written_link = Some(link);
    }

    fn join_from_file(&mut self, waited: Duration) {
        let Some(path) = &self.join_file else { return };
        let found = std::fs::read_to_string(path).ok().filter(|text| is_link(text));
        if let Some(link) = found {
            self.project.send(Command::Join { link: link.trim().to_owned() });
            self.join_file = None;
        } else if waited > LINK_FILE_WAIT_MAX {
            complain(&self.project, format!("BACKLINE_JOIN: there is no invite link in {}.", path.display()));
            self.join_file = None;
        }
    }
}

fn is_link(text: &str) -> bool {
    text.trim_start().starts_with("backline:")
}

/// Writes the report of one instance; the host's thread and the attendant's may both ask for it.
struct Reporter {
    project: Arc<Project>,
    path: Mutex<PathBuf>,
}

impl Reporter {
    fn new(project: Arc<Project>, path: &Path) -> Self {
        let path = path_of_instance(path, project.state().instance);
        Self { project, path: Mutex::new(path) }
    }

    fn write(&self) {
        let path = self.path.lock().unwrap_or_else(PoisonError::into_inner);
        let client = self.project.client();
        let text = report::json(&client.snapshot(), &client.meters()).to_string();
        if let Err(error) = replace_file(&path, text.as_bytes()) {
            tracing::warn!("the report cannot be written to {}: {error}", path.display());
        }
    }
}

/// Whoever reads the file sees the old text or the new one, never half of one.
fn replace_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(bytes)?;
    drop(file);
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests;
