//! One encrypted path to one peer, sans-IO: str0m inside, none of its contracts outside, and media beside it.
//!
//! It is: ICE with credentials that both ends know beforehand, DTLS with pinned certificates, SRTP,
//! one ordered reliable data channel. str0m does ICE, DTLS and SCTP; RTP and RTCP never go through it. It is not: a policy (who may come in, what is sent to whom).
//! Datagrams come from and go to `io`; events go to, and mutations come from, `session` or `relay`.
//!
//! Order of polling: after any `handle_…` or mutation, `poll_transmit` until `None`, `poll_event`
//! until `None`, then `poll_timeout`. Nothing is lost when the order is another, up to the limits of
//! `wire::limits`.

mod addresses;
mod inbox;
mod media;
mod outbox;
mod pump;
mod setup;
mod streams;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backline_wire::limits::{CONTROL_BYTES_MAX, PATH_CONTROL_QUEUE_BYTES_MAX, PATH_SILENCE_MAX};
use backline_wire::{Candidate, Fingerprint, IceCredentials, Ssrc};
use str0m::Rtc;
use str0m::channel::ChannelId;
use thiserror::Error;

use crate::certificate::Certificate;
use crate::dtls::Tap;
use crate::local_addresses::LocalAddresses;
use crate::media::{MediaHead, MediaPacket};
use crate::srtp::Srtp;
use crate::stats::PathStats;

use addresses::Addresses;
pub(crate) use addresses::plain;
use inbox::Inbox;
use outbox::Outbox;
use streams::Streams;

/// Who speaks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Knows where the other is: ICE controlling, DTLS client.
    Dialer,
    /// Waits to be reached: ICE controlled, DTLS server.
    Acceptor,
}

/// What a path is made of.
#[derive(Clone, Debug)]
pub struct PathConfig<'a> {
    /// Which end this is.
    pub role: Role,
    /// Our ICE credentials on this path.
    pub local: IceCredentials,
    /// The peer's, derived from the session's secret or received in an offer.
    pub remote: IceCredentials,
    /// The peer's certificate. `None` accepts any: then the caller must authenticate the peer by its
    /// `Hello` before it believes anything.
    pub remote_fingerprint: Option<Fingerprint>,
    /// Ours.
    pub certificate: &'a Certificate,
    /// Our sockets' addresses. An unspecified one (`[::]:port`) is the best choice: the system then
    /// picks the source address, and an address change needs no attention.
    pub local_addresses: &'a [SocketAddr],
    /// Where the peer may be, best first; may be empty for an acceptor.
    pub remote_candidates: &'a [Candidate],
}

/// A datagram to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// To whom.
    pub destination: SocketAddr,
    /// From which of the local addresses (as the caller named it; unspecified: the system's choice).
    pub source: SocketAddr,
}

/// What happened on a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathEvent {
    /// Encrypted, authenticated as far as the path can; the control channel may be used.
    Connected {
        /// Of the peer's certificate.
        remote_fingerprint: Fingerprint,
    },
    /// A control message, in order, complete; its content is not checked.
    Control(Vec<u8>),
    /// A packet of an expected stream.
    Media(MediaPacket),
    /// The peer says something about a stream that it hears from us; its content is not checked.
    Feedback {
        /// Which stream.
        about: Ssrc,
        /// What the peer wrote.
        bytes: Arc<[u8]>,
    },
    /// The last event. Not sent for the caller's own [`Path::close`].
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

/// Why a path ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CloseReason {
    /// The peer closed it.
    #[error("the other side closed the connection")]
    ClosedByPeer,
    /// The peer's certificate is another one than expected: somebody else answers there, or the link is old.
    #[error(
        "somebody else answers at that address (the certificate is not the one in the invite link): ask the host for a new link"
    )]
    FingerprintMismatch,
    /// No connection within [`backline_wire::limits::PATH_CONNECT_TIME_MAX`].
    #[error(
        "no answer: check that the host's session is open and that its firewall or router lets Backline through"
    )]
    NoAnswer,
    /// A host answered that it does not know the link.
    #[error(
        "the host does not know this invite link (its session was closed or started again): ask the host for a new link"
    )]
    NotInvited,
    /// Nothing was heard for [`backline_wire::limits::PATH_SILENCE_MAX`].
    #[error("the connection was lost (nothing was heard for some seconds): check the network")]
    Silent,
    /// Encryption could not be agreed on, or broke.
    #[error("the encrypted connection failed: update Backline on both computers and join again")]
    Encryption,
    /// The peer takes no control messages any more.
    #[error("the other side stopped answering")]
    ControlStuck,
    /// More events than the caller can take.
    #[error("the other side sent more messages than it may")]
    ControlFlood,
}

/// What a caller did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// Not connected yet, or not any more.
    #[error("there is no connection yet")]
    NotConnected,
    /// Longer than [`CONTROL_BYTES_MAX`], [`backline_wire::limits::FEEDBACK_BYTES_MAX`] or
    /// [`backline_wire::limits::MEDIA_PAYLOAD_BYTES_MAX`].
    #[error("a message of {bytes} bytes is too long to be sent")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// A payload type that is none of ours.
    #[error("payload type {0} is unknown")]
    UnknownPayloadType(u8),
    /// The stream was not opened on this path.
    #[error("stream {0} is not open on this path")]
    StreamNotOpen(Ssrc),
    /// More streams than [`backline_wire::limits::STREAMS_PER_PATH_MAX`].
    #[error("too many streams on one path")]
    TooManyStreams,
    /// ICE credentials that no ICE implementation accepts.
    #[error("the connection's credentials are not valid: ask the host for a new link")]
    Credentials,
    /// No local address, or a dialer without a remote one.
    #[error("there is no network address to use: connect to a network and try again")]
    NoAddress,
    /// The encryption library refused.
    #[error("encryption could not be started: restart Backline")]
    Encryption,
}

/// One encrypted path to one peer. `[worker-thread]`
pub struct Path {
    rtc: Rtc,
    role: Role,
    channel: ChannelId,
    /// What DTLS says beside str0m.
    tap: Arc<Tap>,
    /// Since the path is connected.
    srtp: Option<Srtp>,
    /// Under which our RTCP is sent.
    reporter: Ssrc,
    report_at: Option<Instant>,
    state: State,
    expected: Option<Fingerprint>,
    addresses: Addresses,
    streams: Streams,
    inbox: Inbox,
    outbox: Outbox,
    /// Until their receiver has sent as much as they are long.
    held: VecDeque<(Transmit, Vec<u8>)>,
    /// Control messages until the channel takes them.
    control: VecDeque<Vec<u8>>,
    control_bytes: usize,
    channel_is_open: bool,
    /// A host that does not know our link has said so; believed when the time to connect is over.
    told_unauthorised: bool,
    /// The peer's certificate is wrong; it is told by then.
    refuse_by: Option<Instant>,
    /// Set while str0m still has to be drained before the end.
    ending: Option<CloseReason>,
    rtc_deadline: Option<Instant>,
    /// When str0m was last told the time.
    advanced_at: Instant,
    created: Instant,
    last_now: Instant,
    last_heard: Option<Instant>,
    stats: PathStats,
}

/// ICE weighs what it has heard when it is told the time, and does not name all the times at which it could: at least as often as this.
const WEIGHED_EVERY: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connecting,
    Connected,
    /// Only what is queued is still sent.
    Closed,
}

impl Path {
    /// Starts a path; a dialer's first checks wait in `poll_transmit`.
    ///
    /// # Errors
    /// See [`PathError`]: credentials, addresses, encryption.
    pub fn new(config: PathConfig<'_>, now: Instant) -> Result<Path, PathError> {
        setup::check(&config)?;
        let (rtc, channel, tap) = setup::start(&config, now)?;
        let [a, b, c, d, ..] = config.certificate.fingerprint().0;
        let mut path = Path {
            rtc,
            role: config.role,
            channel,
            tap,
            srtp: None,
            reporter: Ssrc(u32::from_be_bytes([a, b, c, d])),
            report_at: None,
            state: State::Connecting,
            expected: config.remote_fingerprint,
            addresses: Addresses::default(),
            streams: Streams::default(),
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            held: VecDeque::new(),
            control: VecDeque::new(),
            control_bytes: 0,
            channel_is_open: false,
            told_unauthorised: false,
            refuse_by: None,
            ending: None,
            rtc_deadline: None,
            advanced_at: now,
            created: now,
            last_now: now,
            last_heard: None,
            stats: PathStats::default(),
        };
        for address in config.local_addresses {
            path.addresses.add_local(&mut path.rtc, *address);
        }
        for at in config.remote_candidates {
            path.addresses.add_remote(&mut path.rtc, *at);
        }
        path.advance(now);
        Ok(path)
    }

    /// Whether this path would take the datagram: its peer's address is proven, or it is a check that
    /// proves to know our password. Costs an HMAC for STUN, a comparison else.
    pub fn accepts(&self, source: SocketAddr, datagram: &[u8]) -> bool {
        match self.state {
            State::Closed => false,
            State::Connecting if self.is_refusal(datagram) => true,
            _ => self.addresses.accepts(&self.rtc, self.created, source, datagram),
        }
    }

    /// A datagram came, to our address `local`. Never an error: what is not valid is counted.
    pub fn handle_datagram(&mut self, now: Instant, source: SocketAddr, local: SocketAddr, datagram: &[u8]) {
        self.stats.datagrams_in += 1;
        self.stats.bytes_in += datagram.len() as u64;
        if let Err(reason) = self.receive(now, source, local, datagram) {
            self.stats.count_drop(reason);
        }
    }

    /// A deadline of [`Path::poll_timeout`] has come (earlier and later calls do no harm).
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.state == State::Closed {
            return;
        }
        self.last_now = self.last_now.max(now);
        let is_due = self.rtc_deadline.is_none_or(|deadline| deadline <= self.last_now);
        if is_due || self.last_now >= self.advanced_at + WEIGHED_EVERY {
            self.advance(now);
        }
        self.send_due_reports();
        self.enforce_deadlines(now);
    }

    /// Queues a control message; it is delivered once, in order, or the path closes.
    ///
    /// # Errors
    /// When it is too long or the path is closed. Before the connection it is queued.
    pub fn send_control(&mut self, now: Instant, bytes: &[u8]) -> Result<(), PathError> {
        if self.state == State::Closed {
            return Err(PathError::NotConnected);
        }
        if bytes.len() > CONTROL_BYTES_MAX {
            return Err(PathError::TooLong { bytes: bytes.len() });
        }
        self.control_bytes += bytes.len();
        self.control.push_back(bytes.to_vec());
        self.stats.control_out += 1;
        if self.control_bytes > PATH_CONTROL_QUEUE_BYTES_MAX {
            self.end(now, Some(CloseReason::ControlStuck));
            return Err(PathError::NotConnected);
        }
        self.advance(now);
        Ok(())
    }

    /// Packets of this stream become events from now on. Say so before the peer has sent 32,768 of
    /// them: a receiver cannot know how often 16-bit sequence numbers have wrapped before (RFC 3711
    /// section 3.3.1).
    ///
    /// # Errors
    /// When there are too many streams.
    pub fn expect_stream(&mut self, ssrc: Ssrc) -> Result<(), PathError> {
        self.streams.expect(ssrc)
    }

    /// No more packets of this stream.
    pub fn forget_stream(&mut self, ssrc: Ssrc) {
        self.streams.forget(ssrc);
    }

    /// Makes ready to send a stream.
    ///
    /// # Errors
    /// When there are too many streams.
    pub fn open_stream(&mut self, ssrc: Ssrc) -> Result<(), PathError> {
        self.streams.open(ssrc)
    }

    /// No more of this stream is sent. Opened again, its sequence numbers go on.
    pub fn close_stream(&mut self, ssrc: Ssrc) {
        self.streams.close(ssrc);
    }

    /// Sends one packet of an open stream: the payload is encrypted from where it is, into a buffer that was used before.
    ///
    /// # Errors
    /// When not connected, not open, too long, or of a payload type that is none of ours.
    pub fn send_media(
        &mut self,
        now: Instant,
        ssrc: Ssrc,
        head: MediaHead,
        payload: &[u8],
    ) -> Result<(), PathError> {
        self.write_media(now, ssrc, &head, payload)
    }

    /// Says something about a stream that comes from the peer: encrypted, at once, and never again if it is lost.
    ///
    /// # Errors
    /// When not connected or too long.
    pub fn send_feedback(&mut self, now: Instant, about: Ssrc, bytes: &[u8]) -> Result<(), PathError> {
        self.write_feedback(now, about, bytes)
    }

    /// The peer may also be here.
    pub fn add_remote_candidate(&mut self, at: Candidate) {
        self.addresses.add_remote(&mut self.rtc, at);
        self.advance(self.last_now);
    }

    /// We may also be reached here.
    pub fn add_local_address(&mut self, address: SocketAddr) {
        self.addresses.add_local(&mut self.rtc, address);
        self.advance(self.last_now);
    }

    /// We may also be reached at these: host addresses and relayed ones. (Reflexive ones lead to host addresses; it is the
    /// peer that must be told of them.) What is sent from a relayed address has it as its [`Transmit::source`].
    pub fn add_local_addresses(&mut self, addresses: &LocalAddresses) {
        for address in &addresses.host {
            self.addresses.add_local(&mut self.rtc, *address);
        }
        for address in &addresses.relayed {
            self.addresses.add_relayed(&mut self.rtc, *address);
        }
        self.advance(self.last_now);
    }

    /// Ends the path: the peer is told (drain `poll_transmit` once more), no event follows.
    pub fn close(&mut self, now: Instant) {
        self.end(now, None);
    }

    /// The next datagram to send, in exchange for what `buffer` was: its memory is used again. `None`: nothing to send now.
    pub fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        self.outbox.pop(buffer)
    }

    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<PathEvent> {
        self.inbox.pop()
    }

    /// When [`Path::handle_timeout`] is wanted next; `None` after the end.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.state == State::Closed {
            return None;
        }
        let own = match self.state {
            State::Connecting => self.connect_deadline().min(self.advanced_at + WEIGHED_EVERY),
            _ => self.last_heard.unwrap_or(self.created) + PATH_SILENCE_MAX,
        };
        [self.rtc_deadline, self.report_at].into_iter().flatten().chain([own]).min()
    }

    /// Of the last STUN check, at most half a second old while the peer is there.
    pub fn round_trip(&self) -> Option<Duration> {
        self.addresses.round_trip()
    }

    /// Where the peer is now.
    pub fn remote_address(&self) -> Option<SocketAddr> {
        self.addresses.remote()
    }

    /// What we send goes by an address on a TURN server: ours, or one that the peer has named as such. (An invite link does
    /// not say which of its addresses are.)
    pub fn is_relayed(&self) -> bool {
        self.addresses.is_relayed()
    }

    /// When something authentic last came from the peer: a check, media of an expected stream, or
    /// control. While the peer is there, never more than about half a second ago.
    pub fn last_heard(&self) -> Option<Instant> {
        self.last_heard
    }

    /// Whether media can be sent.
    pub fn is_connected(&self) -> bool {
        self.state == State::Connected
    }

    /// Whether it has ended, by either side.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Dialer or acceptor.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Counters since the start.
    pub fn stats(&self) -> PathStats {
        self.stats
    }
}

impl std::fmt::Debug for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Path").field("role", &self.role).field("state", &self.state).finish_non_exhaustive()
    }
}
