//! The editor as the plugin framework wants it: a window's life, its size and zoom, and a frame at a time.
//!
//! It draws nothing itself (`view.rs` does). One app outlives its windows: a host may open and close the editor many
//! times. While it is closed nobody calls it, so it costs nothing.

use std::sync::Arc;

use backline_client::Client;
use egui::{Vec2, ViewportCommand};
use nice_plug::context::gui::GuiContext;
use nice_plug_egui::{Frame, NiceEguiApp, baseview::HandlerError};

use super::plugin_backend::PluginBackend;
use super::theme;
use super::view::EditorView;
use crate::params::BacklineParams;
use crate::personal::Personal;
use crate::project::Project;

/// A display that is scaled by more than this got a window that is too small; see [`EditorApp::fit_display`].
const SCALED_FROM: f32 = 1.05;
/// So long after a press in the window a field may claim the keyboard, in seconds; see [`EditorApp::claim_keyboard`].
const CLAIM_WITHIN_S: f64 = 1.0;

/// The editor of one instance.
pub struct EditorApp {
    params: Arc<BacklineParams>,
    client: Arc<Client>,
    project: Arc<Project>,
    gui: Option<GuiContext>,
    view: EditorView,
    fitted: bool,
    pressed_at_s: f64,
}

impl EditorApp {
    /// The editor of the instance with these parts; opens nothing. `[main-thread]`
    pub fn new(params: Arc<BacklineParams>, client: Arc<Client>, project: Arc<Project>) -> Self {
        let view = EditorView::new(project.state().host_address, project.servers());
        Self { params, client, project, gui: None, view, fitted: false, pressed_at_s: f64::NEG_INFINITY }
    }

    /// Asks once for the size that the project keeps. The framework makes the window in physical pixels (its logical
    /// sizes leave the zoom out when a host asks), and on a scaled display those are too few.
    fn fit_display(&mut self, ui: &egui::Ui) {
        let scale = ui.input(|input| input.viewport().native_pixels_per_point).unwrap_or(1.0);
        if !std::mem::replace(&mut self.fitted, true) && scale > SCALED_FROM {
            let wanted = self.project.state().editor;
            let size = Vec2::new(wanted.width_points as f32, wanted.height_points as f32);
            ui.send_viewport_cmd(ViewportCommand::InnerSize(size));
        }
    }

    /// Takes the keyboard again for a field that was just clicked. On X11 the window takes it with the click; but where
    /// the same click brings the host's window to the front, some hosts (JUCE) then take it back, and what is typed or
    /// pasted is lost. Whether that happened cannot be asked: the framework's window also believes that it has the
    /// keyboard while its parent has it and the pointer is inside. So it is taken in any case, which changes nothing
    /// where it was not lost; but only just after a press, so that whoever goes on to another window is let go.
    fn claim_keyboard(&mut self, ui: &egui::Ui) {
        let (now_s, pressed) = ui.input(|input| (input.time, input.pointer.any_pressed()));
        if pressed {
            self.pressed_at_s = now_s;
        }
        if now_s - self.pressed_at_s < CLAIM_WITHIN_S && ui.ctx().egui_wants_keyboard_input() {
            ui.send_viewport_cmd(ViewportCommand::Focus);
        }
    }

    /// Keeps size and zoom in the project, where they changed.
    fn remember_window(&self, ui: &egui::Ui) {
        let size = ui.input(|input| input.content_rect().size());
        let scale = ui.ctx().zoom_factor();
        let (width_points, height_points) = (size.x.round() as u32, size.y.round() as u32);
        let kept = self.project.state().editor;
        let differs =
            kept.width_points.abs_diff(width_points) > 1 || kept.height_points.abs_diff(height_points) > 1;
        if differs || kept.scale != scale {
            self.project.update(|state| {
                state.editor.width_points = width_points;
                state.editor.height_points = height_points;
                state.editor.scale = scale;
            });
        }
    }
}

impl NiceEguiApp for EditorApp {
    fn build(&mut self, ctx: egui::Context, gui: GuiContext, frame: &mut Frame) -> Result<(), HandlerError> {
        let look = Personal::recall().look;
        theme::install(&ctx, look);
        frame.set_clear_color(look.palette().backdrop.into());
        self.gui = Some(gui);
        self.view = self.view.in_new_window(self.project.state().host_address, self.project.servers());
        self.fitted = false;
        self.pressed_at_s = f64::NEG_INFINITY;
        Ok(())
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut Frame) {
        self.fit_display(ui);
        let Some(gui) = self.gui.clone() else { return };
        let mut backend =
            PluginBackend { params: &self.params, client: &self.client, setter: gui.param_setter() };
        self.view.show(ui, &mut backend);
        self.claim_keyboard(ui);
        self.remember_window(ui);
        self.params.report_changes(&gui.param_setter());
    }

    fn editor_closed(&mut self) {
        if let Some(gui) = self.gui.take() {
            let setter = gui.param_setter();
            self.view.let_go(&mut PluginBackend { params: &self.params, client: &self.client, setter });
        }
        self.client.look_around(false);
    }
}
