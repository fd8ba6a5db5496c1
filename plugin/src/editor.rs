//! What is seen of an instance: the window that a host opens.
//!
//! ```text
//! Snapshot, parameters, levels ──> view_model (words) ──> panels ──> widgets
//!                                                            └── intents ──> backend: host, project, worker
//! ```
//!
//! One way round, once a frame. `backend.rs` is the border: on this side nothing knows the framework, the project or
//! the worker, so tests and the gallery (`examples/editor_gallery.rs`) run the same view on a made-up session.
//! Nothing here waits for anything: the editor reads snapshots and sends commands.

pub mod app;
pub mod backend;
pub mod ballistics;
pub mod heap;
pub mod intent;
pub mod law;
pub mod layout;
pub mod panels;
pub mod plugin_backend;
pub mod sized;
pub mod theme;
pub mod view;
pub mod view_model;
pub mod watch;
pub mod widgets;
mod window_thread;

/// The editor as the framework's type.
pub type BacklineEditor = sized::SizedEditor;
