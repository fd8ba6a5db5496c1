//! A sound card: when its callbacks come. Its clock has a rate of its own, which may change, and the computer may be late for it.

use std::f64::consts::TAU;
use std::time::Duration;

/// A sound card.
#[derive(Debug, Clone, Copy)]
pub struct Card {
    /// Nominal, in Hz.
    pub rate_hz: u32,
    /// Sample frames of each callback.
    pub block_frames: usize,
    /// How much faster than nominal it runs, in parts per million.
    pub drift_ppm: f64,
    /// How the drift changes, as the temperature does.
    pub wander: Wander,
    /// When its first callback comes.
    pub first_callback: Duration,
    /// Each callback comes so much later than the card asks for it, at the most; the card's own clock knows nothing of that.
    pub lateness: Duration,
}

/// A drift that swings around its middle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wander {
    /// How far it swings to each side, in parts per million.
    pub swing_ppm: f64,
    /// From one side to the other and back.
    pub period: Duration,
}

impl Wander {
    /// The drift stays.
    pub const NONE: Self = Self { swing_ppm: 0.0, period: Duration::from_secs(60) };
}

impl Default for Card {
    fn default() -> Self {
        Self {
            rate_hz: 48_000,
            block_frames: 64,
            drift_ppm: 0.0,
            wander: Wander::NONE,
            first_callback: Duration::ZERO,
            lateness: Duration::ZERO,
        }
    }
}

impl Card {
    /// When the card asks for the callback of this number, from 0 on.
    pub fn callback_at(&self, number: u64) -> Duration {
        let period_s = self.block_frames as f64 / (f64::from(self.rate_hz) * (1.0 + self.drift_ppm * 1e-6));
        self.first_callback + Duration::from_secs_f64(self.swung_s(number as f64 * period_s))
    }

    /// When the sample frame of this number passes the card, in seconds since the world began.
    pub fn frame_at_s(&self, frame: f64) -> f64 {
        let frame_s = frame / (f64::from(self.rate_hz) * (1.0 + self.drift_ppm * 1e-6));
        self.first_callback.as_secs_f64() + self.swung_s(frame_s)
    }

    /// A time by a clock that only drifts, with the swing: the integral of a sine, which begins at 0 and runs faster first.
    fn swung_s(&self, at_s: f64) -> f64 {
        if self.wander.swing_ppm == 0.0 {
            return at_s;
        }
        let around = TAU / self.wander.period.as_secs_f64().max(1e-3);
        at_s - self.wander.swing_ppm * 1e-6 * (1.0 - (around * at_s).cos()) / around
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_keeps_its_rate() {
        let card = Card { drift_ppm: 100.0, ..Card::default() };
        let last_s = card.callback_at(750_000).as_secs_f64();
        assert!((last_s - 1_000.0 / 1.000_1).abs() < 1e-6, "{last_s}");
        assert!((card.frame_at_s(48_000_000.0) - last_s).abs() < 1e-6);
    }

    #[test]
    fn a_drift_that_wanders_swings_and_comes_back() {
        let wander = Wander { swing_ppm: 50.0, period: Duration::from_secs(60) };
        let card = Card { wander, ..Card::default() };
        let rate_ppm = |at_s: f64| {
            let frame = at_s * 48_000.0;
            (1.0 / (card.frame_at_s(frame + 48_000.0) - card.frame_at_s(frame)) - 1.0) * 1e6
        };
        assert!((rate_ppm(14.5) - 50.0).abs() < 0.2, "{}", rate_ppm(14.5));
        assert!((rate_ppm(44.5) + 50.0).abs() < 0.2, "{}", rate_ppm(44.5));
        assert!((card.frame_at_s(48_000.0 * 60.0) - 60.0).abs() < 1e-9);
    }
}
