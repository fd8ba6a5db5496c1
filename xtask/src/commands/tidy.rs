//! `cargo xtask tidy`: the rules of the house that no compiler checks. It is also an ordinary test of this crate.
//!
//! Rules about single files are in [`files`], those about crates and who may use whom in [`rooms`].

mod files;
mod rooms;

use anyhow::{Result, bail};

use crate::workspace;

/// No choices.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// What the root may hold; Git's own folder and what Git ignores aside.
const TOP_LEVEL: [&str; 14] = [
    "Cargo.toml",
    "Cargo.lock",
    "plugin",
    "net-worker",
    "xtask",
    "tests",
    "benches",
    "docs",
    "bundler.toml",
    "deny.toml",
    "rust-toolchain.toml",
    "README.md",
    "CHANGELOG.md",
    "target",
];

/// Checks and names every breach.
pub fn run(_arguments: &Arguments) -> Result<()> {
    check()?;
    println!("tidy");
    Ok(())
}

/// All rules; an error lists every breach.
pub fn check() -> Result<()> {
    let root = workspace::root();
    let mut breaches = top_level(&root)?;
    breaches.extend(files::breaches(&root)?);
    breaches.extend(rooms::breaches(&root)?);
    if breaches.is_empty() {
        return Ok(());
    }
    bail!("not tidy:\n  {}", breaches.join("\n  "));
}

fn top_level(root: &std::path::Path) -> Result<Vec<String>> {
    let mut breaches = Vec::new();
    for entry in std::fs::read_dir(root)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let allowed =
            TOP_LEVEL.contains(&name.as_str()) || name.starts_with('.') || name.starts_with("LICENSE");
        if !allowed {
            breaches.push(format!("{name}: does not belong into the root of the repository"));
        }
    }
    Ok(breaches)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_repository_is_tidy() {
        super::check().unwrap_or_else(|error| panic!("{error}"));
    }
}
