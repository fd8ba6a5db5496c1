//! What goes with a payload: the head that a sender makes and the one that a playout is given, and how long
//! the audio in a payload is, read from the outside without decoding it.
//!
//! It is not the RTP header: sequence numbers, SSRC and extensions are the transport's.

use std::time::Duration;

use backline_codec::{MAX_FRAME_FRAMES, PayloadKind, PcmFrame};
use backline_wire::limits::MEDIA_PAYLOAD_BYTES_MAX;

/// Longest payload of one frame in bytes: 240 sample frames of stereo L24.
pub const FRAME_BYTES_MAX: usize = 1440;

const _: () =
    assert!(FRAME_BYTES_MAX < MEDIA_PAYLOAD_BYTES_MAX, "every frame fits a packet, with its RED header");

/// What a sender says about the payload it has just written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketHead {
    /// 111 Opus, 96 L16, 97 L24, 63 redundancy.
    pub payload_type: u8,
    /// RTP timestamp of the first sample frame, in ticks of 48 kHz.
    pub timestamp: u32,
    /// Unix time at which the first sample frame was captured.
    pub captured_at: Duration,
    /// Level of the frame in dBov, −127 (silence) to 0 (RFC 6464).
    pub level_dbov: i8,
}

/// What the transport read from a packet that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceivedHead {
    /// 111 Opus, 96 L16, 97 L24, 63 redundancy; anything else is dropped and counted.
    pub payload_type: u8,
    /// RTP timestamp of the first sample frame, in ticks of 48 kHz.
    pub timestamp: u32,
    /// Unix time (of the sender's clock) at which the first sample frame was captured, if the packet said so.
    pub captured_at: Option<Duration>,
}

impl From<PacketHead> for ReceivedHead {
    fn from(head: PacketHead) -> Self {
        Self {
            payload_type: head.payload_type,
            timestamp: head.timestamp,
            captured_at: Some(head.captured_at),
        }
    }
}

/// Sample frames of audio in a payload; `None` if no valid payload has this shape.
///
/// Reads the size (PCM) or the first bytes (Opus) only, so a payload that passes may still fail to decode.
pub(crate) fn payload_frames(kind: PayloadKind, payload: &[u8]) -> Option<usize> {
    if payload.len() > FRAME_BYTES_MAX {
        return None;
    }
    let frames = match kind {
        PayloadKind::L16 => pcm_frames(payload.len(), 4)?,
        PayloadKind::L24 => pcm_frames(payload.len(), 6)?,
        PayloadKind::Opus => opus_frames(payload)?,
    };
    (1..=MAX_FRAME_FRAMES).contains(&frames).then_some(frames)
}

fn pcm_frames(bytes: usize, bytes_per_frame: usize) -> Option<usize> {
    let whole = bytes.is_multiple_of(bytes_per_frame).then_some(bytes / bytes_per_frame)?;
    PcmFrame::from_frames(whole).map(PcmFrame::frames)
}

/// RFC 6716 section 3.1: the first byte says how long each Opus frame is and how many follow.
fn opus_frames(payload: &[u8]) -> Option<usize> {
    let toc = *payload.first()?;
    let config = usize::from(toc >> 3);
    let each = match config {
        0..=11 => [480, 960, 1920, 2880][config % 4],
        12..=15 => [480, 960][config % 2],
        _ => [120, 240, 480, 960][config % 4],
    };
    let count = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => usize::from(payload.get(1)? & 0x3f),
    };
    Some(each * count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pcm_payloads_must_be_whole_sample_frames() {
        assert_eq!(payload_frames(PayloadKind::L16, &[0; 240]), Some(60));
        assert_eq!(payload_frames(PayloadKind::L24, &[0; 1440]), Some(240));
        assert_eq!(payload_frames(PayloadKind::L24, &[0; 241]), None);
        assert_eq!(payload_frames(PayloadKind::L16, &[]), None);
        assert_eq!(payload_frames(PayloadKind::L16, &[0; 1444]), None);
    }

    #[test]
    fn opus_tells_its_length_in_the_first_byte() {
        assert_eq!(payload_frames(PayloadKind::Opus, &[28 << 3, 0]), Some(120));
        assert_eq!(payload_frames(PayloadKind::Opus, &[29 << 3 | 4, 0]), Some(240));
        assert_eq!(payload_frames(PayloadKind::Opus, &[31 << 3 | 3, 1]), Some(960));
        assert_eq!(payload_frames(PayloadKind::Opus, &[31 << 3 | 3, 48]), None);
        assert_eq!(payload_frames(PayloadKind::Opus, &[3 << 3]), None);
    }
}
