//! How a stream is coded: the codec, its frame, its rate, and the RTP payload type that says so.
//!
//! Plain values; nothing here codes anything. The step before is a [`crate::Quality`]; the step after is
//! [`crate::Encoder`] on one side, and on the other [`PayloadKind`], from which a receiver makes a [`crate::Decoder`].

use std::fmt;

/// RTP payload type of Opus (RFC 7587).
pub const PAYLOAD_TYPE_OPUS: u8 = 111;
/// RTP payload type of 16-bit PCM (RFC 3551).
pub const PAYLOAD_TYPE_L16: u8 = 96;
/// RTP payload type of 24-bit PCM (RFC 3190).
pub const PAYLOAD_TYPE_L24: u8 = 97;
/// RTP payload type of redundancy (RFC 2198), which wraps one of the others.
pub const PAYLOAD_TYPE_RED: u8 = 63;

/// The lowest Opus rate.
pub const MIN_BITRATE_BPS: u32 = 16_000;
/// The highest Opus rate.
pub const MAX_BITRATE_BPS: u32 = 512_000;
/// The longest frame of any encoding: 20 ms.
pub const MAX_FRAME_FRAMES: usize = 960;

/// The length of an Opus frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OpusFrame {
    /// 2.5 ms, 120 sample frames.
    Ms2_5,
    /// 5 ms, 240 sample frames.
    Ms5,
    /// 10 ms, 480 sample frames.
    Ms10,
    /// 20 ms, 960 sample frames.
    Ms20,
}

impl OpusFrame {
    /// Every length, shortest first.
    pub const ALL: [OpusFrame; 4] = [OpusFrame::Ms2_5, OpusFrame::Ms5, OpusFrame::Ms10, OpusFrame::Ms20];

    /// In sample frames at 48 kHz.
    #[must_use]
    pub const fn frames(self) -> usize {
        match self {
            OpusFrame::Ms2_5 => 120,
            OpusFrame::Ms5 => 240,
            OpusFrame::Ms10 => 480,
            OpusFrame::Ms20 => 960,
        }
    }
}

/// The length of a PCM frame: 60 to 240 sample frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PcmFrame(u16);

impl PcmFrame {
    /// 60 sample frames, 1.25 ms: the shortest.
    pub const F60: PcmFrame = PcmFrame(60);
    /// 120 sample frames, 2.5 ms.
    pub const F120: PcmFrame = PcmFrame(120);
    /// 240 sample frames, 5 ms: the longest.
    pub const F240: PcmFrame = PcmFrame(240);

    /// The usual lengths, shortest first.
    pub const ALL: [PcmFrame; 3] = [PcmFrame::F60, PcmFrame::F120, PcmFrame::F240];

    /// In sample frames at 48 kHz.
    #[must_use]
    pub const fn frames(self) -> usize {
        self.0 as usize
    }

    /// The length that has `frames` sample frames; none outside of 60 to 240.
    #[must_use]
    pub const fn from_frames(frames: usize) -> Option<PcmFrame> {
        if frames >= PcmFrame::F60.frames() && frames <= PcmFrame::F240.frames() {
            Some(PcmFrame(frames as u16))
        } else {
            None
        }
    }

    /// The shortest length from `self` on that a device's blocks fill without a rest (one is a multiple of the
    /// other), so that no sample waits for the next block; `self` where there is none.
    #[must_use]
    pub fn fitting_block(self, block_frames: usize) -> PcmFrame {
        let fits = |frames: &usize| {
            block_frames > 0 && (frames.is_multiple_of(block_frames) || block_frames.is_multiple_of(*frames))
        };
        (self.frames()..=PcmFrame::F240.frames()).find(fits).and_then(PcmFrame::from_frames).unwrap_or(self)
    }
}

/// How one stereo stream is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Opus, restricted low delay.
    Opus {
        /// Length of a frame.
        frame: OpusFrame,
        /// Payload bits in a second, [`MIN_BITRATE_BPS`] to [`MAX_BITRATE_BPS`].
        bitrate_bps: u32,
    },
    /// 16-bit PCM.
    Pcm16 {
        /// Length of a frame.
        frame: PcmFrame,
    },
    /// 24-bit PCM.
    Pcm24 {
        /// Length of a frame.
        frame: PcmFrame,
    },
}

impl Encoding {
    /// Sample frames that one payload carries.
    #[must_use]
    pub const fn frame_frames(self) -> usize {
        match self {
            Encoding::Opus { frame, .. } => frame.frames(),
            Encoding::Pcm16 { frame } | Encoding::Pcm24 { frame } => frame.frames(),
        }
    }

    /// What a receiver needs to know to decode it.
    #[must_use]
    pub const fn kind(self) -> PayloadKind {
        match self {
            Encoding::Opus { .. } => PayloadKind::Opus,
            Encoding::Pcm16 { .. } => PayloadKind::L16,
            Encoding::Pcm24 { .. } => PayloadKind::L24,
        }
    }

    /// The RTP payload type.
    #[must_use]
    pub const fn payload_type(self) -> u8 {
        self.kind().payload_type()
    }

    /// Payload bits in a second, without headers and redundancy.
    #[must_use]
    pub const fn payload_bps(self) -> u32 {
        match self {
            Encoding::Opus { bitrate_bps, .. } => bitrate_bps,
            Encoding::Pcm16 { .. } => 48_000 * 2 * 16,
            Encoding::Pcm24 { .. } => 48_000 * 2 * 24,
        }
    }
}

impl fmt::Display for Encoding {
    /// For people: `Opus 2.5 ms, 256 kbit/s`, `PCM 16 bit, 1.25 ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frame_ms = (self.frame_frames() as f32 / 0.48).round() / 100.0;
        match self {
            Encoding::Opus { bitrate_bps, .. } => {
                write!(f, "Opus {frame_ms} ms, {} kbit/s", bitrate_bps / 1000)
            }
            Encoding::Pcm16 { .. } => write!(f, "PCM 16 bit, {frame_ms} ms"),
            Encoding::Pcm24 { .. } => write!(f, "PCM 24 bit, {frame_ms} ms"),
        }
    }
}

/// What the RTP payload type says about a payload: enough to make a [`crate::Decoder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PayloadKind {
    /// Opus; the payload itself says how long it is.
    Opus,
    /// 16-bit PCM, big-endian.
    L16,
    /// 24-bit PCM, big-endian.
    L24,
}

impl PayloadKind {
    /// Every kind.
    pub const ALL: [PayloadKind; 3] = [PayloadKind::Opus, PayloadKind::L16, PayloadKind::L24];

    /// The RTP payload type.
    #[must_use]
    pub const fn payload_type(self) -> u8 {
        match self {
            PayloadKind::Opus => PAYLOAD_TYPE_OPUS,
            PayloadKind::L16 => PAYLOAD_TYPE_L16,
            PayloadKind::L24 => PAYLOAD_TYPE_L24,
        }
    }

    /// The kind that an RTP payload type stands for. RED is none: it is unwrapped first.
    #[must_use]
    pub const fn from_payload_type(payload_type: u8) -> Option<PayloadKind> {
        match payload_type {
            PAYLOAD_TYPE_OPUS => Some(PayloadKind::Opus),
            PAYLOAD_TYPE_L16 => Some(PayloadKind::L16),
            PAYLOAD_TYPE_L24 => Some(PayloadKind::L24),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pcm_frames_fit_the_blocks_of_usual_devices() {
        let fitting = |shortest: PcmFrame, block| shortest.fitting_block(block).frames();
        for (block, frames) in
            [(1, 60), (16, 64), (17, 68), (32, 64), (48, 96), (64, 64), (96, 96), (128, 64)]
        {
            assert_eq!(fitting(PcmFrame::F60, block), frames, "block {block}");
        }
        for (block, frames) in [(480, 60), (512, 64), (1024, 64), (8192, 64), (0, 60), (251, 60)] {
            assert_eq!(fitting(PcmFrame::F60, block), frames, "block {block}");
        }
        assert_eq!(fitting(PcmFrame::F120, 64), 128);
    }

    #[test]
    fn payload_types_lead_back_to_their_kind() {
        for kind in PayloadKind::ALL {
            assert_eq!(PayloadKind::from_payload_type(kind.payload_type()), Some(kind));
        }
        assert_eq!(PayloadKind::from_payload_type(PAYLOAD_TYPE_RED), None);
    }

    #[test]
    fn text_for_people() {
        let opus = Encoding::Opus { frame: OpusFrame::Ms2_5, bitrate_bps: 256_000 };
        assert_eq!(opus.to_string(), "Opus 2.5 ms, 256 kbit/s");
        let opus = Encoding::Opus { frame: OpusFrame::Ms20, bitrate_bps: 16_000 };
        assert_eq!(opus.to_string(), "Opus 20 ms, 16 kbit/s");
        assert_eq!(Encoding::Pcm16 { frame: PcmFrame::F60 }.to_string(), "PCM 16 bit, 1.25 ms");
    }
}
