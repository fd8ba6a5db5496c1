//! How long packets of one stream wait on the way: the fastest of late against the fastest of a minute.
//!
//! The two clocks need not agree, since what is between them is in both and cancels out; what they drift apart in a minute
//! (3 ms at 50 ppm) is no queue to speak of. The step before is a packet's capture and arrival time, in a participant's
//! [stages](crate::stages) or a relay's mix; the step after is the [report](crate::ReceptionMeter) to the sender.

use std::time::{Duration, Instant};

use backline_wire::StreamFormat;
use backline_wire::limits::NETWORK_RATE_HZ;

/// The fastest packet is looked for among those of so many stretches of this length.
const BEST_STRETCH: Duration = Duration::from_secs(10);
const BEST_STRETCHES: usize = 6;
/// Clocks drift apart by no more than this between two looks.
const DRIFT_US: i64 = 1_000;

/// What is measured of one stream. Of a burst of packets, as the frames of one block are, only the first counts: it left with the
/// callback that completed it.
#[derive(Debug)]
pub struct Queueing {
    /// Packets that follow each other sooner are one burst.
    burst_gap: Duration,
    last_packet: Option<Instant>,
    /// Fastest first packets of bursts, by stretch, in µs from capture to arrival.
    best_us: [i64; BEST_STRETCHES],
    stretch_since: Option<Instant>,
    /// The same since the last report.
    recent_us: i64,
}

impl Queueing {
    /// Of a stream of which nothing has come yet.
    pub fn new(format: StreamFormat) -> Self {
        let frame_s = f64::from(format.frame_frames) / f64::from(NETWORK_RATE_HZ);
        Self {
            burst_gap: Duration::from_secs_f64(frame_s / 4.0),
            last_packet: None,
            best_us: [i64::MAX; BEST_STRETCHES],
            stretch_since: None,
            recent_us: i64::MAX,
        }
    }

    /// A packet came, `elapsed_us` after its first sample frame was captured. Returns by how many µs that is longer than the
    /// fastest took; none where it is not the first of its burst.
    pub fn arrived(&mut self, now: Instant, elapsed_us: i64) -> Option<i64> {
        let gap = self.last_packet.map(|last| now.saturating_duration_since(last));
        self.last_packet = Some(now);
        if gap.is_some_and(|gap| gap < self.burst_gap) {
            return None;
        }
        let since = *self.stretch_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= BEST_STRETCH {
            self.stretch_since = Some(now);
            self.best_us.rotate_right(1);
            self.best_us[0] = i64::MAX;
        }
        self.best_us[0] = self.best_us[0].min(elapsed_us);
        self.recent_us = self.recent_us.min(elapsed_us);
        self.fastest_us().map(|fastest_us| elapsed_us.saturating_sub(fastest_us))
    }

    /// The sender's clock is now believed to be another: what was measured before is moved by as much. What is no more than
    /// two clocks that drift apart changes nothing.
    pub fn clock_moved(&mut self, by_us: i64) {
        if by_us.abs() > DRIFT_US {
            let measured = self.best_us.iter_mut().chain([&mut self.recent_us]);
            measured.filter(|us| **us != i64::MAX).for_each(|us| *us += by_us);
        }
    }

    /// How much longer than the fastest of a minute the fastest packet since the last call took, in µs; none without packets.
    pub fn take_us(&mut self) -> Option<u32> {
        let recent_us = std::mem::replace(&mut self.recent_us, i64::MAX);
        let fastest_us = self.fastest_us().filter(|_| recent_us != i64::MAX)?;
        Some(u32::try_from(recent_us.saturating_sub(fastest_us).max(0)).unwrap_or(u32::MAX))
    }

    /// What the fastest of a minute took, in µs from capture to arrival; none before the first packet.
    pub fn fastest_us(&self) -> Option<i64> {
        self.best_us.iter().copied().min().filter(|best| *best != i64::MAX)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an Instant has no other origin")]
mod tests {
    use super::*;

    fn queueing() -> (Queueing, Instant) {
        let (payload_type, frame_frames, block_frames) = (96, 64, 128);
        let (bitrate_bps, redundancy, copy_distance) = (0, 0, 1);
        let format =
            StreamFormat { payload_type, frame_frames, bitrate_bps, redundancy, copy_distance, block_frames };
        (Queueing::new(format), Instant::now())
    }

    #[test]
    fn what_all_packets_wait_for_is_a_queue_whatever_the_clocks_say() {
        for offset_us in [0, -3_600_000_000, 86_400_000_000] {
            let (mut queueing, start) = queueing();
            let mut send = |milliseconds: std::ops::Range<u64>, waits_us: fn(u64) -> i64| {
                for ms in milliseconds.step_by(3) {
                    let elapsed_us = offset_us + 5_000 + waits_us(ms);
                    queueing.arrived(start + Duration::from_millis(ms), elapsed_us);
                }
                queueing.take_us()
            };
            assert_eq!(
                send(0..1_000, |ms| if ms % 4 == 0 { 0 } else { 30_000 }),
                Some(0),
                "unrest is no queue"
            );
            assert_eq!(send(0..0, |_| 0), None, "nothing came since");
            assert_eq!(send(1_000..2_000, |ms| 50_000 + (ms % 7) as i64), Some(50_000));
        }
    }

    #[test]
    fn of_a_burst_the_first_counts() {
        let (mut queueing, start) = queueing();
        assert_eq!(queueing.arrived(start, 5_000), Some(0));
        assert_eq!(queueing.arrived(start + Duration::from_micros(100), 3_700), None);
        assert_eq!(queueing.arrived(start + Duration::from_millis(3), 5_200), Some(200));
        assert_eq!(queueing.fastest_us(), Some(5_000));
    }

    #[test]
    fn a_path_that_became_longer_is_the_usual_one_after_a_minute() {
        let (mut queueing, start) = queueing();
        queueing.arrived(start, 5_000);
        let mut report = |second: u64| {
            queueing.arrived(start + Duration::from_secs(second), 30_000);
            queueing.take_us()
        };
        assert_eq!((1..=59).map(&mut report).max(), Some(Some(25_000)));
        assert_eq!(report(75), Some(0));
    }

    #[test]
    fn times_of_a_liar_do_no_harm() {
        let (mut queueing, start) = queueing();
        for (second, elapsed_us) in [i64::MIN, i64::MAX, 0, i64::MIN].into_iter().enumerate() {
            queueing.arrived(start + Duration::from_secs(second as u64), elapsed_us);
            queueing.take_us();
        }
    }
}
