//! How a slot's sound ends when its ring runs empty: the last samples are carried on by prediction and fade out in a millisecond,
//! instead of jumping to zero, which is a click.
//!
//! Not concealment of lost packets (that is the playout's, in `backline_media`): this covers a worker that was late.
//! Step before: `lane.rs` sees its ring empty. Step after: the lane's samples, to which the tail is added.

use backline_audio::SampleRate;

/// Sample frames that the prediction looks back on.
pub(crate) const HISTORY_FRAMES: usize = 64;
/// Coefficients of the prediction: two resonances.
const ORDER: usize = 4;

/// Length of every short fade, in sample frames: 1 ms.
pub(crate) fn fade_frames(sample_rate: SampleRate) -> usize {
    sample_rate.hz() as usize / 1000
}

/// Half a period of a raised cosine from 0 (excluded) to 1 (included); the fade out is its complement.
pub(crate) fn fade_in_window(sample_rate: SampleRate) -> Box<[f32]> {
    let frames = fade_frames(sample_rate);
    (1..=frames).map(|n| 0.5 - 0.5 * (std::f32::consts::PI * n as f32 / frames as f32).cos()).collect()
}

/// Remembers what was heard last, and goes on with it when asked.
pub(crate) struct Tail {
    /// Interleaved, the newest sample frame last.
    history: [f32; 2 * HISTORY_FRAMES],
    /// Interleaved, one fade long.
    ahead: Box<[f32]>,
    /// Sample frames of `ahead` that were heard already.
    heard_frames: usize,
}

impl Tail {
    pub(crate) fn new(sample_rate: SampleRate) -> Self {
        let frames = fade_frames(sample_rate);
        Self { history: [0.0; 2 * HISTORY_FRAMES], ahead: vec![0.0; 2 * frames].into(), heard_frames: frames }
    }

    /// Keeps the last of what was heard; interleaved.
    pub(crate) fn remember(&mut self, heard: &[f32]) {
        let keep = heard.len().min(self.history.len());
        self.history.copy_within(keep.., 0);
        let from = self.history.len() - keep;
        self.history[from..].copy_from_slice(&heard[heard.len() - keep..]);
    }

    /// Starts a tail that goes on from what was remembered; `window` fades in, one value a sample frame.
    pub(crate) fn begin(&mut self, window: &[f32]) {
        for channel in 0..2 {
            let mut past = [0.0; HISTORY_FRAMES];
            for (sample, frame) in past.iter_mut().zip(self.history.chunks_exact(2)) {
                *sample = frame[channel];
            }
            let coefficients = burg(&past);
            let mut last = [0.0; ORDER];
            last.copy_from_slice(&past[HISTORY_FRAMES - ORDER..]);
            for (frame, fade) in self.ahead.chunks_exact_mut(2).zip(window) {
                let next = -coefficients.iter().zip(last.iter().rev()).map(|(a, x)| a * x).sum::<f32>();
                last.rotate_left(1);
                last[ORDER - 1] = next;
                frame[channel] = next * (1.0 - fade);
            }
        }
        self.heard_frames = 0;
    }

    /// Adds as much of the tail as fits; interleaved.
    pub(crate) fn add_to(&mut self, out: &mut [f32]) {
        let rest = &self.ahead[2 * self.heard_frames..];
        for (sample, tail) in out.iter_mut().zip(rest) {
            *sample += tail;
        }
        self.heard_frames += (out.len() / 2).min(rest.len() / 2);
    }

    /// Whether there is something left to hear.
    pub(crate) fn is_sounding(&self) -> bool {
        2 * self.heard_frames < self.ahead.len()
    }
}

/// Linear prediction by Burg's method: x[n] ≈ −Σ a[k]·x[n−1−k]. Always stable, so a tail never grows without bound.
fn burg(samples: &[f32; HISTORY_FRAMES]) -> [f32; ORDER] {
    let mut forward = *samples;
    let mut backward = *samples;
    let mut a = [0.0_f32; ORDER + 1];
    a[0] = 1.0;
    for stage in 1..=ORDER {
        let (mut cross, mut energy) = (0.0_f32, 1e-12_f32);
        for n in stage..HISTORY_FRAMES {
            cross += forward[n] * backward[n - 1];
            energy += forward[n] * forward[n] + backward[n - 1] * backward[n - 1];
        }
        let reflection = (-2.0 * cross / energy).clamp(-1.0, 1.0);
        let before = a;
        for k in 1..=stage {
            a[k] = before[k] + reflection * before[stage - k];
        }
        for n in (stage..HISTORY_FRAMES).rev() {
            let (ahead, behind) = (forward[n], backward[n - 1]);
            forward[n] = ahead + reflection * behind;
            backward[n] = behind + reflection * ahead;
        }
    }
    let mut coefficients = [0.0; ORDER];
    coefficients.copy_from_slice(&a[1..]);
    coefficients
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn tail_of(signal: impl Fn(f32) -> f32) -> (Vec<f32>, Vec<f32>) {
        let past: Vec<f32> = (0..200).map(|n| signal(n as f32)).collect();
        let mut tail = Tail::new(SampleRate::NETWORK);
        tail.remember(&past.iter().flat_map(|x| [*x, -x]).collect::<Vec<_>>());
        tail.begin(&fade_in_window(SampleRate::NETWORK));
        let mut out = vec![0.0; 2 * 60];
        tail.add_to(&mut out);
        assert!(!tail.is_sounding());
        (past, out.chunks(2).map(|frame| frame[0]).collect())
    }

    #[test]
    fn a_sine_goes_on_as_a_sine() {
        for hz in [60.0, 440.0, 3_000.0, 9_000.0] {
            let step = std::f32::consts::TAU * hz / 48_000.0;
            let (_, ahead) = tail_of(|n| (n * step).sin());
            for (n, sample) in ahead.iter().take(8).enumerate() {
                let fade = 0.5 + 0.5 * (std::f32::consts::PI * (n + 1) as f32 / 48.0).cos();
                let wanted = ((200 + n) as f32 * step).sin() * fade;
                assert!((sample - wanted).abs() < 0.05, "{hz} Hz, sample {n}: {sample} instead of {wanted}");
            }
            assert_eq!(ahead[48..], [0.0; 12]);
        }
    }

    #[test]
    fn whatever_came_before_it_stays_bounded() {
        let mut seed = 1_u32;
        let noise: Vec<f32> = (0..200)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 16) as f32 / 32_768.0 - 1.0
            })
            .collect();
        for signal in [
            Box::new(move |n: f32| noise[n as usize]) as Box<dyn Fn(f32) -> f32>,
            Box::new(|n| n / 200.0),
            Box::new(|_| 1.0),
            Box::new(|_| 0.0),
            Box::new(|n| (n * std::f32::consts::PI).cos()),
            Box::new(|n| if n > 198.0 { 1.0 } else { 0.0 }),
        ] {
            let (_, ahead) = tail_of(signal);
            assert!(ahead.iter().all(|x| x.abs() <= 2.0), "{ahead:?}");
        }
    }
}
