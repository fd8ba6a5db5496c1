//! Looks at a process again and again: memory and open files, and a straight line through them. And a figure with its limit, as a line of JSON.
//!
//! The step before is `soak.rs`; the step after is `cargo xtask report soak`, which reads the lines.

use std::time::Duration;

use serde::Serialize;

use crate::system;

/// Before this nothing counts: people come in, and memory gets to where it stays.
const WARM_UP_SHARE: f64 = 2.0 / 3.0;
const WARM_UP_MAX: Duration = Duration::from_secs(60);
/// What comes and goes with guests and mixes, in KiB: a slope over a short time is made of it.
const UNREST: f64 = 4_096.0;
/// In so many minutes it does not count.
const UNREST_COUNTS: f64 = 10.0;

/// What a figure must be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Not more than this.
    AtMost(f64),
    /// Not less than this.
    AtLeast(f64),
    /// Shown, not judged.
    #[serde(skip)]
    None,
}

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub struct Bar {
    id: &'static str,
    what: &'static str,
    figure: f64,
    unit: &'static str,
    #[serde(serialize_with = "limit_or_null")]
    limit: Limit,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl Bar {
    pub(crate) fn new(
        id: &'static str,
        what: &'static str,
        figure: f64,
        unit: &'static str,
        limit: Limit,
    ) -> Self {
        Self { id, what, figure, unit, limit, why: None }
    }

    /// What explains it.
    pub(crate) fn why(self, why: Option<String>) -> Self {
        Self { why, ..self }
    }

    /// Whether it is as it must be.
    pub fn holds(&self) -> bool {
        match self.limit {
            Limit::AtMost(most) => self.figure <= most,
            Limit::AtLeast(least) => self.figure >= least,
            Limit::None => true,
        }
    }
}

fn limit_or_null<S: serde::Serializer>(limit: &Limit, serializer: S) -> Result<S::Ok, S::Error> {
    match limit {
        Limit::None => serializer.serialize_none(),
        judged => judged.serialize(serializer),
    }
}

/// A process that is looked at.
pub(super) struct Watch {
    process: u32,
    warm_up: Duration,
    /// When, memory in KiB, open files.
    looks: Vec<(Duration, f64, usize)>,
    /// Changes of route that were ordered.
    pub routes: u64,
}

impl Watch {
    pub fn new(process: u32, time: Duration) -> Self {
        let warm_up = time.mul_f64(WARM_UP_SHARE).min(WARM_UP_MAX);
        Self { process, warm_up, looks: Vec::new(), routes: 0 }
    }

    pub fn look(&mut self, at: Duration) {
        let kibibytes = system::resident_bytes(self.process) as f64 / 1_024.0;
        self.looks.push((at, kibibytes, open_files(self.process)));
    }

    pub fn bars(&self, growth_max: f64) -> Vec<Bar> {
        let warm: Vec<_> = self.looks.iter().filter(|(at, ..)| *at >= self.warm_up).collect();
        let memory: Vec<(f64, f64)> =
            warm.iter().map(|(at, size, _)| (at.as_secs_f64() / 60.0, *size)).collect();
        // A request of the API that is just being answered has one: the least of each half is without.
        let least =
            |looks: &[&(Duration, f64, usize)]| looks.iter().map(|(.., files)| *files).min().unwrap_or(0);
        let minutes = memory.first().zip(memory.last()).map_or(0.0, |(first, last)| last.0 - first.0);
        let limit = Limit::AtMost(
            growth_max + if minutes < UNREST_COUNTS { UNREST / minutes.max(0.01) } else { 0.0 },
        );
        let (first, second) = warm.split_at(warm.len() / 2);
        let grown = least(second) as f64 - least(first) as f64;
        let most = warm.iter().map(|(.., files)| *files).max().unwrap_or(0);
        let last = memory.last().map_or(0.0, |(_, size)| size / 1_024.0);
        vec![
            Bar::new("soak.memory", "memory, slope of a straight line", slope(&memory), "KiB/min", limit),
            Bar::new("soak.resident", "memory at the end", last, "MiB", Limit::None),
            Bar::new("soak.files", "open files, second half over first", grown, "", Limit::AtMost(0.0)),
            Bar::new("soak.files_most", "open files at the most", most as f64, "", Limit::None),
            Bar::new("soak.routes", "changes of route", self.routes as f64, "", Limit::AtLeast(1.0)),
        ]
    }
}

/// Of the line with the least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len().max(1) as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (middle, height) = (mean(|point| point.0), mean(|point| point.1));
    let along: f64 = points.iter().map(|(x, _)| (x - middle).powi(2)).sum();
    let up: f64 = points.iter().map(|(x, y)| (x - middle) * (y - height)).sum();
    if along > 0.0 { up / along } else { 0.0 }
}

/// What a process has open; none where the system does not say.
fn open_files(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_among_points() {
        assert!((slope(&[(0.0, 10.0), (1.0, 12.0), (2.0, 14.0)]) - 2.0).abs() < 1e-9);
        assert!(slope(&[(0.0, 5.0), (1.0, 7.0), (2.0, 5.0)]).abs() < 1e-9);
        assert_eq!((slope(&[]), slope(&[(1.0, 3.0)])), (0.0, 0.0));
    }

    #[test]
    fn a_leak_misses_the_bar_and_a_level_does_not() {
        let grown = |kibibytes: f64, files: usize| {
            let mut watch = Watch::new(0, Duration::from_secs(1_800));
            let look = |at: u64| {
                let steps = at as f64 / 60.0;
                (Duration::from_secs(at), 50_000.0 + kibibytes * steps, 40 + files * at as usize)
            };
            watch.looks = (0..1_800).step_by(10).map(look).collect();
            watch.bars(64.0).iter().take(3).map(Bar::holds).collect::<Vec<_>>()
        };
        assert_eq!(grown(0.0, 0), [true, true, true]);
        assert_eq!(grown(100.0, 1), [false, true, false]);
    }

    #[test]
    fn a_figure_is_a_line_that_the_report_reads() {
        let line = |limit| serde_json::to_string(&Bar::new("a", "b", 1.0, "", limit)).unwrap_or_default();
        assert_eq!(
            line(Limit::AtMost(2.0)),
            r#"{"id":"a","what":"b","figure":1.0,"unit":"","limit":{"at_most":2.0}}"#
        );
        assert_eq!(line(Limit::None), r#"{"id":"a","what":"b","figure":1.0,"unit":"","limit":null}"#);
    }
}
