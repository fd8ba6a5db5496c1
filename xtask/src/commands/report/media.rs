//! The bars of playout: the simulated ones (1 to 8, and the simulator's speed), then what it costs (9), then side by side (10).
//! The table is kept in `docs/MEDIA.md`, between two markers.

use anyhow::{Context, Result};

use super::{cost, lines, side_by_side};
use crate::bars::{Bar, Bars, Limit};
use crate::needs::Install;
use crate::{run, workspace};

const PACKAGE: &str = "backline-media-report";
const DOCUMENT: &str = "docs/MEDIA.md";
const BEGIN: &str = "<!-- cargo xtask report media: from here -->";
const END: &str = "<!-- cargo xtask report media: to here -->";

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
    let path = workspace::root().join(DOCUMENT);
    let text = std::fs::read_to_string(&path).with_context(|| format!("{DOCUMENT} cannot be read"))?;
    let length = if quick { "`cargo xtask report media --quick`" } else { "`cargo xtask report media`" };
    let table = format!("Last run: {length}.\n\n{}", bars.markdown());
    let text = between(&text, &table).with_context(|| format!("{DOCUMENT} has lost its markers"))?;
    std::fs::write(&path, text).with_context(|| format!("{DOCUMENT} cannot be written"))
}

/// The text with something else between the markers.
fn between(text: &str, table: &str) -> Option<String> {
    let begin = text.find(BEGIN)? + BEGIN.len();
    let end = begin + text.get(begin..)?.find(END)?;
    Some(format!("{}\n\n{}\n\n{}", text.get(..begin)?, table.trim(), text.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let text = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let expected = format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n");
        assert_eq!(between(&text, "new\n"), Some(expected.clone()));
        assert_eq!(between(&expected, "new\n"), Some(expected), "twice is the same as once");
        assert_eq!(between("no markers", "new"), None);
    }

    #[test]
    fn the_document_has_its_markers() {
        let text = std::fs::read_to_string(workspace::root().join(DOCUMENT)).unwrap();
        assert!(between(&text, "table").is_some());
    }
}
