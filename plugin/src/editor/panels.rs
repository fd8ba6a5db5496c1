//! The editor's panels: each draws its part of the view model and pushes intents.
//!
//! Places are fixed by `layout.rs`, never by the length of a text. The step before is `view.rs`; the step after is
//! the widgets.

pub mod access;
pub mod chat;
pub mod connect;
pub mod header;
pub mod mix;
pub mod network;
pub mod path;
pub mod plot;
pub mod returning;
pub mod send;
pub mod session;
pub mod sound;
pub mod status;
pub mod strip;
pub mod tempo;
