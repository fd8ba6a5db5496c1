//! The editor's own widgets: drawn by hand, each named in the accessibility tree.
//!
//! They know values, not sessions: no widget reads a snapshot. The step before is a panel, which gives the place
//! and the value; the step after is an [`Intent`](super::intent::Intent) or a click.

pub mod adjust;
pub mod button;
pub mod chip;
pub mod draw;
pub mod fader;
pub mod field;
pub mod hold;
pub mod icon;
pub mod kept;
pub mod knob;
pub mod meter;
pub mod toggle;
pub mod value;
pub mod value_menu;
