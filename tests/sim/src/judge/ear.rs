//! What can be said of a sound by itself, over any length of time: how sharply it bends, and where it is digital silence.

/// Zeros in a row that are silence (one alone is a tone on its way through zero).
const SILENT_FRAMES_MIN: u64 = 4;

/// Listens piece by piece.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Ear {
    last: [f32; 2],
    heard_frames: u64,
    zeros: u64,
    /// The largest second difference of the left side so far.
    pub sharpest_bend: f32,
    /// Sample frames of digital silence so far, four or more in a row.
    pub silent_frames: u64,
}

impl Ear {
    /// The next piece.
    pub fn feed(&mut self, heard: &[[f32; 2]]) {
        for frame in heard {
            let bend = (self.last[0] - 2.0 * self.last[1] + frame[0]).abs();
            if self.heard_frames >= 2 {
                self.sharpest_bend = self.sharpest_bend.max(bend);
            }
            self.last = [self.last[1], frame[0]];
            self.heard_frames += 1;
            self.zeros = if *frame == [0.0; 2] { self.zeros + 1 } else { 0 };
            self.silent_frames += match self.zeros {
                SILENT_FRAMES_MIN => SILENT_FRAMES_MIN,
                more if more > SILENT_FRAMES_MIN => 1,
                _ => 0,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{roughness, silent_frames};

    #[test]
    fn pieces_are_heard_as_the_whole() {
        let mut sound: Vec<[f32; 2]> = (0..1_000).map(|at| [(at as f32 * 0.1).sin() + 0.001; 2]).collect();
        sound[300..310].fill([0.0; 2]);
        sound[500..503].fill([0.0; 2]);
        let mut ear = Ear::default();
        sound.chunks(7).for_each(|piece| ear.feed(piece));
        assert_eq!(ear.sharpest_bend, roughness(&sound));
        assert_eq!((ear.silent_frames, silent_frames(&sound, 0)), (10, 10));
    }
}
