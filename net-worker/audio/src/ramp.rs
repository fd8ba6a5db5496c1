//! A gain that moves to its target in a straight line, one step for each sample frame.
//!
//! Not a filter: it arrives exactly, after a known number of sample frames, and leaves no residue. The step before is
//! a [`crate::Gain`] from a parameter; the step after is [`crate::strip`], or any block that is multiplied.

use crate::level::Gain;

/// A linear gain ramp. Once settled on 1.0 it passes audio bit for bit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ramp {
    target: f32,
    /// How much the gain changes with each sample frame.
    step: f32,
    /// Sample frames until the target is reached.
    remaining_frames: u32,
}

impl Ramp {
    /// Settled on `gain`.
    #[must_use]
    pub fn new(gain: Gain) -> Ramp {
        Ramp { target: gain.linear(), step: 0.0, remaining_frames: 0 }
    }

    /// Moves to `gain` over the next `length_frames` sample frames; the last of them has exactly the target. 0 jumps.
    /// Asking again for the target that it is already moving to changes nothing, so this may be called with every block.
    pub fn set_target(&mut self, gain: Gain, length_frames: u32) {
        if gain.linear() == self.target && length_frames > 0 {
            return;
        }
        let start = self.current();
        self.target = gain.linear();
        self.remaining_frames = length_frames;
        self.step = match length_frames {
            0 => 0.0,
            frames => (self.target - start) / frames as f32,
        };
    }

    /// Jumps to `gain` now.
    pub fn jump(&mut self, gain: Gain) {
        *self = Ramp::new(gain);
    }

    /// Applies the gain to one channel, in place.
    pub fn apply(&mut self, samples: &mut [f32]) {
        let (moving, settled) = samples.split_at_mut(self.moving_frames(samples.len()));
        for (index, sample) in moving.iter_mut().enumerate() {
            *sample *= self.gain_at(index);
        }
        self.advance(moving.len());
        match self.target {
            1.0 => {}
            0.0 => settled.fill(0.0),
            target => settled.iter_mut().for_each(|sample| *sample *= target),
        }
    }

    /// Applies the gain to interleaved stereo, in place: one step for each pair.
    pub fn apply_interleaved(&mut self, samples: &mut [f32]) {
        let (pairs, _) = samples.as_chunks_mut::<2>();
        let (moving, settled) = pairs.split_at_mut(self.moving_frames(pairs.len()));
        for (index, pair) in moving.iter_mut().enumerate() {
            let gain = self.gain_at(index);
            *pair = [pair[0] * gain, pair[1] * gain];
        }
        self.advance(moving.len());
        match self.target {
            1.0 => {}
            0.0 => settled.as_flattened_mut().fill(0.0),
            target => settled.as_flattened_mut().iter_mut().for_each(|sample| *sample *= target),
        }
    }

    /// Passes `frames` sample frames without applying them to anything.
    pub fn advance(&mut self, frames: usize) {
        let passed = self.moving_frames(frames) as u32;
        self.remaining_frames -= passed;
        if self.remaining_frames == 0 {
            self.step = 0.0;
        }
    }

    /// The gain of the sample frame `index` frames ahead, counted from 0. [`Ramp::advance`] moves on.
    #[inline]
    #[must_use]
    pub fn gain_at(&self, index: usize) -> f32 {
        // Counted back from the end, so that rounding errors neither add up nor remain.
        let frames_left = self.remaining_frames as i32 - 1 - index as i32;
        self.target - self.step * frames_left.max(0) as f32
    }

    /// How many of the next `frames` sample frames are still moving.
    #[inline]
    #[must_use]
    pub fn moving_frames(&self, frames: usize) -> usize {
        frames.min(self.remaining_frames as usize)
    }

    /// The gain of the latest sample frame.
    #[must_use]
    pub fn current(&self) -> f32 {
        self.target - self.step * self.remaining_frames as f32
    }

    /// Where it goes.
    #[must_use]
    pub fn target(&self) -> f32 {
        self.target
    }

    /// Whether it has arrived.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.remaining_frames == 0
    }

    /// Whether it has arrived at 0, so that what it is applied to need not be computed.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.is_settled() && self.target == 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn arrives_exactly_and_passes_unity_bit_for_bit() {
        let mut ramp = Ramp::new(Gain::SILENT);
        ramp.set_target(Gain::UNITY, 7);
        let mut block = [1.0_f32; 10];
        ramp.apply(&mut block);
        assert!((block[0] - 1.0 / 7.0).abs() < 1e-6);
        assert_eq!(block[6..], [1.0; 4]);
        let odd = [0.1_f32, -0.3, f32::MIN_POSITIVE, 1e-30];
        let mut block = odd;
        ramp.apply(&mut block);
        assert_eq!(block, odd);
    }

    #[test]
    fn the_same_target_does_not_restart_it() {
        let mut ramp = Ramp::new(Gain::SILENT);
        for _ in 0..4 {
            ramp.set_target(Gain::UNITY, 64);
            ramp.apply(&mut [0.0; 16]);
        }
        assert!(ramp.is_settled());
    }

    #[test]
    fn a_length_of_zero_jumps_even_while_moving() {
        let mut ramp = Ramp::new(Gain::SILENT);
        ramp.set_target(Gain::UNITY, 64);
        ramp.set_target(Gain::UNITY, 0);
        assert!(ramp.is_settled());
        assert_eq!(ramp.current(), 1.0);
    }

    proptest! {
        #[test]
        fn it_never_steps_and_never_overshoots(
            targets in prop::collection::vec((0.0_f32..4.0, 1_u32..300, 1_usize..200), 1..20),
        ) {
            let mut ramp = Ramp::new(Gain::UNITY);
            for (target, length_frames, block_frames) in targets {
                let before = ramp.current();
                ramp.set_target(Gain::new(target), length_frames);
                let largest_step = (target - before).abs() / length_frames as f32 + 1e-5;
                let mut block = vec![1.0_f32; block_frames];
                ramp.apply(&mut block);
                let mut last = before;
                for gain in block {
                    prop_assert!((gain - last).abs() <= largest_step);
                    prop_assert!(gain >= before.min(target) - 1e-5 && gain <= before.max(target) + 1e-5);
                    last = gain;
                }
                if block_frames >= length_frames as usize {
                    prop_assert_eq!(last, target);
                }
            }
        }

        #[test]
        fn interleaved_equals_planar(
            target in 0.0_f32..4.0, length_frames in 0_u32..100, samples in prop::collection::vec(-1.0_f32..1.0, 0..200),
        ) {
            let mut planar = Ramp::new(Gain::UNITY);
            planar.set_target(Gain::new(target), length_frames);
            let mut interleaved = planar;
            let mut pairs: Vec<f32> = samples.iter().flat_map(|sample| [*sample, -*sample]).collect();
            let mut single = samples;
            planar.apply(&mut single);
            interleaved.apply_interleaved(&mut pairs);
            for (pair, sample) in pairs.chunks(2).zip(single) {
                prop_assert_eq!(pair[0], sample);
                prop_assert_eq!(pair[1], -sample);
            }
        }
    }
}
