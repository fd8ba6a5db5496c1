//! Two places that only the wire connects: network namespaces without a name, which are gone when nothing uses them any more.
//!
//! Each has one interface, a TUN device. What is written to one is read here, held back or lost ([`crate::wire`]), and written
//! to the other, whole IP packets, so that every program works as it is. Needs root.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use backline_hosts::block_clock::{monotonic_now, raise_priority};

use crate::Failed;
use crate::wire::{Quality, Way};

/// Address of the first place, which others call.
pub const FIRST_ADDRESS: &str = "10.77.0.1";
const SECOND_ADDRESS: &str = "10.77.0.2";
const DEVICE: &str = "wire0";
const SEEDS: [u64; 2] = [20_261_121, 20_261_122];
const PACKET_BYTES_MAX: usize = 2048;
/// How long nobody looks whether it is over.
const LOOK_EVERY_NS: u64 = 50_000_000;

/// A network namespace.
pub struct Place {
    namespace: File,
}

impl Place {
    fn new() -> Result<Self, Failed> {
        let made = std::thread::spawn(|| {
            // SAFETY: no memory is passed; only the calling thread, which ends right after, changes its network.
            if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
                return Err(std::io::Error::last_os_error());
            }
            File::open("/proc/thread-self/ns/net")
        });
        let namespace = made.join().map_err(|_| "a thread died")?;
        Ok(Self {
            namespace: namespace
                .map_err(|error| format!("no network namespace: {error} (this needs root)"))?,
        })
    }

    /// Does something with the network of this place; processes started in it keep that network.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> Result<T, Failed> + Send) -> Result<T, Failed> {
        let inside = || {
            // SAFETY: the file is an open namespace; only the calling thread, which ends right after, changes its network.
            if unsafe { libc::setns(self.namespace.as_raw_fd(), libc::CLONE_NEWNET) } != 0 {
                return Err(Failed::from(std::io::Error::last_os_error()));
            }
            work()
        };
        std::thread::scope(|scope| scope.spawn(inside).join().map_err(|_| "a thread died")?)
    }
}

/// Both places and what carries packets between them.
pub struct Network {
    /// The place where music is played.
    pub first: Place,
    /// The place where it is heard.
    pub second: Place,
    may_lose: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
    carriers: Vec<JoinHandle<()>>,
}

impl Network {
    /// A network that delays, and loses nothing yet.
    pub fn new(quality: Quality) -> Result<Self, Failed> {
        let (first, second) = (Place::new()?, Place::new()?);
        let one = first.within(|| device(FIRST_ADDRESS))?;
        let other = second.within(|| device(SECOND_ADDRESS))?;
        let (may_lose, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let pairs = [(one.try_clone()?, other.try_clone()?), (other, one)];
        let carriers = pairs.into_iter().zip(SEEDS).map(|((from, to), seed)| {
            let carrier = Carrier { from, to, way: Way::new(quality, seed), under_way: VecDeque::new() };
            let (may_lose, ended) = (Arc::clone(&may_lose), Arc::clone(&ended));
            std::thread::spawn(move || carrier.run(&may_lose, &ended))
        });
        let carriers = carriers.collect();
        Ok(Self { first, second, may_lose, ended, carriers })
    }

    /// From now on packets are lost.
    pub fn begin_to_lose(&self) {
        self.may_lose.store(true, Ordering::Relaxed);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        for carrier in self.carriers.drain(..) {
            let _ = carrier.join();
        }
    }
}

/// A TUN device in the calling thread's network, with an address.
fn device(address: &str) -> Result<File, Failed> {
    let file = OpenOptions::new().read(true).write(true).open("/dev/net/tun")?;
    // SAFETY: all zero is a valid request; the name is shorter than its field and stays terminated.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (letter, place) in DEVICE.bytes().zip(&mut request.ifr_name) {
        *place = letter as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: the request outlives the call and is of the type that this ioctl expects.
    if unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) } != 0 {
        return Err(Failed::from(format!("no TUN device: {}", std::io::Error::last_os_error())));
    }
    let network = format!("{address}/24");
    ip(&["link", "set", "lo", "up"])?;
    ip(&["address", "add", &network, "dev", DEVICE])?;
    ip(&["link", "set", DEVICE, "up"])?;
    not_waiting(file)
}

fn ip(arguments: &[&str]) -> Result<(), Failed> {
    let output = Command::new("ip").args(arguments).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failed::from(format!(
        "ip {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}

/// A file whose reads return at once.
fn not_waiting(file: File) -> Result<File, Failed> {
    // SAFETY: no memory is passed.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) } != 0 {
        return Err(Failed::from(std::io::Error::last_os_error()));
    }
    Ok(file)
}

/// One direction of the wire.
struct Carrier {
    from: File,
    to: File,
    way: Way,
    under_way: VecDeque<(u64, Vec<u8>)>,
}

impl Carrier {
    fn run(mut self, may_lose: &AtomicBool, ended: &AtomicBool) {
        raise_priority();
        while !ended.load(Ordering::Relaxed) {
            self.wait();
            self.take(may_lose.load(Ordering::Relaxed));
            self.deliver();
        }
    }

    /// Until a packet comes in or one is due.
    fn wait(&self) {
        let now_ns = monotonic_now();
        let due_ns = self.under_way.front().map_or(now_ns + LOOK_EVERY_NS, |(due_ns, _)| *due_ns);
        let wait_ns = due_ns.saturating_sub(now_ns).min(LOOK_EVERY_NS);
        let timeout = libc::timespec { tv_sec: 0, tv_nsec: wait_ns as libc::c_long };
        let mut polled = libc::pollfd { fd: self.from.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry is passed, and it and the timeout outlive the call; no signal mask is set.
        unsafe { libc::ppoll(&raw mut polled, 1, &raw const timeout, std::ptr::null()) };
    }

    fn take(&mut self, may_lose: bool) {
        let mut packet = [0; PACKET_BYTES_MAX];
        loop {
            match self.from.read(&mut packet) {
                Ok(bytes) => {
                    if let Some(due_ns) = self.way.arrival_ns(monotonic_now(), may_lose) {
                        self.under_way.push_back((due_ns, packet[..bytes].to_vec()));
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn deliver(&mut self) {
        while self.under_way.front().is_some_and(|(due_ns, _)| *due_ns <= monotonic_now()) {
            if let Some((_, packet)) = self.under_way.pop_front() {
                // A packet that the other side has no room for is lost, as on any wire.
                let _ = self.to.write(&packet);
            }
        }
    }
}
