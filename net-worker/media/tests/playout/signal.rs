//! Signals that are sent, and measures of what came out.

use std::f64::consts::TAU;

/// A stereo signal: the sample frame at an index.
pub type Signal = fn(usize) -> [f32; 2];

/// Noise on the grid of 16 bits (thus also of 24), so that PCM carries it bit for bit.
pub fn noise(index: usize) -> [f32; 2] {
    [grid(index as u64 * 2), grid(index as u64 * 2 + 1)]
}

fn grid(seed: u64) -> f32 {
    let mut word = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    f32::from(((word >> 48) as u16 as i16) / 2) / 32_768.0
}

/// Four partials in each ear, none related to a block size.
pub fn multi_sine(index: usize) -> [f32; 2] {
    let tone = |hz: f64, level: f64| level * (TAU * hz * index as f64 / 48_000.0).sin();
    let left = tone(110.3, 0.2) + tone(441.7, 0.15) + tone(997.1, 0.1) + tone(3011.9, 0.05);
    let right = tone(146.9, 0.2) + tone(587.3, 0.15) + tone(1318.5, 0.1) + tone(2637.0, 0.05);
    [left as f32, right as f32]
}

/// Plucked notes of an arpeggio with eight decaying harmonics each, two sounding at a time in each ear.
pub fn music(index: usize) -> [f32; 2] {
    [voice(index, 0) + voice(index, 1), voice(index, 2) + voice(index, 3)]
}

const NOTES_HZ: [f64; 8] = [110.0, 164.8, 220.0, 277.2, 329.6, 440.0, 554.4, 659.3];

fn voice(index: usize, number: usize) -> f32 {
    let length = 12_000;
    let shifted = index + number * 3_000;
    let (note, within) = (shifted / length, shifted % length);
    let hz = NOTES_HZ[(note * 5 + number * 3) % NOTES_HZ.len()];
    let seconds = within as f64 / 48_000.0;
    let attack = (seconds / 0.004).min(1.0);
    let release = ((length - within) as f64 / 480.0).min(1.0);
    let pluck: f64 = (1..=8)
        .map(|harmonic| {
            let harmonic = f64::from(harmonic);
            (-seconds * (4.0 + 2.0 * harmonic)).exp() / harmonic * (TAU * hz * harmonic * seconds).sin()
        })
        .sum();
    (0.15 * pluck * (attack * attack) * (3.0 - 2.0 * attack) * release) as f32
}

/// A signal as interleaved samples.
pub fn render(signal: Signal, frames: usize) -> Vec<f32> {
    (0..frames).flat_map(signal).collect()
}

/// The largest second difference of either channel: a click is a bend that the signal itself does not have.
pub fn sharpest_bend(samples: &[f32]) -> f32 {
    let bend = |window: &[f32], channel: usize| {
        (window[4 + channel] - 2.0 * window[2 + channel] + window[channel]).abs()
    };
    samples.windows(6).step_by(2).map(|window| bend(window, 0).max(bend(window, 1))).fold(0.0, f32::max)
}

/// Where `piece` lies in `whole`, in sample frames; compares bits.
pub fn find(piece: &[f32], whole: &[f32]) -> Option<usize> {
    whole.windows(piece.len()).step_by(2).position(|window| window == piece)
}

/// Signal-to-noise ratio of `heard` against `sent` in dB.
pub fn snr_db(sent: &[f32], heard: &[f32]) -> f64 {
    let power =
        |values: &mut dyn Iterator<Item = f32>| values.map(|value| f64::from(value).powi(2)).sum::<f64>();
    let signal = power(&mut sent.iter().copied());
    let error = power(&mut sent.iter().zip(heard).map(|(sent, heard)| sent - heard));
    10.0 * (signal / error.max(1e-30)).log10()
}
