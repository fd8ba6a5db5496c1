//! Several paths behind one port: which of them a datagram belongs to, and polling all of them in turn.
//!
//! Used by a participant (the path to the host, those to peers) and by a relay (those to all members).
//! It knows keys and paths, not what is said over them. It remembers where each path's datagrams come from and which paths were touched, so that
//! a packet costs the same whether there are four paths or five hundred.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Instant;

use backline_transport::{Path, PathEvent, Transmit};

/// Paths by key.
///
/// Polling order: `poll_event` until none, then `poll_transmit` until none, then `poll_timeout`.
#[derive(Default)]
pub struct Links<K> {
    paths: BTreeMap<K, Path>,
    /// Who took what last came from an address.
    by_address: BTreeMap<SocketAddr, K>,
    /// Paths that may have something to tell.
    with_events: BTreeSet<K>,
    /// Paths that may have something to send.
    with_transmits: BTreeSet<K>,
}

impl<K: Ord + Copy> Links<K> {
    /// None yet.
    pub fn new() -> Self {
        Self {
            paths: BTreeMap::new(),
            by_address: BTreeMap::new(),
            with_events: BTreeSet::new(),
            with_transmits: BTreeSet::new(),
        }
    }

    /// Adds a path; one that had the key is forgotten without a word to the peer.
    pub fn insert(&mut self, key: K, path: Path) {
        self.paths.insert(key, path);
        self.with_events.insert(key);
        self.with_transmits.insert(key);
    }

    /// Forgets a path at once.
    pub fn remove(&mut self, key: K) -> Option<Path> {
        self.by_address.retain(|_, of| *of != key);
        self.with_events.remove(&key);
        self.with_transmits.remove(&key);
        self.paths.remove(&key)
    }

    /// The path of a key.
    pub fn get(&self, key: K) -> Option<&Path> {
        self.paths.get(&key)
    }

    /// The path of a key.
    pub fn get_mut(&mut self, key: K) -> Option<&mut Path> {
        let path = self.paths.get_mut(&key)?;
        self.with_events.insert(key);
        self.with_transmits.insert(key);
        Some(path)
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
        self.paths.iter().map(|(key, path)| (*key, path))
    }

    /// All, in key order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (K, &mut Path)> {
        self.with_events.extend(self.paths.keys());
        self.with_transmits.extend(self.paths.keys());
        self.paths.iter_mut().map(|(key, path)| (*key, path))
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
        let takes = |path: &Path| path.accepts(source, datagram);
        if let Some(key) = known.filter(|key| self.paths.get(key).is_some_and(takes)) {
            return Some(key);
        }
        let key = *self.paths.iter().rev().find(|(_, path)| takes(path))?.0;
        if self.by_address.get(&source).is_none_or(|before| *before <= key) {
            self.by_address.insert(source, key);
        }
        Some(key)
    }

    /// Whether anything that belonged to a path has come from there.
    pub fn knows(&self, source: SocketAddr) -> bool {
        self.by_address.contains_key(&source)
    }

    /// Lets every path whose deadline has come do its work.
    pub fn handle_timeout(&mut self, now: Instant) {
        for (key, path) in &mut self.paths {
            if path.poll_timeout().is_some_and(|at| at <= now) {
                path.handle_timeout(now);
                self.with_events.insert(*key);
                self.with_transmits.insert(*key);
            }
        }
    }

    /// The next thing that happened on any path.
    pub fn poll_event(&mut self) -> Option<(K, PathEvent)> {
        while let Some(key) = self.with_events.first().copied() {
            if let Some(event) = self.paths.get_mut(&key).and_then(Path::poll_event) {
                return Some((key, event));
            }
            self.with_events.remove(&key);
        }
        None
    }

    /// The next datagram of any path, into `buffer`.
    pub fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        while let Some(key) = self.with_transmits.first().copied() {
            if let Some(transmit) = self.paths.get_mut(&key).and_then(|path| path.poll_transmit(buffer)) {
                return Some(transmit);
            }
            self.with_transmits.remove(&key);
        }
        None
    }

    /// The earliest deadline of all paths.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.paths.values().filter_map(Path::poll_timeout).min()
    }
}
