//! `backline-media-report`: measures the bars and prints one JSON object a line; progress goes to standard error.
//!
//! It judges nothing and makes no table: `cargo xtask report media` reads what this prints.

use std::process::ExitCode;

use backline_media_report::bars;
use backline_media_report::figure::Report;
use clap::Parser;

/// Measures the bars of playout in the simulated world.
#[derive(Debug, Parser)]
struct Arguments {
    /// Shorter simulated times.
    #[arg(long)]
    quick: bool,
    /// Only this bar: its number, or `speed`; may be given again.
    #[arg(long = "bar")]
    bars: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(unknown) = arguments.bars.iter().find(|name| bars::named(name).is_none()) {
        eprintln!("{unknown} is no bar: there are {}", bars::names().join(", "));
        return ExitCode::FAILURE;
    }
    let mut out = std::io::stdout().lock();
    let mut report = Report::new(&mut out, arguments.quick);
    for bar in bars::ALL {
        if arguments.bars.is_empty() || arguments.bars.iter().any(|name| name == bar.name) {
            report.progress(&format!("bar {}: {}", bar.name, bar.what));
            (bar.measure)(&mut report);
        }
    }
    match report.end() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("standard output: {error}");
            ExitCode::FAILURE
        }
    }
}
