//! The qualities that a musician chooses from, and what they stand for.
//!
//! Not the choice itself: that is the editor's or, later, the automatic's. The step after is [`Encoding`].

use std::fmt;
use std::str::FromStr;

use crate::encoding::{Encoding, OpusFrame, PcmFrame};

/// What matters most to the sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quality {
    /// Uncompressed, smallest frame.
    LowestLatency,
    /// Opus, smallest frame.
    #[default]
    Balanced,
    /// Opus with copies of earlier frames in each packet.
    Careful,
    /// Uncompressed, 24 bit.
    Lossless,
}

impl Quality {
    /// In the order in which they are offered.
    pub const ALL: [Quality; 4] =
        [Quality::LowestLatency, Quality::Balanced, Quality::Careful, Quality::Lossless];

    /// How it is coded.
    #[must_use]
    pub const fn encoding(self) -> Encoding {
        match self {
            Quality::LowestLatency => Encoding::Pcm16 { frame: PcmFrame::F60 },
            Quality::Balanced => Encoding::Opus { frame: OpusFrame::Ms2_5, bitrate_bps: 256_000 },
            Quality::Careful => Encoding::Opus { frame: OpusFrame::Ms5, bitrate_bps: 128_000 },
            Quality::Lossless => Encoding::Pcm24 { frame: PcmFrame::F120 },
        }
    }

    /// How it is coded for a device with blocks of `block_frames` at 48 kHz: a PCM frame is as long as leaves no
    /// sample waiting for the next block.
    #[must_use]
    pub fn encoding_for_block(self, block_frames: usize) -> Encoding {
        match self.encoding() {
            Encoding::Pcm16 { frame } => Encoding::Pcm16 { frame: frame.fitting_block(block_frames) },
            Encoding::Pcm24 { frame } => Encoding::Pcm24 { frame: frame.fitting_block(block_frames) },
            opus @ Encoding::Opus { .. } => opus,
        }
    }

    /// How many earlier frames each packet repeats, 0 to 3.
    #[must_use]
    pub const fn redundancy(self) -> u8 {
        match self {
            Quality::Careful => 2,
            Quality::LowestLatency | Quality::Balanced | Quality::Lossless => 0,
        }
    }

    /// What the editor calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Quality::LowestLatency => "Lowest latency",
            Quality::Balanced => "Balanced",
            Quality::Careful => "Careful",
            Quality::Lossless => "Lossless",
        }
    }

    /// One sentence for the person who chooses.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Quality::LowestLatency => {
                "Uncompressed audio in the smallest packets: for wired networks with 2 Mbit/s to spare for each listener."
            }
            Quality::Balanced => {
                "Very good sound at a quarter of the bandwidth, 3 ms later: right for most home connections."
            }
            Quality::Careful => {
                "Every packet carries copies of the two before it: for Wi-Fi and mobile networks that lose packets."
            }
            Quality::Lossless => {
                "24-bit uncompressed audio, exactly as you play it: for fast networks with 3 Mbit/s to spare for each listener."
            }
        }
    }

    /// What state files and `BACKLINE_QUALITY` call it; frozen. Read back by [`FromStr`].
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Quality::LowestLatency => "lowest-latency",
            Quality::Balanced => "balanced",
            Quality::Careful => "careful",
            Quality::Lossless => "lossless",
        }
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Quality {
    type Err = UnknownQuality;

    fn from_str(text: &str) -> Result<Quality, UnknownQuality> {
        let wanted = text.trim();
        Quality::ALL
            .into_iter()
            .find(|quality| {
                wanted.eq_ignore_ascii_case(quality.key()) || wanted.eq_ignore_ascii_case(quality.name())
            })
            .ok_or_else(|| UnknownQuality { text: wanted.chars().take(32).collect() })
    }
}

/// A text that names no quality.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is no quality: use lowest-latency, balanced, careful or lossless")]
pub struct UnknownQuality {
    /// The beginning of what was given.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_names_lead_back() {
        for quality in Quality::ALL {
            assert_eq!(quality.key().parse(), Ok(quality));
            assert_eq!(quality.to_string().to_uppercase().parse(), Ok(quality));
            assert!(quality.description().ends_with('.'));
        }
        assert!("loud".parse::<Quality>().unwrap_err().to_string().contains("balanced"));
    }

    #[test]
    fn every_quality_has_a_working_encoder() {
        for quality in Quality::ALL {
            assert!(crate::Encoder::new(quality.encoding()).is_ok());
            assert!(quality.redundancy() <= 3);
        }
    }
}
