//! Which frames are lost: each by chance, or runs of some length far apart. The same for every way of concealing, by one seed.

/// Losses begin after a second, when every playout plays, and end a quarter of a second before the last frame.
pub const SPARED_FRAMES: usize = 48_000;
const SEED: u64 = 20_261_121;
/// One run of lost frames in so many sample frames (100 ms).
const RUN_EVERY_FRAMES: usize = 4_800;

/// A pattern of losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Losses {
    /// Each frame with this probability, in percent.
    Random(u32),
    /// Runs of so many frames.
    Runs(usize),
}

impl Losses {
    /// For each of `count` packets of `frame_frames` sample frames whether it is lost.
    pub fn pattern(self, count: usize, frame_frames: usize) -> Vec<bool> {
        let spared = SPARED_FRAMES / frame_frames;
        let inside = spared..count.saturating_sub(spared / 4);
        let mut chance = Chance(SEED);
        let mut lost = vec![false; count];
        match self {
            Self::Random(percent) => {
                inside.for_each(|index| lost[index] = chance.unit() < f64::from(percent) / 100.0);
            }
            Self::Runs(length) => {
                let every = RUN_EVERY_FRAMES / frame_frames;
                for start in inside.clone().step_by(every).filter(|start| start + every <= inside.end) {
                    let first = start + (chance.unit() * (every - length) as f64 / 2.0) as usize;
                    lost[first..first + length].fill(true);
                }
            }
        }
        lost
    }
}

struct Chance(u64);

impl Chance {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_what_was_asked_for() {
        let lost = Losses::Random(5).pattern(40_000, 60).iter().filter(|lost| **lost).count();
        assert!((1_800..2_100).contains(&lost), "{lost}");
    }

    #[test]
    fn runs_are_of_one_length_and_far_apart() {
        let lost = Losses::Runs(3).pattern(10_000, 120);
        let runs = lost.chunk_by(|one, next| one == next);
        let lengths: Vec<(bool, usize)> = runs.map(|run| (run[0], run.len())).collect();
        assert!(lengths.iter().filter(|(lost, _)| *lost).all(|(_, length)| *length == 3));
        assert!(lengths.iter().filter(|(lost, _)| !lost).all(|(_, length)| *length > 15));
        assert!(lengths.len() > 200);
    }
}
