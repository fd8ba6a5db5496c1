//! Where we are, where the peer is, and how we notice that it moved.
//!
//! ICE alone would stay on a dead address for 15 s after a NAT has given the peer a new port. So the
//! path keeps the time when the address in use was last heard; when that is silent and the peer proves
//! itself from another one, the old one is set aside, and taken back should it speak again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use str0m::net::{Protocol, Receive};
use str0m::{Candidate as IceCandidate, CandidateKind, Input, Rtc};

use backline_wire::Candidate;

use super::Transmit;
use crate::allowance::{Allowance, Rate};
use crate::demux::{Stun, StunKind};
use crate::stats::DropReason;

#[derive(Default)]
pub(super) struct Addresses {
    /// What ICE calls it → what the caller calls it.
    locals: BTreeMap<SocketAddr, SocketAddr>,
    /// Ours and the peer's that are on a TURN server.
    relayed: BTreeSet<SocketAddr>,
    /// Every address that ICE was told of or has proven; bounded, since ICE forgets none.
    remotes: BTreeSet<SocketAddr>,
    /// Where a check came from and nothing was ever answered to us: bytes that may still be sent there.
    credit: BTreeMap<SocketAddr, usize>,
    /// Checks that came, and from where: nobody else may send one again.
    seen: VecDeque<([u8; 12], SocketAddr)>,
    /// Every address that the peer has said it sees us at; bounded for the same reason.
    mapped: BTreeSet<SocketAddr>,
    /// Where checks came from that know the password. Part of `remotes`.
    proven: BTreeSet<SocketAddr>,
    set_aside: BTreeSet<SocketAddr>,
    /// Taken back after they were set aside, under names of their own: ICE never takes the same back.
    taken_back: BTreeMap<SocketAddr, IceCandidate>,
    moves: usize,
    current: Option<Current>,
    /// What ICE has chosen: one of `locals`, and where to.
    chosen: Option<(SocketAddr, SocketAddr)>,
    requests: VecDeque<([u8; 12], Instant)>,
    round_trip: Option<Duration>,
    /// Of checks; from the first on.
    allowance: Option<Allowance>,
}

#[derive(Clone, Copy)]
struct Current {
    remote: SocketAddr,
    heard: Instant,
}

impl Addresses {
    pub(super) fn add_local(&mut self, rtc: &mut Rtc, address: SocketAddr) {
        for name in ice_names(address) {
            if self.locals.len() >= LOCALS_MAX || self.locals.contains_key(&name) {
                continue;
            }
            if let Ok(candidate) = IceCandidate::host(name, Protocol::Udp) {
                rtc.add_local_candidate(candidate);
                self.locals.insert(name, address);
            }
        }
    }

    /// An address of ours on a TURN server: ICE takes it where no other pair works.
    pub(super) fn add_relayed(&mut self, rtc: &mut Rtc, address: SocketAddr) {
        let address = plain(address);
        if self.locals.len() >= LOCALS_MAX || self.locals.contains_key(&address) {
            return;
        }
        let base = placeholder(address.is_ipv4(), address.port());
        if let Ok(candidate) = IceCandidate::relayed(address, base, Protocol::Udp) {
            rtc.add_local_candidate(candidate);
            self.locals.insert(address, address);
            self.relayed.insert(address);
        }
    }

    pub(super) fn add_remote(&mut self, rtc: &mut Rtc, at: Candidate) {
        let address = plain(at.address);
        if self.remotes.len() >= REMOTES_MAX || address.port() == 0 || !is_usable(address.ip()) {
            return;
        }
        // Offers and links name the best address first, and of the other kinds only which are relayed.
        let priority = remote_priority(self.remotes.len(), at.is_relayed);
        self.remotes.insert(address);
        if at.is_relayed {
            self.relayed.insert(address);
        }
        rtc.add_remote_candidate(IceCandidate::from_parts(
            format!("{priority:x}"),
            COMPONENT,
            Protocol::Udp,
            priority,
            address,
            CandidateKind::Host,
            None,
            None,
            None,
        ));
    }

    /// The name under which ICE knows our address, for a datagram from `source`.
    pub(super) fn ice_local(&mut self, rtc: &mut Rtc, local: SocketAddr, source: SocketAddr) -> SocketAddr {
        let any = placeholder(source.is_ipv4(), local.port());
        let name = plain(local);
        // A relayed address may have the number of our own port.
        if self.locals.contains_key(&name) {
            return name;
        }
        if self.locals.contains_key(&any) || name.is_ipv4() != source.is_ipv4() || name.ip().is_unspecified()
        {
            return any;
        }
        self.add_local(rtc, name);
        name
    }

    /// What the caller calls an address of ours that ICE sends from.
    pub(super) fn caller_local(&self, name: SocketAddr) -> SocketAddr {
        self.locals.get(&name).copied().unwrap_or(name)
    }

    /// Whether to look inside. A check proves itself; anything else must come from where the peer has
    /// proven to be. (That it sent a proven check is enough to listen there: what we send goes only
    /// where ICE has had an answer from.)
    pub(super) fn accepts(&self, rtc: &Rtc, at: Instant, source: SocketAddr, datagram: &[u8]) -> bool {
        let source = plain(source);
        if !matches!(datagram, [0..=1, ..]) {
            return self.proven.contains(&source);
        }
        // str0m takes every check from the address that it sends to, also one of a successor of this path;
        // under nobody's name it looks at the names and the proof in the check.
        let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
        Receive::new(Protocol::Udp, nobody, nobody, datagram)
            .is_ok_and(|receive| rtc.accepts(&Input::Receive(at, receive)))
    }

    /// May this check (already proven to be the peer's) be given to ICE?
    pub(super) fn admit_stun(
        &mut self,
        rtc: &mut Rtc,
        now: Instant,
        source: SocketAddr,
        stun: &Stun<'_>,
    ) -> Result<(), DropReason> {
        if self.is_replayed(source, stun) {
            return Err(DropReason::StunReplayed);
        }
        if !self.allowance.get_or_insert_with(|| Allowance::full(CHECKS, now)).spend(CHECKS, 1.0, now) {
            return Err(DropReason::StunFlood);
        }
        let (known, address) = match (stun.kind, stun.mapped) {
            (StunKind::Request, _) => (&mut self.remotes, source),
            (StunKind::Response, Some(mapped)) => (&mut self.mapped, mapped),
            _ => return Ok(()),
        };
        if known.len() >= REMOTES_MAX && !known.contains(&address) {
            return Err(DropReason::TooManyAddresses);
        }
        let is_new = known.insert(address);
        if is_new && stun.kind == StunKind::Request {
            self.credit.insert(source, 0);
        }
        if self.set_aside.remove(&source) {
            self.take_back(rtc, source);
        }
        Ok(())
    }

    /// ICE has taken the check: learn from it where the peer is. True when it has moved.
    pub(super) fn after_stun(
        &mut self,
        rtc: &mut Rtc,
        now: Instant,
        source: SocketAddr,
        stun: &Stun<'_>,
        dialer: bool,
    ) -> bool {
        self.heard_from(now, source);
        if self.remotes.contains(&source) {
            self.proven.insert(source);
        }
        if stun.kind == StunKind::Response {
            self.credit.remove(&source);
            self.round_trip = self.sent_at(&stun.transaction).map(|sent| now.saturating_duration_since(sent));
            return false;
        }
        let Some(current) = self.current else { return false };
        let silent = now.saturating_duration_since(current.heard) > MOVED_AFTER;
        // A controlled agent follows only where the controlling one wants to be.
        if current.remote == source || !silent || !(dialer || stun.use_candidate) || self.moves >= MOVES_MAX {
            return false;
        }
        self.moves += 1;
        self.set_aside(rtc, current.remote);
        self.current = Some(Current { remote: source, heard: now });
        true
    }

    /// What has come from an address may be answered with as much.
    pub(super) fn received(&mut self, source: SocketAddr, bytes: usize) {
        if let Some(credit) = self.credit.get_mut(&source) {
            *credit += bytes;
        }
    }

    /// Whether so much may be sent there now. An address that was told to us, or that has answered, may
    /// be sent anything; one that somebody else might have written on a check only what it has sent.
    pub(super) fn spend(&mut self, destination: SocketAddr, bytes: usize) -> bool {
        let Some(credit) = self.credit.get_mut(&destination) else { return true };
        let enough = *credit >= bytes;
        if enough {
            *credit -= bytes;
        }
        enough
    }

    /// Something authentic came from here.
    pub(super) fn heard_from(&mut self, now: Instant, source: SocketAddr) {
        if let Some(current) = self.current.as_mut().filter(|current| current.remote == source) {
            current.heard = now;
        }
    }

    /// ICE sends a check: its answer will tell the round trip.
    pub(super) fn request_sent(&mut self, now: Instant, transaction: [u8; 12]) {
        if self.requests.len() >= REQUESTS_KEPT {
            self.requests.pop_front();
        }
        self.requests.push_back((transaction, now));
    }

    /// When the check was sent that this transaction names, if it was ours.
    pub(super) fn sent_at(&self, transaction: &[u8; 12]) -> Option<Instant> {
        self.requests.iter().find(|(sent, _)| sent == transaction).map(|(_, at)| *at)
    }

    /// Something other than a check goes from here to there: ICE has chosen both. True when it went elsewhere before.
    pub(super) fn sent(&mut self, now: Instant, local: SocketAddr, destination: SocketAddr) -> bool {
        self.chosen = Some((local, destination));
        match self.current {
            Some(current) if current.remote == destination => false,
            // ICE has not yet chosen again.
            _ if self.set_aside.contains(&destination) => false,
            before => {
                self.current = Some(Current { remote: destination, heard: now });
                before.is_some()
            }
        }
    }

    /// ICE has chosen an address on a TURN server, ours or the peer's.
    pub(super) fn is_relayed(&self) -> bool {
        self.chosen
            .is_some_and(|(local, remote)| self.relayed.contains(&local) || self.relayed.contains(&remote))
    }

    /// The way that ICE has chosen, as the caller calls it.
    pub(super) fn route(&self) -> Option<Transmit> {
        self.chosen.map(|(local, destination)| Transmit { destination, source: self.caller_local(local) })
    }

    pub(super) fn remote(&self) -> Option<SocketAddr> {
        self.current.map(|current| current.remote)
    }

    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// A check that was seen before, from another address: somebody has caught it and sends it again.
    fn is_replayed(&mut self, source: SocketAddr, stun: &Stun<'_>) -> bool {
        if stun.kind != StunKind::Request {
            return false;
        }
        let before = self.seen.iter().rev().find(|(transaction, _)| *transaction == stun.transaction);
        if let Some((_, from)) = before {
            return *from != source;
        }
        if self.seen.len() >= CHECKS_REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back((stun.transaction, source));
        false
    }

    fn set_aside(&mut self, rtc: &mut Rtc, address: SocketAddr) {
        let candidate = match self.taken_back.remove(&address) {
            Some(candidate) => candidate,
            None => {
                let Ok(candidate) = IceCandidate::host(address, Protocol::Udp) else { return };
                // A peer-reflexive candidate becomes a host candidate first: those cannot be named,
                // and to be discarded a candidate must be named exactly.
                rtc.add_remote_candidate(candidate.clone());
                candidate
            }
        };
        rtc.direct_api().invalidate_candidate(&candidate);
        self.set_aside.insert(address);
    }

    fn take_back(&mut self, rtc: &mut Rtc, address: SocketAddr) {
        let unique = placeholder(address.is_ipv4(), self.moves as u16 + 1);
        if let Ok(candidate) = IceCandidate::server_reflexive(address, unique, Protocol::Udp) {
            rtc.add_remote_candidate(candidate.clone());
            self.taken_back.insert(address, candidate);
        }
    }
}

/// ICE knows no unspecified addresses, so one that stands for "the system's choice" gets a name for
/// each family that it can reach.
fn ice_names(address: SocketAddr) -> Vec<SocketAddr> {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => vec![placeholder(true, address.port())],
        IpAddr::V6(ip) if ip.is_unspecified() => {
            vec![placeholder(false, address.port()), placeholder(true, address.port())]
        }
        _ => vec![plain(address)],
    }
}

/// From the blocks for documentation (RFC 5737, RFC 3849): never a real address of ours, never sent.
fn placeholder(ipv4: bool, port: u16) -> SocketAddr {
    let ip = if ipv4 {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 255))
    } else {
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xDB8, 0xFFFF, 0, 0, 0, 0, 0xFFFF))
    };
    SocketAddr::new(ip, port)
}

/// RFC 8445 section 5.1.2.1: a host candidate unless it is known to be relayed, and a lower local preference for each that
/// was named before.
fn remote_priority(named_before: usize, is_relayed: bool) -> u32 {
    let type_preference: u32 = if is_relayed { 0 } else { 126 };
    let local_preference = u32::from(u16::MAX) - 2 * named_before as u32;
    (type_preference << 24) | (local_preference << 8) | u32::from(256 - COMPONENT)
}

/// What ICE refuses as a candidate.
fn is_usable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            !ip.is_link_local() && !ip.is_broadcast() && !ip.is_multicast() && !ip.is_unspecified()
        }
        IpAddr::V6(ip) => !ip.is_multicast() && !ip.is_unspecified(),
    }
}

/// A dual-stack socket writes IPv4 addresses as mapped ones.
pub(crate) fn plain(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::new(IpAddr::V4(ip), address.port()),
        IpAddr::V6(_) => address,
    }
}

/// RTP, and RTCP with it (RFC 5761).
const COMPONENT: u16 = 1;
const LOCALS_MAX: usize = 16;
const REMOTES_MAX: usize = 64;
/// Each costs ICE a candidate that it never forgets. After so many a new path is better.
const MOVES_MAX: usize = 512;
/// Those of the last minutes.
const CHECKS_REMEMBERED: usize = 512;
const REQUESTS_KEPT: usize = 64;
/// How many checks a peer may send. ICE itself sends one in 50 ms at the most, and answers as many.
const CHECKS: Rate = Rate { per_second: 64.0, burst: 128.0 };
/// Longer than the checks' interval, so that two lost in a row are no move.
const MOVED_AFTER: Duration = Duration::from_millis(700);
