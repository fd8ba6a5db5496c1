//! Whether what is heard is exactly what was sent, over any length of time, piece by piece.
//!
//! Not for sounds on another clock: those are never exact, and the [tracker](super::track) follows them.

use std::collections::VecDeque;

/// How much of the beginning is looked at to find the delay, in sample frames (0.3 s).
const PROBE_FRAMES: usize = 14_400;

/// Compares what is heard with what was sent so many sample frames earlier.
///
/// The delay is found once, from 0.3 s of sound, and must be the same from then on.
#[derive(Debug, Clone)]
pub struct Exact {
    sent: VecDeque<[f32; 2]>,
    heard: VecDeque<[f32; 2]>,
    /// Sample frames by which what was heard first lies before the first of what was sent that is still needed.
    delay_frames: Option<usize>,
    delay_frames_max: usize,
    compared_frames: u64,
    wrong_frames: u64,
    wrong_runs: u64,
    wrong_run_frames: u64,
    longest_wrong_frames: u64,
}

impl Exact {
    /// Looks for delays up to `delay_frames_max`.
    pub fn new(delay_frames_max: usize) -> Self {
        Self {
            sent: VecDeque::new(),
            heard: VecDeque::new(),
            delay_frames: None,
            delay_frames_max,
            compared_frames: 0,
            wrong_frames: 0,
            wrong_runs: 0,
            wrong_run_frames: 0,
            longest_wrong_frames: 0,
        }
    }

    /// What was sent and what was heard over the same time. It begins `delay_frames_max` after the first call.
    pub fn feed(&mut self, sent: &[[f32; 2]], heard: &[[f32; 2]]) {
        self.sent.extend(sent);
        self.heard.extend(heard);
        if self.delay_frames.is_none() && self.heard.len() >= self.delay_frames_max + PROBE_FRAMES {
            self.heard.drain(..self.delay_frames_max);
            self.delay_frames = self.find();
            if let Some(delay) = self.delay_frames {
                self.sent.drain(..self.delay_frames_max - delay);
            }
        }
        if self.delay_frames.is_some() {
            self.compare();
        }
    }

    /// The delay, once it is known.
    pub fn delay_frames(&self) -> Option<usize> {
        self.delay_frames
    }

    /// Sample frames that were compared.
    pub fn compared_frames(&self) -> u64 {
        self.compared_frames
    }

    /// Sample frames that were not what had been sent.
    pub fn wrong_frames(&self) -> u64 {
        self.wrong_frames
    }

    /// Stretches of them.
    pub fn wrong_runs(&self) -> u64 {
        self.wrong_runs
    }

    /// The longest of the stretches.
    pub fn longest_wrong_frames(&self) -> u64 {
        self.longest_wrong_frames
    }

    /// The delay at which most of the probe is the same.
    fn find(&self) -> Option<usize> {
        let same = |delay: usize, frames: usize| {
            let sent = self.sent.iter().skip(self.delay_frames_max - delay);
            self.heard.iter().take(frames).zip(sent).filter(|(heard, sent)| heard == sent).count()
        };
        let candidates =
            (0..=self.delay_frames_max).filter(|delay| same(*delay, PROBE_FRAMES / 32) > PROBE_FRAMES / 64);
        let best = candidates.max_by_key(|delay| same(*delay, PROBE_FRAMES))?;
        (same(best, PROBE_FRAMES) > PROBE_FRAMES / 2).then_some(best)
    }

    fn compare(&mut self) {
        let frames = self.sent.len().min(self.heard.len());
        for (sent, heard) in self.sent.drain(..frames).zip(self.heard.drain(..frames)) {
            self.compared_frames += 1;
            if sent == heard {
                self.wrong_run_frames = 0;
                continue;
            }
            self.wrong_frames += 1;
            self.wrong_runs += u64::from(self.wrong_run_frames == 0);
            self.wrong_run_frames += 1;
            self.longest_wrong_frames = self.longest_wrong_frames.max(self.wrong_run_frames);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::grid_noise;

    fn noise(frames: u64) -> Vec<[f32; 2]> {
        let mut noise = grid_noise(3);
        (0..frames).map(&mut noise).collect()
    }

    fn compare(sent: &[[f32; 2]], heard: &[[f32; 2]]) -> Exact {
        let mut exact = Exact::new(4_800);
        for (sent, heard) in sent.chunks(1_000).zip(heard.chunks(1_000)) {
            exact.feed(sent, heard);
        }
        exact
    }

    #[test]
    fn the_same_later_is_exact() {
        let sent = noise(48_000);
        let heard = [vec![[0.0; 2]; 777], sent.clone()].concat();
        let exact = compare(&sent, &heard);
        assert_eq!((exact.delay_frames(), exact.wrong_frames()), (Some(777), 0));
        assert_eq!(exact.compared_frames(), 48_000 - 4_800);
    }

    #[test]
    fn one_wrong_bit_is_found_and_a_sound_that_moved_too() {
        let sent = noise(48_000);
        let mut heard = [vec![[0.0; 2]; 300], sent.clone()].concat();
        heard[40_000][1] += 1.0 / 32_768.0;
        let exact = compare(&sent, &heard);
        assert_eq!((exact.wrong_frames(), exact.wrong_runs(), exact.longest_wrong_frames()), (1, 1, 1));
        heard.remove(30_000);
        assert!(compare(&sent, &heard).wrong_frames() > 17_000);
    }
}
