//! Who may use whom: the layers of docs/ARCHITECTURE.md between our own crates, and the rooms of third-party crates from
//! `deny.toml`. Normal dependencies only: a test may look across.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::run;

/// What each of our crates may use of the others. Crates that are not named here are free (tests, benchmarks, this one).
const LAYERS: &[(&str, &[&str])] = &[
    ("backline-audio", &[]),
    ("backline-wire", &[]),
    ("backline-codec", &["backline-audio"]),
    ("backline-bridge", &["backline-audio"]),
    ("backline-io", &[]),
    ("backline-media", &["backline-audio", "backline-codec", "backline-wire"]),
    ("backline-transport", &["backline-wire"]),
    (
        "backline-session",
        &["backline-media", "backline-transport", "backline-wire", "backline-audio", "backline-codec"],
    ),
    (
        "backline-relay",
        &[
            "backline-session",
            "backline-media",
            "backline-transport",
            "backline-wire",
            "backline-audio",
            "backline-codec",
        ],
    ),
    ("backline-kept", &["backline-session", "backline-transport", "backline-wire", "backline-io"]),
    (
        "backline-server",
        &[
            "backline-kept",
            "backline-relay",
            "backline-session",
            "backline-transport",
            "backline-wire",
            "backline-io",
        ],
    ),
    (
        "backline-client",
        &[
            "backline-kept",
            "backline-session",
            "backline-relay",
            "backline-bridge",
            "backline-io",
            "backline-audio",
            "backline-codec",
            "backline-media",
            "backline-transport",
            "backline-wire",
        ],
    ),
    ("backline", &["backline-client", "backline-bridge", "backline-audio"]),
];

/// Every dependency that is out of place.
pub fn breaches(root: &Path) -> Result<Vec<String>> {
    let metadata = run::output(run::cargo().args(["metadata", "--format-version", "1"]))?;
    let metadata: Metadata = serde_json::from_str(&metadata).context("cargo metadata is not as expected")?;
    let rules = std::fs::read_to_string(root.join("deny.toml")).context("deny.toml is missing")?;
    let rules: Rules = toml::from_str(&rules).context("deny.toml is not as expected")?;
    Ok(of_packages(&metadata.packages, &rules.bans.deny))
}

fn of_packages(packages: &[Package], bans: &[Ban]) -> Vec<String> {
    let layers: BTreeMap<&str, &[&str]> = LAYERS.iter().copied().collect();
    let mut found = Vec::new();
    for package in packages {
        for used in package.dependencies.iter().filter(|used| used.kind.is_none()) {
            let own = used.name.starts_with("backline");
            if own && layers.get(&*package.name).is_some_and(|may| !may.contains(&&*used.name)) {
                found.push(format!(
                    "{} uses {}: not in its layer (docs/ARCHITECTURE.md)",
                    package.name, used.name
                ));
            }
            let ours = package.name.starts_with("backline") || package.name == "xtask";
            let banned =
                bans.iter().find(|ban| ban.name == used.name && !ban.wrappers.contains(&package.name));
            if ours && banned.is_some() {
                found.push(format!("{} uses {}: another crate's room (deny.toml)", package.name, used.name));
            }
        }
    }
    found
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `None` is a normal dependency.
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Rules {
    bans: Bans,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    #[serde(default)]
    wrappers: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, used: &str, kind: Option<&str>) -> Package {
        let dependency = Dependency { name: used.to_owned(), kind: kind.map(str::to_owned) };
        Package { name: name.to_owned(), dependencies: vec![dependency] }
    }

    #[test]
    fn a_layer_that_looks_up_is_found() {
        assert_eq!(of_packages(&[package("backline-audio", "backline-client", None)], &[]).len(), 1);
        assert!(of_packages(&[package("backline-audio", "backline-client", Some("dev"))], &[]).is_empty());
        assert!(of_packages(&[package("backline", "backline-client", None)], &[]).is_empty());
    }

    #[test]
    fn a_crate_outside_of_its_room_is_found() {
        let bans = [Ban { name: "rtrb".to_owned(), wrappers: vec!["backline-bridge".to_owned()] }];
        assert_eq!(of_packages(&[package("backline-media", "rtrb", None)], &bans).len(), 1);
        assert!(of_packages(&[package("backline-bridge", "rtrb", None)], &bans).is_empty());
    }
}
