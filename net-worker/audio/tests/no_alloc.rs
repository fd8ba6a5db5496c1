//! Nothing in the audio crate allocates or frees once it is made: an allocation here ends the test process.

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use backline_audio::{
    CHANNELS, DriftResampler, Gain, Meter, MeterReading, Pan, RateConverter, SampleRate, StereoGain,
    parse_db, strip,
};

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

const BLOCKS_FRAMES: [usize; 9] = [1, 17, 64, 255, 480, 512, 1_024, 4_097, 8_192];

#[test]
fn the_drift_resampler_never_allocates() {
    let mut resampler = DriftResampler::new();
    let input = vec![0.25_f32; 10_000 * CHANNELS];
    let mut output = vec![0.0_f32; 8_192 * CHANNELS];
    assert_no_alloc(|| {
        for ppm in [0.0, 1_000.0, -1_000.0, 12.5, 0.0] {
            resampler.set_ppm(ppm);
            for frames in BLOCKS_FRAMES {
                let needed = resampler.needed_input(frames);
                let consumed =
                    resampler.process(&input[..needed * CHANNELS], &mut output[..frames * CHANNELS]);
                assert_eq!(consumed, needed);
            }
        }
        resampler.reset();
    });
}

#[test]
fn the_rate_converter_does_not_allocate_once_warm() {
    for device_hz in [44_100, 88_200, 96_000, 192_000] {
        let device = SampleRate::new(device_hz).unwrap();
        for (from, to) in [(device, SampleRate::NETWORK), (SampleRate::NETWORK, device)] {
            let mut converter = RateConverter::new(from, to).unwrap();
            let input = vec![0.25_f32; 8_192 * CHANNELS];
            let mut out = Vec::with_capacity(converter.output_bound(8_192) * CHANNELS);
            // From the very first block on: room in `out` is all that it needs.
            assert_no_alloc(|| {
                for frames in BLOCKS_FRAMES {
                    out.clear();
                    converter.push(&input[..frames * CHANNELS], &mut out);
                }
            });
        }
    }
}

#[test]
fn strips_ramps_and_meters_never_allocate() {
    let input = vec![0.25_f32; 8_192 * CHANNELS];
    let (mut left, mut right) = (vec![0.0_f32; 8_192], vec![0.0_f32; 8_192]);
    let mut gain = StereoGain::new(Gain::SILENT, Pan::CENTRE);
    let mut meters = [Meter::new(); 2];
    assert_no_alloc(|| {
        for frames in BLOCKS_FRAMES {
            gain.set_target(Gain::UNITY, Pan::new(0.5), 480);
            strip::mix_interleaved(&input[..frames * CHANNELS], &mut left, &mut right, &mut gain);
            strip::mix_planar([&input, &input], &mut left[..frames], &mut right[..frames], &mut gain);
            gain.left.apply(&mut left[..frames]);
            Meter::add_interleaved(&mut meters, &input);
            assert!(MeterReading::of_planar(&left).peak > 0.0);
        }
        assert!(parse_db("-6,0 dB").is_ok());
    });
}
