//! Bar 10: Backline beside JackTrip and Jamulus on the same loss and jitter (`tests/side-by-side`). All is shown, nothing judged.

use anyhow::Result;

use super::lines;
use crate::bars::{Bars, Limit};
use crate::bundles::{self, Profile};
use crate::needs::{Install, Purpose};
use crate::{run, workspace};

const PACKAGE: &str = "backline-side-by-side";

/// Installs what is compared, lets it play, and shows what each came to.
pub fn measure(bars: &mut Bars, quick: bool, install: &Install) {
    match play(quick, install) {
        Ok(output) => output.lines().filter_map(lines::read).for_each(|bar| bars.push(bar)),
        Err(error) => {
            let what = "Backline, JackTrip and Jamulus side by side";
            bars.push(lines::unmeasured("10", what, "", Limit::None, &format!("{error:#}")));
        }
    }
}

fn play(quick: bool, install: &Install) -> Result<String> {
    install.ensure(&[Purpose::Build, Purpose::Jack, Purpose::SideBySide])?;
    bundles::build(Profile::Release)?;
    let programs = ["build", "--quiet", "--release", "-p", "backline-hosts", "-p", PACKAGE, "--bins"];
    run::run(run::cargo().args(programs))?;
    let program = workspace::target().join("release").join(PACKAGE);
    let mut command = run::program(&program.display().to_string());
    command.env("BACKLINE_BUNDLES", Profile::Release.folder());
    command.arg("--folder").arg(workspace::target().join("side-by-side"));
    if quick {
        command.arg("--quick");
    }
    run::output(&mut command)
}
