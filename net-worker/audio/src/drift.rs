//! Follows the drift between two clocks that both say 48 kHz, by resampling at a ratio of 1 ± 1000 ppm.
//!
//! Not a sample-rate converter for devices (that is `convert`), and it decides no ratio: `media` does. The step before is
//! a decoded, repaired stream; the step after is the listener's return ring. Why it is our own and not rubato:
//! `docs/decisions/0001-own-drift-resampler.md`.
//!
//! At ratio 1 and phase 0 the output is the input bit for bit, [`DriftResampler::delay_frames`] later. The phase is a
//! fixed-point integer, so that it is exact over any time and equal on every machine (`phase.rs`); the samples between
//! samples come from a windowed sinc (`kernel.rs`).

mod kernel;
mod phase;

use crate::CHANNELS;
use kernel::{Kernel, TAPS};
pub use phase::MAX_CORRECTION_PPM;
use phase::{FRACTION_BITS, Phase};

/// Stereo interleaved, 48 kHz to 48 kHz, pulled by the consumer: ask [`needed_input`](Self::needed_input), bring that
/// much, [`process`](Self::process). Nothing allocates after [`new`](Self::new), whatever the block size.
#[derive(Clone, Debug)]
pub struct DriftResampler {
    kernel: &'static Kernel,
    phase: Phase,
    /// Left and right; the first [`TAPS`] are the window of the next output, what follows is room for a run.
    history: [Box<[f32; HISTORY_FRAMES]>; CHANNELS],
    /// Sample frames of silence that came last; from [`TAPS`] on the window holds nothing else.
    silent_frames: usize,
}

impl DriftResampler {
    /// Ratio 1, phase 0, silence behind it. Allocates, and the first one of a process computes the kernel (about 1 ms).
    #[must_use]
    pub fn new() -> DriftResampler {
        let silence = || Box::new([0.0; HISTORY_FRAMES]);
        DriftResampler {
            kernel: Kernel::shared(),
            phase: Phase::new(),
            history: [silence(), silence()],
            silent_frames: TAPS,
        }
    }

    /// Forgets all audio and returns to ratio 1, phase 0.
    pub fn reset(&mut self) {
        self.phase = Phase::new();
        self.history.iter_mut().for_each(|channel| channel.fill(0.0));
        self.silent_frames = TAPS;
    }

    /// Sets how much faster than its own clock the input is to be consumed: +100 consumes 100 more sample frames in a
    /// million, and the pitch rises by as much. Limited to ±[`MAX_CORRECTION_PPM`]; NaN is 0. The ratio glides there at
    /// 0.2 ppm for each sample frame (10 ms for 100 ppm); the phase never steps.
    ///
    /// At 0 the remaining fraction of a sample is then worked off at 25 ppm or less (under 1 s), so that the output
    /// becomes bit-exact again.
    pub fn set_ppm(&mut self, drift_ppm: f64) {
        self.phase.set_target_ppm(drift_ppm);
    }

    /// The ratio of this moment, in ppm above 1.
    #[must_use]
    pub fn ppm(&self) -> f64 {
        self.phase.ppm()
    }

    /// The ratio that was asked for, in ppm above 1.
    #[must_use]
    pub fn target_ppm(&self) -> f64 {
        self.phase.target_ppm()
    }

    /// How far the output lies between two sample frames of the input, 0 ≤ fraction < 1.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        self.phase.fraction() as f64 / (1_u64 << FRACTION_BITS) as f64
    }

    /// Whether input passes bit for bit: ratio exactly 1, phase exactly 0.
    #[must_use]
    pub fn is_bit_exact(&self) -> bool {
        self.phase.is_at_rest()
    }

    /// How many sample frames later a sample frame comes out than it went in.
    #[must_use]
    pub const fn delay_frames(&self) -> usize {
        DELAY_FRAMES
    }

    /// How many sample frames of input the next `out_frames` sample frames of output consume; exact.
    #[must_use]
    pub fn needed_input(&self, out_frames: usize) -> usize {
        self.phase.clone().advance(out_frames)
    }

    /// Fills `output` (interleaved) from `input` (interleaved) and returns how many sample frames of input it consumed:
    /// [`needed_input`](Self::needed_input) for this output. Where `input` is shorter, silence stands for what is
    /// missing, and all of it is consumed.
    pub fn process(&mut self, input: &[f32], output: &mut [f32]) -> usize {
        let (input, _) = input.as_chunks::<CHANNELS>();
        let (output, _) = output.as_chunks_mut::<CHANNELS>();
        let mut consumed = 0;
        for run in output.chunks_mut(RUN_FRAMES) {
            consumed += self.process_run(&input[consumed..], run);
        }
        consumed
    }

    fn process_run(&mut self, input: &[[f32; CHANNELS]], output: &mut [[f32; CHANNELS]]) -> usize {
        let wanted = self.needed_input(output.len());
        let brought = wanted.min(input.len());
        if input[..brought].iter().all(|frame| *frame == [0.0; CHANNELS]) {
            if self.silent_frames >= TAPS {
                self.phase.advance(output.len());
                output.fill([0.0; CHANNELS]);
                return brought;
            }
            self.silent_frames += wanted;
        } else {
            self.silent_frames = 0;
        }
        self.append(&input[..brought], wanted);
        if self.phase.is_at_rest() {
            self.copy_out(output);
        } else {
            let mut window_at = 0;
            for frame in output {
                // The window moves before the output is computed, so that one sample frame in gives one out.
                window_at += self.phase.step();
                *frame = self.interpolate(window_at);
            }
            debug_assert_eq!(window_at, wanted);
        }
        for channel in &mut self.history {
            channel.copy_within(wanted..wanted + TAPS, 0);
        }
        brought
    }

    /// Puts `input` behind the window and fills up to `wanted` with silence.
    fn append(&mut self, input: &[[f32; CHANNELS]], wanted: usize) {
        let [left, right] = &mut self.history;
        let room = left[TAPS..TAPS + wanted].iter_mut().zip(&mut right[TAPS..TAPS + wanted]);
        let silence = std::iter::repeat(&[0.0; CHANNELS]);
        for ((left, right), frame) in room.zip(input.iter().chain(silence)) {
            [*left, *right] = *frame;
        }
    }

    /// What [`interpolate`](Self::interpolate) would give at rest, several times as fast.
    fn copy_out(&self, output: &mut [[f32; CHANNELS]]) {
        let [left, right] = &self.history;
        let centres = left[TAPS - DELAY_FRAMES..].iter().zip(&right[TAPS - DELAY_FRAMES..]);
        for (frame, (left, right)) in output.iter_mut().zip(centres) {
            *frame = [*left, *right];
        }
    }

    #[inline]
    fn interpolate(&self, window_at: usize) -> [f32; CHANNELS] {
        let [left, right] = &self.history;
        let fraction = self.phase.fraction();
        if fraction == 0 {
            let centre = window_at + TAPS - 1 - DELAY_FRAMES;
            return [left[centre], right[centre]];
        }
        let windows = (left[window_at..].first_chunk(), right[window_at..].first_chunk());
        match windows {
            (Some(left), Some(right)) => self.kernel.apply(fraction, left, right),
            _ => [0.0; CHANNELS],
        }
    }
}

impl Default for DriftResampler {
    fn default() -> DriftResampler {
        DriftResampler::new()
    }
}

/// Half the kernel: the newest input lies this far behind the centre.
const DELAY_FRAMES: usize = TAPS / 2;
/// Output is computed in runs of at most this many sample frames.
const RUN_FRAMES: usize = 256;
/// A window, a run, and the one sample frame more that a run consumes at +1000 ppm.
const HISTORY_FRAMES: usize = TAPS + RUN_FRAMES + 2;

#[cfg(test)]
mod tests;
