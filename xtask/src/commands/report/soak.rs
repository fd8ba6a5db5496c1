//! The soak: a real server and 64 guests who do what people do and what they should not, for half an hour. It must end as it began: `tests/load/src/soak.rs`.

use anyhow::Result;

use super::lines;
use crate::bars::{Bar, Bars, Limit};
use crate::needs::{Install, Purpose};
use crate::{run, workspace};

/// For how long.
const WHOLE_S: u32 = 1_800;
const QUICK_S: u32 = 180;

const SERVER: &str = "backline-server";
const GENERATOR: &str = "backline-load";
const PROGRAM: &str = "backline-soak";

/// Builds both programs with full optimisation, and lets the server live.
pub fn measure(quick: bool, install: &Install) -> Result<Bars> {
    install.ensure(&[Purpose::Build])?;
    live("release", if quick { QUICK_S } else { WHOLE_S })
}

/// The same with the programs of another profile, for so many seconds.
pub fn live(profile: &str, seconds: u32) -> Result<Bars> {
    run::run(run::cargo().args([
        "build",
        "--quiet",
        "--profile",
        profile,
        "--package",
        SERVER,
        "--package",
        GENERATOR,
    ]))?;
    let program = |name: &str| {
        let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        workspace::target().join(profile).join(name)
    };
    let mut bars = Bars::new();
    let mut command = run::program(&program(PROGRAM).to_string_lossy());
    command.arg("--server").arg(program(SERVER)).args(["--seconds", &seconds.to_string()]);
    // It ends with an error where a figure is not as it must be: that is for whoever reads the figures.
    let output = command.stderr(std::process::Stdio::inherit()).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().filter_map(lines::read).for_each(|bar| bars.push(bar));
    if text.is_empty() {
        let what = "a server that lives for long";
        bars.push(Bar::unmeasured("soak", what, "", Limit::AtMost(0.0), "it gave no figures".to_owned()));
    }
    Ok(bars)
}
