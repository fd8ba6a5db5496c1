//! A program that runs while it is held, with its words in a file. Ended by its id, politely first; also when this one is asked to
//! end, for then whoever looks whether it still runs is told so.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::Failed;

const END_WITHIN: Duration = Duration::from_secs(3);

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

/// A running program.
pub struct Program {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it.
    pub fn start(name: &str, command: &mut Command, folder: &Path) -> Result<Self, Failed> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .map_err(|error| format!("{name} cannot be started: {error}"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// An error with its last words when it has ended, or when this program is to end.
    pub fn check_running(&mut self) -> Result<(), Failed> {
        if is_stopped() {
            return Err(Failed::from("stopped by a signal"));
        }
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => {
                let said = std::fs::read_to_string(&self.log).unwrap_or_default();
                let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing");
                Err(Failed::from(format!("{} ended with {status}; it said last: {last}", self.name)))
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: no memory is passed; the child has not been waited for, so its id is still its own.
        unsafe { libc::kill(self.child.id() as libc::pid_t, libc::SIGTERM) };
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
        assert!(error.contains("brief ended") && error.contains("alas"), "{error}");
    }
}
