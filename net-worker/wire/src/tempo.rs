//! Tempo and transport: how fast a session plays, and where whoever leads it was at a moment.
//!
//! In whole numbers, so that all computers agree to the last bit. Positions are counted in quarter notes, as DAWs do, whatever the
//! meter. The step before is `session` (from a DAW's transport, or from Start and Stop); the step after is [`crate::Control::Transport`]
//! and, for the tempo, [`crate::Change::Tempo`].

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Slowest and fastest tempo, in quarter notes a minute.
pub const BPM_MIN: f64 = 10.0;
/// See [`BPM_MIN`].
pub const BPM_MAX: f64 = 999.0;
/// Beats of the longest bar.
pub const BEATS_PER_BAR_MAX: u8 = 64;

/// Quarter notes a minute, in thousandths: 10 to 999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Bpm(u32);

/// How beats make bars: so many beats of such notes, “6/8”.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(u8, u8)", into = "(u8, u8)")]
pub struct Meter {
    beats: u8,
    unit: u8,
}

/// Tempo and meter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tempo {
    /// How fast.
    pub bpm: Bpm,
    /// In which bars.
    pub meter: Meter,
}

/// A place in the song, in millionths of a quarter note from its beginning; negative before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct SongPosition(i64);

/// Where somebody's transport was at a moment, and how it goes on from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransportMark {
    /// When, in µs since 1970 of the clock of who says it.
    pub at_us: u64,
    /// Where it was then.
    pub position: SongPosition,
    /// Where a bar begins; all other bars lie whole bars away.
    pub bar_start: SongPosition,
    /// How fast it goes on.
    pub tempo: Tempo,
    /// Whether it goes on.
    pub is_rolling: bool,
    /// Whether the DAW records.
    pub is_recording: bool,
    /// Started or stopped by a person in Backline; false: a DAW's own transport.
    pub by_hand: bool,
}

/// A number that is no tempo, meter or place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TempoError {
    /// See [`Bpm`].
    #[error("a tempo is from {BPM_MIN} to {BPM_MAX} beats a minute")]
    Bpm,
    /// See [`Meter`].
    #[error(
        "a bar has 1 to {BEATS_PER_BAR_MAX} beats of whole, half, quarter, 8th, 16th or 32nd notes, as in 4/4 or 6/8"
    )]
    Meter,
    /// See [`SongPosition`].
    #[error("a place far beyond any song")]
    Position,
}

impl Bpm {
    /// The nearest to `bpm`.
    ///
    /// # Errors
    /// For what is slower or faster than any tempo, and for what is no number.
    pub fn new(bpm: f64) -> Result<Self, TempoError> {
        // A cast takes NaN to 0.
        Self::try_from((bpm * 1e3).round() as u32)
    }

    /// Quarter notes a minute.
    pub fn get(self) -> f64 {
        f64::from(self.0) / 1e3
    }

    /// Quarter notes a second.
    pub fn per_second(self) -> f64 {
        self.get() / 60.0
    }
}

impl Default for Bpm {
    /// 120.
    fn default() -> Self {
        Self(120_000)
    }
}

impl fmt::Display for Bpm {
    /// “120”, “92.5”.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.get())
    }
}

impl Meter {
    /// `beats` of a `unit`-th note.
    ///
    /// # Errors
    /// For bars of no beats or too many, and for units that are no notes.
    pub fn new(beats: u8, unit: u8) -> Result<Self, TempoError> {
        let is_note = unit.is_power_of_two() && unit <= 32;
        let is_meter = is_note && (1..=BEATS_PER_BAR_MAX).contains(&beats);
        if is_meter { Ok(Self { beats, unit }) } else { Err(TempoError::Meter) }
    }

    /// Beats of a bar, 1 to [`BEATS_PER_BAR_MAX`].
    pub fn beats(self) -> u8 {
        self.beats
    }

    /// Which note is a beat: 1, 2, 4, 8, 16 or 32.
    pub fn unit(self) -> u8 {
        self.unit
    }

    /// Length of a beat in quarter notes.
    pub fn beat_quarters(self) -> f64 {
        4.0 / f64::from(self.unit)
    }

    /// Length of a bar in quarter notes.
    pub fn bar_quarters(self) -> f64 {
        f64::from(self.beats) * self.beat_quarters()
    }
}

impl Default for Meter {
    /// 4/4.
    fn default() -> Self {
        Self { beats: 4, unit: 4 }
    }
}

impl fmt::Display for Meter {
    /// “6/8”.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.beats, self.unit)
    }
}

impl std::str::FromStr for Meter {
    type Err = TempoError;

    fn from_str(text: &str) -> Result<Self, TempoError> {
        let (beats, unit) = text.split_once('/').ok_or(TempoError::Meter)?;
        let number = |text: &str| text.trim().parse().map_err(|_| TempoError::Meter);
        Self::new(number(beats)?, number(unit)?)
    }
}

impl SongPosition {
    /// Ten million quarter notes: two weeks at the fastest tempo.
    const MAX: i64 = 10_000_000_000_000;

    /// The nearest to `quarters`; none beyond any song, and for what is no number.
    pub fn from_quarters(quarters: f64) -> Option<Self> {
        let is_number = quarters.is_finite();
        is_number.then(|| (quarters * 1e6).round() as i64).and_then(|position| Self::try_from(position).ok())
    }

    /// In quarter notes.
    pub fn quarters(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl TryFrom<u32> for Bpm {
    type Error = TempoError;

    fn try_from(thousandths: u32) -> Result<Self, TempoError> {
        let range = (BPM_MIN * 1e3) as u32..=(BPM_MAX * 1e3) as u32;
        if range.contains(&thousandths) { Ok(Self(thousandths)) } else { Err(TempoError::Bpm) }
    }
}

impl From<Bpm> for u32 {
    fn from(bpm: Bpm) -> u32 {
        bpm.0
    }
}

impl TryFrom<(u8, u8)> for Meter {
    type Error = TempoError;

    fn try_from((beats, unit): (u8, u8)) -> Result<Self, TempoError> {
        Self::new(beats, unit)
    }
}

impl From<Meter> for (u8, u8) {
    fn from(meter: Meter) -> (u8, u8) {
        (meter.beats, meter.unit)
    }
}

impl TryFrom<i64> for SongPosition {
    type Error = TempoError;

    fn try_from(millionths: i64) -> Result<Self, TempoError> {
        if (-Self::MAX..=Self::MAX).contains(&millionths) {
            Ok(Self(millionths))
        } else {
            Err(TempoError::Position)
        }
    }
}

impl From<SongPosition> for i64 {
    fn from(position: SongPosition) -> i64 {
        position.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tempos_and_meters_are_those_of_music() {
        assert_eq!(Bpm::new(92.5).map(|bpm| bpm.to_string()), Ok("92.5".to_owned()));
        for bpm in [0.0, 9.9, 999.1, -1.0, 1e300, f64::NAN, f64::INFINITY] {
            assert_eq!(Bpm::new(bpm), Err(TempoError::Bpm), "{bpm}");
        }
        assert_eq!("6/8".parse(), Meter::new(6, 8));
        assert_eq!("6/8".parse().map(Meter::bar_quarters), Ok(3.0));
        for text in ["", "4", "0/4", "4/3", "4/64", "65/4", "-1/4", "4/4/4"] {
            assert_eq!(text.parse::<Meter>(), Err(TempoError::Meter), "{text}");
        }
    }

    #[test]
    fn a_place_is_kept_to_a_millionth_of_a_quarter() {
        assert_eq!(SongPosition::from_quarters(-3.25).map(SongPosition::quarters), Some(-3.25));
        for quarters in [1.1e7, f64::NAN, f64::NEG_INFINITY] {
            assert_eq!(SongPosition::from_quarters(quarters), None);
        }
    }
}
