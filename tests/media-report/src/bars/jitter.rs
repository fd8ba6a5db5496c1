//! Bar 6: a path that becomes restless and calm again: how soon the depth is right, how often that is not enough, how soon it is shallow again.

use std::time::Duration;

use backline_sim::judge::track::Track;
use backline_sim::{Jitter, Way};

use crate::figure::{Figure, Limit, Report};
use crate::pair::{Pair, Setting};
use crate::signals::{self, Loop};

const SEED: u64 = 306;
const CALM: Way = Way::clean(Duration::from_millis(5));
const JITTER: Jitter =
    Jitter::HeavyTailed { median: Duration::from_millis(2), p99: Duration::from_millis(15) };
const CEILING: Duration = Duration::from_millis(80);
const SETTLING: Duration = Duration::from_secs(15);
/// The listener has so long to find the depth, and so long to come back from it.
const SETTLES_WITHIN_S: f64 = 10.0;
const RETURNS_WITHIN_S: f64 = 15.0;
const DELAY_FRAMES_MAX: usize = 9_600;
/// A gap as long as this is no packet that was late but a queue that ran empty: three packets and their cross-fade.
const STARVED_FRAMES: u64 = 288;

/// Music, each packet late by itself; and, shown only, where none overtakes another.
pub fn measure(report: &mut Report<'_>) {
    let music = match signals::music() {
        Ok(music) => music,
        Err(error) => return report.print(&Figure::unmeasured("6", "music", "", None, error.to_string())),
    };
    one(report, &music, "6", false);
    one(report, &music, "6.queue", true);
}

fn one(report: &mut Report<'_>, sound: &Loop, id: &str, in_order: bool) {
    let restless_s = report.seconds(600, 130);
    let setting = Setting { depth_ceiling: CEILING, ..Setting::new(SEED, CALM) };
    let mut pair = Pair::new(&setting, sound);
    pair.settle(SETTLING);
    let mut track = pair.track(DELAY_FRAMES_MAX, 30.0);
    let mut times_s = Vec::new();
    for (way, seconds) in [(CALM, 5), (Way { jitter: JITTER, in_order, ..CALM }, restless_s), (CALM, 20)] {
        pair.world.network.usual = way;
        times_s.push(pair.world.now().as_secs_f64());
        pair.run(Duration::from_secs(seconds), |sent, heard| track.feed(sent, heard));
    }
    print(report, id, in_order, &Course::new(&pair, &track, times_s[1], times_s[2]));
}

/// What became of the latency.
struct Course {
    /// When it was heard, in seconds, and how late, in ms.
    latencies: Vec<(f64, f64)>,
    restless_s: f64,
    calm_s: f64,
    /// Gaps in which the queue ran empty, a minute, once it had settled.
    starved: f64,
    /// Share that was made up, once it had settled, in percent.
    made_up: f64,
}

impl Course {
    fn new(pair: &Pair, track: &Track, restless_s: f64, calm_s: f64) -> Self {
        let latencies =
            track.places().iter().map(|place| (pair.heard_s(place), pair.latency_ms(place))).collect();
        let card = pair.world.card(pair.listener);
        let settled_s = restless_s + SETTLES_WITHIN_S;
        let gaps = track
            .stretches()
            .iter()
            .filter(|gap| (settled_s..calm_s).contains(&card.frame_at_s(gap.begin as f64)));
        let (mut starved, mut made_up) = (0.0, 0.0);
        for gap in gaps {
            starved += if gap.frames > STARVED_FRAMES { 1.0 } else { 0.0 };
            made_up += gap.frames as f64 / 48_000.0;
        }
        let settled_for_s = calm_s - settled_s;
        Self {
            latencies,
            restless_s,
            calm_s,
            starved: starved * 60.0 / settled_for_s,
            made_up: 100.0 * made_up / settled_for_s,
        }
    }

    /// The middle of the latencies between two times.
    fn middle_ms(&self, from_s: f64, to_s: f64) -> f64 {
        let mut all: Vec<f64> = self
            .latencies
            .iter()
            .filter(|(at, _)| (from_s..to_s).contains(at))
            .map(|(_, latency)| *latency)
            .collect();
        all.sort_unstable_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// How long it took until the latency had risen by four fifths of what it rises by.
    fn settled_after_s(&self, before_ms: f64, during_ms: f64) -> f64 {
        let enough_ms = before_ms + 0.8 * (during_ms - before_ms);
        let mut after = self.latencies.iter().filter(|(at, _)| *at >= self.restless_s);
        after.find(|(_, latency)| *latency >= enough_ms).map_or(f64::NAN, |(at, _)| at - self.restless_s)
    }
}

fn print(report: &mut Report<'_>, id: &str, in_order: bool, course: &Course) {
    let before_ms = course.middle_ms(course.restless_s - 2.0, course.restless_s);
    let during_ms = course.middle_ms(course.restless_s + SETTLES_WITHIN_S, course.calm_s);
    let after_ms = course.middle_ms(course.calm_s + RETURNS_WITHIN_S, course.calm_s + RETURNS_WITHIN_S + 1.0);
    let order = if in_order { ", in order" } else { "" };
    let seconds = course.calm_s - course.restless_s;
    let what = format!("heavy-tailed jitter (median 2 ms, p99 15 ms{order}), PCM, music, {seconds:.0} s");
    let mut line = |part: &str, text: &str, figure: f64, unit, limit: Option<f64>| {
        let limit = limit.filter(|_| !in_order).map(Limit::AtMost);
        let what = format!("{what}: {text}");
        report.print(&Figure { limit, ..Figure::shown(&format!("{id}.{part}"), what, figure, unit) });
    };
    line(
        "settles",
        "depth found after",
        course.settled_after_s(before_ms, during_ms),
        "s",
        Some(SETTLES_WITHIN_S),
    );
    line("starves", "gaps over 6 ms, the queue ran empty", course.starved, "/min", Some(1.0));
    line(
        "returns",
        "latency above that before, 15 s after it became calm",
        after_ms - before_ms,
        "ms",
        Some(2.0),
    );
    line("latency", "latency that it adds", during_ms - before_ms, "ms", None);
    line("made-up", "time made up or cross-faded", course.made_up, "%", None);
}
