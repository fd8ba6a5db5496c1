//! The network between the participants: what becomes of each datagram, decided by a seed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::SocketAddr;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What one direction does to datagrams.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Way {
    /// Of every datagram.
    pub delay: Duration,
    /// Added to it, uniform from zero to this; it reorders.
    pub jitter: Duration,
    /// Share that is lost, 0 to 1.
    pub loss: f64,
    /// Share that comes twice, 0 to 1.
    pub duplication: f64,
}

impl Way {
    /// The same delay for every datagram, and nothing lost.
    pub const fn clean(delay: Duration) -> Self {
        Self { delay, jitter: Duration::ZERO, loss: 0.0, duplication: 0.0 }
    }
}

/// A datagram under way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Flying {
    pub arrives: Duration,
    number: u64,
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub bytes: Vec<u8>,
}

/// All ways between all addresses.
pub struct Network {
    /// Where nothing else is said.
    pub usual: Way,
    special: BTreeMap<(SocketAddr, SocketAddr), Way>,
    blocked: BTreeSet<(SocketAddr, SocketAddr)>,
    cut: BTreeSet<SocketAddr>,
    flying: BinaryHeap<Reverse<Flying>>,
    random: ChaCha20Rng,
    sent: u64,
    /// Datagrams that the network lost.
    pub lost: u64,
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            usual: Way::clean(Duration::from_millis(2)),
            special: BTreeMap::new(),
            blocked: BTreeSet::new(),
            cut: BTreeSet::new(),
            flying: BinaryHeap::new(),
            random: ChaCha20Rng::seed_from_u64(seed),
            sent: 0,
            lost: 0,
        }
    }

    /// One direction between two addresses.
    pub fn set(&mut self, from: SocketAddr, to: SocketAddr, way: Way) {
        self.special.insert((from, to), way);
    }

    /// Nothing passes between two addresses, in both directions; others are reached.
    pub fn block(&mut self, one: SocketAddr, other: SocketAddr) {
        self.blocked.insert((one, other));
        self.blocked.insert((other, one));
    }

    /// Whatever was blocked passes again.
    pub fn unblock_all(&mut self) {
        self.blocked.clear();
    }

    /// Unplugs an address, or plugs it in again.
    pub fn cut(&mut self, address: SocketAddr, cut: bool) {
        if cut {
            self.cut.insert(address);
        } else {
            self.cut.remove(&address);
        }
    }

    pub(crate) fn send(&mut self, now: Duration, source: SocketAddr, destination: SocketAddr, bytes: &[u8]) {
        let way = self.special.get(&(source, destination)).copied().unwrap_or(self.usual);
        let is_cut = self.cut.contains(&source) || self.cut.contains(&destination);
        if is_cut || self.blocked.contains(&(source, destination)) || self.chance() < way.loss {
            self.lost += 1;
            return;
        }
        let copies = if self.chance() < way.duplication { 2 } else { 1 };
        for _ in 0..copies {
            let jitter = way.jitter.mul_f64(self.chance());
            let arrives = now + way.delay + jitter;
            self.sent += 1;
            let flying = Flying { arrives, number: self.sent, source, destination, bytes: bytes.to_vec() };
            self.flying.push(Reverse(flying));
        }
    }

    pub(crate) fn next_arrival(&self) -> Option<Duration> {
        self.flying.peek().map(|Reverse(flying)| flying.arrives)
    }

    pub(crate) fn take_arrived(&mut self, now: Duration) -> Option<Flying> {
        if self.next_arrival()? > now {
            return None;
        }
        self.flying.pop().map(|Reverse(flying)| flying)
    }

    fn chance(&mut self) -> f64 {
        self.random.next_u32() as f64 / f64::from(u32::MAX)
    }
}
