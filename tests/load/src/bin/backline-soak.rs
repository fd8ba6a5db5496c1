//! `backline-soak`: a real server and 64 guests for a long time; see `cargo xtask report soak`. One line of JSON for each figure.
#![expect(clippy::print_stdout, reason = "a program for people and scripts that read its standard output")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use backline_load::soak::{Bar, soak};
use clap::Parser;

/// Lets a real server process live with 64 guests on this computer, and says whether it ends as it began.
#[derive(Debug, Parser)]
struct Arguments {
    /// For how long.
    #[arg(long, default_value_t = 180.0)]
    seconds: f64,
    /// The server's program.
    #[arg(long)]
    server: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let time = Duration::from_secs_f64(arguments.seconds.clamp(1.0, 1_000_000.0));
    match soak(&arguments.server, time) {
        Ok(bars) => {
            for bar in &bars {
                println!("{}", serde_json::to_string(bar).unwrap_or_default());
            }
            if bars.iter().all(Bar::holds) { ExitCode::SUCCESS } else { ExitCode::from(2) }
        }
        Err(error) => {
            eprintln!("backline-soak: {error}");
            ExitCode::FAILURE
        }
    }
}
