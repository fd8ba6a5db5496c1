//! What a block costs: `cargo bench -p backline-audio`. A figure for 64 sample frames, divided by 64, is ns per frame.

use backline_audio::{
    CHANNELS, DriftResampler, Gain, Meter, Pan, RateConverter, SampleRate, StereoGain, strip,
};
use divan::{Bencher, black_box};

const BLOCK_FRAMES: usize = 64;

fn main() {
    divan::main();
}

fn noise(frames: usize) -> Vec<f32> {
    (0..frames * CHANNELS).map(|n| ((n * 7_919 % 1_009) as f32 / 504.5 - 1.0) * 0.5).collect()
}

#[divan::bench(args = ["settled", "moving", "silent"])]
fn strip_interleaved_64(bencher: Bencher, state: &str) {
    let source = noise(BLOCK_FRAMES);
    let (mut left, mut right) = ([0.0_f32; BLOCK_FRAMES], [0.0_f32; BLOCK_FRAMES]);
    let level = if state == "silent" { Gain::SILENT } else { Gain::UNITY };
    let mut gain = StereoGain::new(level, Pan::new(0.1));
    bencher.bench_local(|| {
        if state == "moving" {
            gain = StereoGain::new(Gain::UNITY, Pan::CENTRE);
            gain.set_target(Gain::new(0.5), Pan::new(0.1), 480);
        }
        strip::mix_interleaved(black_box(&source), &mut left, &mut right, &mut gain)
    });
}

#[divan::bench]
fn meter_interleaved_64(bencher: Bencher) {
    let source = noise(BLOCK_FRAMES);
    let mut meters = [Meter::new(); 2];
    bencher.bench_local(|| {
        Meter::add_interleaved(&mut meters, black_box(&source));
        meters[0].take()
    });
}

#[divan::bench(args = [0.0, 50.0, 1000.0])]
fn drift_64(bencher: Bencher, ppm: f64) {
    let mut resampler = DriftResampler::new();
    let input = noise(BLOCK_FRAMES + 2);
    let mut output = [0.0_f32; BLOCK_FRAMES * CHANNELS];
    resampler.set_ppm(ppm);
    for _ in 0..200 {
        resampler.process(&input, &mut output);
    }
    bencher.bench_local(|| {
        let needed = resampler.needed_input(BLOCK_FRAMES);
        resampler.process(black_box(&input[..needed * CHANNELS]), black_box(&mut output))
    });
}

#[divan::bench(args = [44_100, 88_200, 96_000, 192_000])]
fn device_to_network_64(bencher: Bencher, device_hz: u32) {
    convert(bencher, device_hz, 48_000);
}

#[divan::bench(args = [44_100, 88_200, 96_000, 192_000])]
fn network_to_device_64(bencher: Bencher, device_hz: u32) {
    convert(bencher, 48_000, device_hz);
}

fn convert(bencher: Bencher, from_hz: u32, to_hz: u32) {
    let rate = |rate_hz| SampleRate::new(rate_hz).unwrap_or(SampleRate::NETWORK);
    let Ok(mut converter) = RateConverter::new(rate(from_hz), rate(to_hz)) else { return };
    let input = noise(BLOCK_FRAMES);
    let mut out = Vec::new();
    bencher.bench_local(|| {
        out.clear();
        converter.push(black_box(&input), &mut out);
        out.len()
    });
}
