//! What the rate converter promises, at every pair of rates that devices have.

use super::*;
use std::f64::consts::TAU;

const DEVICE_RATES_HZ: [u32; 4] = [44_100, 88_200, 96_000, 192_000];

fn rate(rate_hz: u32) -> SampleRate {
    SampleRate::new(rate_hz).unwrap()
}

fn pairs() -> impl Iterator<Item = (SampleRate, SampleRate)> {
    DEVICE_RATES_HZ.into_iter().flat_map(|device_hz| {
        [(rate(device_hz), SampleRate::NETWORK), (SampleRate::NETWORK, rate(device_hz))]
    })
}

fn convert(from: SampleRate, to: SampleRate, input: &[f32], block_frames: usize) -> Vec<f32> {
    let mut converter = RateConverter::new(from, to).unwrap();
    let mut out = Vec::new();
    input.chunks(block_frames * CHANNELS).for_each(|block| converter.push(block, &mut out));
    out
}

fn sine(rate_hz: u32, frequency_hz: f64, frames: usize) -> Vec<f32> {
    let step = TAU * frequency_hz / f64::from(rate_hz);
    (0..frames).flat_map(|n| [(0.5 * (step * n as f64).sin()) as f32; 2]).collect()
}

/// SNR and level (dB, against 0.5) of the left channel's fit to a sine at `step`.
fn fit(samples: &[f32], step: f64) -> (f64, f64) {
    let left: Vec<f64> = samples.iter().step_by(2).map(|x| f64::from(*x)).collect();
    let (mut m, mut v) = ([[0.0; 2]; 2], [0.0; 2]);
    for (n, x) in left.iter().enumerate() {
        let (s, c) = (step * n as f64).sin_cos();
        m = [[m[0][0] + c * c, m[0][1] + c * s], [m[1][0] + c * s, m[1][1] + s * s]];
        v = [v[0] + x * c, v[1] + x * s];
    }
    let det = m[0][0] * m[1][1] - m[0][1] * m[1][0];
    let (a, b) = ((v[0] * m[1][1] - v[1] * m[0][1]) / det, (v[1] * m[0][0] - v[0] * m[1][0]) / det);
    let error: f64 = left
        .iter()
        .enumerate()
        .map(|(n, x)| {
            let (s, c) = (step * n as f64).sin_cos();
            (x - a * c - b * s).powi(2)
        })
        .sum();
    let power = (a * a + b * b) / 2.0;
    (10.0 * (power * left.len() as f64 / error).log10(), 20.0 * ((2.0 * power).sqrt() / 0.5).log10())
}

#[test]
fn sines_pass_clean_and_level() {
    for (from, to) in pairs() {
        for frequency_hz in [100.0, 997.0, 9_973.0, 15_013.0, 18_000.0, 20_000.0] {
            let out = convert(from, to, &sine(from.hz(), frequency_hz, from.hz() as usize / 2), 480);
            let settled = &out[out.len() / 4 * 2..out.len() / 2 * 2 - 2_000];
            let settled = if settled.len() > 4_000 { settled } else { &out[4_000..] };
            let (snr_db, level_db) = fit(settled, TAU * frequency_hz / f64::from(to.hz()));
            println!("{from} to {to}, {frequency_hz} Hz: SNR {snr_db:.1} dB, level {level_db:.3} dB");
            if frequency_hz < 19_000.0 {
                assert!(snr_db > 100.0, "{from} to {to}, {frequency_hz} Hz: SNR {snr_db:.1} dB");
                assert!(level_db.abs() < 0.1, "{from} to {to}, {frequency_hz} Hz: {level_db:.3} dB");
            } else {
                assert!(level_db.abs() < 1.0, "{from} to {to}, {frequency_hz} Hz: {level_db:.3} dB");
            }
        }
    }
}

#[test]
fn nothing_above_the_lower_nyquist_folds_back() {
    for device_hz in [88_200, 96_000, 192_000] {
        for frequency_hz in [28_000.0, 33_000.0, 40_000.0] {
            let out =
                convert(rate(device_hz), SampleRate::NETWORK, &sine(device_hz, frequency_hz, 40_000), 480);
            let energy: f32 = out[2_000..].iter().map(|x| x * x).sum::<f32>() / (out.len() - 2_000) as f32;
            let level_db = 10.0 * (energy / 0.125).log10();
            println!("{device_hz} Hz, {frequency_hz} Hz: {level_db:.1} dB left");
            assert!(level_db < -80.0);
        }
    }
}

#[test]
fn an_impulse_comes_out_where_the_delay_says() {
    for (from, to) in pairs() {
        let converter = RateConverter::new(from, to).unwrap();
        let at = 1_470;
        let mut input = vec![0.0; 8_000];
        input[at * 2] = 1.0;
        let out = convert(from, to, &input, 64);
        let (weight, moment) = out
            .iter()
            .step_by(2)
            .enumerate()
            .fold((0.0, 0.0), |(w, m), (n, x)| (w + f64::from(*x), m + n as f64 * f64::from(*x)));
        let found = moment / weight - at as f64 * f64::from(to.hz()) / f64::from(from.hz());
        println!(
            "{from} to {to}: delay {found:.2} output frames, {:.3} ms",
            found * 1e3 / f64::from(to.hz())
        );
        assert!((found - converter.delay_frames() as f64).abs() <= 0.51, "{from} to {to}: {found:.2}");
        assert!(found / f64::from(to.hz()) < 0.001, "more than a millisecond");
    }
}

#[test]
fn the_block_size_changes_nothing() {
    for (from, to) in pairs() {
        let input = sine(from.hz(), 3_001.0, 20_000);
        let whole = convert(from, to, &input, 20_000);
        for block_frames in [1, 7, 64, 480, 1_024, 1_025, 8_192] {
            let parts = convert(from, to, &input, block_frames);
            let common = whole.len().min(parts.len());
            assert!(whole.len().abs_diff(parts.len()) <= CHANNELS);
            let worst = whole[..common].iter().zip(&parts).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-6, "{from} to {to} by {block_frames}: {worst}");
        }
    }
}

#[test]
fn the_count_is_exact_over_time() {
    for (from, to) in pairs() {
        let mut converter = RateConverter::new(from, to).unwrap();
        let (mut out, mut total) = (Vec::new(), 0);
        for _ in 0..10 {
            for block in vec![0.0; from.hz() as usize * CHANNELS].chunks(333 * CHANNELS) {
                out.clear();
                converter.push(block, &mut out);
                assert!(out.len() / CHANNELS <= converter.output_bound(block.len() / CHANNELS));
                total += out.len() / CHANNELS;
            }
        }
        let expected = to.hz() as usize * 10;
        assert!(total <= expected && expected - total < 12, "{from} to {to}: {total} of {expected}");
    }
}

#[test]
fn what_was_asked_for_comes_out() {
    for (from, to) in pairs() {
        let mut converter = RateConverter::new(from, to).unwrap();
        let mut out = Vec::new();
        converter.push(&[0.0; 2 * CHANNELS], &mut out);
        for turn in 0..2_000 {
            let wanted = [1, 2, 63, 64, 147, 160, 480][turn % 7];
            let input = converter.input_for(wanted);
            out.clear();
            converter.push(&[0.0; 4_000][..input * CHANNELS], &mut out);
            let got = out.len() / CHANNELS;
            let at_most = wanted + 3 * (to.hz() / from.hz()).max(1) as usize;
            assert!((wanted..=at_most).contains(&got), "{from} to {to}: {got} of {wanted}");
        }
    }
}

#[test]
fn equal_rates_are_the_identity() {
    let mut converter = RateConverter::new(SampleRate::NETWORK, SampleRate::NETWORK).unwrap();
    let mut out = vec![9.0];
    converter.push(&[1.0, -0.0, 3.0, 4.0, 5.0], &mut out);
    assert_eq!(out, [9.0, 1.0, -0.0, 3.0, 4.0]);
    assert_eq!(converter.delay_frames(), 0);
    assert_eq!(converter.input_for(64), 64);
}

#[test]
fn odd_rates_work_too() {
    for device_hz in [44_101, 47_999, 176_400, 64_000, 191_999] {
        let out = convert(
            rate(device_hz),
            SampleRate::NETWORK,
            &sine(device_hz, 1_000.0, device_hz as usize / 2),
            480,
        );
        let (snr_db, _) = fit(&out[4_000..], TAU * 1_000.0 / 48_000.0);
        println!("{device_hz} Hz: SNR {snr_db:.1} dB");
        assert!(snr_db > 80.0);
    }
}
