//! `cargo xtask sanitize`: the tests marked for it under RealtimeSanitizer, whose runtime is in the pinned stable toolchain.
//! It stops at any allocation or blocking system call below a function marked `#[sanitize(realtime = "nonblocking")]`.

use anyhow::{Context, Result};

use crate::run::{self, Counted};
use crate::workspace;

/// No choices.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Runs them.
pub fn run(_arguments: &Arguments) -> Result<()> {
    realtime().map(|_| ())
}

/// Packages with tests under the sanitizer; each has a test file `rtsan.rs`.
const PACKAGES: [&str; 2] = ["backline-bridge", "backline-loopback"];

/// RealtimeSanitizer on the callback while rings run full and empty, peers come and go, and in a session over real sockets.
pub fn realtime() -> Result<Counted> {
    let host = host_triple()?;
    let mut command = run::cargo();
    // Without link-time optimisation: nothing is measured here, and it builds in half the time.
    command.args(["test", "--profile", "rtcheck", "--target", &host, "--test", "rtsan"]);
    for package in PACKAGES {
        command.args(["-p", package]);
    }
    command
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=realtime --cfg rtsan")
        .env("RTSAN_OPTIONS", "halt_on_error=true:print_stats_on_exit=false")
        // Other flags are other artefacts: a folder of their own keeps both.
        .env("CARGO_TARGET_DIR", workspace::target().join("rtsan"));
    run::run_tests(&mut command)
}

/// Named explicitly so that cargo does not instrument build scripts.
fn host_triple() -> Result<String> {
    let version = run::output(run::program("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not say what it runs on")
}
