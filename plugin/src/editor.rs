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
pub mod intent;
pub mod law;
pub mod layout;
pub mod panels;
pub mod plugin_backend;
pub mod theme;
pub mod view;
pub mod view_model;
pub mod widgets;

use std::sync::Arc;

use backline_client::Client;
use nice_plug_egui::baseview::dpi::{LogicalSize, PhysicalSize};
use nice_plug_egui::{EguiEditor, EguiEditorState, EguiNiceSettings, RepaintNotifier, create_egui_editor};

use crate::params::BacklineParams;
use crate::project::Project;

/// The editor as the framework's type.
pub type BacklineEditor = EguiEditor<app::EditorApp>;

/// Makes the editor of an instance; the window opens when the host asks. `[main-thread]`
pub fn open(
    params: Arc<BacklineParams>,
    client: Arc<Client>,
    project: Arc<Project>,
) -> Option<BacklineEditor> {
    let kept = project.state().editor;
    let pixels = |points: u32| (points as f32 * kept.scale).round() as u32;
    // Physical, because the framework forgets the zoom where a host asks for a logical size; see `EditorApp::fit_display`.
    let size = PhysicalSize::new(pixels(kept.width_points), pixels(kept.height_points));
    let state = EguiEditorState::from_size(size, kept.scale);
    let settings = EguiNiceSettings {
        title: "Backline".to_owned(),
        resize_hint: resize_hint(),
        ..EguiNiceSettings::default()
    };
    create_egui_editor(state, RepaintNotifier::new(), settings, app::EditorApp::new(params, client, project))
}

fn resize_hint() -> nice_plug::editor::ResizeHint {
    let smallest = LogicalSize::new(theme::MIN_SIZE_POINTS.x, theme::MIN_SIZE_POINTS.y);
    nice_plug::editor::ResizeHint {
        size_constraints: nice_plug::editor::SizeConstraints::min_logical_size(smallest),
        ..nice_plug::editor::ResizeHint::RESIZABLE
    }
}
