//! PCM payloads: big-endian integers as RFC 3551 (L16) and RFC 3190 (L24) want them.
//!
//! Scaled by a power of two, rounded to the nearest, clamped, not dithered: a sample on the grid comes back bit for bit.
//! Loss is not concealed here: `media` does that. The step before is the encoder, the step after the packet.

/// Appends `samples` as 16-bit integers. NaN becomes 0.
pub(crate) fn write_l16(samples: &[f32], payload: &mut Vec<u8>) {
    let start = payload.len();
    payload.resize(start + samples.len() * 2, 0);
    let (places, _) = payload[start..].as_chunks_mut::<2>();
    for (place, sample) in places.iter_mut().zip(samples) {
        *place = (quantise(*sample, SCALE_16) as i16).to_be_bytes();
    }
}

/// Appends `samples` as 24-bit integers. NaN becomes 0.
pub(crate) fn write_l24(samples: &[f32], payload: &mut Vec<u8>) {
    let start = payload.len();
    payload.resize(start + samples.len() * 3, 0);
    let (places, _) = payload[start..].as_chunks_mut::<3>();
    for (place, sample) in places.iter_mut().zip(samples) {
        let [_, high, middle, low] = quantise(*sample, SCALE_24).to_be_bytes();
        *place = [high, middle, low];
    }
}

/// Appends the samples of an L16 payload; bytes after the last whole sample are ignored.
pub(crate) fn read_l16(payload: &[u8], samples: &mut Vec<f32>) {
    let (places, _) = payload.as_chunks::<2>();
    samples.extend(places.iter().map(|place| f32::from(i16::from_be_bytes(*place)) / SCALE_16));
}

/// Appends the samples of an L24 payload; bytes after the last whole sample are ignored.
pub(crate) fn read_l24(payload: &[u8], samples: &mut Vec<f32>) {
    let (places, _) = payload.as_chunks::<3>();
    samples.extend(places.iter().map(|[high, middle, low]| {
        // At the top of 32 bits the sign is right; the 8 bits below are empty.
        let at_the_top = i32::from_be_bytes([*high, *middle, *low, 0]);
        (at_the_top >> 8) as f32 / SCALE_24
    }));
}

/// To the nearest integer, halves away from zero, limited to −`scale` … `scale` − 1.
#[inline]
fn quantise(sample: f32, scale: f32) -> i32 {
    let scaled = (sample * scale).clamp(-scale, scale - 1.0);
    // The cast cuts towards zero and turns NaN into 0. Unlike `f32::round` it needs no call on baseline x86-64.
    (scaled + 0.5_f32.copysign(scaled)) as i32
}

const SCALE_16: f32 = 32_768.0;
const SCALE_24: f32 = 8_388_608.0;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn all_of_the_16_bit_grid_comes_back() {
        let samples: Vec<f32> = (i16::MIN..=i16::MAX).map(|n| f32::from(n) / SCALE_16).collect();
        let (mut payload, mut again) = (Vec::new(), Vec::new());
        write_l16(&samples, &mut payload);
        read_l16(&payload, &mut again);
        assert!(samples.iter().zip(&again).all(|(a, b)| a.to_bits() == b.to_bits()));
    }

    #[test]
    fn all_of_the_24_bit_grid_comes_back() {
        for start in (-8_388_608..8_388_608).step_by(1 << 16) {
            let samples: Vec<f32> = (start..start + (1 << 16)).map(|n| n as f32 / SCALE_24).collect();
            let (mut payload, mut again) = (Vec::new(), Vec::new());
            write_l24(&samples, &mut payload);
            read_l24(&payload, &mut again);
            assert!(samples.iter().zip(&again).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }

    #[test]
    fn extremes_are_clamped() {
        let mut payload = Vec::new();
        write_l16(&[1.0, -1.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1e30], &mut payload);
        assert_eq!(payload, [0x7f, 0xff, 0x80, 0, 0x7f, 0xff, 0x80, 0, 0, 0, 0x7f, 0xff]);
        payload.clear();
        write_l24(&[1.0, -1.0, f32::NAN, 0.5], &mut payload);
        assert_eq!(payload, [0x7f, 0xff, 0xff, 0x80, 0, 0, 0, 0, 0, 0x40, 0, 0]);
    }

    proptest! {
        #[test]
        fn rounding_is_to_the_nearest(sample in -1.0_f32..0.9999) {
            let (mut payload, mut again) = (Vec::new(), Vec::new());
            write_l16(&[sample], &mut payload);
            read_l16(&payload, &mut again);
            prop_assert!((again[0] - sample).abs() <= 0.5 / SCALE_16);
            payload.clear();
            again.clear();
            write_l24(&[sample], &mut payload);
            read_l24(&payload, &mut again);
            prop_assert!((again[0] - sample).abs() <= 0.5001 / SCALE_24);
        }
    }
}
