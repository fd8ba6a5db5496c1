//! Where the built bundles are, and what they are called. Building them is `cargo xtask bundle`'s.

use std::path::{Path, PathBuf};

use crate::error::HostError;

/// Class id of the plugin with one stereo output, in the CLAP bundle.
pub const CLAP_ID: &str = "org.backline.backline";
/// Class id of the plugin with eight auxiliary outputs.
pub const CLAP_MULTI_ID: &str = "org.backline.backline-multi";
/// Class id of the plugin without an input.
pub const CLAP_RETURN_ID: &str = "org.backline.backline-return";
/// The environment variable that names the folder of the bundles.
pub const FOLDER_VARIABLE: &str = "BACKLINE_BUNDLES";
/// The environment variable that names the Python program with pedalboard and dawdreamer.
pub const PYTHON_VARIABLE: &str = "BACKLINE_PYTHON";

/// The folder that holds the bundles under test.
pub fn folder() -> PathBuf {
    match std::env::var_os(FOLDER_VARIABLE) {
        Some(folder) => PathBuf::from(folder),
        None => match std::env::var_os("CARGO_TARGET_DIR") {
            Some(target) => PathBuf::from(target).join("bundled"),
            None => workspace().join("target/bundled"),
        },
    }
}

/// The CLAP bundle, or an error that says how to build it.
pub fn clap() -> Result<PathBuf, HostError> {
    existing("clap")
}

/// The VST3 bundle, or an error that says how to build it.
pub fn vst3() -> Result<PathBuf, HostError> {
    existing("vst3")
}

/// The Python program that can import the VST3 hosts.
pub fn python() -> Result<PathBuf, HostError> {
    let python = match std::env::var_os(PYTHON_VARIABLE) {
        Some(python) => PathBuf::from(python),
        None => workspace().join("target/venv/bin/python"),
    };
    if python.exists() {
        Ok(python)
    } else {
        Err(HostError::Missing(format!("Python at {}", python.display())))
    }
}

/// The recording of one of the two parts of the music.
pub fn music(part: char) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("music/part-{part}.flac"))
}

/// The script of the VST3 host.
pub fn vst3_host_script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python/vst3_host.py")
}

fn existing(extension: &str) -> Result<PathBuf, HostError> {
    let folder = folder();
    let found = std::fs::read_dir(&folder).ok().and_then(|entries| {
        entries
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|found| found == extension))
    });
    found.ok_or_else(|| HostError::NoBundle(folder.join(format!("*.{extension}"))))
}

fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}
