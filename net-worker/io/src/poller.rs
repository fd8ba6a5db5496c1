//! Waiting for what happens next: a datagram, a ring of the audio thread's doorbell, a deadline.
//!
//! One `Poller` per worker thread; its [`WakeHandle`] may be used from any thread and never blocks. A worker has one port, a load generator one for
//! each client that it plays.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token, Waker};

use crate::udp::Port;

const WAKE: Token = Token(0);
/// Of the first port; the others follow.
const DATAGRAM: usize = 1;
/// Ports of which one wait tells at the most; the others are told of by the next.
const EVENTS_MAX: usize = 256;

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
        Ok(Self { poll, events: Events::with_capacity(EVENTS_MAX), waker })
    }

    /// Ends waits whenever datagrams arrive at `port`.
    ///
    /// # Errors
    /// What the system said.
    pub fn watch(&self, port: &mut Port) -> io::Result<()> {
        self.watch_as(port, 0)
    }

    /// The same for one of several ports: [`Poller::ready`] tells its number.
    ///
    /// # Errors
    /// What the system said.
    pub fn watch_as(&self, port: &mut Port, number: usize) -> io::Result<()> {
        self.poll.registry().register(port.source(), Token(DATAGRAM + number), Interest::READABLE)
    }

    /// The numbers of the ports at which datagrams had arrived when the last wait ended.
    pub fn ready(&self) -> impl Iterator<Item = usize> {
        self.events.iter().filter_map(|event| event.token().0.checked_sub(DATAGRAM))
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
        let timeout = self.wait_exactly(timeout);
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            outcome => outcome,
        }
    }

    /// Waits for short times itself, and says what is left to wait: mio counts in whole milliseconds, and rounds up.
    #[cfg(target_os = "linux")]
    fn wait_exactly(&self, timeout: Option<Duration>) -> Option<Duration> {
        use std::os::fd::AsRawFd;
        let Some(short) = timeout.filter(|time| *time < SHORT && !time.is_zero()) else { return timeout };
        let mut watched = libc::pollfd { fd: self.poll.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let timeout = libc::timespec { tv_sec: 0, tv_nsec: short.subsec_nanos().into() };
        // SAFETY: one descriptor is passed, and its length said; it and the time live until the call is over, which keeps neither; no signal mask is passed.
        // Whatever ends it (also a signal, or an error), what has happened is read next.
        unsafe { libc::ppoll(&raw mut watched, 1, &raw const timeout, std::ptr::null()) };
        Some(Duration::ZERO)
    }

    #[cfg(not(target_os = "linux"))]
    fn wait_exactly(&self, timeout: Option<Duration>) -> Option<Duration> {
        timeout
    }
}

/// Waits below this are exact. (It is less than a second, which the call relies on.)
#[cfg(target_os = "linux")]
const SHORT: Duration = Duration::from_millis(20);

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
    fn of_several_ports_the_one_is_told_that_has_something() {
        let mut poller = Poller::new().unwrap();
        let mut ports: Vec<Port> = (0..5).map(|_| Port::open().unwrap()).collect();
        ports.iter_mut().enumerate().for_each(|(number, port)| poller.watch_as(port, number).unwrap());
        let at = std::net::SocketAddr::from(([127, 0, 0, 1], ports[3].number()));
        assert!(ports[0].send(at, b"hello"));
        let mut ready = Vec::new();
        while ready.is_empty() {
            poller.wait(Some(Duration::from_secs(5))).unwrap();
            ready.extend(poller.ready());
        }
        assert_eq!(ready, [3]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_wait_is_as_short_as_it_was_asked_for() {
        let mut poller = Poller::new().unwrap();
        // A machine that does other work may be late, but not each time.
        let exact = (0..200).any(|_| {
            let began = crate::clock::now();
            poller.wait(Some(Duration::from_micros(200))).unwrap();
            let took = crate::clock::now() - began;
            assert!(took >= Duration::from_micros(200), "{took:?}");
            took < Duration::from_micros(700)
        });
        assert!(exact);
    }

    #[test]
    fn a_wake_ends_a_short_wait() {
        let mut poller = Poller::new().unwrap();
        let handle = poller.wake_handle();
        let thread = std::thread::spawn(move || handle.wake());
        let mut waits = 0;
        while poller.events.is_empty() && waits < 1_000 {
            poller.wait(Some(Duration::from_millis(10))).unwrap();
            waits += 1;
        }
        assert!(!poller.events.is_empty());
        thread.join().unwrap();
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
