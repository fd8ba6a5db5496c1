//! Cross-correlation by FFT. Knows nothing of music, windows or clocks.

use std::sync::Arc;

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

/// A prepared cross-correlation of signals whose lengths together fit `size`.
pub struct Correlator {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    size: usize,
}

impl Correlator {
    /// For a pattern and a text that together are no longer than `frames`.
    pub fn new(frames: usize) -> Self {
        let size = frames.next_power_of_two();
        let mut planner = RealFftPlanner::new();
        Self { forward: planner.plan_fft_forward(size), inverse: planner.plan_fft_inverse(size), size }
    }

    /// Sum of `pattern[i] * text[i + lag]` for each lag from 0 to the difference of their lengths.
    pub fn correlate(&self, pattern: &[f32], text: &[f32]) -> Vec<f32> {
        let mut spectrum = self.spectrum(text);
        for (text, pattern) in spectrum.iter_mut().zip(self.spectrum(pattern)) {
            *text *= pattern.conj();
        }
        // The ends of a real signal's spectrum are real; rounding must not leave anything else there.
        let last = spectrum.len() - 1;
        spectrum[0].im = 0.0;
        spectrum[last].im = 0.0;
        let mut lags = self.inverse.make_output_vec();
        let done = self.inverse.process(&mut spectrum, &mut lags);
        debug_assert!(done.is_ok(), "the buffers are of the planned size");
        lags.truncate(text.len().saturating_sub(pattern.len()) + 1);
        let scale = 1.0 / self.size as f32;
        lags.iter_mut().for_each(|lag| *lag *= scale);
        lags
    }

    fn spectrum(&self, signal: &[f32]) -> Vec<realfft::num_complex::Complex<f32>> {
        let mut padded = self.forward.make_input_vec();
        padded[..signal.len()].copy_from_slice(signal);
        let mut spectrum = self.forward.make_output_vec();
        let done = self.forward.process(&mut padded, &mut spectrum);
        debug_assert!(done.is_ok(), "the buffers are of the planned size");
        spectrum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lag_of_a_pattern_has_the_largest_sum() {
        let lags = Correlator::new(16).correlate(&[1.0, -1.0], &[0.0, 0.0, 1.0, -1.0, 0.0]);
        assert_eq!(lags.len(), 4);
        let best = lags.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
        assert_eq!(best.0, 2);
        assert!((best.1 - 2.0).abs() < 1e-5);
    }
}
