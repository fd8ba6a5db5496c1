//! What one direction of a path does to datagrams: when each arrives, in what state, and whether at all.
//!
//! [`Way`] describes it, and may change during a run; [`Passage`] is the direction itself with what it remembers: its queue,
//! its bursts, what it held back. Everything random comes from the caller. It knows no addresses: that is [`crate::network`].

use std::time::Duration;

use crate::chance::Chance;

/// How the delay varies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Jitter {
    /// Not at all.
    None,
    /// Anything from zero to this is added.
    Uniform(Duration),
    /// A normal distribution of this standard deviation around three times as much; never less than nothing is added.
    Normal(Duration),
    /// A log-normal distribution: most datagrams are a little late, a few are very late.
    HeavyTailed {
        /// Half of the datagrams are later than this.
        median: Duration,
        /// One in a hundred is later than this.
        p99: Duration,
    },
    /// A radio that does not send for a while now and then, and then sends everything at once, as Wi-Fi does.
    Bursts {
        /// From one pause to the next, on average.
        every: Duration,
        /// How long a pause is at most; each is anything from half of this on.
        pause: Duration,
    },
}

/// What is lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss {
    /// Nothing.
    None,
    /// Each datagram with this probability (0 to 1), whatever became of the others.
    Random(f64),
    /// Runs of so many datagrams one after the other.
    Runs {
        /// Probability (0 to 1) that a run begins with a datagram.
        chance: f64,
        /// The shortest run.
        shortest: u32,
        /// The longest run; all lengths between are as likely.
        longest: u32,
    },
    /// Gilbert and Elliott: two states, in one of which much is lost (E. O. Elliott, 1963).
    GilbertElliott {
        /// Probability (0 to 1) of going bad with a datagram.
        worsens: f64,
        /// Probability (0 to 1) of going good again with a datagram.
        recovers: f64,
        /// Share (0 to 1) that is lost while it is bad; nothing while it is good.
        loss: f64,
    },
}

/// A link of limited capacity with a queue before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bottleneck {
    /// What it carries, in bits a second, UDP payload only.
    pub rate_bps: f64,
    /// The longest that a datagram waits in its queue; what would wait longer is lost.
    pub queue: Duration,
}

/// One direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Way {
    /// Of every datagram.
    pub delay: Duration,
    /// Added to it.
    pub jitter: Jitter,
    /// Whether jitter never lets a datagram overtake another, as in one queue.
    pub in_order: bool,
    /// What is lost.
    pub loss: Loss,
    /// Share (0 to 1) that is overtaken by those sent in the next `reordering_delay`.
    pub reordering: f64,
    /// How much later an overtaken datagram comes.
    pub reordering_delay: Duration,
    /// Share that comes twice, 0 to 1.
    pub duplication: f64,
    /// Share in which a bit is wrong, 0 to 1.
    pub corruption: f64,
    /// The narrowest place, if any.
    pub bottleneck: Option<Bottleneck>,
}

impl Way {
    /// The same delay for every datagram, and nothing lost.
    pub const fn clean(delay: Duration) -> Self {
        Self {
            delay,
            jitter: Jitter::None,
            in_order: false,
            loss: Loss::None,
            reordering: 0.0,
            reordering_delay: Duration::from_millis(5),
            duplication: 0.0,
            corruption: 0.0,
            bottleneck: None,
        }
    }
}

/// A direction at work.
#[derive(Debug, Default)]
pub struct Passage {
    is_bad: bool,
    run_left: u32,
    /// When the bottleneck has sent what it has.
    free_at: Duration,
    /// The radio's latest pause: from, to.
    pause: (Duration, Duration),
    latest_arrival: Duration,
    /// Nothing arrives before this.
    held_until: Duration,
}

/// What becomes of one copy of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// When it arrives.
    pub arrives: Duration,
    /// The bit that is wrong, if any.
    pub wrong_bit: Option<usize>,
}

impl Passage {
    /// Holds everything back until `until`, and lets it go at once then.
    pub fn hold(&mut self, until: Duration) {
        self.held_until = self.held_until.max(until);
    }

    /// What becomes of a datagram of `bytes` that is sent at `now`: no copy, one, or two.
    pub fn pass(&mut self, way: &Way, now: Duration, bytes: usize, chance: &mut Chance) -> Vec<Passed> {
        if self.is_lost(way.loss, chance) {
            return Vec::new();
        }
        let Some(queued) = self.queue(way.bottleneck, now, bytes) else { return Vec::new() };
        let copies = if chance.hits(way.duplication) { 2 } else { 1 };
        (0..copies).map(|_| self.copy(way, queued, bytes, chance)).collect()
    }

    fn copy(&mut self, way: &Way, sent: Duration, bytes: usize, chance: &mut Chance) -> Passed {
        let mut arrives = sent + way.delay + self.jitter(way.jitter, sent, chance);
        if way.in_order {
            arrives = arrives.max(self.latest_arrival);
        }
        if chance.hits(way.reordering) {
            arrives += way.reordering_delay;
        } else {
            self.latest_arrival = self.latest_arrival.max(arrives);
        }
        arrives = arrives.max(self.held_until);
        let wrong_bit = chance.hits(way.corruption).then(|| chance.below(8 * bytes.max(1)));
        Passed { arrives, wrong_bit }
    }

    fn is_lost(&mut self, loss: Loss, chance: &mut Chance) -> bool {
        match loss {
            Loss::None => false,
            Loss::Random(share) => chance.hits(share),
            Loss::Runs { chance: begins, shortest, longest } => {
                if self.run_left == 0 && chance.hits(begins) {
                    self.run_left = shortest + chance.below((longest - shortest + 1) as usize) as u32;
                }
                let is_lost = self.run_left > 0;
                self.run_left = self.run_left.saturating_sub(1);
                is_lost
            }
            Loss::GilbertElliott { worsens, recovers, loss } => {
                let changes = if self.is_bad { recovers } else { worsens };
                self.is_bad ^= chance.hits(changes);
                self.is_bad && chance.hits(loss)
            }
        }
    }

    /// When the datagram has left the bottleneck; `None` when its queue is full.
    fn queue(&mut self, bottleneck: Option<Bottleneck>, now: Duration, bytes: usize) -> Option<Duration> {
        let Some(Bottleneck { rate_bps, queue }) = bottleneck else { return Some(now) };
        let begins = self.free_at.max(now);
        if begins - now > queue {
            return None;
        }
        self.free_at = begins + Duration::from_secs_f64(8.0 * bytes as f64 / rate_bps);
        Some(self.free_at)
    }

    fn jitter(&mut self, jitter: Jitter, sent: Duration, chance: &mut Chance) -> Duration {
        match jitter {
            Jitter::None => Duration::ZERO,
            Jitter::Uniform(most) => most.mul_f64(chance.share()),
            Jitter::Normal(deviation) => deviation.mul_f64((3.0 + chance.normal()).max(0.0)),
            Jitter::HeavyTailed { median, p99 } => {
                // The 99th percentile of a normal distribution is 2.326 deviations above its middle.
                let deviation = (p99.as_secs_f64() / median.as_secs_f64()).ln() / 2.326;
                median.mul_f64((deviation * chance.normal()).exp())
            }
            Jitter::Bursts { every, pause } => {
                while self.pause.1 <= sent {
                    let gap = every.mul_f64(-chance.share().max(1e-9).ln());
                    let begins = self.pause.1 + gap;
                    self.pause = (begins, begins + pause.mul_f64(0.5 + 0.5 * chance.share()));
                }
                if sent < self.pause.0 { Duration::ZERO } else { self.pause.1 - sent }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: Way = Way::clean(Duration::from_millis(10));

    /// The arrivals of a datagram each millisecond.
    fn arrivals(way: Way, count: u64) -> Vec<(Duration, Duration)> {
        let (mut passage, mut chance) = (Passage::default(), Chance::new(1));
        let send = |at: u64| {
            let now = Duration::from_millis(at);
            passage.pass(&way, now, 125, &mut chance).into_iter().map(move |passed| (now, passed.arrives))
        };
        (0..count).flat_map(send).collect()
    }

    fn late_ms(arrivals: &[(Duration, Duration)]) -> Vec<f64> {
        let mut late: Vec<f64> =
            arrivals.iter().map(|(sent, arrived)| (*arrived - *sent).as_secs_f64() * 1e3 - 10.0).collect();
        late.sort_by(f64::total_cmp);
        late
    }

    #[test]
    fn a_heavy_tail_has_the_median_and_the_percentile_that_it_names() {
        let jitter = Jitter::HeavyTailed { median: Duration::from_millis(2), p99: Duration::from_millis(15) };
        let late = late_ms(&arrivals(Way { jitter, ..CLEAN }, 100_000));
        assert!((1.95..2.05).contains(&late[50_000]), "{}", late[50_000]);
        assert!((14.0..16.0).contains(&late[99_000]), "{}", late[99_000]);
    }

    #[test]
    fn in_order_means_that_nothing_overtakes() {
        let jitter = Jitter::Uniform(Duration::from_millis(20));
        let ordered = arrivals(Way { jitter, in_order: true, ..CLEAN }, 1_000);
        assert!(ordered.is_sorted_by_key(|(_, arrived)| *arrived));
        assert!(!arrivals(Way { jitter, ..CLEAN }, 1_000).is_sorted_by_key(|(_, arrived)| *arrived));
    }

    #[test]
    fn losses_have_the_share_and_the_length_that_they_name() {
        let lost = |loss| 100_000 - arrivals(Way { loss, ..CLEAN }, 100_000).len();
        assert!((4_700..5_300).contains(&lost(Loss::Random(0.05))));
        assert!((3_200..3_800).contains(&lost(Loss::Runs { chance: 0.01, shortest: 2, longest: 5 })));
        let bursts = Loss::GilbertElliott { worsens: 0.01, recovers: 0.09, loss: 0.5 };
        assert!((4_300..5_700).contains(&lost(bursts)));
    }

    #[test]
    fn a_radio_lets_everything_go_at_once_after_a_pause() {
        let jitter = Jitter::Bursts { every: Duration::from_millis(200), pause: Duration::from_millis(30) };
        let arrivals = arrivals(Way { jitter, ..CLEAN }, 10_000);
        let late = late_ms(&arrivals);
        assert_eq!(late[5_000], 0.0, "most pass");
        assert!(late[9_999] > 20.0 && late[9_999] <= 30.0);
        let together = arrivals.windows(2).filter(|pair| pair[0].1 == pair[1].1).count();
        assert!((500..1_500).contains(&together), "{together}");
    }

    #[test]
    fn a_bottleneck_delays_what_is_too_much_and_loses_what_its_queue_cannot_hold() {
        let half = Bottleneck { rate_bps: 500_000.0, queue: Duration::from_millis(40) };
        let through = arrivals(Way { bottleneck: Some(half), ..CLEAN }, 1_000);
        assert!((500..560).contains(&through.len()), "{}", through.len());
        let late = late_ms(&through);
        assert!((40.0..45.0).contains(&late[late.len() - 1]));
    }

    #[test]
    fn what_is_held_comes_at_once_when_it_is_let_go() {
        let (mut passage, mut chance) = (Passage::default(), Chance::new(1));
        passage.hold(Duration::from_millis(500));
        for at in 0..490 {
            let passed = passage.pass(&CLEAN, Duration::from_millis(at), 125, &mut chance);
            assert_eq!(passed[0].arrives, Duration::from_millis(500));
        }
        let passed = passage.pass(&CLEAN, Duration::from_millis(600), 125, &mut chance);
        assert_eq!(passed[0].arrives, Duration::from_millis(610));
    }
}
