//! Whatever the bytes are, the answer is finite samples or an error, and the decoder goes on working.

use super::*;
use crate::encoder::Encoder;
use crate::encoding::{Encoding, OpusFrame};
use crate::test_signals::chord;
use proptest::prelude::*;
use std::sync::LazyLock;

fn music_payloads(count: usize) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(Encoding::Opus { frame: OpusFrame::Ms2_5, bitrate_bps: 256_000 }).unwrap();
    (0..count)
        .map(|k| {
            let frame: Vec<f32> = (k * 120..k * 120 + 120).flat_map(chord).collect();
            let mut payload = Vec::new();
            encoder.encode(&frame, &mut payload).unwrap();
            payload
        })
        .collect()
}

fn rms(samples: &[f32]) -> f32 {
    (samples.iter().map(|x| x * x).sum::<f32>() / samples.len() as f32).sqrt()
}

#[test]
fn sizes_that_no_frame_has_are_errors() {
    for (kind, frame_bytes) in [(PayloadKind::L16, 4), (PayloadKind::L24, 6)] {
        let mut decoder = Decoder::new(kind).unwrap();
        let mut out = Vec::new();
        for payload_bytes in 0..3_000 {
            let decoded = decoder.decode(&vec![7; payload_bytes], &mut out);
            let is_whole = payload_bytes % frame_bytes == 0;
            if is_whole && (60..=240).contains(&(payload_bytes / frame_bytes)) {
                assert_eq!(decoded.map(|frames| frames * 2), Ok(out.len()));
            } else {
                assert_eq!(decoded, Err(CodecError::PayloadSize { kind, payload_bytes }));
                assert!(out.is_empty());
            }
        }
    }
}

#[test]
fn an_empty_or_endless_opus_payload_is_an_error() {
    let mut decoder = Decoder::new(PayloadKind::Opus).unwrap();
    let mut out = vec![1.0];
    for payload in [vec![], vec![0xff; 70_000]] {
        let error = decoder.decode(&payload, &mut out).unwrap_err();
        assert_eq!(error, CodecError::PayloadSize { kind: PayloadKind::Opus, payload_bytes: payload.len() });
        assert!(out.is_empty());
    }
    // Config 3 is 60 ms of SILK: RFC 6716 section 3.1.
    let error = decoder.decode(&[3 << 3, 1, 2, 3], &mut out).unwrap_err();
    assert_eq!(error, CodecError::PayloadTooLong { frames: 2_880 });
}

#[test]
fn opus_conceals_music_and_fades() {
    let mut decoder = Decoder::new(PayloadKind::Opus).unwrap();
    let mut out = Vec::new();
    for payload in music_payloads(80) {
        decoder.decode(&payload, &mut out).unwrap();
    }
    let before = rms(&out);
    decoder.conceal(120, &mut out);
    assert_eq!(out.len(), 240);
    println!("first concealed frame: {:.1} dB", 20.0 * (rms(&out) / before).log10());
    assert!(rms(&out) > before * 0.5, "{} of {before}", rms(&out));
    for _ in 0..400 {
        decoder.conceal(120, &mut out);
    }
    assert!(rms(&out) < before * 0.05, "{} of {before}", rms(&out));
}

#[test]
fn concealment_has_any_length() {
    for kind in PayloadKind::ALL {
        let mut decoder = Decoder::new(kind).unwrap();
        let mut out = Vec::new();
        for frames in [0, 1, 60, 119, 120, 121, 959, 960, 961, 5_000] {
            decoder.conceal(frames, &mut out);
            assert_eq!(out.len(), frames * 2);
        }
    }
}

#[test]
fn after_a_reset_it_decodes_as_if_new() {
    let payloads = music_payloads(20);
    let (mut used, mut fresh) =
        (Decoder::new(PayloadKind::Opus).unwrap(), Decoder::new(PayloadKind::Opus).unwrap());
    let (mut out, mut expected) = (Vec::new(), Vec::new());
    for payload in &payloads {
        used.decode(payload, &mut out).unwrap();
    }
    used.reset();
    for payload in &payloads {
        used.decode(payload, &mut out).unwrap();
        fresh.decode(payload, &mut expected).unwrap();
        assert_eq!(out, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn random_bytes_never_panic(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 1..8)) {
        for kind in PayloadKind::ALL {
            let mut decoder = Decoder::new(kind).unwrap();
            let mut out = Vec::new();
            for payload in &payloads {
                match decoder.decode(payload, &mut out) {
                    Ok(frames) => prop_assert!(out.len() == frames * 2 && frames > 0 && frames <= MAX_FRAME_FRAMES),
                    Err(_) => prop_assert!(out.is_empty()),
                }
                prop_assert!(out.iter().all(|sample| sample.is_finite()));
            }
        }
    }

    #[test]
    fn damaged_payloads_do_no_lasting_harm(
        damage in prop::collection::vec((0_usize..40, any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        static PAYLOADS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| music_payloads(40));
        let mut payloads = PAYLOADS.clone();
        for (packet, place, byte) in &damage {
            let payload = &mut payloads[*packet];
            let at = place.index(payload.len());
            payload[at] ^= byte;
        }
        let mut decoder = Decoder::new(PayloadKind::Opus).unwrap();
        let mut out = Vec::new();
        for payload in &payloads {
            if decoder.decode(payload, &mut out).is_err() {
                decoder.conceal(120, &mut out);
            }
            prop_assert!(out.iter().all(|sample| sample.is_finite()));
        }
        decoder.conceal(120, &mut out);
        prop_assert_eq!(out.len(), 240);
    }
}

/// A tone, silence for longer than an encoder takes to find it silent, and the tone again.
fn tone_silence_tone() -> Vec<Vec<u8>> {
    let encoding = Encoding::Opus { frame: OpusFrame::Ms2_5, bitrate_bps: 128_000 };
    let mut encoder = Encoder::new(encoding).unwrap();
    let frame = |number: usize| -> Vec<f32> {
        let is_silent = (100..2_000).contains(&number);
        let sample = |at: usize| ((number * 120 + at / 2) as f32 * 0.05).sin() * 0.5;
        (0..240).map(|at| if is_silent { 0.0 } else { sample(at) }).collect()
    };
    let encode = |number| {
        let mut payload = Vec::new();
        encoder.encode(&frame(number), &mut payload).unwrap();
        payload
    };
    (0..2_100).map(encode).collect()
}

#[test]
fn a_stream_that_rests_is_not_decoded_and_sounds_the_same_afterwards() {
    let payloads = tone_silence_tone();
    let mut decoder = Decoder::new(PayloadKind::Opus).unwrap();
    let mut asked = start_opus().unwrap();
    let (mut out, mut expected) = (Vec::new(), Vec::new());
    let mut rested = 0;
    for payload in &payloads {
        rested += usize::from(decoder.rest.silent_frames(payload).is_some());
        assert_eq!(decoder.decode(payload, &mut out).unwrap(), 120);
        decode_opus(&mut asked, payload, &mut expected).unwrap();
        let worst = out.iter().zip(&expected).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
        assert!(worst < 1e-12, "{worst:e}");
    }
    assert!(rested > 500, "{rested} of {} payloads", payloads.len());
}

#[test]
fn what_follows_a_loss_is_decoded() {
    let payloads = tone_silence_tone();
    let mut decoder = Decoder::new(PayloadKind::Opus).unwrap();
    let mut out = Vec::new();
    for payload in &payloads[..1_900] {
        decoder.decode(payload, &mut out).unwrap();
    }
    assert!(decoder.rest.silent_frames(&payloads[1_900]).is_some());
    decoder.conceal(120, &mut out);
    assert!(decoder.rest.silent_frames(&payloads[1_900]).is_none());
    decoder.decode(&payloads[1_900], &mut out).unwrap();
    decoder.reset();
    assert!(decoder.rest.silent_frames(&payloads[1_901]).is_none());
}
