//! What a listener would say: is it the same, where is it, does it click, is it there at all.

pub mod ear;
pub mod exact;
mod interpolate;
pub mod track;

/// Where `heard` is exactly `sent` from `from` on: `heard[n] == sent[n - delay]` for every `n` of the range.
/// None when no delay makes it so.
pub fn exact_delay(sent: &[[f32; 2]], heard: &[[f32; 2]], from: usize) -> Option<usize> {
    let probe = heard.get(from..from + 16)?;
    let candidates = (0..=from).filter(|delay| {
        let start = from - delay;
        sent.get(start..start + 16).is_some_and(|run| run == probe)
    });
    candidates.into_iter().find(|delay| {
        heard.iter().enumerate().skip(from).all(|(n, frame)| sent.get(n - delay) == Some(frame))
    })
}

/// How many sample frames from `from` on are digital silence: zeros, at least four in a row (one alone is a tone on its way
/// through zero).
pub fn silent_frames(heard: &[[f32; 2]], from: usize) -> usize {
    let runs = heard[from.min(heard.len())..].chunk_by(|one, next| (*one == [0.0; 2]) == (*next == [0.0; 2]));
    runs.filter(|run| run[0] == [0.0; 2] && run.len() >= 4).map(<[_]>::len).sum()
}

/// The largest second difference of the left side: a step of any size in a smooth signal stands out of it.
pub fn roughness(samples: &[[f32; 2]]) -> f32 {
    samples.windows(3).map(|w| (w[0][0] - 2.0 * w[1][0] + w[2][0]).abs()).fold(0.0, f32::max)
}

/// Root mean square of the left side.
pub fn level(samples: &[[f32; 2]]) -> f64 {
    let power: f64 = samples.iter().map(|frame| f64::from(frame[0]).powi(2)).sum();
    (power / samples.len().max(1) as f64).sqrt()
}

/// The amplitude of one frequency on the left side (Goertzel).
pub fn tone(samples: &[[f32; 2]], frequency_hz: f64, rate_hz: f64) -> f64 {
    let omega = std::f64::consts::TAU * frequency_hz / rate_hz;
    let coefficient = 2.0 * omega.cos();
    let (mut before, mut last) = (0.0, 0.0);
    for frame in samples {
        let next = f64::from(frame[0]) + coefficient * last - before;
        (before, last) = (last, next);
    }
    let power = last * last + before * before - coefficient * last * before;
    2.0 * power.max(0.0).sqrt() / samples.len().max(1) as f64
}
