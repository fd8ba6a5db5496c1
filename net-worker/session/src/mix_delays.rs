//! How long the way of each source into the host's mix is, from what the host tells and how the clocks differ.
//!
//! The step before is [feedback](backline_wire::MixTimes) from the host; the step after is the latency of the sources in the mix.

use std::collections::BTreeMap;
use std::time::Duration;

use backline_wire::limits::SOURCES_MAX;
use backline_wire::{MixTimes, Ssrc};

use crate::clock_offset::ClockOffset;

/// Nothing before the first message.
#[derive(Debug, Default)]
pub(crate) struct MixDelays(BTreeMap<Ssrc, i64>);

impl MixDelays {
    /// The host tells.
    pub fn told(&mut self, times: &MixTimes) {
        for time in &times.sources {
            if self.0.len() < SOURCES_MAX || self.0.contains_key(&time.ssrc) {
                self.0.insert(time.ssrc, time.after_us);
            }
        }
    }

    /// There is another mix from now on, or none.
    pub fn forget(&mut self) {
        self.0.clear();
    }

    /// From capture until the stream is in the mix; none before the host has told, and both clocks are known.
    pub fn of(&self, stream: Ssrc, sender: &ClockOffset, host: &ClockOffset) -> Option<Duration> {
        let apart_us = sender.offset_us()?.saturating_sub(host.offset_us()?);
        let delay_us = self.0.get(&stream)?.saturating_add(apart_us);
        Some(Duration::from_micros(delay_us.max(0).unsigned_abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock_offset::Exchange;
    use backline_wire::MixTime;

    const HOUR_US: u64 = 3_600_000_000;

    /// A clock that shows so much more than ours, asked over a way of 5 ms.
    fn clock(ahead_us: u64) -> ClockOffset {
        let mut clock = ClockOffset::default();
        let received_at_us = 1_005_000 + ahead_us;
        clock.add(Exchange {
            sent_at_us: 1_000_000,
            received_at_us,
            replied_at_us: received_at_us,
            returned_at_us: 1_010_000,
        });
        clock
    }

    #[test]
    fn whatever_the_clocks_show_the_way_is_the_same() {
        let stream = Ssrc(7);
        for (sender_us, host_us) in [(0, 0), (HOUR_US, 0), (0, HOUR_US), (5, 24 * HOUR_US)] {
            let mut delays = MixDelays::default();
            assert_eq!(delays.of(stream, &clock(sender_us), &clock(host_us)), None);
            let after_us = 12_000 + host_us as i64 - sender_us as i64;
            delays.told(&MixTimes { sources: vec![MixTime { ssrc: stream, after_us }] });
            let delay = delays.of(stream, &clock(sender_us), &clock(host_us));
            assert_eq!(delay, Some(Duration::from_millis(12)));
            assert_eq!(delays.of(stream, &ClockOffset::default(), &clock(host_us)), None);
            delays.forget();
            assert_eq!(delays.of(stream, &clock(sender_us), &clock(host_us)), None);
        }
    }

    #[test]
    fn times_of_a_liar_do_no_harm() {
        let mut delays = MixDelays::default();
        for (number, after_us) in [i64::MIN, -1, 0, i64::MAX].into_iter().cycle().take(10_000).enumerate() {
            let ssrc = Ssrc(number as u32);
            delays.told(&MixTimes { sources: vec![MixTime { ssrc, after_us }] });
            delays.of(ssrc, &clock(0), &clock(HOUR_US));
        }
        assert_eq!(delays.0.len(), SOURCES_MAX);
    }
}
