//! One address on a TURN server (RFC 8656): asked for, kept alive, its peers let in, its datagrams wrapped.
//!
//! The protocol is `turn-client-proto`'s; here is when it starts, starts again and gives up, and who is let in:
//! every peer that a path sends to, and other allocations of the same server (its relayed address is what a joiner
//! with the same server sends from, and a host has no other way to learn of it).

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use turn_client_proto::api::{TransmitBuild, TurnConfig, TurnEvent, TurnPollRet, TurnRecvRet};
use turn_client_proto::prelude::{DelayedTransmitBuild, TurnClientApi};
use turn_client_proto::stun;
use turn_client_proto::types::TurnCredentials;
use turn_client_proto::types::stun::TransportType;
use turn_client_proto::types::stun::attribute::ErrorCode;
use turn_client_proto::types::stun::message::Message;
use turn_client_proto::udp::TurnClientUdp;

use super::muted::{Muted, without_a_word};
use super::release::Release;
use super::{Arrived, ReachError, ReachEvent, TurnServer};

pub(super) struct Allocation {
    server: TurnServer,
    clock: Clock,
    state: State,
    relayed: Option<SocketAddr>,
    /// Transaction of the newest request for an address, and how often it was answered by "unauthorised".
    asked: Option<([u8; 12], u32)>,
    /// How often what an earlier start left there was given back, since the last long wait.
    releases: u32,
    /// Why the server refuses, where it said so.
    refused: Option<u16>,
    /// Peers that the server was asked to let in, and when.
    permits: BTreeMap<IpAddr, Instant>,
    /// Peers that the server was asked to give a channel, and when.
    channels: BTreeMap<SocketAddr, Instant>,
    retry_after: Duration,
    is_settled: bool,
    is_closing: bool,
    wire: VecDeque<Vec<u8>>,
    events: VecDeque<ReachEvent>,
    scratch: Vec<u8>,
}

enum State {
    /// Asking, or there.
    Running { client: Box<Muted<TurnClientUdp>>, deadline: Instant },
    /// Gives back what an earlier start of this port has left on the server.
    Releasing(Box<Release>),
    /// Asks again then.
    Waiting(Instant),
    /// For good.
    Over,
}

/// The library counts nanoseconds from a moment of ours.
#[derive(Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn new(zero: Instant) -> Self {
        Self(zero)
    }

    pub(super) fn library(self, now: Instant) -> stun::Instant {
        let since = now.saturating_duration_since(self.0).as_nanos();
        stun::Instant::from_nanos(i64::try_from(since).unwrap_or(i64::MAX))
    }

    pub(super) fn ours(self, at: stun::Instant) -> Instant {
        self.0 + Duration::from_nanos(u64::try_from(at.as_nanos()).unwrap_or(0))
    }
}

impl Allocation {
    pub(super) fn new(server: TurnServer, now: Instant) -> Self {
        let mut allocation = Self {
            server,
            clock: Clock::new(now),
            state: State::Waiting(now),
            relayed: None,
            asked: None,
            releases: 0,
            refused: None,
            permits: BTreeMap::new(),
            channels: BTreeMap::new(),
            retry_after: RETRY_FIRST,
            is_settled: false,
            is_closing: false,
            wire: VecDeque::new(),
            events: VecDeque::new(),
            scratch: Vec::new(),
        };
        allocation.start(now);
        allocation
    }

    pub(super) fn server(&self) -> SocketAddr {
        self.server.address
    }

    /// Neither there nor refused yet.
    pub(super) fn is_first_asked(&self) -> bool {
        !self.is_settled
    }

    pub(super) fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Arrived {
        match &mut self.state {
            State::Running { .. } => {
                self.note_refusal(datagram);
                let arrived = self.receive(now, datagram);
                if self.refused.is_some() {
                    // The library would wait until its questions have timed out.
                    self.closed(now);
                    return Arrived::Here;
                }
                arrived
            }
            State::Releasing(release) => {
                if release.handle_datagram(now, datagram) {
                    Arrived::Here
                } else {
                    Arrived::Elsewhere
                }
            }
            State::Waiting(_) | State::Over => Arrived::Elsewhere,
        }
    }

    /// Wraps a datagram for a peer, in place. False when it cannot be sent now.
    pub(super) fn wrap(&mut self, now: Instant, peer: SocketAddr, datagram: &mut Vec<u8>) -> bool {
        let Some(relayed) = self.relayed.filter(|relayed| relayed.is_ipv4() == peer.is_ipv4()) else {
            return false;
        };
        debug_assert_ne!(relayed, peer, "ICE pairs no candidate with itself");
        self.let_in(now, peer.ip());
        if !matches!(datagram.as_slice(), [0..=1, ..]) {
            self.bind_channel(now, peer);
        }
        let at = self.clock.library(now);
        let State::Running { client, .. } = &mut self.state else { return false };
        let scratch = &mut self.scratch;
        let is_wrapped = client.with(|client| {
            if !client.have_permission(TransportType::Udp, peer.ip()) {
                return false;
            }
            let wrapped = client.send_to(TransportType::Udp, peer, datagram.as_slice(), at).ok().flatten();
            wrapped.is_some_and(|wrapped| write_into(wrapped, scratch))
        });
        if !is_wrapped {
            return false;
        }
        std::mem::swap(datagram, &mut self.scratch);
        true
    }

    /// What became of it until now.
    pub(super) fn poll_event(&mut self, now: Instant) -> Option<ReachEvent> {
        self.advance(now);
        self.events.pop_front()
    }

    pub(super) fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> bool {
        let Some(datagram) = self.wire.pop_front() else { return false };
        *buffer = datagram;
        true
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Running { deadline, .. } => Some(*deadline),
            State::Releasing(release) => Some(release.poll_timeout()),
            State::Waiting(until) => Some(*until),
            State::Over => None,
        }
    }

    /// Asks for a new address; the old one is of no use any more.
    pub(super) fn start_again(&mut self, now: Instant) {
        if !self.is_closing && !matches!(self.state, State::Over) {
            self.lose();
            self.start(now);
        }
    }

    /// Gives the address back; that is done when there is no deadline any more.
    pub(super) fn close(&mut self, now: Instant) {
        let at = self.clock.library(now);
        self.is_closing = true;
        let is_asked = match &mut self.state {
            State::Running { client, .. } => {
                self.relayed.is_some() && client.with(|client| client.delete(at)).is_ok()
            }
            State::Releasing(_) | State::Waiting(_) | State::Over => false,
        };
        self.lose();
        if is_asked {
            self.pump(now);
        } else {
            self.state = State::Over;
        }
    }

    fn start(&mut self, now: Instant) {
        let credentials = TurnCredentials::new(&self.server.user, &self.server.password);
        let mut config = TurnConfig::new(credentials);
        config.set_request_retransmits(ASK_RETRY_FIRST, ASK_RETRY_MAX, ASKS_MAX, ASK_RETRY_MAX);
        let (local, server) = (local_name(self.server.address), self.server.address);
        let client = Muted::new(|| TurnClientUdp::allocate(local, server, config));
        self.state = State::Running { client: Box::new(client), deadline: now };
        (self.asked, self.refused) = (None, None);
        self.pump(now);
    }

    fn advance(&mut self, now: Instant) {
        match &mut self.state {
            State::Running { .. } => self.pump(now),
            State::Releasing(release) => {
                release.advance(now, &mut self.wire);
                if release.is_done() {
                    self.state = State::Waiting(now + FREED_AFTER);
                }
            }
            State::Waiting(until) if *until <= now => self.start(now),
            State::Waiting(_) | State::Over => {}
        }
    }

    /// Lets the library do all that is due.
    fn pump(&mut self, now: Instant) {
        let at = self.clock.library(now);
        for _ in 0..PUMP_ROUNDS_MAX {
            let State::Running { client, deadline } = &mut self.state else { return };
            let (wire, asked) = (&mut self.wire, &mut self.asked);
            let mut happened = VecDeque::new();
            let (wait, mut is_moving) = client.with(|client| {
                let mut is_sending = false;
                while let Some(transmit) = client.poll_transmit(at) {
                    is_sending = true;
                    note_request(&transmit.data, asked);
                    wire.push_back(transmit.data.to_vec());
                }
                happened.extend(std::iter::from_fn(|| client.poll_event()));
                (client.poll(at), is_sending)
            });
            // A millisecond is soon enough, and no loop without end.
            *deadline = now + Duration::from_millis(1);
            is_moving |= !happened.is_empty();
            if let TurnPollRet::WaitUntil(until) = wait {
                *deadline = self.clock.ours(until).max(*deadline);
                is_moving &= until <= at;
            }
            happened.into_iter().for_each(|event| self.handle_event(now, event));
            if matches!(wait, TurnPollRet::Closed) {
                return self.closed(now);
            }
            if !is_moving {
                return;
            }
        }
    }

    fn handle_event(&mut self, now: Instant, event: TurnEvent) {
        match event {
            TurnEvent::AllocationCreated(_, address) => {
                self.relayed = Some(address);
                self.is_settled = true;
                self.releases = 0;
                self.retry_after = RETRY_FIRST;
                self.events.push_back(ReachEvent::Relayed(address));
                self.let_in(now, address.ip());
            }
            TurnEvent::PermissionCreateFailed(_, peer) => {
                tracing::debug!(%peer, "the TURN server does not let a peer in");
            }
            TurnEvent::ChannelCreateFailed(_, peer) => {
                tracing::debug!(%peer, "the TURN server gives no channel for a peer");
            }
            _ => {}
        }
    }

    /// The library has given up: refused, silent, or expired.
    fn closed(&mut self, now: Instant) {
        let had_one = self.relayed.is_some();
        self.lose();
        if self.is_closing {
            self.state = State::Over;
            return;
        }
        let server = self.server.address;
        let error = match self.refused {
            Some(401) => ReachError::TurnUnauthorised(server),
            Some(486 | 508) => ReachError::TurnFull(server),
            Some(ALLOCATION_MISMATCH) if self.releases < RELEASES_MAX => {
                self.releases += 1;
                self.state = State::Releasing(Box::new(Release::new(&self.server, self.clock, now)));
                return;
            }
            Some(code) => ReachError::TurnRefused { server, code },
            None => ReachError::TurnSilent(server),
        };
        self.is_settled = true;
        self.releases = 0;
        if !had_one {
            self.events.push_back(ReachEvent::Failed(error));
        }
        self.state = match error {
            ReachError::TurnUnauthorised(_) => State::Over,
            _ => State::Waiting(now + self.retry_after),
        };
        self.retry_after = (self.retry_after * 2).min(RETRY_MAX);
    }

    fn lose(&mut self) {
        if let Some(relayed) = self.relayed.take() {
            self.events.push_back(ReachEvent::RelayLost(relayed));
        }
        self.permits.clear();
        self.channels.clear();
    }

    fn receive(&mut self, now: Instant, datagram: &[u8]) -> Arrived {
        let State::Running { client, .. } = &mut self.state else { return Arrived::Elsewhere };
        let local = local_name(self.server.address);
        let transmit = stun::agent::Transmit::new(datagram, TransportType::Udp, self.server.address, local);
        let at = self.clock.library(now);
        match client.with(|client| client.recv(transmit, at)) {
            TurnRecvRet::Ignored(_) => Arrived::Elsewhere,
            TurnRecvRet::PeerData(data) => {
                let Some(relayed) = self.relayed else { return Arrived::Here };
                // The library tells the part of the datagram only as a slice of it.
                let start = (data.data().as_ptr() as usize).saturating_sub(datagram.as_ptr() as usize);
                let payload = start..start + data.data().len();
                debug_assert!(datagram.get(payload.clone()).is_some(), "{payload:?}");
                Arrived::Relayed { peer: data.peer, local: relayed, payload }
            }
            TurnRecvRet::Handled | TurnRecvRet::PeerIcmp { .. } => Arrived::Here,
        }
    }

    /// The library does not tell why the server refuses; the answer to our newest request does.
    fn note_refusal(&mut self, datagram: &[u8]) {
        let Some((transaction, unauthorised)) = &mut self.asked else { return };
        if self.relayed.is_some() || datagram.get(8..20) != Some(transaction.as_slice()) {
            return;
        }
        let error = without_a_word(|| {
            let message = Message::from_bytes(datagram).ok()?;
            message.attribute::<ErrorCode>().ok().map(|error| error.code())
        });
        match error {
            // The first only asks for the password, and a stale nonce for another try.
            Some(401) if *unauthorised == 0 => *unauthorised = 1,
            Some(STALE_NONCE) | None => {}
            Some(code) => self.refused = Some(code),
        }
    }

    /// Asks the server to pass on what comes from this address (RFC 8656 section 9), unless that was asked lately.
    fn let_in(&mut self, now: Instant, peer: IpAddr) {
        let at = self.clock.library(now);
        let State::Running { client, .. } = &mut self.state else { return };
        let is_in = client.with(|client| client.have_permission(TransportType::Udp, peer));
        if is_in || !may_ask(&mut self.permits, peer, now) {
            return;
        }
        if let Err(error) = client.with(|client| client.create_permission(TransportType::Udp, peer, at)) {
            tracing::debug!(%error, "a peer is not let in");
        }
        self.pump(now);
    }

    /// A peer that media goes to gets a channel: 4 bytes for each datagram instead of 36 (RFC 8656 section 12).
    fn bind_channel(&mut self, now: Instant, peer: SocketAddr) {
        let at = self.clock.library(now);
        let State::Running { client, .. } = &mut self.state else { return };
        let is_in = client.with(|client| client.have_permission(TransportType::Udp, peer.ip()));
        if !is_in || self.channels.contains_key(&peer) || !may_ask(&mut self.channels, peer, now) {
            return;
        }
        if let Err(error) = client.with(|client| client.bind_channel(TransportType::Udp, peer, at)) {
            tracing::debug!(%error, "a peer gets no channel");
        }
        self.pump(now);
    }
}

/// Whether the server may be asked about a peer now; remembers that it was.
fn may_ask<K: Ord>(asked: &mut BTreeMap<K, Instant>, peer: K, now: Instant) -> bool {
    let is_known = asked.contains_key(&peer);
    let lately = asked.get(&peer).is_some_and(|at| now.saturating_duration_since(*at) < ASK_PEER_EVERY);
    if lately || (!is_known && asked.len() >= PEERS_MAX) {
        return false;
    }
    asked.insert(peer, now);
    true
}

/// Remembers the transaction of a request for an address.
fn note_request(datagram: &[u8], asked: &mut Option<([u8; 12], u32)>) {
    if let Some((head, _)) = datagram.split_first_chunk::<20>()
        && head[..2] == ALLOCATE_REQUEST
    {
        let mut transaction = [0; 12];
        transaction.copy_from_slice(&head[8..]);
        let unauthorised = asked.map_or(0, |(_, unauthorised)| unauthorised);
        *asked = Some((transaction, unauthorised));
    }
}

/// Always true.
fn write_into<T: DelayedTransmitBuild + std::fmt::Debug>(
    wrapped: TransmitBuild<T>,
    out: &mut Vec<u8>,
) -> bool {
    out.clear();
    out.resize(wrapped.data.len(), 0);
    wrapped.write_into(out);
    true
}

/// The library wants a local address on everything; the socket's own does not matter.
pub(super) fn local_name(server: SocketAddr) -> SocketAddr {
    let ip = if server.is_ipv4() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    } else {
        IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED)
    };
    SocketAddr::new(ip, 0)
}

const ALLOCATE_REQUEST: [u8; 2] = [0, 3];
const STALE_NONCE: u16 = 438;
/// The server has an allocation for our port from an earlier start.
const ALLOCATION_MISMATCH: u16 = 437;
const ASK_RETRY_FIRST: Duration = Duration::from_millis(250);
const ASK_RETRY_MAX: Duration = Duration::from_secs(2);
/// About six seconds in all.
const ASKS_MAX: u32 = 5;
/// coturn frees an address one second after it was given back.
const FREED_AFTER: Duration = Duration::from_millis(1_200);
const RELEASES_MAX: u32 = 2;
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(60);
/// Between two questions about the same peer.
const ASK_PEER_EVERY: Duration = Duration::from_secs(5);
/// Each is refreshed every few minutes; paths know 64 addresses of a peer at the most.
const PEERS_MAX: usize = 256;
const PUMP_ROUNDS_MAX: usize = 64;
