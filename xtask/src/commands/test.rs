//! `cargo xtask test`: everything. Cheap steps first, so that a mistake shows early; the real hosts last.

use anyhow::{Result, bail};

use super::report::soak;
use super::{fuzz, sanitize, tidy};
use crate::bundles::{self, Profile};
use crate::needs::{self, Purpose};
use crate::run::{self, Counted, Steps};
use crate::workspace;

/// How to run the tests.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    install: needs::Install,
}

/// Every test is built like the bundles for the real hosts, fast and with debug assertions, so that all dependencies are
/// compiled twice only: for this profile and for the release bundles.
const PROFILE: &str = "rtcheck";

/// The standalone program is off by default, because the bundles need none of its libraries.
const STANDALONE: &str = "backline/standalone";

/// The half hour is the nightly workflow's. All of this has to fit into 40 minutes, and in less than this memory does not get to where it stays.
const SOAK_S: u32 = 180;

/// Runs every step; the first failure ends it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut steps = Steps::default();
    steps.step("what must be installed", || {
        needs::ensure_rust_parts()?;
        needs::ensure_cargo_deny(&arguments.install)?;
        quietly(arguments.install.ensure(&[
            Purpose::Build,
            Purpose::Standalone,
            Purpose::Relaying,
            Purpose::Hosts,
            Purpose::Daws,
            Purpose::Jack,
            Purpose::Server,
            Purpose::Editor,
        ]))
    })?;
    style(&mut steps)?;
    steps.step("unit, property and scenario tests", || run::run_tests(&mut workspace_tests()))?;
    steps.step("examples in the documentation", || {
        run::run_tests(run::cargo().args(["test", "--profile", PROFILE, "--doc", "--workspace", "--quiet"]))
    })?;
    steps.step("loom: every interleaving of the lock-free exchanges", loom)?;
    steps.step("RealtimeSanitizer on the callback", sanitize::realtime)?;
    steps.step("random and mutated input for every parser", || fuzz::datagrams(fuzz::DATAGRAMS, None))?;
    steps.step("a server that lives with 64 guests for a while", || quietly(live()))?;
    for profile in [Profile::RtCheck, Profile::Release] {
        steps.step(&format!("bundles ({})", profile.name()), || {
            quietly(bundles::build(profile).map(|_| ()))
        })?;
        steps.step(&format!("real hosts ({})", profile.name()), || hosts(profile))?;
    }
    steps.print_summary();
    Ok(())
}

fn style(steps: &mut Steps) -> Result<()> {
    steps.step("format", || quietly(run::run(run::cargo().args(["fmt", "--all", "--check"]))))?;
    steps.step("tidy", || quietly(tidy::check()))?;
    steps.step("clippy", || {
        let arguments = [
            "clippy",
            "--profile",
            PROFILE,
            "--workspace",
            "--all-targets",
            "--features",
            STANDALONE,
            "--quiet",
            "--",
            "-D",
            "warnings",
        ];
        quietly(run::run(run::cargo().args(arguments)))
    })?;
    steps.step("documentation", || {
        let mut command = run::cargo();
        command
            .args(["doc", "--profile", PROFILE, "--workspace", "--no-deps", "--quiet"])
            .env("RUSTDOCFLAGS", "-D warnings");
        quietly(run::run(&mut command))
    })?;
    steps.step("cargo-deny", || {
        // Advisories come from the net and change without us: the GitHub workflow checks them.
        let arguments = ["deny", "--offline", "--log-level", "error", "check", "bans", "licenses", "sources"];
        quietly(run::run(run::cargo().args(arguments)))
    })?;
    Ok(())
}

/// Everything but the hosts, which need bundles; by nextest where there is one.
fn workspace_tests() -> std::process::Command {
    let mut command = run::cargo();
    if run::on_path("cargo-nextest") {
        command.args([
            "nextest",
            "run",
            "--cargo-profile",
            PROFILE,
            "--no-fail-fast",
            "--status-level",
            "slow",
            "--hide-progress-bar",
        ]);
    } else {
        command.args(["test", "--profile", PROFILE, "--lib", "--bins", "--tests", "--quiet"]);
    }
    command.args([
        "--workspace",
        "--features",
        STANDALONE,
        "--exclude",
        "backline-hosts",
        "--exclude",
        "backline-fuzz",
    ]);
    command
        .env("BACKLINE_PYTHON", needs::python())
        .env("BACKLINE_PICTURES", workspace::target().join("screenshots"));
    command
}

fn loom() -> Result<Counted> {
    let mut command = run::cargo();
    command
        .args(["test", "--release", "-p", "backline-bridge", "--lib", "loom"])
        .env("RUSTFLAGS", "--cfg loom")
        .env("CARGO_TARGET_DIR", workspace::target().join("loom"));
    run::run_tests(&mut command)
}

/// Real hosts play in real time, and two sessions at once would disturb each other.
pub const ONE_AFTER_THE_OTHER: [&str; 3] = ["--", "--test-threads", "1"];

fn hosts(profile: Profile) -> Result<Counted> {
    // A life in pedalboard takes a fifth of a second; the thousand are lived with the bundles that musicians get.
    let vst3_cycles = if profile == Profile::Release { "1000" } else { "100" };
    run::run_tests(host_tests(profile, vst3_cycles).args(ONE_AFTER_THE_OTHER))
}

/// The tests in real hosts with the bundles of a profile, and how many lives an instance has in a VST3 host.
pub fn host_tests(profile: Profile, vst3_cycles: &str) -> std::process::Command {
    let mut command = run::cargo();
    command
        .args(["test", "--profile", PROFILE, "-p", "backline-hosts"])
        .env("BACKLINE_VST3_CYCLES", vst3_cycles)
        .env("BACKLINE_BUNDLES", profile.folder())
        .env("BACKLINE_PYTHON", needs::python());
    command
}

/// As `cargo xtask report soak`, but shorter, and with debug assertions: buffers are poisoned when they are returned.
fn live() -> Result<()> {
    let bars = soak::live(PROFILE, SOAK_S)?;
    if !bars.all_pass() {
        bars.print_table();
        bail!("the server does not end as it began");
    }
    Ok(())
}

/// A step without tests of its own.
fn quietly(result: Result<()>) -> Result<Counted> {
    result.map(|()| Counted::default())
}
