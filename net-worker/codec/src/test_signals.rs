//! What the tests play.

use std::f64::consts::TAU;

/// A chord, so that the codec has something to do: 8 partials of two notes, apart on left and right.
pub(crate) fn chord(n: usize) -> [f32; 2] {
    let time = n as f64 / 48_000.0;
    let note =
        |hz: f64| (1..=8).map(|k| (TAU * hz * f64::from(k) * time).sin() / f64::from(k * k)).sum::<f64>();
    [(0.2 * note(196.0) + 0.05 * note(293.7)) as f32, (0.2 * note(246.9) - 0.05 * note(392.0)) as f32]
}
