//! Figures held against limits, as a table for people and as one JSON object for scripts.

use serde::Serialize;

/// What a figure must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// Not more than this.
    AtMost(f64),
    /// Not less than this.
    AtLeast(f64),
    /// Shown, not judged.
    None,
}

impl Limit {
    fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtMost(limit) => figure <= limit,
            Self::AtLeast(limit) => figure >= limit,
            Self::None => true,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(limit) => format!("<= {limit}"),
            Self::AtLeast(limit) => format!(">= {limit}"),
            Self::None => String::new(),
        }
    }
}

/// One figure against its limit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bar {
    /// A short id that stays the same from version to version.
    pub id: String,
    /// What was measured.
    pub what: String,
    /// The figure; `null` when it could not be measured.
    pub figure: Option<f64>,
    /// Its unit.
    pub unit: String,
    /// The limit in words: `<= 5`.
    pub limit: String,
    /// Whether it holds.
    pub pass: bool,
    /// Why it could not be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Bar {
    /// A measured figure.
    pub fn new(id: &str, what: impl Into<String>, figure: f64, unit: &str, limit: Limit) -> Self {
        // JSON has no infinities.
        let figure = if figure.is_finite() { (figure * 1e4).round() / 1e4 } else { 0.0 };
        Self {
            id: id.to_owned(),
            what: what.into(),
            figure: Some(figure),
            unit: unit.to_owned(),
            limit: limit.text(),
            pass: limit.holds(figure),
            why: None,
        }
    }

    /// In a word; none where nothing is judged.
    fn verdict(&self) -> &'static str {
        match (self.limit.is_empty(), self.pass) {
            (true, true) => "",
            (_, true) => "pass",
            (_, false) => "FAIL",
        }
    }

    /// A figure that could not be measured, with the reason; it does not pass.
    pub fn unmeasured(
        id: &str,
        what: impl Into<String>,
        unit: &str,
        limit: Limit,
        why: impl Into<String>,
    ) -> Self {
        Self { figure: None, pass: false, why: Some(why.into()), ..Self::new(id, what, 0.0, unit, limit) }
    }
}

/// All bars of a command.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Bars {
    bars: Vec<Bar>,
    machine: String,
}

impl Bars {
    /// None yet.
    pub fn new() -> Self {
        Self { bars: Vec::new(), machine: machine() }
    }

    /// Adds a bar.
    pub fn push(&mut self, bar: Bar) {
        self.bars.push(bar);
    }

    /// Whether every limit holds.
    pub fn all_pass(&self) -> bool {
        self.bars.iter().all(|bar| bar.pass)
    }

    /// The table.
    pub fn print_table(&self) {
        let width = self.bars.iter().map(|bar| bar.what.chars().count()).max().unwrap_or(0);
        for bar in &self.bars {
            let figure = bar.figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.2}"));
            let verdict = bar.verdict();
            let line = format!(
                "{:<5} {:<width$} {figure:>10} {:<7} {:<10} {verdict}",
                bar.id, bar.what, bar.unit, bar.limit
            );
            println!("{}", line.trim_end());
            if let Some(why) = &bar.why {
                println!("      {why}");
            }
        }
        println!("measured on {}", self.machine);
    }

    /// The table as Markdown, the machine below it.
    pub fn markdown(&self) -> String {
        let mut text =
            String::from("| bar | what | figure | limit | verdict |\n| --- | --- | ---: | --- | --- |\n");
        for bar in &self.bars {
            let figure = bar.figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.3}"));
            let figure = if figure.contains('.') {
                figure.trim_end_matches('0').trim_end_matches('.')
            } else {
                &figure
            };
            let limit = bar.limit.replace("<=", "≤").replace(">=", "≥");
            let why = bar.why.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
            let what = format!("{}{why}", bar.what).replace('|', "/").replace('\n', " ");
            let line =
                format!("| {} | {what} | {figure} {} | {limit} | {} |\n", bar.id, bar.unit, bar.verdict());
            text.push_str(&line);
        }
        format!("{text}\nMeasured on {}.\n", self.machine)
    }

    /// One object in one line.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What the figures were measured on, in a few words.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{}, {cores} cores, {}", name.unwrap_or("an unknown processor"), std::env::consts::OS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_markdown_has_a_line_for_each_bar() {
        let mut bars = Bars::new();
        bars.push(Bar::new("1", "latency", 4.25, "ms", Limit::AtMost(5.0)));
        bars.push(Bar::unmeasured("2", "noise", "dB", Limit::AtLeast(25.0), "nothing was heard"));
        let text = bars.markdown();
        assert!(text.contains("| 1 | latency | 4.25 ms | ≤ 5 | pass |\n"), "{text}");
        assert!(text.contains("| 2 | noise (nothing was heard) | – dB | ≥ 25 | FAIL |\n"), "{text}");
    }

    #[test]
    fn the_object_has_the_agreed_shape() {
        let mut bars = Bars::new();
        bars.push(Bar::new("1", "latency", 4.0, "ms", Limit::AtMost(5.0)));
        bars.push(Bar::unmeasured("2", "noise", "dB", Limit::AtLeast(25.0), "nothing was heard"));
        let object: serde_json::Value = serde_json::from_str(&bars.json()).unwrap();
        assert_eq!(object["bars"][0]["figure"], 4.0);
        assert_eq!(object["bars"][0]["limit"], "<= 5");
        assert_eq!(object["bars"][0]["pass"], true);
        assert_eq!(object["bars"][1]["figure"], serde_json::Value::Null);
        assert_eq!(object["bars"][1]["pass"], false);
        assert!(object["machine"].is_string());
        assert!(!bars.all_pass());
    }
}
