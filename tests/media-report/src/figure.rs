//! A figure as it is printed: one JSON object in a line of its own. Who prints it judges nothing: the limit is handed on.

use std::io::Write;

use serde::Serialize;

/// What a figure must be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Not more than this.
    AtMost(f64),
    /// Not less than this.
    AtLeast(f64),
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// A short id that stays the same from version to version: the bar's number, a dot, what of it.
    pub id: String,
    /// What was measured.
    pub what: String,
    /// The figure; none where it could not be measured.
    pub figure: Option<f64>,
    /// Its unit.
    pub unit: &'static str,
    /// What it must be; none where it is only shown.
    pub limit: Option<Limit>,
    /// Why there is no figure, or what explains it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Figure {
    /// A figure that is held against a limit.
    pub fn judged(id: &str, what: impl Into<String>, figure: f64, unit: &'static str, limit: Limit) -> Self {
        Self { limit: Some(limit), ..Self::shown(id, what, figure, unit) }
    }

    /// A figure that is only shown.
    pub fn shown(id: &str, what: impl Into<String>, figure: f64, unit: &'static str) -> Self {
        let figure = figure.is_finite().then_some(figure);
        let why = figure.is_none().then(|| "not a finite number".to_owned());
        Self { id: id.to_owned(), what: what.into(), figure, unit, limit: None, why }
    }

    /// No figure, and why.
    pub fn unmeasured(
        id: &str,
        what: impl Into<String>,
        unit: &'static str,
        limit: Option<Limit>,
        why: impl Into<String>,
    ) -> Self {
        Self { id: id.to_owned(), what: what.into(), figure: None, unit, limit, why: Some(why.into()) }
    }

    /// The same with an explanation.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }
}

/// Where figures go, and how long the measurements may take.
pub struct Report<'a> {
    /// Shorter simulated times.
    pub is_quick: bool,
    out: &'a mut dyn Write,
    failed: Option<std::io::Error>,
}

impl<'a> Report<'a> {
    /// Prints to `out`.
    pub fn new(out: &'a mut dyn Write, is_quick: bool) -> Self {
        Self { is_quick, out, failed: None }
    }

    /// Prints a figure at once.
    pub fn print(&mut self, figure: &Figure) {
        let line = serde_json::to_string(figure).unwrap_or_default();
        let printed = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
        self.failed = self.failed.take().or(printed.err());
    }

    /// One of two lengths, in seconds of simulated time.
    pub fn seconds(&self, whole: u64, quick: u64) -> u64 {
        if self.is_quick { quick } else { whole }
    }

    /// Says on standard error what is being done.
    pub fn progress(&self, text: &str) {
        eprintln!("{text}");
    }

    /// The first error of printing, if any.
    ///
    /// # Errors
    /// When a line could not be printed.
    pub fn end(self) -> std::io::Result<()> {
        self.failed.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_agreed_shape() {
        let mut out = Vec::new();
        let mut report = Report::new(&mut out, true);
        report.print(&Figure::judged("1.music", "delay", 0.5, "ms", Limit::AtMost(1.0)));
        report.print(&Figure::shown("1.x", "delay", f64::NAN, "ms"));
        assert!(report.end().is_ok());
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            r#"{"id":"1.music","what":"delay","figure":0.5,"unit":"ms","limit":{"at_most":1.0}}"#
        );
        assert_eq!(
            lines[1],
            r#"{"id":"1.x","what":"delay","figure":null,"unit":"ms","limit":null,"why":"not a finite number"}"#
        );
    }
}
