//! Calling the host: the first time, and again whenever it is not heard.
//!
//! One path at a time leads to the host: two DTLS sessions between the same two ports could not be told apart.
//! So a new call ends the one before, and the uplink that it replaces. The step before is `Session::join`; the
//! step after is a `Welcome`, which makes the call the uplink.

use std::time::{Duration, Instant};

use backline_transport::{Path, PathConfig, Role};
use backline_wire::credentials::ufrag_from_random;
use backline_wire::{Candidate, InviteLink, RefusalReason};

use crate::network::{LinkKey, Network, Uplink};

/// A host that is silent for this long is called anew: pings are answered every 0.4 s.
const SILENCE_BEFORE_CALL: Duration = Duration::from_millis(1_000);
/// How long a call may take to its welcome before the next one is made: six round trips, and a lost datagram.
const CALL_MAX: Duration = Duration::from_secs(4);
/// The first join is given up after this long, with the reason.
const FIRST_JOIN_MAX: Duration = Duration::from_secs(15);
/// Why a join ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// Nobody answers.
    #[error(
        "nobody answers at {addresses}: ask the host whether the session is open, and to let UDP port {port} through the router and firewall to that computer"
    )]
    NoAnswer {
        /// The addresses of the link.
        addresses: String,
        /// The port of the first.
        port: u16,
    },
    /// A Backline answers and does not know the session.
    #[error("this invite link is of a session that is over: ask the host for a new one")]
    UnknownSession,
    /// The certificate is not the one of the link.
    #[error(
        "the computer that answers is not the one that this invite link was made on; nothing was sent to it. Ask the host for a new link"
    )]
    WrongHost,
    /// The host says no.
    #[error("{0}")]
    Refused(#[from] RefusalReason),
    /// The host has closed the session, or removed us.
    #[error("{0}")]
    Ended(#[from] backline_wire::GoodbyeReason),
    /// The path could not even be set up.
    #[error("the connection could not be prepared ({0}): restart the DAW")]
    Setup(String),
}

/// The calls of one host.
pub(crate) struct Caller {
    link: InviteLink,
    /// Under way, and since when.
    call: Option<(LinkKey, Instant)>,
    calls_made: u32,
    began: Instant,
    ever_joined: bool,
    heard_at: Option<Instant>,
}

impl Caller {
    pub fn new(link: InviteLink, now: Instant) -> Self {
        Self { link, call: None, calls_made: 0, began: now, ever_joined: false, heard_at: None }
    }

    pub fn link(&self) -> &InviteLink {
        &self.link
    }

    pub fn ever_joined(&self) -> bool {
        self.ever_joined
    }

    /// Calls where that is due, and ends calls that lead nowhere.
    pub fn run(&mut self, network: &mut Network, now: Instant) -> Result<(), JoinError> {
        if self.is_heard(network, now) {
            return Ok(());
        }
        self.check_hopeless(now)?;
        let is_under_way =
            self.call.is_some_and(|(_, since)| now.saturating_duration_since(since) < CALL_MAX);
        if is_under_way { Ok(()) } else { self.call(network, now) }
    }

    /// The uplink stands, and the host has said or played something on it lately. That its ICE still answers
    /// is not enough: a host that has forgotten us answers checks all the same.
    pub fn is_heard(&self, network: &Network, now: Instant) -> bool {
        let stands = matches!(network.uplink, Uplink::Path(_));
        stands && self.heard_at.is_some_and(|at| now.saturating_duration_since(at) < SILENCE_BEFORE_CALL)
    }

    /// The host said or played something on the standing uplink.
    pub fn heard(&mut self, now: Instant) {
        self.heard_at = Some(now);
    }

    /// The call of `key` was welcomed: it is the uplink.
    pub fn welcomed(&mut self, network: &mut Network, key: LinkKey, now: Instant) {
        self.ever_joined = true;
        self.heard_at = Some(now);
        self.call = None;
        network.uplink = Uplink::Path(key);
    }

    /// The path of `key` closed.
    pub fn closed(&mut self, network: &mut Network, key: LinkKey) {
        network.links.remove(key);
        if self.call.is_some_and(|(call, _)| call == key) {
            self.call = None;
        }
        if network.uplink == Uplink::Path(key) {
            network.uplink = Uplink::Down;
        }
    }

    fn check_hopeless(&self, now: Instant) -> Result<(), JoinError> {
        let over = |since: Instant, limit| now.saturating_duration_since(since) >= limit;
        if !self.ever_joined && over(self.began, FIRST_JOIN_MAX) {
            let addresses: Vec<String> = self.link.addresses().iter().map(ToString::to_string).collect();
            let port = self.link.addresses().first().map_or(0, std::net::SocketAddr::port);
            return Err(JoinError::NoAnswer { addresses: addresses.join(", "), port });
        }
        Ok(())
    }

    fn call(&mut self, network: &mut Network, now: Instant) -> Result<(), JoinError> {
        let before = self.call.take().map(|(key, _)| key);
        let uplink = std::mem::replace(&mut network.uplink, Uplink::Down);
        for key in before.into_iter().chain(uplink.key()) {
            network.links.remove(key);
        }
        let ufrag = ufrag_from_random(network.random());
        let addresses: Vec<Candidate> = self.link.addresses().iter().map(|at| (*at).into()).collect();
        let config = PathConfig {
            role: Role::Dialer,
            local: self.link.secret().ice_credentials_joiner(&ufrag),
            remote: self.link.secret().ice_credentials_host(),
            remote_fingerprint: Some(*self.link.fingerprint()),
            certificate: &network.certificate,
            local_addresses: &network.addresses.host,
            remote_candidates: &addresses,
        };
        let mut path = Path::new(config, now).map_err(|error| JoinError::Setup(error.to_string()))?;
        path.add_local_addresses(&network.addresses);
        let key = LinkKey::Host(self.calls_made);
        self.calls_made = self.calls_made.wrapping_add(1);
        network.links.insert(key, path);
        self.call = Some((key, now));
        Ok(())
    }
}
