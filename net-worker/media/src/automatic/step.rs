//! The ways of sending between which the automatic moves: the qualities that a person chooses from, and some beyond them.
//!
//! Plain values; when to move is [`super`]'s. From a step there are two ways down: a *safer* one, with more copies, where packets
//! are lost or late, and a *narrower* one, with fewer bits, where the path carries no more.

use std::fmt;

use backline_codec::{Encoding, OpusFrame, Quality};

use crate::sender::SenderConfig;

/// What a datagram is longer than its payload: RTP, SRTP, UDP and IPv4, in bits.
const HEADER_BITS: u32 = 8 * 78;

/// One way of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// As the person chose.
    Quality(Quality),
    /// *Balanced* with a copy of the frame before in each packet, at a lower rate.
    BalancedTwice,
    /// *Careful* with frames twice as long, in half as many packets: a radio takes a turn for each.
    CarefulLong,
    /// Opus 10 ms at 96 kbit/s.
    Narrow,
    /// Opus 20 ms at 48 kbit/s: less would be no music.
    Narrowest,
}

impl Step {
    /// How it is sent from a device with blocks of `block_frames` (0: any).
    pub fn config(self, block_frames: usize) -> SenderConfig {
        let opus = |frame, bitrate_bps, redundancy| SenderConfig {
            redundancy,
            ..SenderConfig::plain(Encoding::Opus { frame, bitrate_bps })
        };
        match self {
            Step::Quality(quality) => SenderConfig {
                redundancy: quality.redundancy(),
                ..SenderConfig::plain(quality.encoding_for_block(block_frames))
            },
            Step::BalancedTwice => opus(OpusFrame::Ms2_5, 192_000, 1),
            Step::CarefulLong => opus(OpusFrame::Ms10, 128_000, 2),
            Step::Narrow => opus(OpusFrame::Ms10, 96_000, 0),
            Step::Narrowest => opus(OpusFrame::Ms20, 48_000, 0),
        }
    }

    /// Bits a second on the network for each listener, headers and copies included.
    pub fn rate_bps(self) -> u32 {
        let config = self.config(0);
        let packets = 48_000 / config.encoding.frame_frames() as u32;
        config.encoding.payload_bps() * (1 + u32::from(config.redundancy)) + packets * HEADER_BITS
    }

    /// The next step that survives more loss and jitter.
    pub fn safer(self) -> Option<Step> {
        match self {
            Step::Quality(Quality::Lossless | Quality::LowestLatency | Quality::Balanced) => {
                Some(Step::BalancedTwice)
            }
            Step::BalancedTwice => Some(Step::Quality(Quality::Careful)),
            Step::Quality(Quality::Careful) => Some(Step::CarefulLong),
            Step::CarefulLong | Step::Narrow | Step::Narrowest => None,
        }
    }

    /// The next step that needs fewer bits.
    pub fn narrower(self) -> Option<Step> {
        match self {
            Step::Quality(Quality::Lossless) => Some(Step::Quality(Quality::LowestLatency)),
            Step::Quality(Quality::LowestLatency) => Some(Step::Quality(Quality::Balanced)),
            Step::Quality(Quality::Balanced | Quality::Careful) | Step::BalancedTwice | Step::CarefulLong => {
                Some(Step::Narrow)
            }
            Step::Narrow => Some(Step::Narrowest),
            Step::Narrowest => None,
        }
    }
}

impl fmt::Display for Step {
    /// For people: "Balanced", "Careful with longer frames".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Quality(quality) => f.write_str(quality.name()),
            Step::BalancedTwice => f.write_str("Balanced with every frame sent twice"),
            Step::CarefulLong => f.write_str("Careful with longer frames"),
            Step::Narrow => f.write_str("96 kbit/s"),
            Step::Narrowest => f.write_str("48 kbit/s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_down_ends_and_keeps_its_promise() {
        for quality in Quality::ALL {
            let mut step = Step::Quality(quality);
            while let Some(next) = step.narrower() {
                assert!(
                    next.rate_bps() * 4 < step.rate_bps() * 3 || step == Step::Quality(Quality::Lossless)
                );
                step = next;
            }
            assert_eq!(step, Step::Narrowest);
            let mut step = Step::Quality(quality);
            while let Some(next) = step.safer() {
                let (before, after) = (step.config(0), next.config(0));
                let reach =
                    |config: SenderConfig| usize::from(config.redundancy) * config.encoding.frame_frames();
                assert!(reach(after) > reach(before), "{step} to {next}");
                step = next;
            }
            assert_eq!(step, Step::CarefulLong);
        }
    }
}
