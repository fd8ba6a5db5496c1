//! `cargo xtask install`: the release bundles into the user's plugin folders.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::bundles::{self, Profile};
use crate::needs::{self, Purpose};
use crate::{run, workspace};

/// Where to put what.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A folder for both bundles, instead of your plugin folders.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// The standalone program as well, into ~/.local/bin.
    #[arg(long)]
    standalone: bool,
    #[command(flatten)]
    install: needs::Install,
}

/// Builds and copies; what was there under the same name is replaced.
pub fn run(arguments: &Arguments) -> Result<()> {
    arguments.install.ensure(&[Purpose::Build])?;
    for bundle in bundles::in_folder(&bundles::build(Profile::Release)?)? {
        let folder = match &arguments.folder {
            Some(folder) => folder.clone(),
            None => plugin_folder(&bundle)?,
        };
        let target = folder.join(bundle.file_name().context("a bundle without a name")?);
        replace(&bundle, &target).with_context(|| format!("{} cannot be written", target.display()))?;
        println!("{}", target.display());
    }
    if arguments.standalone {
        standalone(arguments)?;
    }
    println!("Rescan the plugins in your DAW, then put Backline on a track.");
    Ok(())
}

fn standalone(arguments: &Arguments) -> Result<()> {
    arguments.install.ensure(&[Purpose::Standalone])?;
    let package = ["build", "--release", "--package", bundles::PACKAGE, "--bin", bundles::PACKAGE];
    run::run(run::cargo().args(package).args(["--features", "standalone"]))?;
    let program = format!("{}{}", bundles::PACKAGE, std::env::consts::EXE_SUFFIX);
    let folder = match &arguments.folder {
        Some(folder) => folder.clone(),
        None => {
            PathBuf::from(std::env::var_os("HOME").context("HOME is not set; choose a place with --folder")?)
                .join(".local/bin")
        }
    };
    let target = folder.join(&program);
    replace(&workspace::target().join("release").join(program), &target)
        .with_context(|| format!("{} cannot be written", target.display()))?;
    println!("{}", target.display());
    Ok(())
}

/// The user's folder for a format, as the format's documentation gives it.
fn plugin_folder(bundle: &Path) -> Result<PathBuf> {
    let clap = bundle.extension().is_some_and(|extension| extension == "clap");
    let (base, below) = match (std::env::consts::OS, clap) {
        ("macos", true) => ("HOME", "Library/Audio/Plug-Ins/CLAP"),
        ("macos", false) => ("HOME", "Library/Audio/Plug-Ins/VST3"),
        ("windows", true) => ("LOCALAPPDATA", "Programs/Common/CLAP"),
        ("windows", false) => ("LOCALAPPDATA", "Programs/Common/VST3"),
        (_, true) => ("HOME", ".clap"),
        (_, false) => ("HOME", ".vst3"),
    };
    let base =
        std::env::var_os(base).with_context(|| format!("{base} is not set; choose a place with --folder"))?;
    Ok(PathBuf::from(base).join(below))
}

fn replace(from: &Path, to: &Path) -> std::io::Result<()> {
    if to.is_dir() {
        std::fs::remove_dir_all(to)?;
    } else if to.exists() {
        // Another file instead of other bytes in the same one: a DAW that has it open keeps what it has.
        std::fs::remove_file(to)?;
    }
    copy(from, to)
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.is_dir() {
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder)?;
        }
        return std::fs::copy(from, to).map(|_| ());
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}
