//! The last minutes of a source as a plot: latency by stage, and what it is troubled by beneath.
//!
//! Scales and words only; `panels/plot.rs` draws them. The step before is the worker's history of the source.

use std::sync::Arc;

use backline_client::{History, HistoryPoint, POINTS};

use super::words;

/// Stages of the latency, from their capture to your playout, bottom up.
pub const STAGES: [&str; 5] = ["their block", "coding", "network", "playout", "your block"];
/// Names of the lines beneath it.
const LINES: [&str; 4] = ["Jitter", "Held back", "Concealed", "Drift"];
/// The least that a scale reaches to, by line: what is smaller is no trouble, and looks so. In ms, ms, percent, ppm.
const SCALES_MIN: [f64; 4] = [2.0, 5.0, 1.0, 20.0];
/// The same of the latency, in ms.
const LATENCY_SCALE_MIN_MS: f64 = 10.0;

/// What was, shared with the worker. It is no news: an open plot is drawn anew each second, a closed one not at all.
#[derive(Debug, Clone, Default)]
pub struct Past(pub Arc<History>);

impl PartialEq for Past {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// What a second shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Second {
    /// Latency by stage, in ms.
    pub stages_ms: [f64; 5],
    /// What the lines show, each in its unit.
    pub values: [f64; 4],
}

/// A line beneath the latency.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// "Jitter".
    pub name: &'static str,
    /// The lowest value of its scale; 0, or below it where the values go both ways.
    pub from: f64,
    /// The highest.
    pub to: f64,
    /// "2 ms".
    pub scale: String,
}

/// The last minutes of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// Oldest first; none where nothing was measured. The last one is now.
    pub seconds: Vec<Option<Second>>,
    /// How far the scale of the latency reaches, in ms.
    pub latency_to_ms: f64,
    /// "20 ms".
    pub latency_scale: String,
    /// Beneath it.
    pub lines: [Line; 4],
    /// All of it in a sentence or two.
    pub summary: String,
}

impl Plot {
    /// What `history` looks like.
    pub fn new(history: &History) -> Self {
        let seconds: Vec<Option<Second>> =
            history.points.iter().map(|point| point.as_ref().map(Second::new)).collect();
        let measured = || seconds.iter().flatten();
        let latency_to_ms = scale(measured().map(Second::latency_ms), LATENCY_SCALE_MIN_MS);
        let lines = std::array::from_fn(|line| {
            let to = scale(measured().map(|second| second.values[line].abs()), SCALES_MIN[line]);
            let is_both_ways = measured().any(|second| second.values[line] < 0.0);
            let from = if is_both_ways { -to } else { 0.0 };
            let sign = if is_both_ways { "±" } else { "" };
            Line { name: LINES[line], from, to, scale: format!("{sign}{}", unit(line, to)) }
        });
        let summary = summary(&seconds);
        let latency_scale = unit(0, latency_to_ms);
        Self { seconds, latency_to_ms, latency_scale, lines, summary }
    }

    /// The second that was `ago` seconds before now.
    pub fn second(&self, ago: usize) -> Option<&Second> {
        let index = self.seconds.len().checked_sub(ago + 1)?;
        self.seconds[index].as_ref()
    }

    /// "12 s ago", "1:05 min ago", "Now".
    pub fn when(ago: usize) -> String {
        match ago {
            0 => "Now".to_owned(),
            1..60 => format!("{ago} s ago"),
            _ => format!("{}:{:02} min ago", ago / 60, ago % 60),
        }
    }

    /// How many seconds it has room for.
    pub fn width() -> usize {
        POINTS
    }
}

impl Second {
    fn new(point: &HistoryPoint) -> Self {
        let ms = |us: u32| f64::from(us) / 1e3;
        Self {
            stages_ms: point.stages_us.map(ms),
            values: [
                ms(point.jitter_us),
                ms(point.depth_us),
                f64::from(point.concealed_ppm) / 1e4,
                f64::from(point.drift_ppb) / 1e3,
            ],
        }
    }

    /// All stages together, in ms.
    pub fn latency_ms(&self) -> f64 {
        self.stages_ms.iter().sum()
    }

    /// "0.6 ms", "1.3 %", "+12 ppm" of a line.
    pub fn text(&self, line: usize) -> String {
        let value = self.values[line];
        match line {
            0 | 1 => milliseconds(value),
            2 => words::share((value / 100.0) as f32),
            _ => words::drift(value as f32),
        }
    }

    /// "6.1 ms" of a stage.
    pub fn stage_text(&self, stage: usize) -> String {
        milliseconds(self.stages_ms[stage])
    }

    /// "15.1 ms" of all stages.
    pub fn latency_text(&self) -> String {
        milliseconds(self.latency_ms())
    }
}

/// One that looks round and that everything is under.
fn scale(values: impl Iterator<Item = f64>, least: f64) -> f64 {
    let most = values.fold(least, f64::max);
    let decade = 10_f64.powf(most.log10().floor());
    let steps = [1.0, 2.0, 3.0, 5.0, 10.0].map(|step| step * decade);
    steps.into_iter().find(|step| *step >= most * (1.0 - 1e-9)).unwrap_or(most)
}

/// The end of a scale.
fn unit(line: usize, value: f64) -> String {
    match line {
        0 | 1 => format!("{value} ms"),
        2 => format!("{value} %"),
        _ => format!("{value} ppm"),
    }
}

fn milliseconds(ms: f64) -> String {
    if ms < 99.95 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}

/// For who does not see it, and for who wants it short.
fn summary(seconds: &[Option<Second>]) -> String {
    let measured: Vec<&Second> = seconds.iter().flatten().collect();
    let Some(last) = measured.last() else { return "Nothing was measured yet.".to_owned() };
    let most =
        |value: &dyn Fn(&Second) -> f64| measured.iter().map(|second| value(second)).fold(0.0, f64::max);
    let least = measured.iter().map(|second| second.latency_ms()).fold(f64::INFINITY, f64::min);
    let largest =
        (0..STAGES.len()).max_by(|one, other| last.stages_ms[*one].total_cmp(&last.stages_ms[*other]));
    let stage = largest.map_or("", |stage| STAGES[stage]);
    format!(
        "Latency {} now, most of it {stage}; {} to {} in the last {}. Jitter up to {}, held back up to {}, concealed up to {}.",
        last.latency_text(),
        milliseconds(least),
        milliseconds(most(&Second::latency_ms)),
        duration(seconds.len()),
        milliseconds(most(&|second| second.values[0])),
        milliseconds(most(&|second| second.values[1])),
        words::share((most(&|second| second.values[2]) / 100.0) as f32),
    )
}

fn duration(seconds: usize) -> String {
    match (seconds / 60, seconds % 60) {
        (0, 1) => "second".to_owned(),
        (0, seconds) => format!("{seconds} seconds"),
        (1, 0) => "minute".to_owned(),
        (minutes, 0) => format!("{minutes} minutes"),
        (minutes, seconds) => format!("{minutes}:{seconds:02} minutes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(network_us: u32) -> HistoryPoint {
        HistoryPoint {
            stages_us: [1_300, 2_700, network_us, 1_200, 1_300],
            jitter_us: 600,
            depth_us: 1_500,
            concealed_ppm: 12_000,
            drift_ppb: -12_400,
        }
    }

    fn history(points: impl IntoIterator<Item = Option<HistoryPoint>>) -> History {
        History { points: points.into_iter().collect() }
    }

    #[test]
    fn scales_are_round_and_hold_everything() {
        let plot = Plot::new(&history([Some(point(8_000)), Some(point(15_000))]));
        assert_eq!((plot.latency_to_ms, &*plot.latency_scale), (30.0, "30 ms"));
        let scales = plot.lines.each_ref().map(|line| (line.name, line.from, &*line.scale));
        let wanted = [
            ("Jitter", 0.0, "2 ms"),
            ("Held back", 0.0, "5 ms"),
            ("Concealed", 0.0, "2 %"),
            ("Drift", -20.0, "±20 ppm"),
        ];
        assert_eq!(scales, wanted);
        assert_eq!(Plot::new(&history([Some(point(2_000))])).latency_scale, "10 ms");
    }

    #[test]
    fn what_was_at_a_time_is_said_in_words() {
        let plot = Plot::new(&history([Some(point(8_000)), None, Some(point(4_000))]));
        let second = plot.second(2).unwrap();
        let texts = [0, 1, 2, 3].map(|line| second.text(line));
        assert_eq!(texts, ["0.6 ms", "1.5 ms", "1.2 %", "−12 ppm"]);
        assert_eq!(second.latency_text(), "14.5 ms");
        assert_eq!(plot.second(0).unwrap().latency_text(), "10.5 ms");
        assert_eq!((plot.second(1), plot.second(3)), (None, None));
        assert_eq!([0, 12, 65].map(Plot::when), ["Now", "12 s ago", "1:05 min ago"]);
    }

    #[test]
    fn a_sentence_sums_it_up() {
        assert_eq!(Plot::new(&history([])).summary, "Nothing was measured yet.");
        let plot = Plot::new(&history((0..180).map(|second| Some(point(4_000 + 20 * second)))));
        assert_eq!(
            plot.summary,
            "Latency 14.1 ms now, most of it network; 10.5 ms to 14.1 ms in the last 3 minutes. \
             Jitter up to 0.6 ms, held back up to 1.5 ms, concealed up to 1.2 %."
        );
    }
}
