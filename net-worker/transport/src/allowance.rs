//! How much somebody may use of what costs us something: a token bucket.

use std::time::{Duration, Instant};

/// So many a second, and this much at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// What comes back in a second.
    pub per_second: f64,
    /// What is there at most.
    pub burst: f64,
}

impl Rate {
    /// At once as much as in `time`, at least one.
    pub fn over(per_second: f64, time: Duration) -> Self {
        Self { per_second, burst: (per_second * time.as_secs_f64()).max(1.0) }
    }
}

/// What is left of a [`Rate`] for one person or address.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    left: f64,
    at: Instant,
}

impl Allowance {
    /// All of it.
    pub fn full(rate: Rate, now: Instant) -> Self {
        Self { left: rate.burst, at: now }
    }

    /// Takes this much; false when so much is not there, and then nothing is taken.
    pub fn spend(&mut self, rate: Rate, amount: f64, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at);
        self.at = self.at.max(now);
        self.left = (self.left + passed.as_secs_f64() * rate.per_second).min(rate.burst);
        let is_there = self.left >= amount;
        if is_there {
            self.left -= amount;
        }
        is_there
    }

    /// Nothing was taken for so long that it is as good as new.
    pub fn is_full(&self, rate: Rate, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at);
        self.left + passed.as_secs_f64() * rate.per_second >= rate.burst
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests may look at the clock")]
mod tests {
    use super::*;

    #[test]
    fn a_second_gives_a_seconds_worth_and_no_more() {
        let start = Instant::now();
        let rate = Rate::over(100.0, Duration::from_millis(500));
        let mut allowance = Allowance::full(rate, start);
        let spent =
            |allowance: &mut Allowance, now| (0..1_000).filter(|_| allowance.spend(rate, 1.0, now)).count();
        assert_eq!(spent(&mut allowance, start), 50);
        assert_eq!(spent(&mut allowance, start + Duration::from_millis(200)), 20);
        assert_eq!(spent(&mut allowance, start + Duration::from_secs(60)), 50);
        assert_eq!(spent(&mut allowance, start), 0, "a clock that runs back gives nothing");
        assert!(!allowance.is_full(rate, start + Duration::from_secs(60)));
        assert!(allowance.is_full(rate, start + Duration::from_secs(61)));
    }

    #[test]
    fn what_is_too_much_takes_nothing() {
        let start = Instant::now();
        let rate = Rate { per_second: 10.0, burst: 10.0 };
        let mut allowance = Allowance::full(rate, start);
        assert!(!allowance.spend(rate, 11.0, start));
        assert!(allowance.spend(rate, 10.0, start));
    }
}
