//! The recording offset of a source: by how much what a DAW records of it must be moved earlier, to be where it was played.
//!
//! The plugin tells the host a latency of 0, which is true of the track that it sits on; no host can know what came from afar.
//! So the musician moves the recording by hand, by this much. The step before is `strips.rs`; the step after is the strip's menu.

use std::time::Duration;

use backline_client::SourceView;

use super::words;
use crate::editor::backend::Values;

/// By how much a recording of a source must be moved earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordingOffset {
    /// From the place in one DAW's timeline to that in the other's.
    pub time: Duration,
    /// The same in samples of the DAW.
    pub samples: u64,
    sample_rate_hz: u32,
}

impl RecordingOffset {
    /// None while the way of `source` is not measured, in a server's mix, which cannot be taken apart, and where no DAW asks for audio.
    ///
    /// The latency ends where a sample is handed to the DAW; the last one of a block comes a block later than the first in the DAW's
    /// timeline, so that a whole block of the listener comes on top (`tests/scenarios/first_sample.rs` holds it against the truth).
    pub(super) fn new(source: &SourceView, values: &Values) -> Option<Self> {
        let sample_rate_hz = values.sample_rate_hz;
        if sample_rate_hz == 0 {
            return None;
        }
        let block_s = values.block_frames as f64 / f64::from(sample_rate_hz);
        let time = source.latency? + Duration::from_secs_f64(block_s);
        let samples = (time.as_secs_f64() * f64::from(sample_rate_hz)).round() as u64;
        Some(Self { time, samples, sample_rate_hz })
    }

    /// "8.8 ms, 421 samples at 48 kHz".
    pub fn text(&self) -> String {
        format!("{}, {}", words::time(Some(self.time)), words::samples(self.samples, self.sample_rate_hz))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::editor::view_model::tests::source;

    fn daw(sample_rate_hz: u32, block_frames: usize) -> Values {
        Values { sample_rate_hz, block_frames, ..Values::default() }
    }

    #[test]
    fn it_is_the_one_way_latency_and_a_block_in_samples_of_the_daw() {
        let source = source(7, Some(0));
        let text = |values: &Values| RecordingOffset::new(&source, values).unwrap().text();
        assert_eq!(text(&daw(48_000, 64)), "8.8 ms, 421 samples at 48 kHz");
        assert_eq!(text(&daw(48_000, 512)), "18.1 ms, 869 samples at 48 kHz");
        assert_eq!(text(&daw(44_100, 64)), "8.9 ms, 392 samples at 44.1 kHz");
    }

    #[test]
    fn nothing_is_offered_before_it_is_measured_or_without_a_daw() {
        let mut source = source(7, Some(0));
        assert_eq!(RecordingOffset::new(&source, &Values::default()), None);
        source.latency = None;
        assert_eq!(RecordingOffset::new(&source, &daw(48_000, 64)), None);
    }
}
