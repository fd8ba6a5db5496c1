//! A program that runs while it is held, with its words in a file. Ended by its id, politely first; also when this one is asked to
//! end, for then whoever looks whether it still runs is told so.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::HostError;

const END_WITHIN: Duration = Duration::from_secs(3);
/// As many lines of what it said are in an error.
const LAST_LINES: usize = 12;

static IS_STOPPED: AtomicBool = AtomicBool::new(false);

extern "C" fn stop(_: libc::c_int) {
    IS_STOPPED.store(true, Ordering::Relaxed);
}

/// From now on Ctrl-C and the like end the work in hand instead of this program, so that nothing is left behind.
pub fn heed_signals() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: the handler does nothing but store to an atomic, which is allowed in one.
        unsafe { libc::signal(signal, stop as *const () as libc::sighandler_t) };
    }
}

/// Whether this program was asked to end.
pub fn is_stopped() -> bool {
    IS_STOPPED.load(Ordering::Relaxed)
}

/// Lets the program end with the thread that starts it, also where that one is killed and drops nothing.
pub fn ends_with_this_thread(command: &mut Command) -> &mut Command {
    // SAFETY: between fork and exec this makes one system call and touches no memory.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        })
    }
}

/// A running program.
pub struct Program {
    name: String,
    child: Child,
    words: Option<ChildStdin>,
    log: PathBuf,
}

impl Program {
    /// Starts it.
    pub fn start(name: &str, command: &mut Command, folder: &Path) -> Result<Self, HostError> {
        let log = folder.join(format!("{name}.log"));
        let open = || {
            let file = File::create(&log)?;
            Ok((file.try_clone()?, file))
        };
        let (out, err) = open().map_err(|error: std::io::Error| HostError::file(&log, error))?;
        let started = command.stdin(Stdio::piped()).stdout(out).stderr(err).spawn();
        let mut child =
            started.map_err(|error| HostError::host(name, format!("cannot be started: {error}")))?;
        let words = child.stdin.take();
        Ok(Self { name: name.to_owned(), child, words, log })
    }

    /// An error with its last words when it has ended, or when this program is to end.
    pub fn check_running(&mut self) -> Result<(), HostError> {
        if is_stopped() {
            return Err(HostError::host(&self.name, "stopped by a signal"));
        }
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(self.failed(format!("ended with {status}"))),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Gives it a line to read.
    pub fn tell(&mut self, line: &str) -> Result<(), HostError> {
        match self.words.as_mut().map(|words| writeln!(words, "{line}").and_then(|()| words.flush())) {
            Some(Ok(())) => Ok(()),
            _ => Err(self.failed("does not listen")),
        }
    }

    /// Sends it a signal, unless it has ended.
    pub fn signal(&mut self, signal: libc::c_int) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // SAFETY: no memory is passed; the child has not been waited for, so its id is still its own.
            unsafe { libc::kill(self.child.id() as libc::pid_t, signal) };
        }
    }

    /// Everything that it has said so far.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Lets it read the end of its input, and waits until it has ended by itself.
    pub fn finish(mut self, within: Duration) -> Result<ExitStatus, HostError> {
        self.words = None;
        let began = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if began.elapsed() > within => return Err(self.failed("did not end")),
                Ok(None) => std::thread::sleep(Duration::from_millis(20)),
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    /// An error with its last words.
    pub fn failed(&self, why: impl ToString) -> HostError {
        let said = self.said();
        let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
        HostError::host(&self.name, format!("{}; it said last: {last}", why.to_string()))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.signal(libc::SIGTERM);
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if began.elapsed() > END_WITHIN {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "in a test that is the way to fail")]
mod tests {
    use super::*;

    #[test]
    fn a_program_ends_when_nobody_holds_it() {
        let folder = std::env::temp_dir();
        let mut sleeper = Program::start("sleeper", Command::new("sleep").arg("60"), &folder).unwrap();
        sleeper.check_running().unwrap();
        let id = sleeper.child.id() as libc::pid_t;
        drop(sleeper);
        // SAFETY: no memory is passed; signal 0 only asks whether there is such a process.
        assert_ne!(unsafe { libc::kill(id, 0) }, 0);
    }

    #[test]
    fn one_that_ended_is_named_with_its_last_words() {
        let folder = std::env::temp_dir();
        let mut brief =
            Program::start("brief", Command::new("sh").args(["-c", "echo alas; exit 3"]), &folder).unwrap();
        let began = Instant::now();
        let error = loop {
            match brief.check_running() {
                Err(error) => break error.to_string(),
                Ok(()) => assert!(began.elapsed() < Duration::from_secs(20)),
            }
        };
        assert!(error.contains("brief: ended with") && error.contains("alas"), "{error}");
    }
}
