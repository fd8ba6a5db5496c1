//! Reaching and being reached from afar: our address as a STUN server sees it, and one on a TURN server (RFC 8489, RFC 8656).
//!
//! It is sans-IO and sits between the paths and the socket: datagrams of the servers stop here, what a path sends
//! from the relayed address is wrapped, what peers send to it is unwrapped. It is not ICE: which address is used is
//! decided by each [`crate::Path`]. The step before and after is the driver, on both sides.
//!
//! Order of polling: after any `handle_…` or `wrap`, `poll_transmit` until `None`, `poll_event` until `None`, then
//! `poll_timeout`. Transaction ids are the TURN library's own random numbers; nothing else depends on chance.

mod allocation;
mod muted;
mod probe;
mod release;

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::path::plain;
use allocation::Allocation;
use probe::{Probe, Seen};

/// Which servers help; both may be none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReachConfig {
    /// Tells our address as the internet sees it; where it is none, the TURN server is asked.
    pub stun: Option<SocketAddr>,
    /// Passes datagrams on for peers that cannot be reached otherwise.
    pub turn: Option<TurnServer>,
}

/// A TURN server and what it asks for (long-term credentials, RFC 8489 section 9.2). `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct TurnServer {
    /// Reached over UDP.
    pub address: SocketAddr,
    /// The user name there.
    pub user: String,
    /// The password there.
    pub password: String,
}

impl fmt::Debug for TurnServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnServer").field("address", &self.address).finish_non_exhaustive()
    }
}

/// What became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReachEvent {
    /// Datagrams to this address arrive at our socket, as far as the router lets them.
    Reflexive(SocketAddr),
    /// The TURN server passes on to us what arrives at this address.
    Relayed(SocketAddr),
    /// The relayed address is no more; another one is asked for by itself.
    RelayLost(SocketAddr),
    /// A server does not help; where that can change it is asked again by itself.
    Failed(ReachError),
}

/// Why a server does not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReachError {
    /// Nothing comes back.
    #[error("the STUN server {0} does not answer: check its address, and whether the network lets UDP out")]
    StunSilent(SocketAddr),
    /// An answer without an address.
    #[error("the STUN server {0} does not tell an address: choose another one")]
    StunUseless(SocketAddr),
    /// Nothing comes back.
    #[error("the TURN server {0} does not answer: check its address, and whether the network lets UDP out")]
    TurnSilent(SocketAddr),
    /// Error 401.
    #[error("the TURN server {0} does not accept the user name and password: check both")]
    TurnUnauthorised(SocketAddr),
    /// Error 486 or 508.
    #[error("the TURN server {0} has no room for another connection now: try later, or choose another one")]
    TurnFull(SocketAddr),
    /// Any other error of RFC 8656.
    #[error("the TURN server {server} refuses (error {code}): ask who runs it, or choose another one")]
    TurnRefused {
        /// Which.
        server: SocketAddr,
        /// Of RFC 8489 section 14.8; 0 when it said none.
        code: u16,
    },
}

/// Whose is a datagram?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// No server's: it is for the paths as it is.
    Elsewhere,
    /// Between a server and us; done.
    Here,
    /// A peer's, sent to our relayed address: this part of the datagram is for the paths.
    Relayed {
        /// Who sent it.
        peer: SocketAddr,
        /// Our relayed address that it came to.
        local: SocketAddr,
        /// Where it is in the datagram; always inside.
        payload: Range<usize>,
    },
}

/// The servers that help one socket. `[worker-thread]`
pub struct Reach {
    config: ReachConfig,
    probe: Option<Probe>,
    /// Keeps the router's way to the TURN server open and tells when it changed, where another server tells our address.
    turn_probe: Option<Probe>,
    allocation: Option<Allocation>,
    reflexive: Option<SocketAddr>,
    relayed: Option<SocketAddr>,
    /// Addresses that a path may still send from.
    relayed_before: VecDeque<SocketAddr>,
    /// When the TURN server was last heard, and when it was last asked because it was silent.
    heard: Instant,
    doubted: Instant,
    told: Option<ReachError>,
    events: VecDeque<ReachEvent>,
    began: Instant,
    last_now: Instant,
}

impl Reach {
    /// Asks both servers; the first datagrams wait in `poll_transmit`.
    pub fn new(config: ReachConfig, now: Instant) -> Self {
        let turn = config.turn.as_ref().map(|turn| turn.address);
        let probe = config.stun.or(turn).map(|server| Probe::new(server, now));
        let turn_probe =
            turn.filter(|_| config.stun.is_some_and(|stun| Some(stun) != turn)).map(|at| Probe::new(at, now));
        let allocation = config.turn.clone().map(|turn| Allocation::new(turn, now));
        let mut reach = Self {
            config,
            probe,
            turn_probe,
            allocation,
            reflexive: None,
            relayed: None,
            relayed_before: VecDeque::new(),
            heard: now,
            doubted: now,
            told: None,
            events: VecDeque::new(),
            began: now,
            last_now: now,
        };
        reach.advance(now);
        reach
    }

    /// A datagram came to our socket. Never an error: what is not valid is nobody's.
    pub fn handle_datagram(&mut self, now: Instant, source: SocketAddr, datagram: &[u8]) -> Arrived {
        let source = plain(source);
        if self.config.turn.as_ref().is_some_and(|turn| turn.address == source) {
            self.heard = now;
        }
        let is_answer = [&mut self.probe, &mut self.turn_probe]
            .into_iter()
            .flatten()
            .any(|probe| probe.handle_datagram(now, source, datagram));
        if is_answer {
            self.advance(now);
            return Arrived::Here;
        }
        let Some(allocation) = self.allocation.as_mut().filter(|turn| turn.server() == source) else {
            return Arrived::Elsewhere;
        };
        let arrived = allocation.handle_datagram(now, datagram);
        if arrived == Arrived::Here {
            self.advance(now);
        }
        arrived
    }

    /// A deadline of [`Reach::poll_timeout`] has come (earlier and later calls do no harm).
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
    }

    /// The machine's own addresses have changed: the servers are asked again at once.
    pub fn network_changed(&mut self, now: Instant) {
        for probe in [&mut self.probe, &mut self.turn_probe].into_iter().flatten() {
            probe.ask_now(now);
        }
        self.advance(now);
    }

    /// Gives the relayed address back; poll the datagrams once more.
    pub fn close(&mut self, now: Instant) {
        if let Some(allocation) = &mut self.allocation {
            allocation.close(now);
        }
        self.advance(now);
    }

    /// Whether `source` of a [`crate::Transmit`] is, or was, an address on the TURN server: then it has to be wrapped.
    pub fn is_relayed(&self, source: SocketAddr) -> bool {
        self.relayed == Some(source) || self.relayed_before.contains(&source)
    }

    /// Wraps what a path sends from the relayed address `source` to `peer`, and says where it goes instead. `None`: it is
    /// lost, since the relayed address is gone or the server does not yet let this peer in (ICE repeats its checks).
    pub fn wrap(
        &mut self,
        now: Instant,
        source: SocketAddr,
        peer: SocketAddr,
        datagram: &mut Vec<u8>,
    ) -> Option<SocketAddr> {
        if self.relayed != Some(source) {
            return None;
        }
        self.doubt_silence(now);
        let allocation = self.allocation.as_mut()?;
        let is_wrapped = allocation.wrap(now, plain(peer), datagram);
        is_wrapped.then(|| allocation.server())
    }

    /// The next datagram to a server; `buffer` is cleared and filled.
    pub fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<SocketAddr> {
        for probe in [&mut self.probe, &mut self.turn_probe].into_iter().flatten() {
            if probe.poll_transmit(buffer) {
                return Some(probe.server());
            }
        }
        let allocation = self.allocation.as_mut()?;
        allocation.poll_transmit(buffer).then(|| allocation.server())
    }

    /// What became known, oldest first.
    pub fn poll_event(&mut self) -> Option<ReachEvent> {
        self.events.pop_front()
    }

    /// When [`Reach::handle_timeout`] is wanted next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let probes = [&self.probe, &self.turn_probe].into_iter().flatten().map(Probe::poll_timeout);
        probes.chain(self.allocation.as_ref().and_then(Allocation::poll_timeout)).min()
    }

    /// What was asked for.
    pub fn config(&self) -> &ReachConfig {
        &self.config
    }

    /// Our address as the internet sees it.
    pub fn reflexive(&self) -> Option<SocketAddr> {
        self.reflexive
    }

    /// Our address on the TURN server.
    pub fn relayed(&self) -> Option<SocketAddr> {
        self.relayed
    }

    /// Every server has said or refused what it can, or takes too long: an invite link may be shown.
    pub fn is_settled(&self) -> bool {
        let asks = self.config.stun.is_some() && self.probe.as_ref().is_some_and(Probe::is_first_asked);
        let waits = self.allocation.as_ref().is_some_and(Allocation::is_first_asked);
        !(asks || waits) || self.last_now.saturating_duration_since(self.began) >= SETTLED_AFTER
    }

    fn advance(&mut self, now: Instant) {
        self.last_now = self.last_now.max(now);
        if let Some(seen) = self.probe.as_mut().and_then(|probe| probe.advance(now)) {
            self.handle_seen(now, seen);
        }
        if let Some(Seen::Moved(_)) = self.turn_probe.as_mut().and_then(|probe| probe.advance(now)) {
            self.way_changed(now);
        }
        while let Some(event) = self.allocation.as_mut().and_then(|turn| turn.poll_event(now)) {
            self.handle_allocation(event);
        }
    }

    /// While much is sent by the TURN server and nothing comes from it, our router may have given us another address.
    fn doubt_silence(&mut self, now: Instant) {
        let is_long = |since: Instant| now.saturating_duration_since(since) >= DOUBTED_AFTER;
        if is_long(self.heard) && is_long(self.doubted) {
            self.doubted = now;
            if let Some(probe) = self.turn_probe.as_mut().or(self.probe.as_mut()) {
                probe.ask_now(now);
            }
            self.advance(now);
        }
    }

    fn handle_seen(&mut self, now: Instant, seen: Seen) {
        match seen {
            Seen::First(address) | Seen::Moved(address) => {
                self.reflexive = Some(address);
                self.events.push_back(ReachEvent::Reflexive(address));
                if matches!(seen, Seen::Moved(_)) && self.turn_probe.is_none() {
                    self.way_changed(now);
                }
            }
            Seen::Nothing(error) if self.config.stun.is_some() => self.tell(error),
            // A TURN server need not answer such questions.
            Seen::Nothing(_) => {}
        }
    }

    /// The TURN server sees us at another address: it knows our allocation no longer (RFC 8656 section 2).
    fn way_changed(&mut self, now: Instant) {
        if let Some(allocation) = &mut self.allocation {
            allocation.start_again(now);
        }
    }

    fn handle_allocation(&mut self, event: ReachEvent) {
        match event {
            ReachEvent::Relayed(address) => {
                self.relayed = Some(address);
                self.told = None;
            }
            ReachEvent::RelayLost(address) => {
                self.relayed = None;
                if self.relayed_before.len() >= RELAYED_KEPT {
                    self.relayed_before.pop_front();
                }
                self.relayed_before.push_back(address);
            }
            ReachEvent::Failed(error) => return self.tell(error),
            ReachEvent::Reflexive(_) => {}
        }
        self.events.push_back(event);
    }

    /// The same trouble is told once.
    fn tell(&mut self, error: ReachError) {
        if self.told != Some(error) {
            self.told = Some(error);
            self.events.push_back(ReachEvent::Failed(error));
        }
    }
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reach").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Who waits for an invite link has waited long enough.
const SETTLED_AFTER: Duration = Duration::from_secs(3);
/// Peers send checks every 400 ms.
const DOUBTED_AFTER: Duration = Duration::from_millis(700);
/// Paths forget an address of ours with themselves.
const RELAYED_KEPT: usize = 16;
