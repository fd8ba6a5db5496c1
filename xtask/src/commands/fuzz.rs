//! `cargo xtask fuzz`: random and mutated datagrams, links and payloads against every parser, fast and with debug assertions.

use anyhow::Result;

use crate::run::{self, Counted};

/// How much.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many datagrams.
    #[arg(long, default_value_t = DATAGRAMS)]
    datagrams: u64,
    /// The seed of the random choices; a failure prints its own.
    #[arg(long)]
    seed: Option<u64>,
}

/// What an issue asks for.
pub const DATAGRAMS: u64 = 10_000_000;

/// Runs every target.
pub fn run(arguments: &Arguments) -> Result<()> {
    datagrams(arguments.datagrams, arguments.seed).map(|_| ())
}

/// Runs every target with so many datagrams.
pub fn datagrams(count: u64, seed: Option<u64>) -> Result<Counted> {
    let mut command = run::cargo();
    command.args(["test", "--profile", "rtcheck", "-p", "backline-fuzz", "--", "--nocapture"]);
    command.env("BACKLINE_FUZZ_DATAGRAMS", count.to_string());
    if let Some(seed) = seed {
        command.env("BACKLINE_FUZZ_SEED", seed.to_string());
    }
    run::run_tests(&mut command)
}
