//! Several paths behind one port: which of them a datagram belongs to, and polling all of them in turn.
//!
//! Used by a participant (the path to the host, those to peers) and by a relay (those to all members).
//! It knows keys and paths, not what is said over them. At most 16 or so paths, so it looks at each.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use backline_transport::{Path, PathEvent, Transmit};

/// Paths by key.
///
/// Polling order: `poll_event` until none, then `poll_transmit` until none, then `poll_timeout`.
#[derive(Default)]
pub struct Links<K> {
    paths: BTreeMap<K, Path>,
}

impl<K: Ord + Copy> Links<K> {
    /// None yet.
    pub fn new() -> Self {
        Self { paths: BTreeMap::new() }
    }

    /// Adds a path; one that had the key is forgotten without a word to the peer.
    pub fn insert(&mut self, key: K, path: Path) {
        self.paths.insert(key, path);
    }

    /// Forgets a path at once.
    pub fn remove(&mut self, key: K) -> Option<Path> {
        self.paths.remove(&key)
    }

    /// The path of a key.
    pub fn get(&self, key: K) -> Option<&Path> {
        self.paths.get(&key)
    }

    /// The path of a key.
    pub fn get_mut(&mut self, key: K) -> Option<&mut Path> {
        self.paths.get_mut(&key)
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
        let (key, path) = self.paths.iter_mut().rev().find(|(_, path)| path.accepts(source, datagram))?;
        path.handle_datagram(now, source, local, datagram);
        Some(*key)
    }

    /// Lets every path whose deadline has come do its work.
    pub fn handle_timeout(&mut self, now: Instant) {
        for path in self.paths.values_mut() {
            if path.poll_timeout().is_some_and(|at| at <= now) {
                path.handle_timeout(now);
            }
        }
    }

    /// The next thing that happened on any path.
    pub fn poll_event(&mut self) -> Option<(K, PathEvent)> {
        self.paths.iter_mut().find_map(|(key, path)| path.poll_event().map(|event| (*key, event)))
    }

    /// The next datagram of any path, into `buffer`.
    pub fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        self.paths.values_mut().find_map(|path| path.poll_transmit(buffer))
    }

    /// The earliest deadline of all paths.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.paths.values().filter_map(Path::poll_timeout).min()
    }
}
