//! Giving back an allocation of an earlier start: a DAW that crashed has left it on the server, for the same port.
//!
//! A refresh with a lifetime of zero (RFC 8656 section 7.1), with the credentials of before, as often as it takes to
//! be heard. Whatever the answer is, a new allocation is asked for after it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use turn_client_proto::stun::agent::{StunAgent, StunAgentPollRet};
use turn_client_proto::stun::auth::{LongTermClientAuth, LongTermClientValidation};
use turn_client_proto::types::TurnCredentials;
use turn_client_proto::types::attribute::Lifetime;
use turn_client_proto::types::message::REFRESH;
use turn_client_proto::types::stun::TransportType;
use turn_client_proto::types::stun::message::{Message, MessageWriteVec};
use turn_client_proto::types::stun::prelude::{MessageWrite as _, MessageWriteExt as _};

use super::TurnServer;
use super::allocation::{Clock, local_name};
use super::muted::without_a_word;

pub(super) struct Release {
    server: std::net::SocketAddr,
    agent: StunAgent,
    auth: LongTermClientAuth,
    clock: Clock,
    deadline: Instant,
    wire: VecDeque<Vec<u8>>,
    questions: u32,
    is_done: bool,
}

impl Release {
    pub(super) fn new(server: &TurnServer, clock: Clock, now: Instant) -> Self {
        without_a_word(|| Self::start(server, clock, now))
    }

    fn start(server: &TurnServer, clock: Clock, now: Instant) -> Self {
        let agent = StunAgent::builder(TransportType::Udp, local_name(server.address))
            .remote_addr(server.address)
            .request_retransmits(RETRY_FIRST, RETRY_MAX, ASKS_MAX, RETRY_MAX)
            .build();
        let mut auth = LongTermClientAuth::new();
        auth.set_credentials(TurnCredentials::new(&server.user, &server.password).into());
        let mut release = Self {
            server: server.address,
            agent,
            auth,
            clock,
            deadline: now,
            wire: VecDeque::new(),
            questions: 0,
            is_done: false,
        };
        release.ask(now);
        release
    }

    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    pub(super) fn poll_timeout(&self) -> Instant {
        self.deadline
    }

    /// True when it is an answer to our question.
    pub(super) fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> bool {
        without_a_word(|| self.receive(now, datagram))
    }

    fn receive(&mut self, now: Instant, datagram: &[u8]) -> bool {
        let Ok(message) = Message::from_bytes(datagram) else { return false };
        if !message.is_response() || self.agent.request_transaction(message.transaction_id()).is_none() {
            return false;
        }
        let answer = self.auth.validate_incoming_message(&message);
        self.agent.handle_stun_message_with_time(&message, self.server, self.clock.library(now));
        match answer {
            Ok(LongTermClientValidation::ResendRequest(_)) if self.questions < QUESTIONS_MAX => self.ask(now),
            _ => self.is_done = true,
        }
        true
    }

    pub(super) fn advance(&mut self, now: Instant, wire: &mut VecDeque<Vec<u8>>) {
        let at = self.clock.library(now);
        match without_a_word(|| self.agent.poll(at)) {
            StunAgentPollRet::WaitUntil(until) => {
                self.deadline = self.clock.ours(until).max(now + Duration::from_millis(1));
            }
            StunAgentPollRet::TransactionTimedOut(_) | StunAgentPollRet::TransactionCancelled(_) => {
                self.is_done = true;
            }
        }
        without_a_word(|| {
            while let Some(transmit) = self.agent.poll_transmit(at) {
                self.wire.push_back(transmit.data.to_vec());
            }
        });
        wire.append(&mut self.wire);
    }

    fn ask(&mut self, now: Instant) {
        self.questions += 1;
        self.deadline = now;
        let at = self.clock.library(now);
        let mut request = Message::builder_request(REFRESH, MessageWriteVec::new());
        let signed = request
            .add_attribute(&Lifetime::new(0))
            .and_then(|()| self.auth.sign_outgoing_message(request))
            .map(|request| request.finish());
        // Neither can fail for such a message; a new allocation is asked for all the same.
        let sent = signed.ok().and_then(|bytes| {
            let transmit = self.agent.send_request(bytes, self.server, at).ok()?;
            Some(transmit.data.to_vec())
        });
        match sent {
            Some(datagram) => self.wire.push_back(datagram),
            None => self.is_done = true,
        }
    }
}

/// Without a password, with it, and with a newer nonce.
const QUESTIONS_MAX: u32 = 3;
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(1);
const ASKS_MAX: u32 = 4;
