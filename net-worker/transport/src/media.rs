//! What goes with a payload: its head on the way out, and the whole packet on the way in.
//!
//! The step before (out) and after (in) is `media`'s `Sender` and `Playout`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backline_wire::Ssrc;

/// The part of an RTP packet that the sender chooses. Sequence numbers are the path's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaHead {
    /// 111 Opus, 96 L16, 97 L24, 63 RED; others are refused.
    pub payload_type: u8,
    /// RTP clock of 48 kHz, of the first sample frame.
    pub timestamp: u32,
    /// Unix time of the first sample frame at the one who captured it.
    pub captured_at: Option<Duration>,
    /// Loudness in dBov, −127 to 0 (RFC 6464).
    pub level: Option<i8>,
    /// First packet after a pause (RFC 3551 section 4.1).
    pub marker: bool,
}

/// One authenticated RTP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPacket {
    /// Whose stream.
    pub ssrc: Ssrc,
    /// As sent: type, timestamp, capture time, level, marker.
    pub head: MediaHead,
    /// As sent; shared, so that a host can pass it on without a copy.
    pub payload: Arc<[u8]>,
    /// When the datagram came.
    pub arrived: Instant,
}
