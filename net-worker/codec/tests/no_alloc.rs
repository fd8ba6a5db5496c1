//! Encoders and decoders do not allocate once their buffers have held a frame, not even when a payload is bad.

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use backline_codec::{Decoder, Encoder, Encoding, MAX_FRAME_FRAMES, OpusFrame, PcmFrame};

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

fn encodings() -> Vec<Encoding> {
    let opus = OpusFrame::ALL.map(|frame| Encoding::Opus { frame, bitrate_bps: 256_000 });
    let pcm =
        PcmFrame::ALL.into_iter().flat_map(|frame| [Encoding::Pcm16 { frame }, Encoding::Pcm24 { frame }]);
    opus.into_iter().chain(pcm).collect()
}

#[test]
fn coding_does_not_allocate_once_warm() {
    for encoding in encodings() {
        let mut encoder = Encoder::new(encoding).unwrap();
        let mut decoder = Decoder::new(encoding.kind()).unwrap();
        let frame: Vec<f32> =
            (0..encoding.frame_frames() * 2).map(|n| (n as f32 * 0.1).sin() * 0.3).collect();
        let (mut payload, mut out) = (Vec::new(), Vec::with_capacity(MAX_FRAME_FRAMES * 2));
        encoder.encode(&frame, &mut payload).unwrap();
        assert_no_alloc(|| {
            for _ in 0..50 {
                encoder.encode(&frame, &mut payload).unwrap();
                assert_eq!(decoder.decode(&payload, &mut out), Ok(encoding.frame_frames()));
                decoder.conceal(encoding.frame_frames(), &mut out);
                assert!(decoder.decode(&[0xff; 7], &mut out).is_err());
            }
            decoder.reset();
        });
    }
}
