//! Figures that a measuring program prints, one JSON object a line, as bars:
//! `{"id":"9.opus","what":"…","figure":0.0,"unit":"ms","limit":{"at_most":1.0}}`, where `limit` and `figure` may be `null`, and `why`
//! explains.

use serde::Deserialize;

use crate::bars::{Bar, Limit};

#[derive(Debug, Deserialize)]
struct Line {
    id: String,
    what: String,
    figure: Option<f64>,
    unit: String,
    limit: Option<LineLimit>,
    why: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LineLimit {
    AtMost(f64),
    AtLeast(f64),
}

/// The bar of a line; none where the line is none.
pub fn read(line: &str) -> Option<Bar> {
    let line: Line = serde_json::from_str(line).ok()?;
    let limit = match line.limit {
        Some(LineLimit::AtMost(most)) => Limit::AtMost(most),
        Some(LineLimit::AtLeast(least)) => Limit::AtLeast(least),
        None => Limit::None,
    };
    Some(match line.figure {
        Some(figure) => Bar { why: line.why, ..Bar::new(&line.id, line.what, figure, &line.unit, limit) },
        None => {
            let why = line.why.unwrap_or_else(|| "no figure was printed".to_owned());
            unmeasured(&line.id, &line.what, &line.unit, limit, &why)
        }
    })
}

/// What could not be measured; where there is no limit, nothing is missed by it.
pub fn unmeasured(id: &str, what: &str, unit: &str, limit: Limit, why: &str) -> Bar {
    Bar { pass: limit == Limit::None, ..Bar::unmeasured(id, what, unit, limit, why) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_a_bar() {
        let bar =
            read(r#"{"id":"9.x","what":"cost","figure":9.5,"unit":"%","limit":{"at_most":15.0}}"#).unwrap();
        assert_eq!((bar.figure, &*bar.limit, bar.pass), (Some(9.5), "<= 15", true));
        let bar = read(
            r#"{"id":"5.x","what":"margin","figure":-0.5,"unit":"dB","limit":{"at_least":0.0},"why":"a, b"}"#,
        )
        .unwrap();
        assert_eq!((bar.pass, bar.why.as_deref()), (false, Some("a, b")));
        assert_eq!(read("warning: something else"), None);
    }

    #[test]
    fn what_is_only_shown_misses_nothing_without_a_figure() {
        let shown =
            read(r#"{"id":"10.x","what":"w","figure":null,"unit":"ms","limit":null,"why":"no jackd"}"#);
        let shown = shown.unwrap();
        assert_eq!((shown.figure, shown.pass, shown.why.as_deref()), (None, true, Some("no jackd")));
        let judged = read(r#"{"id":"9.x","what":"w","figure":null,"unit":"ms","limit":{"at_most":1.0}}"#);
        assert!(!judged.unwrap().pass);
    }
}
