//! Every limit of the project in one place, with the relations between them checked at compile time.
//!
//! A limit is what a peer may make us hold, send or count. Crates read them from here and define
//! none of their own. Units are last in the names.

use std::time::Duration;

/// Version of what the messages mean; a host refuses a `Hello` of another one.
pub const PROTOCOL_VERSION: u16 = 1;

/// The sample rate of the network and the RTP clock of every payload, in Hz.
pub const NETWORK_RATE_HZ: u32 = 48_000;

/// Automatable strips of one instance.
pub const SLOTS: usize = 16;
/// Auxiliary stereo buses of the multi-output class.
pub const AUX_BUSES: usize = 8;

/// Participants of one session, the host's included.
pub const PARTICIPANTS_MAX: usize = 16;
/// Sources that one participant may publish at a time.
pub const SOURCES_PER_PARTICIPANT_MAX: usize = 8;
/// Instances of one process that share a connection; those beyond [`SOURCES_PER_PARTICIPANT_MAX`] send nothing.
pub const INSTANCES_MAX: usize = 64;
/// Sources of one session.
pub const SOURCES_MAX: usize = PARTICIPANTS_MAX * SOURCES_PER_PARTICIPANT_MAX;

/// Length of a participant's, source's or program's name, in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 64;
/// Length of one line of the chat, in characters.
pub const CHAT_CHARACTERS_MAX: usize = 500;
/// The same in bytes of UTF-8.
pub const CHAT_BYTES_MAX: usize = 4 * CHAT_CHARACTERS_MAX;
/// Lines of the chat that are kept to be read; the oldest go first.
pub const CHAT_LINES_MAX: usize = 100;
/// Lines of the chat that a host takes from one participant, a second on average; of two seconds at once.
pub const CHAT_LINES_PER_SECOND: f64 = 5.0;
/// Words about a transport that a host takes from one participant, a second on average; of two seconds at once.
pub const TRANSPORT_MARKS_PER_SECOND: f64 = 10.0;
/// Length of one encoded control message, in bytes.
pub const CONTROL_BYTES_MAX: usize = 4096;
/// Operations in one control message.
pub const OPERATIONS_PER_MESSAGE_MAX: usize = 24;
/// Entries of the session document, or outcomes of operations, in one control message.
pub const ENTRIES_PER_MESSAGE_MAX: usize = 16;
/// Messages with entries that a host sends to a follower before the first of them is acknowledged.
pub const CHANGES_IN_FLIGHT_MAX: usize = 16;
/// Operations of one outbox that are on the way before the first of them is answered.
pub const OPERATIONS_IN_FLIGHT_MAX: usize = 512;
/// Entries of one session document.
pub const DOCUMENT_ENTRIES_MAX: usize = 16_384;
/// Entries of one document that one participant wrote last.
pub const ENTRIES_PER_AUTHOR_MAX: usize = 12_288;
/// Operations that a host takes from one participant, a second on average and at once at the most.
pub const OPERATIONS_PER_SECOND_MAX: u32 = 4_000;
/// How often a second one fader is sent while it is dragged.
pub const FADER_MESSAGES_PER_SECOND: u32 = 50;
/// Addresses in one path offer.
pub const CANDIDATES_MAX: usize = 16;
/// Addresses in one invite link.
pub const LINK_ADDRESSES_MAX: usize = 8;
/// Length of an ICE user name fragment, in bytes (RFC 8445 section 5.3 allows 4 to 256).
pub const ICE_UFRAG_BYTES_MAX: usize = 32;
/// Length of an ICE password, in bytes (RFC 8445 section 5.3 allows 22 to 256).
pub const ICE_PASSWORD_BYTES_MAX: usize = 64;

/// Longest UDP payload that is looked at, in bytes; longer ones are dropped.
pub const DATAGRAM_BYTES_MAX: usize = 2048;
/// Longest RTP payload, in bytes: 240 sample frames of stereo L24 are 1440.
pub const MEDIA_PAYLOAD_BYTES_MAX: usize = 1500;
/// RTP header, extensions and authentication tag around a payload, in bytes, at the most.
pub const MEDIA_OVERHEAD_BYTES_MAX: usize = 64;
/// Length of one peer's feedback about a stream, in bytes.
pub const FEEDBACK_BYTES_MAX: usize = 912;
/// Sources of which one message says when they are in a mix.
pub const MIX_TIMES_MAX: usize = 56;
/// Stretches that one request for missing packets names.
pub const MISSING_RUNS_MAX: usize = 16;
/// Streams that one path carries in each direction.
pub const STREAMS_PER_PATH_MAX: usize = SOURCES_MAX;

/// Events a path holds for a caller that does not poll; media beyond it is dropped oldest first.
pub const PATH_EVENTS_MAX: usize = 1024;
/// Datagrams a path holds for a caller that does not drain it; further ones are dropped.
pub const PATH_TRANSMITS_MAX: usize = 1024;
/// Control bytes that wait on one path until the peer takes them; beyond it the path is closed.
pub const PATH_CONTROL_QUEUE_BYTES_MAX: usize = 512 * 1024;

/// How long a path may take from its creation to `Connected`.
pub const PATH_CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a connected path may hear nothing at all before it closes.
pub const PATH_SILENCE_MAX: Duration = Duration::from_secs(10);
/// A peer that was not heard for this long is gone from everybody's mix (SPEC section 5).
pub const PEER_VANISHED_AFTER: Duration = Duration::from_secs(3);

const _: () = {
    assert!(SLOTS >= PARTICIPANTS_MAX, "each participant's first source finds a slot");
    assert!(INSTANCES_MAX >= SOURCES_PER_PARTICIPANT_MAX);
    assert!(LINK_ADDRESSES_MAX <= CANDIDATES_MAX);
    assert!(MEDIA_PAYLOAD_BYTES_MAX + MEDIA_OVERHEAD_BYTES_MAX <= DATAGRAM_BYTES_MAX);
    // A Hello: fixed part under 400 bytes, and per source two ids, a name, a colour, a format and a generation.
    assert!(400 + SOURCES_PER_PARTICIPANT_MAX * (40 + 2 + NAME_BYTES_MAX + 3 + 17 + 5) <= CONTROL_BYTES_MAX);
    // A path offer: two texts, a fingerprint and the addresses (19 bytes each).
    assert!(
        16 + ICE_UFRAG_BYTES_MAX + ICE_PASSWORD_BYTES_MAX + 32 + CANDIDATES_MAX * 20 <= CONTROL_BYTES_MAX
    );
    // A line of the chat: its sender, its length and its bytes.
    assert!(16 + CHAT_BYTES_MAX <= CONTROL_BYTES_MAX);
    // The length of an invite link's body is one byte.
    assert!(1 + 16 + 32 + LINK_ADDRESSES_MAX * 19 + 4 <= 255);
    // A tag, a length, and for each run a timestamp and a length as varints.
    assert!(4 + 1 + MISSING_RUNS_MAX * (5 + 3) <= FEEDBACK_BYTES_MAX);
    // A tag, a length, and for each source a stream and a time as varints.
    assert!(4 + 1 + MIX_TIMES_MAX * (5 + 10) <= FEEDBACK_BYTES_MAX);
    // A tag, a length, and for each source a stream as a varint and two levels. With all around it, it is no longer than a datagram of any path.
    assert!(4 + 2 + SOURCES_MAX * (5 + 2) <= FEEDBACK_BYTES_MAX && FEEDBACK_BYTES_MAX < 1_100);
    // Per entry a change (two sources, or a name), a revision, an author, an operation and a time; for an outcome a counter too.
    assert!(
        32 + ENTRIES_PER_MESSAGE_MAX * (80 + NAME_BYTES_MAX + 10 + 32 + 20 + 10 + 12) <= CONTROL_BYTES_MAX
    );
    assert!(32 + OPERATIONS_PER_MESSAGE_MAX * (80 + NAME_BYTES_MAX + 10 + 10) <= CONTROL_BYTES_MAX);
    assert!(CHANGES_IN_FLIGHT_MAX * CONTROL_BYTES_MAX < PATH_CONTROL_QUEUE_BYTES_MAX / 2);
    assert!(OPERATIONS_IN_FLIGHT_MAX < OPERATIONS_PER_SECOND_MAX as usize);
    assert!(CONTROL_BYTES_MAX < PATH_CONTROL_QUEUE_BYTES_MAX);
    assert!(PEER_VANISHED_AFTER.as_millis() < PATH_SILENCE_MAX.as_millis());
};
