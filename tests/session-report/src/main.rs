//! `backline-session-report`: measures the bars and prints one JSON object a line; progress goes to standard error.
//!
//! It judges nothing and makes no table: `cargo xtask report session` reads what this prints.

mod bars;
mod control_room;

use std::process::ExitCode;

use backline_media_report::figure::Report;
use clap::Parser;

/// Measures the bars of the session: in the simulated world, and with real readers on a real worker.
#[derive(Debug, Parser)]
struct Arguments {
    /// Fewer runs, shorter measurements.
    #[arg(long)]
    quick: bool,
    /// Only this bar; may be given again.
    #[arg(long = "bar")]
    bars: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout().lock();
    let mut report = Report::new(&mut out, arguments.quick);
    for (name, what, measure) in bars::ALL {
        if arguments.bars.is_empty() || arguments.bars.iter().any(|wanted| wanted == name) {
            report.progress(&format!("bar {name}: {what}"));
            measure(&mut report);
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
