//! What peers tell each other about a stream outside of the control channel: which packets of it a listener misses, and of the mix that
//! it carries, how loud each source is there, and how late.
//!
//! It travels as RTCP, unreliable and unordered, because one that comes late is of no use. The step before is `media`'s
//! playout (which knows what is missing), or the relay's mix ([`Levels`], [`MixTimes`]); the step after is `transport`'s path, and there `media`'s
//! sender, the relay, or a listener's meters and latency.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::control::bounded;
use crate::levels::Levels;
use crate::limits::{FEEDBACK_BYTES_MAX, MISSING_RUNS_MAX};
use crate::mix_times::MixTimes;

/// They tell ours from each other, and from other application-defined feedback (RFC 4585 section 6.4), "REMB" for instance.
const MISSING_TAG: [u8; 4] = *b"BKL1";
const LEVELS_TAG: [u8; 4] = *b"BKL2";
const MIX_TIMES_TAG: [u8; 4] = *b"BKL3";

/// All that there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Feedback {
    /// From a listener to who sends.
    Missing(Missing),
    /// From who mixes to a listener.
    Levels(Levels),
    /// From who mixes to a listener.
    MixTimes(MixTimes),
}

/// A stretch of a stream that has not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingRun {
    /// RTP timestamp of its first sample frame.
    pub timestamp: u32,
    /// Its length in ticks of 48 kHz.
    pub ticks: u16,
}

impl MissingRun {
    /// Whether a packet that begins at `timestamp` begins in this stretch.
    pub fn holds(&self, timestamp: u32) -> bool {
        timestamp.wrapping_sub(self.timestamp) < u32::from(self.ticks)
    }
}

/// A listener's request to send packets of one stream again: all that begin in any of these stretches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// At most [`MISSING_RUNS_MAX`], oldest first.
    #[serde(deserialize_with = "bounded::deserialize::<_, MissingRun, MISSING_RUNS_MAX>")]
    pub runs: Vec<MissingRun>,
}

impl Feedback {
    /// Reads any; never panics, and allocates no more than the limits allow.
    ///
    /// # Errors
    /// [`FeedbackError`]: it is to be dropped.
    pub fn decode(bytes: &[u8]) -> Result<Feedback, FeedbackError> {
        let (tag, body) = bytes.split_first_chunk().ok_or(FeedbackError::NotOurs)?;
        // RTCP pads to whole words, so something may follow.
        let fits = bytes.len() <= FEEDBACK_BYTES_MAX + 3;
        match *tag {
            MISSING_TAG if fits => read(body).map(Feedback::Missing),
            LEVELS_TAG if fits => read(body).map(Feedback::Levels),
            MIX_TIMES_TAG if fits => read(body).map(Feedback::MixTimes),
            MISSING_TAG | LEVELS_TAG | MIX_TIMES_TAG => Err(FeedbackError::Damaged),
            _ => Err(FeedbackError::NotOurs),
        }
    }
}

impl Missing {
    /// As it travels; at most [`FEEDBACK_BYTES_MAX`] bytes for as many runs as allowed.
    pub fn encode(&self) -> Vec<u8> {
        write(MISSING_TAG, self)
    }
}

impl Levels {
    /// As it travels; at most [`FEEDBACK_BYTES_MAX`] bytes for as many sources as allowed.
    pub fn encode(&self) -> Vec<u8> {
        write(LEVELS_TAG, self)
    }
}

impl MixTimes {
    /// As it travels; at most [`FEEDBACK_BYTES_MAX`] bytes for as many sources as allowed.
    pub fn encode(&self) -> Vec<u8> {
        write(MIX_TIMES_TAG, self)
    }
}

fn write<T: Serialize>(tag: [u8; 4], body: &T) -> Vec<u8> {
    // Writing to a growing Vec cannot fail for types that are no maps.
    postcard::to_extend(body, tag.to_vec()).unwrap_or_default()
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, FeedbackError> {
    postcard::take_from_bytes(body).map(|(read, _)| read).map_err(|_| FeedbackError::Damaged)
}

/// Why bytes are no feedback. For counters and tests; no user sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FeedbackError {
    /// Somebody else's kind of feedback.
    #[error("feedback of a kind that is not Backline's")]
    NotOurs,
    /// Ours, and not readable.
    #[error("damaged feedback")]
    Damaged,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Ssrc;
    use crate::levels::{PeakLevel, SourceLevel};
    use crate::limits::{MIX_TIMES_MAX, SOURCES_MAX};
    use crate::mix_times::MixTime;
    use proptest::prelude::*;

    #[test]
    fn the_bytes_are_these() {
        let missing = Missing { runs: vec![MissingRun { timestamp: 0x1_0000, ticks: 120 }] };
        assert_eq!(missing.encode(), [b'B', b'K', b'L', b'1', 1, 0x80, 0x80, 0x04, 120]);
        let level =
            SourceLevel { ssrc: Ssrc(0x1_0000), left: PeakLevel::from_linear(1.0), right: PeakLevel::SILENT };
        let levels = Levels { sources: vec![level] };
        assert_eq!(levels.encode(), [b'B', b'K', b'L', b'2', 1, 0x80, 0x80, 0x04, 24, 255]);
        let times = MixTimes { sources: vec![MixTime { ssrc: Ssrc(0x1_0000), after_us: -2 }] };
        assert_eq!(times.encode(), [b'B', b'K', b'L', b'3', 1, 0x80, 0x80, 0x04, 3]);
        assert_eq!(Feedback::decode(b"REMBxxxx"), Err(FeedbackError::NotOurs));
        assert_eq!(Feedback::decode(b"BKL"), Err(FeedbackError::NotOurs));
        assert_eq!(Feedback::decode(b"BKL1\x7f"), Err(FeedbackError::Damaged));
        assert_eq!(Feedback::decode(b"BKL2\x7f"), Err(FeedbackError::Damaged));
        assert_eq!(Feedback::decode(b"BKL3\x7f"), Err(FeedbackError::Damaged));
    }

    #[test]
    fn the_longest_fit_the_limit() {
        let runs = vec![MissingRun { timestamp: u32::MAX, ticks: u16::MAX }; MISSING_RUNS_MAX];
        let missing = Missing { runs };
        assert!(missing.encode().len() <= FEEDBACK_BYTES_MAX);
        assert_eq!(Feedback::decode(&missing.encode()), Ok(Feedback::Missing(missing)));
        let (left, right) = (PeakLevel::SILENT, PeakLevel::SILENT);
        let sources = vec![SourceLevel { ssrc: Ssrc(u32::MAX), left, right }; SOURCES_MAX];
        let levels = Levels { sources };
        assert!(levels.encode().len() <= FEEDBACK_BYTES_MAX);
        assert_eq!(Feedback::decode(&levels.encode()), Ok(Feedback::Levels(levels)));
        let sources = vec![MixTime { ssrc: Ssrc(u32::MAX), after_us: i64::MIN }; MIX_TIMES_MAX];
        let times = MixTimes { sources };
        assert!(times.encode().len() <= FEEDBACK_BYTES_MAX);
        assert_eq!(Feedback::decode(&times.encode()), Ok(Feedback::MixTimes(times)));
    }

    #[test]
    fn a_run_holds_what_begins_in_it_across_the_wrap() {
        let run = MissingRun { timestamp: u32::MAX - 59, ticks: 120 };
        assert!(run.holds(u32::MAX - 59) && run.holds(0) && run.holds(59));
        assert!(!run.holds(60) && !run.holds(u32::MAX - 60));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..1200), tag in 0..4_usize) {
            if let (Some(tag), Some(head)) = ([MISSING_TAG, LEVELS_TAG, MIX_TIMES_TAG].get(tag), bytes.first_chunk_mut()) {
                *head = *tag;
            }
            match Feedback::decode(&bytes) {
                Ok(Feedback::Missing(missing)) => prop_assert!(missing.runs.len() <= MISSING_RUNS_MAX),
                Ok(Feedback::Levels(levels)) => prop_assert!(levels.sources.len() <= SOURCES_MAX),
                Ok(Feedback::MixTimes(times)) => prop_assert!(times.sources.len() <= MIX_TIMES_MAX),
                Err(_) => {}
            }
        }
    }
}
