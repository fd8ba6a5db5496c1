//! Where log lines go: nowhere, unless a person asks with `BACKLINE_LOG`.
//!
//! `BACKLINE_LOG=error|warn|info|debug|trace` writes lines of that level and above to standard error. Without it
//! not even errors are written: a plugin's standard error belongs to its host. The variable is read once, when
//! the library is loaded.

use tracing::level_filters::LevelFilter;

/// The variable that turns logging on.
pub const LOG_VARIABLE: &str = "BACKLINE_LOG";

/// For `Plugin::setup_logger`. Never `Some(true)`: the framework would then replace the panic hook of the
/// whole host. [main-thread]
pub fn set_up() -> Option<bool> {
    let level = std::env::var(LOG_VARIABLE).ok().and_then(|text| parse_level(&text));
    if let Some(level) = level {
        let lines =
            tracing_subscriber::fmt().with_max_level(level).with_ansi(false).with_writer(std::io::stderr);
        // It fails where a host written in Rust has a subscriber already; the lines then go there.
        let _ = tracing::subscriber::set_global_default(lines.finish());
    }
    Some(false)
}

/// Any other text than a level means that somebody wants to see something: information.
fn parse_level(text: &str) -> Option<LevelFilter> {
    match text.trim() {
        "" | "0" | "off" => None,
        level => Some(level.parse().unwrap_or(LevelFilter::INFO)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_read_as_people_write_them() {
        assert_eq!(parse_level("off"), None);
        assert_eq!(parse_level(" debug "), Some(LevelFilter::DEBUG));
        assert_eq!(parse_level("yes"), Some(LevelFilter::INFO));
    }
}
