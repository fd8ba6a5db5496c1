//! One encrypted path to one peer, sans-IO: str0m inside, none of its contracts outside.
//!
//! It is: ICE with credentials that both ends know beforehand, DTLS with pinned certificates, SRTP,
//! one ordered reliable data channel. It is not: a policy (who may come in, what is sent to whom).
//! Datagrams come from and go to `io`; events go to, and mutations come from, `session` or `relay`.
//!
//! Order of polling: after any `handle_…` or mutation, `poll_transmit` until `None`, `poll_event`
//! until `None`, then `poll_timeout`. Nothing is lost when the order is another, up to the limits of
//! `wire::limits`.

mod addresses;
mod feedback;
mod inbox;
mod pump;
mod setup;
mod streams;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backline_wire::limits::{
    CONTROL_BYTES_MAX, FEEDBACK_BYTES_MAX, MEDIA_PAYLOAD_BYTES_MAX, PATH_CONTROL_QUEUE_BYTES_MAX,
    PATH_SILENCE_MAX,
};
use backline_wire::{Fingerprint, IceCredentials, Ssrc};
use str0m::Rtc;
use str0m::channel::ChannelId;
use str0m::net::DatagramSend;
use thiserror::Error;

use crate::certificate::Certificate;
use crate::local_addresses::LocalAddresses;
use crate::media::{MediaHead, MediaPacket};
use crate::stats::PathStats;

use addresses::Addresses;
pub(crate) use addresses::plain;
use feedback::Feedback;
use inbox::Inbox;
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
    /// Where the peer may be; may be empty for an acceptor.
    pub remote_addresses: &'a [SocketAddr],
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
    /// Longer than [`CONTROL_BYTES_MAX`], [`FEEDBACK_BYTES_MAX`] or [`backline_wire::limits::MEDIA_PAYLOAD_BYTES_MAX`].
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
    /// The encryption library refused to start.
    #[error("encryption could not be started: restart Backline")]
    Encryption,
}

/// One encrypted path to one peer. `[worker-thread]`
pub struct Path {
    rtc: Rtc,
    role: Role,
    channel: ChannelId,
    state: State,
    expected: Option<Fingerprint>,
    addresses: Addresses,
    streams: Streams,
    feedback: Feedback,
    inbox: Inbox,
    transmits: VecDeque<(Transmit, DatagramSend)>,
    /// Media on its way from str0m to `transmits`, with its place among what was written.
    batch: Vec<(usize, Transmit, DatagramSend)>,
    /// Until their receiver has sent as much as they are long.
    held: VecDeque<(Transmit, DatagramSend)>,
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
    created: Instant,
    last_now: Instant,
    last_heard: Option<Instant>,
    stats: PathStats,
}

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
        let (rtc, channel) = setup::start(&config, now)?;
        let mut path = Path {
            rtc,
            role: config.role,
            channel,
            state: State::Connecting,
            expected: config.remote_fingerprint,
            addresses: Addresses::default(),
            streams: Streams::default(),
            feedback: Feedback::default(),
            inbox: Inbox::default(),
            transmits: VecDeque::new(),
            held: VecDeque::new(),
            control: VecDeque::new(),
            control_bytes: 0,
            channel_is_open: false,
            batch: Vec::new(),
            told_unauthorised: false,
            refuse_by: None,
            ending: None,
            rtc_deadline: None,
            created: now,
            last_now: now,
            last_heard: None,
            stats: PathStats::default(),
        };
        for address in config.local_addresses {
            path.addresses.add_local(&mut path.rtc, *address);
        }
        for address in config.remote_addresses {
            path.addresses.add_remote(&mut path.rtc, *address);
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
        self.advance(now);
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
        self.streams.expect(&mut self.rtc, ssrc)
    }

    /// No more packets of this stream.
    pub fn forget_stream(&mut self, ssrc: Ssrc) {
        self.streams.forget(&mut self.rtc, ssrc);
    }

    /// Makes ready to send a stream.
    ///
    /// # Errors
    /// When there are too many streams.
    pub fn open_stream(&mut self, ssrc: Ssrc) -> Result<(), PathError> {
        self.streams.open(&mut self.rtc, ssrc)
    }

    /// No more of this stream is sent. Opened again, its sequence numbers go on.
    pub fn close_stream(&mut self, ssrc: Ssrc) {
        self.streams.close(&mut self.rtc, ssrc);
    }

    /// Sends one packet of an open stream: it is encrypted by the next `poll_transmit`, together with
    /// those that were written before it (which costs half as much as each by itself).
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
        if payload.len() > MEDIA_PAYLOAD_BYTES_MAX {
            return Err(PathError::TooLong { bytes: payload.len() });
        }
        self.forward_media(now, ssrc, head, payload.into())
    }

    /// The same for a payload that others are sent too: it is shared, not copied.
    ///
    /// # Errors
    /// As [`Path::send_media`].
    pub fn forward_media(
        &mut self,
        now: Instant,
        ssrc: Ssrc,
        head: MediaHead,
        payload: Arc<[u8]>,
    ) -> Result<(), PathError> {
        if self.state != State::Connected {
            return Err(PathError::NotConnected);
        }
        self.streams.write(&mut self.rtc, now, ssrc, head, payload)?;
        self.stats.media_out += 1;
        self.last_now = self.last_now.max(now);
        if self.streams.unsent() >= MEDIA_BATCH_MAX {
            self.advance(self.last_now);
        }
        Ok(())
    }

    /// Says something about a stream that comes from the peer: encrypted, at once, and never again if it is lost.
    ///
    /// # Errors
    /// When not connected or too long.
    pub fn send_feedback(&mut self, now: Instant, about: Ssrc, bytes: &[u8]) -> Result<(), PathError> {
        if self.state != State::Connected {
            return Err(PathError::NotConnected);
        }
        if bytes.len() > FEEDBACK_BYTES_MAX {
            return Err(PathError::TooLong { bytes: bytes.len() });
        }
        let sender = self.streams.first_open().unwrap_or(about);
        self.feedback.send(&mut self.rtc, sender, about, bytes);
        self.advance(now);
        Ok(())
    }

    /// The peer may also be here.
    pub fn add_remote_address(&mut self, address: SocketAddr) {
        self.addresses.add_remote(&mut self.rtc, address);
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

    /// The next datagram to send; `buffer` is cleared and filled. `None`: nothing to send now.
    pub fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        if self.transmits.is_empty() && self.streams.unsent() > 0 {
            self.advance(self.last_now);
        }
        let (transmit, contents) = self.transmits.pop_front()?;
        buffer.clear();
        buffer.extend_from_slice(&contents);
        Some(transmit)
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
        if self.streams.unsent() > 0 {
            return Some(self.last_now);
        }
        let own = match self.state {
            State::Connecting => self.connect_deadline(),
            _ => self.last_heard.unwrap_or(self.created) + PATH_SILENCE_MAX,
        };
        Some(self.rtc_deadline.map_or(own, |deadline| deadline.min(own)))
    }

    /// Of the last STUN check, at most half a second old while the peer is there.
    pub fn round_trip(&self) -> Option<Duration> {
        self.addresses.round_trip()
    }

    /// Where the peer is now.
    pub fn remote_address(&self) -> Option<SocketAddr> {
        self.addresses.remote()
    }

    /// What we send goes by an address of ours on a TURN server. (Whether the peer does so with one of its own, we cannot
    /// see.)
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

/// Packets that are encrypted together.
const MEDIA_BATCH_MAX: usize = 64;
