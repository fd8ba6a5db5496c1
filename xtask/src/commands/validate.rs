//! `cargo xtask validate`: runs the plugin validators that are on the PATH, each at its strictest. None of them is in a package
//! registry, so that none is installed here; the GitHub workflow fetches them.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::bundles::{self, Profile};
use crate::needs::{self, Purpose};
use crate::run;

/// What to validate.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Fail when a validator is missing.
    #[arg(long)]
    require_all: bool,
    #[command(flatten)]
    install: needs::Install,
}

struct Validator {
    program: &'static str,
    format: &'static str,
    arguments: &'static [&'static str],
}

/// clap-validator runs all its tests by default; pluginval's strictest level is 10; the SDK's validator has an extensive mode.
const VALIDATORS: [Validator; 3] = [
    Validator { program: "clap-validator", format: "clap", arguments: &["validate"] },
    Validator {
        program: "pluginval",
        format: "vst3",
        arguments: &["--strictness-level", "10", "--random-seed", "1", "--repeat", "2", "--validate"],
    },
    Validator { program: "validator", format: "vst3", arguments: &["-e"] },
];

/// Runs each that is there on the release bundles.
pub fn run(arguments: &Arguments) -> Result<()> {
    arguments.install.ensure(&[Purpose::Build])?;
    let bundles = bundles::in_folder(&bundles::build(Profile::Release)?)?;
    let mut missing = Vec::new();
    for validator in &VALIDATORS {
        if !run::on_path(validator.program) {
            println!("{} is not on the PATH: not run", validator.program);
            missing.push(validator.program);
            continue;
        }
        for bundle in
            bundles.iter().filter(|bundle| bundle.extension().is_some_and(|found| found == validator.format))
        {
            println!("{} on {}", validator.program, bundle.display());
            run::run(&mut command(validator, bundle))?;
        }
    }
    if arguments.require_all && !missing.is_empty() {
        bail!("missing: {}", missing.join(", "));
    }
    Ok(())
}

/// Validators open the editor: without a display they get a virtual one.
fn command(validator: &Validator, bundle: &Path) -> Command {
    let headless = std::env::var_os("DISPLAY").is_none() && run::on_path("xvfb-run");
    let mut command = if headless {
        let mut command = run::program("xvfb-run");
        command.args(["-a", validator.program]);
        command
    } else {
        run::program(validator.program)
    };
    // An editor that is opened for a check looks for nobody.
    command.args(validator.arguments).arg(bundle).env("BACKLINE_LOCAL_NETWORK", "off");
    command
}
