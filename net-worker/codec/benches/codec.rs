//! What a frame costs: `cargo bench -p backline-codec`.

use backline_codec::{Decoder, Encoder, Encoding, OpusFrame, PcmFrame};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

const ENCODINGS: [Encoding; 6] = [
    Encoding::Opus { frame: OpusFrame::Ms2_5, bitrate_bps: 256_000 },
    Encoding::Opus { frame: OpusFrame::Ms5, bitrate_bps: 128_000 },
    Encoding::Opus { frame: OpusFrame::Ms10, bitrate_bps: 128_000 },
    Encoding::Opus { frame: OpusFrame::Ms20, bitrate_bps: 128_000 },
    Encoding::Pcm16 { frame: PcmFrame::F60 },
    Encoding::Pcm24 { frame: PcmFrame::F120 },
];

/// A few frames of a moving chord, so that the codec works as it does on music.
fn frames(encoding: Encoding) -> Vec<Vec<f32>> {
    let frame_frames = encoding.frame_frames();
    let sample = |n: usize, hz: f32| (n as f32 / 48_000.0 * hz * std::f32::consts::TAU).sin() * 0.1;
    let pair = |n: usize| [196.0, 246.9, 293.7].map(|hz| [sample(n, hz), sample(n, hz * 2.01)]);
    let sum = |n: usize| pair(n).iter().fold([0.0; 2], |a, b| [a[0] + b[0], a[1] + b[1]]);
    (0..64).map(|k| (k * frame_frames..(k + 1) * frame_frames).flat_map(sum).collect()).collect()
}

#[divan::bench(args = ENCODINGS)]
fn encode(bencher: Bencher, encoding: &Encoding) {
    let Ok(mut encoder) = Encoder::new(*encoding) else { return };
    let (frames, mut payload, mut next) = (frames(*encoding), Vec::new(), 0);
    bencher.bench_local(|| {
        next = (next + 1) % frames.len();
        encoder.encode(black_box(&frames[next]), &mut payload).is_ok()
    });
}

#[divan::bench(args = ENCODINGS)]
fn decode(bencher: Bencher, encoding: &Encoding) {
    let (Ok(mut encoder), Ok(mut decoder)) = (Encoder::new(*encoding), Decoder::new(encoding.kind())) else {
        return;
    };
    let mut payloads = vec![Vec::new(); 64];
    for (frame, payload) in frames(*encoding).iter().zip(&mut payloads) {
        if encoder.encode(frame, payload).is_err() {
            return;
        }
    }
    let (mut out, mut next) = (Vec::new(), 0);
    bencher.bench_local(|| {
        next = (next + 1) % payloads.len();
        decoder.decode(black_box(&payloads[next]), &mut out).is_ok()
    });
}
