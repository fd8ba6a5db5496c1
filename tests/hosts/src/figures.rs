//! The figures of a session: for each direction what a listener got, for each side what it cost. Plain numbers; `cargo xtask`
//! puts them into tables and holds them against the bars of an issue.

use serde::Serialize;

use crate::analysis::{self, Judgement, NoiseWindow, Strictness};
use crate::session::machine::Stall;
use crate::session::{Outcome, Played};

/// How long before a damaged window (of 10 ms) a stall may have begun that is heard there: the way takes some milliseconds,
/// and what was cut off fades out and in.
const STALL_IS_HEARD_NS: u64 = 30_000_000;

/// What one side heard of the other, and what its host and plugin cost.
#[derive(Debug, Clone, Serialize)]
pub struct SideFigures {
    /// Whether the other's music was found in what came back.
    pub heard: bool,
    /// From sample in to sample out, measured by cross-correlation in windows of 85 ms; the median of all windows.
    pub latency_ms_median: f64,
    /// The 99th percentile of the same.
    pub latency_ms_p99: f64,
    /// What the plugin itself shows as latency.
    pub latency_ms_shown: Option<f64>,
    /// Damaged stretches: holes, clicks, concealed losses that can be heard.
    pub dropouts: usize,
    /// Those of them that began when the machine stood still or right after.
    pub dropouts_of_machine: usize,
    /// Where the first of the others are, in seconds.
    pub dropouts_at_s: Vec<f64>,
    /// Windows in which the other's music was not found.
    pub windows_lost: usize,
    /// Heard against sent level.
    pub level_difference_db: f64,
    /// Signal to noise after alignment.
    pub snr_db: f64,
    /// The same without what suffered from a machine that stood still.
    pub snr_running_db: f64,
    /// Share of one core that the plugin's callback took, in percent; by the plugin's own account where it gives one.
    pub callback_percent: f64,
    /// Cost of a call as the host sees it (Python's own cost included where it is Python), in microseconds: median.
    pub callback_us_median: f64,
    /// The 99th percentile.
    pub callback_us_p99: f64,
    /// Share of one core that the worker took, in percent.
    pub worker_percent: Option<f64>,
    /// Callbacks for which the plugin had too little return audio, since its start.
    pub underruns: Option<u64>,
    /// Frames that the plugin concealed.
    pub concealed_frames: Option<f64>,
    /// How the other side's stream was coded.
    pub encoding: Option<String>,
    /// Blocks for which this host itself was more than a block late: the machine was busy.
    pub host_blocks_missed: u64,
    /// How late this host woke for a block, 99th percentile, in microseconds.
    pub host_late_us_p99: f64,
    /// The file of what it heard.
    pub heard_file: String,
}

/// The figures of both sides: `[0]` is what A heard of B.
#[derive(Debug, Clone, Serialize)]
pub struct SessionFigures {
    /// By side.
    pub sides: [SideFigures; 2],
    /// How often a core of the machine did not run for more than half a millisecond.
    pub stalls: usize,
    /// The longest of them.
    pub stall_ms_max: f64,
    /// The folder with everything that was written.
    pub folder: String,
}

impl SessionFigures {
    /// Judges both directions.
    pub fn of(played: &Played, strictness: Strictness, folder: &std::path::Path) -> Self {
        let [a, b] = &played.outcomes;
        let side = |own, other| SideFigures::of(own, other, strictness, &played.stalls);
        let longest_ns = played.stalls.iter().map(|stall| stall.end_ns - stall.start_ns).max();
        Self {
            sides: [side(a, b), side(b, a)],
            stalls: played.stalls.len(),
            stall_ms_max: longest_ns.unwrap_or(0) as f64 * 1e-6,
            folder: folder.display().to_string(),
        }
    }
}

impl SideFigures {
    fn of(own: &Outcome, other: &Outcome, strictness: Strictness, stalls: &[Stall]) -> Self {
        let judgement = analysis::judge(&other.sent, &own.heard, strictness);
        let latencies =
            judgement.as_ref().map_or_else(Vec::new, |judgement| latencies_ms(judgement, own, other));
        let seconds = own.heard.frames() as f64 / own.clock.rate_hz();
        let dropouts = judgement.as_ref().map_or(&[][..], |judgement| &judgement.dropout_frames);
        let (of_machine, others): (Vec<usize>, Vec<usize>) =
            dropouts.iter().partition(|frame| is_of_machine(own.clock.time_of(**frame as u64), stalls));
        Self {
            heard: judgement.is_some(),
            latency_ms_median: analysis::percentile(&latencies, 0.5),
            latency_ms_p99: analysis::percentile(&latencies, 0.99),
            latency_ms_shown: own.report.latency_ms(),
            dropouts: dropouts.len(),
            dropouts_of_machine: of_machine.len(),
            dropouts_at_s: others.iter().take(8).map(|frame| *frame as f64 / own.clock.rate_hz()).collect(),
            windows_lost: judgement.as_ref().map_or(0, |judgement| judgement.windows_lost),
            level_difference_db: judgement.as_ref().map_or(0.0, |judgement| judgement.level_difference_db),
            snr_db: judgement.as_ref().map_or(0.0, |judgement| judgement.snr_db),
            snr_running_db: judgement.as_ref().map_or(0.0, |judgement| {
                let at_ns = |window: &NoiseWindow| own.clock.time_of(window.start_frame as u64);
                analysis::snr_db(
                    judgement.windows.iter().filter(|window| !is_of_machine(at_ns(window), stalls)),
                )
            }),
            callback_percent: match own.report.callback_us_mean() {
                Some(mean) => 100.0 * mean * own.run.blocks as f64 * 1e-6 / seconds.max(1e-9),
                None => 100.0 * own.run.process_s_total / seconds.max(1e-9),
            },
            callback_us_median: own.run.process_us_median,
            callback_us_p99: own.run.process_us_p99,
            worker_percent: own.report.worker_seconds().map(|(cpu, running)| 100.0 * cpu / running.max(1e-9)),
            underruns: own.report.count("/meters/underruns"),
            concealed_frames: own.report.sum_of_sources("concealed_frames"),
            encoding: own.report.source_text("encoding"),
            host_blocks_missed: own.run.blocks_missed,
            host_late_us_p99: own.run.late_us_p99,
            heard_file: own.heard_file.display().to_string(),
        }
    }
}

/// Whether what is heard in the 10 ms from `at_ns` on suffered from the machine.
fn is_of_machine(at_ns: u64, stalls: &[Stall]) -> bool {
    let window_ns = analysis::DROPOUT_WINDOW_FRAMES as u64 * 1_000_000 / 48;
    stalls.iter().any(|stall| stall.start_ns < at_ns + window_ns && stall.end_ns + STALL_IS_HEARD_NS > at_ns)
}

/// From delays in sample frames to real time, by the clocks of both hosts.
fn latencies_ms(judgement: &Judgement, own: &Outcome, other: &Outcome) -> Vec<f64> {
    let latency = |window: &analysis::align::WindowDelay| {
        let heard_at = own.clock.time_of(0) as f64 + window.centre_frame as f64 * 1e9 / own.clock.rate_hz();
        let sent_frame = window.centre_frame as f64 - window.delay_frames;
        let sent_at = other.clock.time_of(0) as f64 + sent_frame * 1e9 / other.clock.rate_hz();
        (heard_at - sent_at) * 1e-6
    };
    judgement.delays.iter().map(latency).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropout_belongs_to_the_stall_that_it_follows() {
        let stalls = [Stall { start_ns: 100_000_000, end_ns: 103_000_000 }];
        assert!(is_of_machine(95_000_000, &stalls), "the window holds the stall");
        assert!(is_of_machine(120_000_000, &stalls), "fading out and in");
        assert!(!is_of_machine(80_000_000, &stalls), "before it");
        assert!(!is_of_machine(140_000_000, &stalls), "long after it");
    }
}
