//! How long something takes: counted by length, in steps of a quarter of an octave, so that p50, p95, p99 and the longest are known without keeping
//! any single time.
//!
//! To count one is some shifts and an addition: no memory is taken and nothing is divided. The step before is a shard's turn; the step after is
//! `metrics.rs` and the API.

use std::ops::AddAssign;
use std::time::Duration;

/// The finest that is told apart.
const TICK_NS: u64 = 250;
/// From 1 µs to 16.8 s; what is shorter or longer counts as that.
const OCTAVES: usize = 24;
const STEPS: usize = 4;
const BUCKETS: usize = OCTAVES * STEPS;

/// Times by their length, since the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    counts: [u64; BUCKETS],
    count: u64,
    sum: Duration,
    longest: Duration,
}

impl Default for Spread {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], count: 0, sum: Duration::ZERO, longest: Duration::ZERO }
    }
}

impl Spread {
    /// Counts one.
    pub fn record(&mut self, time: Duration) {
        self.counts[bucket_of(time)] += 1;
        self.count += 1;
        self.sum += time;
        self.longest = self.longest.max(time);
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// All together.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// The longest; zero without any.
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The time that this share (0 to 1) does not exceed, at most a quarter too long; zero without any.
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut sum = 0;
        let found = self.counts.iter().position(|count| {
            sum += count;
            sum >= wanted
        });
        found.map_or(Duration::ZERO, |bucket| end_of(bucket).min(self.longest))
    }

    /// How many are in each octave, with its end in seconds.
    pub fn octaves(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let octaves = self.counts.chunks_exact(STEPS).enumerate();
        octaves.map(|(octave, counts)| {
            (end_of(octave * STEPS + STEPS - 1).as_secs_f64(), counts.iter().sum::<u64>())
        })
    }
}

impl AddAssign<&Spread> for Spread {
    fn add_assign(&mut self, other: &Spread) {
        self.counts.iter_mut().zip(other.counts).for_each(|(sum, more)| *sum += more);
        self.count += other.count;
        self.sum += other.sum;
        self.longest = self.longest.max(other.longest);
    }
}

fn bucket_of(time: Duration) -> usize {
    let ticks = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX) / TICK_NS;
    let octave = ticks.max(STEPS as u64).ilog2() as usize - 2;
    let step = (ticks.max(STEPS as u64) >> octave) as usize - STEPS;
    (octave * STEPS + step).min(BUCKETS - 1)
}

fn end_of(bucket: usize) -> Duration {
    let (octave, step) = (bucket / STEPS, bucket % STEPS);
    Duration::from_nanos(TICK_NS * (((STEPS + step + 1) as u64) << octave))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_the_bucket_that_ends_after_it() {
        for time_ns in (0..60).flat_map(|octave| [1_u64 << octave, (3 << octave) / 2, (1 << octave) + 1]) {
            let time = Duration::from_nanos(time_ns);
            let bucket = bucket_of(time);
            let begins = if bucket == 0 { Duration::ZERO } else { end_of(bucket - 1) };
            assert!(begins <= time, "{time:?} in {bucket}");
            assert!(time < end_of(bucket) || bucket == BUCKETS - 1, "{time:?} in {bucket}");
        }
    }

    #[test]
    fn quantiles_are_those_of_what_was_counted() {
        let mut spread = Spread::default();
        assert_eq!((spread.quantile(0.99), spread.longest()), (Duration::ZERO, Duration::ZERO));
        (1..=1_000).for_each(|time_us| spread.record(Duration::from_micros(time_us)));
        for share in [0.5, 0.95, 0.99] {
            let (exact, told) = (share * 1e-3, spread.quantile(share).as_secs_f64());
            assert!(exact <= told && told <= exact * 1.25, "{share}: {told}");
        }
        assert_eq!(spread.quantile(1.0), Duration::from_millis(1));
        assert_eq!(spread.octaves().map(|(_, count)| count).sum::<u64>(), 1_000);
        let before = spread;
        spread += &before;
        assert_eq!((spread.count(), spread.sum()), (2_000, 2 * before.sum()));
    }
}
