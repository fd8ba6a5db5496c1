//! The sample rate of a device or of the network.
//!
//! Not a resampler (that is `convert`). The step before is the host, which states its rate; the step after is
//! whoever needs to turn sample frames into time.

use std::fmt;
use std::time::Duration;

/// A sample rate that Backline can work at: 44 100 to 192 000 Hz.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleRate(u32);

impl SampleRate {
    /// The rate of everything between bridge and wire.
    pub const NETWORK: SampleRate = SampleRate(48_000);
    /// The lowest supported rate.
    pub const LOWEST: SampleRate = SampleRate(44_100);
    /// The highest supported rate.
    pub const HIGHEST: SampleRate = SampleRate(192_000);

    /// What a person can do about a rate that Backline cannot work at; stands after a colon, without a full stop.
    pub const ADVICE: &'static str =
        "set the audio device or the project to 44.1, 48, 88.2, 96, 176.4 or 192 kHz (48 kHz is best)";

    /// Checks `rate_hz`.
    ///
    /// # Errors
    /// [`UnsupportedRate`] outside 44 100 to 192 000 Hz.
    pub const fn new(rate_hz: u32) -> Result<SampleRate, UnsupportedRate> {
        if rate_hz >= Self::LOWEST.0 && rate_hz <= Self::HIGHEST.0 {
            Ok(SampleRate(rate_hz))
        } else {
            Err(UnsupportedRate { rate_hz })
        }
    }

    /// Sample frames in a second.
    #[must_use]
    pub const fn hz(self) -> u32 {
        self.0
    }

    /// Whether no conversion is needed.
    #[must_use]
    pub const fn is_network(self) -> bool {
        self.0 == Self::NETWORK.0
    }

    /// How long `frames` sample frames last, to the nanosecond below.
    #[must_use]
    pub const fn duration_of(self, frames: u64) -> Duration {
        let rate = self.0 as u64;
        let rest_ns = (frames % rate) * 1_000_000_000 / rate;
        Duration::new(frames / rate, rest_ns as u32)
    }

    /// How many whole sample frames fit into `duration` (saturating).
    #[must_use]
    pub const fn frames_in(self, duration: Duration) -> u64 {
        let rate = self.0 as u64;
        let rest = duration.subsec_nanos() as u64 * rate / 1_000_000_000;
        duration.as_secs().saturating_mul(rate).saturating_add(rest)
    }
}

impl fmt::Display for SampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1000, self.0 % 1000);
        match rest {
            0 => write!(f, "{whole} kHz"),
            _ if rest.is_multiple_of(100) => write!(f, "{whole}.{} kHz", rest / 100),
            _ => write!(f, "{} Hz", self.0),
        }
    }
}

/// A device rate outside what Backline can convert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Backline cannot run at {rate_hz} Hz: {}", SampleRate::ADVICE)]
pub struct UnsupportedRate {
    /// The rate that was asked for.
    pub rate_hz: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_inclusive() {
        assert_eq!(SampleRate::new(44_100).unwrap(), SampleRate::LOWEST);
        assert_eq!(SampleRate::new(192_000).unwrap(), SampleRate::HIGHEST);
        assert!(SampleRate::new(44_099).is_err());
        let error = SampleRate::new(192_001).unwrap_err();
        assert!(error.to_string().contains("192001 Hz"));
    }

    #[test]
    fn frames_and_time_agree() {
        assert_eq!(SampleRate::NETWORK.duration_of(120), Duration::from_micros(2_500));
        assert_eq!(SampleRate::NETWORK.frames_in(Duration::from_millis(20)), 960);
        assert_eq!(SampleRate::LOWEST.duration_of(44_100 * 3), Duration::from_secs(3));
        assert_eq!(SampleRate::NETWORK.duration_of(1), Duration::from_nanos(20_833));
    }

    #[test]
    fn text_is_what_a_musician_says() {
        assert_eq!(SampleRate::LOWEST.to_string(), "44.1 kHz");
        assert_eq!(SampleRate::NETWORK.to_string(), "48 kHz");
        assert_eq!(SampleRate::new(47_999).unwrap().to_string(), "47999 Hz");
    }
}
