//! A benchmark of the workspace, run for what it prints.

use anyhow::Result;

use crate::run;

/// What benchmark `name` of `package` prints when it is given `argument`.
pub fn output(package: &str, name: &str, argument: &str) -> Result<String> {
    run::output(run::cargo().args(["bench", "--quiet", "-p", package, "--bench", name, "--", argument]))
}
