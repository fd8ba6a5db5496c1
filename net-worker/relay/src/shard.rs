//! Many sessions behind one port: which of them a datagram belongs to, and polling those that have something to do.
//!
//! A server runs one shard on each of its worker threads, and a shard owns its sessions wholly: nothing of them is anybody else's. The step before
//! is the driver (datagrams, time, what the store has kept); the step after is the [`Relay`] of a session. It knows no sockets, HTTP or disks.

mod view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use backline_session::document::LedgerWrite;
use backline_transport::demux::{self, Datagram, Stun, StunKind};
use backline_transport::{LocalAddresses, Transmit};
use backline_wire::{InviteLink, LinkError, ParticipantId, Revision, Route};

use crate::limits::{Limits, Strangers};
use crate::{Relay, RelayConfig, RelayEvent, Totals};
pub use view::{ParticipantView, SessionView, ShardStats, SourceView};

/// Which session of a server: drawn when it is made, and kept with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionId(pub u64);

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl std::str::FromStr for SessionId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

/// Between two times that addresses are forgotten from which nobody comes any more.
const TIDY_EVERY: Duration = Duration::from_secs(10);
/// Answers to people with links that lead to no session; more than that at once are not worth an answer.
const REPLIES_MAX: usize = 64;
const EVENTS_MAX: usize = 1_024;

/// What the driver should hear about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShardEvent {
    /// Of one session.
    Relay(SessionId, RelayEvent),
    /// Somebody tried a link that leads to no session here.
    Stranger(SocketAddr),
    /// A session made this program fail. It is to be opened again, from what was kept; those who are in come back by themselves.
    SessionFailed(SessionId, String),
}

/// A shard.
///
/// Polling order: `poll_transmit` until none, `poll_store` until none, `poll_event` until none, then `poll_timeout`.
pub struct Shard {
    limits: Limits,
    sessions: BTreeMap<SessionId, Carried>,
    by_ufrag: BTreeMap<String, SessionId>,
    by_address: BTreeMap<At, SessionId>,
    due: BTreeSet<(Instant, SessionId)>,
    /// Sessions that may have something to send, to keep or to tell.
    with_transmits: VecDeque<SessionId>,
    with_news: VecDeque<SessionId>,
    strangers: Strangers,
    replies: VecDeque<(Transmit, Vec<u8>)>,
    events: VecDeque<ShardEvent>,
    tidy_at: Instant,
    stats: ShardStats,
    /// Of sessions that are not carried any more.
    ended: Totals,
}

struct Carried {
    relay: Relay,
    name: String,
    ufrag: String,
    due: Instant,
    /// In which of the lists it is: a datagram for a session that is listed already costs no list anything.
    is_with_transmits: bool,
    is_with_news: bool,
}

/// An address as the key of a table: the port first, since that is where addresses differ soonest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct At(u16, u128);

impl At {
    fn of(address: SocketAddr) -> Self {
        let bits = match address.ip() {
            // As IPv6 writes it.
            IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
            IpAddr::V6(ip) => ip.to_bits(),
        };
        Self(address.port(), bits)
    }
}

impl Shard {
    /// With no session yet.
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits,
            sessions: BTreeMap::new(),
            by_ufrag: BTreeMap::new(),
            by_address: BTreeMap::new(),
            due: BTreeSet::new(),
            with_transmits: VecDeque::new(),
            with_news: VecDeque::new(),
            strangers: Strangers::default(),
            replies: VecDeque::new(),
            events: VecDeque::new(),
            tidy_at: now + TIDY_EVERY,
            stats: ShardStats::default(),
            ended: Totals::default(),
        }
    }

    /// Carries a session from now on; one that had the id is dropped without a word.
    pub fn open(&mut self, id: SessionId, name: String, config: RelayConfig, now: Instant) {
        self.forget(id);
        let ufrag = config.secret.ice_credentials_host().ufrag;
        self.by_ufrag.insert(ufrag.clone(), id);
        let relay = Relay::new(config, now);
        let carried = Carried { relay, name, ufrag, due: now, is_with_transmits: true, is_with_news: true };
        self.sessions.insert(id, carried);
        self.due.insert((now, id));
        self.with_transmits.push_back(id);
        self.with_news.push_back(id);
    }

    /// Lets a session's media travel in another way. False when there is none of that id.
    pub fn set_route(&mut self, id: SessionId, now: Instant, route: Route) -> bool {
        self.guarded(id, now, |relay| relay.set_route(now, route)).is_some()
    }

    /// Ends a session for everybody who is in. False when there is none of that id. Poll the datagrams once more.
    pub fn close(&mut self, id: SessionId, now: Instant) -> bool {
        self.end(id, |relay| relay.close(now))
    }

    /// Stops all sessions without ending them: everybody goes on calling, and finds them again where they are opened next. Poll the datagrams once more.
    pub fn suspend(&mut self, now: Instant) {
        let all: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in all {
            self.end(id, |relay| relay.suspend(now));
        }
    }

    /// The link to a session, by these addresses and the machine's own; none when there is none of that id.
    ///
    /// # Errors
    /// When there is no address to be reached at.
    pub fn invite(&self, id: SessionId, named: &[SocketAddr]) -> Option<Result<InviteLink, LinkError>> {
        self.sessions.get(&id).map(|carried| carried.relay.invite(named))
    }

    /// Where this machine may be reached now.
    pub fn set_addresses(&mut self, addresses: &LocalAddresses) {
        self.sessions.values_mut().for_each(|carried| carried.relay.set_addresses(addresses));
    }

    /// A datagram came. Never an error: what is nobody's is counted.
    pub fn handle_datagram(&mut self, now: Instant, source: SocketAddr, local: SocketAddr, datagram: &[u8]) {
        self.stats.datagrams_in += 1;
        let Some(id) = self.session_of(now, source, local, datagram) else { return };
        let taken = self.guarded(id, now, |relay| relay.handle_datagram(now, source, local, datagram));
        match taken {
            // Whoever goes from one session to another does so with a check.
            Some(true) if is_check(datagram) => {
                self.by_address.insert(At::of(source), id);
            }
            Some(true) | None => {}
            Some(false) => self.stats.datagrams_refused += 1,
        }
    }

    /// Time passed: call it when `poll_timeout` says so.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, id)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
            self.guarded(id, now, |relay| relay.handle_timeout(now));
        }
        if now >= self.tidy_at {
            self.tidy_at = now + TIDY_EVERY;
            let addresses = |(id, of): (&SessionId, &Carried)| {
                of.relay.addresses().map(|at| (At::of(at), *id)).collect::<Vec<_>>()
            };
            let known: BTreeSet<(At, SessionId)> = self.sessions.iter().flat_map(addresses).collect();
            self.by_address.retain(|at, id| known.contains(&(*at, *id)));
        }
    }

    /// The store has everything of a session up to this revision.
    pub fn handle_stored(&mut self, id: SessionId, now: Instant, revision: Revision) {
        self.guarded(id, now, |relay| relay.handle_stored(now, revision));
    }

    /// The store cannot keep a session now: it goes on from memory.
    pub fn handle_store_failed(&mut self, id: SessionId, now: Instant) {
        self.guarded(id, now, |relay| relay.handle_store_failed(now));
    }

    /// The next datagram to send, into `buffer`.
    pub fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        if let Some((head, reply)) = self.replies.pop_front() {
            self.stats.datagrams_out += 1;
            *buffer = reply;
            return Some(head);
        }
        while let Some(id) = self.with_transmits.front().copied() {
            if let Some(of) = self.sessions.get_mut(&id) {
                if let Some(transmit) = of.relay.poll_transmit(buffer) {
                    self.stats.datagrams_out += 1;
                    return Some(transmit);
                }
                of.is_with_transmits = false;
            }
            self.with_transmits.pop_front();
        }
        None
    }

    /// What the store must do next.
    pub fn poll_store(&mut self) -> Option<(SessionId, LedgerWrite)> {
        let news = &self.with_news;
        let sessions = &mut self.sessions;
        news.iter().find_map(|id| Some((*id, sessions.get_mut(id)?.relay.poll_store()?)))
    }

    /// The next thing the driver should hear about.
    pub fn poll_event(&mut self) -> Option<ShardEvent> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        while let Some(id) = self.with_news.front().copied() {
            if let Some(of) = self.sessions.get_mut(&id) {
                if let Some(event) = of.relay.poll_event() {
                    return Some(ShardEvent::Relay(id, event));
                }
                of.is_with_news = false;
            }
            self.with_news.pop_front();
        }
        None
    }

    /// When `handle_timeout` is due.
    pub fn poll_timeout(&self) -> Instant {
        self.due.first().map_or(self.tidy_at, |(due, _)| self.tidy_at.min(*due))
    }

    /// How many sessions are carried.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// No session.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// What was counted beside the sessions.
    pub fn stats(&self) -> ShardStats {
        self.stats
    }

    /// What was counted for sessions that are not carried any more.
    pub fn ended(&self) -> Totals {
        self.ended
    }

    /// Every session, for people.
    pub fn view(&self, now: Instant) -> Vec<SessionView> {
        self.sessions.iter().map(|(id, of)| view::of(*id, &of.name, &of.relay, now)).collect()
    }

    /// Who is in which session now.
    pub fn people(&self) -> impl Iterator<Item = (SessionId, ParticipantId)> {
        let of = |(id, carried): (&SessionId, &Carried)| {
            let id = *id;
            carried.relay.people().map(move |who| (id, who)).collect::<Vec<_>>()
        };
        self.sessions.iter().flat_map(of)
    }

    /// The number of entries of everything that could grow, of all sessions together, for tests that nothing does.
    #[doc(hidden)]
    pub fn holdings(&self) -> BTreeMap<&'static str, usize> {
        let own = [
            ("sessions", self.sessions.len()),
            ("sessions by name", self.by_ufrag.len()),
            ("sessions by address", self.by_address.len()),
            ("deadlines", self.due.len()),
            ("with transmits", self.with_transmits.len()),
            ("with news", self.with_news.len()),
            ("shard's strangers", self.strangers.len()),
            ("shard's replies", self.replies.len()),
            ("shard's events", self.events.len()),
        ];
        let mut all: BTreeMap<&'static str, usize> = own.into();
        for (name, count) in self.sessions.values().flat_map(|of| of.relay.holdings()) {
            *all.entry(name).or_default() += count;
        }
        all
    }

    /// For tests of what happens when a session makes this program fail.
    #[doc(hidden)]
    #[expect(clippy::panic, reason = "that is what is wanted")]
    pub fn fail(&mut self, id: SessionId, now: Instant) {
        self.guarded(id, now, |_| panic!("a fault that was put in"));
    }

    /// A session's relay, for tests.
    #[doc(hidden)]
    pub fn relay_mut(&mut self, id: SessionId) -> Option<&mut Relay> {
        self.sessions.get_mut(&id).map(|of| &mut of.relay)
    }

    /// Whose a datagram is: a check says so by its names, the rest by where it comes from.
    fn session_of(
        &mut self,
        now: Instant,
        source: SocketAddr,
        local: SocketAddr,
        datagram: &[u8],
    ) -> Option<SessionId> {
        let known = self.by_address.get(&At::of(source)).copied();
        if let Some(id) = known.filter(|_| !is_check(datagram)) {
            return Some(id);
        }
        if known.is_none() && !self.strangers.datagram(&self.limits, source.ip(), now) {
            self.stats.stranger_flood += 1;
            return None;
        }
        let Datagram::Stun(Stun { kind, local_ufrag, .. }) = demux::classify(datagram) else {
            self.stats.datagrams_refused += 1;
            return None;
        };
        if kind != StunKind::Request {
            self.stats.datagrams_refused += u64::from(known.is_none());
            return known;
        }
        let named = local_ufrag.and_then(|ufrag| self.by_ufrag.get(ufrag)).copied();
        if named.is_none() {
            self.refuse_stranger(source, local, datagram);
        }
        named
    }

    fn refuse_stranger(&mut self, source: SocketAddr, local: SocketAddr, datagram: &[u8]) {
        self.stats.strangers += 1;
        let mut reply = Vec::new();
        if self.replies.len() < REPLIES_MAX && demux::stun_unauthorised(datagram, &mut reply) {
            self.replies.push_back((Transmit { destination: source, source: local }, reply));
        }
        self.tell(ShardEvent::Stranger(source));
    }

    /// Lets a session do something. Where that fails, the session is dropped and the driver told; the others notice nothing.
    fn guarded<T>(&mut self, id: SessionId, now: Instant, act: impl FnOnce(&mut Relay) -> T) -> Option<T> {
        let carried = self.sessions.get_mut(&id)?;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let outcome = act(&mut carried.relay);
            (outcome, carried.relay.poll_timeout())
        }));
        match outcome {
            Ok((outcome, due)) => {
                let due = due.max(now + Duration::from_micros(1));
                let before = std::mem::replace(&mut carried.due, due);
                // A packet seldom moves a deadline.
                if before != due {
                    self.due.remove(&(before, id));
                    self.due.insert((due, id));
                }
                if !std::mem::replace(&mut carried.is_with_transmits, true) {
                    self.with_transmits.push_back(id);
                }
                if !std::mem::replace(&mut carried.is_with_news, true) {
                    self.with_news.push_back(id);
                }
                Some(outcome)
            }
            Err(panic) => {
                let why = crate::panic_text(&*panic).to_owned();
                tracing::error!(session = %id, why, "a session made the server fail, and is opened again");
                self.forget(id);
                self.stats.sessions_failed += 1;
                self.tell(ShardEvent::SessionFailed(id, why));
                None
            }
        }
    }

    /// Says the last words of a session, and forgets it.
    fn end(&mut self, id: SessionId, last_words: impl FnOnce(&mut Relay)) -> bool {
        let Some(carried) = self.sessions.get_mut(&id) else { return false };
        last_words(&mut carried.relay);
        let mut buffer = Vec::new();
        while let Some(head) = carried.relay.poll_transmit(&mut buffer) {
            self.replies.push_back((head, std::mem::take(&mut buffer)));
        }
        self.forget(id);
        true
    }

    fn forget(&mut self, id: SessionId) {
        let Some(carried) = self.sessions.remove(&id) else { return };
        self.ended += carried.relay.totals();
        self.by_ufrag.remove(&carried.ufrag);
        self.due.remove(&(carried.due, id));
        self.by_address.retain(|_, of| *of != id);
        self.with_transmits.retain(|of| *of != id);
        self.with_news.retain(|of| *of != id);
    }

    fn tell(&mut self, event: ShardEvent) {
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}

/// Of ICE (RFC 7983 section 7): it names whom it is for.
fn is_check(datagram: &[u8]) -> bool {
    matches!(datagram, [0..=3, ..])
}
