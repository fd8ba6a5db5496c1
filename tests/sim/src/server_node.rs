//! A server in the simulated network: one shard with virtual sockets and a disk that keeps everything at once.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use backline_client::{HostKeys, Hosted};
use backline_relay::{Limits, MixConfig, RelayConfig, SessionId, Shard, ShardEvent};
use backline_session::document::LedgerWrite;
use backline_transport::LocalAddresses;
use backline_wire::{InviteLink, Route};

use crate::chance::Chance;

/// One server.
pub struct ServerNode {
    /// Its brain.
    pub shard: Shard,
    /// What it told.
    pub events: Vec<ShardEvent>,
    /// Where it listens.
    pub address: SocketAddr,
    limits: Limits,
    chance: Chance,
    /// Of sessions that are opened again after they failed.
    keys: Vec<(SessionId, String, HostKeys)>,
}

impl ServerNode {
    /// Without a session yet.
    pub fn new(address: SocketAddr, limits: Limits, seed: u64, now: Instant) -> Self {
        Self {
            shard: Shard::new(limits, now),
            events: Vec::new(),
            address,
            limits,
            chance: Chance::new(seed),
            keys: Vec::new(),
        }
    }

    /// Opens a session.
    pub fn open(&mut self, name: &str, now: Instant, unix_time: Duration) -> (SessionId, InviteLink) {
        let Ok(hosted) = Hosted::new(self.seed()) else {
            unreachable!("keys need nothing that could be missing")
        };
        let id = SessionId(self.keys.len() as u64 + 1);
        self.keys.push((id, name.to_owned(), hosted.keys.clone()));
        self.carry(id, name.to_owned(), hosted, (now, unix_time));
        match self.shard.invite(id, &[]) {
            Some(Ok(link)) => (id, link),
            other => unreachable!("a session that was opened has a link: {other:?}"),
        }
    }

    /// Does what a driver does after each turn: keeps, hears, and opens again what has failed.
    pub fn turn(&mut self, now: Instant, unix_time: Duration) {
        while let Some((id, write)) = self.shard.poll_store() {
            if let LedgerWrite::Entry(entry) = write {
                self.shard.handle_stored(id, now, entry.revision);
            }
        }
        while let Some(event) = self.shard.poll_event() {
            if let ShardEvent::SessionFailed(id, _) = &event
                && let Some((id, name, keys)) = self.keys.iter().find(|(known, ..)| known == id).cloned()
                && let Ok(hosted) = Hosted::new(self.seed())
            {
                self.carry(id, name, Hosted { keys, ..hosted }, (now, unix_time));
            }
            self.events.push(event);
        }
    }

    fn carry(&mut self, id: SessionId, name: String, hosted: Hosted, (now, unix_time): (Instant, Duration)) {
        let config = RelayConfig {
            secret: hosted.keys.secret,
            certificate: hosted.keys.certificate,
            addresses: LocalAddresses::of_host(&[self.address]),
            first_ssrc: self.chance.bits() as u32,
            document: hosted.document,
            has_store: true,
            unix_time,
            limits: self.limits,
            route: Route::Mesh,
            mix: MixConfig::default(),
        };
        self.shard.open(id, name, config, now);
    }

    fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        seed.chunks_mut(8).for_each(|part| part.copy_from_slice(&self.chance.bits().to_le_bytes()));
        seed
    }
}
