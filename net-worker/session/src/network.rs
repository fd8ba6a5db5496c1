//! The paths of one participant and the way to the session's host.
//!
//! It sends what the other parts of the session want said or played, and decides nothing. The step before
//! is `sending`, `mesh` or `uplink`; the step after is `backline_transport::Path`, or the relay in this process.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backline_transport::{Certificate, LocalAddresses, MediaHead};
use backline_wire::limits::CANDIDATES_MAX;
use backline_wire::{Candidate, Control, Missing, PeerId, Ssrc};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::links::Links;

/// Which path: a call of the host, or the direct one to a peer. Of two calls the later has the higher key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LinkKey {
    /// The n-th call of the host.
    Host(u32),
    /// Direct.
    Peer(PeerId),
}

/// How the host is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Uplink {
    /// Not at all, now.
    Down,
    /// It is in this process.
    Here,
    /// Over a path.
    Path(LinkKey),
}

impl Uplink {
    /// Its path, if it has one.
    pub fn key(self) -> Option<LinkKey> {
        match self {
            Uplink::Path(key) => Some(key),
            Uplink::Down | Uplink::Here => None,
        }
    }
}

/// What passes between a participant and the relay of the same process: what a path would have carried.
#[derive(Debug, Clone, PartialEq)]
pub enum LocalMessage {
    /// A control message.
    Control(Control),
    /// The participant misses packets of a stream.
    Missing {
        /// Which stream.
        ssrc: Ssrc,
        /// Which packets.
        missing: Missing,
    },
    /// A packet of a stream.
    Media {
        /// Which stream.
        ssrc: Ssrc,
        /// Its header.
        head: MediaHead,
        /// Its payload.
        payload: Arc<[u8]>,
    },
}

/// Everything that leads out.
pub(crate) struct Network {
    pub links: Links<LinkKey>,
    pub certificate: Certificate,
    /// Where this machine may be reached, with the port.
    pub addresses: LocalAddresses,
    /// Where the host sees us: behind a router, a server-reflexive address for which no server had to be asked.
    pub observed: Option<SocketAddr>,
    pub uplink: Uplink,
    pub to_relay: VecDeque<LocalMessage>,
    /// To how many the relay of this process passes each packet on.
    pub listeners: usize,
    /// Whom the relay of this process reaches by an address on a TURN server.
    pub relayed_members: BTreeSet<PeerId>,
    random: ChaCha20Rng,
    started: Instant,
    started_unix: Duration,
}

impl Network {
    pub fn new(certificate: Certificate, seed: [u8; 32], now: Instant, unix_time: Duration) -> Self {
        Self {
            links: Links::new(),
            certificate,
            addresses: LocalAddresses::default(),
            observed: None,
            uplink: Uplink::Down,
            to_relay: VecDeque::new(),
            listeners: 0,
            relayed_members: BTreeSet::new(),
            random: ChaCha20Rng::from_seed(seed),
            started: now,
            started_unix: unix_time,
        }
    }

    /// The wall clock at `now`, computed from the monotonic one, so that it never jumps.
    pub fn unix_time(&self, now: Instant) -> Duration {
        self.started_unix + now.saturating_duration_since(self.started)
    }

    /// When the wall clock, so computed, showed or will show a time; the first moment that is known for what was before.
    pub fn instant(&self, unix_time: Duration) -> Instant {
        self.started + unix_time.saturating_sub(self.started_unix)
    }

    /// Where others may try to reach us, best first.
    pub fn offered(&self) -> Vec<Candidate> {
        let mut addresses = self.addresses.clone();
        addresses.reflexive.extend(self.observed.filter(|at| !addresses.relayed.contains(at)));
        let candidate = |address| Candidate { address, is_relayed: addresses.relayed.contains(&address) };
        addresses.offered(CANDIDATES_MAX).into_iter().map(candidate).collect()
    }

    /// Unpredictable bytes.
    pub fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill_bytes(&mut bytes);
        bytes
    }

    /// Says something to the host. False when there is no way to it now.
    pub fn say_to_host(&mut self, now: Instant, message: Control) -> bool {
        match self.uplink {
            Uplink::Down => false,
            Uplink::Here => {
                self.to_relay.push_back(LocalMessage::Control(message));
                true
            }
            Uplink::Path(key) => self.say(key, now, &message),
        }
    }

    /// Says something over one path. False when it does not stand.
    pub fn say(&mut self, key: LinkKey, now: Instant, message: &Control) -> bool {
        let Some(path) = self.links.get_mut(key) else { return false };
        match path.send_control(now, &message.encode()) {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(?key, %error, "a control message could not be sent");
                false
            }
        }
    }

    /// Sends a packet of a stream of ours to the host and straight to every peer that is reached and wants it; how many went out.
    pub fn send_media(
        &mut self,
        now: Instant,
        ssrc: Ssrc,
        (head, payload): (&MediaHead, &[u8]),
        unwanted_by: &BTreeSet<PeerId>,
    ) -> usize {
        let mut sent = 0;
        if self.uplink == Uplink::Here {
            self.to_relay.push_back(LocalMessage::Media { ssrc, head: *head, payload: payload.into() });
            sent += self.listeners;
        }
        for (key, path) in self.links.iter_mut() {
            let leads_on = match key {
                LinkKey::Peer(peer) => !unwanted_by.contains(&peer),
                LinkKey::Host(_) => self.uplink == Uplink::Path(key),
            };
            if leads_on && path.is_connected() && path.send_media(now, ssrc, *head, payload).is_ok() {
                sent += 1;
            }
        }
        sent
    }

    /// Asks for packets of a stream: the peer that sends it, if it comes straight from there, and the host else.
    pub fn ask_again(&mut self, now: Instant, straight: Option<PeerId>, ssrc: Ssrc, missing: &Missing) {
        let direct = straight.filter(|peer| *peer != PeerId::HOST).map(LinkKey::Peer);
        let key = match (direct, self.uplink) {
            (Some(key), _) | (None, Uplink::Path(key)) => key,
            (None, Uplink::Here) => {
                let missing = missing.clone();
                return self.to_relay.push_back(LocalMessage::Missing { ssrc, missing });
            }
            (None, Uplink::Down) => return,
        };
        let path = self.links.get_mut(key);
        if let Some(Err(error)) = path.map(|path| path.send_feedback(now, ssrc, &missing.encode())) {
            tracing::debug!(?key, %error, "missing packets could not be asked for");
        }
    }

    /// Opens a stream of ours on every path, so that packets of it can be sent.
    pub fn open_stream(&mut self, ssrc: Ssrc) {
        for (key, path) in self.links.iter_mut() {
            if let Err(error) = path.open_stream(ssrc) {
                tracing::debug!(?key, %error, "our stream could not be opened on a path");
            }
        }
    }

    /// A stream of ours is not sent any more.
    pub fn close_stream(&mut self, ssrc: Ssrc) {
        self.links.iter_mut().for_each(|(_, path)| path.close_stream(ssrc));
    }

    /// A stream of somebody else is not sent any more.
    pub fn forget_stream(&mut self, ssrc: Ssrc) {
        self.links.iter_mut().for_each(|(_, path)| path.forget_stream(ssrc));
    }

    /// Expects a stream on a path.
    pub fn expect_stream(&mut self, key: LinkKey, ssrc: Ssrc) {
        if let Some(Err(error)) = self.links.get_mut(key).map(|path| path.expect_stream(ssrc)) {
            tracing::debug!(?key, %error, "a stream could not be expected on a path");
        }
    }
}
