//! What must be installed, in one table: Debian packages, parts of the Rust toolchain, and the Python environment of the VST3
//! hosts and of what looks at the server. Installs what is missing where it may (`apt-get`, as root or by sudo); with `--no-install` it only names it.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use crate::{run, workspace};

/// What a command is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Compile the workspace and the bundles.
    Build,
    /// Compile the standalone program.
    Standalone,
    /// Connect musicians through a real TURN server.
    Relaying,
    /// Load the VST3 bundle into Python hosts.
    Hosts,
    /// Load the bundles into real DAWs.
    Daws,
    /// Play and record through a JACK server without a sound card.
    Jack,
    /// Look at the server as programs and browsers do.
    Server,
    /// Open the editor under a virtual display.
    Editor,
    /// Count instructions.
    Counting,
    /// Run Python programs in an environment of their own.
    Python,
    /// Run what musicians would use instead, beside Backline.
    SideBySide,
}

/// How to see that something is there.
enum Sign {
    Program(&'static str),
    Library(&'static str),
    PythonModule(&'static str),
}

struct Need {
    package: &'static str,
    sign: Sign,
    purpose: Purpose,
    why: &'static str,
}

const fn need(package: &'static str, sign: Sign, purpose: Purpose, why: &'static str) -> Need {
    Need { package, sign, purpose, why }
}

/// Every Debian package that any command needs beyond Rust and gcc.
const NEEDS: &[Need] = &[
    need("cmake", Sign::Program("cmake"), Purpose::Build, "builds libopus"),
    need("make", Sign::Program("make"), Purpose::Build, "builds libopus"),
    need("pkg-config", Sign::Program("pkg-config"), Purpose::Standalone, "finds the sound libraries"),
    need(
        "libasound2-dev",
        Sign::Library("libasound.so"),
        Purpose::Standalone,
        "sound cards of the standalone",
    ),
    need("libjack-jackd2-dev", Sign::Library("libjack.so"), Purpose::Standalone, "JACK for the standalone"),
    need("coturn", Sign::Program("turnserver"), Purpose::Relaying, "a TURN server for the tests on loopback"),
    need("python3", Sign::Program("python3"), Purpose::Python, "runs the VST3 hosts"),
    need(
        "python3-venv",
        Sign::PythonModule("ensurepip"),
        Purpose::Python,
        "keeps the VST3 hosts apart from your Python",
    ),
    need(
        "libfreetype6",
        Sign::Library("libfreetype.so.6"),
        Purpose::Hosts,
        "loaded by pedalboard and dawdreamer",
    ),
    need("chromium", Sign::Program("chromium"), Purpose::Server, "opens the server's status page"),
    need("xvfb", Sign::Program("Xvfb"), Purpose::Editor, "a display for the editor tests"),
    need("xdotool", Sign::Program("xdotool"), Purpose::Editor, "clicks in the editor"),
    need("openbox", Sign::Program("openbox"), Purpose::Editor, "gives the host's window its place"),
    need("xsettingsd", Sign::Program("xsettingsd"), Purpose::Editor, "without it JUCE hosts end"),
    need("xclip", Sign::Program("xclip"), Purpose::Editor, "reads and fills the clipboard"),
    need("imagemagick", Sign::Program("import"), Purpose::Editor, "takes its picture"),
    need("libgl1", Sign::Library("libGL.so.1"), Purpose::Editor, "draws the editor"),
    need("libegl1", Sign::Library("libEGL.so.1"), Purpose::Editor, "draws the editor"),
    need("libgl1-mesa-dri", Sign::Library("libgbm.so.1"), Purpose::Editor, "draws without a graphics card"),
    need("libx11-xcb1", Sign::Library("libX11-xcb.so.1"), Purpose::Editor, "opens the editor's window"),
    need(
        "libxkbcommon-x11-0",
        Sign::Library("libxkbcommon-x11.so.0"),
        Purpose::Editor,
        "the editor's keyboard",
    ),
    need("libxcursor1", Sign::Library("libXcursor.so.1"), Purpose::Editor, "the editor's mouse pointer"),
    need("valgrind", Sign::Program("valgrind"), Purpose::Counting, "counts the instructions of benchmarks"),
    need("ardour", Sign::Program("ardour7-lua"), Purpose::Daws, "a DAW that loads the VST3"),
    need("qtractor", Sign::Program("qtractor"), Purpose::Daws, "a DAW that loads the CLAP"),
    need("jackd2", Sign::Program("jackd"), Purpose::Jack, "a sound card for DAWs, JackTrip and Jamulus"),
    need("jacktrip", Sign::Program("jacktrip"), Purpose::SideBySide, "measured beside Backline"),
    need("jamulus", Sign::Program("Jamulus"), Purpose::SideBySide, "measured beside Backline"),
    need("iproute2", Sign::Program("ip"), Purpose::SideBySide, "makes a network of one's own for each side"),
];

/// The switch of every command that needs something.
#[derive(Debug, Clone, Args)]
pub struct Install {
    /// Only name what is missing; install nothing.
    #[arg(long)]
    pub no_install: bool,
}

impl Install {
    /// Sees that everything for these purposes is there, or ends with a list of what is not.
    pub fn ensure(&self, purposes: &[Purpose]) -> Result<()> {
        let environments: Vec<&Environment> =
            ENVIRONMENTS.iter().filter(|environment| purposes.contains(&environment.purpose)).collect();
        let mut purposes = purposes.to_vec();
        if !environments.is_empty() {
            purposes.push(Purpose::Python);
        }
        let missing = missing(&purposes);
        if !missing.is_empty() {
            self.packages(&missing)?;
        }
        environments.into_iter().filter(|of| !of.is_complete()).try_for_each(|of| self.venv(of))
    }

    fn packages(&self, missing: &[&Need]) -> Result<()> {
        for need in missing {
            eprintln!("missing: {} ({})", need.package, need.why);
        }
        let names: Vec<&str> = missing.iter().map(|need| need.package).collect();
        let by_hand = format!("apt-get install {}", names.join(" "));
        if self.no_install {
            bail!("not installed: {}. Install them with: {by_hand}", names.join(", "));
        }
        let Some(mut apt) = apt_get() else { bail!("this needs root or sudo, and Debian: {by_hand}") };
        eprintln!("installing {} with apt-get", names.join(", "));
        run::run(apt.arg("update"))?;
        let Some(mut apt) = apt_get() else { bail!("apt-get is gone") };
        run::run(apt.args(["install", "-y", "--no-install-recommends"]).args(names))
    }

    /// A program that is built from its package, which takes some minutes once.
    fn cargo_program(&self, name: &str, version: &str) -> Result<()> {
        if run::on_path(name) {
            return Ok(());
        }
        if self.no_install {
            bail!(
                "not installed: {name}. Install it with: cargo install {name} --locked --version {version}"
            );
        }
        eprintln!("installing {name} {version}");
        run::run(run::cargo().args(["install", "--quiet", name, "--locked", "--version", version]))
    }

    fn venv(&self, environment: &Environment) -> Result<()> {
        let requirements = workspace::root().join(environment.requirements);
        let folder = workspace::venv();
        if self.no_install {
            bail!(
                "not installed: the Python packages of {} in {}. Without --no-install this command puts them there.",
                requirements.display(),
                folder.display()
            );
        }
        eprintln!("filling {} with {}", folder.display(), environment.what);
        run::run(run::program("python3").args(["-m", "venv"]).arg(&folder))?;
        run::run(run::program(&python()).args(["-m", "pip", "install", "--quiet", "-r"]).arg(requirements))
    }
}

/// Python packages for a purpose; all of them are in one environment.
struct Environment {
    purpose: Purpose,
    what: &'static str,
    requirements: &'static str,
    /// Can be imported when all is there.
    modules: &'static str,
}

const ENVIRONMENTS: [Environment; 2] = [
    Environment {
        purpose: Purpose::Hosts,
        what: "the VST3 hosts (pedalboard, dawdreamer)",
        requirements: "tests/hosts/python/requirements.txt",
        modules: "numpy, pedalboard, dawdreamer",
    },
    Environment {
        purpose: Purpose::Server,
        what: "what looks at the server (schemathesis, Prometheus' parsers, the DevTools protocol)",
        requirements: "net-worker/server/tests/python/requirements.txt",
        modules: "schemathesis, prometheus_client, websocket",
    },
];

impl Environment {
    fn is_complete(&self) -> bool {
        run::succeeds(run::program(&python()).args(["-c", &format!("import {}", self.modules)]))
    }
}

/// The Python with the VST3 hosts and with what looks at the server.
pub fn python() -> String {
    workspace::venv().join("bin/python").display().to_string()
}

/// Ends with advice when a part of the Rust toolchain is not there; rustup owns that, so it is only named.
pub fn ensure_rust_parts() -> Result<()> {
    for part in ["fmt", "clippy"] {
        if !run::succeeds(run::cargo().args([part, "--version"])) {
            let name = if part == "fmt" { "rustfmt" } else { part };
            bail!("cargo {part} is missing: rustup component add {name}");
        }
    }
    Ok(())
}

/// The version whose checks `deny.toml` was written for.
const CARGO_DENY: &str = "0.20.2";

/// Sees that cargo-deny is there.
pub fn ensure_cargo_deny(install: &Install) -> Result<()> {
    install.cargo_program("cargo-deny", CARGO_DENY)
}

/// The version of `gungraun` in `benches/Cargo.toml`; its runner must be the same.
const GUNGRAUN: &str = "0.20.0";

/// Sees that the program is there which counts instructions for the benchmarks.
pub fn ensure_gungraun_runner(install: &Install) -> Result<()> {
    install.cargo_program("gungraun-runner", GUNGRAUN)
}

fn missing(purposes: &[Purpose]) -> Vec<&'static Need> {
    NEEDS.iter().filter(|need| purposes.contains(&need.purpose) && !is_there(need)).collect()
}

fn is_there(need: &Need) -> bool {
    match need.sign {
        Sign::Program(name) => run::on_path(name),
        Sign::PythonModule(name) => {
            run::succeeds(Command::new("python3").args(["-c", &format!("import venv, {name}")]))
        }
        Sign::Library(name) => has_library(name),
    }
}

/// Libraries for running are in the linker's cache, those for building (without a number) in its folders.
fn has_library(name: &str) -> bool {
    let folders =
        ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib", "/usr/lib64", "/lib"];
    folders.iter().any(|folder| Path::new(folder).join(name).exists())
}

/// `apt-get`, alone for root and behind sudo for others; none where there is neither.
fn apt_get() -> Option<Command> {
    if !run::on_path("apt-get") {
        return None;
    }
    let root = run::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let mut command = if root {
        Command::new("apt-get")
    } else if run::succeeds(Command::new("sudo").args(["-n", "true"])) {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "apt-get"]);
        sudo
    } else {
        return None;
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    Some(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_missing() {
        assert!(!has_library("libdoes-not-exist.so.7"));
    }

    #[test]
    fn each_package_is_named_once_with_a_reason() {
        for (index, need) in NEEDS.iter().enumerate() {
            assert!(!need.why.is_empty());
            assert!(
                NEEDS[..index].iter().all(|other| other.package != need.package),
                "{} twice",
                need.package
            );
        }
    }
}
