//! Building the VST3 and CLAP bundles, through nice-plug's bundler, for two profiles side by side.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::workspace;

/// The package of the plugin.
pub const PACKAGE: &str = "backline";

/// How bundles are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// As musicians get them.
    Release,
    /// Release speed with debug assertions and the no-allocation guard, for tests in real hosts.
    RtCheck,
}

impl Profile {
    /// Its name in Cargo.toml.
    pub fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::RtCheck => "rtcheck",
        }
    }

    /// Where the bundles of this profile end up. The bundler has one folder for all profiles; those that are not for musicians
    /// are moved out of it.
    pub fn folder(self) -> PathBuf {
        match self {
            Self::Release => workspace::target().join("bundled"),
            Self::RtCheck => workspace::target().join("bundled-rtcheck"),
        }
    }
}

/// Builds the bundles of a profile and says where they are.
pub fn build(profile: Profile) -> Result<PathBuf> {
    std::env::set_current_dir(workspace::root()).context("the repository is gone")?;
    let packages = [PACKAGE.to_owned()];
    let arguments = ["--profile".to_owned(), profile.name().to_owned()];
    eprintln!("building the bundles ({} profile; from nothing this takes some minutes)", profile.name());
    nice_plug_xtask::build(&packages, &arguments)?;
    nice_plug_xtask::bundle(&workspace::target(), PACKAGE, &arguments, false)?;
    let (made, folder) = (workspace::target().join("bundled"), profile.folder());
    if made != folder {
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("{} cannot be replaced", folder.display()))?;
        }
        std::fs::rename(&made, &folder).with_context(|| format!("{} cannot be moved", made.display()))?;
    }
    Ok(folder)
}

/// The bundles in a folder: `.clap` and `.vst3`, in the order of their names.
pub fn in_folder(folder: &std::path::Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("no bundles in {}", folder.display()))?;
    let is_bundle =
        |path: &PathBuf| path.extension().is_some_and(|extension| extension == "clap" || extension == "vst3");
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_bundle).collect();
    found.sort();
    Ok(found)
}
