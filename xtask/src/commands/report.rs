//! `cargo xtask report NAME`: measures what an issue set as bars. One module for each report.

mod bench;
mod cost;
mod daw;
mod kept;
mod lines;
mod media;
mod path;
mod server;
mod session;
mod side_by_side;
pub mod soak;

use anyhow::{Result, bail};

use crate::bars::Bars;
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
    /// Every bar of the playout: simulated networks, concealment, cost, and the side by side with others. Keeps the table in docs/MEDIA.md.
    Media,
    /// Faders for everybody, offline changes, conflicts, readers, many instances in real hosts.
    Session,
    /// Clients a core by each route and beside Jamulus, fan-out, buffers, memory, faults, metrics, the API's description.
    Server,
    /// What each real host finds of the plugin, behaviour by behaviour, and what the editor costs. Keeps the matrix in docs/HOSTS.md.
    Daw,
    /// What the playout of a source costs, in time and in instructions.
    Cost,
    /// A server that lives for half an hour (`--quick`: 3 minutes) with 64 guests, floods and rubbish, and must end as it began.
    Soak,
    /// Backline, JackTrip and Jamulus on the same loss and jitter; needs root.
    SideBySide,
}

/// Measures, prints the table, and fails when a bar is not met.
pub fn run(arguments: &Arguments) -> Result<()> {
    let bars = match arguments.name {
        Name::Path => path::measure(arguments.quick, &arguments.install)?,
        Name::Media => media::measure(arguments.quick, &arguments.install)?,
        Name::Session => session::measure(arguments.quick, &arguments.install)?,
        Name::Server => server::measure(arguments.quick, &arguments.install)?,
        Name::Daw => daw::measure(arguments.quick, &arguments.install)?,
        Name::Soak => soak::measure(arguments.quick, &arguments.install)?,
        Name::Cost => shown(|bars| cost::measure(bars, &arguments.install)),
        Name::SideBySide => shown(|bars| side_by_side::measure(bars, arguments.quick, &arguments.install)),
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

/// The bars that a measurement adds.
fn shown(measure: impl FnOnce(&mut Bars)) -> Bars {
    let mut bars = Bars::new();
    measure(&mut bars);
    bars
}
