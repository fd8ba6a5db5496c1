//! All bars, one module each. Each makes its worlds, lets them run, judges what was heard, and prints its figures.

mod clean;
mod concealment;

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
    Bar { name: "5", what: "concealment alone", measure: concealment::measure },
];

/// The bar of a name.
pub fn named(name: &str) -> Option<&'static Bar> {
    ALL.iter().find(|bar| bar.name == name)
}

/// All names.
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|bar| bar.name).collect()
}
