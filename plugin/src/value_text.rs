//! Value texts of parameters, both ways: gains in dB, pan as L50…C…R50, switches as On and Off.
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

/// Reads "L50", "r 20", "30L", "C", "centre", "left", "-20", "20"; none where the text is no pan.
pub fn parse_pan(text: &str) -> Option<f32> {
    let text = text.trim().to_lowercase().replace('−', "-").replace(',', ".");
    match text.as_str() {
        "c" | "centre" | "center" | "middle" | "mid" => return Some(0.0),
        "left" => return Some(-1.0),
        "right" => return Some(1.0),
        _ => {}
    }
    let left = text.strip_prefix('l').or_else(|| text.strip_suffix('l'));
    let right = text.strip_prefix('r').or_else(|| text.strip_suffix('r'));
    let (sign, digits) = match (left, right) {
        (Some(digits), _) => (-1.0, digits),
        (None, Some(digits)) => (1.0, digits),
        (None, None) => (1.0, text.as_str()),
    };
    let steps = digits.trim().parse::<f32>().ok().filter(|steps| steps.is_finite())?;
    Some((sign * steps / PAN_TEXT_STEPS).clamp(-1.0, 1.0))
}

/// "On" or "Off".
pub fn switch_text(is_on: bool) -> String {
    if is_on { "On" } else { "Off" }.to_owned()
}

/// Reads "on", "Off", "yes", "0", and the words for what a switch does: "mute", "solo", "bypassed"; none where the text is neither.
pub fn parse_switch(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "on" | "yes" | "true" | "1" | "mute" | "muted" | "solo" | "soloed" | "bypass" | "bypassed" => {
            Some(true)
        }
        "off" | "no" | "false" | "0" | "unmute" | "unmuted" | "unsolo" | "active" => Some(false),
        _ => None,
    }
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
        for (typed, pan) in [
            ("30L", -0.6),
            ("30 r", 0.6),
            ("l30", -0.6),
            ("−20", -0.4),
            ("centre", 0.0),
            ("Left", -1.0),
            ("right", 1.0),
            ("0", 0.0),
        ] {
            assert!((parse_pan(typed).unwrap() - pan).abs() < 1e-6, "{typed}");
        }
        for nonsense in ["", "L", "left-ish", "Rnan", "l30r", "lr", "mono"] {
            assert_eq!(parse_pan(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn switches_read_as_people_write_them() {
        for is_on in [false, true] {
            assert_eq!(parse_switch(&switch_text(is_on)), Some(is_on));
        }
        for on in ["ON", " yes ", "1", "mute", "Solo", "bypassed"] {
            assert_eq!(parse_switch(on), Some(true), "{on}");
        }
        for off in ["off", "No", "0", "unmute", "active"] {
            assert_eq!(parse_switch(off), Some(false), "{off}");
        }
        for nonsense in ["", "2", "maybe", "-6 dB"] {
            assert_eq!(parse_switch(nonsense), None, "{nonsense}");
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
            let _ = (parse_gain(&text), parse_pan(&text), parse_switch(&text));
        }
    }
}
