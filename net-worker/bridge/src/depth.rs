//! How full the return rings are kept: as much as the next call will take, and hardly more.
//!
//! The worker fills the rings right after each ring of the doorbell, so what is in them was decided that long before it is
//! heard: every sample frame more is latency. The level is what is taken between two rings of the bell, the largest block or
//! recurring run of calls in one breath (hosts that split a big block; one that catches up after it was late is no reason for
//! more), and a margin that recurring underruns raise and time lets fall. A single one raises nothing: the worker had a whole
//! block's time, so it stood still for longer than any margin worth having.

use backline_audio::SampleRate;

use crate::WAKE_FRAMES;

/// Calls closer than this belong together: the worker had no time to fill in between.
const BREATH_S: f64 = 0.002;
/// From the doorbell until the worker has written, on a busy machine. Blocks of 48 and more last longer than that.
const RESPONSE_S: f64 = 0.001;
/// What each underrun too many adds to the margin.
const MARGIN_RAISE_S: f64 = 0.000_5;
/// So many underruns are no habit yet; one is forgotten every second.
const UNDERRUNS_FORGIVEN: f64 = 3.0;
/// The margin never exceeds this.
pub(crate) const MARGIN_MAX_S: f64 = 0.02;
/// Underruns closer than this count once.
const UNDERRUN_S: f64 = 0.05;
/// After so long without a raise the margin falls by half.
const CALM_S: f64 = 5.0;
/// How long the largest run is remembered, at least (twice that at most).
const REMEMBER_S: f64 = 1.0;
/// A run of calls counts from the time on that it was seen so often.
const RECURRING: usize = 3;

/// Derives the fill level from the calls.
#[derive(Debug)]
pub(crate) struct ReturnDepth {
    rate_hz: f64,
    fill_max_frames: usize,
    run_frames: usize,
    last_block_frames: usize,
    largest_now_frames: usize,
    largest_before_frames: usize,
    /// The largest runs, largest first.
    runs_now: [usize; RECURRING],
    runs_before: [usize; RECURRING],
    largest_age_s: f64,
    margin_s: f64,
    /// Underruns that are not forgotten.
    recent_underruns: f64,
    since_underrun_s: f64,
    since_raise_s: f64,
}

impl ReturnDepth {
    pub(crate) fn new(sample_rate: SampleRate, fill_max_frames: usize) -> Self {
        Self {
            rate_hz: f64::from(sample_rate.hz()),
            fill_max_frames,
            run_frames: 0,
            last_block_frames: 0,
            largest_now_frames: 0,
            largest_before_frames: 0,
            runs_now: [0; RECURRING],
            runs_before: [0; RECURRING],
            largest_age_s: 0.0,
            margin_s: 0.0,
            recent_underruns: 0.0,
            since_underrun_s: UNDERRUN_S,
            since_raise_s: 0.0,
        }
    }

    /// A call of `frames`, `elapsed_s` after the one before.
    pub(crate) fn block(&mut self, frames: usize, elapsed_s: f64) {
        let breath_s = BREATH_S.min(self.last_block_frames as f64 / (4.0 * self.rate_hz));
        if elapsed_s < breath_s {
            self.run_frames = (self.run_frames + frames).min(self.fill_max_frames);
        } else {
            insert(&mut self.runs_now, self.run_frames);
            self.run_frames = frames.min(self.fill_max_frames);
        }
        self.last_block_frames = frames;
        self.remember(elapsed_s, frames.min(self.fill_max_frames));
        self.recent_underruns = (self.recent_underruns - elapsed_s).max(0.0);
        self.since_underrun_s += elapsed_s;
        self.since_raise_s += elapsed_s;
        if self.since_raise_s > CALM_S {
            self.since_raise_s = 0.0;
            self.margin_s /= 2.0;
        }
    }

    /// A playing slot ran empty. Where the host took more in one breath than there could be, because it makes up for having
    /// been late, no margin would have helped.
    pub(crate) fn underrun(&mut self) {
        if self.run_frames > self.fill_frames() {
            return;
        }
        if self.since_underrun_s >= UNDERRUN_S {
            self.recent_underruns += 1.0;
            if self.recent_underruns > UNDERRUNS_FORGIVEN {
                self.margin_s = (self.margin_s + MARGIN_RAISE_S).min(MARGIN_MAX_S);
                self.since_raise_s = 0.0;
            }
        }
        self.since_underrun_s = 0.0;
    }

    /// To what level the rings are to be filled, in sample frames.
    pub(crate) fn fill_frames(&self) -> usize {
        let block = self.largest_now_frames.max(self.largest_before_frames);
        let largest = block.max(self.recurring_run());
        if largest == 0 {
            return 0;
        }
        // Blocks smaller than WAKE_FRAMES are taken several to a bell.
        let between_bells = if largest < WAKE_FRAMES { WAKE_FRAMES + largest } else { largest };
        let response = ((RESPONSE_S * self.rate_hz) as usize).saturating_sub(largest);
        let margin = (self.margin_s * self.rate_hz).round() as usize;
        (between_bells + response + margin).min(self.fill_max_frames)
    }

    fn recurring_run(&self) -> usize {
        let mut runs = self.runs_now;
        self.runs_before.iter().for_each(|run| insert(&mut runs, *run));
        runs[RECURRING - 1]
    }

    fn remember(&mut self, elapsed_s: f64, block_frames: usize) {
        self.largest_age_s += elapsed_s;
        if self.largest_age_s > REMEMBER_S {
            self.largest_age_s = 0.0;
            self.largest_before_frames = self.largest_now_frames;
            self.largest_now_frames = 0;
            self.runs_before = std::mem::take(&mut self.runs_now);
        }
        self.largest_now_frames = self.largest_now_frames.max(block_frames);
    }
}

/// Keeps the largest, largest first.
fn insert(runs: &mut [usize; RECURRING], run: usize) {
    let mut run = run;
    for kept in runs {
        if run > *kept {
            std::mem::swap(&mut run, kept);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn depth_after(blocks: &[(usize, f64)]) -> usize {
        let mut depth = ReturnDepth::new(SampleRate::NETWORK, 20_000);
        for (frames, elapsed_s) in blocks {
            depth.block(*frames, *elapsed_s);
        }
        depth.fill_frames()
    }

    #[test]
    fn one_block_and_not_a_sample_more() {
        assert_eq!(depth_after(&[(64, 64.0 / 48_000.0); 20]), 64);
        assert_eq!(depth_after(&[(8192, 8192.0 / 48_000.0); 20]), 8192);
    }

    #[test]
    fn tiny_blocks_cover_the_time_between_bells() {
        let fill = depth_after(&[(1, 1.0 / 48_000.0); 200]);
        assert!((70..=90).contains(&fill), "{fill}");
    }

    #[test]
    fn a_block_split_by_the_host_counts_whole() {
        let mut blocks = vec![(64, 0.010_5)];
        blocks.extend([(64, 0.000_02); 7]);
        let blocks: Vec<_> = blocks.iter().copied().cycle().take(80).collect();
        assert_eq!(depth_after(&blocks), 512);
    }

    #[test]
    fn a_host_that_catches_up_now_and_then_costs_no_latency() {
        let mut blocks = vec![(64, 64.0 / 48_000.0); 700];
        blocks.push((64, 0.006));
        blocks.extend([(64, 0.000_02); 3]);
        let blocks: Vec<_> = blocks.iter().copied().cycle().take(5_000).collect();
        assert_eq!(depth_after(&blocks), 64);
    }

    #[test]
    fn recurring_underruns_raise_it_and_time_lets_it_fall() {
        let mut depth = ReturnDepth::new(SampleRate::NETWORK, 20_000);
        depth.block(64, 0.0);
        let before = depth.fill_frames();
        for _ in 0..5 {
            depth.underrun();
            depth.underrun();
            (0..75).for_each(|_| depth.block(64, 64.0 / 48_000.0));
        }
        assert_eq!(
            depth.fill_frames(),
            before + 48,
            "the fourth and the fifth; two in one breath count once"
        );
        for _ in 0..30_000 {
            depth.block(64, 64.0 / 48_000.0);
        }
        assert!(depth.fill_frames() <= before + 2, "{}", depth.fill_frames());
    }

    #[test]
    fn an_underrun_now_and_then_costs_no_latency() {
        let mut depth = ReturnDepth::new(SampleRate::NETWORK, 20_000);
        for _ in 0..5 {
            depth.underrun();
            (0..75).for_each(|_| depth.block(64, 64.0 / 48_000.0));
        }
        assert!(depth.fill_frames() > 64, "a habit");
        for _ in 0..100 {
            (0..1_500).for_each(|_| depth.block(64, 64.0 / 48_000.0));
            depth.underrun();
        }
        assert_eq!(depth.fill_frames(), 64);
    }

    #[test]
    fn a_host_that_catches_up_raises_no_margin() {
        let mut depth = ReturnDepth::new(SampleRate::NETWORK, 20_000);
        (0..80).for_each(|_| depth.block(64, 64.0 / 48_000.0));
        depth.block(64, 0.008);
        depth.block(64, 0.000_02);
        depth.underrun();
        assert_eq!(depth.fill_frames(), 64);
    }

    #[test]
    fn a_large_block_is_forgotten_after_two_seconds() {
        let mut depth = ReturnDepth::new(SampleRate::NETWORK, 20_000);
        depth.block(4096, 0.0);
        for _ in 0..1600 {
            depth.block(64, 64.0 / 48_000.0);
        }
        assert_eq!(depth.fill_frames(), 64);
    }
}
