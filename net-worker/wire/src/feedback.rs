//! What a listener tells a publisher outside of the control channel: which packets of a stream it misses.
//!
//! It travels as RTCP, unreliable and unordered, because one that comes late is of no use. The step before is `media`'s
//! playout (which knows what is missing); the step after is `transport`'s path, and there `media`'s sender or the relay.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::control::bounded;
use crate::limits::{FEEDBACK_BYTES_MAX, MISSING_RUNS_MAX};

/// Tells ours from other application-defined feedback (RFC 4585 section 6.4), "REMB" for instance.
const TAG: [u8; 4] = *b"BKL1";

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

impl Missing {
    /// As it travels; at most [`FEEDBACK_BYTES_MAX`] bytes for as many runs as allowed.
    pub fn encode(&self) -> Vec<u8> {
        // Writing to a growing Vec cannot fail for types that are no maps.
        postcard::to_extend(self, TAG.to_vec()).unwrap_or_default()
    }

    /// Reads a request; never panics, and allocates no more than the limits allow.
    ///
    /// # Errors
    /// [`FeedbackError`]: it is to be dropped.
    pub fn decode(bytes: &[u8]) -> Result<Missing, FeedbackError> {
        let body = bytes.strip_prefix(&TAG).ok_or(FeedbackError::NotOurs)?;
        // RTCP pads to whole words, so something may follow.
        if bytes.len() > FEEDBACK_BYTES_MAX + 3 {
            return Err(FeedbackError::Damaged);
        }
        postcard::take_from_bytes(body).map(|(missing, _)| missing).map_err(|_| FeedbackError::Damaged)
    }
}

/// Why bytes are no request. For counters and tests; no user sees it.
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
    use proptest::prelude::*;

    #[test]
    fn the_bytes_are_these() {
        let missing = Missing { runs: vec![MissingRun { timestamp: 0x1_0000, ticks: 120 }] };
        assert_eq!(missing.encode(), [b'B', b'K', b'L', b'1', 1, 0x80, 0x80, 0x04, 120]);
        assert_eq!(Missing::decode(b"REMBxxxx"), Err(FeedbackError::NotOurs));
        assert_eq!(Missing::decode(b"BKL1\x7f"), Err(FeedbackError::Damaged));
    }

    #[test]
    fn the_longest_fits_the_limit() {
        let runs = vec![MissingRun { timestamp: u32::MAX, ticks: u16::MAX }; MISSING_RUNS_MAX];
        let missing = Missing { runs };
        assert!(missing.encode().len() <= FEEDBACK_BYTES_MAX);
        assert_eq!(Missing::decode(&missing.encode()), Ok(missing));
    }

    #[test]
    fn a_run_holds_what_begins_in_it_across_the_wrap() {
        let run = MissingRun { timestamp: u32::MAX - 59, ticks: 120 };
        assert!(run.holds(u32::MAX - 59) && run.holds(0) && run.holds(59));
        assert!(!run.holds(60) && !run.holds(u32::MAX - 60));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300), ours in any::<bool>()) {
            if ours && bytes.len() >= 4 {
                bytes[..4].copy_from_slice(&TAG);
            }
            if let Ok(missing) = Missing::decode(&bytes) {
                prop_assert!(missing.runs.len() <= MISSING_RUNS_MAX);
            }
        }
    }
}
