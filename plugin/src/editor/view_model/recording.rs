//! The recording offset of a source: by how much what a DAW records of it must be moved earlier, to be where it was played.
//!
//! The plugin tells the host a latency of 0, which is true of the track that it sits on; no host can know what came from afar.
//! So the musician moves the recording by hand, by this much. The step before is `strips.rs`; the step after is the strip's menu.

use std::time::Duration;

use backline_client::SourceView;

use super::words;

/// By how much a recording of a source must be moved earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordingOffset {
    /// From their capture to the listener's bus.
    pub time: Duration,
    /// The same in samples of the DAW; none while its sample rate is not known.
    pub samples: Option<u64>,
    /// The rate of these samples; 0 while it is not known.
    sample_rate_hz: u32,
}

impl RecordingOffset {
    /// None while the way of `source` is not measured, and in a server's mix, which cannot be taken apart.
    pub(super) fn new(source: &SourceView, sample_rate_hz: u32) -> Option<Self> {
        let time = usual_latency(source)?;
        let samples = (time.as_secs_f64() * f64::from(sample_rate_hz)).round() as u64;
        Some(Self { time, samples: (sample_rate_hz > 0).then_some(samples), sample_rate_hz })
    }

    /// "7.4 ms, 357 samples at 48 kHz".
    pub fn text(&self) -> String {
        let time = words::time(Some(self.time));
        match self.samples {
            Some(samples) => format!("{time}, {}", words::samples(samples, self.sample_rate_hz)),
            None => time,
        }
    }
}

/// The one-way latency of the last seconds. By its stages where they are known, because the latency of one instant moves with
/// the place of that instant in a block.
pub(super) fn usual_latency(source: &SourceView) -> Option<Duration> {
    let latency = source.latency?;
    let sum = source
        .stages
        .map(|stages| stages.encode + stages.network.median + stages.playout.median + stages.output_block);
    Some(sum.unwrap_or(latency))
}

#[cfg(test)]
mod tests {
    use backline_client::{LatencyStages, Stage};

    use super::*;
    use crate::editor::view_model::tests::source;

    fn stage(us: u64) -> Stage {
        Stage { median: Duration::from_micros(us), p99: Duration::from_micros(4 * us) }
    }

    #[test]
    fn it_is_the_one_way_latency_in_samples_of_the_daw() {
        let source = source(7, Some(0));
        let at = |rate_hz| RecordingOffset::new(&source, rate_hz).unwrap();
        assert_eq!((at(48_000).samples, at(44_100).samples, at(0).samples), (Some(357), Some(328), None));
        assert_eq!(at(48_000).text(), "7.4 ms, 357 samples at 48 kHz");
        assert_eq!(at(44_100).text(), "7.4 ms, 328 samples at 44.1 kHz");
        assert_eq!(at(0).text(), "7.4 ms");
    }

    #[test]
    fn the_block_of_their_device_is_not_in_it_as_ones_own_is_not() {
        let mut source = source(7, Some(0));
        source.stages = Some(LatencyStages {
            capture_block: Duration::from_millis(100),
            encode: Duration::from_millis(1),
            network: stage(4_000),
            playout: stage(2_000),
            output_block: Duration::from_millis(3),
        });
        assert_eq!(RecordingOffset::new(&source, 48_000).unwrap().samples, Some(480));
    }

    #[test]
    fn nothing_is_offered_before_it_is_measured() {
        let mut source = source(7, Some(0));
        source.latency = None;
        assert_eq!(RecordingOffset::new(&source, 48_000), None);
    }
}
