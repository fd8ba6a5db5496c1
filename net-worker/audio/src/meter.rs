//! Peak and RMS of what passes.
//!
//! No ballistics: release times and peak hold belong to the editor, which knows its frame rate. The step before is any
//! block in `process()`; the step after is an atomic that the editor reads.

use crate::level::{Db, Gain};

/// Peak and RMS of one channel, linear (1.0 is full scale).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MeterReading {
    /// The largest absolute sample.
    pub peak: f32,
    /// The root of the mean square.
    pub rms: f32,
}

impl MeterReading {
    /// Nothing was heard.
    pub const SILENT: MeterReading = MeterReading { peak: 0.0, rms: 0.0 };

    /// Of one planar channel.
    #[must_use]
    pub fn of_planar(samples: &[f32]) -> MeterReading {
        let mut meter = Meter::new();
        meter.add_planar(samples);
        meter.take()
    }

    /// Of left and right of an interleaved block.
    #[must_use]
    pub fn of_interleaved(samples: &[f32]) -> [MeterReading; 2] {
        let mut meters = [Meter::new(); 2];
        Meter::add_interleaved(&mut meters, samples);
        meters.map(|mut meter| meter.take())
    }

    /// The peak in decibels of full scale.
    #[must_use]
    pub fn peak_db(&self) -> Db {
        Gain::new(self.peak).to_db()
    }

    /// The RMS in decibels of full scale (a full-scale sine reads −3 dB).
    #[must_use]
    pub fn rms_db(&self) -> Db {
        Gain::new(self.rms).to_db()
    }
}

/// Collects one channel over any number of blocks until it is read. NaN counts as silence.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meter {
    peak: f32,
    energy: f64,
    frames: u64,
}

impl Meter {
    /// Empty.
    #[must_use]
    pub fn new() -> Meter {
        Meter::default()
    }

    /// Adds a planar channel.
    pub fn add_planar(&mut self, samples: &[f32]) {
        // Lanes let the compiler use vector instructions; float addition alone may not be reordered.
        let mut peaks = [0.0_f32; LANES];
        let mut energies = [0.0_f32; LANES];
        for run in samples.chunks(RUN_SAMPLES) {
            let (groups, rest) = run.as_chunks::<LANES>();
            for group in groups {
                measure(group, &mut peaks, &mut energies);
            }
            measure(rest, &mut peaks, &mut energies);
            self.energy += sum(&mut energies);
        }
        self.peak = self.peak.max(largest(&peaks));
        self.frames += samples.len() as u64;
    }

    /// Adds an interleaved block to the meters of left and right. A last odd sample is ignored.
    pub fn add_interleaved(meters: &mut [Meter; 2], samples: &[f32]) {
        let mut peaks = [0.0_f32; LANES];
        let mut energies = [0.0_f32; LANES];
        let (pairs, _) = samples.as_chunks::<2>();
        for run in pairs.as_flattened().chunks(RUN_SAMPLES) {
            let (groups, rest) = run.as_chunks::<LANES>();
            for group in groups {
                measure(group, &mut peaks, &mut energies);
            }
            measure(rest, &mut peaks, &mut energies);
            for (channel, meter) in meters.iter_mut().enumerate() {
                let own = energies.iter().skip(channel).step_by(2);
                meter.energy += own.map(|energy| f64::from(*energy)).sum::<f64>();
            }
            energies = [0.0; LANES];
        }
        for (channel, meter) in meters.iter_mut().enumerate() {
            meter.peak = peaks.iter().skip(channel).step_by(2).fold(meter.peak, |a, b| a.max(*b));
            meter.frames += pairs.len() as u64;
        }
    }

    /// What was collected, and starts again.
    pub fn take(&mut self) -> MeterReading {
        let mean = match self.frames {
            0 => 0.0,
            frames => self.energy / frames as f64,
        };
        let reading = MeterReading { peak: self.peak, rms: mean.sqrt() as f32 };
        *self = Meter::new();
        reading
    }
}

#[inline]
fn measure(samples: &[f32], peaks: &mut [f32; LANES], energies: &mut [f32; LANES]) {
    for ((sample, peak), energy) in samples.iter().zip(peaks).zip(energies) {
        let size = sample.abs();
        // Both comparisons are false for NaN, so that one bad sample does not blind the meter.
        *peak = if size > *peak { size } else { *peak };
        *energy += if size >= 0.0 { size * size } else { 0.0 };
    }
}

fn sum(energies: &mut [f32; LANES]) -> f64 {
    let total = energies.iter().map(|energy| f64::from(*energy)).sum();
    *energies = [0.0; LANES];
    total
}

fn largest(peaks: &[f32; LANES]) -> f32 {
    peaks.iter().fold(0.0, |a, b| a.max(*b))
}

/// Even, so that in an interleaved block a lane is always the same channel.
const LANES: usize = 8;
/// How many samples are summed in `f32` before the sum moves to `f64`.
const RUN_SAMPLES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(frames: usize) -> Vec<f32> {
        (0..frames).map(|n| (n as f32 * std::f32::consts::TAU / 48.0).sin()).collect()
    }

    #[test]
    fn a_full_scale_sine() {
        let reading = MeterReading::of_planar(&sine(48_000));
        assert!((reading.peak_db().0).abs() < 0.01);
        assert!((reading.rms_db().0 + 3.01).abs() < 0.01);
    }

    #[test]
    fn left_and_right_are_apart_at_every_length() {
        for frames in 1..70 {
            let mut block = vec![0.25_f32; frames * 2];
            block.iter_mut().skip(1).step_by(2).for_each(|right| *right = -0.5);
            let [left, right] = MeterReading::of_interleaved(&block);
            assert_eq!((left.peak, right.peak), (0.25, 0.5));
            assert!((left.rms - 0.25).abs() < 1e-6 && (right.rms - 0.5).abs() < 1e-6);
        }
    }

    #[test]
    fn blocks_add_up_and_reading_starts_again() {
        let samples = sine(1_003);
        let mut meter = Meter::new();
        samples.chunks(17).for_each(|block| meter.add_planar(block));
        let whole = MeterReading::of_planar(&samples);
        let parts = meter.take();
        assert_eq!(parts.peak, whole.peak);
        assert!((parts.rms - whole.rms).abs() < 1e-6);
        assert_eq!(meter.take(), MeterReading::SILENT);
    }

    #[test]
    fn a_nan_does_not_blind_it() {
        let reading = MeterReading::of_planar(&[0.5, f32::NAN, -0.25]);
        assert_eq!(reading.peak, 0.5);
        assert!(reading.rms > 0.0);
        assert_eq!(MeterReading::of_planar(&[]), MeterReading::SILENT);
    }
}
