//! Loudness in the two forms that must not be mixed up: decibels for people, linear gain for arithmetic; and pan.
//!
//! Not smoothing (that is `ramp`). The step before is a parameter, a fader or a text field; the step after is a
//! [`crate::Ramp`] or a meter's display.

use std::fmt;
use std::str::FromStr;

/// A level in decibels. Everything at or below −80 dB is silence.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Db(pub f32);

impl Db {
    /// Silence, shown as −∞.
    pub const SILENT: Db = Db(f32::NEG_INFINITY);
    /// The bottom end of a fader: this and everything below is silence.
    pub const FLOOR: Db = Db(-80.0);
    /// No change.
    pub const UNITY: Db = Db(0.0);
    /// The top end of a fader.
    pub const MAX: Db = Db(12.0);

    /// The nearest level that a fader can have: [`Db::SILENT`], or above −80 up to +12. NaN is silence.
    #[must_use]
    pub fn new(level_db: f32) -> Db {
        if level_db > Self::FLOOR.0 { Db(level_db.min(Self::MAX.0)) } else { Self::SILENT }
    }

    /// Whether this is −∞ for every purpose.
    #[must_use]
    pub fn is_silent(self) -> bool {
        self.0.is_nan() || self.0 <= Self::FLOOR.0
    }

    /// The linear factor; exactly 0 for silence and exactly 1 for 0 dB. Not limited at the top.
    #[must_use]
    pub fn to_gain(self) -> Gain {
        if self.is_silent() {
            Gain::SILENT
        } else if self.0 == 0.0 {
            Gain::UNITY
        } else {
            Gain::new(10.0_f32.powf(self.0 / 20.0))
        }
    }
}

impl fmt::Display for Db {
    /// `−∞ dB`, `-6.0 dB`, `0.0 dB`, `+3.0 dB`. Read back by [`parse_db`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_silent() {
            return f.write_str("−∞ dB");
        }
        let tenths = (self.0 * 10.0).round();
        match tenths {
            0.0 => f.write_str("0.0 dB"),
            _ => write!(f, "{:+.1} dB", tenths / 10.0),
        }
    }
}

impl FromStr for Db {
    type Err = ParseDbError;

    fn from_str(text: &str) -> Result<Db, ParseDbError> {
        parse_db(text)
    }
}

/// Reads what a person types into a level field: `-6 dB`, `-6`, `−6,5`, `0`, `mute`, `-inf`, `−∞ dB`. Numbers
/// beyond the ends of a fader become its ends. Does not allocate unless it fails.
///
/// # Errors
/// [`ParseDbError`] when it is neither a number nor a word for silence.
pub fn parse_db(text: &str) -> Result<Db, ParseDbError> {
    let trimmed = text.trim();
    let number = strip_unit(trimmed);
    if SILENCE_WORDS.iter().any(|word| number.eq_ignore_ascii_case(word)) {
        return Ok(Db::SILENT);
    }
    parse_decimal(number)
        .map(Db::new)
        .ok_or_else(|| ParseDbError { text: trimmed.chars().take(32).collect() })
}

/// A linear factor, never negative, never NaN or infinite.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Gain(f32);

impl Gain {
    /// Nothing passes.
    pub const SILENT: Gain = Gain(0.0);
    /// Everything passes, bit for bit.
    pub const UNITY: Gain = Gain(1.0);

    /// The nearest valid factor: negative and NaN become 0, infinity becomes the largest number.
    #[must_use]
    pub fn new(linear: f32) -> Gain {
        Gain(if linear > 0.0 { linear.min(f32::MAX) } else { 0.0 })
    }

    /// The factor.
    #[must_use]
    pub const fn linear(self) -> f32 {
        self.0
    }

    /// In decibels; at or below −80 dB it is [`Db::SILENT`].
    #[must_use]
    pub fn to_db(self) -> Db {
        if self.0 == 1.0 {
            return Db::UNITY;
        }
        let level_db = 20.0 * self.0.log10();
        if level_db > Db::FLOOR.0 { Db(level_db) } else { Db::SILENT }
    }

    /// Both gains one after the other.
    #[must_use]
    pub fn then(self, other: Gain) -> Gain {
        Gain::new(self.0 * other.0)
    }

    /// This gain, or silence when `muted`.
    #[must_use]
    pub fn unless_muted(self, muted: bool) -> Gain {
        if muted { Gain::SILENT } else { self }
    }
}

impl Default for Gain {
    fn default() -> Gain {
        Gain::UNITY
    }
}

impl From<Db> for Gain {
    fn from(level: Db) -> Gain {
        level.to_gain()
    }
}

impl From<Gain> for Db {
    fn from(gain: Gain) -> Db {
        gain.to_db()
    }
}

/// A position between left (−1) and right (+1), by the balance law: the far side is turned down, the near side
/// stays as it is, so that the centre passes stereo bit for bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Pan(f32);

impl Pan {
    /// The middle.
    pub const CENTRE: Pan = Pan(0.0);

    /// The nearest valid position; NaN is the centre.
    #[must_use]
    pub fn new(position: f32) -> Pan {
        if position.is_nan() { Pan::CENTRE } else { Pan(position.clamp(-1.0, 1.0)) }
    }

    /// The position, −1 to +1.
    #[must_use]
    pub const fn position(self) -> f32 {
        self.0
    }

    /// The gains of left and right; exactly 1 and 1 in the centre.
    #[must_use]
    pub fn gains(self) -> (Gain, Gain) {
        (Gain::new((1.0 - self.0).min(1.0)), Gain::new((1.0 + self.0).min(1.0)))
    }
}

impl fmt::Display for Pan {
    /// `C`, `25 L`, `100 R` (per cent).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = (self.0 * 100.0).round();
        match percent {
            p if p < 0.0 => write!(f, "{:.0} L", -p),
            p if p > 0.0 => write!(f, "{p:.0} R"),
            _ => f.write_str("C"),
        }
    }
}

fn strip_unit(text: &str) -> &str {
    let unit_at = text.len().saturating_sub(2);
    match text.get(unit_at..) {
        Some(unit) if unit.eq_ignore_ascii_case("db") => text[..unit_at].trim_end(),
        _ => text,
    }
}

/// A plain decimal of at most 16 characters: sign (either minus), digits, one point or comma. `str::parse` alone
/// would also take `nan`, `infinity` and `1e9`, and would not take what people really type.
fn parse_decimal(text: &str) -> Option<f32> {
    let mut ascii = [0_u8; 16];
    let mut length = 0;
    for character in text.chars().filter(|c| *c != ' ') {
        let byte = match character {
            '−' | '–' => b'-',
            ',' => b'.',
            '+' | '-' | '.' | '0'..='9' => character as u8,
            _ => return None,
        };
        *ascii.get_mut(length)? = byte;
        length += 1;
    }
    std::str::from_utf8(&ascii[..length]).ok()?.parse().ok()
}

const SILENCE_WORDS: [&str; 9] = ["mute", "muted", "off", "silent", "silence", "-inf", "−inf", "-∞", "−∞"];

/// A text that is no level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a level: type a number from -80 to 12, for example -6 dB, or mute")]
pub struct ParseDbError {
    /// The beginning of what was typed.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_unity_are_exact() {
        assert_eq!(Db::UNITY.to_gain(), Gain::UNITY);
        assert_eq!(Gain::UNITY.to_db().0, 0.0);
        assert_eq!(Db(-80.0).to_gain().linear(), 0.0);
        assert_eq!(Db(f32::NAN).to_gain().linear(), 0.0);
        assert!(Db(-79.9).to_gain().linear() > 0.0);
        assert!(Gain::SILENT.to_db().is_silent());
        assert_eq!(Gain::new(f32::NAN), Gain::SILENT);
        assert_eq!(Gain::new(-1.0), Gain::SILENT);
        assert!(Gain::new(f32::INFINITY).linear().is_finite());
    }

    #[test]
    fn gain_and_db_agree() {
        for level_db in [-79.0_f32, -60.0, -6.0, -0.1, 0.1, 6.0, 12.0] {
            assert!((Db(level_db).to_gain().to_db().0 - level_db).abs() < 1e-4);
        }
    }

    #[test]
    fn text_of_levels() {
        for (level, text) in [
            (Db(-6.0), "-6.0 dB"),
            (Db(0.04), "0.0 dB"),
            (Db(-0.04), "0.0 dB"),
            (Db(3.25), "+3.3 dB"),
            (Db(-80.0), "−∞ dB"),
            (Db::SILENT, "−∞ dB"),
        ] {
            assert_eq!(level.to_string(), text);
        }
    }

    #[test]
    fn reads_what_people_type() {
        for (text, level_db) in [
            ("-6 dB", -6.0),
            ("-6.0dB", -6.0),
            (" −6,5 DB ", -6.5),
            ("0", 0.0),
            ("+3", 3.0),
            ("- 3", -3.0),
            ("99", 12.0),
            (".5", 0.5),
        ] {
            assert_eq!(parse_db(text), Ok(Db(level_db)), "{text}");
        }
        for text in ["mute", "MUTE", "-inf", "-Inf dB", "−∞ dB", "off", "-80", "-1000"] {
            assert_eq!(parse_db(text), Ok(Db::SILENT), "{text}");
        }
        for text in
            ["", "dB", "loud", "nan", "inf", "1e3", "--3", "1.2.3", "é", "ééé", "0.00000000000000000001"]
        {
            assert!(parse_db(text).is_err(), "{text}");
        }
        assert!(parse_db("loud").unwrap_err().to_string().contains("\"loud\""));
    }

    #[test]
    fn every_shown_level_reads_back() {
        for tenths in -800..=120 {
            let level = Db::new(tenths as f32 / 10.0);
            let again = parse_db(&level.to_string()).unwrap();
            assert_eq!(again.to_string(), level.to_string());
        }
    }

    #[test]
    fn pan_follows_the_balance_law() {
        assert_eq!(Pan::CENTRE.gains(), (Gain::UNITY, Gain::UNITY));
        assert_eq!(Pan::new(-1.0).gains(), (Gain::UNITY, Gain::SILENT));
        assert_eq!(Pan::new(0.25).gains(), (Gain::new(0.75), Gain::UNITY));
        assert_eq!(Pan::new(9.0).position(), 1.0);
        assert_eq!(Pan::new(f32::NAN), Pan::CENTRE);
        assert_eq!(Pan::new(-0.25).to_string(), "25 L");
        assert_eq!(Pan::new(0.001).to_string(), "C");
        assert_eq!(Pan::new(1.0).to_string(), "100 R");
    }
}
