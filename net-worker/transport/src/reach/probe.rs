//! Asking one server again and again where it sees us (binding requests, RFC 8489 section 3).
//!
//! The question also keeps the router's way to that server open. The answer is believed when it names the random
//! transaction of the question and comes from the server's address; there is no other proof in this protocol.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use turn_client_proto::types::stun::message::TransactionId;

use super::ReachError;
use crate::demux::{Datagram, Stun, StunKind, classify};

/// What a probe found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Where we are seen.
    First(SocketAddr),
    /// Where we are seen now, and were not before.
    Moved(SocketAddr),
    /// No answer, or one that says nothing.
    Nothing(ReachError),
}

pub(super) struct Probe {
    server: SocketAddr,
    /// Of the question that waits for its answer.
    transaction: Option<[u8; 12]>,
    /// How often the question was sent.
    sent: u32,
    /// When it is sent again, or the next one is asked.
    due: Instant,
    wants_sending: bool,
    seen_at: Option<SocketAddr>,
    /// Answered, or given up, at least once.
    is_settled: bool,
    found: Option<Seen>,
}

impl Probe {
    pub(super) fn new(server: SocketAddr, now: Instant) -> Self {
        Self {
            server,
            transaction: None,
            sent: 0,
            due: now,
            wants_sending: false,
            seen_at: None,
            is_settled: false,
            found: None,
        }
    }

    pub(super) fn server(&self) -> SocketAddr {
        self.server
    }

    pub(super) fn is_first_asked(&self) -> bool {
        !self.is_settled
    }

    pub(super) fn ask_now(&mut self, now: Instant) {
        self.transaction = None;
        self.due = now;
    }

    /// True when it is the answer to our question.
    pub(super) fn handle_datagram(&mut self, now: Instant, source: SocketAddr, datagram: &[u8]) -> bool {
        let Datagram::Stun(Stun { kind, transaction, mapped, .. }) = classify(datagram) else { return false };
        let is_answer = matches!(kind, StunKind::Response | StunKind::Error { .. });
        if !is_answer || source != self.server || self.transaction != Some(transaction) {
            return false;
        }
        self.transaction = None;
        self.is_settled = true;
        self.due = now + ASK_EVERY;
        let before = self.seen_at;
        self.found = match mapped.filter(|_| kind == StunKind::Response) {
            None => Some(Seen::Nothing(ReachError::StunUseless(self.server))),
            mapped if mapped == before => None,
            Some(address) => {
                self.seen_at = Some(address);
                Some(if before.is_none() { Seen::First(address) } else { Seen::Moved(address) })
            }
        };
        true
    }

    /// Lets time pass; what was found out since.
    pub(super) fn advance(&mut self, now: Instant) -> Option<Seen> {
        if now >= self.due {
            match self.transaction {
                Some(_) if self.sent >= ASKS_MAX => {
                    self.transaction = None;
                    self.is_settled = true;
                    self.due = now + ASK_EVERY;
                    self.found = Some(Seen::Nothing(ReachError::StunSilent(self.server)));
                }
                Some(_) => self.send(now),
                None => {
                    self.transaction = Some(random_transaction());
                    self.sent = 0;
                    self.send(now);
                }
            }
        }
        self.found.take()
    }

    pub(super) fn poll_timeout(&self) -> Instant {
        self.due
    }

    pub(super) fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> bool {
        let Some(transaction) = self.transaction.filter(|_| self.wants_sending) else { return false };
        self.wants_sending = false;
        buffer.clear();
        buffer.extend_from_slice(&BINDING_REQUEST);
        buffer.extend_from_slice(&transaction);
        true
    }

    fn send(&mut self, now: Instant) {
        self.wants_sending = true;
        self.due = now + (RETRY_FIRST * 2_u32.pow(self.sent.min(8))).min(RETRY_MAX);
        self.sent += 1;
    }
}

/// Nobody can guess it.
fn random_transaction() -> [u8; 12] {
    let bytes = u128::from(TransactionId::generate()).to_be_bytes();
    std::array::from_fn(|at| bytes[at + 4])
}

/// Type, no attributes, magic cookie (RFC 8489 section 5).
const BINDING_REQUEST: [u8; 8] = [0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42];
/// Routers forget a UDP way after 30 s at the earliest that is common (RFC 4787 REQ-5 asks for 2 minutes).
const ASK_EVERY: Duration = Duration::from_secs(15);
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(1);
const ASKS_MAX: u32 = 5;
