//! One participant in one session, with all instances of its process: the brain between the rings and the wire.
//!
//! Sans-IO: it gets the time and the bytes and returns bytes, events and deadlines. It joins a host over a
//! path, or sits beside the relay in the same process. The step before is `client` (captured samples,
//! datagrams, commands); the step after is a path, or the relay.

mod chat;
mod faders;
mod incoming;
mod instances;
mod repair;
mod route;
mod tempo;
mod upkeep;
mod views;

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backline_codec::Quality;
use backline_media::automatic::Move;
use backline_transport::{Certificate, CloseReason, LocalAddresses, MediaPacket, PathEvent, Transmit};
use backline_wire::limits::{PARTICIPANTS_MAX, PEER_VANISHED_AFTER, PROTOCOL_VERSION, SLOTS};
use backline_wire::{
    Control, Fingerprint, Generation, GoodbyeReason, Hello, HelloTranscript, IdentityKey, InstanceId,
    InviteLink, LeaveReason, Limit, Name, OutboxId, PeerId, PeerInfo, SourceId, SourceInfo, Ssrc, Welcome,
    mix_source,
};

use crate::chat::Chat;
use crate::document::{Conflict, Outbox, Replica};
use crate::leading::Leading;
use crate::listening::{Listening, Way};
use crate::mesh::Mesh;
use crate::network::{LinkKey, LocalMessage, Network, Uplink};
use crate::publishing::Publishing;
use crate::roster::Roster;
use crate::sending::Sending;
use crate::slots::SlotTable;
use crate::timers::{Timer, Timers};
use crate::uplink::{Caller, JoinError};
use crate::view::{Route, SendView, SlotView, SourceView};

pub use instances::InstanceConfig;
use route::MediaRoute;
pub use tempo::Conducted;

/// Events that wait for a caller that does not poll; the oldest go first.
const EVENTS_MAX: usize = 64;

/// Who takes part, and how.
pub struct SessionConfig {
    /// The participant's key pair.
    pub identity: IdentityKey,
    /// Program and version.
    pub app: Name,
    /// The participant's name.
    pub name: Name,
    /// The participant's colour, sRGB.
    pub colour: [u8; 3],
    /// The instance that opens the connection, which is named after it. Others come by [`Session::add_instance`].
    pub first: InstanceConfig,
}

/// Where a participant stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionState {
    /// Calling the host for the first time.
    Joining,
    /// In the session.
    Joined,
    /// Was in, and the host is not heard now.
    Reconnecting,
    /// The session is in this process.
    Hosting,
    /// It is over, and why.
    Failed(JoinError),
}

/// What a person should hear about.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionEvent {
    /// See [`Session::state`].
    StateChanged,
    /// Somebody came.
    Joined(Name),
    /// Somebody went, and why.
    Left(Name, LeaveReason),
    /// A source came that finds no slot on the instance that returns it: 16 are taken.
    NoSlot(InstanceId, Name),
    /// An instance sends in another way from now on.
    Moved(InstanceId, Move),
    /// Somebody changed later what we had changed, or we may not change it.
    Conflict(Box<Conflict>),
    /// Media travels in another way from now on, as the server wants it.
    RouteChanged(backline_wire::Route),
    /// We use more than the server allows, and are disconnected after this time if that goes on.
    Warned(Limit, Duration),
}

/// A participant.
///
/// Polling order: `poll_local` until none (only beside a relay), `poll_transmit` until none, `poll_event`
/// until none, then `poll_timeout`.
pub struct Session {
    config: Participant,
    state: SessionState,
    network: Network,
    caller: Option<Caller>,
    me: Option<PeerId>,
    roster: Roster,
    mesh: Mesh,
    listening: Listening,
    publishing: Publishing,
    replica: Replica,
    outbox: Outbox,
    chat: Chat,
    leading: Leading,
    timers: Timers,
    welcomed_at: Option<Instant>,
    media: MediaRoute,
    events: VecDeque<SessionEvent>,
}

/// What stays of a [`SessionConfig`]: who takes part, and over which connection.
struct Participant {
    identity: IdentityKey,
    connection: InstanceId,
    generation: Generation,
    app: Name,
    name: Name,
    colour: [u8; 3],
}

impl Session {
    /// A participant that calls the host of `link`. `unix_time` is the wall clock at `now`; `addresses` are
    /// this machine's, with the port.
    pub fn join(
        config: SessionConfig,
        certificate: Certificate,
        link: InviteLink,
        addresses: &[SocketAddr],
        seed: [u8; 32],
        (now, unix_time): (Instant, Duration),
    ) -> Self {
        let mut network = Network::new(certificate, seed, now, unix_time);
        network.addresses = LocalAddresses::of_host(addresses);
        let mix_source = mix_source(link.fingerprint());
        let caller = Some(Caller::new(link, now));
        let mut session = Self::new(config, network, caller, SessionState::Joining, now);
        session.listening.mix_source = Some(mix_source);
        session
    }

    /// The host's own participant, beside the relay.
    pub fn beside_relay(
        config: SessionConfig,
        certificate: Certificate,
        seed: [u8; 32],
        (now, unix_time): (Instant, Duration),
    ) -> Self {
        let mut network = Network::new(certificate, seed, now, unix_time);
        network.uplink = Uplink::Here;
        Self::new(config, network, None, SessionState::Hosting, now)
    }

    fn new(
        config: SessionConfig,
        mut network: Network,
        caller: Option<Caller>,
        state: SessionState,
        now: Instant,
    ) -> Self {
        let outbox = OutboxId(u64::from_be_bytes(network.random()));
        let first = config.first;
        let mut session = Self {
            replica: Replica::default(),
            outbox: Outbox::in_memory(outbox, network.random()),
            config: Participant {
                identity: config.identity,
                connection: first.instance,
                generation: first.generation,
                app: config.app,
                name: config.name,
                colour: config.colour,
            },
            listening: Listening::default(),
            publishing: Publishing::default(),
            chat: Chat::default(),
            leading: Leading::default(),
            state,
            network,
            caller,
            me: None,
            roster: Roster::default(),
            mesh: Mesh::default(),
            timers: Timers::new(now),
            welcomed_at: None,
            media: MediaRoute::default(),
            events: VecDeque::new(),
        };
        session.add_instance(now, first);
        session
    }

    /// A datagram came. False when it belongs to none of our paths.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        local: SocketAddr,
        datagram: &[u8],
    ) -> bool {
        let is_ours = self.network.links.handle_datagram(now, source, local, datagram).is_some();
        if is_ours {
            self.handle_path_events(now);
        }
        is_ours
    }

    /// Time passed: call it when `poll_timeout` says so.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.network.links.handle_timeout(now);
        self.handle_path_events(now);
        while let Some(timer) = self.timers.take_due(now) {
            match timer {
                Timer::Upkeep => self.upkeep(now),
                Timer::Ping => self.ping_everybody(now),
                Timer::Report => self.report_reception(now),
            }
        }
        self.send_operations(now);
    }

    /// The relay of this process says something or passes media on.
    pub fn handle_local(&mut self, now: Instant, message: LocalMessage) {
        match message {
            LocalMessage::Control(message) => self.handle_host_says(now, message),
            LocalMessage::Missing { .. } => tracing::debug!("the relay remembers what it was given"),
            LocalMessage::Media { ssrc, head, payload } => {
                // Beside the relay there is no host in between: what it passes on comes straight.
                let from = self.listening.peer_of(ssrc).unwrap_or(PeerId::HOST);
                let times = (now, self.network.unix_time(now));
                self.listening.packet((Way::Direct, from), ssrc, &head, &payload, times);
            }
        }
    }

    /// Beside a relay: whom it reaches by an address on a TURN server.
    pub fn set_relayed_members(&mut self, members: BTreeSet<PeerId>) {
        self.network.relayed_members = members;
    }

    /// Says goodbye on every path; poll the datagrams once more, then drop the session.
    pub fn leave(&mut self, now: Instant) {
        let goodbye = Control::Goodbye { reason: GoodbyeReason::Leaving };
        self.network.say_to_host(now, goodbye);
        for (_, path) in self.network.links.iter_mut() {
            path.close(now);
        }
    }

    /// Where this machine may be reached now, when that changed; peers on direct paths are told.
    pub fn set_addresses(&mut self, now: Instant, addresses: &LocalAddresses) {
        if self.network.addresses == *addresses {
            return;
        }
        let before = self.network.offered();
        self.network.addresses = addresses.clone();
        for (_, path) in self.network.links.iter_mut() {
            path.add_local_addresses(addresses);
        }
        for at in self.network.offered().into_iter().filter(|at| !before.contains(at)) {
            self.mesh.tell_candidate(&mut self.network, at, now);
        }
    }

    /// Another name or colour for the participant.
    pub fn set_name(&mut self, now: Instant, name: Name, colour: [u8; 3]) {
        (self.config.name, self.config.colour) = (name.clone(), colour);
        self.network.say_to_host(now, Control::Rename { name, colour });
        self.publish_all(now);
    }

    /// Sends what an instance captured: 48 kHz, stereo interleaved. `at` is when its first sample frame was captured.
    pub fn capture(&mut self, instance: InstanceId, samples: &[f32], at: Instant, now: Instant) {
        let captured_at = self.network.unix_time(at);
        if let Some(source) = self.publishing.get_mut(instance) {
            source.sending.capture(&mut self.network, samples, captured_at, now);
        }
    }

    /// Fills `out` (stereo interleaved, 48 kHz, any length) with what a slot of an instance plays now.
    pub fn playout(&mut self, slot: (InstanceId, usize), out: &mut [f32], now: Instant) {
        self.listening.playout(slot, out, now);
    }

    /// Whether a slot of an instance has anything to play.
    pub fn is_live(&self, slot: (InstanceId, usize), now: Instant) -> bool {
        self.listening.is_live(slot, now)
    }

    /// What a slot of an instance plays; none where it has nothing to play.
    pub fn source_on(&self, (instance, slot): (InstanceId, usize), now: Instant) -> Option<SourceId> {
        let source = self.listening.listener(instance).and_then(|listener| listener.slots.source_at(slot));
        source.filter(|_| self.is_live((instance, slot), now))
    }

    /// The next message for the relay of this process.
    pub fn poll_local(&mut self) -> Option<LocalMessage> {
        self.network.to_relay.pop_front()
    }

    /// The next datagram to send, into `buffer`.
    pub fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        self.network.links.poll_transmit(buffer)
    }

    /// The next thing a person should hear about.
    pub fn poll_event(&mut self) -> Option<SessionEvent> {
        self.events.pop_front()
    }

    /// When `handle_timeout` is due.
    pub fn poll_timeout(&mut self) -> Instant {
        let (own, _) = self.timers.next();
        let operations = self.operations_due();
        self.network.links.poll_timeout().into_iter().chain(operations).fold(own, Instant::min)
    }

    /// Where we stand.
    pub fn state(&self) -> &SessionState {
        &self.state
    }

    /// Participants in the session, ourselves included.
    pub fn participants(&self) -> usize {
        usize::from(self.me.is_some()) + self.roster.peers.len()
    }
}
