//! Waiting for what happens next: a datagram, a ring of the audio thread's doorbell, a deadline.
//!
//! One `Poller` per worker thread; its [`WakeHandle`] may be used from any thread and never blocks.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token, Waker};

use crate::udp::Port;

const WAKE: Token = Token(0);
const DATAGRAM: Token = Token(1);

/// Waits for one worker.
pub struct Poller {
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
}

impl Poller {
    /// A poller that nothing is registered with yet.
    ///
    /// # Errors
    /// What the system said, for instance that the process has too many open files.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        Ok(Self { poll, events: Events::with_capacity(8), waker })
    }

    /// Ends waits whenever datagrams arrive at `port`.
    ///
    /// # Errors
    /// What the system said.
    pub fn watch(&self, port: &mut Port) -> io::Result<()> {
        self.poll.registry().register(port.source(), DATAGRAM, Interest::READABLE)
    }

    /// For whoever may end the wait.
    pub fn wake_handle(&self) -> WakeHandle {
        WakeHandle(Arc::clone(&self.waker))
    }

    /// Waits for a datagram, a wake-up, or until `timeout` is over. May return early for no reason.
    /// After it every waiting datagram must be read: arrivals are told once.
    ///
    /// # Errors
    /// What the system said; an interrupted wait is none.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            outcome => outcome,
        }
    }
}

/// Ends a [`Poller`]'s wait, from any thread. Cheap to clone.
#[derive(Clone, Debug)]
pub struct WakeHandle(Arc<Waker>);

impl WakeHandle {
    /// Ends the wait now or, when none is under way, the next one. One system call that never blocks:
    /// a write of eight bytes to an eventfd on Linux.
    pub fn wake(&self) {
        // The only failure is a counter at its limit, which is a wake-up that is already waiting.
        let _ = self.0.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_before_the_wait_is_not_lost() {
        let mut poller = Poller::new().unwrap();
        poller.wake_handle().wake();
        poller.wait(None).unwrap();
    }

    #[test]
    fn another_thread_ends_the_wait() {
        let mut poller = Poller::new().unwrap();
        let handle = poller.wake_handle();
        let thread = std::thread::spawn(move || handle.wake());
        poller.wait(None).unwrap();
        thread.join().unwrap();
    }
}
