//! Where the next output lies between two input samples, and how that moves.
//!
//! All integers, in units of 2⁻⁴⁰ sample frames: no rounding, no drift of its own, the same on every machine. It touches
//! no audio. The step before is `set_ppm`; the step after is the kernel.

/// The largest ratio deviation in either direction: a drift of 1000 ppm, and a tenth more to get back to where it began.
pub const MAX_CORRECTION_PPM: f64 = 1100.0;

/// Bits after the point of a phase.
pub(super) const FRACTION_BITS: u32 = 40;

/// Position and speed of the output on the input.
#[derive(Clone, Debug)]
pub(super) struct Phase {
    /// 0 ≤ fraction < [`ONE`].
    fraction: i64,
    /// How much more than one input frame an output frame consumes, now.
    excess: i64,
    /// Where `excess` glides to.
    target: i64,
}

impl Phase {
    pub(super) fn new() -> Phase {
        Phase { fraction: 0, excess: 0, target: 0 }
    }

    pub(super) fn set_target_ppm(&mut self, drift_ppm: f64) {
        // A cast of NaN gives 0.
        self.target =
            (drift_ppm.clamp(-MAX_CORRECTION_PPM, MAX_CORRECTION_PPM) * UNITS_PER_PPM).round() as i64;
    }

    pub(super) fn ppm(&self) -> f64 {
        self.excess as f64 / UNITS_PER_PPM
    }

    pub(super) fn target_ppm(&self) -> f64 {
        self.target as f64 / UNITS_PER_PPM
    }

    /// In units of 2⁻⁴⁰.
    #[inline]
    pub(super) fn fraction(&self) -> u64 {
        self.fraction as u64
    }

    pub(super) fn is_at_rest(&self) -> bool {
        self.fraction == 0 && self.excess == 0 && self.target == 0
    }

    /// One output frame on; returns the input frames consumed (0, 1 or 2).
    #[inline]
    pub(super) fn step(&mut self) -> usize {
        let wish = if self.target == 0 { self.homing_speed() } else { self.target };
        self.excess += (wish - self.excess).clamp(-GLIDE_PER_FRAME, GLIDE_PER_FRAME);
        let position = self.fraction + ONE + self.excess;
        self.fraction = position & (ONE - 1);
        (position >> FRACTION_BITS) as usize
    }

    /// `out_frames` output frames on, exactly as that many [`step`](Self::step)s; returns the input frames consumed.
    pub(super) fn advance(&mut self, out_frames: usize) -> usize {
        let mut consumed = 0;
        for done in 0..out_frames {
            if self.is_steady() {
                return consumed + self.advance_steadily(out_frames - done);
            }
            consumed += self.step();
        }
        consumed
    }

    /// Whether the speed will not change any more.
    fn is_steady(&self) -> bool {
        self.is_at_rest() || (self.target != 0 && self.excess == self.target)
    }

    fn advance_steadily(&mut self, out_frames: usize) -> usize {
        let position =
            i128::from(self.fraction) + (i128::from(ONE) + i128::from(self.excess)) * out_frames as i128;
        self.fraction = (position & i128::from(ONE - 1)) as i64;
        (position >> FRACTION_BITS) as usize
    }

    /// The speed that leads to the nearest whole sample frame: at first constant, then ever slower, at the end one step
    /// that lands on it.
    fn homing_speed(&self) -> i64 {
        let way = if self.fraction < ONE / 2 { -self.fraction } else { ONE - self.fraction };
        if way.abs() <= GLIDE_PER_FRAME {
            return way;
        }
        let speed = (way.abs() >> HOMING_SHIFT).clamp(GLIDE_PER_FRAME, HOMING_MAX);
        speed * way.signum()
    }
}

/// One sample frame.
const ONE: i64 = 1 << FRACTION_BITS;
const UNITS_PER_PPM: f64 = ONE as f64 / 1_000_000.0;
/// 0.2 ppm for each sample frame: the full range takes 100 ms, far quicker than any drift moves, and far slower than
/// what would be heard as a step of pitch.
const GLIDE_PER_FRAME: i64 = ONE / 5_000_000;
/// 25 ppm: a thirtieth of a cent.
const HOMING_MAX: i64 = ONE / 40_000;
/// The way home shrinks with a time constant of 4096 sample frames.
const HOMING_SHIFT: u32 = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_million_frames_at_100_ppm_consume_100_more() {
        let mut phase = Phase::new();
        phase.set_target_ppm(100.0);
        phase.advance(10_000);
        let consumed = phase.advance(1_000_000);
        assert!((1_000_099..=1_000_101).contains(&consumed), "{consumed}");
        assert!((phase.ppm() - 100.0).abs() < 1e-5);
    }

    #[test]
    fn it_comes_home_from_everywhere_within_a_second() {
        for (speed_ppm, frames) in
            [(1000.0, 12_345), (-1000.0, 54_321), (3.0, 100_000), (-0.001, 77), (250.0, 2_001)]
        {
            let mut phase = Phase::new();
            phase.set_target_ppm(speed_ppm);
            phase.advance(frames);
            phase.set_target_ppm(0.0);
            phase.advance(48_000);
            assert!(phase.is_at_rest(), "{speed_ppm} ppm: {phase:?}");
        }
    }

    #[test]
    fn nonsense_is_limited() {
        let mut phase = Phase::new();
        phase.set_target_ppm(f64::NAN);
        assert!(phase.is_at_rest());
        phase.set_target_ppm(f64::INFINITY);
        assert!((phase.target_ppm() - MAX_CORRECTION_PPM).abs() < 1e-6);
        phase.set_target_ppm(-1e300);
        assert!((phase.target_ppm() + MAX_CORRECTION_PPM).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn advancing_equals_stepping(changes in prop::collection::vec((-1200.0_f64..1200.0, 0_usize..9_000), 1..6)) {
            let mut leaper = Phase::new();
            let mut walker = Phase::new();
            for (ppm, frames) in changes {
                // Now and then home.
                let ppm = if ppm.abs() < 200.0 { 0.0 } else { ppm };
                leaper.set_target_ppm(ppm);
                walker.set_target_ppm(ppm);
                let walked: usize = (0..frames).map(|_| walker.step()).sum();
                prop_assert_eq!(leaper.advance(frames), walked);
                prop_assert_eq!(leaper.fraction, walker.fraction);
                prop_assert_eq!(leaper.excess, walker.excess);
            }
        }
    }
}
