//! One session: paths to its members, what they say, and what is passed on.
//!
//! The step before is the driver (datagrams, time) or the session of the same process; the step after is a
//! path to each listener. Media leaves the moment it arrives, unmixed; nothing is queued, and the last packets are remembered
//! for listeners who miss one.

mod chat;
mod holdings;
mod incoming;
mod ledger;
mod mix_news;
mod mixing;
mod outgoing;
mod repair;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use backline_session::document::{
    Authority, Document, KeptDocument, LedgerWrite, OperationCounts, OperationTraffic,
};
use backline_session::{Links, LocalMessage};
use backline_transport::{Certificate, LocalAddresses, Path, PathStats, Transmit};
use backline_wire::limits::{LINK_ADDRESSES_MAX, PEER_VANISHED_AFTER};
use backline_wire::{
    Control, DocumentId, Fingerprint, Generation, GoodbyeReason, InstanceId, InviteLink, LeaveReason, Limit,
    LinkError, Name, ParticipantId, PeerId, PeerInfo, RefusalReason, Route, SessionSecret,
};

use crate::counts::{self, RelayStats, Totals, Wrong};
use crate::limits::{Limits, Over, Strangers, Usage};
use crate::local_door::LocalDoor;
use crate::members::{LinkId, Listens, Member, Members};
use crate::mix::MixConfig;
use crate::shard::{ParticipantView, SourceView};
use ledger::Ledger;
pub use ledger::MemberOperations;
use mixing::Mixing;
use repair::Recent;

/// Paths of people who have not said a valid hello yet.
const KNOCKING_MAX: usize = 32;
/// Those of them who come without a link: they never take the room of people who were invited.
const KNOCKING_LOCALLY_MAX: usize = 8;
const _: () = assert!(KNOCKING_LOCALLY_MAX < KNOCKING_MAX);
/// How long somebody may take from the first datagram to a valid hello.
const KNOCKING_TIME_MAX: Duration = Duration::from_secs(10);
/// A path that is told why it ends is kept this long, so that the message arrives.
const ENDING_TIME: Duration = Duration::from_millis(500);
/// Between looks at who is silent.
const UPKEEP: Duration = Duration::from_millis(200);
const EVENTS_MAX: usize = 64;

/// What a session is made of.
pub struct RelayConfig {
    /// Of the session.
    pub secret: SessionSecret,
    /// Of this host.
    pub certificate: Certificate,
    /// Where this machine may be reached, with the port.
    pub addresses: LocalAddresses,
    /// Not guessable: the streams are numbered from here.
    pub first_ssrc: u32,
    /// The session document, new or as it was kept.
    pub document: KeptDocument,
    /// Whether the driver keeps the document; see [`Relay::poll_store`].
    pub has_store: bool,
    /// The wall clock when the relay is made, since 1970.
    pub unix_time: Duration,
    /// What each participant may use.
    pub limits: Limits,
    /// How media travels, to begin with.
    pub route: Route,
    /// How mixes are made, where there are any.
    pub mix: MixConfig,
}

/// What the person who hosts should hear about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelayEvent {
    /// Somebody tried an old or wrong link.
    Stranger(SocketAddr),
    /// Somebody was not let in, and why.
    Refused(Name, RefusalReason),
    /// Somebody of the local network came in without a link.
    CameLocally(Name),
    /// More attempts to join came from one address than may; this one was not answered.
    TooManyJoins(SocketAddr),
    /// Somebody is in who was not.
    Joined(ParticipantId, Name),
    /// Somebody is gone.
    Left(ParticipantId, Name, LeaveReason),
    /// Somebody is over a limit, and was told.
    Warned(ParticipantId, Name, Limit),
    /// Somebody was over a limit for too long, and had to leave.
    Disconnected(ParticipantId, Name, Limit),
    /// Somebody's data made this program fail. They are disconnected, and nobody else.
    Failed(Option<ParticipantId>, String),
}

/// A session's relay.
///
/// Polling order: `poll_local` until none, `poll_transmit` until none, `poll_event` until none, then
/// `poll_timeout`.
pub struct Relay {
    config: RelayConfig,
    local_door: LocalDoor,
    links: Links<LinkId>,
    next_link: u64,
    members: Members,
    recent: Recent,
    ledger: Ledger,
    mixing: Mixing,
    knocking: BTreeMap<LinkId, Knocking>,
    ending: BTreeMap<LinkId, Instant>,
    strangers: Strangers,
    to_local: VecDeque<LocalMessage>,
    replies: VecDeque<(Transmit, Vec<u8>)>,
    events: VecDeque<RelayEvent>,
    upkeep_at: Instant,
    stats: RelayStats,
    /// What was counted by paths that are gone.
    paths_gone: PathStats,
    fault: Option<Fault>,
}

/// What a test lets happen when media of somebody comes.
type Fault = Box<dyn FnMut(ParticipantId) + Send>;

struct Knocking {
    since: Instant,
    ufrag: String,
    fingerprint: Option<Fingerprint>,
    /// At the local door, without a link.
    is_local: bool,
}

/// The participant of the same process.
pub struct LocalMember {
    /// Who.
    pub participant: ParticipantId,
    /// Which instance.
    pub instance: InstanceId,
    /// Of its streams.
    pub generation: Generation,
    /// Their name.
    pub name: Name,
    /// Their colour.
    pub colour: [u8; 3],
}

impl Relay {
    /// A session with nobody in it.
    pub fn new(mut config: RelayConfig, now: Instant) -> Self {
        let document = std::mem::replace(&mut config.document, KeptDocument::new(DocumentId([0; 16])));
        let authority = Authority::new(document, config.has_store);
        Self {
            members: Members::new(config.first_ssrc),
            local_door: LocalDoor::new(&config.certificate.fingerprint()),
            ledger: Ledger::new(authority, (now, config.unix_time)),
            mixing: Mixing::new(config.route, config.mix, now),
            config,
            recent: Recent::default(),
            links: Links::new(),
            next_link: 0,
            knocking: BTreeMap::new(),
            ending: BTreeMap::new(),
            strangers: Strangers::default(),
            to_local: VecDeque::new(),
            replies: VecDeque::new(),
            events: VecDeque::new(),
            upkeep_at: now + UPKEEP,
            stats: RelayStats::default(),
            paths_gone: PathStats::default(),
            fault: None,
        }
    }

    /// The link that leads here: by the addresses that the person named, then by the machine's own.
    ///
    /// # Errors
    /// [`LinkError::NoAddress`] when the machine has none.
    pub fn invite(&self, named: &[SocketAddr]) -> Result<InviteLink, LinkError> {
        let room = LINK_ADDRESSES_MAX.saturating_sub(named.len());
        let addresses: Vec<SocketAddr> =
            named.iter().copied().chain(self.config.addresses.offered(room)).collect();
        InviteLink::new(&addresses, self.config.secret, self.config.certificate.fingerprint())
    }

    /// Lets the participant of this process in, beside the relay and without a path.
    pub fn attach_local(&mut self, local: LocalMember, now: Instant) {
        let LocalMember { participant, instance, generation, name, colour } = local;
        self.ledger.introduce(participant, name.clone(), colour, now);
        let info = PeerInfo { peer: PeerId::HOST, participant, name, colour };
        let usage = Usage::new(&self.config.limits, now);
        self.members.insert(Member::new(info, (instance, generation), None, usage, now));
        let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
        self.welcome(PeerId::HOST, unspecified, now);
    }

    /// A datagram came. False when it is nobody's.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        local: SocketAddr,
        datagram: &[u8],
    ) -> bool {
        if self.local_door.is_from_afar(source, local, &self.config.addresses, datagram) {
            self.refuse_stranger(source, local, datagram);
            return true;
        }
        match self.links.owner(source, datagram) {
            Some(link) => self.handle_known(now, link, (source, local), datagram),
            None if self.handle_stranger(now, source, local, datagram) => {}
            None => return false,
        }
        self.tell_document(now);
        true
    }

    /// Time passed: call it when `poll_timeout` says so.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.links.handle_timeout(now);
        self.handle_path_events(now);
        self.mix(now);
        if now >= self.upkeep_at {
            self.upkeep_at = now + UPKEEP;
            self.upkeep(now);
        }
        self.tell_document(now);
    }

    /// The session of this process says something or sends media.
    pub fn handle_local(&mut self, now: Instant, message: LocalMessage) {
        match message {
            LocalMessage::Control(message) => self.member_says(now, PeerId::HOST, message),
            LocalMessage::Missing { ssrc, missing } => {
                self.member_misses(now, PeerId::HOST, ssrc, &missing);
            }
            LocalMessage::Media { ssrc, head, payload } => {
                self.member_plays(now, PeerId::HOST, ssrc, &head, &payload);
                return;
            }
        }
        self.tell_document(now);
    }

    /// Where this machine may be reached now.
    pub fn set_addresses(&mut self, addresses: &LocalAddresses) {
        if self.config.addresses == *addresses {
            return;
        }
        self.config.addresses = addresses.clone();
        for (_, path) in self.links.iter_mut() {
            path.add_local_addresses(addresses);
        }
    }

    /// Whether people of the local network get in without a link; who is in stays. Closed to begin with.
    pub fn set_open_to_lan(&mut self, is_open: bool) {
        self.local_door.is_open = is_open;
    }

    /// Of this host's certificate.
    pub fn fingerprint(&self) -> Fingerprint {
        self.config.certificate.fingerprint()
    }

    /// Ends the session for everybody; poll the datagrams once more, then drop the relay.
    pub fn close(&mut self, now: Instant) {
        let goodbye = Control::Goodbye { reason: GoodbyeReason::SessionEnded }.encode();
        for (_, path) in self.links.iter_mut() {
            // A path that cannot take it any more learns it by the closing of the path.
            let _ = path.send_control(now, &goodbye);
            path.close(now);
        }
    }

    /// Stops without ending the session: it is carried on later from what was kept, and everybody goes on calling. Poll the datagrams once
    /// more, then drop the relay.
    pub fn suspend(&mut self, now: Instant) {
        self.links.iter_mut().for_each(|(_, path)| path.close(now));
    }

    /// The next message for the session of this process.
    pub fn poll_local(&mut self) -> Option<LocalMessage> {
        self.to_local.pop_front()
    }

    /// The next datagram to send, into `buffer`.
    pub fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        if let Some((head, reply)) = self.replies.pop_front() {
            buffer.clear();
            buffer.extend_from_slice(&reply);
            return Some(head);
        }
        self.links.poll_transmit(buffer)
    }

    /// The next thing the hosting person should hear about.
    pub fn poll_event(&mut self) -> Option<RelayEvent> {
        self.events.pop_front()
    }

    /// When `handle_timeout` is due.
    pub fn poll_timeout(&mut self) -> Instant {
        let others = self.ledger.due().into_iter().chain(self.mixing.due());
        self.links.poll_timeout().into_iter().chain(others).fold(self.upkeep_at, Instant::min)
    }

    /// Whom we reach by an address of ours on a TURN server.
    pub fn relayed_members(&self) -> BTreeSet<PeerId> {
        let is_relayed = |member: &Member| {
            let path = member.link.and_then(|link| self.links.get(link));
            path.is_some_and(|path| path.is_relayed())
        };
        self.members.iter().filter(|(_, member)| is_relayed(member)).map(|(peer, _)| peer).collect()
    }

    /// For tests of what is lost when somebody's media makes this program fail: called with each packet's publisher.
    #[doc(hidden)]
    pub fn set_fault(&mut self, fault: Fault) {
        self.fault = Some(fault);
    }

    /// Where anything of a path has come from.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.links.addresses()
    }

    /// Everybody who is in, for people.
    pub fn participants(&self, now: Instant) -> Vec<ParticipantView> {
        let view = |(peer, member): (PeerId, &Member)| {
            let path = member.link.and_then(|link| self.links.get(link));
            ParticipantView {
                peer,
                participant: member.info.participant,
                name: member.info.name.clone(),
                address: path.and_then(|path| path.remote_address()),
                sources: member.sources.values().cloned().map(|published| SourceView { published }).collect(),
                since: now.saturating_duration_since(member.joined_at),
                round_trip: path.and_then(|path| path.round_trip()),
                path: of_paths(path, member),
                over_limit: member.usage.dropped,
                errors: member.counts.errors,
                operations: self.operations_of(member.info.participant, now),
            }
        };
        self.members.iter().map(view).collect()
    }

    /// What was counted.
    pub fn stats(&self) -> RelayStats {
        self.stats
    }

    /// What was counted by everything that belongs to the session, and by those who are gone.
    pub fn totals(&self) -> Totals {
        let mut paths = self.paths_gone;
        self.links.iter().for_each(|(_, path)| paths += path.stats());
        Totals { relay: self.stats, paths, operations: self.document_stats() }
    }

    /// Forgets a path, but not what it has counted.
    fn drop_path(&mut self, link: LinkId) {
        if let Some(path) = self.links.remove(link) {
            self.paths_gone += path.stats();
        }
    }

    /// Something went wrong with a member, or with somebody who is none (any more).
    fn wrong(&mut self, peer: Option<PeerId>, what: Wrong) {
        self.stats.errors.error(what);
        if let Some(member) = peer.and_then(|peer| self.members.get_mut(peer)) {
            member.counts.errors.error(what);
        }
    }

    fn upkeep(&mut self, now: Instant) {
        let over = |since: Instant, limit| now.saturating_duration_since(since) >= limit;
        let ended: Vec<LinkId> =
            self.ending.iter().filter(|(_, since)| over(**since, ENDING_TIME)).map(|(id, _)| *id).collect();
        for link in ended {
            self.ending.remove(&link);
            self.drop_path(link);
        }
        let slow: Vec<LinkId> = self
            .knocking
            .iter()
            .filter(|(_, knocking)| over(knocking.since, KNOCKING_TIME_MAX))
            .map(|(id, _)| *id)
            .collect();
        for link in slow {
            self.knocking.remove(&link);
            self.drop_path(link);
        }
        for peer in self.silent_members(now) {
            self.remove_member(now, peer, LeaveReason::Vanished);
        }
        self.keep_mixes(now);
    }

    fn silent_members(&self, now: Instant) -> Vec<PeerId> {
        let is_silent = |member: &Member| {
            let Some(link) = member.link else { return false };
            let heard = self.links.get(link).and_then(|path| path.last_heard());
            now.saturating_duration_since(heard.unwrap_or(member.joined_at)) >= PEER_VANISHED_AFTER
        };
        self.members.iter().filter(|(_, member)| is_silent(member)).map(|(peer, _)| peer).collect()
    }

    fn tell(&mut self, event: RelayEvent) {
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}

/// What was counted by all the paths that a member has had since it came in.
fn of_paths(path: Option<&Path>, member: &Member) -> PathStats {
    let mut all = member.counts.paths_before;
    all += path.map(Path::stats).unwrap_or_default();
    all
}
