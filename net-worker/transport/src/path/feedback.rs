//! Feedback about streams: numbered, so that what somebody caught and sends again does nothing.
//!
//! RTCP is authentic, but the library does not look for repeated RTCP packets (RFC 3711 section 3.3.2 asks for it). The number
//! is part of what is encrypted. Sent by [`Path::send_feedback`](super::Path::send_feedback), told as
//! [`PathEvent::Feedback`](super::PathEvent::Feedback).

use std::sync::Arc;

use backline_wire::Ssrc;
use backline_wire::limits::FEEDBACK_BYTES_MAX;
use str0m::Rtc;

/// Bytes of the number before what the caller says.
const NUMBER_BYTES: usize = 4;

/// Both directions of one path.
#[derive(Default)]
pub(super) struct Feedback {
    sent: u32,
    /// The highest number that came, and which of the 64 before it.
    highest: u32,
    seen: u64,
}

impl Feedback {
    /// As application-defined RTCP feedback (RFC 4585 section 6.4).
    pub fn send(&mut self, rtc: &mut Rtc, sender: Ssrc, about: Ssrc, bytes: &[u8]) {
        self.sent += 1;
        let numbered = [&self.sent.to_be_bytes()[..], bytes].concat();
        rtc.direct_api().send_app_specific_feedback(sender.0.into(), about.0.into(), numbered);
    }

    /// What the peer said; none where it is too long, too short or came before.
    pub fn receive(&mut self, payload: &[u8]) -> Option<Arc<[u8]>> {
        let (number, bytes) = payload.split_first_chunk::<NUMBER_BYTES>()?;
        // Padding to whole words comes on top.
        let is_fresh = bytes.len() <= FEEDBACK_BYTES_MAX + 3 && self.is_fresh(u32::from_be_bytes(*number));
        is_fresh.then(|| bytes.into())
    }

    fn is_fresh(&mut self, number: u32) -> bool {
        if number > self.highest {
            let ahead = number - self.highest;
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = number;
            return true;
        }
        let behind = self.highest - number;
        let bit = 1_u64.checked_shl(behind).unwrap_or(0);
        let is_fresh = number > 0 && bit != 0 && self.seen & bit == 0;
        self.seen |= bit;
        is_fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_counts_once_in_whatever_order() {
        let mut feedback = Feedback::default();
        let fresh: Vec<bool> =
            [1, 3, 2, 3, 2, 1, 100, 99, 37, 36, 37, 0].map(|number| feedback.is_fresh(number)).to_vec();
        let expected = [true, true, true, false, false, false, true, true, true, false, false, false];
        assert_eq!(fresh, expected, "36 is too old to be known");
        assert!(feedback.is_fresh(u32::MAX) && !feedback.is_fresh(100));
        assert_eq!(feedback.receive(&[0, 0, 1]), None);
    }
}
