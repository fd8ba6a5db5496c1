//! Between a device's sample rate and the network's 48 kHz, at a fixed ratio, in blocks of any size.
//!
//! Not for drift (that is `drift`): the ratio is what the two rates say. The step before is the capture ring (device to
//! network) or the playout (network to device); the step after is the encoder or the return ring. Runs on the worker.
//!
//! The filter is rubato's sinc with one precomputed phase for each position that the ratio can have, so that nothing is
//! interpolated between phases; every block goes in as it comes, so that nothing waits for a chunk to fill.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, FixedAsync, Resampler, ResamplerConstructionError, Resizable, SincInterpolationParameters,
    SincInterpolationType, WindowFunction,
};

use crate::CHANNELS;
use crate::rate::SampleRate;

/// Stereo interleaved from one rate to another; the identity when they are equal.
pub struct RateConverter {
    from: SampleRate,
    to: SampleRate,
    /// `None` is the identity.
    filter: Option<Async<f32>>,
    delay_frames: usize,
}

impl RateConverter {
    /// Allocates, and computes the filter (some milliseconds).
    ///
    /// # Errors
    /// [`RateConverterError`] when rubato refuses the ratio, which no pair of [`SampleRate`]s gives it reason to.
    pub fn new(from: SampleRate, to: SampleRate) -> Result<RateConverter, RateConverterError> {
        let refused = |source| RateConverterError { from, to, source };
        let filter = if from == to { None } else { Some(make_filter(from, to).map_err(refused)?) };
        let delay_frames = if from == to { 0 } else { delay_of(from, to) };
        Ok(RateConverter { from, to, filter, delay_frames })
    }

    /// The rate of what is pushed.
    #[must_use]
    pub fn from(&self) -> SampleRate {
        self.from
    }

    /// The rate of what comes out.
    #[must_use]
    pub fn to(&self) -> SampleRate {
        self.to
    }

    /// How much later a sample comes out than it went in, in sample frames of the output, to the nearest: sample frame
    /// `n` of the input is found around `n · to / from + delay_frames()` of the output.
    #[must_use]
    pub fn delay_frames(&self) -> usize {
        self.delay_frames
    }

    /// The most sample frames that pushing `input_frames` can append.
    #[must_use]
    pub fn output_bound(&self, input_frames: usize) -> usize {
        let (from, to) = (self.from.hz() as usize, self.to.hz() as usize);
        (input_frames * to).div_ceil(from) + 2
    }

    /// How many sample frames to push so that at least `out_frames` come out: the least number or up to two more (and two
    /// more again for the first push after a start, which the filter keeps).
    #[must_use]
    pub fn input_for(&self, out_frames: usize) -> usize {
        if self.filter.is_none() || out_frames == 0 {
            return out_frames;
        }
        let (from, to) = (self.from.hz() as usize, self.to.hz() as usize);
        ((out_frames + 1) * from).div_ceil(to)
    }

    /// Converts a block of any length and appends what it gives to `out`. Over time, exactly `to / from` sample frames
    /// for each one of `input`. Does not allocate when `out` has room for [`output_bound`](Self::output_bound).
    pub fn push(&mut self, input: &[f32], out: &mut Vec<f32>) {
        let usable = input.len() - input.len() % CHANNELS;
        let Some(filter) = &mut self.filter else {
            out.extend_from_slice(&input[..usable]);
            return;
        };
        for chunk in input[..usable].chunks(MAX_CHUNK_FRAMES * CHANNELS) {
            push_chunk(filter, chunk, out);
        }
    }

    /// Forgets all audio, as if new.
    pub fn reset(&mut self) {
        if let Some(filter) = &mut self.filter {
            filter.reset();
        }
    }
}

impl std::fmt::Debug for RateConverter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RateConverter({} to {})", self.from, self.to)
    }
}

fn make_filter(from: SampleRate, to: SampleRate) -> Result<Async<f32>, ResamplerConstructionError> {
    let exact = phases(from, to) <= MAX_PHASES;
    let parameters = SincInterpolationParameters {
        sinc_len: taps(from, to),
        f_cutoff: cutoff(from, to),
        oversampling_factor: phases(from, to).min(MAX_PHASES),
        interpolation: if exact { SincInterpolationType::Nearest } else { SincInterpolationType::Cubic },
        window: WindowFunction::Hann2,
    };
    let ratio = f64::from(to.hz()) / f64::from(from.hz());
    Async::new_sinc(ratio, 1.0, &parameters, MAX_CHUNK_FRAMES, CHANNELS, FixedAsync::Input)
}

/// One chunk of at most [`MAX_CHUNK_FRAMES`]. rubato can only fail here when the sizes below were wrong; then the
/// output of this chunk is silence of the right length, which keeps the clock.
fn push_chunk(filter: &mut Async<f32>, chunk: &[f32], out: &mut Vec<f32>) {
    let frames = chunk.len() / CHANNELS;
    let sized = filter.set_chunk_size(frames);
    debug_assert!(sized.is_ok());
    let out_frames = filter.output_frames_next();
    let start = out.len();
    out.resize(start + out_frames * CHANNELS, 0.0);
    let input = InterleavedSlice::new(chunk, CHANNELS, frames);
    let output = InterleavedSlice::new_mut(&mut out[start..], CHANNELS, out_frames);
    if let (Ok(input), Ok(mut output)) = (input, output) {
        let done = filter.process_into_buffer(&input, &mut output, None);
        debug_assert_eq!(done.ok(), Some((frames, out_frames)));
    }
}

/// The filter's length in samples of the input: as long in time as [`TAPS`] at the lower rate of the two.
fn taps(from: SampleRate, to: SampleRate) -> usize {
    let longer = f64::from(from.hz()) / f64::from(from.hz().min(to.hz()));
    ((TAPS as f64 * longer / 8.0).round() as usize) * 8
}

/// Where the filter halves the amplitude, relative to the lower Nyquist frequency; `None` leaves it to rubato, which
/// keeps everything out that could fold. Below 48 kHz that would cost 4 dB at 20 kHz, so there the slope is laid across
/// the Nyquist frequency: what folds lands above 20 kHz.
fn cutoff(from: SampleRate, to: SampleRate) -> Option<f32> {
    (from.min(to) < SampleRate::NETWORK).then_some(CUTOFF_BELOW_48_KHZ)
}

/// How many places between two input samples an output sample can have.
fn phases(from: SampleRate, to: SampleRate) -> usize {
    (to.hz() / greatest_common_divisor(from.hz(), to.hz())) as usize
}

/// Half the filter, in sample frames of the output. rubato's table starts one phase early, and it steps one output
/// before it computes; both make the delay shorter.
fn delay_of(from: SampleRate, to: SampleRate) -> usize {
    let ratio = f64::from(to.hz()) / f64::from(from.hz());
    let one_phase = 1.0 / phases(from, to).min(MAX_PHASES) as f64;
    let centre = taps(from, to) as f64 / 2.0 - one_phase;
    (centre * ratio - 1.0).round() as usize
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// Taps at the lower rate: 0.7 ms of delay.
const TAPS: usize = 64;
/// Every usual pair of rates needs at most 640 phases; odd ones are interpolated from as many.
const MAX_PHASES: usize = 640;
const CUTOFF_BELOW_48_KHZ: f32 = 0.98;
const MAX_CHUNK_FRAMES: usize = 1024;

/// rubato refused a pair of rates.
#[derive(Debug, thiserror::Error)]
#[error("Backline cannot convert from {from} to {to}: {}", SampleRate::ADVICE)]
pub struct RateConverterError {
    from: SampleRate,
    to: SampleRate,
    source: ResamplerConstructionError,
}

#[cfg(test)]
mod tests;
