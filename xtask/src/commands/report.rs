//! `cargo xtask report NAME`: measures what an issue set as bars. One module for each report.

mod path;

use anyhow::{Result, bail};

use crate::needs;

/// Which report, and how thorough.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What to measure.
    #[arg(value_enum)]
    name: Name,
    /// Shorter runs; the figures are less certain.
    #[arg(long)]
    quick: bool,
    /// End with the figures as one JSON object in one line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    install: needs::Install,
}

/// The reports that there are.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Name {
    /// The way of a sample from one DAW to another: latency, noise, dropouts, cost of the callback.
    Path,
}

/// Measures, prints the table, and fails when a bar is not met.
pub fn run(arguments: &Arguments) -> Result<()> {
    let bars = match arguments.name {
        Name::Path => path::measure(arguments.quick, &arguments.install)?,
    };
    bars.print_table();
    if arguments.json {
        println!("{}", bars.json());
    }
    if !bars.all_pass() {
        bail!("not every bar is met");
    }
    Ok(())
}
