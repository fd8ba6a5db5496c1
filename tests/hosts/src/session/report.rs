//! What a plugin says about itself: the JSON that it writes to BACKLINE_REPORT. Read leniently, since a host that measures
//! must not fail because a plugin reports one figure more or less.

use std::path::Path;

use serde_json::Value;

/// One report; empty as long as there is none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PluginReport {
    json: Value,
}

impl PluginReport {
    /// Reads the file; a missing or half-written one is an empty report.
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        Self { json: serde_json::from_str(&text).unwrap_or(Value::Null) }
    }

    /// A report from its text, for tests.
    pub fn from_text(text: &str) -> Self {
        Self { json: serde_json::from_str(text).unwrap_or(Value::Null) }
    }

    /// Whether another participant's source is present.
    pub fn hears_somebody(&self) -> bool {
        let present = |source: &Value| source.get("present").and_then(Value::as_bool).unwrap_or(false);
        self.sources().iter().any(present)
    }

    /// Processor time of the worker in seconds since it started, and how long it has been running, where reported.
    pub fn worker_seconds(&self) -> Option<(f64, f64)> {
        let worker = self.json.get("worker")?;
        Some((seconds(worker, "cpu_time")?, seconds(worker, "running_for")?))
    }

    /// A whole number at a path like `/meters/underruns`.
    pub fn count(&self, pointer: &str) -> Option<u64> {
        self.json.pointer(pointer)?.as_u64()
    }

    /// Mean cost of the plugin's callback in microseconds, as the plugin measures it, without the host's own work.
    pub fn callback_us_mean(&self) -> Option<f64> {
        self.json.pointer("/meters/callback/mean_us")?.as_f64()
    }

    /// The sum of a number over all sources.
    pub fn sum_of_sources(&self, name: &str) -> Option<f64> {
        let values: Vec<f64> =
            self.sources().iter().filter_map(|source| source.get(name)?.as_f64()).collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    /// A text of the first source, its encoding for instance.
    pub fn source_text(&self, name: &str) -> Option<String> {
        self.sources().first()?.get(name)?.as_str().map(str::to_owned)
    }

    /// The latency that the plugin measured for its first source, in milliseconds.
    pub fn latency_ms(&self) -> Option<f64> {
        seconds(self.sources().first()?, "latency").map(|latency| latency * 1e3)
    }

    /// One line for a person who looks for a fault.
    pub fn describe(&self) -> String {
        if self.json.is_null() {
            return "has written no report".to_owned();
        }
        let connection = self.json.get("connection").map_or_else(String::new, Value::to_string);
        let notices = self.json.get("notices").map_or_else(String::new, Value::to_string);
        format!("is {connection} with {} sources, notices {notices}", self.sources().len())
    }

    fn sources(&self) -> &[Value] {
        self.json.get("sources").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

/// A duration under `name` with any of the usual endings, in seconds.
fn seconds(object: &Value, name: &str) -> Option<f64> {
    let under = |ending: &str| object.get(format!("{name}{ending}")).and_then(Value::as_f64);
    under("_s")
        .or_else(|| under("_ms").map(|value| value * 1e-3))
        .or_else(|| under("_us").map(|value| value * 1e-6))
        .or_else(|| under("_ns").map(|value| value * 1e-9))
        .or_else(|| {
            let parts = object.get(name)?;
            Some(parts.get("secs")?.as_f64()? + parts.get("nanos")?.as_f64()? * 1e-9)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_report_is_nobody() {
        assert!(!PluginReport::read(Path::new("/nowhere")).hears_somebody());
    }

    #[test]
    fn a_present_source_is_somebody() {
        let report = PluginReport::from_text(
            r#"{"sources":[{"present":true,"latency_ms":3.5}],"worker":{"cpu_time_us":1500,"running_for_ms":2000}}"#,
        );
        assert!(report.hears_somebody());
        assert_eq!(report.latency_ms(), Some(3.5));
        assert_eq!(report.worker_seconds(), Some((0.0015, 2.0)));
    }
}
