//! The signals that ask a program without a window to end, waited for instead of obeyed.
//!
//! For programs of our own only: in a DAW signals are the DAW's. Nothing runs inside of a signal handler; the signals are
//! held back in every thread and taken by the one that waits.

use std::io;

/// Signals that ask to end (SIGTERM, SIGINT), held back from now on.
pub struct EndSignals {
    #[cfg(unix)]
    held: libc::sigset_t,
}

impl EndSignals {
    /// Holds them back in this thread and in all that it starts later: call it before any other thread runs.
    /// [main-thread]
    ///
    /// # Errors
    /// What the system said; the signals end the program as before then.
    #[cfg(unix)]
    pub fn hold() -> io::Result<Self> {
        // SAFETY: a `sigset_t` is plain memory, and `sigemptyset` makes it a set before anything reads it.
        let mut held: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: `held` is ours and lives through all calls; the numbers are those of real signals; no old mask is wanted.
        let outcome = unsafe {
            libc::sigemptyset(&raw mut held);
            for signal in [libc::SIGTERM, libc::SIGINT] {
                libc::sigaddset(&raw mut held, signal);
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const held, std::ptr::null_mut())
        };
        if outcome == 0 { Ok(Self { held }) } else { Err(io::Error::from_raw_os_error(outcome)) }
    }

    /// Elsewhere the system ends the program as it does.
    ///
    /// # Errors
    /// None.
    #[cfg(not(unix))]
    pub fn hold() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits until one of them comes. [main-thread]
    #[cfg(unix)]
    pub fn wait(&self) {
        let mut signal = 0;
        // SAFETY: both pointers are to living values; `held` was made a set in `hold`. Its only error is an invalid set,
        // and then going on means to end, which is what was waited for.
        let _ = unsafe { libc::sigwait(&raw const self.held, &raw mut signal) };
    }

    /// Waits for ever. [main-thread]
    #[cfg(not(unix))]
    pub fn wait(&self) {
        loop {
            std::thread::park();
        }
    }
}
