//! What goes in comes out: grid samples bit for bit, sines clean, everything else without harm.

use super::*;
use crate::decoder::Decoder;
use crate::encoding::PcmFrame;
use crate::test_signals::chord;

fn opus(frame: OpusFrame, bitrate_bps: u32) -> Encoding {
    Encoding::Opus { frame, bitrate_bps }
}

/// Codes and decodes a second of `source`; returns SNR in dB at the delay that the encoder states, and mean payload bytes.
fn round_trip(encoding: Encoding, source: impl Fn(usize) -> [f32; 2]) -> (f64, f64) {
    let mut encoder = Encoder::new(encoding).unwrap();
    let mut decoder = Decoder::new(encoding.kind()).unwrap();
    let (mut payload, mut out, mut heard, mut bytes, mut packets) =
        (Vec::new(), Vec::new(), Vec::new(), 0, 0);
    let frame_frames = encoding.frame_frames();
    for start in (0..48_000).step_by(frame_frames) {
        let frame: Vec<f32> = (start..start + frame_frames).flat_map(&source).collect();
        encoder.encode(&frame, &mut payload).unwrap();
        (bytes, packets) = (bytes + payload.len(), packets + 1);
        assert_eq!(decoder.decode(&payload, &mut out), Ok(frame_frames));
        heard.extend_from_slice(&out);
    }
    let (mut signal, mut error) = (0.0, 0.0);
    for n in 4_800..heard.len() / 2 {
        let sent = source(n - encoder.delay_frames());
        for channel in 0..2 {
            signal += f64::from(sent[channel]).powi(2);
            error += f64::from(heard[n * 2 + channel] - sent[channel]).powi(2);
        }
    }
    (10.0 * (signal / error).log10(), bytes as f64 / packets as f64)
}

#[test]
fn opus_at_every_frame_and_rate() {
    for (frame, bitrate_bps, least_db) in [
        (OpusFrame::Ms2_5, 256_000, 25.0),
        (OpusFrame::Ms2_5, 128_000, 15.0),
        (OpusFrame::Ms2_5, 512_000, 30.0),
        (OpusFrame::Ms5, 128_000, 20.0),
        (OpusFrame::Ms10, 128_000, 20.0),
        (OpusFrame::Ms20, 512_000, 30.0),
        (OpusFrame::Ms20, 16_000, 2.0),
    ] {
        let encoding = opus(frame, bitrate_bps);
        let (snr_db, bytes) = round_trip(encoding, chord);
        let nominal = f64::from(bitrate_bps) / 8.0 * frame.frames() as f64 / 48_000.0;
        println!("{encoding}: SNR {snr_db:.1} dB, {bytes:.1} bytes (nominal {nominal:.1})");
        assert!(snr_db > least_db, "{encoding}: {snr_db:.1} dB");
        assert!(bytes < nominal * 1.1 + 4.0, "{encoding}: {bytes:.1} bytes");
    }
}

#[test]
fn opus_states_its_look_ahead() {
    for frame in OpusFrame::ALL {
        assert_eq!(Encoder::new(opus(frame, 128_000)).unwrap().delay_frames(), 120);
    }
    assert_eq!(Encoder::new(Encoding::Pcm16 { frame: PcmFrame::F60 }).unwrap().delay_frames(), 0);
}

#[test]
fn pcm_is_transparent_on_its_grid() {
    for frame in PcmFrame::ALL {
        for (encoding, scale) in
            [(Encoding::Pcm16 { frame }, 32_768.0_f32), (Encoding::Pcm24 { frame }, 8_388_608.0)]
        {
            let samples: Vec<f32> =
                (0..frame.frames()).flat_map(chord).map(|sample| (sample * scale).round() / scale).collect();
            let (mut payload, mut out) = (Vec::new(), Vec::new());
            Encoder::new(encoding).unwrap().encode(&samples, &mut payload).unwrap();
            let decoded = Decoder::new(encoding.kind()).unwrap().decode(&payload, &mut out);
            assert_eq!(decoded, Ok(frame.frames()));
            assert_eq!(out, samples);
            assert_eq!(payload.len() * 8 * 48_000, frame.frames() * encoding.payload_bps() as usize);
        }
    }
}

#[test]
fn rates_outside_the_limits_are_refused() {
    for bitrate_bps in [0, 15_999, 512_001, u32::MAX] {
        let error = Encoder::new(opus(OpusFrame::Ms5, bitrate_bps)).unwrap_err();
        assert_eq!(error, CodecError::Bitrate { bitrate_bps });
    }
}

#[test]
fn other_lengths_are_refused_and_leave_nothing() {
    for encoding in [opus(OpusFrame::Ms2_5, 64_000), Encoding::Pcm16 { frame: PcmFrame::F120 }] {
        let mut encoder = Encoder::new(encoding).unwrap();
        let mut payload = vec![1];
        for samples in [0, 1, 120, 239, 241, 480] {
            let error = encoder.encode(&vec![0.0; samples], &mut payload).unwrap_err();
            assert_eq!(error, CodecError::FrameLength { expected_samples: 240, samples });
            assert!(payload.is_empty());
        }
    }
}

#[test]
fn what_is_no_number_does_no_lasting_harm() {
    let encoding = opus(OpusFrame::Ms2_5, 256_000);
    let mut encoder = Encoder::new(encoding).unwrap();
    let mut decoder = Decoder::new(encoding.kind()).unwrap();
    let (mut payload, mut out) = (Vec::new(), Vec::new());
    let mut last_peak = 0.0_f32;
    for n in 0..200 {
        let value = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX];
        let frame = match n {
            20 => (0..240).map(|k| value[k % 4]).collect(),
            _ => vec![0.0; 240],
        };
        encoder.encode(&frame, &mut payload).unwrap();
        decoder.decode(&payload, &mut out).unwrap();
        last_peak = out.iter().fold(0.0, |a, b| a.max(b.abs()));
        assert!(out.iter().all(|sample| sample.is_finite()));
    }
    assert!(last_peak < 1e-3, "{last_peak}");
}
