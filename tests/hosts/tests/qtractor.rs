//! qtractor with the built CLAP bundle. It starts only where there is an ALSA sequencer, which most test machines lack; its scan of
//! plugins, which makes an instance of each class, runs everywhere.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test that is the way to fail")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use backline_hosts::bundles;
use backline_hosts::daw::Class;

/// Where Debian puts it, by architecture.
const SCANNERS: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/qtractor/qtractor_plugin_scan",
    "/usr/lib/aarch64-linux-gnu/qtractor/qtractor_plugin_scan",
];

#[test]
fn qtractor_scans_every_class() {
    let scanner = SCANNERS.into_iter().find(|scanner| Path::new(scanner).exists());
    let scanner =
        scanner.unwrap_or_else(|| panic!("Debian package qtractor: `cargo xtask test` installs it"));
    let bundle = bundles::clap().unwrap_or_else(|error| panic!("{error}"));
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(scanner)
        .env("HOME", home.path())
        .env("BACKLINE_CONFIG_DIR", home.path())
        // Tests tell the network nothing.
        .env("BACKLINE_LOCAL_NETWORK", "off")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It ends with its input.
    writeln!(child.stdin.take().unwrap(), "CLAP:{}", bundle.display()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}: {said}", output.status);
    for (class, inputs) in Class::ALL.into_iter().zip([2, 2, 0]) {
        // Audio in and out of the main ports, then MIDI.
        let line = format!("CLAP|{}|{inputs}:2|1:0|", class.name());
        assert!(said.lines().any(|said| said.starts_with(&line)), "no {line} in {said}");
    }
}
