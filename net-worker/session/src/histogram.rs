//! Times of the last twenty seconds or so, by length: how long half of them were, and the longest but one in a hundred.
//!
//! It counts; what the times are is the caller's. Fixed memory, nothing is allocated after the beginning.

use std::time::{Duration, Instant};

/// Accuracy (µs).
const BIN_US: f32 = 100.0;
/// Up to 100 ms; what is longer counts as that.
const BINS: usize = 1_000;
/// The older half is forgotten each time the younger is as old as this.
const HALF: Duration = Duration::from_secs(10);

/// Counts by length, in two halves.
pub(crate) struct Histogram {
    young: Box<[u32; BINS]>,
    old: Box<[u32; BINS]>,
    since: Option<Instant>,
}

impl Histogram {
    pub fn new() -> Self {
        Self { young: Box::new([0; BINS]), old: Box::new([0; BINS]), since: None }
    }

    /// Counts one time.
    pub fn add(&mut self, now: Instant, time_us: f32) {
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) >= HALF {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.fill(0);
            self.since = Some(now);
        }
        let bin = ((time_us / BIN_US).max(0.0) as usize).min(BINS - 1);
        self.young[bin] = self.young[bin].saturating_add(1);
    }

    /// The time (µs, to the next tenth of a millisecond) that this share (0 to 1) does not exceed; none without any.
    pub fn quantile(&self, share: f64) -> Option<f32> {
        let count = |bin: usize| u64::from(self.young[bin]) + u64::from(self.old[bin]);
        let total: u64 = (0..BINS).map(count).sum();
        let wanted = ((total as f64 * share).ceil() as u64).max(1);
        let mut sum = 0;
        let bin = (0..BINS).find(|bin| {
            sum += count(*bin);
            sum >= wanted
        })?;
        Some((bin + 1) as f32 * BIN_US)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an Instant has no other origin")]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_last_seconds() {
        let (mut histogram, start) = (Histogram::new(), Instant::now());
        assert_eq!(histogram.quantile(0.5), None);
        for at in 0..1_000_u64 {
            let time_us = if at % 50 == 0 { 9_000.0 } else { 2_050.0 };
            histogram.add(start + Duration::from_millis(at), time_us);
        }
        assert_eq!((histogram.quantile(0.5), histogram.quantile(0.99)), (Some(2_100.0), Some(9_100.0)));
        for at in 0..30_u64 {
            histogram.add(start + Duration::from_secs(at), 500_000.0);
        }
        assert_eq!(histogram.quantile(0.01), Some(100_000.0));
    }
}
