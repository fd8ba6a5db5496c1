//! The bars of playout: the simulated ones (1 to 8, and the simulator's speed), then what it costs (9), then side by side (10).
//! The table is kept in `docs/MEDIA.md`, between two markers.

use anyhow::Result;

use super::{cost, kept, lines, side_by_side};
use crate::bars::{Bar, Bars, Limit};
use crate::needs::Install;
use crate::run;

const PACKAGE: &str = "backline-media-report";
const DOCUMENT: &str = "docs/MEDIA.md";
const NAME: &str = "cargo xtask report media";

/// Measures all of them, one after the other, and writes the table into the document.
pub fn measure(quick: bool, install: &Install) -> Result<Bars> {
    let mut bars = Bars::new();
    simulate(&mut bars, quick);
    cost::measure(&mut bars, install);
    side_by_side::measure(&mut bars, quick, install);
    keep(&bars, quick)?;
    Ok(bars)
}

/// The bars that are measured in the simulated world.
fn simulate(bars: &mut Bars, quick: bool) {
    let mut command = run::cargo();
    command.args(["run", "--quiet", "--release", "-p", PACKAGE, "--bin", PACKAGE, "--"]);
    if quick {
        command.arg("--quick");
    }
    match run::output(&mut command) {
        Ok(output) => output.lines().filter_map(lines::read).for_each(|bar| bars.push(bar)),
        Err(error) => {
            let what = "playout in the simulated world";
            bars.push(Bar::unmeasured("1", what, "", Limit::AtMost(0.0), format!("{error:#}")));
        }
    }
}

fn keep(bars: &Bars, quick: bool) -> Result<()> {
    let length = if quick { "`cargo xtask report media --quick`" } else { "`cargo xtask report media`" };
    kept::keep(DOCUMENT, NAME, &format!("Last run: {length}.\n\n{}", bars.markdown()))
}
