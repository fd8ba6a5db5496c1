//! How long things took: counts in fixed logarithmic classes, from which percentiles are read.
//!
//! Recording is a shift and an addition and allocates nothing; the difference of two of them is the time between. The step before is a driver that
//! measures its turns, or the load generator; the step after is a snapshot of the shard.

use std::time::Duration;

/// Classes of one octave: a value is known to a sixteenth.
const STEPS: usize = 16;
const STEP_BITS: u32 = STEPS.ilog2();
/// The finest class: 256 ns.
const UNIT_BITS: u32 = 8;
/// Octaves above the linear part: up to 1,100 s.
const OCTAVES: usize = 28;
/// How many classes there are.
const CLASSES: usize = STEPS * (OCTAVES + 1);

/// Counts of durations.
#[derive(Clone, PartialEq, Eq)]
pub struct Spread {
    counts: Box<[u64; CLASSES]>,
    count: u64,
    sum: Duration,
    longest: Duration,
}

impl Spread {
    /// Counts one.
    pub fn record(&mut self, time: Duration) {
        self.counts[class_of(time)] += 1;
        self.count += 1;
        self.sum += time;
        self.longest = self.longest.max(time);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest of all; of a difference as exactly as its class says.
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// As long as this, or less, took this share (0 to 1) of them. Zero where nothing was counted.
    pub fn quantile(&self, share: f64) -> Duration {
        let rank = (share.clamp(0.0, 1.0) * self.count as f64).ceil().max(1.0) as u64;
        let mut sum = 0;
        for (class, count) in self.counts() {
            sum += count;
            if sum >= rank {
                return upper_edge(class).min(self.longest);
            }
        }
        Duration::ZERO
    }

    /// The share (0 to 1) that took longer than this, as exactly as the classes are. Zero where nothing was counted.
    pub fn share_above(&self, time: Duration) -> f64 {
        let above: u64 =
            self.counts().filter(|(class, _)| *class > class_of(time)).map(|(_, count)| count).sum();
        above as f64 / self.count.max(1) as f64
    }

    /// What was counted since `earlier`, which was this one.
    pub fn since(&self, earlier: &Self) -> Self {
        let mut since = Self::default();
        for (class, count) in self.counts() {
            since.put(class, count.saturating_sub(earlier.counts[class]));
        }
        since.longest = since.longest.min(self.longest);
        since
    }

    /// All times together; nothing of what came by [`Spread::from_counts`].
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// How many are in each octave, with its end.
    pub fn octaves(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        let octaves = self.counts.chunks_exact(STEPS).enumerate();
        octaves.map(|(octave, counts)| (upper_edge(octave * STEPS + STEPS - 1), counts.iter().sum()))
    }

    /// Each class that is not empty, and its count: what [`Spread::from_counts`] takes.
    pub fn counts(&self) -> impl Iterator<Item = (usize, u64)> {
        self.counts.iter().copied().enumerate().filter(|(_, count)| *count > 0)
    }

    /// From classes and their counts, as they were told by [`Spread::counts`]; classes that there are not are passed over.
    pub fn from_counts(counts: impl IntoIterator<Item = (usize, u64)>) -> Self {
        let mut spread = Self::default();
        counts.into_iter().filter(|(class, _)| *class < CLASSES).for_each(|(class, n)| spread.put(class, n));
        spread
    }

    fn put(&mut self, class: usize, count: u64) {
        self.counts[class] += count;
        self.count += count;
        if count > 0 {
            self.longest = self.longest.max(upper_edge(class));
        }
    }
}

impl std::ops::AddAssign<&Spread> for Spread {
    fn add_assign(&mut self, other: &Spread) {
        other.counts().for_each(|(class, count)| self.counts[class] += count);
        self.count += other.count;
        self.sum += other.sum;
        self.longest = self.longest.max(other.longest);
    }
}

impl Default for Spread {
    fn default() -> Self {
        Self { counts: Box::new([0; CLASSES]), count: 0, sum: Duration::ZERO, longest: Duration::ZERO }
    }
}

impl std::fmt::Debug for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let quantiles = [0.5, 0.95, 0.99].map(|share| self.quantile(share));
        write!(f, "Spread({} of {quantiles:?}, {:?} at most)", self.count, self.longest)
    }
}

fn class_of(time: Duration) -> usize {
    let units = (time.as_nanos().min(u128::from(u64::MAX)) as u64) >> UNIT_BITS;
    let octave = (units.max(1).ilog2() + 1).saturating_sub(STEP_BITS) as usize;
    if octave == 0 {
        return units as usize;
    }
    if octave > OCTAVES {
        return CLASSES - 1;
    }
    // The top bit is that of the octave; the four below it are the step.
    octave * STEPS + (units >> (octave - 1)) as usize - STEPS
}

/// The longest that a class holds.
fn upper_edge(class: usize) -> Duration {
    let (octave, step) = (class / STEPS, (class % STEPS) as u64);
    let above = if octave == 0 { step + 1 } else { (step + 1 + STEPS as u64) << (octave - 1) };
    Duration::from_nanos((above << UNIT_BITS) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn classes_follow_each_other_without_a_gap() {
        for class in 0..CLASSES - 1 {
            let edge = upper_edge(class);
            assert_eq!(class_of(edge), class, "{edge:?}");
            assert_eq!(class_of(edge + Duration::from_nanos(1)), class + 1, "{edge:?}");
        }
        assert_eq!(class_of(Duration::MAX), CLASSES - 1);
    }

    #[test]
    fn nothing_counted_is_zero() {
        let empty = Spread::default();
        assert_eq!(
            (empty.quantile(0.99), empty.longest(), empty.share_above(Duration::ZERO)),
            Default::default()
        );
    }

    proptest! {
        #[test]
        fn quantiles_are_right_to_a_sixteenth(
            mut times in proptest::collection::vec(0_u64..10_000_000_000, 1..200),
            share in 0.0..=1.0_f64,
        ) {
            let mut spread = Spread::default();
            times.iter().for_each(|nanos| spread.record(Duration::from_nanos(*nanos)));
            times.sort_unstable();
            let rank = ((share * times.len() as f64).ceil() as usize).max(1);
            let exact = times[rank - 1] as f64;
            let told = spread.quantile(share).as_nanos() as f64;
            prop_assert!(told >= exact && told <= exact * (1.0 + 1.0 / 16.0) + 256.0, "{told} for {exact}");
            prop_assert_eq!(spread.longest(), Duration::from_nanos(times[times.len() - 1]));
        }

        #[test]
        fn a_difference_is_what_came_between(
            before in proptest::collection::vec(0_u64..1_000_000_000, 0..50),
            between in proptest::collection::vec(0_u64..1_000_000_000, 0..50),
        ) {
            let mut spread = Spread::default();
            before.iter().for_each(|nanos| spread.record(Duration::from_nanos(*nanos)));
            let earlier = spread.clone();
            let mut alone = Spread::default();
            for nanos in &between {
                spread.record(Duration::from_nanos(*nanos));
                alone.record(Duration::from_nanos(*nanos));
            }
            let since = spread.since(&earlier);
            prop_assert!(since.counts().eq(alone.counts()) && since.count() == alone.count());
            prop_assert_eq!(class_of(since.longest()), class_of(alone.longest()));
            let told = Spread::from_counts(since.counts());
            prop_assert!(told.counts().eq(since.counts()) && told.count() == since.count());
        }
    }
}
