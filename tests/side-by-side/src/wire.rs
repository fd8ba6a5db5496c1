//! What the wire does to one packet: how much later it arrives, or that it never does. Plain arithmetic, without a clock.
//!
//! Before it: [`crate::network`] asks for each packet. After it: the same, which waits.

/// How good the wire is, the same both ways.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// The shortest time on the way.
    pub delay_ns: u64,
    /// What comes on top, equally distributed from 0 to this. Packets never overtake each other.
    pub jitter_ns: u64,
    /// The share that is lost, 0 to 1, each packet by itself.
    pub lost_share: f64,
}

impl Quality {
    /// A wired line to somebody 1000 km away.
    pub fn internet(lost_share: f64) -> Self {
        Self { delay_ns: 10_000_000, jitter_ns: 2_000_000, lost_share }
    }
}

/// One direction.
#[derive(Debug, Clone)]
pub struct Way {
    quality: Quality,
    chance: u64,
    latest_ns: u64,
}

impl Way {
    /// A direction whose pattern depends on the seed alone.
    pub fn new(quality: Quality, seed: u64) -> Self {
        Self { quality, chance: seed, latest_ns: 0 }
    }

    /// When a packet that is sent `now_ns` arrives; `None` if it never does.
    pub fn arrival_ns(&mut self, now_ns: u64, may_lose: bool) -> Option<u64> {
        let is_lost = self.unit() < self.quality.lost_share;
        let jitter_ns = (self.unit() * self.quality.jitter_ns as f64) as u64;
        if is_lost && may_lose {
            return None;
        }
        self.latest_ns = self.latest_ns.max(now_ns + self.quality.delay_ns + jitter_ns);
        Some(self.latest_ns)
    }

    fn unit(&mut self) -> f64 {
        self.chance =
            self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_that_was_asked_for_is_lost_and_nothing_overtakes() {
        let mut way = Way::new(Quality::internet(0.05), 1);
        let arrivals: Vec<Option<u64>> =
            (0..100_000).map(|packet| way.arrival_ns(packet * 1_000_000, true)).collect();
        let lost = arrivals.iter().filter(|arrival| arrival.is_none()).count();
        assert!((4_700..5_300).contains(&lost), "{lost}");
        let came: Vec<u64> = arrivals.into_iter().flatten().collect();
        assert!(came.is_sorted());
    }

    #[test]
    fn one_seed_is_one_pattern_whether_or_not_it_is_in_force() {
        let mut first = Way::new(Quality::internet(0.5), 7);
        let mut second = first.clone();
        let in_force = |way: &mut Way| (100..200).map(|now| way.arrival_ns(now, true).is_some()).collect();
        (0..100).for_each(|now| assert!(first.arrival_ns(now, false).is_some()));
        let lossy: Vec<bool> = (0..100).map(|now| second.arrival_ns(now, true).is_some()).collect();
        assert!(lossy.contains(&false));
        let (first, second): (Vec<bool>, Vec<bool>) = (in_force(&mut first), in_force(&mut second));
        assert_eq!(first, second);
    }
}
