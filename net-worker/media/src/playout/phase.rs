//! How much of the depth the phase between two equal clocks spares.
//!
//! The [depth](super::depth) pays for the worst phase between the sender's blocks and the listener's pulls. Two
//! programs on one machine, or on one word clock, keep the phase that they have, and most phases are better:
//! then play may begin a little nearer to the newest packet, as long as every packet in sight would still have
//! come its target before the pull that needs it. With the first sign of drift the loan is paid back.

use super::store::Store;

/// Pulls that are looked at, and the fewest that say something; blocks of 64 in frames of 60 repeat after 15.
const PULLS: usize = 64;
const PULLS_MIN: usize = 20;
/// Most that is ever spared, in ticks: as much as the ratio can pay back before a drift has used it up.
const SPARED_TICKS_MAX: u64 = 128;
/// Accuracy of the search in ticks.
const STEP_TICKS: usize = 4;

/// The latest pulls: when, and how many sample frames had been taken after each.
#[derive(Debug, Clone)]
pub struct Phase {
    pulls: [(f64, u64); PULLS],
    count: usize,
    pulled_frames: u64,
}

impl Phase {
    /// Nothing seen.
    pub fn new() -> Self {
        Self { pulls: [(0.0, 0); PULLS], count: 0, pulled_frames: 0 }
    }

    /// The listener took `frames`.
    pub fn pulled(&mut self, now: f64, frames: usize) {
        self.pulled_frames += frames as u64;
        self.pulls[self.count % PULLS] = (now, self.pulled_frames);
        self.count += 1;
    }

    /// How many ticks later than `end` the latest pull may end, at the most `limit`.
    pub fn spared(&self, store: &Store, end: u64, target_ticks: f64, limit: u64) -> u64 {
        if self.count < PULLS_MIN {
            return 0;
        }
        let limit = limit.min(SPARED_TICKS_MAX);
        let enough = |spared: &u64| {
            self.pulls
                .iter()
                .take(self.count)
                .all(|pull| self.in_time(store, pull, end + spared, target_ticks))
        };
        (1..=limit).rev().step_by(STEP_TICKS).find(enough).unwrap_or(0)
    }

    /// Whether a pull would have found what it needs `target_ticks` old, had the latest pull ended at `end`.
    fn in_time(&self, store: &Store, pull: &(f64, u64), end: u64, target_ticks: f64) -> bool {
        let last = end.saturating_sub(self.pulled_frames - pull.1 + 1);
        match store.covering(last) {
            Some(frame) => pull.0 - frame.arrived >= target_ticks,
            // A lost packet says nothing, one that has not come at all says no.
            None => store.last().is_some_and(|newest| last < newest.end()),
        }
    }
}
