//! `cargo xtask sanitize`: what is marked for it under RealtimeSanitizer and ThreadSanitizer, whose runtimes are in the pinned
//! stable toolchain. The first stops at any allocation or blocking system call below a function marked
//! `#[sanitize(realtime = "nonblocking")]`, the second at memory that two threads use at once without an order between them.

use std::process::Command;

use anyhow::{Context, Result};

use crate::run::{self, Counted};
use crate::workspace;

/// Which of them.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Only this one; both otherwise.
    #[arg(long)]
    only: Option<Sanitizer>,
}

/// A sanitizer of the toolchain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Sanitizer {
    /// The audio callback.
    Realtime,
    /// Eight instances of one process.
    Thread,
}

/// Runs them.
pub fn run(arguments: &Arguments) -> Result<()> {
    if arguments.only != Some(Sanitizer::Thread) {
        realtime()?;
    }
    if arguments.only != Some(Sanitizer::Realtime) {
        thread()?;
    }
    Ok(())
}

/// Packages with tests under the sanitizer; each has a test file `rtsan.rs`.
const PACKAGES: [&str; 2] = ["backline-bridge", "backline-loopback"];

/// RealtimeSanitizer on the callback while rings run full and empty, peers come and go, and in a session over real sockets.
pub fn realtime() -> Result<Counted> {
    // Without link-time optimisation: nothing is measured here, and it builds in half the time.
    let mut command = instrumented("-Zsanitizer=realtime --cfg rtsan", "rtsan")?;
    command.args(["--profile", "rtcheck", "--test", "rtsan"]);
    for package in PACKAGES {
        command.args(["-p", package]);
    }
    command.env("RTSAN_OPTIONS", "halt_on_error=true:print_stats_on_exit=false");
    run::run_tests(&mut command)
}

/// Public operations in the stress under ThreadSanitizer, unless `BACKLINE_STRESS_OPERATIONS` says otherwise.
const STRESS_OPERATIONS: &str = "10000";

/// ThreadSanitizer on eight instances of one process that join, leave, change their route, fade and reconnect.
pub fn thread() -> Result<Counted> {
    // The standard library is as it comes, not instrumented, hence "mismatch".
    let mut command = instrumented("-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer", "tsan")?;
    command.args(["-p", "backline-loopback", "--test", "stress"]);
    if std::env::var_os("BACKLINE_STRESS_OPERATIONS").is_none() {
        command.env("BACKLINE_STRESS_OPERATIONS", STRESS_OPERATIONS);
    }
    let suppressions = workspace::root().join("tests/loopback/tsan-suppressions.txt");
    command
        .env("TSAN_OPTIONS", format!("history_size=4:suppressions='{}'", suppressions.display()))
        // Compiled once and run once.
        .env("CARGO_INCREMENTAL", "0");
    run::run_tests(&mut command)
}

/// Tests that are built with these flags.
fn instrumented(flags: &str, folder: &str) -> Result<Command> {
    let mut command = run::cargo();
    command
        .args(["test", "--target", &host_triple()?])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", flags)
        // Other flags are other artefacts: a folder of their own keeps both.
        .env("CARGO_TARGET_DIR", workspace::target().join(folder));
    Ok(command)
}

/// Named explicitly so that cargo does not instrument build scripts.
fn host_triple() -> Result<String> {
    let version = run::output(run::program("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not say what it runs on")
}
