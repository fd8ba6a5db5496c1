//! When a source may begin to be played, and how early its packets are: measured before the first sample.
//!
//! A sender with large blocks delivers bursts, so the first packets alone say nothing: what counts is the
//! earliest moment by which every packet so far had come. It feeds the first position; from then on
//! [`depth`](super::depth) measures for itself.

/// Bursts after which the pattern of arrivals has been seen completely (blocks of 64 in frames of 60 repeat after 15).
const BURSTS_SEEN: u32 = 16;
/// Observation of packets in ticks (80 ms): fewer would not have met the usual jitter.
const OBSERVE_TICKS: f64 = 3_840.0;
/// The same for a source that was heard before (35 ms): its usual jitter is known.
const OBSERVE_AGAIN_TICKS: f64 = 1_680.0;
/// Bursts after which it is clear that each holds one packet.
const BURSTS_FEW: u32 = 4;
/// Bursts after which a first one that is larger than all others is known to be what was held back on the way.
const BURSTS_AFTER_BACKLOG: u32 = 8;
/// Shortest observation of pulls in ticks (20 ms).
const PULL_TICKS_MIN: f64 = 960.0;
/// Longest observation in ticks (250 ms): two bursts of the largest block.
const OBSERVE_TICKS_MAX: f64 = 12_000.0;
/// After so long without a packet (500 ms) what was seen before says nothing any more.
const STALE_TICKS: f64 = 24_000.0;
/// Pulls that show the listener's block size, the first one of a host being often a double one.
const PULLS_SEEN: u32 = 3;
/// Longest wait for those pulls in ticks (150 ms).
const PULL_TICKS_MAX: f64 = 7_200.0;

/// The packets since the source was last silent, and the pulls since the listener last began.
#[derive(Debug, Clone, Default)]
pub struct Startup {
    arrivals: Option<Arrivals>,
    pulls: Option<(f64, u32)>,
    /// The source has been heard before.
    has_begun: bool,
    /// Its sender has said how long its blocks are.
    block_is_known: bool,
}

#[derive(Debug, Clone)]
struct Arrivals {
    began: f64,
    last: f64,
    bursts: u32,
    packets: u32,
    frame_ticks: f64,
    /// The latest packet, and the earliest first packet of a burst: tick less time of arrival.
    latest: f64,
    earliest: f64,
    /// Packets of the first burst, of the present one, and of the largest of the others.
    first_burst: u32,
    burst: u32,
    largest_burst: u32,
    /// The latest packet after the first burst.
    latest_of_others: f64,
}

impl Startup {
    /// Forgets the packets, not the pulls.
    pub fn forget_arrivals(&mut self) {
        self.arrivals = None;
    }

    /// Forgets everything: the listener was away.
    pub fn forget(&mut self) {
        *self = Self { block_is_known: self.block_is_known, ..Self::default() };
    }

    /// Whether the sender has said how long its blocks are: then the first burst says where all others will be.
    pub fn know_block(&mut self, is_known: bool) {
        self.block_is_known = is_known;
    }

    /// Play begins.
    pub fn begin(&mut self) {
        self.has_begun = true;
    }

    /// A packet for tick `at`, `frame_ticks` long, arrived.
    pub fn arrived(&mut self, now: f64, at: u64, frame_ticks: u32) {
        if !self.is_hearing(now) {
            self.arrivals = None;
        }
        let offset = at as f64 - now;
        let frame_ticks = f64::from(frame_ticks);
        let arrivals = self.arrivals.get_or_insert(Arrivals {
            began: now,
            last: now - frame_ticks,
            bursts: 0,
            packets: 0,
            frame_ticks,
            latest: offset,
            earliest: offset,
            first_burst: 0,
            burst: 0,
            largest_burst: 0,
            latest_of_others: f64::MAX,
        });
        if now - arrivals.last >= frame_ticks / 4.0 {
            arrivals.bursts = arrivals.bursts.saturating_add(1);
            arrivals.earliest = arrivals.earliest.max(offset);
            arrivals.burst = 0;
        }
        arrivals.count();
        arrivals.last = now;
        arrivals.frame_ticks = frame_ticks;
        arrivals.latest = arrivals.latest.min(offset);
        if arrivals.bursts > 1 {
            arrivals.latest_of_others = arrivals.latest_of_others.min(offset);
        }
    }

    /// The listener took audio (or silence).
    pub fn pulled(&mut self, now: f64) {
        let pulls = self.pulls.get_or_insert((now, 0));
        pulls.1 = pulls.1.saturating_add(1);
    }

    /// Whether packets have been coming.
    pub fn is_hearing(&self, now: f64) -> bool {
        self.arrivals.as_ref().is_some_and(|arrivals| now - arrivals.last <= STALE_TICKS)
    }

    /// Whether enough was seen to begin.
    pub fn is_ready(&self, now: f64) -> bool {
        if !self.is_hearing(now) {
            return false;
        }
        let (Some(arrivals), Some((pulling_since, pulls))) = (&self.arrivals, self.pulls) else {
            return false;
        };
        let observed = now - arrivals.began;
        let pulled = now - pulling_since;
        let arrivals_known = observed >= OBSERVE_TICKS_MAX
            || observed >= OBSERVE_TICKS
                && (self.is_certain() || arrivals.come_one_by_one() || self.block_is_known)
            || observed >= OBSERVE_AGAIN_TICKS
                && (self.is_certain() || self.block_is_known)
                && self.has_begun;
        let pulls_known = pulled >= PULL_TICKS_MAX || pulls >= PULLS_SEEN && pulled >= PULL_TICKS_MIN;
        arrivals_known && pulls_known
    }

    /// Whether the whole pattern of bursts was seen, so that [`edge`](Self::edge) is no estimate.
    pub fn is_certain(&self) -> bool {
        self.arrivals.as_ref().is_some_and(|arrivals| arrivals.bursts >= BURSTS_SEEN)
    }

    /// The lower edge of *tick less arrival time*: how early the latest packets will be.
    ///
    /// From a few bursts of several frames each, the worst is inferred: cutting blocks into frames delays
    /// the first frame of a burst by anything less than one frame.
    pub fn edge(&self) -> Option<f64> {
        let arrivals = self.arrivals.as_ref()?;
        if arrivals.began_with_backlog() {
            return Some(arrivals.latest_of_others);
        }
        if self.is_certain() || arrivals.come_one_by_one() {
            return Some(arrivals.latest);
        }
        Some(arrivals.latest.min(arrivals.earliest - (arrivals.frame_ticks - 1.0)))
    }
}

impl Arrivals {
    fn count(&mut self) {
        self.packets = self.packets.saturating_add(1);
        self.burst = self.burst.saturating_add(1);
        if self.bursts <= 1 {
            self.first_burst = self.burst;
        } else {
            self.largest_burst = self.largest_burst.max(self.burst);
        }
    }

    /// No block is cut into several frames.
    fn come_one_by_one(&self) -> bool {
        self.bursts >= BURSTS_FEW && self.packets <= self.bursts + self.bursts / 2
    }

    /// The first packets came all at once and no others did: they had been held back, and how late they are says nothing.
    fn began_with_backlog(&self) -> bool {
        self.bursts > BURSTS_AFTER_BACKLOG && self.first_burst > 2 * self.largest_burst + 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_blocks_are_certain_soon() {
        let mut startup = Startup::default();
        for block in 0..77u32 {
            startup.arrived(f64::from(block) * 64.0, u64::from(block) * 60, 60);
            startup.pulled(f64::from(block) * 64.0);
        }
        assert!(startup.is_certain() && startup.is_ready(4900.0));
        assert_eq!(startup.edge(), Some(-76.0 * 4.0));
    }

    #[test]
    fn what_was_held_back_says_nothing_about_the_usual() {
        let mut startup = Startup::default();
        for packet in 0..430u32 {
            let sent = f64::from(packet) * 60.0;
            startup.arrived(sent.max(24_000.0), u64::from(packet) * 60, 60);
            startup.pulled(sent.max(24_000.0));
        }
        assert_eq!(startup.edge(), Some(0.0));
        assert!(!startup.is_ready(25_800.0));
        startup.begin();
        assert!(startup.is_ready(25_800.0), "within 38 ms");
    }

    #[test]
    fn one_burst_of_a_known_block_is_enough() {
        let mut startup = Startup::default();
        startup.know_block(true);
        (0..136u64).for_each(|frame| startup.arrived(8192.0, frame * 60, 60));
        startup.pulled(0.0);
        assert!(!startup.is_ready(12_000.0) && startup.is_ready(12_032.0), "80 ms later");
        assert_eq!(startup.edge(), Some(-8192.0 - 59.0));
    }

    #[test]
    fn two_large_bursts_infer_the_frame_that_was_not_seen() {
        let mut startup = Startup::default();
        for frame in 0..136u64 {
            startup.arrived(8192.0, frame * 60, 60);
        }
        assert!(!startup.is_ready(20_000.0), "nobody pulls yet");
        startup.pulled(0.0);
        assert!(!startup.is_ready(20_191.0) && startup.is_ready(20_192.0));
        assert_eq!(startup.edge(), Some(-8192.0 - 59.0));
    }
}
