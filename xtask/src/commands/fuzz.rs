//! `cargo xtask fuzz`: random and mutated datagrams, links and payloads against every parser.

use anyhow::Result;

use crate::run::{self, Counted};

/// How long.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many inputs for each target.
    #[arg(long, default_value_t = 10_000_000)]
    inputs: u64,
    /// The seed of the random choices.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs every target.
pub fn run(arguments: &Arguments) -> Result<()> {
    inputs(arguments.inputs, arguments.seed).map(|_| ())
}

/// Runs every target with so many inputs.
pub fn inputs(count: u64, seed: u64) -> Result<Counted> {
    let mut command = run::cargo();
    command.args(["test", "--release", "-p", "backline-fuzz"]);
    run::run_tests(
        command.env("BACKLINE_FUZZ_INPUTS", count.to_string()).env("BACKLINE_SEED", seed.to_string()),
    )
}
