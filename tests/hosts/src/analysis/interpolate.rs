//! The value of a recording between its samples, by a windowed sinc, and a recording shifted along a moving delay.

use super::align::DelayTrack;

/// Taps on each side of the wanted position.
const HALF_TAPS: isize = 24;
/// Stored positions between two samples; between those the kernel is interpolated linearly.
const PHASES: usize = 2048;

/// A table of windowed-sinc kernels.
pub struct Interpolator {
    kernels: Vec<[f32; 2 * HALF_TAPS as usize]>,
}

impl Default for Interpolator {
    fn default() -> Self {
        Self::new()
    }
}

impl Interpolator {
    /// Computes the table.
    pub fn new() -> Self {
        let kernel = |phase: usize| {
            let fraction = phase as f64 / PHASES as f64;
            std::array::from_fn(|tap| windowed_sinc(tap as f64 - (HALF_TAPS - 1) as f64 - fraction) as f32)
        };
        Self { kernels: (0..=PHASES).map(kernel).collect() }
    }

    /// The value at a position, in samples; silence outside of the recording. Exact on a sample.
    pub fn at(&self, signal: &[f32], position: f64) -> f64 {
        let whole = position.floor();
        let fraction = position - whole;
        let whole = whole as isize;
        if fraction == 0.0 {
            return f64::from(sample(signal, whole));
        }
        let phase = fraction * PHASES as f64;
        let (low, blend) = (phase as usize, phase.fract());
        let (a, b) = (&self.kernels[low], &self.kernels[low + 1]);
        let mut sum = 0.0;
        for (tap, (a, b)) in a.iter().zip(b).enumerate() {
            let weight = f64::from(*a) + blend * f64::from(b - a);
            sum += weight * f64::from(sample(signal, whole + tap as isize - (HALF_TAPS - 1)));
        }
        sum
    }
}

/// The recording as it would be heard with the delays of `track` and without any other change.
pub fn along(signal: &[f32], track: &DelayTrack) -> Vec<f32> {
    let interpolator = Interpolator::new();
    let mut delays = track.cursor();
    (0..track.frames())
        .map(|frame| interpolator.at(signal, frame as f64 - delays.next(frame)) as f32)
        .collect()
}

fn sample(signal: &[f32], index: isize) -> f32 {
    usize::try_from(index).ok().and_then(|index| signal.get(index)).copied().unwrap_or(0.0)
}

fn windowed_sinc(x: f64) -> f64 {
    let half = HALF_TAPS as f64;
    if x.abs() >= half {
        return 0.0;
    }
    let sinc = if x == 0.0 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) };
    sinc * kaiser(x / half)
}

/// A Kaiser window with side lobes about 90 dB down.
fn kaiser(position: f64) -> f64 {
    const BETA: f64 = 9.0;
    bessel(BETA * (1.0 - position * position).max(0.0).sqrt()) / bessel(BETA)
}

/// The modified Bessel function of order zero, by its series.
fn bessel(x: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..40 {
        term *= (x / (2.0 * f64::from(k))).powi(2);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_is_right_between_its_samples() {
        let step = 0.3_f64;
        let sine: Vec<f32> = (0..400).map(|n| (step * f64::from(n)).sin() as f32).collect();
        let interpolator = Interpolator::new();
        for position in [200.0, 200.25, 200.5, 200.9, 201.001] {
            let error = interpolator.at(&sine, position) - (step * position).sin();
            assert!(error.abs() < 1e-5, "{position}: {error}");
        }
    }

    #[test]
    fn there_is_silence_outside() {
        assert_eq!(Interpolator::new().at(&[1.0; 8], -100.5), 0.0);
    }
}
