//! `cargo xtask sim --seed N`: the scenarios of the simulated world, with the seed that a failure printed.

use anyhow::Result;

use crate::run;

/// Which scenarios, with which seed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The seed of every random choice; the same seed is the same run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only scenarios whose name contains this.
    scenario: Option<String>,
}

/// Runs them and shows what they print.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut command = run::cargo();
    command.args(["test", "--release", "-p", "backline-scenarios"]);
    command.args(arguments.scenario.iter()).args(["--", "--nocapture"]);
    run::run(command.env("BACKLINE_SEED", arguments.seed.to_string()))
}
