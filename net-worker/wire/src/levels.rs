//! How loud each source of a mix is, as its host tells listeners, who get all of them as one stream.
//!
//! It travels as [feedback](crate::feedback), 20 times a second: one that comes late is of no use. The step before is `relay`'s mix;
//! the step after is each listener's meters.

use serde::{Deserialize, Serialize};

use crate::control::bounded;
use crate::ids::Ssrc;
use crate::limits::SOURCES_MAX;

/// How loud the loudest sample of a moment was, in half dB under +12 dBFS; 255 is silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeakLevel(u8);

/// How loud one source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceLevel {
    /// Its stream.
    pub ssrc: Ssrc,
    /// Its left channel, as it arrives: before anybody's fader.
    pub left: PeakLevel,
    /// Its right channel.
    pub right: PeakLevel,
}

/// How loud all are since the last message. Who is not named is silent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Levels {
    /// At most [`SOURCES_MAX`].
    #[serde(deserialize_with = "bounded::deserialize::<_, SourceLevel, SOURCES_MAX>")]
    pub sources: Vec<SourceLevel>,
}

impl PeakLevel {
    /// Nothing is heard.
    pub const SILENT: Self = Self(u8::MAX);

    /// Of a magnitude, where 1.0 is full scale. What lies between two steps is the quieter one, so that nothing lights a clip light that
    /// did not clip.
    pub fn from_linear(magnitude: f32) -> Self {
        // What is not a number is silence, too.
        if magnitude > 0.0 {
            let steps = (HIGHEST_DB - 20.0 * magnitude.log10() - AT_STEP_DB) / STEP_DB;
            Self(steps.ceil().clamp(0.0, f32::from(u8::MAX)) as u8)
        } else {
            Self::SILENT
        }
    }

    /// As a magnitude, where 1.0 is full scale.
    pub fn linear(self) -> f32 {
        if self == Self::SILENT {
            return 0.0;
        }
        10.0_f32.powf((HIGHEST_DB - STEP_DB * f32::from(self.0)) / 20.0)
    }
}

const HIGHEST_DB: f32 = 12.0;
const STEP_DB: f32 = 0.5;
/// What is so little under a step counts as there: the largest 16-bit value is 0.0003 dB under full scale.
const AT_STEP_DB: f32 = 0.001;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn full_scale_silence_and_the_ends_are_themselves() {
        let there_and_back = |magnitude| PeakLevel::from_linear(magnitude).linear();
        assert_eq!(there_and_back(1.0), 1.0);
        assert_eq!(there_and_back(32_767.0 / 32_768.0), 1.0, "the clip light of 16 bits stays lit");
        assert!(there_and_back(0.99) < 0.95, "and is not lit by less");
        for silent in [0.0, -1.0, f32::NAN, 1e-9, f32::MIN_POSITIVE] {
            assert_eq!(PeakLevel::from_linear(silent), PeakLevel::SILENT, "{silent}");
        }
        assert_eq!(PeakLevel::SILENT.linear(), 0.0);
        assert!((there_and_back(f32::INFINITY) - 3.98).abs() < 0.01);
    }

    proptest! {
        #[test]
        fn a_level_is_told_within_half_a_db_and_never_as_more(db in -100.0_f32..12.0) {
            let told_db = 20.0 * PeakLevel::from_linear(10.0_f32.powf(db / 20.0)).linear().log10();
            prop_assert!((-0.51..=0.0011).contains(&(told_db - db)), "{db} as {told_db}");
        }
    }
}
