//! Control messages: what participants and host say to each other over the data channel.
//!
//! One message is a format byte and a postcard body (see `docs/PROTOCOL.md`). Decoding is bounded
//! before it allocates, never panics, and accepts exactly what encoding makes. New kinds are added at
//! the end of [`Control`]; the format byte changes when the body of an existing kind does. The step
//! before is `session` or `relay`; the step after is `transport`'s data channel.

pub(crate) mod bounded;
mod reasons;
mod text;

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::chat::ChatLine;
use crate::credentials::{Fingerprint, IceCredentials};
use crate::hello::Hello;
use crate::ids::{Generation, ParticipantId, PeerId, SourceId, Ssrc};
use crate::limits::{
    CANDIDATES_MAX, CONTROL_BYTES_MAX, ENTRIES_PER_MESSAGE_MAX, OPERATIONS_PER_MESSAGE_MAX, PROTOCOL_VERSION,
};
use crate::name::Name;
use crate::operation::{Counter, DocumentId, Entry, Operation, OutboxId, Outcome, Revision};
use crate::route::Route;
use crate::tempo::TransportMark;

pub use reasons::{GoodbyeReason, LeaveReason, Limit, RefusalReason};

/// One control message. Direction is in each kind's words: a *joiner* is every participant but the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Control {
    /// Joiner to host, first of all.
    Hello(Box<Hello>),
    /// Host to joiner: you are in. [`Control::Joined`] and [`Control::Published`] for all that is
    /// there already follow it.
    Welcome(Welcome),
    /// Host to joiner: you are not in. Understood by every version: its form never changes.
    Refused {
        /// Why.
        reason: RefusalReason,
    },
    /// Host to joiners: somebody is here.
    Joined(PeerInfo),
    /// Host to joiners: somebody is gone, with all they published.
    Left {
        /// Who.
        peer: PeerId,
        /// Why.
        reason: LeaveReason,
    },
    /// Joiner to host: I publish this source, or something about it changed.
    Publish(SourceInfo),
    /// Joiner to host: I no longer publish it.
    Unpublish {
        /// Which.
        source: SourceId,
    },
    /// Host to all, its publisher included: this source is there, as this stream.
    Published(PublishedSource),
    /// Host to all: it is gone.
    Unpublished {
        /// Which.
        source: SourceId,
    },
    /// Listener to host: send me this source through the host, or no longer.
    Forward {
        /// Which.
        source: SourceId,
        /// Whether from now on.
        on: bool,
    },
    /// Joiner to joiner, passed on by the host: how to reach me directly.
    PathOffer(PathOffer),
    /// Joiner to joiner, passed on by the host: one more address of mine.
    Candidate {
        /// To the host: for whom. From the host: of whom.
        peer: PeerId,
        /// Where.
        at: Candidate,
    },
    /// Either way: measures round trip and clock offset. The host passes one for another peer on.
    Ping {
        /// From its sender: whom it asks. Passed on by the host: who asks.
        peer: PeerId,
        /// Chosen by the sender.
        id: u32,
        /// The sender's clock, in µs.
        sent_at_us: u64,
    },
    /// The answer to a ping, by the same way.
    Pong {
        /// From its sender: who asked. Passed on by the host: who answers.
        peer: PeerId,
        /// Of the ping.
        id: u32,
        /// Of the ping, in µs of its sender's clock.
        sent_at_us: u64,
        /// When the ping came, in µs of the answerer's clock.
        received_at_us: u64,
        /// When this left, in µs of the answerer's clock.
        replied_at_us: u64,
    },
    /// Joiner to host: I have another name or colour. The host tells the others by [`Control::Joined`].
    Rename {
        /// The new name.
        name: Name,
        /// The new colour.
        colour: [u8; 3],
    },
    /// Either way, last of all.
    Goodbye {
        /// Why.
        reason: GoodbyeReason,
    },
    /// Listener to publisher, once a second: how a stream arrives. The host passes one for another peer on.
    Reception {
        /// From its sender: who publishes. Passed on by the host: who listens.
        peer: PeerId,
        /// How.
        reception: Reception,
    },
    /// Follower to host: I have this document up to this revision; tell me what comes after. Also the
    /// acknowledgement of [`Control::Changes`]. Who has another document, or none, asks from zero.
    Follow {
        /// Of the follower's copy.
        document: DocumentId,
        /// The last that it holds.
        revision: Revision,
    },
    /// Host to follower: what was written since, in the order of revisions, the last value of each register.
    Changes {
        /// Which document; entries of another one replace everything.
        document: DocumentId,
        /// The last that the host would tell now: who has that is up to date.
        head: Revision,
        /// At most [`ENTRIES_PER_MESSAGE_MAX`].
        #[serde(deserialize_with = "bounded::deserialize::<_, Entry, ENTRIES_PER_MESSAGE_MAX>")]
        entries: Vec<Entry>,
    },
    /// Participant to host: change this.
    Operate {
        /// Where the operations are kept until they are answered.
        outbox: OutboxId,
        /// All before this one are answered: their outcomes may be forgotten.
        settled: Counter,
        /// At most [`OPERATIONS_PER_MESSAGE_MAX`], in the order of their counters.
        #[serde(deserialize_with = "bounded::deserialize::<_, Operation, OPERATIONS_PER_MESSAGE_MAX>")]
        operations: Vec<Operation>,
    },
    /// Host to the author of operations: what became of them.
    Outcomes {
        /// Of which outbox.
        outbox: OutboxId,
        /// At most [`ENTRIES_PER_MESSAGE_MAX`].
        #[serde(deserialize_with = "bounded::deserialize::<_, (Counter, Outcome), ENTRIES_PER_MESSAGE_MAX>")]
        outcomes: Vec<(Counter, Outcome)>,
    },
    /// Server to participant: you are over a limit, and are disconnected if you stay so.
    Warning {
        /// Which.
        limit: Limit,
        /// In how many seconds.
        disconnected_in_s: u16,
    },
    /// Host to all: media travels this way from now on. Before the first of these it is [`Route::Mesh`].
    Route {
        /// Which way.
        route: Route,
        /// Rises with each change.
        generation: Generation,
    },
    /// Listener to host: what I want of the mix where the route is [`Route::Mix`]. Before the first of these, all but my own sources.
    Listen {
        /// Whether I listen to it at all.
        mix: bool,
        /// Whether my own sources are in it.
        own: bool,
    },
    /// Participant to host, and from there to all, its writer included: a line of the chat.
    Chat {
        /// From the host: who writes. On the way to it nobody looks at it.
        peer: PeerId,
        /// What.
        line: ChatLine,
    },
    /// Participant to host, and from there to all, its writer included: where a transport is, when that changes and once a second while
    /// it leads and rolls.
    Transport {
        /// From the host: whose. On the way to it nobody looks at it.
        peer: PeerId,
        /// Where.
        mark: TransportMark,
    },
}

/// How one stream has arrived at one listener in the last second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reception {
    /// Which stream.
    pub ssrc: Ssrc,
    /// Packets that the network lost, in ten thousands.
    pub lost: u16,
    /// Time that had to be made up, in ten thousands: what neither copies nor requests nor depth could save.
    pub made_up: u16,
    /// How much later than on its best day the fastest packet came, in µs: a queue that stands somewhere on the way.
    pub queueing_us: u32,
    /// By how much that has grown (or shrunk) since the last report, in µs.
    pub queueing_change_us: i32,
    /// The playout is as deep as its person allows, and would be deeper.
    pub at_ceiling: bool,
    /// How long after its capture the listener hears it, in µs; none where the clocks have not been compared, and of what is mixed.
    pub latency_us: Option<u32>,
}

/// What a joiner learns when it is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// [`PROTOCOL_VERSION`] of the host.
    pub protocol_version: u16,
    /// The host's program and version.
    pub app: Name,
    /// What the joiner is called in this session.
    pub peer: PeerId,
    /// How many are in, the host and the joiner included.
    pub participants: u8,
    /// The joiner's address as the host sees it: one of its candidates for direct paths.
    pub observed: SocketAddr,
}

/// One participant, as everybody sees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerInfo {
    /// What they are called in this session.
    pub peer: PeerId,
    /// Who they are in every session.
    pub participant: ParticipantId,
    /// Their name.
    pub name: Name,
    /// Their colour: red, green, blue.
    pub colour: [u8; 3],
}

/// One source, as its publisher describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceInfo {
    /// Which; its participant must be the publisher.
    pub source: SourceId,
    /// "Guitar".
    pub name: Name,
    /// Its colour: red, green, blue.
    pub colour: [u8; 3],
    /// How it is coded now; for people, since every packet says so itself.
    pub format: StreamFormat,
    /// Rises when the source restarts; it then gets another stream.
    pub generation: Generation,
}

/// How a stream is coded, in numbers that need no codec to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamFormat {
    /// Of a frame; 111 Opus, 96 L16, 97 L24.
    pub payload_type: u8,
    /// Sample frames that one packet carries, at 48 kHz.
    pub frame_frames: u16,
    /// Of the codec, in bit/s; 0 where the format alone says it.
    pub bitrate_bps: u32,
    /// Copies of earlier frames in each packet (RFC 2198).
    pub redundancy: u8,
    /// How many frames apart the copies are, at least 1.
    pub copy_distance: u8,
    /// Sample frames that the publisher captures at a time, at 48 kHz; 0 while that is not known or its rate is another. A
    /// listener needs not find out how packets come in bursts.
    pub block_frames: u16,
}

/// A source and the stream that carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedSource {
    /// Who publishes it.
    pub peer: PeerId,
    /// What it is.
    pub info: SourceInfo,
    /// Its RTP stream on every path of this session.
    pub ssrc: Ssrc,
}

/// What a peer needs to open a path to another. The lower [`PeerId`] dials: it offers first, and opens
/// its path when the answering offer of the same attempt comes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathOffer {
    /// To the host: for whom. From the host: of whom.
    pub peer: PeerId,
    /// Counted by the dialer; an answer names the attempt that it answers.
    pub attempt: u32,
    /// Of the sender, for this path only.
    #[serde(deserialize_with = "text::ufrag")]
    pub ufrag: String,
    /// Of the sender, for this path only.
    #[serde(deserialize_with = "text::password")]
    pub password: String,
    /// Of the sender's certificate.
    pub fingerprint: Fingerprint,
    /// Where the sender may be reached; at most [`CANDIDATES_MAX`].
    #[serde(deserialize_with = "bounded::deserialize::<_, Candidate, CANDIDATES_MAX>")]
    pub candidates: Vec<Candidate>,
}

/// Where a peer may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The address to send to.
    pub address: SocketAddr,
    /// It is the peer's on a TURN server, which passes on what comes.
    pub is_relayed: bool,
}

impl From<SocketAddr> for Candidate {
    /// One that leads to the peer itself, as far as anybody knows.
    fn from(address: SocketAddr) -> Self {
        Candidate { address, is_relayed: false }
    }
}

impl PathOffer {
    /// Ufrag and password as the transport wants them.
    pub fn credentials(&self) -> IceCredentials {
        IceCredentials { ufrag: self.ufrag.clone(), password: self.password.clone() }
    }
}

impl std::fmt::Debug for PathOffer {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PathOffer")
            .field("peer", &self.peer)
            .field("attempt", &self.attempt)
            .field("ufrag", &self.ufrag)
            .field("fingerprint", &self.fingerprint)
            .field("candidates", &self.candidates)
            .finish_non_exhaustive()
    }
}

impl Control {
    /// The message's bytes, at most [`CONTROL_BYTES_MAX`] when its lists are within their limits
    /// (longer ones are refused by the peer).
    pub fn encode(&self) -> Vec<u8> {
        // Writing to a growing Vec cannot fail for types that are no maps; an empty message is
        // what a peer counts as malformed.
        postcard::to_extend(self, vec![FORMAT]).unwrap_or_default()
    }

    /// Reads a message; allocates no more than it holds, and nothing beyond the limits.
    ///
    /// # Errors
    /// See [`ControlError`]: all are the peer's fault, and none needs to end the connection except
    /// [`ControlError::OtherFormat`].
    pub fn decode(bytes: &[u8]) -> Result<Control, ControlError> {
        if bytes.len() > CONTROL_BYTES_MAX {
            return Err(ControlError::TooLong { bytes: bytes.len() });
        }
        let (format, body) = bytes.split_first().ok_or(ControlError::Malformed)?;
        if *format != FORMAT {
            return decode_other_format(*format, body);
        }
        if body.first().is_some_and(|kind| *kind >= KINDS) {
            return Err(ControlError::UnknownKind { kind: body[0] });
        }
        match postcard::take_from_bytes::<Control>(body) {
            Ok((message, [])) if message.encode() == bytes => Ok(message),
            Ok(_) | Err(_) => Err(ControlError::Malformed),
        }
    }
}

/// Why bytes are no control message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ControlError {
    /// Longer than [`CONTROL_BYTES_MAX`].
    #[error("a control message of {bytes} bytes is longer than allowed ({CONTROL_BYTES_MAX})")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The peer speaks another format of the protocol: the connection is of no use.
    #[error(
        "the other side runs a version of Backline that this one does not understand (message format {theirs}, here {FORMAT}): update Backline on both computers"
    )]
    OtherFormat {
        /// The peer's.
        theirs: u8,
    },
    /// A kind that a later version added: to be ignored.
    #[error(
        "a control message of a kind that this version does not know ({kind}): update Backline to use what the other side offers"
    )]
    UnknownKind {
        /// Its number.
        kind: u8,
    },
    /// Not made by any version of Backline.
    #[error("a damaged control message: if this goes on, leave the session and join again")]
    Malformed,
}

/// A refusal is the one message whose form is frozen, so that any version can say why.
fn decode_other_format(theirs: u8, body: &[u8]) -> Result<Control, ControlError> {
    match body {
        [REFUSED_KIND, reason @ ..] => postcard::from_bytes(reason)
            .map(|reason| Control::Refused { reason })
            .map_err(|_| ControlError::OtherFormat { theirs }),
        _ => Err(ControlError::OtherFormat { theirs }),
    }
}

/// First byte of each message; rises when the body of an existing kind changes.
const FORMAT: u8 = 1;
/// Number of kinds; postcard writes a kind as one byte below 128.
const KINDS: u8 = 26;
const REFUSED_KIND: u8 = 2;
const _: () = assert!(PROTOCOL_VERSION > 0 && KINDS < 128);

#[cfg(test)]
mod tests;
