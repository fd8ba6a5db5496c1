//! The built VST3 bundle in two JUCE hosts, pedalboard and dawdreamer. Each test is one command of the Python programs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test that is the way to fail")]

use std::path::Path;
use std::process::Command;

use backline_hosts::bundles;

fn run(script: &str, arguments: &[&str]) {
    let python = bundles::python().unwrap_or_else(|error| panic!("{error}"));
    let bundle = bundles::vst3().unwrap_or_else(|error| panic!("{error}"));
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(script))
        .args(arguments)
        .arg("--bundle")
        .arg(bundle)
        .env("BACKLINE_CONFIG_DIR", folder.path())
        // Tests tell the network nothing.
        .env("BACKLINE_LOCAL_NETWORK", "off")
        .env_remove("BACKLINE_JOIN")
        .env_remove("BACKLINE_HOST_LINK_FILE")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script} {arguments:?} ended with {}: {said}", output.status);
    assert!(said.contains("ok: "), "{said}");
}

#[test]
fn pedalboard_processes_every_rate_and_block_size() {
    run("vst3_host.py", &["shapes"]);
}

#[test]
fn pedalboard_loads_every_class_and_processes_with_auxiliary_outputs_inactive() {
    run("vst3_host.py", &["classes"]);
}

#[test]
fn pedalboard_keeps_the_state() {
    run("vst3_host.py", &["state"]);
}

#[test]
fn pedalboard_gets_silence_faster_than_real_time() {
    run("vst3_host.py", &["hurry"]);
}

#[test]
fn pedalboard_finds_nothing_that_pluginval_would() {
    run("vst3_host.py", &["conformance"]);
}

/// A thousand, unless BACKLINE_VST3_CYCLES says otherwise: each takes pedalboard a fifth of a second.
#[test]
fn pedalboard_survives_a_thousand_lives() {
    let count = std::env::var("BACKLINE_VST3_CYCLES").unwrap_or_else(|_| "1000".to_owned());
    run("vst3_host.py", &["cycles", "--count", &count]);
}

#[test]
fn dawdreamer_renders_automates_and_keeps_the_state() {
    run("dawdreamer_check.py", &[]);
}
