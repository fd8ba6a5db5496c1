//! The network between the participants: what becomes of each datagram, decided by a seed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::SocketAddr;
use std::time::Duration;

use crate::chance::Chance;
use crate::way::{Passage, Way};

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
    passages: BTreeMap<(SocketAddr, SocketAddr), Passage>,
    blocked: BTreeSet<(SocketAddr, SocketAddr)>,
    cut: BTreeSet<SocketAddr>,
    flying: BinaryHeap<Reverse<Flying>>,
    chance: Chance,
    delivered: BTreeMap<SocketAddr, u64>,
    sent: u64,
    /// Datagrams that the network lost or refused.
    pub lost: u64,
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            usual: Way::clean(Duration::from_millis(2)),
            special: BTreeMap::new(),
            passages: BTreeMap::new(),
            blocked: BTreeSet::new(),
            cut: BTreeSet::new(),
            flying: BinaryHeap::new(),
            chance: Chance::new(seed),
            delivered: BTreeMap::new(),
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

    /// Holds back what goes from one address to another until then, and lets it go at once: a router that was busy.
    pub fn hold(&mut self, from: SocketAddr, to: SocketAddr, until: Duration) {
        self.passages.entry((from, to)).or_default().hold(until);
    }

    /// Puts a datagram on the way.
    pub fn send(&mut self, now: Duration, source: SocketAddr, destination: SocketAddr, bytes: &[u8]) {
        let direction = (source, destination);
        let is_cut = self.cut.contains(&source) || self.cut.contains(&destination);
        if is_cut || self.blocked.contains(&direction) {
            self.lost += 1;
            return;
        }
        let way = self.special.get(&direction).unwrap_or(&self.usual);
        let passage = self.passages.entry(direction).or_default();
        let copies = passage.pass(way, now, bytes.len(), &mut self.chance);
        self.lost += u64::from(copies.is_empty());
        for passed in copies {
            let mut bytes = bytes.to_vec();
            if let Some(bit) = passed.wrong_bit
                && let Some(byte) = bytes.get_mut(bit / 8)
            {
                *byte ^= 1 << (bit % 8);
            }
            self.sent += 1;
            let flying = Flying { arrives: passed.arrives, number: self.sent, source, destination, bytes };
            self.flying.push(Reverse(flying));
        }
    }

    /// Datagrams that have arrived at an address so far.
    pub fn delivered_to(&self, address: SocketAddr) -> u64 {
        self.delivered.get(&address).copied().unwrap_or(0)
    }

    pub(crate) fn next_arrival(&self) -> Option<Duration> {
        self.flying.peek().map(|Reverse(flying)| flying.arrives)
    }

    pub(crate) fn take_arrived(&mut self, now: Duration) -> Option<Flying> {
        if self.next_arrival()? > now {
            return None;
        }
        let Reverse(flying) = self.flying.pop()?;
        *self.delivered.entry(flying.destination).or_default() += 1;
        Some(flying)
    }
}
