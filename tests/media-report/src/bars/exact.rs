//! Bar 2: jitter, reordering and duplication that the depth covers leave no trace, and the depth is no more than that takes.

use std::time::Duration;

use backline_sim::judge::exact::Exact;
use backline_sim::{Jitter, Way};

use crate::figure::{Figure, Limit, Report};
use crate::pair::{Pair, Setting};
use crate::signals::{self, Loop};

const SEED: u64 = 302;
const DELAY: Duration = Duration::from_millis(10);
/// Until then the depth finds itself.
const SETTLING: Duration = Duration::from_secs(60);
const CEILING: Duration = Duration::from_millis(60);
const DELAY_FRAMES_MAX: usize = 9_600;
/// What a packet carries at block 64.
const PACKET_FRAMES: f64 = 64.0;

/// Three spreads, music; each against the latency of the same path without any.
pub fn measure(report: &mut Report<'_>) {
    let sound = match signals::music() {
        Ok(music) => music,
        Err(error) => return report.print(&Figure::unmeasured("2", "music", "", None, error.to_string())),
    };
    let seconds = report.seconds(300, 20);
    let least = heard(&sound, Duration::ZERO, 2).delay_frames();
    for spread_ms in [2, 5, 10] {
        let spread = Duration::from_millis(spread_ms);
        let exact = heard(&sound, spread, seconds);
        print(report, spread, &exact, least, seconds);
    }
}

/// Half of the spread is jitter, half is by how much every tenth packet is overtaken; three in ten come twice.
fn way(spread: Duration) -> Way {
    if spread.is_zero() {
        return Way::clean(DELAY);
    }
    Way {
        jitter: Jitter::Uniform(spread / 2),
        reordering: 0.1,
        reordering_delay: spread / 2,
        duplication: 0.3,
        ..Way::clean(DELAY)
    }
}

fn heard(sound: &Loop, spread: Duration, seconds: u64) -> Exact {
    let setting = Setting { depth_ceiling: CEILING, ..Setting::new(SEED, way(spread)) };
    let mut pair = Pair::new(&setting, sound);
    pair.settle(SETTLING);
    let mut exact = Exact::new(DELAY_FRAMES_MAX);
    pair.run(Duration::from_secs(seconds), |sent, heard| exact.feed(sent, heard));
    exact
}

fn print(report: &mut Report<'_>, spread: Duration, exact: &Exact, least: Option<usize>, seconds: u64) {
    let spread_ms = spread.as_millis();
    let id = format!("2.{spread_ms}ms");
    let what = format!(
        "jitter and reordering up to {spread_ms} ms, 30 % twice, PCM, music, {seconds} s: sample frames that are not as sent"
    );
    let none = Limit::AtMost(0.0);
    let why = "no constant delay at which most of it is what was sent";
    let depth = "the same: latency above the minimum (the clean path's and the spread), in packets";
    let depth_id = format!("{id}.depth");
    match (exact.delay_frames(), least) {
        (Some(delay), Some(least)) => {
            let figure = Figure::judged(&id, what, exact.wrong_frames() as f64, "", none);
            report.print(&figure.because(format!(
                "{} stretches, {} sample frames at the longest",
                exact.wrong_runs(),
                exact.longest_wrong_frames()
            )));
            let above = delay as f64 - least as f64 - spread.as_secs_f64() * 48_000.0;
            report.print(&Figure::judged(
                &depth_id,
                depth,
                above / PACKET_FRAMES,
                "packets",
                Limit::AtMost(1.0),
            ));
        }
        _ => {
            report.print(&Figure::unmeasured(&id, what, "", Some(none), why));
            report.print(&Figure::unmeasured(&depth_id, depth, "packets", Some(Limit::AtMost(1.0)), why));
        }
    }
}
