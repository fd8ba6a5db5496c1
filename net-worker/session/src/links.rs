//! Several paths behind one port: which of them a datagram belongs to, and polling all of them in turn.
//!
//! Used by a participant (the path to the host, those to peers) and by a relay (those to all members).
//! It knows keys and paths, not what is said over them. It remembers where each path's datagrams come from and which paths were touched, so that
//! a packet costs the same whether there are four paths or five hundred.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use backline_transport::{Path, PathEvent, Transmit};

/// Paths by key.
///
/// Polling order: `poll_event` until none, then `poll_transmit` until none, then `poll_timeout`.
#[derive(Default)]
pub struct Links<K> {
    paths: BTreeMap<K, Link>,
    /// Who took what last came from an address.
    by_address: BTreeMap<SocketAddr, K>,
    /// Paths that may have something to tell.
    with_events: VecDeque<K>,
    /// Paths that may have something to send.
    with_transmits: VecDeque<K>,
}

/// A path, and in which of the lists it is: a packet that goes to a path which is listed already costs no list anything.
struct Link {
    path: Path,
    is_with_events: bool,
    is_with_transmits: bool,
}

impl Link {
    fn list_events<K>(&mut self, key: K, list: &mut VecDeque<K>) {
        if !std::mem::replace(&mut self.is_with_events, true) {
            list.push_back(key);
        }
    }

    fn list_transmits<K>(&mut self, key: K, list: &mut VecDeque<K>) {
        if !std::mem::replace(&mut self.is_with_transmits, true) {
            list.push_back(key);
        }
    }
}

impl<K: Ord + Copy> Links<K> {
    /// None yet.
    pub fn new() -> Self {
        Self {
            paths: BTreeMap::new(),
            by_address: BTreeMap::new(),
            with_events: VecDeque::new(),
            with_transmits: VecDeque::new(),
        }
    }

    /// Adds a path; one that had the key is forgotten without a word to the peer.
    pub fn insert(&mut self, key: K, path: Path) {
        self.with_events.retain(|of| *of != key);
        self.with_transmits.retain(|of| *of != key);
        self.paths.insert(key, Link { path, is_with_events: true, is_with_transmits: true });
        self.with_events.push_back(key);
        self.with_transmits.push_back(key);
    }

    /// Forgets a path at once.
    pub fn remove(&mut self, key: K) -> Option<Path> {
        self.by_address.retain(|_, of| *of != key);
        self.with_events.retain(|of| *of != key);
        self.with_transmits.retain(|of| *of != key);
        self.paths.remove(&key).map(|link| link.path)
    }

    /// The path of a key.
    pub fn get(&self, key: K) -> Option<&Path> {
        self.paths.get(&key).map(|link| &link.path)
    }

    /// The path of a key.
    pub fn get_mut(&mut self, key: K) -> Option<&mut Path> {
        let link = self.paths.get_mut(&key)?;
        link.list_events(key, &mut self.with_events);
        link.list_transmits(key, &mut self.with_transmits);
        Some(&mut link.path)
    }

    /// The path of a key, for somebody who only sends media or feedback: nothing happens on it by that.
    pub fn get_to_send(&mut self, key: K) -> Option<&mut Path> {
        let link = self.paths.get_mut(&key)?;
        link.list_transmits(key, &mut self.with_transmits);
        Some(&mut link.path)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// All, in key order.
    pub fn iter(&self) -> impl Iterator<Item = (K, &Path)> {
        self.paths.iter().map(|(key, link)| (*key, &link.path))
    }

    /// All, in key order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (K, &mut Path)> {
        let Self { paths, with_events, with_transmits, .. } = self;
        paths.iter_mut().map(|(key, link)| {
            link.list_events(*key, with_events);
            link.list_transmits(*key, with_transmits);
            (*key, &mut link.path)
        })
    }

    /// Gives a datagram to the path that it belongs to; none when it is nobody's. Where two paths lead to one
    /// address (a connection that was lost and its successor), the one with the higher key, the newer, counts.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        local: SocketAddr,
        datagram: &[u8],
    ) -> Option<K> {
        let key = self.owner(source, datagram)?;
        self.get_mut(key)?.handle_datagram(now, source, local, datagram);
        Some(key)
    }

    /// Whose datagram it is. A check says it by its names; of the rest, all from one address belong to the path that the last of them did.
    pub fn owner(&mut self, source: SocketAddr, datagram: &[u8]) -> Option<K> {
        let is_check = matches!(datagram, [0..=3, ..]);
        let known = self.by_address.get(&source).copied().filter(|_| !is_check);
        let takes = |link: &Link| link.path.accepts(source, datagram);
        if let Some(key) = known.filter(|key| self.paths.get(key).is_some_and(takes)) {
            return Some(key);
        }
        let key = *self.paths.iter().rev().find(|(_, link)| takes(link))?.0;
        if self.by_address.get(&source).is_none_or(|before| *before <= key) {
            self.by_address.insert(source, key);
        }
        Some(key)
    }

    /// Where anything that belonged to a path has come from.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.by_address.keys().copied()
    }

    /// Lets every path whose deadline has come do its work.
    pub fn handle_timeout(&mut self, now: Instant) {
        for (key, link) in &mut self.paths {
            if link.path.poll_timeout().is_some_and(|at| at <= now) {
                link.path.handle_timeout(now);
                link.list_events(*key, &mut self.with_events);
                link.list_transmits(*key, &mut self.with_transmits);
            }
        }
    }

    /// The next thing that happened on any path.
    pub fn poll_event(&mut self) -> Option<(K, PathEvent)> {
        while let Some(key) = self.with_events.front().copied() {
            if let Some(link) = self.paths.get_mut(&key) {
                if let Some(event) = link.path.poll_event() {
                    return Some((key, event));
                }
                link.is_with_events = false;
            }
            self.with_events.pop_front();
        }
        None
    }

    /// The next datagram of any path, into `buffer`.
    pub fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        while let Some(key) = self.with_transmits.front().copied() {
            if let Some(link) = self.paths.get_mut(&key) {
                if let Some(transmit) = link.path.poll_transmit(buffer) {
                    return Some(transmit);
                }
                link.is_with_transmits = false;
            }
            self.with_transmits.pop_front();
        }
        None
    }

    /// The earliest deadline of all paths.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.paths.values().filter_map(|link| link.path.poll_timeout()).min()
    }
}
