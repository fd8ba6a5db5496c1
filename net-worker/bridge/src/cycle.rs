//! One time for all instances that a host calls in one cycle, so that what they capture there lies side by side to the sample.
//!
//! A host calls the instances of a project one after the other, or side by side on several threads. The first that is called
//! begins the cycle, and its time is that of all. Who is called again knows by that alone that another cycle has begun: times
//! decide only where an instance was not called in the cycle before. Lock-free; one word holds number and time.
//! Step before: `AudioEnd::process`. Step after: the marks in `capture.rs`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sync::{AtomicU64, Ordering};

/// Low bits: when the cycle began, in ns since the origin (it wraps after almost five hours). Above them: its number.
const TIME_BITS: u32 = 44;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;
const NUMBER_MASK: u64 = (1 << (64 - TIME_BITS)) - 1;
/// When the cycle before the first began.
const LONG_AGO_NS: u64 = 3_600_000_000_000;
/// Another instance begins a cycle at the very moment that we do: so often it is looked at again.
const ATTEMPTS: usize = 8;

/// The cycles of a process; shared by all its instances.
pub struct CycleClock {
    word: AtomicU64,
    origin: Instant,
}

/// One instance in the cycles.
pub(crate) struct CycleMember {
    clock: Arc<CycleClock>,
    /// The cycle in which it was called last.
    last: Option<u64>,
}

impl CycleClock {
    /// Before the first cycle. `origin` is any time before it. [main-thread]
    pub fn new(origin: Instant) -> Self {
        Self { word: AtomicU64::new(TIME_MASK + 1 - LONG_AGO_NS), origin }
    }

    fn ns_of(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.origin).as_nanos() as u64 & TIME_MASK
    }
}

impl CycleMember {
    pub(crate) fn new(clock: Arc<CycleClock>) -> Self {
        Self { clock, last: None }
    }

    /// The instance is called at `now` for a block of this length; returns when the cycle began. [audio-thread]
    pub(crate) fn join(&mut self, now: Instant, block: Duration) -> Instant {
        let now_ns = self.clock.ns_of(now);
        for _ in 0..ATTEMPTS {
            let word = self.clock.word.load(Ordering::Acquire);
            let number = word >> TIME_BITS;
            let age = Duration::from_nanos(age_ns(now_ns, word & TIME_MASK));
            if self.takes_part(number, age, block) {
                self.last = Some(number);
                return now.checked_sub(age).unwrap_or(now);
            }
            let next = number.wrapping_add(1) & NUMBER_MASK;
            let began = self.clock.word.compare_exchange(
                word,
                next << TIME_BITS | now_ns,
                Ordering::AcqRel,
                Ordering::Acquire,
            );
            if began.is_ok() {
                self.last = Some(next);
                return now;
            }
        }
        now
    }

    /// Whether this call belongs to the cycle that is `age` old.
    fn takes_part(&self, number: u64, age: Duration, block: Duration) -> bool {
        match self.last {
            Some(last) if last == number => false,
            // It was called in the cycle before: this is the next one, however long the others took.
            Some(last) if last.wrapping_add(1) & NUMBER_MASK == number => age < 2 * block,
            // New here, or back after a while: whatever is nearer.
            _ => age < block / 2,
        }
    }
}

/// From then to now. Another thread may have looked at the clock a moment later than we did: that is no time at all.
fn age_ns(now_ns: u64, began_ns: u64) -> u64 {
    let age = now_ns.wrapping_sub(began_ns) & TIME_MASK;
    if age > TIME_MASK / 2 { 0 } else { age }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BLOCK: Duration = Duration::from_micros(1_333);

    #[expect(clippy::disallowed_methods, reason = "an instant has no other constructor, and any will do")]
    fn origin() -> Instant {
        Instant::now()
    }

    fn us(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    #[test]
    fn one_instance_alone_keeps_its_own_times() {
        let origin = origin();
        let mut alone = CycleMember::new(Arc::new(CycleClock::new(origin)));
        for at in [0, 1_333, 2_600, 2_610, 90_000].map(us) {
            assert_eq!(alone.join(origin + at, BLOCK), origin + at);
        }
    }

    #[test]
    fn whoever_comes_back_is_in_the_nearer_cycle() {
        let origin = origin();
        let clock = Arc::new(CycleClock::new(origin));
        let [mut ada, mut bob] = [0, 1].map(|_| CycleMember::new(Arc::clone(&clock)));
        ada.join(origin, BLOCK);
        assert_eq!(bob.join(origin + us(1_300), BLOCK), origin + us(1_300), "first of the next cycle");
        assert_eq!(ada.join(origin + us(1_400), BLOCK), origin + us(1_300));
        assert_eq!(bob.join(origin + us(2_650), BLOCK), origin + us(2_650));
        assert_eq!(ada.join(origin + us(9_000), BLOCK), origin + us(9_000), "after a pause");
    }

    proptest! {
        /// In any order within a cycle, however unevenly the cycles come and however long each takes.
        #[test]
        fn all_that_are_called_in_a_cycle_get_one_time(
            cycles in prop::collection::vec(
                (Just([0_usize, 1, 2, 3]).prop_shuffle(), 0..300_u64, prop::array::uniform4(0..250_u64)), 1..60
            )
        ) {
            let origin = origin();
            let clock = Arc::new(CycleClock::new(origin));
            let mut members: Vec<_> = (0..4).map(|_| CycleMember::new(Arc::clone(&clock))).collect();
            for (number, (order, late, took)) in cycles.into_iter().enumerate() {
                let mut now = origin + BLOCK * number as u32 + us(late);
                let began = now;
                for (member, took) in order.into_iter().zip(took) {
                    // In the first cycle they are new to each other, and come closely.
                    prop_assert_eq!(members[member].join(now, BLOCK), began);
                    now += us(if number == 0 { took / 2 } else { took });
                }
            }
        }
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use loom::thread;

    use super::*;

    /// Two instances that are called at once on two threads are in one cycle, and have one time.
    #[test]
    fn loom_two_that_begin_at_once_are_in_one_cycle() {
        loom::model(|| {
            let origin = Instant::now();
            let (now, block) = (origin + Duration::from_millis(9), Duration::from_millis(2));
            let clock = Arc::new(CycleClock::new(origin));
            let mut other = CycleMember::new(Arc::clone(&clock));
            let mut one = CycleMember::new(Arc::clone(&clock));
            let thread = thread::spawn(move || other.join(now + Duration::from_micros(3), block));
            let began = one.join(now, block);
            assert!(began.max(thread.join().unwrap()) - began.min(began) <= Duration::from_micros(3));
            assert_eq!(clock.word.load(Ordering::Acquire) >> TIME_BITS, 1);
        });
    }
}
