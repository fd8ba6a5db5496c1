//! Laws of the editor's scales: where a decibel value sits on a fader, and on a meter.
//!
//! Not a widget. The step before is the value in dB; the step after is a place between 0 (bottom) and 1 (top).

/// Lowest value of a fader, in dB; at and below it a fader is silent.
pub const FADER_SILENT_DB: f32 = -80.0;
/// Highest value of a fader, in dB.
pub const FADER_TOP_DB: f32 = 12.0;
/// Lowest value of a meter, in dBFS.
pub const METER_FLOOR_DB: f32 = -60.0;

/// Where `db` sits on a fader: 0 at silence, 1 at +12 dB, the most room around 0 dB.
pub fn fader_place(db: f32) -> f32 {
    if !db.is_finite() {
        return if db > 0.0 { 1.0 } else { 0.0 };
    }
    interpolate(&FADER, db, |knot| knot.0, |knot| knot.1)
}

/// The value in dB at `place` (0 to 1) of a fader; minus infinity at the bottom.
pub fn fader_db(place: f32) -> f32 {
    if place <= 0.0 {
        return f32::NEG_INFINITY;
    }
    interpolate(&FADER, place, |knot| knot.1, |knot| knot.0)
}

/// Where a level of `db` dBFS sits on a meter: 0 at -60 dB and below, 1 at full scale.
pub fn meter_place(db: f32) -> f32 {
    if db.is_nan() {
        return 0.0;
    }
    interpolate(&METER, db, |knot| knot.0, |knot| knot.1)
}

/// Straight lines between the knots, level beyond them.
fn interpolate(
    knots: &[(f32, f32)],
    at: f32,
    from: impl Fn(&(f32, f32)) -> f32,
    to: impl Fn(&(f32, f32)) -> f32,
) -> f32 {
    let Some(last) = knots.last() else { return 0.0 };
    let mut before = knots.first().unwrap_or(last);
    for knot in knots {
        if at <= from(knot) {
            let width = from(knot) - from(before);
            let share = if width > 0.0 { ((at - from(before)) / width).clamp(0.0, 1.0) } else { 0.0 };
            return to(before) + (to(knot) - to(before)) * share;
        }
        before = knot;
    }
    to(last)
}

/// (dB, place): half of the way is for -10 to +12 dB, where mixing happens.
const FADER: [(f32, f32); 9] = [
    (FADER_SILENT_DB, 0.0),
    (-60.0, 0.05),
    (-40.0, 0.14),
    (-30.0, 0.23),
    (-20.0, 0.35),
    (-10.0, 0.52),
    (0.0, 0.74),
    (6.0, 0.87),
    (FADER_TOP_DB, 1.0),
];

/// (dBFS, place), after IEC 60268-18: more room where music is.
const METER: [(f32, f32); 6] =
    [(METER_FLOOR_DB, 0.0), (-50.0, 0.06), (-40.0, 0.15), (-30.0, 0.30), (-20.0, 0.50), (0.0, 1.0)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fader_goes_from_silence_to_plus_twelve() {
        assert_eq!(fader_place(f32::NEG_INFINITY), 0.0);
        assert_eq!(fader_place(-200.0), 0.0);
        assert_eq!(fader_place(12.0), 1.0);
        assert_eq!(fader_place(40.0), 1.0);
        assert_eq!(fader_db(0.0), f32::NEG_INFINITY);
        assert_eq!(fader_db(1.0), 12.0);
    }

    #[test]
    fn a_value_comes_back_from_its_place() {
        for tenth in -790..=120 {
            let db = tenth as f32 / 10.0;
            assert!(
                (fader_db(fader_place(db)) - db).abs() < 0.01,
                "{db} dB came back as {}",
                fader_db(fader_place(db))
            );
        }
    }

    #[test]
    fn higher_is_louder_everywhere() {
        let mut before = -1.0;
        for tenth in -800..=120 {
            let place = fader_place(tenth as f32 / 10.0);
            assert!(place > before, "not rising at {tenth}");
            before = place;
        }
    }

    #[test]
    fn unity_is_exact() {
        assert_eq!(fader_db(fader_place(0.0)), 0.0);
    }

    #[test]
    fn a_meter_is_full_at_full_scale_and_empty_at_minus_sixty() {
        assert_eq!(meter_place(0.0), 1.0);
        assert_eq!(meter_place(6.0), 1.0);
        assert_eq!(meter_place(-60.0), 0.0);
        assert_eq!(meter_place(f32::NEG_INFINITY), 0.0);
        assert_eq!(meter_place(f32::NAN), 0.0);
        assert_eq!(meter_place(-20.0), 0.5);
    }
}
