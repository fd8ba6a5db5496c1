//! How much earlier than needed packets should come: the target of the [depth](super::depth), between two limits.
//!
//! The depth holds the usual latest packet of a quarter of a second at the target. What is later than that *edge* is the
//! tail: it is gathered in a histogram that forgets, and the target covers all of it but one packet in a thousand. Rarer
//! ones are cheaper to make up than to wait for, unless 2 ms more cover the latest of all, so that jitter which has an end
//! leaves no trace. What had been lost and was sent again comes later than anything else: it
//! is gathered apart, and covered nearly whole where so much is lost that it is [worth waiting](super::missing) for.
//! The target rises with the evidence and falls slowly; what was rarer than once in ten seconds is no evidence. It measures and decides; how the queue gets there is the depth's
//! and the voice's. Round-trip time alone plays no part.

/// Accuracy in ticks (0.25 ms).
const BIN_TICKS: f64 = 12.0;
/// 250 ms, the largest depth there is.
const BINS: usize = 1_000;
/// Share of the packets that may be later than the target.
const LATE_SHARE: f64 = 0.001;
/// Share of the packets that may come later than that when sent again: each of them has been lost once already.
const LATE_AGAIN_SHARE: f64 = 0.000_05;
/// The most that is added so that no packet is late at all (2 ms).
const COVER_ALL_TICKS: f64 = 96.0;
/// What has not happened for so many quarters of a second (10 s) is not waited for.
const REMEMBERED: usize = 40;
/// The depth is held this exactly (0.5 ms).
const UNEVEN_TICKS: f64 = 24.0;
/// What is left of a packet's weight after a quarter of a second (forgotten with a time constant of 4 s).
const KEPT: f64 = 0.94;
/// The target falls by so much in a quarter of a second (2 ms a second),
const FALL_TICKS: f64 = 24.0;
/// or, where it is too high by more than this (5 ms), by a share of what is beyond.
const FAR_TOO_HIGH_TICKS: f64 = 240.0;
const FALL_SHARE: f64 = 0.25;
/// It falls by no less than this (0.5 ms): each change is a while of resampling.
const CHANGE_TICKS: f64 = 24.0;

/// The least and the most that a target may be, in ticks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Also where it begins.
    pub floor_ticks: f64,
    /// At least the floor.
    pub ceiling_ticks: f64,
}

/// Chooses the target.
#[derive(Debug, Clone)]
pub struct Margin {
    limits: Limits,
    bins: Box<[f64; BINS]>,
    /// Of packets that were sent again.
    bins_again: Box<[f64; BINS]>,
    total: f64,
    /// The bin of the latest packet of each of the last quarters of a second, oldest first.
    latest: [usize; REMEMBERED],
    waits_for_answers: bool,
    target_ticks: f64,
}

impl Margin {
    /// No packet seen: the floor.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            bins: Box::new([0.0; BINS]),
            bins_again: Box::new([0.0; BINS]),
            total: 0.0,
            latest: [0; REMEMBERED],
            waits_for_answers: false,
            target_ticks: limits.floor_ticks,
        }
    }

    /// Changes the limits; what was measured stays.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.target_ticks = self.target_ticks.clamp(limits.floor_ticks, limits.ceiling_ticks);
    }

    /// A packet came `late_ticks` after the edge (negative: before it).
    pub fn arrived(&mut self, late_ticks: f64) {
        // What no allowed depth would have saved says nothing about the depth.
        if late_ticks > self.limits.ceiling_ticks {
            return;
        }
        let bin = bin(late_ticks);
        self.bins[bin] += 1.0;
        self.total += 1.0;
        self.latest[REMEMBERED - 1] = self.latest[REMEMBERED - 1].max(bin);
        if late_ticks > self.target_ticks {
            self.target_ticks = self.wanted().max(self.target_ticks);
        }
    }

    /// A packet that had been lost and was sent again came `late_ticks` after the edge.
    pub fn arrived_again(&mut self, late_ticks: f64) {
        if late_ticks > self.limits.ceiling_ticks {
            return;
        }
        self.bins_again[bin(late_ticks)] += 1.0;
        if self.waits_for_answers && late_ticks > self.target_ticks {
            self.target_ticks = self.wanted().max(self.target_ticks);
        }
    }

    /// Whether so much is lost that answers are waited for.
    pub fn wait_for_answers(&mut self, worth: bool) {
        self.waits_for_answers = worth;
    }

    /// The most that it may be.
    pub fn ceiling_ticks(&self) -> f64 {
        self.limits.ceiling_ticks
    }

    /// By how much the target may still grow.
    pub fn deeper_ticks(&self) -> f64 {
        self.limits.ceiling_ticks - self.target_ticks
    }

    /// The edge is now `ticks` lower: packets that were late by that much have become usual.
    pub fn edge_fell(&mut self, ticks: f64) {
        let bins = bin(ticks);
        for histogram in [&mut self.bins, &mut self.bins_again] {
            for index in 0..BINS {
                let weight = std::mem::take(&mut histogram[index]);
                histogram[index.saturating_sub(bins)] += weight;
            }
        }
        for latest in &mut self.latest {
            *latest = latest.saturating_sub(bins);
        }
        self.target_ticks = (self.target_ticks - ticks).max(self.limits.floor_ticks);
    }

    /// Forgets all packets; begins at the floor.
    pub fn clear(&mut self) {
        self.bins.fill(0.0);
        self.bins_again.fill(0.0);
        self.latest.fill(0);
        self.total = 0.0;
        self.target_ticks = self.limits.floor_ticks;
    }

    /// To be called each quarter of a second: forgets a little, and lets the target fall.
    pub fn forget(&mut self) {
        self.bins.iter_mut().chain(self.bins_again.iter_mut()).for_each(|weight| *weight *= KEPT);
        self.total *= KEPT;
        let wanted = self.wanted();
        if wanted <= self.target_ticks - CHANGE_TICKS || wanted <= self.limits.floor_ticks {
            // What was lost several times in a row comes every ten seconds or so: it would be unlearned each time.
            let too_high = if self.waits_for_answers { 0.0 } else { self.target_ticks - wanted };
            let fall = FALL_TICKS.max(FALL_SHARE * (too_high - FAR_TOO_HIGH_TICKS));
            self.target_ticks = wanted.max(self.target_ticks - fall);
        }
        self.latest.rotate_left(1);
        self.latest[REMEMBERED - 1] = 0;
    }

    /// The target in ticks.
    pub fn target_ticks(&self) -> f64 {
        self.target_ticks
    }

    /// The smallest target that leaves no more than the allowed shares behind.
    fn wanted(&self) -> f64 {
        let latest = latest_ticks(&self.latest);
        let mut tail_ticks = tail_ticks(&self.bins, LATE_SHARE * self.total).min(latest);
        if latest <= tail_ticks + COVER_ALL_TICKS {
            tail_ticks = latest;
        }
        if self.waits_for_answers {
            tail_ticks = tail_ticks
                .max(self::tail_ticks(&self.bins_again, LATE_AGAIN_SHARE * self.total) + UNEVEN_TICKS);
        }
        tail_ticks.clamp(self.limits.floor_ticks, self.limits.ceiling_ticks)
    }
}

/// What no packet of the last seconds was later than.
fn latest_ticks(latest: &[usize; REMEMBERED]) -> f64 {
    let latest = latest.iter().max().copied().unwrap_or(0);
    if latest == 0 { 0.0 } else { (latest + 1) as f64 * BIN_TICKS }
}

/// What no more than `allowed` packets were later than.
fn tail_ticks(bins: &[f64; BINS], allowed: f64) -> f64 {
    let mut later = 0.0;
    for (index, weight) in bins.iter().enumerate().skip(1).rev() {
        later += weight;
        if later > allowed {
            return (index + 1) as f64 * BIN_TICKS;
        }
    }
    0.0
}

fn bin(ticks: f64) -> usize {
    ((ticks / BIN_TICKS).max(0.0) as usize).min(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { floor_ticks: 24.0, ceiling_ticks: 1_200.0 };

    /// Quarters of a second with 200 packets each, of which the first ones are late.
    fn quarters(margin: &mut Margin, count: usize, late: usize, late_ticks: f64) {
        for _ in 0..count {
            (0..200).for_each(|packet| margin.arrived(if packet < late { late_ticks } else { -5.0 }));
            margin.forget();
        }
    }

    #[test]
    fn a_calm_path_stays_at_the_floor() {
        let mut margin = Margin::new(LIMITS);
        quarters(&mut margin, 40, 0, 0.0);
        assert_eq!(margin.target_ticks(), 24.0);
    }

    #[test]
    fn a_tail_is_covered_at_once_and_forgotten_slowly() {
        let mut margin = Margin::new(LIMITS);
        quarters(&mut margin, 40, 0, 0.0);
        quarters(&mut margin, 20, 2, 480.0);
        assert!((480.0..=504.0).contains(&margin.target_ticks()), "{}", margin.target_ticks());
        quarters(&mut margin, 60, 0, 0.0);
        assert_eq!(margin.target_ticks(), 24.0, "calm for 15 s");
    }

    #[test]
    fn jitter_of_every_packet_is_forgotten_as_soon_as_that_of_a_few() {
        let limits = Limits { ceiling_ticks: 4_000.0, ..LIMITS };
        let mut margin = Margin::new(limits);
        for _ in 0..80 {
            (0..200).for_each(|packet| margin.arrived(f64::from(packet) * 10.0));
            margin.forget();
        }
        assert!(margin.target_ticks() > 1_900.0);
        quarters(&mut margin, 60, 0, 0.0);
        assert!(margin.target_ticks() <= 24.0 + 96.0, "{} after 15 s", margin.target_ticks());
    }

    #[test]
    fn one_packet_in_many_thousands_is_not_waited_for() {
        let mut margin = Margin::new(LIMITS);
        quarters(&mut margin, 40, 0, 0.0);
        margin.arrived(900.0);
        assert_eq!(margin.target_ticks(), 24.0);
    }

    #[test]
    fn the_ceiling_holds_and_what_is_beyond_it_says_nothing() {
        let mut margin = Margin::new(LIMITS);
        quarters(&mut margin, 40, 20, 5_000.0);
        assert_eq!(margin.target_ticks(), 24.0);
        quarters(&mut margin, 40, 20, 1_195.0);
        assert_eq!(margin.target_ticks(), 1_200.0);
    }

    #[test]
    fn what_was_sent_again_is_waited_for_where_much_is_lost() {
        let mut margin = Margin::new(LIMITS);
        let mut second = |worth| {
            margin.wait_for_answers(worth);
            for _ in 0..4 {
                quarters(&mut margin, 1, 0, 0.0);
                (0..10).for_each(|_| margin.arrived_again(560.0));
                margin.arrived_again(700.0);
            }
            margin.target_ticks()
        };
        assert_eq!(second(false), 24.0);
        assert!((724.0..=740.0).contains(&second(true)));
        (0..10).for_each(|_| assert!(second(false) >= 24.0));
        assert_eq!(margin.target_ticks(), 24.0);
    }

    #[test]
    fn what_has_become_usual_is_no_tail() {
        let mut margin = Margin::new(LIMITS);
        quarters(&mut margin, 8, 200, 720.0);
        assert!(margin.target_ticks() >= 720.0);
        margin.edge_fell(720.0);
        assert_eq!(margin.target_ticks(), 24.0);
        quarters(&mut margin, 4, 0, 0.0);
        assert_eq!(margin.target_ticks(), 24.0);
    }
}
