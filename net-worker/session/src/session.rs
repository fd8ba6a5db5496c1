//! One participant in one session: the brain between the rings and the wire.
//!
//! Sans-IO: it gets the time and the bytes and returns bytes, events and deadlines. It joins a host over a
//! path, or sits beside the relay in the same process. The step before is `client` (captured samples,
//! datagrams, commands); the step after is a path, or the relay.

mod faders;
mod incoming;
mod repair;
mod upkeep;
mod views;

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use backline_codec::Quality;
use backline_media::automatic::Move;
use backline_transport::{Certificate, CloseReason, LocalAddresses, MediaPacket, PathEvent, Transmit};
use backline_wire::limits::{PARTICIPANTS_MAX, PEER_VANISHED_AFTER, PROTOCOL_VERSION, SLOTS};
use backline_wire::{
    Control, Fingerprint, Generation, GoodbyeReason, Hello, HelloTranscript, IdentityKey, InstanceId,
    InviteLink, LeaveReason, Name, OutboxId, PeerId, PeerInfo, SourceId, SourceInfo, Ssrc, Welcome,
};

use crate::document::{Conflict, Outbox, Replica};
use crate::listening::{Listening, Way};
use crate::mesh::Mesh;
use crate::network::{LinkKey, LocalMessage, Network, Uplink};
use crate::roster::Roster;
use crate::sending::Sending;
use crate::slots::SlotTable;
use crate::timers::{Timer, Timers};
use crate::uplink::{Caller, JoinError};
use crate::view::{Route, SendView, SlotView, SourceView};

/// Events that wait for a caller that does not poll; the oldest go first.
const EVENTS_MAX: usize = 64;

/// Who takes part, and how.
pub struct SessionConfig {
    /// The participant's key pair.
    pub identity: IdentityKey,
    /// The instance in the DAW project.
    pub instance: InstanceId,
    /// Later than that of every earlier start of this instance.
    pub generation: Generation,
    /// Program and version.
    pub app: Name,
    /// The participant's name.
    pub name: Name,
    /// What it plays.
    pub source_name: Name,
    /// The participant's colour, sRGB.
    pub colour: [u8; 3],
    /// How to send.
    pub quality: Quality,
    /// Whether it may send in another way while the paths do not carry that.
    pub automatic: bool,
    /// The most that playouts hold back.
    pub depth_ceiling: Duration,
    /// Slots as the DAW project had them.
    pub slots: [Option<SourceId>; SLOTS],
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
    /// A source came that finds no slot: 16 are taken.
    NoSlot(Name),
    /// We send in another way from now on.
    Moved(Move),
    /// Somebody changed later what we had changed, or we may not change it.
    Conflict(Box<Conflict>),
}

/// A participant.
///
/// Polling order: `poll_local` until none (only beside a relay), `poll_transmit` until none, `poll_event`
/// until none, then `poll_timeout`.
pub struct Session {
    config: SessionConfig,
    state: SessionState,
    network: Network,
    caller: Option<Caller>,
    me: Option<PeerId>,
    roster: Roster,
    mesh: Mesh,
    listening: Listening,
    sending: Sending,
    replica: Replica,
    outbox: Outbox,
    timers: Timers,
    welcomed_at: Option<Instant>,
    events: VecDeque<SessionEvent>,
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
        let caller = Some(Caller::new(link, now));
        Self::new(config, network, caller, SessionState::Joining, now)
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
        Self {
            replica: Replica::default(),
            outbox: Outbox::in_memory(outbox, network.random()),
            listening: Listening::new(SlotTable::new(config.slots), config.depth_ceiling),
            sending: Sending::new(config.quality, config.automatic, config.generation),
            config,
            state,
            network,
            caller,
            me: None,
            roster: Roster::default(),
            mesh: Mesh::default(),
            timers: Timers::new(now),
            welcomed_at: None,
            events: VecDeque::new(),
        }
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
        for address in self.network.offered().into_iter().filter(|address| !before.contains(address)) {
            self.mesh.tell_address(&mut self.network, address, now);
        }
    }

    /// Another name or colour for the participant.
    pub fn set_name(&mut self, now: Instant, name: Name, colour: [u8; 3]) {
        (self.config.name, self.config.colour) = (name.clone(), colour);
        self.network.say_to_host(now, Control::Rename { name, colour });
        self.publish(now);
    }

    /// Another name for what it plays.
    pub fn set_source_name(&mut self, now: Instant, name: Name) {
        self.config.source_name = name;
        self.publish(now);
    }

    /// Another quality, from the next frame on. False when its encoder cannot be made.
    pub fn set_quality(&mut self, now: Instant, quality: Quality) -> bool {
        let changed = self.sending.set_quality(quality);
        self.publish(now);
        changed
    }

    /// Whether we may send in another way than the chosen one while the paths do not carry that.
    pub fn set_automatic(&mut self, now: Instant, automatic: bool) {
        self.sending.set_automatic(automatic);
        self.publish(now);
    }

    /// The device's block in sample frames at 48 kHz, or 0 where its rate is another: PCM frames are made to fit it.
    pub fn set_block(&mut self, now: Instant, block_frames: usize) {
        if self.sending.set_block(block_frames) {
            self.publish(now);
        }
    }

    /// How many sample frames at 48 kHz the device captures at a time, at the most.
    pub fn set_capture_block(&mut self, now: Instant, block_frames: usize) {
        if self.sending.set_capture_block(block_frames) {
            self.publish(now);
        }
    }

    /// The most that every playout holds back.
    pub fn set_depth_ceiling(&mut self, depth: Duration) {
        self.listening.set_depth_ceiling(depth);
    }

    /// Bindings from the DAW project.
    pub fn set_slots(&mut self, slots: [Option<SourceId>; SLOTS]) {
        self.listening.set_slots(slots);
    }

    /// Sends what was captured: 48 kHz, stereo interleaved. `at` is when its first sample frame was captured.
    pub fn capture(&mut self, samples: &[f32], at: Instant, now: Instant) {
        let captured_at = self.network.unix_time(at);
        self.sending.capture(&mut self.network, samples, captured_at, now);
    }

    /// Fills `out` (stereo interleaved, 48 kHz, any length) with what a slot plays now.
    pub fn playout(&mut self, slot: usize, out: &mut [f32], now: Instant) {
        self.listening.playout(slot, out, now);
    }

    /// Whether a slot has anything to play.
    pub fn is_live(&self, slot: usize, now: Instant) -> bool {
        self.listening.is_live(slot, now)
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

    /// What we send.
    pub fn send_view(&self) -> SendView {
        self.sending.view()
    }

    /// How we send.
    pub fn quality(&self) -> Quality {
        self.sending.quality()
    }

    /// The most that playouts hold back.
    pub fn depth_ceiling(&self) -> Duration {
        self.listening.depth_ceiling()
    }

    /// Bindings for the DAW project.
    pub fn bindings(&self) -> [Option<SourceId>; SLOTS] {
        self.listening.slots.bindings()
    }
}
