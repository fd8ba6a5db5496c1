//! One stereo strip into one stereo bus.
//!
//! Runs in the audio callback, for each slot and each block. It decides nothing: which slot goes to which bus, mute and
//! solo are the caller's. The step before is the slot's return ring (interleaved) or the host's input (planar); the step
//! after is the host's bus.
//!
//! At a settled gain of 1 into an empty bus the samples pass bit for bit (but for the sign of a zero). Lengths: every
//! function mixes as many sample frames as the shortest of its slices holds.

use crate::level::{Gain, Pan};
use crate::ramp::Ramp;

/// The smoothed gains of left and right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StereoGain {
    /// The left channel's.
    pub left: Ramp,
    /// The right channel's.
    pub right: Ramp,
}

impl StereoGain {
    /// Settled on `gain` at `pan`.
    #[must_use]
    pub fn new(gain: Gain, pan: Pan) -> StereoGain {
        let (left, right) = pan.gains();
        StereoGain { left: Ramp::new(gain.then(left)), right: Ramp::new(gain.then(right)) }
    }

    /// Moves there over `length_frames`, both sides together. May be called with every block.
    pub fn set_target(&mut self, gain: Gain, pan: Pan, length_frames: u32) {
        let (left, right) = pan.gains();
        self.left.set_target(gain.then(left), length_frames);
        self.right.set_target(gain.then(right), length_frames);
    }

    /// Passes `frames` sample frames without mixing anything.
    pub fn advance(&mut self, frames: usize) {
        self.left.advance(frames);
        self.right.advance(frames);
    }

    /// Whether both sides have arrived at 0, so that the strip can be left out.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.left.is_silent() && self.right.is_silent()
    }

    /// Whether both sides have arrived.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.left.is_settled() && self.right.is_settled()
    }

    fn moving_frames(&self, frames: usize) -> usize {
        self.left.moving_frames(frames).max(self.right.moving_frames(frames))
    }
}

/// Adds an interleaved block to a planar bus. Returns the sample frames mixed.
pub fn mix_interleaved(source: &[f32], left: &mut [f32], right: &mut [f32], gain: &mut StereoGain) -> usize {
    let (pairs, _) = source.as_chunks::<2>();
    let frames = pairs.len().min(left.len()).min(right.len());
    let (pairs, left, right) = (&pairs[..frames], &mut left[..frames], &mut right[..frames]);
    let moving = gain.moving_frames(frames);
    for index in 0..moving {
        left[index] += pairs[index][0] * gain.left.gain_at(index);
        right[index] += pairs[index][1] * gain.right.gain_at(index);
    }
    gain.advance(frames);
    if moving < frames && !gain.is_silent() {
        let gains = [gain.left.target(), gain.right.target()];
        add_interleaved(&pairs[moving..], &mut left[moving..], &mut right[moving..], gains);
    }
    frames
}

/// Adds a planar block to a planar bus. Returns the sample frames mixed.
pub fn mix_planar(source: [&[f32]; 2], left: &mut [f32], right: &mut [f32], gain: &mut StereoGain) -> usize {
    let frames = source[0].len().min(source[1].len()).min(left.len()).min(right.len());
    add_channel(&source[0][..frames], &mut left[..frames], &mut gain.left);
    add_channel(&source[1][..frames], &mut right[..frames], &mut gain.right);
    frames
}

/// Adds an interleaved block to an interleaved bus. Returns the sample frames mixed.
pub fn mix_into_interleaved(source: &[f32], bus: &mut [f32], gain: &mut StereoGain) -> usize {
    let (pairs, _) = source.as_chunks::<2>();
    let (bus, _) = bus.as_chunks_mut::<2>();
    let frames = pairs.len().min(bus.len());
    let moving = gain.moving_frames(frames);
    for (index, (pair, sum)) in pairs.iter().zip(bus.iter_mut()).take(moving).enumerate() {
        sum[0] += pair[0] * gain.left.gain_at(index);
        sum[1] += pair[1] * gain.right.gain_at(index);
    }
    gain.advance(frames);
    if gain.is_silent() {
        return frames;
    }
    let gains = [gain.left.target(), gain.right.target()];
    for (pair, sum) in pairs.iter().zip(bus.iter_mut()).skip(moving) {
        sum[0] += pair[0] * gains[0];
        sum[1] += pair[1] * gains[1];
    }
    frames
}

/// Adds one channel to one channel; `source` and `bus` have the same length.
fn add_channel(source: &[f32], bus: &mut [f32], ramp: &mut Ramp) {
    let moving = ramp.moving_frames(source.len());
    for (index, (sum, sample)) in bus.iter_mut().zip(source).take(moving).enumerate() {
        *sum += sample * ramp.gain_at(index);
    }
    ramp.advance(moving);
    if ramp.is_silent() {
        return;
    }
    let gain = ramp.target();
    for (sum, sample) in bus[moving..].iter_mut().zip(&source[moving..]) {
        *sum += sample * gain;
    }
}

/// The settled part of [`mix_interleaved`]; the slices have the same length, so that the loop has no checks in it.
fn add_interleaved(pairs: &[[f32; 2]], left: &mut [f32], right: &mut [f32], gains: [f32; 2]) {
    for ((pair, left), right) in pairs.iter().zip(left).zip(right) {
        *left += pair[0] * gains[0];
        *right += pair[1] * gains[1];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn unity_into_an_empty_bus_is_bit_exact() {
        let source: Vec<f32> = (1..=200).map(|n| (n as f32).sin() * 1e-3 / n as f32).collect();
        let (mut left, mut right) = ([0.0_f32; 100], [0.0_f32; 100]);
        let mut gain = StereoGain::new(Gain::UNITY, Pan::CENTRE);
        assert_eq!(mix_interleaved(&source, &mut left, &mut right, &mut gain), 100);
        for (index, pair) in source.chunks(2).enumerate() {
            assert_eq!(
                [left[index].to_bits(), right[index].to_bits()],
                [pair[0].to_bits(), pair[1].to_bits()]
            );
        }
    }

    #[test]
    fn the_shortest_slice_decides() {
        let mut gain = StereoGain::new(Gain::UNITY, Pan::CENTRE);
        let (mut left, mut right) = ([0.0_f32; 3], [0.0_f32; 5]);
        assert_eq!(mix_interleaved(&[1.0; 9], &mut left, &mut right, &mut gain), 3);
        assert_eq!(right, [1.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(mix_planar([&[1.0; 2], &[1.0; 9]], &mut left, &mut right, &mut gain), 2);
        assert_eq!(mix_into_interleaved(&[1.0; 8], &mut [0.0; 5], &mut gain), 2);
    }

    #[test]
    fn a_silent_strip_adds_nothing_not_even_a_nan() {
        let mut gain = StereoGain::new(Gain::SILENT, Pan::CENTRE);
        let (mut left, mut right) = ([0.5_f32; 4], [0.5_f32; 4]);
        mix_interleaved(&[f32::NAN; 8], &mut left, &mut right, &mut gain);
        mix_planar([&[f32::NAN; 4], &[f32::NAN; 4]], &mut left, &mut right, &mut gain);
        assert_eq!((left, right), ([0.5; 4], [0.5; 4]));
    }

    proptest! {
        #[test]
        fn the_three_shapes_agree(
            source in prop::collection::vec((-1.0_f32..1.0, -1.0_f32..1.0), 0..300),
            level in 0.0_f32..2.0, pan in -1.0_f32..1.0, length_frames in 0_u32..200, block_frames in 1_usize..90,
        ) {
            let mut gains = [StereoGain::new(Gain::UNITY, Pan::CENTRE); 3];
            gains.iter_mut().for_each(|gain| gain.set_target(Gain::new(level), Pan::new(pan), length_frames));
            for block in source.chunks(block_frames) {
                let interleaved: Vec<f32> = block.iter().flat_map(|(l, r)| [*l, *r]).collect();
                let (own_left, own_right): (Vec<f32>, Vec<f32>) = block.iter().copied().unzip();
                let mut bus = [vec![0.1_f32; block.len()], vec![0.2_f32; block.len()]];
                let mut other = bus.clone();
                let mut third: Vec<f32> = (0..block.len()).flat_map(|_| [0.1, 0.2]).collect();
                let [left, right] = &mut bus;
                mix_interleaved(&interleaved, left, right, &mut gains[0]);
                let [left, right] = &mut other;
                mix_planar([&own_left, &own_right], left, right, &mut gains[1]);
                mix_into_interleaved(&interleaved, &mut third, &mut gains[2]);
                prop_assert_eq!(&bus, &other);
                for (index, pair) in third.chunks(2).enumerate() {
                    prop_assert_eq!([bus[0][index], bus[1][index]], [pair[0], pair[1]]);
                }
            }
        }
    }
}
