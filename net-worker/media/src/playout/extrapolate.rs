//! What would have come next: linear prediction of a stereo signal from its last 21 ms.
//!
//! Burg's method gives a stable all-pole model of each channel, which then runs on freely. It neither knows
//! packets nor fades; the [voice](super::voice) asks it when a PCM frame is missing, and whenever one
//! stretch of audio must be joined to another.

use backline_audio::CHANNELS;

/// Sample frames that the model is made from.
const HISTORY_FRAMES: usize = 1024;
/// Order of the model: enough poles for some 30 partials of each channel.
const ORDER: usize = 64;
/// Sample frames after which the kept history is moved to the front again.
const ROOM_FRAMES: usize = 4 * HISTORY_FRAMES;
/// A model's output may exceed the loudest sample of its history by this factor.
const PEAK_FACTOR: f64 = 1.1;

/// The recent past of a signal and, on demand, its continuation.
pub struct Extrapolator {
    past: Vec<f32>,
    models: [Model; CHANNELS],
    work: Work,
}

impl Extrapolator {
    /// An empty past, which continues as silence.
    pub fn new() -> Self {
        Self {
            past: Vec::with_capacity(ROOM_FRAMES * CHANNELS),
            models: [Model::new(), Model::new()],
            work: Work::new(),
        }
    }

    /// Appends what was played (interleaved).
    pub fn remember(&mut self, samples: &[f32]) {
        for part in samples.chunks(HISTORY_FRAMES * CHANNELS) {
            if self.past.len() + part.len() > ROOM_FRAMES * CHANNELS {
                let keep = self.past.len().min(HISTORY_FRAMES * CHANNELS);
                let from = self.past.len() - keep;
                self.past.copy_within(from.., 0);
                self.past.truncate(keep);
            }
            self.past.extend_from_slice(part);
        }
    }

    /// Forgets the past.
    pub fn clear(&mut self) {
        self.past.clear();
    }

    /// Makes the model from what was remembered until now; [`next`](Self::next) continues from there.
    pub fn begin(&mut self) {
        let keep = self.past.len().min(HISTORY_FRAMES * CHANNELS);
        let recent = &self.past[self.past.len() - keep..];
        let [left, right] = &mut self.models;
        self.work.load(recent, 0);
        left.fit(&mut self.work);
        // Mono material on a stereo stream is common, and then one model serves both channels.
        if recent.chunks_exact(CHANNELS).all(|frame| frame[0] == frame[1]) {
            right.clone_from(left);
        } else {
            self.work.load(recent, 1);
            right.fit(&mut self.work);
        }
    }

    /// The next sample frame of the continuation.
    pub fn next(&mut self) -> [f32; CHANNELS] {
        let [left, right] = &mut self.models;
        [left.next(), right.next()]
    }
}

struct Work {
    samples: Vec<f64>,
    forward: Vec<f64>,
    backward: Vec<f64>,
}

impl Work {
    fn new() -> Self {
        let room = || Vec::with_capacity(HISTORY_FRAMES);
        Self { samples: room(), forward: room(), backward: room() }
    }

    fn load(&mut self, recent: &[f32], channel: usize) {
        self.samples.clear();
        self.samples.extend(recent.chunks_exact(CHANNELS).map(|frame| f64::from(frame[channel])));
    }
}

#[derive(Clone)]
struct Model {
    coefficients: [f64; ORDER],
    /// Newest sample first.
    memory: [f64; ORDER],
    peak: f64,
}

impl Model {
    fn new() -> Self {
        Self { coefficients: [0.0; ORDER], memory: [0.0; ORDER], peak: 0.0 }
    }

    fn fit(&mut self, work: &mut Work) {
        *self = Self::new();
        for (slot, sample) in self.memory.iter_mut().zip(work.samples.iter().rev()) {
            *slot = *sample;
        }
        self.peak = PEAK_FACTOR * work.samples.iter().fold(0.0, |peak: f64, sample| peak.max(sample.abs()));
        if work.samples.len() > 2 * ORDER && self.peak > 0.0 && self.peak.is_finite() {
            burg(work, &mut self.coefficients);
        }
    }

    fn next(&mut self) -> f32 {
        let predicted: f64 = self.coefficients.iter().zip(&self.memory).map(|(weight, past)| weight * past).sum();
        let sample = if predicted.is_finite() { predicted.clamp(-self.peak, self.peak) } else { 0.0 };
        self.memory.copy_within(..ORDER - 1, 1);
        self.memory[0] = sample;
        sample as f32
    }
}

/// Burg's recursion: prediction weights (newest sample first) with all poles inside the unit circle.
fn burg(work: &mut Work, weights: &mut [f64; ORDER]) {
    let Work { samples, forward, backward } = work;
    forward.clone_from(samples);
    backward.clone_from(samples);
    let length = samples.len();
    let mut previous = [0.0; ORDER];
    for order in 0..ORDER {
        let ahead = &mut forward[order + 1..];
        let behind = &mut backward[..length - order - 1];
        let (mut cross, mut energy) = (0.0, 0.0);
        for (f, b) in ahead.iter().zip(behind.iter()) {
            cross += f * b;
            energy += f * f + b * b;
        }
        if energy <= f64::EPSILON {
            return;
        }
        let reflection = 2.0 * cross / energy;
        for (f, b) in ahead.iter_mut().zip(behind.iter_mut()) {
            (*f, *b) = (*f - reflection * *b, *b - reflection * *f);
        }
        previous[..order].copy_from_slice(&weights[..order]);
        for index in 0..order {
            weights[index] = previous[index] - reflection * previous[order - 1 - index];
        }
        weights[order] = reflection;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chord(frame: usize) -> [f32; 2] {
        let t = frame as f64 / 48_000.0;
        let tone = |hz: f64| (std::f64::consts::TAU * hz * t).sin();
        [(0.3 * tone(220.0) + 0.2 * tone(277.2) + 0.1 * tone(1318.5)) as f32, (0.4 * tone(330.0)) as f32]
    }

    #[test]
    fn a_chord_goes_on_as_it_was() {
        let mut extrapolator = Extrapolator::new();
        for frame in 0..5000 {
            extrapolator.remember(&chord(frame));
        }
        extrapolator.begin();
        let (mut error, mut signal) = (0.0, 0.0);
        for frame in 5000..5240 {
            let (made, real) = (extrapolator.next(), chord(frame));
            for channel in 0..2 {
                error += f64::from(made[channel] - real[channel]).powi(2);
                signal += f64::from(real[channel]).powi(2);
            }
        }
        let snr_db = 10.0 * (signal / error).log10();
        assert!(snr_db > 25.0, "{snr_db:.1} dB");
    }

    #[test]
    fn silence_noise_and_nonsense_stay_bounded() {
        for seed in 0..20u32 {
            let mut extrapolator = Extrapolator::new();
            let mut state = seed;
            for frame in 0..seed as usize * 200 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = state as f32 / u32::MAX as f32 - 0.5;
                extrapolator.remember(&[noise, if frame == 999 { f32::NAN } else { 0.0 }]);
            }
            extrapolator.begin();
            for _ in 0..10_000 {
                let [left, right] = extrapolator.next();
                assert!(left.abs() <= 0.6 && right.is_finite(), "seed {seed}");
            }
        }
    }
}
