//! All bars, one module each.

mod conflicts;
mod moves;
mod offline;
mod readers;

use backline_media_report::figure::Report;

/// A bar: its name, what it is about, and how it is measured.
pub type Bar = (&'static str, &'static str, fn(&mut Report<'_>));

/// In the order of the table.
pub const ALL: &[Bar] = &[
    ("1", "moving N moves N", moves::measure),
    ("2", "changes made offline", offline::measure),
    ("3", "who changed it last", conflicts::measure),
    ("4", "readers", readers::measure),
];
