//! A sampled sound between its samples: a windowed sinc, good to -90 dB up to 16 kHz at 48 kHz.

use std::f64::consts::PI;

/// Samples on each side that a value between two samples is made of.
pub(super) const REACH: usize = 16;
const TAPS: usize = 2 * REACH;
const PHASES: usize = 512;

/// The coefficients for each fraction of a sample.
#[derive(Debug, Clone)]
pub(super) struct Interpolator(Vec<[f32; TAPS]>);

impl Interpolator {
    /// Makes the table.
    pub fn new() -> Self {
        Self((0..=PHASES).map(|phase| std::array::from_fn(|tap| coefficient(phase, tap))).collect())
    }

    /// Fills `out` with the sound at `at`, `at + step`, and so on, in samples; beyond its ends it is silent.
    pub fn fill(&self, samples: &[f32], at: f64, step: f64, out: &mut [f32]) {
        for (index, value) in out.iter_mut().enumerate() {
            let place = at + step * index as f64;
            let whole = place.floor();
            *value = self.at(samples, whole as i64, place - whole);
        }
    }

    fn at(&self, samples: &[f32], whole: i64, fraction: f64) -> f32 {
        let begin = whole + 1 - REACH as i64;
        let Some(run) = usize::try_from(begin).ok().and_then(|begin| samples.get(begin..begin + TAPS)) else {
            return 0.0;
        };
        let phase = fraction * PHASES as f64;
        let index = (phase as usize).min(PHASES - 1);
        let share = (phase - index as f64) as f32;
        if index == 0 && share == 0.0 {
            return run[REACH - 1];
        }
        let (one, next) = (&self.0[index], &self.0[index + 1]);
        let mut sums = [0.0_f32; 8];
        for part in 0..TAPS / 8 {
            for (lane, sum) in sums.iter_mut().enumerate() {
                let tap = part * 8 + lane;
                *sum += run[tap] * (one[tap] + share * (next[tap] - one[tap]));
            }
        }
        sums.iter().sum()
    }
}

fn coefficient(phase: usize, tap: usize) -> f32 {
    let away = phase as f64 / PHASES as f64 - (tap as f64 + 1.0 - REACH as f64);
    let sinc = if away.abs() < 1e-9 { 1.0 } else { (PI * away).sin() / (PI * away) };
    // Blackman and Harris, 1978.
    let along = 0.5 + away / TAPS as f64;
    let window = 0.358_75 - 0.488_29 * (2.0 * PI * along).cos() + 0.141_28 * (4.0 * PI * along).cos()
        - 0.011_68 * (6.0 * PI * along).cos();
    if (0.0..=1.0).contains(&along) { (sinc * window) as f32 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_is_what_it_is_between_its_samples() {
        let sine = |at: f64, hz: f64| (2.0 * PI * hz * at / 48_000.0).sin();
        for hz in [100.0, 5_000.0, 15_000.0] {
            let samples: Vec<f32> = (0..1_000).map(|at| sine(f64::from(at), hz) as f32).collect();
            let mut out = [0.0; 500];
            Interpolator::new().fill(&samples, 100.123, 1.0003, &mut out);
            let worst = out
                .iter()
                .enumerate()
                .map(|(index, value)| (f64::from(*value) - sine(100.123 + 1.0003 * index as f64, hz)).abs());
            assert!(worst.fold(0.0, f64::max) < 2e-4, "{hz} Hz");
        }
    }
}
