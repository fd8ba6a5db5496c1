//! `cargo xtask`: the only front door. One file for each command in `commands/`; what they share is beside this file:
//! [`needs`] (what must be installed), [`run`] (programs, their output and their time), [`bars`] (figures against limits),
//! [`workspace`] (where things are), [`bundles`] (building the plugin).
#![expect(clippy::print_stdout, reason = "a program for people and scripts that read its standard output")]

mod bars;
mod bundles;
mod commands;
mod hosts;
mod needs;
mod run;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use commands::{bundle, demo, fuzz, install, load, report, sanitize, server, sim, test, tidy, validate};

/// Builds, shows and proves Backline.
#[derive(Parser)]
#[command(name = "cargo xtask", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Two real hosts play music to each other through the built plugin, and figures of what was heard.
    Demo(demo::Arguments),
    /// Everything: style, every test, the sanitizer, fuzzing, the bundles in real hosts, the editor.
    Test(test::Arguments),
    /// Builds the plugin and puts it into your plugin folders.
    Install(install::Arguments),
    /// Builds the VST3 and CLAP bundles.
    Bundle(bundle::Arguments),
    /// Plays simulated clients against a server on this computer, and measures both.
    Load(load::Arguments),
    /// Measures what an issue set as bars and prints a table.
    Report(report::Arguments),
    /// Runs the audio callback under RealtimeSanitizer, and eight instances of one process under ThreadSanitizer.
    Sanitize(sanitize::Arguments),
    /// Builds the server and starts one on this computer.
    Server(server::Arguments),
    /// Throws random and mutated bytes at every parser.
    Fuzz(fuzz::Arguments),
    /// Runs the scenarios of the simulated world with one seed.
    Sim(sim::Arguments),
    /// Runs the plugin validators that are installed on the bundles.
    Validate(validate::Arguments),
    /// Checks the rules that no compiler checks.
    Tidy(tidy::Arguments),
}

fn main() -> ExitCode {
    // By hand, so that a person reads what failed and not where in this program.
    match execute(&Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Demo(arguments) => demo::run(arguments),
        Command::Test(arguments) => test::run(arguments),
        Command::Install(arguments) => install::run(arguments),
        Command::Bundle(arguments) => bundle::run(arguments),
        Command::Load(arguments) => load::run(arguments),
        Command::Report(arguments) => report::run(arguments),
        Command::Sanitize(arguments) => sanitize::run(arguments),
        Command::Server(arguments) => server::run(arguments),
        Command::Fuzz(arguments) => fuzz::run(arguments),
        Command::Sim(arguments) => sim::run(arguments),
        Command::Validate(arguments) => validate::run(arguments),
        Command::Tidy(arguments) => tidy::run(arguments),
    }
}
