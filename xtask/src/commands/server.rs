//! `cargo xtask server`: a server of one's own, on this computer alone.

use anyhow::Result;

use crate::needs::{self, Purpose};
use crate::{run, workspace};

/// What it is started with.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Handed to `backline-server run`, after `--`; see `backline-server --help`.
    #[arg(last = true)]
    server: Vec<String>,
    #[command(flatten)]
    install: needs::Install,
}

/// Builds it and carries sessions until Ctrl-C; they are kept below `target`.
pub fn run(arguments: &Arguments) -> Result<()> {
    arguments.install.ensure(&[Purpose::Build])?;
    run::run(run::cargo().args(["build", "--release", "--package", PACKAGE]))?;
    let target = workspace::target();
    let program = target.join("release").join(format!("{PACKAGE}{}", std::env::consts::EXE_SUFFIX));
    println!("For an invite link, in another terminal:");
    println!("  {} invite NAME --data {}", program.display(), target.join("server").display());
    run::run(
        run::program(&program.to_string_lossy())
            .arg("run")
            .arg("--data")
            .arg(target.join("server"))
            .args(&arguments.server),
    )
}

const PACKAGE: &str = "backline-server";
