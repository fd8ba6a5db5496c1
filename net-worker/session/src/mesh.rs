//! Direct paths to the other joiners: offers passed on by the host, then ICE.
//!
//! Of two peers the one with the lower id dials: it offers, the other answers with an offer of the same
//! attempt, and both open their path. A path that does not come up or falls silent is tried again, ever
//! more rarely; meanwhile the host passes the media on. The host itself is reached by the uplink.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use backline_transport::{Path, PathConfig, Role};
use backline_wire::credentials::{password_from_random, ufrag_from_random};
use backline_wire::limits::PEER_VANISHED_AFTER;
use backline_wire::{Candidate, Control, IceCredentials, PathOffer, PeerId};

use crate::network::{LinkKey, Network};

/// How long an attempt may take from its offer to a connected path.
const ATTEMPT_MAX: Duration = Duration::from_secs(6);
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(30);

/// Direct paths, wanted or standing, by peer.
#[derive(Default)]
pub(crate) struct Mesh {
    peers: BTreeMap<PeerId, DirectPath>,
}

struct DirectPath {
    attempt: u32,
    /// What we offered in this attempt.
    local: IceCredentials,
    began: Instant,
    /// When the dialer tries again, unless the path stands by then.
    retry_after: Duration,
    connected: bool,
}

impl Mesh {
    /// A peer is here: the one with the lower id dials.
    pub fn peer_joined(&mut self, network: &mut Network, me: PeerId, peer: PeerId, now: Instant) {
        if me < peer && !self.peers.contains_key(&peer) {
            self.offer(network, peer, 1, RETRY_FIRST, now);
        }
    }

    /// A peer is gone.
    pub fn peer_left(&mut self, network: &mut Network, peer: PeerId) {
        self.peers.remove(&peer);
        network.links.remove(LinkKey::Peer(peer));
    }

    /// No direct paths any more.
    pub fn end(&mut self, network: &mut Network) {
        let all: Vec<PeerId> = self.peers.keys().copied().collect();
        all.into_iter().for_each(|peer| self.peer_left(network, peer));
    }

    /// An offer came by the host.
    pub fn offered(&mut self, network: &mut Network, me: PeerId, offer: &PathOffer, now: Instant) {
        if offer.peer < me {
            let local = fresh_credentials(network);
            let opened = open(network, Role::Acceptor, &local, offer, now);
            let answer = offer_message(network, offer.peer, offer.attempt, &local);
            if opened && network.say_to_host(now, answer) {
                self.remember(offer.peer, offer.attempt, local, RETRY_FIRST, now);
            }
        } else if let Some(direct) = self.peers.get(&offer.peer).filter(|d| d.attempt == offer.attempt) {
            let local = direct.local.clone();
            open(network, Role::Dialer, &local, offer, now);
        }
    }

    /// One more address of a peer.
    pub fn candidate(network: &mut Network, peer: PeerId, at: Candidate) {
        if let Some(path) = network.links.get_mut(LinkKey::Peer(peer)) {
            path.add_remote_candidate(at);
        }
    }

    /// One more address of ours, for every peer that has an offer of us already.
    pub fn tell_candidate(&self, network: &mut Network, at: Candidate, now: Instant) {
        for peer in self.peers.keys() {
            network.say_to_host(now, Control::Candidate { peer: *peer, at });
        }
    }

    /// A direct path came up.
    pub fn connected(&mut self, peer: PeerId) {
        if let Some(direct) = self.peers.get_mut(&peer) {
            direct.connected = true;
            direct.retry_after = RETRY_FIRST;
        }
    }

    /// A direct path closed.
    pub fn closed(&mut self, network: &mut Network, peer: PeerId, now: Instant) {
        network.links.remove(LinkKey::Peer(peer));
        if let Some(direct) = self.peers.get_mut(&peer) {
            direct.connected = false;
            direct.began = now;
        }
    }

    /// Whether a peer is reached directly.
    pub fn is_connected(&self, peer: PeerId) -> bool {
        self.peers.get(&peer).is_some_and(|direct| direct.connected)
    }

    /// Gives up silent paths and tries again where that is due.
    pub fn run(&mut self, network: &mut Network, me: PeerId, now: Instant) {
        self.close_silent(network, now);
        let due: Vec<(PeerId, u32, Duration)> = self
            .peers
            .iter()
            .filter(|(peer, direct)| me < **peer && !direct.connected && direct.is_over(now))
            .map(|(peer, direct)| (*peer, direct.attempt.wrapping_add(1), direct.retry_after))
            .collect();
        for (peer, attempt, waited) in due {
            network.links.remove(LinkKey::Peer(peer));
            self.offer(network, peer, attempt, (waited * 2).min(RETRY_MAX), now);
        }
    }

    fn close_silent(&mut self, network: &mut Network, now: Instant) {
        let silent: Vec<PeerId> = self
            .peers
            .iter()
            .filter(|(peer, direct)| direct.connected && is_silent(network, **peer, now))
            .map(|(peer, _)| *peer)
            .collect();
        for peer in silent {
            self.closed(network, peer, now);
        }
    }

    fn offer(&mut self, network: &mut Network, peer: PeerId, attempt: u32, retry: Duration, now: Instant) {
        let local = fresh_credentials(network);
        let message = offer_message(network, peer, attempt, &local);
        network.say_to_host(now, message);
        self.remember(peer, attempt, local, retry, now);
    }

    fn remember(&mut self, peer: PeerId, attempt: u32, local: IceCredentials, retry: Duration, now: Instant) {
        let direct = DirectPath { attempt, local, began: now, retry_after: retry, connected: false };
        self.peers.insert(peer, direct);
    }
}

impl DirectPath {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.began) >= ATTEMPT_MAX + self.retry_after
    }
}

fn is_silent(network: &Network, peer: PeerId, now: Instant) -> bool {
    let heard = network.links.get(LinkKey::Peer(peer)).and_then(Path::last_heard);
    heard.is_none_or(|at| now.saturating_duration_since(at) >= PEER_VANISHED_AFTER)
}

fn fresh_credentials(network: &mut Network) -> IceCredentials {
    IceCredentials {
        ufrag: ufrag_from_random(network.random()),
        password: password_from_random(network.random()),
    }
}

fn offer_message(network: &Network, peer: PeerId, attempt: u32, local: &IceCredentials) -> Control {
    Control::PathOffer(PathOffer {
        peer,
        attempt,
        ufrag: local.ufrag.clone(),
        password: local.password.clone(),
        fingerprint: network.certificate.fingerprint(),
        candidates: network.offered(),
    })
}

fn open(network: &mut Network, role: Role, local: &IceCredentials, offer: &PathOffer, now: Instant) -> bool {
    let config = PathConfig {
        role,
        local: local.clone(),
        remote: offer.credentials(),
        remote_fingerprint: Some(offer.fingerprint),
        certificate: &network.certificate,
        local_addresses: &network.addresses.host,
        remote_candidates: &offer.candidates,
    };
    match Path::new(config, now) {
        Ok(mut path) => {
            path.add_local_addresses(&network.addresses);
            network.links.insert(LinkKey::Peer(offer.peer), path);
            true
        }
        Err(error) => {
            tracing::debug!(peer = %offer.peer, %error, "a direct path could not be set up");
            false
        }
    }
}
