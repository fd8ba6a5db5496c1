//! The editor as the plugin framework wants it: a window's life, its size and zoom, and a frame at a time.
//!
//! It draws nothing itself (`view.rs` does). One app outlives its windows: a host may open and close the editor many
//! times. While it is closed nobody calls it and nothing looks (`Opened`), so it costs nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use backline_client::Client;
use egui::{Id, Vec2, ViewportCommand};
use nice_plug::context::gui::GuiContext;
use nice_plug_egui::{Frame, NiceEguiApp, baseview::HandlerError};

use super::plugin_backend::PluginBackend;
use super::view::EditorView;
use super::watch::{Watch, Watchman};
use super::window_thread::WindowThread;
use super::{heap, theme};
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
    window_thread: WindowThread,
    view: Arc<Mutex<EditorView>>,
    opened: Weak<Opened>,
    fitted: bool,
    pressed_at_s: f64,
}

impl EditorApp {
    /// The editor of the instance with these parts; opens nothing. `[main-thread]`
    pub fn new(
        params: Arc<BacklineParams>,
        client: Arc<Client>,
        project: Arc<Project>,
        window_thread: WindowThread,
    ) -> Self {
        let view = EditorView::new(project.state().host_address, project.servers());
        let view = Arc::new(Mutex::new(view));
        Self {
            params,
            client,
            project,
            window_thread,
            view,
            opened: Weak::new(),
            fitted: false,
            pressed_at_s: f64::NEG_INFINITY,
        }
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
        self.window_thread.begin();
        heap::keep_what_frames_take();
        let look = Personal::recall().look;
        theme::install(&ctx, look);
        frame.set_clear_color(look.palette().backdrop.into());
        let mut view = locked(&self.view);
        *view = view.in_new_window(self.project.state().host_address, self.project.servers());
        drop(view);
        let waker = frame.baseview_window().waker();
        let opened = Arc::new(Opened::new(self, gui, move || waker.request_redraw()));
        self.opened = Arc::downgrade(&opened);
        ctx.data_mut(|data| data.insert_temp(Id::NULL, opened));
        self.fitted = false;
        self.pressed_at_s = f64::NEG_INFINITY;
        Ok(())
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut Frame) {
        self.fit_display(ui);
        let Some(opened) = self.opened.upgrade() else { return };
        locked(&self.view).show(ui, &mut opened.backend());
        self.claim_keyboard(ui);
        self.remember_window(ui);
        self.params.report_changes(&opened.gui.param_setter());
    }
}

/// What lasts as long as a window. egui's memory of the window holds it, because the framework tells nobody that a window is
/// closed; it goes with the window.
struct Opened {
    /// Before all else: nothing looks any more.
    watchman: Option<Watchman>,
    params: Arc<BacklineParams>,
    client: Arc<Client>,
    gui: GuiContext,
    view: Arc<Mutex<EditorView>>,
}

impl Opened {
    /// Looks from now on whether there is something new, and calls `draw` where there is.
    fn new(app: &EditorApp, gui: GuiContext, draw: impl Fn() + Send + 'static) -> Self {
        let (params, client, looking) = (Arc::clone(&app.params), Arc::clone(&app.client), gui.clone());
        let mut watch = Watch::default();
        let look = move || {
            let setter = looking.param_setter();
            if watch.look(&mut PluginBackend { params: &params, client: &client, setter }) {
                draw();
            }
        };
        let watchman = Some(Watchman::new(look));
        let (params, client, view) = (app.params.clone(), app.client.clone(), app.view.clone());
        Self { watchman, params, client, gui, view }
    }

    fn backend(&self) -> PluginBackend<'_> {
        PluginBackend { params: &self.params, client: &self.client, setter: self.gui.param_setter() }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.watchman = None;
        locked(&self.view).let_go(&mut self.backend());
        self.client.look_around(false);
    }
}

fn locked(view: &Mutex<EditorView>) -> MutexGuard<'_, EditorView> {
    view.lock().unwrap_or_else(PoisonError::into_inner)
}
