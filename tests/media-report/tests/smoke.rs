//! The program runs, names its bars, and prints lines that others can read.

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> std::io::Result<Output> {
    Command::new(env!("CARGO_BIN_EXE_backline-media-report")).args(arguments).output()
}

#[test]
fn a_bar_is_measured_and_printed_line_by_line() {
    let output = run(&["--quick", "--bar", "1"]).unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let music = lines.iter().find(|line| line["id"] == "1.music").unwrap();
    assert_eq!(music["figure"], 0.0, "{music}");
    assert_eq!(music["limit"]["at_most"], 0.0);
    assert!(String::from_utf8_lossy(&output.stderr).contains("simulation seed 301"));
}

#[test]
fn a_bar_that_does_not_exist_is_refused() {
    let output = run(&["--bar", "99"]).unwrap();
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("there are 1, 2, 3"));
}
