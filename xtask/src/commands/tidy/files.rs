//! Rules about single source files: a head that says what it is, a length that a person can read, honest names, nothing left undone.

use std::path::{Path, PathBuf};

use anyhow::Result;

/// Lines without tests.
const LINES_MAX: usize = 600;

/// Names that say nothing.
const EMPTY_NAMES: [&str; 5] = ["utils", "common", "helpers", "manager", "misc"];

/// Work that was put off; written in halves so that this file does not find itself.
const UNDONE: [&str; 6] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("#[ig", "nore"),
];

/// Every breach in every Rust file.
pub fn breaches(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for folder in ["plugin", "net-worker", "xtask", "tests", "benches"] {
        for file in rust_files(&root.join(folder))? {
            let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
            let text = std::fs::read_to_string(&file)?;
            found.extend(of_text(&name, &text));
        }
    }
    Ok(found)
}

fn of_text(name: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    // `tests.rs` beside a module is that module's tests, moved out to keep it short; the module says what it is.
    let is_test = name.ends_with("/tests.rs")
        || (name.split('/').any(|part| part == "tests") && !name.starts_with("tests/"));
    if !text.starts_with("//!") && !name.ends_with("/tests.rs") {
        found.push(format!("{name}: does not begin with what it is (//!)"));
    }
    let stem =
        Path::new(name).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    if EMPTY_NAMES.contains(&stem.as_str()) {
        found.push(format!("{name}: {stem} is no name for a module"));
    }
    let lines = text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
    if lines > LINES_MAX && !is_test {
        found.push(format!("{name}: {lines} lines without tests, more than {LINES_MAX}"));
    }
    for (index, line) in text.lines().enumerate() {
        if let Some(word) = UNDONE.iter().find(|word| line.contains(**word)) {
            found.push(format!("{name}:{}: {word}", index + 1));
        }
    }
    found
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_file_has_no_breach() {
        assert!(of_text("plugin/src/strip.rs", "//! A strip.\nfn level() {}\n").is_empty());
    }

    #[test]
    fn each_rule_finds_its_breach() {
        let undone = format!("//! A thing.\n// {} later\n", UNDONE[0]);
        assert_eq!(of_text("plugin/src/a.rs", &undone).len(), 1);
        assert_eq!(of_text("plugin/src/a.rs", "fn a() {}\n").len(), 1);
        assert_eq!(of_text("plugin/src/utils.rs", "//! Things.\n").len(), 1);
        let long = format!("//! Long.\n{}", "\n".repeat(LINES_MAX + 1));
        assert_eq!(of_text("plugin/src/a.rs", &long).len(), 1);
    }
}
