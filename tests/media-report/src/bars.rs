//! All bars, one module each. Each makes its worlds, lets them run, judges what was heard, and prints its figures.

mod bad_peer;
mod clean;
mod concealment;
mod drift;
mod exact;
mod hold;
mod jitter;
mod loss;
mod speed;

use crate::figure::Report;

/// One bar.
pub struct Bar {
    /// Its number in the table, or a word.
    pub name: &'static str,
    /// What it is about, for the progress.
    pub what: &'static str,
    /// Measures and prints.
    pub measure: fn(&mut Report<'_>),
}

/// In the order of the table.
pub const ALL: &[Bar] = &[
    Bar { name: "1", what: "a clean network", measure: clean::measure },
    Bar { name: "2", what: "jitter within the depth", measure: exact::measure },
    Bar { name: "3", what: "drift", measure: drift::measure },
    Bar { name: "4", what: "loss", measure: loss::measure },
    Bar { name: "5", what: "concealment alone", measure: concealment::measure },
    Bar { name: "6", what: "jitter that comes and goes", measure: jitter::measure },
    Bar { name: "7", what: "one bad peer of eight", measure: bad_peer::measure },
    Bar { name: "8", what: "hold and flush", measure: hold::measure },
    Bar { name: "speed", what: "the simulator", measure: speed::measure },
];

/// The bar of a name.
pub fn named(name: &str) -> Option<&'static Bar> {
    ALL.iter().find(|bar| bar.name == name)
}

/// All names.
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|bar| bar.name).collect()
}
