//! How much of an error is heard: the noise-to-mask ratio.
//!
//! After ITU-R BS.1387 (PEAQ, basic version): the ear's weighting, critical bands half a Bark wide, masking that spreads to
//! neighbouring bands (upwards the less steeply the louder it is), a threshold 3 dB and more below it. Simplified: spread powers
//! add up, nothing masks what comes after it, and there is no cognitive model. 0 dB is an error just as loud as what masks it; the
//! lower the better. Before this: signals aligned to the sample. After it: a row of the report.

use std::ops::Range;
use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

const WINDOW_FRAMES: usize = 2048;
const HOP_FRAMES: usize = 1024;
const CHANNELS: usize = 2;
const BIN_HZ: f64 = 48_000.0 / WINDOW_FRAMES as f64;
/// Half a Bark.
const BAND_BARK: f64 = 0.5;
const LOWEST_HZ: f64 = 80.0;
const HIGHEST_HZ: f64 = 18_000.0;
/// A sine of full scale is taken to be this loud.
const FULL_SCALE_DB: f64 = 92.0;
/// Spreading to lower bands.
const SLOPE_DOWN_DB_PER_BARK: f64 = 27.0;
/// What no error can be heard below; an exact copy has this figure.
pub const INAUDIBLE_DB: f64 = -100.0;
/// Windows softer than this are not listened to (BS.1387 annex 2, section 5.2.4).
const SILENCE_POWER: f64 = 1e-8;

/// A prepared measurement.
pub struct Ear {
    fft: Arc<dyn RealToComplex<f64>>,
    window: Vec<f64>,
    bands: Vec<Band>,
}

struct Band {
    bins: Range<usize>,
    centre_hz: f64,
    bark: f64,
    /// Sound power that one's own blood makes.
    own_noise: f64,
    /// Mask over excitation, a ratio of powers.
    mask: f64,
}

impl Ear {
    /// An ear for 48 kHz.
    pub fn new() -> Self {
        let turn = |frame: usize| std::f64::consts::TAU * frame as f64 / WINDOW_FRAMES as f64;
        Self {
            fft: RealFftPlanner::new().plan_fft_forward(WINDOW_FRAMES),
            window: (0..WINDOW_FRAMES).map(|frame| 0.5 - 0.5 * turn(frame).cos()).collect(),
            bands: bands(),
        }
    }

    /// Mean noise-to-mask ratio of what was `heard` against what was `wanted` (both interleaved stereo), in dB.
    pub fn noise_to_mask_db(&self, wanted: &[f32], heard: &[f32]) -> f64 {
        let frames = wanted.len().min(heard.len()) / CHANNELS;
        let (mut sum, mut count) = (0.0, 0);
        for start in (0..frames.saturating_sub(WINDOW_FRAMES)).step_by(HOP_FRAMES) {
            for channel in 0..CHANNELS {
                let at = |frame: usize| (start + frame) * CHANNELS + channel;
                let signal: Vec<f64> = (0..WINDOW_FRAMES).map(|frame| f64::from(wanted[at(frame)])).collect();
                let power = signal.iter().map(|sample| sample * sample).sum::<f64>() / WINDOW_FRAMES as f64;
                if power < SILENCE_POWER {
                    continue;
                }
                let error: Vec<f64> = signal
                    .iter()
                    .enumerate()
                    .map(|(frame, sample)| f64::from(heard[at(frame)]) - sample)
                    .collect();
                sum += self.ratio(&signal, &error);
                count += 1;
            }
        }
        let mean: f64 = if count == 0 { 0.0 } else { sum / f64::from(count) };
        (10.0 * mean.max(1e-30).log10()).max(INAUDIBLE_DB)
    }

    /// Noise over mask in one window, as a mean over bands.
    fn ratio(&self, signal: &[f64], error: &[f64]) -> f64 {
        if error.iter().all(|sample| *sample == 0.0) {
            return 0.0;
        }
        let masks = self.spread(&self.band_powers(signal));
        let noises = self.band_powers(error);
        let ratios = self.bands.iter().zip(masks).zip(noises);
        ratios.map(|((band, excitation), noise)| noise / (excitation * band.mask)).sum::<f64>()
            / self.bands.len() as f64
    }

    fn band_powers(&self, samples: &[f64]) -> Vec<f64> {
        let mut windowed: Vec<f64> =
            samples.iter().zip(&self.window).map(|(sample, weight)| sample * weight).collect();
        let mut spectrum = self.fft.make_output_vec();
        let done = self.fft.process(&mut windowed, &mut spectrum);
        debug_assert!(done.is_ok(), "the buffers are of the planned size");
        // A sine of amplitude 1 has this much power in its three bins under this window.
        let sine = 1.5 * (WINDOW_FRAMES as f64 / 4.0).powi(2);
        let scale = 10_f64.powf(FULL_SCALE_DB / 10.0) / sine;
        let power = |bin: usize| scale * spectrum[bin].norm_sqr() * ear_weight(bin as f64 * BIN_HZ);
        self.bands.iter().map(|band| band.bins.clone().map(power).sum()).collect()
    }

    /// What the powers of all bands excite in each.
    fn spread(&self, powers: &[f64]) -> Vec<f64> {
        let mut excited: Vec<f64> = self.bands.iter().map(|band| band.own_noise).collect();
        for (masker, power) in self.bands.iter().zip(powers) {
            let level_db = 10.0 * power.max(1e-12).log10();
            let slope_up_db = (24.0 + 230.0 / masker.centre_hz - 0.2 * level_db).max(4.0);
            for (excited, band) in excited.iter_mut().zip(&self.bands) {
                let apart = band.bark - masker.bark;
                let fall_db = if apart < 0.0 { -apart * SLOPE_DOWN_DB_PER_BARK } else { apart * slope_up_db };
                *excited += power * 10_f64.powf(-fall_db / 10.0);
            }
        }
        excited
    }
}

/// BS.1387 annex 2, equation 19: Bark of a frequency.
fn bark(hz: f64) -> f64 {
    7.0 * (hz / 650.0).asinh()
}

/// Outer and middle ear, as a ratio of powers (equation 7).
fn ear_weight(hz: f64) -> f64 {
    let khz = (hz / 1000.0).max(0.02);
    let db = -0.6 * 3.64 * khz.powf(-0.8) + 6.5 * (-0.6 * (khz - 3.3).powi(2)).exp() - 1e-3 * khz.powf(3.6);
    10_f64.powf(db / 10.0)
}

fn bands() -> Vec<Band> {
    let (first, last) = (bark(LOWEST_HZ), bark(HIGHEST_HZ));
    let count = ((last - first) / BAND_BARK) as usize;
    let edge_bin = |index: usize| {
        let hz = 650.0 * ((first + index as f64 * BAND_BARK) / 7.0).sinh();
        (hz / BIN_HZ).round() as usize
    };
    let band = |index: usize| {
        let bins = edge_bin(index)..edge_bin(index + 1).max(edge_bin(index) + 1);
        let bark = first + (index as f64 + 0.5) * BAND_BARK;
        let centre_hz = 650.0 * (bark / 7.0).sinh();
        let mask_db = if bark <= 12.0 { 3.0 } else { 0.25 * bark };
        Band {
            bins,
            centre_hz,
            bark,
            own_noise: 10_f64.powf(0.4 * 0.364 * (centre_hz / 1000.0).powf(-0.8)),
            mask: 10_f64.powf(-mask_db / 10.0),
        }
    };
    (0..count).map(band).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, level: f64) -> Vec<f32> {
        let sample = |frame: usize| level * (std::f64::consts::TAU * hz * frame as f64 / 48_000.0).sin();
        (0..48_000).flat_map(|frame| [sample(frame) as f32; 2]).collect()
    }

    fn sum(one: &[f32], other: &[f32]) -> Vec<f32> {
        one.iter().zip(other).map(|(one, other)| one + other).collect()
    }

    fn noise(level: f32) -> Vec<f32> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            level * (state as f32 / u32::MAX as f32 - 0.5)
        };
        (0..96_000).map(|_| next()).collect()
    }

    #[test]
    fn an_exact_copy_is_best() {
        let wanted = tone(440.0, 0.3);
        assert_eq!(Ear::new().noise_to_mask_db(&wanted, &wanted), INAUDIBLE_DB);
    }

    #[test]
    fn more_noise_is_worse_at_every_step() {
        let (ear, wanted) = (Ear::new(), tone(440.0, 0.3));
        let figures: Vec<f64> = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
            .iter()
            .map(|level| ear.noise_to_mask_db(&wanted, &sum(&wanted, &noise(*level))))
            .collect();
        assert!(figures.is_sorted(), "{figures:?}");
        assert!(figures[0] < 0.0 && figures[4] > 20.0, "{figures:?}");
    }

    #[test]
    fn a_neighbour_is_masked_better_than_a_stranger() {
        let (ear, wanted) = (Ear::new(), tone(1000.0, 0.3));
        let near = ear.noise_to_mask_db(&wanted, &sum(&wanted, &tone(1080.0, 0.01)));
        let above = ear.noise_to_mask_db(&wanted, &sum(&wanted, &tone(4000.0, 0.01)));
        let below = ear.noise_to_mask_db(&wanted, &sum(&wanted, &tone(300.0, 0.01)));
        assert!(near < above && near < below, "near {near}, above {above}, below {below}");
    }
}
