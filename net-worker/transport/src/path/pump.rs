//! Tells datagrams apart, gives str0m what is its own, and drains it after every change, into the path's own queues.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use backline_wire::limits::{CONTROL_BYTES_MAX, DATAGRAM_BYTES_MAX, PATH_CONNECT_TIME_MAX, PATH_SILENCE_MAX};
use backline_wire::{Fingerprint, Ssrc};
use str0m::net::{Protocol, Receive};
use str0m::{Event, Input, Output};

use super::addresses::plain;
use super::media::REPORT_INTERVAL;
use super::{CloseReason, Path, PathEvent, Role, State, Transmit};
use crate::demux::{Datagram, Stun, StunKind, classify, is_unauthorised_response};
use crate::dtls;
use crate::srtp::Srtp;
use crate::stats::DropReason;

impl Path {
    pub(super) fn receive(
        &mut self,
        now: Instant,
        source: SocketAddr,
        local: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), DropReason> {
        if self.state == State::Closed {
            return Err(DropReason::Closed);
        }
        if datagram.len() > DATAGRAM_BYTES_MAX {
            return Err(DropReason::TooLong);
        }
        let source = plain(source);
        match classify(datagram) {
            Datagram::Unknown => Err(DropReason::NotUnderstood),
            Datagram::Stun(stun) => self.receive_stun(now, source, local, datagram, &stun),
            Datagram::Rtp { ssrc } if !self.streams.is_expected(Ssrc(ssrc)) => {
                Err(DropReason::StreamNotExpected)
            }
            _ if !self.accepts(source, datagram) => Err(DropReason::AddressNotProven),
            Datagram::Dtls => self.feed(now, source, local, datagram),
            Datagram::Rtp { .. } => {
                self.came(now, source, datagram);
                self.receive_media(datagram)?;
                self.heard(now, source);
                Ok(())
            }
            Datagram::Rtcp => {
                self.came(now, source, datagram);
                self.receive_rtcp(datagram)
            }
        }
    }

    /// Lets time pass inside str0m and takes out whatever that makes.
    pub(super) fn advance(&mut self, now: Instant) {
        self.last_now = self.last_now.max(now);
        self.advanced_at = self.last_now;
        let failed = self.rtc.handle_input(Input::Timeout(self.last_now)).is_err();
        if failed && !self.rtc.is_alive() {
            self.ending.get_or_insert(CloseReason::Encryption);
        }
        self.drain();
    }

    pub(super) fn connect_deadline(&self) -> Instant {
        let allowed = if self.told_unauthorised { PATH_CONNECT_TIME_MAX / 3 } else { PATH_CONNECT_TIME_MAX };
        self.refuse_by.unwrap_or(self.created + allowed)
    }

    pub(super) fn enforce_deadlines(&mut self, now: Instant) {
        match self.state {
            State::Connecting if now >= self.connect_deadline() => {
                let reason = match (self.refuse_by, self.told_unauthorised) {
                    (Some(_), _) => CloseReason::FingerprintMismatch,
                    (None, true) => CloseReason::NotInvited,
                    (None, false) => CloseReason::NoAnswer,
                };
                self.end(now, Some(reason));
            }
            State::Connected if now >= self.last_heard.unwrap_or(self.created) + PATH_SILENCE_MAX => {
                self.end(now, Some(CloseReason::Silent));
            }
            _ => {}
        }
    }

    /// Tells the peer (as well as the network lets us) and stops.
    pub(super) fn end(&mut self, now: Instant, reason: Option<CloseReason>) {
        if self.state == State::Closed {
            return;
        }
        self.last_now = self.last_now.max(now);
        self.ending = reason;
        // Best effort: what cannot be said any more is noticed by the peer's own deadline.
        let _ = self.rtc.handle_input(Input::Timeout(self.last_now));
        let _ = self.rtc.close();
        self.take_outputs();
        self.finish(reason);
    }

    /// A host that does not know our link answers one of our checks; only who saw the check can.
    pub(super) fn is_refusal(&self, datagram: &[u8]) -> bool {
        let Datagram::Stun(stun) = classify(datagram) else { return false };
        is_unauthorised_response(datagram) && self.addresses.sent_at(&stun.transaction).is_some()
    }

    fn receive_stun(
        &mut self,
        now: Instant,
        source: SocketAddr,
        local: SocketAddr,
        datagram: &[u8],
        stun: &Stun<'_>,
    ) -> Result<(), DropReason> {
        if self.state == State::Connecting && self.is_refusal(datagram) {
            self.told_unauthorised = true;
            return Ok(());
        }
        if !self.accepts(source, datagram) {
            return Err(DropReason::StunNotProven);
        }
        self.addresses.admit_stun(&mut self.rtc, now, source, stun)?;
        self.heard(now, source);
        self.feed(now, source, local, datagram)?;
        let dialer = self.role == Role::Dialer;
        if self.addresses.after_stun(&mut self.rtc, now, source, stun, dialer) {
            self.stats.address_changes += 1;
        }
        // ICE weighs anew what it has heard only when it is told the time.
        self.advance(now);
        self.release_held();
        Ok(())
    }

    /// A datagram that is not str0m's came from an address of the peer.
    fn came(&mut self, now: Instant, source: SocketAddr, datagram: &[u8]) {
        self.last_now = self.last_now.max(now);
        self.addresses.received(source, datagram.len());
        self.release_held();
    }

    /// Gives a datagram to str0m. Its errors drop the datagram; they end the path only when str0m says
    /// that it is dead, since anybody can send a damaged record with the peer's address on it.
    fn feed(
        &mut self,
        now: Instant,
        source: SocketAddr,
        local: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), DropReason> {
        self.last_now = self.last_now.max(now);
        let destination = self.addresses.ice_local(&mut self.rtc, local, source);
        let receive = Receive::new(Protocol::Udp, source, destination, datagram);
        let receive = receive.map_err(|_| DropReason::NotUnderstood)?;
        let taken = self.rtc.handle_input(Input::Receive(self.last_now, receive));
        self.addresses.received(source, datagram.len());
        self.drain();
        self.release_held();
        taken.map_err(|_| DropReason::DtlsRefused)
    }

    fn heard(&mut self, now: Instant, source: SocketAddr) {
        self.last_heard = Some(self.last_heard.map_or(now, |before| before.max(now)));
        self.addresses.heard_from(now, source);
    }

    fn drain(&mut self) {
        self.flush_control();
        // Whatever str0m was told may have changed where it sends, and media follows.
        if self.state == State::Connected {
            self.tap.ask_for_route();
        }
        self.take_outputs();
        if self.ending.is_none() && !self.rtc.is_alive() && self.state != State::Closed {
            self.ending = Some(CloseReason::ClosedByPeer);
        }
        if let Some(reason) = self.ending.take() {
            self.end(self.last_now, Some(reason));
        }
    }

    fn take_outputs(&mut self) {
        let mut errors = 0;
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(deadline)) => {
                    self.rtc_deadline = Some(deadline);
                    if !self.flush_control() {
                        break;
                    }
                }
                Ok(Output::Transmit(transmit)) => self.queue_transmit(transmit),
                Ok(Output::Event(event)) => self.handle_event(event),
                Err(_) => {
                    errors += 1;
                    if errors > POLL_ERRORS_MAX || !self.rtc.is_alive() {
                        self.ending.get_or_insert(CloseReason::Encryption);
                        break;
                    }
                }
            }
        }
    }

    fn handle_event(&mut self, event: Event) {
        if self.ending.is_some() {
            return;
        }
        match event {
            Event::Connected => self.verify_peer(),
            Event::ChannelOpen(..) if self.refuse_by.is_some() => self.fail(CloseReason::FingerprintMismatch),
            Event::ChannelOpen(id, _) if id == self.channel => self.channel_is_open = true,
            Event::ChannelData(data) => self.take_control(data.id == self.channel, data.data),
            Event::ChannelClose(_) | Event::Closed => self.fail(CloseReason::ClosedByPeer),
            _ => {}
        }
    }

    /// The certificate is the peer's only proof of who it is: nothing is passed on before this. A wrong
    /// one ends the path as soon as the peer can be told (str0m says no goodbye before SCTP is up).
    fn verify_peer(&mut self) {
        let api = self.rtc.direct_api();
        let bytes = api.remote_dtls_fingerprint().map(|print| print.bytes.as_slice());
        let remote = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).map(Fingerprint);
        match (remote, self.expected) {
            (None, _) => self.fail(CloseReason::Encryption),
            (Some(remote), Some(expected)) if remote != expected => {
                self.refuse_by = Some(self.last_now + REFUSE_WITHIN);
            }
            (Some(remote_fingerprint), _) => match self.media_keys() {
                None => self.fail(CloseReason::Encryption),
                Some(srtp) => {
                    self.srtp = Some(srtp);
                    self.state = State::Connected;
                    self.last_heard = Some(self.last_now);
                    self.report_at = Some(self.last_now + REPORT_INTERVAL);
                    self.push_event(PathEvent::Connected { remote_fingerprint });
                }
            },
        }
    }

    /// DTLS tells media's keys no later than that it is connected; a peer that does not agree on our profile is none of ours.
    fn media_keys(&self) -> Option<Srtp> {
        let (material, profile) = self.tap.take_keys()?;
        let provider = dtls::provider();
        Srtp::new(&provider, profile, &material, self.role == Role::Dialer)
            .inspect_err(|error| tracing::debug!(%error, "media cannot be encrypted"))
            .ok()
    }

    fn take_control(&mut self, is_ours: bool, bytes: Vec<u8>) {
        if !is_ours || bytes.len() > CONTROL_BYTES_MAX {
            self.stats.count_drop(DropReason::ControlRefused);
        } else if self.state == State::Connected {
            self.stats.control_in += 1;
            self.last_heard = Some(self.last_now);
            self.push_event(PathEvent::Control(bytes));
        }
    }

    /// No queue grows for a caller that is away: media goes first, then the path.
    pub(super) fn push_event(&mut self, event: PathEvent) {
        self.inbox.push(event);
        if !self.inbox.is_over_limit() {
            return;
        }
        if self.inbox.drop_oldest_media() {
            self.stats.count_drop(DropReason::EventQueueFull);
        } else {
            self.fail(CloseReason::ControlFlood);
        }
    }

    /// Ends the path once str0m has been drained: only then can it still tell the peer.
    fn fail(&mut self, reason: CloseReason) {
        self.ending.get_or_insert(reason);
    }

    fn finish(&mut self, reason: Option<CloseReason>) {
        if self.state == State::Closed {
            return;
        }
        self.state = State::Closed;
        self.ending = None;
        self.control.clear();
        if let Some(reason) = reason {
            self.inbox.push(PathEvent::Closed { reason });
        }
    }

    fn queue_transmit(&mut self, transmit: str0m::net::Transmit) {
        let now = self.last_now;
        match classify(&transmit.contents) {
            Datagram::Stun(Stun { kind: StunKind::Request, transaction, .. }) => {
                self.addresses.request_sent(now, transaction);
            }
            Datagram::Stun(_) => {}
            // str0m has no streams and no keys of ours: nothing of it may go out.
            Datagram::Rtp { .. } | Datagram::Rtcp => return,
            _ => {
                let moved = self.addresses.sent(now, transmit.source, transmit.destination);
                self.stats.address_changes += u64::from(moved);
            }
        }
        if self.tap.is_answer(&transmit.contents) {
            return;
        }
        let source = self.addresses.caller_local(transmit.source);
        let head = Transmit { destination: transmit.destination, source };
        let contents = transmit.contents.to_vec();
        if self.addresses.spend(head.destination, contents.len()) {
            self.queue(head, contents);
        } else if self.held.len() < HELD_MAX {
            self.held.push_back((head, contents));
        } else {
            self.stats.count_drop(DropReason::TransmitQueueFull);
        }
    }

    /// Sends what waited until its receiver had sent as much.
    fn release_held(&mut self) {
        for _ in 0..self.held.len() {
            let Some((head, contents)) = self.held.pop_front() else { return };
            if self.addresses.spend(head.destination, contents.len()) {
                self.queue(head, contents);
            } else {
                self.held.push_back((head, contents));
            }
        }
    }

    pub(super) fn queue(&mut self, head: Transmit, contents: Vec<u8>) {
        let bytes = contents.len() as u64;
        if self.outbox.push(head, contents) {
            self.stats.datagrams_out += 1;
            self.stats.bytes_out += bytes;
        } else {
            self.stats.count_drop(DropReason::TransmitQueueFull);
        }
    }

    /// Moves what the channel takes; true when it took something.
    fn flush_control(&mut self) -> bool {
        let mut moved = false;
        while self.channel_is_open && self.state == State::Connected {
            let Some(bytes) = self.control.front() else { break };
            let Some(mut channel) = self.rtc.channel(self.channel) else { break };
            match channel.write(true, bytes) {
                Ok(true) => {
                    self.control_bytes -= bytes.len();
                    self.control.pop_front();
                    moved = true;
                }
                Ok(false) => break,
                Err(_) => {
                    self.fail(CloseReason::Encryption);
                    break;
                }
            }
        }
        moved
    }
}

/// Checks that wait for their receiver's next datagram; ICE repeats what is lost.
const HELD_MAX: usize = 8;
/// How long a peer with a wrong certificate may take until it can be told.
const REFUSE_WITHIN: Duration = Duration::from_secs(1);
/// Errors of one drain; str0m repeats some until something changes.
const POLL_ERRORS_MAX: u32 = 8;
