//! Calling the host: the first time, and again whenever it is not heard.
//!
//! A new call is made beside the standing one, so that a path that was only slow is not lost. The step
//! before is `Session::join`; the step after is a `Welcome`, which makes the call the uplink.

use std::time::{Duration, Instant};

use backline_transport::{Path, PathConfig, Role};
use backline_wire::credentials::ufrag_from_random;
use backline_wire::{InviteLink, RefusalReason};

use crate::network::{LinkKey, Network, Uplink};

/// A host that is silent for this long is called anew: pings are answered twice a second.
const SILENCE_BEFORE_CALL: Duration = Duration::from_millis(1_000);
/// Between the starts of two calls, while the first one may still succeed.
const BETWEEN_CALLS: Duration = Duration::from_millis(1_500);
/// A call that stands for this long without a welcome is given up.
const CALL_MAX: Duration = Duration::from_secs(6);
/// The first join is given up after this long, with the reason.
const FIRST_JOIN_MAX: Duration = Duration::from_secs(15);
/// How long a host may say that it does not know the session before we believe it: another program on
/// the same machine may answer first.
const UNKNOWN_BEFORE_FAILED: Duration = Duration::from_secs(3);
/// Calls under way at once.
const CALLS_MAX: usize = 3;

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
    calls: Vec<Call>,
    calls_made: u32,
    began: Instant,
    next_call_at: Instant,
    ever_joined: bool,
    unknown_since: Option<Instant>,
}

struct Call {
    key: LinkKey,
    made_at: Instant,
}

impl Caller {
    pub fn new(link: InviteLink, now: Instant) -> Self {
        Self {
            link,
            calls: Vec::new(),
            calls_made: 0,
            began: now,
            next_call_at: now,
            ever_joined: false,
            unknown_since: None,
        }
    }

    pub fn link(&self) -> &InviteLink {
        &self.link
    }

    pub fn ever_joined(&self) -> bool {
        self.ever_joined
    }

    /// Calls where that is due and ends calls that lead nowhere.
    pub fn run(&mut self, network: &mut Network, now: Instant) -> Result<(), JoinError> {
        self.give_up_old_calls(network, now);
        if self.is_heard(network, now) {
            return Ok(());
        }
        self.listen_for_refusals(network, now);
        self.check_hopeless(now)?;
        if now >= self.next_call_at && self.calls.len() < CALLS_MAX {
            self.call(network, now)?;
        }
        Ok(())
    }

    /// The uplink stands and the host was heard lately.
    pub fn is_heard(&self, network: &Network, now: Instant) -> bool {
        let Uplink::Path(key) = network.uplink else { return false };
        let heard = network.links.get(key).and_then(Path::last_heard);
        heard.is_some_and(|at| now.saturating_duration_since(at) < SILENCE_BEFORE_CALL)
    }

    /// The call of `key` was welcomed: it is the uplink, and all others end.
    pub fn welcomed(&mut self, network: &mut Network, key: LinkKey, now: Instant) {
        self.ever_joined = true;
        self.unknown_since = None;
        self.next_call_at = now;
        let old = std::mem::replace(&mut network.uplink, Uplink::Path(key));
        for call in self.calls.drain(..).filter(|call| call.key != key) {
            network.links.remove(call.key);
        }
        if let Uplink::Path(old) = old
            && old != key
        {
            network.links.remove(old);
        }
    }

    /// The path of `key` closed.
    pub fn closed(&mut self, network: &mut Network, key: LinkKey, now: Instant) {
        self.calls.retain(|call| call.key != key);
        network.links.remove(key);
        if network.uplink == Uplink::Path(key) {
            network.uplink = Uplink::Down;
            self.next_call_at = now;
        }
    }

    /// A Backline at one of the link's addresses may answer that it does not know the session.
    fn listen_for_refusals(&mut self, network: &Network, now: Instant) {
        let mut paths = self.calls.iter().filter_map(|call| network.links.get(call.key));
        if paths.any(Path::is_told_uninvited) {
            self.unknown_since.get_or_insert(now);
        }
    }

    fn check_hopeless(&self, now: Instant) -> Result<(), JoinError> {
        let over = |since: Instant, limit| now.saturating_duration_since(since) >= limit;
        if self.unknown_since.is_some_and(|since| over(since, UNKNOWN_BEFORE_FAILED)) {
            return Err(JoinError::UnknownSession);
        }
        if !self.ever_joined && over(self.began, FIRST_JOIN_MAX) {
            let addresses: Vec<String> = self.link.addresses().iter().map(ToString::to_string).collect();
            let port = self.link.addresses().first().map_or(0, std::net::SocketAddr::port);
            return Err(JoinError::NoAnswer { addresses: addresses.join(", "), port });
        }
        Ok(())
    }

    fn call(&mut self, network: &mut Network, now: Instant) -> Result<(), JoinError> {
        let ufrag = ufrag_from_random(network.random());
        let config = PathConfig {
            role: Role::Dialer,
            local: self.link.secret().ice_credentials_joiner(&ufrag),
            remote: self.link.secret().ice_credentials_host(),
            remote_fingerprint: Some(*self.link.fingerprint()),
            certificate: &network.certificate,
            local_addresses: &network.addresses,
            remote_addresses: self.link.addresses(),
        };
        let path = Path::new(config, now).map_err(|error| JoinError::Setup(error.to_string()))?;
        let key = LinkKey::Host(self.calls_made);
        self.calls_made = self.calls_made.wrapping_add(1);
        self.next_call_at = now + BETWEEN_CALLS;
        network.links.insert(key, path);
        self.calls.push(Call { key, made_at: now });
        Ok(())
    }

    fn give_up_old_calls(&mut self, network: &mut Network, now: Instant) {
        self.calls.retain(|call| {
            let stands = now.saturating_duration_since(call.made_at) < CALL_MAX;
            if !stands {
                network.links.remove(call.key);
            }
            stands
        });
    }
}
