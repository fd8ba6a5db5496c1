//! The editor as the host sees it, with the size and zoom that the project keeps at the moment it opens.
//!
//! Hosts ask a plugin for its editor when they make it, before they load the project's state, and the framework's editor
//! then keeps the size that it was made with. So this one makes the framework's anew where the project says otherwise and
//! no window is open. It draws nothing (`app.rs`).

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nice_plug::context::gui::GuiContext;
use nice_plug::editor::dpi::NativeSize;
use nice_plug::editor::{
    Editor, HostMethods, ParentWindowHandle, ResizeHint, SizeConstraints, SpawnedEditor,
};
use nice_plug_egui::baseview::dpi::{LogicalSize, PhysicalSize};
use nice_plug_egui::{EguiEditor, EguiEditorState, EguiNiceSettings, RepaintNotifier, create_egui_editor};

use super::app::EditorApp;
use super::theme;
use super::window_thread::WindowThread;
use crate::params::BacklineParams;
use crate::state::EditorState;

/// Sizes that differ by no more are one size: what a window has was rounded, in pixels.
const ROUNDING_PIXELS: f32 = 2.0;
/// From one question of the framework to the next whether the host has moved a parameter, which wakes the window's thread.
const HOST_NEWS_EVERY: Duration = Duration::from_millis(50);

/// The editor of an instance. `[main-thread]`
pub struct SizedEditor {
    params: Arc<BacklineParams>,
    window_thread: WindowThread,
    made: Mutex<Arc<Made>>,
}

/// The framework's editor, and the size that it has now.
struct Made {
    editor: EguiEditor<EditorApp>,
    state: Arc<EguiEditorState>,
}

impl SizedEditor {
    /// The editor of the instance with these parameters; opens nothing. None where the framework has none.
    pub fn new(params: Arc<BacklineParams>) -> Option<Self> {
        let window_thread = WindowThread::default();
        let made = Made::new(&params, &window_thread)?;
        Some(Self { params, window_thread, made: Mutex::new(Arc::new(made)) })
    }

    fn current_state(&self) -> Arc<EguiEditorState> {
        Arc::clone(&self.made.lock().unwrap_or_else(PoisonError::into_inner).state)
    }

    /// The framework's editor, of the size that the project keeps unless a window is open. Nothing is locked after it: hosts
    /// ask for the size again while a window is being made.
    fn current(&self) -> Arc<Made> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if !made.state.is_open()
            && !made.is_sized(self.params.project.state().editor)
            && let Some(anew) = Made::new(&self.params, &self.window_thread)
        {
            *made = Arc::new(anew);
        }
        Arc::clone(&made)
    }
}

impl Drop for SizedEditor {
    /// With its instance; by then hosts have closed the window.
    fn drop(&mut self) {
        if !self.current_state().is_open() {
            self.window_thread.wait();
        }
    }
}

impl Made {
    fn new(params: &Arc<BacklineParams>, window_thread: &WindowThread) -> Option<Self> {
        let project = &params.project;
        let kept = project.state().editor;
        let [width, height] = pixels(kept).map(|side| side.round() as u32);
        // Physical, because the framework forgets the zoom where a host asks for a logical size; see `EditorApp::fit_display`.
        let state = EguiEditorState::from_size(PhysicalSize::new(width, height), kept.scale);
        let settings = EguiNiceSettings {
            title: "Backline".to_owned(),
            resize_hint: resize_hint(),
            repaint_poll_interval: HOST_NEWS_EVERY,
            ..EguiNiceSettings::default()
        };
        let (client, thread) = (project.client().clone(), window_thread.clone());
        let app = EditorApp::new(params.clone(), client, project.clone(), thread);
        let editor = create_egui_editor(state.clone(), RepaintNotifier::new(), settings, app)?;
        Some(Self { editor, state })
    }

    fn is_sized(&self, kept: EditorState) -> bool {
        let size = self.state.logical_size();
        let [width, height] = pixels(kept);
        let is_near = |one: f32, other: f32| (one - other).abs() <= ROUNDING_PIXELS;
        is_near(size.width, width)
            && is_near(size.height, height)
            && self.state.user_scale_factor() == kept.scale
    }
}

impl Editor for SizedEditor {
    type Handle = <EguiEditor<EditorApp> as Editor>::Handle;

    fn spawn(
        &self,
        parent: Option<ParentWindowHandle>,
        wait_for_parent: bool,
        fallback_scale_factor: Option<f64>,
        context: GuiContext,
        host: Option<HostMethods>,
    ) -> Result<SpawnedEditor<Self::Handle>, Box<dyn Error>> {
        self.current().editor.spawn(parent, wait_for_parent, fallback_scale_factor, context, host)
    }

    fn size(&self) -> NativeSize<u32> {
        self.current().editor.size()
    }

    fn resize_hint(&self) -> ResizeHint {
        resize_hint()
    }

    unsafe fn assume_standalone_in_process(&self) {
        // SAFETY: the caller vouches for it.
        unsafe { self.current().editor.assume_standalone_in_process() };
    }
}

/// On a display that is not scaled.
fn pixels(kept: EditorState) -> [f32; 2] {
    [kept.width_points, kept.height_points].map(|points| points as f32 * kept.scale)
}

fn resize_hint() -> ResizeHint {
    let smallest = LogicalSize::new(theme::MIN_SIZE_POINTS.x, theme::MIN_SIZE_POINTS.y);
    ResizeHint { size_constraints: SizeConstraints::min_logical_size(smallest), ..ResizeHint::RESIZABLE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;
    use crate::processor::Processor;
    use crate::state::EDITOR_SIZE_POINTS_DEFAULT;

    #[test]
    fn a_project_that_is_loaded_after_the_editor_was_made_has_its_size() {
        let saved = Processor::new(Kind::Track);
        let wanted = EditorState { width_points: 1200, height_points: 700, scale: 1.5 };
        saved.project().update(|state| state.editor = wanted);

        let opened = Processor::new(Kind::Track);
        let editor = SizedEditor::new(opened.params().clone()).unwrap();
        let size = |editor: &SizedEditor| (editor.size().width, editor.size().height);
        assert_eq!(size(&editor), EDITOR_SIZE_POINTS_DEFAULT);
        opened.project().load(&saved.project().save());
        assert_eq!(size(&editor), (1800, 1050));
        assert_eq!(editor.current().state.user_scale_factor(), 1.5);
    }
}
