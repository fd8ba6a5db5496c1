//! What a fader can be set to, in whole numbers: two computers agree on them to the last bit.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::limits::AUX_BUSES;

/// One thing on a strip, and its value. Pan, solo and bus exist on monitor strips only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Setting {
    /// How loud.
    Gain(GainValue),
    /// Where between left and right.
    Pan(PanValue),
    /// Silent.
    Mute(bool),
    /// Alone, with other soloed ones.
    Solo(bool),
    /// On which output.
    Bus(Bus),
}

/// Which thing on a strip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SettingKind {
    /// Of [`Setting::Gain`].
    Gain,
    /// Of [`Setting::Pan`].
    Pan,
    /// Of [`Setting::Mute`].
    Mute,
    /// Of [`Setting::Solo`].
    Solo,
    /// Of [`Setting::Bus`].
    Bus,
}

/// A gain in hundredths of a dB: −120 dB to +12 dB, or silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i16", into = "i16")]
pub struct GainValue(i16);

/// A place between left (−1000) and right (+1000), in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i16", into = "i16")]
pub struct PanValue(i16);

/// An output: 0 is main, 1 to 8 are the auxiliary ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Bus(u8);

/// A number that is no setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a setting beyond what a fader has")]
pub struct SettingError;

impl Setting {
    /// Which thing it sets.
    pub fn kind(&self) -> SettingKind {
        match self {
            Setting::Gain(_) => SettingKind::Gain,
            Setting::Pan(_) => SettingKind::Pan,
            Setting::Mute(_) => SettingKind::Mute,
            Setting::Solo(_) => SettingKind::Solo,
            Setting::Bus(_) => SettingKind::Bus,
        }
    }
}

impl SettingKind {
    /// Every thing on a strip.
    pub const ALL: [Self; 5] = [Self::Gain, Self::Pan, Self::Mute, Self::Solo, Self::Bus];
}

impl GainValue {
    /// −∞ dB.
    pub const SILENT: Self = Self(i16::MIN);
    /// 0 dB.
    pub const UNITY: Self = Self(0);
    const MIN: i16 = -12_000;
    const MAX: i16 = 1_200;

    /// The nearest gain to `db`: at most +12; below −120, and for what is no number, silence.
    pub fn from_db(db: f32) -> Self {
        let hundredths = (db * 100.0).round();
        if hundredths >= f32::from(Self::MIN) {
            Self(hundredths.min(f32::from(Self::MAX)) as i16)
        } else {
            Self::SILENT
        }
    }

    /// In dB; −∞ for silence.
    pub fn db(self) -> f32 {
        if self == Self::SILENT { f32::NEG_INFINITY } else { f32::from(self.0) / 100.0 }
    }
}

impl PanValue {
    /// In the middle.
    pub const CENTRE: Self = Self(0);
    const MAX: i16 = 1_000;

    /// The nearest place to `pan`, −1 (left) to 1 (right); the middle for what is no number.
    pub fn new(pan: f32) -> Self {
        let max = f32::from(Self::MAX);
        // A cast takes NaN to 0.
        Self((pan * max).round().clamp(-max, max) as i16)
    }

    /// −1 (left) to 1 (right).
    pub fn get(self) -> f32 {
        f32::from(self.0) / f32::from(Self::MAX)
    }
}

impl Bus {
    /// The main output.
    pub const MAIN: Self = Self(0);

    /// An auxiliary output, counted from 0; main for one that does not exist.
    pub fn aux(index: u8) -> Self {
        Self::try_from(index.saturating_add(1)).unwrap_or(Self::MAIN)
    }

    /// The auxiliary output, counted from 0; none for main.
    pub fn aux_index(self) -> Option<u8> {
        self.0.checked_sub(1)
    }
}

impl TryFrom<i16> for GainValue {
    type Error = SettingError;

    fn try_from(hundredths: i16) -> Result<Self, SettingError> {
        let is_gain = hundredths == i16::MIN || (Self::MIN..=Self::MAX).contains(&hundredths);
        if is_gain { Ok(Self(hundredths)) } else { Err(SettingError) }
    }
}

impl From<GainValue> for i16 {
    fn from(gain: GainValue) -> Self {
        gain.0
    }
}

impl TryFrom<i16> for PanValue {
    type Error = SettingError;

    fn try_from(thousandths: i16) -> Result<Self, SettingError> {
        let is_pan = (-Self::MAX..=Self::MAX).contains(&thousandths);
        if is_pan { Ok(Self(thousandths)) } else { Err(SettingError) }
    }
}

impl From<PanValue> for i16 {
    fn from(pan: PanValue) -> Self {
        pan.0
    }
}

impl TryFrom<u8> for Bus {
    type Error = SettingError;

    fn try_from(number: u8) -> Result<Self, SettingError> {
        if usize::from(number) <= AUX_BUSES { Ok(Self(number)) } else { Err(SettingError) }
    }
}

impl From<Bus> for u8 {
    fn from(bus: Bus) -> Self {
        bus.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_number_is_safe() {
        assert_eq!(GainValue::from_db(f32::NAN), GainValue::SILENT);
        assert_eq!(GainValue::from_db(f32::NEG_INFINITY), GainValue::SILENT);
        assert_eq!(GainValue::from_db(f32::INFINITY).db(), 12.0);
        assert_eq!(PanValue::new(f32::NAN), PanValue::CENTRE);
        assert_eq!(Bus::aux(200), Bus::MAIN);
        assert_eq!(Bus::aux(7).aux_index(), Some(7));
    }

    #[test]
    fn no_peer_can_set_what_a_fader_does_not_have() {
        for hundredths in [-12_001, 1_201, i16::MAX, i16::MIN + 1] {
            assert_eq!(GainValue::try_from(hundredths), Err(SettingError));
        }
        assert!(PanValue::try_from(1_001).is_err() && PanValue::try_from(i16::MIN).is_err());
        assert!(Bus::try_from(9).is_err());
    }

    proptest! {
        #[test]
        fn a_gain_is_kept_to_a_hundredth_of_a_db(db in -120.0_f32..12.0) {
            let gain = GainValue::from_db(db);
            prop_assert!((gain.db() - db).abs() < 0.006);
            prop_assert_eq!(GainValue::from_db(gain.db()), gain);
            prop_assert_eq!(GainValue::try_from(i16::from(gain)), Ok(gain));
        }
    }
}
