//! Where the latency of a source comes from: capture block, sending, network, playout, output block.
//!
//! Measured by time stamps, on the listener's clock (the sender's is converted by the [clock offset](crate::clock_offset)). What
//! the fastest packet of a minute took ([`Queueing`]), less half of the shortest round trip, is what the sender needs; what others
//! took longer is the network's, but for the pattern in which frames and blocks meet. The step before is
//! [`listening`](crate::listening) (packets, pulls); the step after is the view, and the report to the sender.

use std::time::{Duration, Instant};

use backline_codec::PAYLOAD_TYPE_OPUS;
use backline_wire::StreamFormat;
use backline_wire::limits::NETWORK_RATE_HZ;

use crate::histogram::Histogram;
use crate::queueing::Queueing;

/// What one stage takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stage {
    /// Half of the time it takes no longer.
    pub median: Duration,
    /// In one of a hundred cases it takes longer.
    pub p99: Duration,
}

/// The way of a sample from one device to another, by stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LatencyStages {
    /// The sender's device captures so much at a time, before a time stamp is taken: it comes on top of the one-way latency,
    /// of which the others are the parts. Zero where it is not known.
    pub capture_block: Duration,
    /// Cut into frames, encoded, sent.
    pub encode: Duration,
    /// On its way.
    pub network: Stage,
    /// Waiting in the playout, drift resampling included.
    pub playout: Stage,
    /// The return ring, rate conversion and the listener's block.
    pub output_block: Duration,
}

/// What is measured of one source.
pub(crate) struct Stages {
    format: StreamFormat,
    queueing: Queueing,
    network_us: Histogram,
    playout_us: Histogram,
}

impl Stages {
    pub fn new(format: StreamFormat) -> Self {
        Self {
            format,
            queueing: Queueing::new(format),
            network_us: Histogram::new(),
            playout_us: Histogram::new(),
        }
    }

    /// The source is sent in another way: what the sender needs is another.
    pub fn set_format(&mut self, format: StreamFormat) {
        if self.format != format {
            *self = Self::new(format);
        }
    }

    /// A packet came, `elapsed_us` after its first sample frame was captured.
    pub fn arrived(&mut self, now: Instant, elapsed_us: i64) {
        if let Some(longer_us) = self.queueing.arrived(now, elapsed_us) {
            self.network_us.add(now, longer_us as f32);
        }
    }

    /// The sender's clock is now believed to be another by so many µs.
    pub fn clock_moved(&mut self, by_us: i64) {
        self.queueing.clock_moved(by_us);
    }

    /// What was pulled just now could have come so much later, see [`Playout::in_hand_us`](backline_media::Playout::in_hand_us).
    pub fn played(&mut self, now: Instant, in_hand_us: f64) {
        self.playout_us.add(now, in_hand_us.max(0.0) as f32);
    }

    /// See [`Queueing::take_us`].
    pub fn take_queueing_us(&mut self) -> Option<u32> {
        self.queueing.take_us()
    }

    /// All stages; `output_block` is the caller's. None before anything was measured.
    pub fn view(
        &self,
        shortest_round_trip: Option<Duration>,
        output_block: Duration,
    ) -> Option<LatencyStages> {
        let fastest_us = self.queueing.fastest_us()?;
        let one_way = shortest_round_trip? / 2;
        let pattern = pattern(&self.format);
        let sending = Duration::from_micros(fastest_us.max(0).unsigned_abs()).saturating_sub(one_way);
        let stage = |histogram: &Histogram, base: Duration| {
            let at = |share| base + Duration::from_micros(histogram.quantile(share).unwrap_or(0.0) as u64);
            Stage { median: at(0.5), p99: at(0.99) }
        };
        Some(LatencyStages {
            capture_block: frames_to_time(self.format.block_frames),
            encode: sending + pattern + look_ahead(&self.format),
            network: stage(&self.network_us, one_way.saturating_sub(pattern)),
            playout: stage(&self.playout_us, Duration::ZERO),
            output_block,
        })
    }
}

/// Opus (restricted low delay) gives each sample back 2.5 ms later than it took it.
fn look_ahead(format: &StreamFormat) -> Duration {
    frames_to_time(if format.payload_type == PAYLOAD_TYPE_OPUS { 120 } else { 0 })
}

/// By how much the first packet of a burst leaves later than at best, on average: each block completes frames at another place
/// of them, wherever neither is a multiple of the other.
fn pattern(format: &StreamFormat) -> Duration {
    let (frame, block) = (format.frame_frames, format.block_frames);
    let mut divisor = (frame, block);
    while divisor.1 != 0 {
        divisor = (divisor.1, divisor.0 % divisor.1);
    }
    frames_to_time(frame.min(block).saturating_sub(divisor.0) / 2)
}

fn frames_to_time(frames: u16) -> Duration {
    Duration::from_secs_f64(f64::from(frames) / f64::from(NETWORK_RATE_HZ))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an Instant has no other origin")]
mod tests {
    use super::*;

    #[test]
    fn each_stage_gets_what_is_its_own() {
        let format = StreamFormat {
            payload_type: 96,
            frame_frames: 64,
            bitrate_bps: 0,
            redundancy: 0,
            copy_distance: 1,
            block_frames: 128,
        };
        let mut stages = Stages::new(format);
        let start = Instant::now();
        for block in 0..2_000_u32 {
            let late_us = if block % 10 == 9 { 3_000 } else { 0 };
            let now = start + Duration::from_micros(u64::from(block) * 2_667 + late_us as u64);
            // 0.1 ms of encoding, 5 ms of network; the second frame of each block is stamped later.
            stages.arrived(now, 5_100 + late_us);
            stages.arrived(now, 5_100 - 1_333 + late_us);
            stages.played(now, 1_500.0);
        }
        let view = stages.view(Some(Duration::from_millis(10)), Duration::from_millis(1)).unwrap();
        let ms = |time: Duration| (time.as_secs_f64() * 1e4).round() / 10.0;
        assert_eq!((ms(view.capture_block), ms(view.encode), ms(view.output_block)), (2.7, 0.1, 1.0));
        assert!((5.0..5.3).contains(&ms(view.network.median)) && (7.9..8.3).contains(&ms(view.network.p99)));
        assert!((1.4..1.7).contains(&ms(view.playout.median)));
        assert_eq!(stages.take_queueing_us(), Some(0));
        assert_eq!(stages.take_queueing_us(), None, "nothing came since");
        stages.arrived(start + Duration::from_secs(7), 5_100 + 50_000);
        assert_eq!(stages.take_queueing_us(), Some(50_000));
    }
}
