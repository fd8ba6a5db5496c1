//! `cargo xtask bundle backline --release`: builds the plugin and lays out the bundles, through nice-plug's bundler.

use anyhow::{Context, Result};

use crate::needs::{self, Purpose};
use crate::{bundles, workspace};

/// What to bundle and how to build it.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The package; its bundles are named in bundler.toml.
    #[arg(default_value = bundles::PACKAGE)]
    package: String,
    /// As musicians get it.
    #[arg(long)]
    release: bool,
    /// Another profile of Cargo.toml, `rtcheck` for instance.
    #[arg(long, conflicts_with = "release")]
    profile: Option<String>,
    /// Build for another machine.
    #[arg(long)]
    target: Option<String>,
    /// More arguments for cargo build.
    #[arg(last = true)]
    cargo: Vec<String>,
    #[command(flatten)]
    install: needs::Install,
}

/// Builds, and leaves the bundles in target/bundled.
pub fn run(arguments: &Arguments) -> Result<()> {
    arguments.install.ensure(&[Purpose::Build])?;
    std::env::set_current_dir(workspace::root()).context("the repository is gone")?;
    let packages = [arguments.package.clone()];
    let mut cargo = arguments.cargo.clone();
    if arguments.release {
        cargo.push("--release".to_owned());
    }
    for (name, value) in [("--profile", &arguments.profile), ("--target", &arguments.target)] {
        if let Some(value) = value {
            cargo.extend([name.to_owned(), value.clone()]);
        }
    }
    nice_plug_xtask::build(&packages, &cargo)?;
    nice_plug_xtask::bundle(&workspace::target(), &arguments.package, &cargo, false)
}
