//! `cargo xtask load`: simulated clients in numbers against a real server on this computer. Builds both; `tests/load` does the rest.

use anyhow::Result;

use crate::needs::{self, Purpose};
use crate::{run, workspace};

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Handed to the load generator: `--clients 100`, `--route mix`, `--room 4`, `--frame-ms 2.5`, `--seconds 10`, `--search`, `--listeners 10`, `--json`, `--help`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    load: Vec<String>,
    #[command(flatten)]
    install: needs::Install,
}

/// Builds the server and the generator with full optimisation, and runs the generator, which starts the server.
pub fn run(arguments: &Arguments) -> Result<()> {
    arguments.install.ensure(&[Purpose::Build])?;
    run::run(run::cargo().args(["build", "--release", "--package", SERVER, "--package", GENERATOR]))?;
    let program = |name: &str| {
        let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        workspace::target().join("release").join(name)
    };
    run::run(
        run::program(&program(GENERATOR).to_string_lossy())
            .arg("--server")
            .arg(program(SERVER))
            .args(&arguments.load),
    )
}

const SERVER: &str = "backline-server";
const GENERATOR: &str = "backline-load";
