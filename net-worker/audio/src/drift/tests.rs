//! What the drift resampler promises: bit-exact at rest, clean when moving, exact bookkeeping.

use super::*;
use proptest::prelude::*;
use std::f64::consts::TAU;

/// Pulls `out_frames` in blocks, feeding what is asked for from `source`; returns output and position of each frame.
fn pull(
    resampler: &mut DriftResampler,
    source: &mut impl FnMut() -> [f32; 2],
    out_frames: usize,
    block_frames: usize,
) -> Vec<f32> {
    let mut output = vec![0.0; out_frames * 2];
    for block in output.chunks_mut(block_frames * 2) {
        let needed = resampler.needed_input(block.len() / 2);
        let input: Vec<f32> = (0..needed).flat_map(|_| source()).collect();
        assert_eq!(resampler.process(&input, block), needed);
    }
    output
}

fn noise(seed: u32) -> impl FnMut() -> [f32; 2] {
    let mut state = seed;
    move || {
        [0; 2].map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
    }
}

/// The SNR in dB of a sine of `frequency_hz` through the resampler at `ppm`, by a least-squares fit of the sine (its
/// frequency known, phase and level free) over `frames` of output.
fn sine_snr_db(frequency_hz: f64, ppm: f64, frames: usize) -> f64 {
    let mut resampler = DriftResampler::new();
    resampler.set_ppm(ppm);
    let step = TAU * frequency_hz / 48_000.0;
    let mut n = 0.0;
    let mut source = || {
        n += 1.0;
        let value = (0.5 * (step * n).sin()) as f32;
        [value, -value]
    };
    pull(&mut resampler, &mut source, 8_000, 64);
    let output = pull(&mut resampler, &mut source, frames, 64);
    let out_step = step * (1.0 + resampler.ppm() * 1e-6);
    let left: Vec<f64> = output.iter().step_by(2).map(|sample| f64::from(*sample)).collect();
    snr_of_fit(&left, out_step)
}

fn snr_of_fit(samples: &[f64], step: f64) -> f64 {
    let (mut cc, mut ss, mut cs, mut xc, mut xs) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (n, x) in samples.iter().enumerate() {
        let (s, c) = (step * n as f64).sin_cos();
        cc += c * c;
        ss += s * s;
        cs += c * s;
        xc += x * c;
        xs += x * s;
    }
    let determinant = cc * ss - cs * cs;
    let (a, b) = ((xc * ss - xs * cs) / determinant, (xs * cc - xc * cs) / determinant);
    let (mut signal, mut error) = (0.0, 0.0);
    for (n, x) in samples.iter().enumerate() {
        let (s, c) = (step * n as f64).sin_cos();
        let fit = a * c + b * s;
        signal += fit * fit;
        error += (x - fit) * (x - fit);
    }
    10.0 * (signal / error).log10()
}

#[test]
fn at_rest_it_is_a_delay_bit_for_bit() {
    for block_frames in [1, 17, 64, 255, 256, 257, 480, 512, 8192] {
        let mut resampler = DriftResampler::new();
        let delay = resampler.delay_frames();
        let output = pull(&mut resampler, &mut noise(7), 20_000, block_frames);
        let mut source = noise(7);
        assert!(output[..delay * 2].iter().all(|sample| *sample == 0.0));
        for pair in output[delay * 2..].chunks(2) {
            assert_eq!(pair, source());
        }
        assert!(resampler.is_bit_exact());
    }
}

#[test]
fn odd_bits_pass_at_rest() {
    let odd = [-0.0_f32, f32::MIN_POSITIVE / 2.0, f32::MAX, f32::INFINITY];
    let mut resampler = DriftResampler::new();
    let mut input = [0.0_f32; 64];
    input[..4].copy_from_slice(&odd);
    let mut output = [1.0_f32; 64];
    resampler.process(&input, &mut output);
    for (sample, expected) in output[32..36].iter().zip(odd) {
        assert_eq!(sample.to_bits(), expected.to_bits());
    }
}

#[test]
fn sines_up_to_15_khz_keep_90_db() {
    let mut worst = f64::INFINITY;
    for ppm in [-1000.0, -500.0, -50.0, 50.0, 500.0, 1000.0] {
        for frequency_hz in [100.0, 997.0, 5_003.0, 10_007.0, 12_503.0, 14_999.0] {
            // At 50 ppm the phase takes 20 000 sample frames to go round once.
            let snr = sine_snr_db(frequency_hz, ppm, 44_000);
            worst = worst.min(snr);
            assert!(snr >= 90.0, "{frequency_hz} Hz at {ppm} ppm: {snr:.1} dB");
        }
    }
    println!("worst SNR up to 15 kHz: {worst:.1} dB");
    for frequency_hz in [997.0, 16_000.0, 17_000.0, 18_000.0, 19_000.0, 20_000.0] {
        println!("SNR at {frequency_hz} Hz, 1000 ppm: {:.1} dB", sine_snr_db(frequency_hz, 1000.0, 44_000));
    }
}

#[test]
fn a_changing_ratio_never_clicks() {
    let mut resampler = DriftResampler::new();
    let step = TAU * 440.0 / 48_000.0;
    let mut n = 0.0;
    let mut source = || {
        n += 1.0;
        [(step * n).sin() as f32; 2]
    };
    pull(&mut resampler, &mut source, 4_800, 64);
    let mut output = Vec::new();
    for ppm in [1000.0, -1000.0, 0.0, 37.5, 0.0] {
        resampler.set_ppm(ppm);
        output.extend(pull(&mut resampler, &mut source, 9_001, 64));
    }
    // The second difference of a sine is bounded by step²; a step in phase or time would stand far out of it.
    let left: Vec<f64> = output.iter().step_by(2).map(|sample| f64::from(*sample)).collect();
    let bound = step * step * 1.003 + 2e-6;
    for (index, x) in left.windows(3).enumerate() {
        let bend = (x[2] - 2.0 * x[1] + x[0]).abs();
        assert!(bend <= bound, "frame {index}: {bend} > {bound}");
    }
}

#[test]
fn after_drifting_it_becomes_bit_exact_again() {
    let mut resampler = DriftResampler::new();
    let mut source = noise(11);
    resampler.set_ppm(321.0);
    pull(&mut resampler, &mut source, 10_000, 64);
    assert!(resampler.fraction() > 0.0);
    resampler.set_ppm(0.0);
    pull(&mut resampler, &mut source, 48_000, 64);
    assert!(resampler.is_bit_exact());
    let mut heard = Vec::new();
    let mut recording = || {
        let frame = source();
        heard.extend(frame);
        frame
    };
    let output = pull(&mut resampler, &mut recording, 1_000, 64);
    assert_eq!(output[32..], heard[..heard.len() - 32]);
}

#[test]
fn missing_input_is_silence_and_nothing_else() {
    let mut resampler = DriftResampler::new();
    let mut output = [9.0_f32; 200];
    assert_eq!(resampler.process(&[1.0; 20], &mut output), 10);
    assert_eq!(output[32..52], [1.0; 20]);
    assert!(output[52..].iter().all(|sample| *sample == 0.0));
    assert_eq!(resampler.process(&[], &mut []), 0);
}

#[test]
fn reset_forgets_everything() {
    let mut resampler = DriftResampler::new();
    resampler.set_ppm(500.0);
    pull(&mut resampler, &mut noise(3), 5_000, 64);
    resampler.reset();
    let mut output = [9.0_f32; 400];
    resampler.process(&[0.0; 400], &mut output);
    assert!(output.iter().all(|sample| *sample == 0.0));
    assert!(resampler.is_bit_exact());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_block_size_changes_nothing(
        ppm in -1000.0_f64..1000.0, later_ppm in -1000.0_f64..1000.0,
        blocks in prop::collection::vec(1_usize..700, 1..12), seed: u32,
    ) {
        let mut whole = DriftResampler::new();
        let mut parts = DriftResampler::new();
        let mut sources = (noise(seed), noise(seed));
        for target in [ppm, later_ppm, 0.0] {
            whole.set_ppm(target);
            parts.set_ppm(target);
            let total = blocks.iter().sum();
            let expected = pull(&mut whole, &mut sources.0, total, total);
            let mut got = Vec::new();
            for block_frames in &blocks {
                got.extend(pull(&mut parts, &mut sources.1, *block_frames, *block_frames));
            }
            prop_assert_eq!(&expected, &got);
        }
    }
}

#[test]
fn silence_costs_nothing_and_what_follows_is_the_same() {
    let mut resampler = DriftResampler::new();
    let mut reckons = DriftResampler::new();
    [&mut resampler, &mut reckons].into_iter().for_each(|of| of.set_ppm(137.0));
    let mut source = noise(5);
    let (mut output, mut expected) = ([1.0; 128], [0.0; 128]);
    let mut skipped = 0;
    for block in 0..300 {
        let needed = resampler.needed_input(64);
        let is_silent = (100..200).contains(&block);
        let input: Vec<f32> = (0..needed).flat_map(|_| if is_silent { [0.0; 2] } else { source() }).collect();
        skipped += usize::from(is_silent && resampler.silent_frames >= TAPS);
        // One that has just heard something looks at everything.
        reckons.silent_frames = 0;
        assert_eq!(resampler.process(&input, &mut output), reckons.process(&input, &mut expected));
        assert_eq!((output, resampler.fraction()), (expected, reckons.fraction()), "block {block}");
    }
    assert_eq!(skipped, 99);
}
