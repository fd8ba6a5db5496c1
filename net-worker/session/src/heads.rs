//! The head of a packet as a stream makes it, as a path carries it, and as a playout takes it.
//!
//! `media` and `transport` do not know each other; whoever uses both translates here.

use backline_media::{PacketHead, ReceivedHead};
use backline_transport::MediaHead;

/// For a path.
pub fn media_head(packet: &PacketHead) -> MediaHead {
    MediaHead {
        payload_type: packet.payload_type,
        timestamp: packet.timestamp,
        captured_at: Some(packet.captured_at),
        level: Some(packet.level_dbov),
        marker: false,
    }
}

/// For a playout.
pub fn received_head(head: &MediaHead) -> ReceivedHead {
    ReceivedHead { payload_type: head.payload_type, timestamp: head.timestamp, captured_at: head.captured_at }
}
