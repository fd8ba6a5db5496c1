//! The bars of the session: faders for everybody, offline changes, conflicts and readers (measured by one program), and many
//! instances in real hosts.

use anyhow::Result;

use super::lines;
use crate::bars::{Bar, Bars, Limit};
use crate::bundles::{self, Profile};
use crate::hosts;
use crate::needs::{Install, Purpose};
use crate::run;

const PACKAGE: &str = "backline-session-report";

/// Measures all of them, one after the other.
pub fn measure(quick: bool, install: &Install) -> Result<Bars> {
    install.ensure(&[Purpose::Build, Purpose::Hosts])?;
    bundles::build(Profile::Release)?;
    let mut bars = Bars::new();
    let mut command = run::cargo();
    command.args(["run", "--quiet", "--release", "-p", PACKAGE, "--"]);
    if quick {
        command.arg("--quick");
    }
    add(&mut bars, run::output(&mut command), "1", "the session in the simulated world and on loopback");
    let played = hosts::build().and_then(|()| hosts::band());
    add(&mut bars, played, "6.once", "many instances in two host processes");
    Ok(bars)
}

fn add(bars: &mut Bars, printed: Result<String>, id: &str, what: &str) {
    match printed {
        Ok(printed) => printed.lines().filter_map(lines::read).for_each(|bar| bars.push(bar)),
        Err(error) => bars.push(Bar::unmeasured(id, what, "", Limit::AtMost(0.0), format!("{error:#}"))),
    }
}
