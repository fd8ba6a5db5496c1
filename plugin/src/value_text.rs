//! Value texts of parameters, both ways: gains in dB, pan as L50…C…R50.
//!
//! Not the parameters themselves (`params.rs`), and not the laws behind the values: those are
//! `backline_audio`'s. Every value on a parameter's grid survives its text form exactly, because
//! hosts check that, and people type what they read.

use backline_audio::Db;

/// At or below this a gain parameter is silence, dB.
pub const GAIN_DB_MIN: f32 = Db::FLOOR.0;
/// The most a gain parameter can lift, dB.
pub const GAIN_DB_MAX: f32 = Db::MAX.0;
/// The grid of gain parameters, dB; unity is on it, so audio passes bit-exact there.
pub const GAIN_STEP_DB: f32 = 0.1;
/// The grid of pan parameters: one of the 50 steps to a side. Centre is on it.
pub const PAN_STEP: f32 = 0.02;

/// Steps of pan text to a side.
const PAN_TEXT_STEPS: f32 = 50.0;

/// "-6.0" or "-inf", without the unit " dB" (the framework appends it where a host wants it).
pub fn gain_text(db: f32) -> String {
    if db <= GAIN_DB_MIN {
        return "-inf".to_owned();
    }
    // Adding zero turns −0.0 into 0.0, which people do not want to read a sign on.
    format!("{:.1}", (db * 10.0).round() / 10.0 + 0.0)
}

/// Reads "-6.0 dB", "-6", "+3,5", "-inf dB", "−∞", "mute"; none where the text is no gain.
pub fn parse_gain(text: &str) -> Option<f32> {
    backline_audio::parse_db(text).ok().map(|level| level.0.clamp(GAIN_DB_MIN, GAIN_DB_MAX))
}

/// "L50" (left only) … "C" … "R50" (right only).
pub fn pan_text(pan: f32) -> String {
    let steps = (pan.clamp(-1.0, 1.0) * PAN_TEXT_STEPS).round() as i32;
    match steps {
        0 => "C".to_owned(),
        1.. => format!("R{steps}"),
        _ => format!("L{}", -steps),
    }
}

/// Reads "L50", "r 20", "C", "centre", "-20", "20"; none where the text is no pan.
pub fn parse_pan(text: &str) -> Option<f32> {
    let text = text.trim().to_lowercase();
    if matches!(text.as_str(), "c" | "centre" | "center" | "0") {
        return Some(0.0);
    }
    let (sign, digits) = match text.split_at_checked(1) {
        Some(("l", digits)) => (-1.0, digits),
        Some(("r", digits)) => (1.0, digits),
        _ => (1.0, text.as_str()),
    };
    let steps = digits.trim().parse::<f32>().ok().filter(|steps| steps.is_finite())?;
    Some((sign * steps / PAN_TEXT_STEPS).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn gains_read_as_people_write_them() {
        assert_eq!(gain_text(-6.0), "-6.0");
        assert_eq!(gain_text(-0.0), "0.0");
        assert_eq!(gain_text(-80.0), "-inf");
        for (text, db) in
            [("-6.0 dB", -6.0), ("-6", -6.0), ("+3,5dB", 3.5), ("0", 0.0), ("−12 dB", -12.0), ("99", 12.0)]
        {
            assert_eq!(parse_gain(text), Some(db), "{text}");
        }
        for silence in ["-inf dB", "-inf", "−∞ dB", "mute", "Mute", "-200 dB"] {
            assert_eq!(parse_gain(silence), Some(GAIN_DB_MIN), "{silence}");
        }
        for nonsense in ["", "dB", "loud", "nan"] {
            assert_eq!(parse_gain(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn pans_read_as_people_write_them() {
        for (pan, text) in [(-1.0, "L50"), (0.0, "C"), (1.0, "R50"), (-0.4, "L20"), (0.02, "R1")] {
            assert_eq!(pan_text(pan), text);
            assert!((parse_pan(text).unwrap() - pan).abs() < 1e-6, "{text}");
        }
        assert_eq!(parse_pan("center"), Some(0.0));
        assert_eq!(parse_pan("r 500"), Some(1.0));
        for nonsense in ["", "L", "left-ish", "Rnan"] {
            assert_eq!(parse_pan(nonsense), None, "{nonsense}");
        }
    }

    proptest! {
        #[test]
        fn every_gain_on_the_grid_survives_its_text(steps in -800i32..=120) {
            let db = steps as f32 * GAIN_STEP_DB;
            let text = gain_text(db);
            let again = parse_gain(&text).unwrap();
            prop_assert!((again - db).abs() < GAIN_STEP_DB / 4.0);
            prop_assert_eq!(gain_text(again), text);
        }

        #[test]
        fn no_text_makes_a_parser_panic(text in ".*") {
            let _ = (parse_gain(&text), parse_pan(&text));
        }
    }
}
