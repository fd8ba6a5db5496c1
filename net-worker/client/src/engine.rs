//! All instances of a process in one session, between their rings and the wire: the session, the relay when it hosts, and lanes
//! for each instance. Sans-IO.
//!
//! The step before is the worker (datagrams, time, the ends of the rings) or a simulation; the step after is
//! the same. It glues and decides nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use backline_audio::RateConverterError;
use backline_bridge::NetEnd;
use backline_kept::{HostKeys, Hosted, first_bytes, split_seed};
use backline_relay::{Limits, LocalMember, MemberOperations, MixConfig, Relay, RelayConfig, RelayEvent};
use backline_session::document::{LedgerWrite, StoreRequest};
use backline_session::{Session, SessionConfig, SessionEvent};
use backline_transport::{
    Arrived, Certificate, CertificateError, LocalAddresses, Reach, ReachConfig, ReachEvent, Transmit,
};
use backline_wire::{Fingerprint, InstanceId, InviteLink, LinkError, Revision, Route};

use crate::faders::Faders;
use crate::lanes::Lanes;
use crate::tempo::Beat;

/// What an engine starts with.
pub struct EngineConfig {
    /// Who takes part, and how; with the first instance.
    pub session: SessionConfig,
    /// This machine's addresses with the port, best first.
    pub addresses: Vec<SocketAddr>,
    /// Not guessable.
    pub seed: [u8; 32],
    /// The monotonic clock now.
    pub now: Instant,
    /// The wall clock at the same moment, since 1970.
    pub unix_time: Duration,
}

/// One participant in one session: all instances of the process that are in it.
///
/// Polling order after any of `handle_…` and `run_audio`: `poll_transmit` until none, `poll_event` until none,
/// then `poll_timeout`.
pub struct Engine {
    session: Session,
    relay: Option<Relay>,
    /// Of the instances whose hosts are ready to call.
    lanes: BTreeMap<InstanceId, Lanes>,
    /// Of the same.
    faders: BTreeMap<InstanceId, Faders>,
    /// Of the same.
    beats: BTreeMap<InstanceId, Beat>,
    /// Servers that help to reach and to be reached, if any were named.
    reach: Option<Reach>,
    /// What those that were named before are still told.
    to_old_servers: VecDeque<(SocketAddr, Vec<u8>)>,
    /// Of this machine's interfaces.
    host_addresses: Vec<SocketAddr>,
    datagrams_refused: u64,
    last_now: Instant,
}

/// What a store has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// For the outbox everything up to this ticket.
    Outbox(u64),
    /// It cannot keep the outbox any more.
    OutboxFailed,
    /// Of the hosted session's document everything up to this revision.
    Ledger(Revision),
    /// It cannot keep the hosted session any more.
    LedgerFailed,
}

/// What a person should hear about.
#[derive(Debug, Clone, PartialEq)]
pub enum EngineEvent {
    /// Of the participant.
    Session(SessionEvent),
    /// Of the session that is hosted here.
    Relay(RelayEvent),
    /// Of the servers that help to be reached.
    Reach(ReachEvent),
}

impl Engine {
    /// Opens a new session here, without a store.
    ///
    /// # Errors
    /// When no certificate can be made.
    pub fn host(config: EngineConfig) -> Result<Self, EngineError> {
        let hosted = Hosted::new(config.seed)?;
        Ok(Self::host_session(config, hosted))
    }

    /// Opens a session here, or carries one on.
    pub fn host_session(config: EngineConfig, hosted: Hosted) -> Self {
        let Hosted { keys: HostKeys { secret, certificate }, document, has_store } = hosted;
        let [session_seed, _, ssrc, _] = split_seed(config.seed);
        let relay_config = RelayConfig {
            secret,
            certificate: certificate.clone(),
            addresses: LocalAddresses::of_host(&config.addresses),
            first_ssrc: u32::from_be_bytes(first_bytes(ssrc)),
            document,
            has_store,
            unix_time: config.unix_time,
            limits: Limits::default(),
            route: Route::Mesh,
            mix: MixConfig::default(),
        };
        let mut relay = Relay::new(relay_config, config.now);
        let local = LocalMember {
            participant: config.session.identity.participant_id(),
            instance: config.session.first.instance,
            generation: config.session.first.generation,
            name: config.session.name.clone(),
            colour: config.session.colour,
        };
        let clocks = (config.now, config.unix_time);
        let session = Session::beside_relay(config.session, certificate, session_seed, clocks);
        relay.attach_local(local, config.now);
        let mut engine = Self::new(session, Some(relay), config.addresses, config.now);
        engine.exchange(config.now);
        engine
    }

    /// Joins the session of a link.
    ///
    /// # Errors
    /// When no certificate can be made.
    pub fn join(config: EngineConfig, link: InviteLink) -> Result<Self, EngineError> {
        let certificate = Certificate::generate()?;
        let clocks = (config.now, config.unix_time);
        let session =
            Session::join(config.session, certificate, link, &config.addresses, config.seed, clocks);
        Ok(Self::new(session, None, config.addresses, config.now))
    }

    fn new(session: Session, relay: Option<Relay>, host_addresses: Vec<SocketAddr>, now: Instant) -> Self {
        Self {
            session,
            relay,
            lanes: BTreeMap::new(),
            faders: BTreeMap::new(),
            beats: BTreeMap::new(),
            reach: None,
            to_old_servers: VecDeque::new(),
            host_addresses,
            datagrams_refused: 0,
            last_now: now,
        }
    }

    /// Another end of an instance's rings, or none: lanes are made for its rate.
    ///
    /// # Errors
    /// When its rate cannot be converted; the instance sends and plays nothing then.
    pub fn attach(&mut self, instance: InstanceId, net: Option<&NetEnd>) -> Result<(), EngineError> {
        self.forget_end(instance);
        match net {
            Some(net) => {
                self.lanes.insert(instance, Lanes::new(instance, net.sample_rate())?);
                self.faders.insert(instance, Faders::new(net));
                self.beats.insert(instance, Beat::default());
            }
            None => self.session.set_active(instance, false),
        }
        Ok(())
    }

    /// An instance leaves; the session goes on with the others.
    pub fn remove_instance(&mut self, now: Instant, instance: InstanceId) {
        self.forget_end(instance);
        self.session.remove_instance(now, instance);
        self.exchange(now);
    }

    /// Which servers help to reach others and to be reached; addresses on earlier ones are given back.
    pub fn set_servers(&mut self, now: Instant, servers: ReachConfig) {
        self.last_now = now;
        if self.reach.as_ref().map(Reach::config).unwrap_or(&ReachConfig::default()) == &servers {
            return;
        }
        if let Some(mut reach) = self.reach.take() {
            reach.close(now);
            let mut datagram = Vec::new();
            while let Some(server) = reach.poll_transmit(&mut datagram) {
                self.to_old_servers.push_back((server, std::mem::take(&mut datagram)));
            }
        }
        let has_any = servers != ReachConfig::default();
        self.reach = has_any.then(|| Reach::new(servers, now));
        self.share_addresses(now);
    }

    /// A datagram came to the local address.
    pub fn handle_datagram(&mut self, now: Instant, source: SocketAddr, local: SocketAddr, datagram: &[u8]) {
        self.last_now = now;
        let arrived = self
            .reach
            .as_mut()
            .map_or(Arrived::Elsewhere, |reach| reach.handle_datagram(now, source, datagram));
        match arrived {
            Arrived::Elsewhere => self.deliver(now, source, local, datagram),
            Arrived::Here => self.share_addresses(now),
            Arrived::Relayed { peer, local, payload } => {
                self.deliver(now, peer, local, datagram.get(payload).unwrap_or_default());
            }
        }
    }

    /// Time passed: call it when `poll_timeout` says so.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.last_now = now;
        if let Some(reach) = &mut self.reach {
            reach.handle_timeout(now);
            self.share_addresses(now);
        }
        if let Some(relay) = &mut self.relay {
            relay.handle_timeout(now);
            // Without a server there is nothing to look for.
            let has_server = self.reach.as_ref().is_some_and(|reach| reach.relayed().is_some());
            self.session.set_relayed_members(if has_server {
                relay.relayed_members()
            } else {
                BTreeSet::new()
            });
        }
        self.session.handle_timeout(now);
        self.exchange(now);
    }

    /// Sends what the instances captured and fills their return rings. `ends` must be those that were attached.
    pub fn run_audio(&mut self, now: Instant, ends: &mut [(InstanceId, &mut NetEnd)]) {
        for (instance, net) in ends.iter_mut() {
            let Some(lanes) = self.lanes.get_mut(instance) else { continue };
            debug_assert_eq!(lanes.rate(), net.sample_rate(), "attach every new end");
            self.session.set_active(*instance, net.is_active(now));
            lanes.capture(net, &mut self.session, now);
            if let Some(beat) = self.beats.get_mut(instance) {
                beat.capture(net, &mut self.session, now);
            }
        }
        // Who returns what is settled before anybody pulls: what one has lost to another is heard on neither twice.
        for (instance, net) in ends.iter_mut() {
            if let Some(lanes) = self.lanes.get_mut(instance) {
                lanes.play(net, &mut self.session, now);
            }
            if let Some(faders) = self.faders.get_mut(instance) {
                faders.run(net, &mut self.session, *instance, now);
            }
            if let Some(beat) = self.beats.get_mut(instance) {
                beat.conduct(net, &self.session, now);
            }
        }
        self.session.ask_for_missing(now);
        self.exchange(now);
    }

    /// This machine's addresses now, with the port.
    pub fn set_addresses(&mut self, now: Instant, addresses: &[SocketAddr]) {
        self.last_now = now;
        self.host_addresses = addresses.to_vec();
        if let Some(reach) = &mut self.reach {
            reach.network_changed(now);
        }
        self.share_addresses(now);
    }

    /// What the store must do next for the outbox; only with a store.
    pub fn poll_outbox(&mut self) -> Option<StoreRequest> {
        self.session.poll_store()
    }

    /// What the store must do next for the session that is hosted here; only with a store.
    pub fn poll_ledger(&mut self) -> Option<LedgerWrite> {
        self.relay.as_mut().and_then(Relay::poll_store)
    }

    /// The store has done something, or cannot any more.
    pub fn handle_stored(&mut self, now: Instant, stored: Stored) {
        match (stored, &mut self.relay) {
            (Stored::Outbox(ticket), _) => self.session.handle_stored(now, ticket),
            (Stored::OutboxFailed, _) => self.session.handle_store_failed(now),
            (Stored::Ledger(revision), Some(relay)) => relay.handle_stored(now, revision),
            (Stored::LedgerFailed, Some(relay)) => relay.handle_store_failed(now),
            (Stored::Ledger(_) | Stored::LedgerFailed, None) => {}
        }
        self.exchange(now);
    }

    /// What each participant wanted to change in the session that is hosted here; nothing where it is hosted elsewhere.
    pub fn operations(&self, now: Instant) -> Vec<MemberOperations> {
        self.relay.as_ref().map(|relay| relay.operations(now)).unwrap_or_default()
    }

    /// Says goodbye; poll the datagrams once more, then drop the engine.
    pub fn close(&mut self, now: Instant) {
        self.last_now = now;
        match &mut self.relay {
            Some(relay) => relay.close(now),
            None => self.session.leave(now),
        }
    }

    /// Stops without a word about the end: a session that is hosted here is carried on later, from what was kept. Poll the datagrams once more,
    /// then drop the engine.
    pub fn suspend(&mut self, now: Instant) {
        self.last_now = now;
        match &mut self.relay {
            Some(relay) => relay.suspend(now),
            None => self.session.leave(now),
        }
    }

    /// Gives an address on a TURN server back, as the very last: whatever was said before may have gone by it. False when
    /// there is none; else go on for two round trips.
    pub fn give_back(&mut self, now: Instant) -> bool {
        self.last_now = now;
        let Some(reach) = self.reach.as_mut().filter(|reach| reach.relayed().is_some()) else { return false };
        reach.close(now);
        true
    }

    /// The next datagram to send, into `buffer`, and where to.
    pub fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<SocketAddr> {
        if let Some((destination, datagram)) = self.to_old_servers.pop_front() {
            *buffer = datagram;
            return Some(destination);
        }
        loop {
            let transmit = match &mut self.relay {
                Some(relay) => relay.poll_transmit(buffer),
                None => self.session.poll_transmit(buffer),
            };
            let Some(Transmit { destination, source }) = transmit else {
                return self.reach.as_mut()?.poll_transmit(buffer);
            };
            let Some(reach) = self.reach.as_mut().filter(|reach| reach.is_relayed(source)) else {
                return Some(destination);
            };
            let server = reach.wrap(self.last_now, source, destination, buffer);
            if server.is_some() {
                return server;
            }
        }
    }

    /// The next thing a person should hear about.
    pub fn poll_event(&mut self) -> Option<EngineEvent> {
        if let Some(event) = self.reach.as_mut().and_then(Reach::poll_event) {
            return Some(EngineEvent::Reach(event));
        }
        let of_relay = self.relay.as_mut().and_then(Relay::poll_event).map(EngineEvent::Relay);
        of_relay.or_else(|| self.session.poll_event().map(EngineEvent::Session))
    }

    /// When `handle_timeout` is due.
    pub fn poll_timeout(&mut self) -> Instant {
        let session = self.session.poll_timeout();
        let relay = self.relay.as_mut().map(Relay::poll_timeout);
        let reach = self.reach.as_ref().and_then(Reach::poll_timeout);
        relay.into_iter().chain(reach).fold(session, Instant::min)
    }

    /// Datagrams that belonged to nobody.
    pub fn datagrams_refused(&self) -> u64 {
        self.datagrams_refused
    }

    /// The participant.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The participant, to change names and what its instances send and return.
    pub fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// The link to the session that is hosted here, by the addresses `named`, the machine's own and those from afar.
    /// None when nothing is hosted here, and while servers still have to say where we are (3 s at the most).
    ///
    /// # Errors
    /// When the machine has no address.
    pub fn invite(&self, named: &[SocketAddr]) -> Option<Result<InviteLink, LinkError>> {
        if self.reach.as_ref().is_some_and(|reach| !reach.is_settled()) {
            return None;
        }
        self.relay.as_ref().map(|relay| relay.invite(named))
    }

    /// Whether people of the local network get into the session that is hosted here without a link; closed to begin with.
    pub fn set_open_to_lan(&mut self, is_open: bool) {
        if let Some(relay) = &mut self.relay {
            relay.set_open_to_lan(is_open);
        }
    }

    /// Of the certificate by which the session that is hosted here is known; none when nothing is.
    pub fn hosted_fingerprint(&self) -> Option<Fingerprint> {
        self.relay.as_ref().map(Relay::fingerprint)
    }

    fn forget_end(&mut self, instance: InstanceId) {
        self.lanes.remove(&instance);
        self.faders.remove(&instance);
        self.beats.remove(&instance);
    }

    /// A datagram for the paths.
    fn deliver(&mut self, now: Instant, source: SocketAddr, local: SocketAddr, datagram: &[u8]) {
        let taken = match &mut self.relay {
            Some(relay) => relay.handle_datagram(now, source, local, datagram),
            None => self.session.handle_datagram(now, source, local, datagram),
        };
        if taken {
            self.exchange(now);
        } else {
            self.datagrams_refused += 1;
            tracing::trace!(%source, bytes = datagram.len(), "a datagram that is nobody's");
        }
    }

    /// Lets the paths, offers and links know where we are.
    fn share_addresses(&mut self, now: Instant) {
        let reach = self.reach.as_ref();
        let addresses = LocalAddresses {
            host: self.host_addresses.clone(),
            reflexive: reach.and_then(Reach::reflexive).into_iter().collect(),
            relayed: reach.and_then(Reach::relayed).into_iter().collect(),
        };
        match &mut self.relay {
            Some(relay) => relay.set_addresses(&addresses),
            None => self.session.set_addresses(now, &addresses),
        }
    }

    /// Carries messages between the session and the relay beside it until both are quiet.
    fn exchange(&mut self, now: Instant) {
        let Some(relay) = &mut self.relay else { return };
        loop {
            if let Some(message) = self.session.poll_local() {
                relay.handle_local(now, message);
            } else if let Some(message) = relay.poll_local() {
                self.session.handle_local(now, message);
            } else {
                return;
            }
        }
    }
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Nothing to encrypt with.
    #[error("no certificate can be made ({0}): restart the DAW")]
    Certificate(#[from] CertificateError),
    /// The device's rate cannot be converted.
    #[error(transparent)]
    Rate(#[from] RateConverterError),
}
