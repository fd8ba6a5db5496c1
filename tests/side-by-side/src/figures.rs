//! What a listener got: latency, dropouts, noise, by the same ears for everybody (`tests/hosts/src/analysis.rs`).
//!
//! What a machine that stood still spoilt is left out, as in `cargo xtask report path`. Before it: a contender that was played.
//! After it: a line of the report.

use backline_hosts::analysis::{self, DROPOUT_WINDOW_FRAMES, Strictness};
use backline_hosts::audio_file::Recording;
use backline_hosts::block_clock::BlockClock;
use backline_hosts::session::machine::Stall;

use crate::Failed;

/// How long before a damaged window a stall may have begun that is heard there.
const STALL_IS_HEARD_NS: u64 = 30_000_000;

/// Silence instead of music is 0 dB: that and worse is a dropout, whatever the coding.
const STRICTNESS: Strictness = Strictness { dropout_snr_db: 1.0 };

/// What was played at one end, what came out at the other, and when.
pub struct Heard {
    /// What was played.
    pub sent: Recording,
    /// When each of its sample frames was.
    pub sent_clock: BlockClock,
    /// What came out.
    pub heard: Recording,
    /// When each of its sample frames was.
    pub heard_clock: BlockClock,
    /// When the machine stood still.
    pub stalls: Vec<Stall>,
}

/// The figures of one case.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// From sample in to sample out, the median of all windows of 85 ms.
    pub latency_ms: f64,
    /// Windows of 10 ms with silence or noise instead of the music, neighbours as one.
    pub dropouts_a_minute: f64,
    /// Signal against everything that is not the delayed signal.
    pub snr_db: f64,
}

impl Figures {
    /// Judges what was heard.
    pub fn of(heard: &Heard) -> Result<Self, Failed> {
        let judgement = analysis::judge(&heard.sent, &heard.heard, STRICTNESS)
            .ok_or("the music was not heard at the other end")?;
        let latencies: Vec<f64> = judgement.delays.iter().map(|window| heard.latency_ms(window)).collect();
        let is_fair = |frame: usize| !heard.is_of_machine(frame);
        let dropouts = judgement.dropout_frames.iter().filter(|frame| is_fair(**frame)).count();
        let windows = judgement.windows.iter().filter(|window| is_fair(window.start_frame));
        let minutes = judgement.windows.len() as f64 * DROPOUT_WINDOW_FRAMES as f64 / 48_000.0 / 60.0;
        Ok(Self {
            latency_ms: analysis::percentile(&latencies, 0.5),
            dropouts_a_minute: dropouts as f64 / minutes.max(1e-9),
            snr_db: analysis::snr_db(windows),
        })
    }
}

impl Heard {
    fn latency_ms(&self, window: &analysis::align::WindowDelay) -> f64 {
        let time = |clock: &BlockClock, frame: f64| clock.time_of(0) as f64 + frame * 1e9 / clock.rate_hz();
        let centre = window.centre_frame as f64;
        (time(&self.heard_clock, centre) - time(&self.sent_clock, centre - window.delay_frames)) * 1e-6
    }

    /// Whether what is heard in the window that begins at a frame suffered from the machine.
    fn is_of_machine(&self, frame: usize) -> bool {
        let at_ns = self.heard_clock.time_of(frame as u64);
        let window_ns = DROPOUT_WINDOW_FRAMES as u64 * 1_000_000 / 48;
        let spoils =
            |stall: &Stall| stall.start_ns < at_ns + window_ns && stall.end_ns + STALL_IS_HEARD_NS > at_ns;
        self.stalls.iter().any(spoils)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backline_hosts::bundles;

    #[test]
    fn a_late_copy_with_a_hole_is_one_dropout() {
        let sent = Recording::read(&bundles::music('a')).unwrap().looped(192_000, 192_000);
        let mut heard = sent.clone();
        for side in [&mut heard.left, &mut heard.right] {
            side.splice(0..0, vec![0.0; 480]);
            side.truncate(192_000);
            side[96_000..97_000].fill(0.0);
        }
        let clock = BlockClock::new(0, 48_000, 0.0);
        let heard = Heard { sent, sent_clock: clock, heard, heard_clock: clock, stalls: Vec::new() };
        let figures = Figures::of(&heard).unwrap();
        assert!((figures.latency_ms - 10.0).abs() < 0.01, "{figures:?}");
        assert!((10.0..20.0).contains(&figures.dropouts_a_minute), "{figures:?}");
        let stall = Stall { start_ns: 2_000_000_000, end_ns: 2_021_000_000 };
        let excused = Figures::of(&Heard { stalls: vec![stall], ..heard }).unwrap();
        assert!(
            excused.dropouts_a_minute < 0.01 && excused.snr_db > figures.snr_db + 1.0,
            "{figures:?} {excused:?}"
        );
    }
}
