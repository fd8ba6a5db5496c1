//! The bars of the session: faders for everybody, offline changes, conflicts and readers (measured by one program), many instances
//! under ThreadSanitizer, and many in real hosts.

use anyhow::Result;

use super::lines;
use crate::bars::{Bar, Bars, Limit};
use crate::bundles::{self, Profile};
use crate::commands::sanitize;
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
    bars.push(stress());
    let played = hosts::build().and_then(|()| hosts::band());
    add(&mut bars, played, "6.once", "many instances in two host processes");
    Ok(bars)
}

/// Its tests fail where two threads use the same memory without an order between them, and where anything hangs.
fn stress() -> Bar {
    let what = "8 instances of one process, 10000 operations: tests without a finding of ThreadSanitizer";
    let limit = Limit::AtLeast(1.0);
    match sanitize::thread() {
        Ok(counted) => Bar::new("5.threads", what, counted.passed as f64, "tests", limit),
        Err(error) => Bar::unmeasured("5.threads", what, "tests", limit, format!("{error:#}")),
    }
}

fn add(bars: &mut Bars, printed: Result<String>, id: &str, what: &str) {
    match printed {
        Ok(printed) => printed.lines().filter_map(lines::read).for_each(|bar| bars.push(bar)),
        Err(error) => bars.push(Bar::unmeasured(id, what, "", Limit::AtMost(0.0), format!("{error:#}"))),
    }
}
