//! How far a peer's clock is from ours, from pings (the four time stamps of RFC 5905 section 8).
//!
//! Of the last exchanges the one with the shortest round trip counts: its two ways were delayed least, so
//! it knows best. All times are microseconds since 1970 on the clock named.

use std::collections::VecDeque;
use std::time::Duration;

/// Exchanges that are remembered: some 13 s of them.
const MEMORY: usize = 32;

/// One answered ping.
#[derive(Debug, Clone, Copy)]
pub struct Exchange {
    /// Ours, when the ping left.
    pub sent_at_us: u64,
    /// Theirs, when it came.
    pub received_at_us: u64,
    /// Theirs, when the answer left.
    pub replied_at_us: u64,
    /// Ours, when the answer came.
    pub returned_at_us: u64,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    round_trip_us: i64,
    /// Theirs minus ours.
    offset_us: i64,
}

/// The estimate for one peer.
#[derive(Debug, Default)]
pub struct ClockOffset {
    samples: VecDeque<Sample>,
}

impl ClockOffset {
    /// Takes an answered ping. One with impossible times (a peer that lies, a clock that jumped) is ignored.
    pub fn add(&mut self, exchange: Exchange) {
        let between = |later: u64, earlier: u64| later as i64 - earlier as i64;
        let away = between(exchange.returned_at_us, exchange.sent_at_us);
        let held = between(exchange.replied_at_us, exchange.received_at_us);
        if away < 0 || held < 0 || held > away {
            return;
        }
        let out = between(exchange.received_at_us, exchange.sent_at_us);
        let back = between(exchange.replied_at_us, exchange.returned_at_us);
        if self.samples.len() == MEMORY {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample { round_trip_us: away - held, offset_us: (out + back) / 2 });
    }

    /// Their clock minus ours in microseconds; none before the first answer.
    pub fn offset_us(&self) -> Option<i64> {
        self.samples.iter().min_by_key(|sample| sample.round_trip_us).map(|sample| sample.offset_us)
    }

    /// The round trip of the last exchange.
    pub fn round_trip(&self) -> Option<Duration> {
        self.samples.back().map(|sample| Duration::from_micros(sample.round_trip_us.unsigned_abs()))
    }

    /// The shortest round trip of the last exchanges: what an answer takes at least.
    pub fn shortest_round_trip(&self) -> Option<Duration> {
        let shortest = self.samples.iter().map(|sample| sample.round_trip_us.unsigned_abs()).min();
        shortest.map(Duration::from_micros)
    }

    /// A time stamp of the peer's clock, on ours.
    pub fn to_ours(&self, theirs: Duration) -> Option<Duration> {
        let ours_us = theirs.as_micros() as i64 - self.offset_us()?;
        u64::try_from(ours_us).ok().map(Duration::from_micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(sent_at_us: u64, out_us: u64, offset_us: u64, back_us: u64) -> Exchange {
        let received_at_us = sent_at_us + out_us + offset_us;
        Exchange {
            sent_at_us,
            received_at_us,
            replied_at_us: received_at_us + 100,
            returned_at_us: sent_at_us + out_us + 100 + back_us,
        }
    }

    #[test]
    fn a_symmetric_path_gives_the_exact_offset() {
        let mut clock = ClockOffset::default();
        clock.add(exchange(1_000_000, 5_000, 777_000, 5_000));
        assert_eq!(clock.offset_us(), Some(777_000));
        assert_eq!(clock.round_trip(), Some(Duration::from_millis(10)));
        assert_eq!(clock.to_ours(Duration::from_micros(2_777_000)), Some(Duration::from_secs(2)));
    }

    #[test]
    fn the_quickest_exchange_counts() {
        let mut clock = ClockOffset::default();
        clock.add(exchange(1_000_000, 5_000, 777_000, 5_000));
        clock.add(exchange(2_000_000, 90_000, 777_000, 5_000));
        assert_eq!(clock.offset_us(), Some(777_000));
    }

    #[test]
    fn impossible_times_are_ignored() {
        let mut clock = ClockOffset::default();
        clock.add(Exchange { sent_at_us: 10, received_at_us: 5, replied_at_us: 900, returned_at_us: 20 });
        clock.add(Exchange { sent_at_us: 10, received_at_us: 5, replied_at_us: 6, returned_at_us: 9 });
        assert_eq!(clock.offset_us(), None);
    }
}
