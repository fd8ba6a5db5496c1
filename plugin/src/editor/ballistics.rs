//! How a meter moves: up at once, down steadily, with a held peak and a clip light.
//!
//! It is sans-IO: seconds come in, places on the meter come out. It does not draw. The step before is the
//! bridge's peak of the last blocks; the step after is `widgets/meter.rs`.

use super::law::{METER_FLOOR_DB, meter_place};

/// Fall of the bar, in dB per second (IEC 60268-10 type I falls 20 dB in 1.7 s; a little faster reads better on a screen).
const FALL_DB_PER_S: f32 = 24.0;
/// How long a peak stays, in seconds.
const HOLD_S: f32 = 1.5;
/// Fall of a peak after that, in dB per second.
const HOLD_FALL_DB_PER_S: f32 = 40.0;
/// A level that lights the clip light, in dBFS: the largest 16-bit value is 0.0003 dB under full scale.
const CLIP_DB: f32 = -0.001;

/// One channel of a meter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Channel {
    level_db: f32,
    peak_db: f32,
    held_s: f32,
    clipped: bool,
}

impl Default for Channel {
    fn default() -> Self {
        Self { level_db: f32::NEG_INFINITY, peak_db: f32::NEG_INFINITY, held_s: 0.0, clipped: false }
    }
}

impl Channel {
    /// Takes the peak since the last call, in dBFS, after `elapsed_s` seconds. True where something moved.
    pub fn update(&mut self, peak_db: f32, elapsed_s: f32) -> bool {
        let before = (self.level_place(), self.peak_place(), self.clipped);
        let peak_db = if peak_db.is_nan() { f32::NEG_INFINITY } else { peak_db };
        self.level_db = floor(peak_db.max(self.level_db - FALL_DB_PER_S * elapsed_s));
        self.held_s += elapsed_s;
        if peak_db >= self.peak_db {
            self.peak_db = floor(peak_db);
            self.held_s = 0.0;
        } else if self.held_s > HOLD_S {
            self.peak_db = floor((self.peak_db - HOLD_FALL_DB_PER_S * elapsed_s).max(self.level_db));
        }
        self.clipped |= peak_db >= CLIP_DB;
        before != (self.level_place(), self.peak_place(), self.clipped)
    }

    /// Where the bar ends, 0 to 1.
    pub fn level_place(&self) -> f32 {
        meter_place(self.level_db)
    }

    /// Where the held peak is, 0 to 1.
    pub fn peak_place(&self) -> f32 {
        meter_place(self.peak_db)
    }

    /// The held peak, in dBFS.
    pub fn peak_db(&self) -> f32 {
        self.peak_db
    }

    /// The clip light is on, until [`Channel::forgive`].
    pub fn clipped(&self) -> bool {
        self.clipped
    }

    /// Nothing is shown and nothing will fall: the meter needs no repaint.
    pub fn at_rest(&self) -> bool {
        self.level_db == f32::NEG_INFINITY && self.peak_db == f32::NEG_INFINITY
    }

    /// Puts the clip light out.
    pub fn forgive(&mut self) {
        self.clipped = false;
    }
}

/// Both channels of a meter.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StereoMeter(pub [Channel; 2]);

impl StereoMeter {
    /// Takes both peaks in dBFS. True where something moved.
    pub fn update(&mut self, peaks_db: [f32; 2], elapsed_s: f32) -> bool {
        let moved = [self.0[0].update(peaks_db[0], elapsed_s), self.0[1].update(peaks_db[1], elapsed_s)];
        moved[0] || moved[1]
    }

    /// The higher of the held peaks, in dBFS.
    pub fn peak_db(&self) -> f32 {
        self.0[0].peak_db().max(self.0[1].peak_db())
    }

    /// Either clip light is on.
    pub fn clipped(&self) -> bool {
        self.0.iter().any(Channel::clipped)
    }

    /// Nothing is shown and nothing will fall.
    pub fn at_rest(&self) -> bool {
        self.0.iter().all(Channel::at_rest)
    }

    /// Puts the clip lights out.
    pub fn forgive(&mut self) {
        self.0.iter_mut().for_each(Channel::forgive);
    }
}

/// Below the scale is silence, so that a falling bar comes to rest.
fn floor(db: f32) -> f32 {
    if db <= METER_FLOOR_DB { f32::NEG_INFINITY } else { db }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_up_at_once_and_comes_to_rest() {
        let mut channel = Channel::default();
        assert!(channel.at_rest());
        assert!(channel.update(-6.0, 0.033));
        assert_eq!(channel.level_place(), meter_place(-6.0));
        for _ in 0..200 {
            channel.update(f32::NEG_INFINITY, 0.033);
        }
        assert!(channel.at_rest());
        assert!(!channel.update(f32::NEG_INFINITY, 0.033), "a meter at rest must not ask for repaints");
    }

    #[test]
    fn holds_its_peak_then_lets_it_fall() {
        let mut channel = Channel::default();
        channel.update(-3.0, 0.033);
        channel.update(-40.0, 1.0);
        assert_eq!(channel.peak_db(), -3.0);
        assert!(channel.level_place() < meter_place(-20.0));
        channel.update(-40.0, 0.6);
        assert!(channel.peak_db() < -3.0);
    }

    #[test]
    fn clip_stays_until_forgiven() {
        let mut channel = Channel::default();
        channel.update(-0.1, 0.033);
        assert!(!channel.clipped());
        channel.update(0.0, 0.033);
        channel.update(f32::NEG_INFINITY, 60.0);
        assert!(channel.clipped());
        channel.forgive();
        assert!(!channel.clipped());
    }

    #[test]
    fn a_reading_that_is_no_number_is_silence() {
        let mut channel = Channel::default();
        channel.update(f32::NAN, 0.033);
        assert!(channel.at_rest());
    }
}
