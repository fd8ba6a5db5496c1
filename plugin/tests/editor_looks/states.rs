//! The editor in a state: a scene, a window, and what was done in it.

use backline::editor::theme::{self, Look};
use backline::editor::view::EditorView;
use egui::{UiBuilder, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use crate::made_up_session::MadeUpSession;
use crate::made_up_session::scenes::scene;
use crate::raster::{Picture, paint};

/// The first size of a window.
pub const USUAL: Vec2 = theme::DEFAULT_SIZE_POINTS;
/// Without scrolling.
pub const SMALLEST: Vec2 = theme::MIN_SIZE_POINTS;
/// On a large display.
pub const LARGE: Vec2 = vec2(1500.0, 820.0);
/// Frames after which every tooltip is there.
const TOOLTIP_FRAMES: usize = 24;

/// What is done after the editor is opened.
#[derive(Debug, Clone, Copy)]
pub enum Do {
    /// Clicks what has this name.
    Click(&'static str),
    /// Clicks it with the other button.
    Menu(&'static str),
    /// Rests on it with the pointer.
    Rest(&'static str),
}

/// A state of the editor, and how it is looked at.
#[derive(Debug, Clone, Copy)]
pub struct State {
    /// Of its picture.
    pub name: &'static str,
    /// One of the scenes.
    pub scene: &'static str,
    /// What is done then.
    pub done: &'static [Do],
    /// Of the window, in points.
    pub size: Vec2,
    /// Pixels for each point.
    pub scale: f32,
    /// Dark or light.
    pub look: Look,
}

/// The editor in a window.
pub struct Shown {
    /// What it shows.
    pub session: MadeUpSession,
    view: EditorView,
    installed: bool,
}

impl State {
    /// Opens the editor and does what is to be done.
    pub fn open(&self) -> Harness<'static, Shown> {
        let shown = Shown { session: scene(self.scene), view: EditorView::default(), installed: false };
        let look = self.look;
        let builder = Harness::builder().with_size(self.size).with_pixels_per_point(self.scale);
        let mut editor = builder.with_step_dt(1.0 / 30.0).build_ui_state(
            move |ui, shown: &mut Shown| {
                if !std::mem::replace(&mut shown.installed, true) {
                    theme::install(ui.ctx(), look);
                    return;
                }
                // The whole window, as in a host; the harness leaves a margin.
                let window = ui.ctx().content_rect();
                ui.scope_builder(UiBuilder::new().max_rect(window), |ui| {
                    ui.set_clip_rect(window);
                    shown.view.show(ui, &mut shown.session);
                });
            },
            shown,
        );
        editor.run();
        for step in self.done {
            match step {
                Do::Click(label) => editor.get_by_label(label).click(),
                Do::Menu(label) => editor.get_by_label(label).click_secondary(),
                Do::Rest(label) => editor.get_by_label(label).hover(),
            }
            editor.run();
        }
        editor.run_steps(TOOLTIP_FRAMES);
        editor
    }

    /// What is seen of it.
    pub fn picture(&self) -> Picture {
        let editor = self.open();
        paint(&editor.ctx, editor.output(), self.size)
    }
}

/// A state as it is usually looked at.
const fn state(name: &'static str, scene: &'static str, done: &'static [Do]) -> State {
    State { name, scene, done, size: USUAL, scale: 1.0, look: Look::Dark }
}

/// The states that have a picture in `docs/images`.
pub const PICTURED: &[State] = &[
    state("editor", "band", &[]),
    State { look: Look::Light, ..state("editor-light", "band", &[]) },
    state("editor-connect", "crowd", &[]),
    State { look: Look::Light, ..state("editor-connect-light", "found", &[]) },
    state("editor-joining", "joining", &[]),
    state("editor-invite", "hosting", &[]),
    state("editor-one", "one", &[]),
    State { size: LARGE, ..state("editor-full", "full", &[]) },
    state("editor-details", "band", &[Do::Click("Drums, Ben")]),
    state("editor-past", "past", &[Do::Click("Drums, Ben"), Do::Click("Last minutes")]),
    State {
        look: Look::Light,
        ..state("editor-past-light", "past", &[Do::Click("Drums, Ben"), Do::Click("Last minutes")])
    },
    state("editor-chat", "chat", &[Do::Click("Chat (2)")]),
    State { look: Look::Light, ..state("editor-chat-light", "chat", &[Do::Click("Chat (2)")]) },
    state("editor-changes", "chat", &[Do::Click("Chat (2)"), Do::Click("What was changed")]),
    state("editor-talkback", "talkback", &[]),
    state("editor-tempo", "band", &[Do::Click("Tempo")]),
    state("editor-led", "led", &[Do::Click("Bar 12.2")]),
    state("editor-audio", "audio", &[Do::Click("Audio")]),
    state("editor-path", "band", &[Do::Click("Test my path")]),
    state("editor-waiting", "failed", &[]),
    state("editor-conflict", "conflict", &[]),
    state("editor-access", "access", &[Do::Click("Others may move this level")]),
    state("editor-moved", "moved", &[Do::Click("Guitar, Ada")]),
    state("editor-mix", "mix", &[Do::Click("Ada’s mix")]),
    state("editor-return", "returns", &[]),
    state("editor-link-wrong", "link", &[]),
    state("editor-port-taken", "port", &[]),
    state("editor-password-wrong", "password", &[]),
    state("editor-network", "idle", &[Do::Click("Network")]),
    State { size: SMALLEST, ..state("editor-small", "band", &[]) },
    State { scale: 1.5, ..state("editor-150", "band", &[]) },
    State { scale: 2.0, size: SMALLEST, ..state("editor-200", "band", &[]) },
];

/// What else can be open over a session.
pub const MENUS: &[State] = &[
    state("quality", "band", &[Do::Click("Quality")]),
    state("returns", "tracks", &[Do::Click("Returns")]),
    state("colours", "band", &[Do::Click("Your colour")]),
    state("looks", "band", &[Do::Click("Colours")]),
    state("zooms", "band", &[Do::Click("Zoom")]),
    state("fader", "band", &[Do::Menu("Guitar, Ada: gain")]),
    state("knob", "band", &[Do::Menu("Guitar, Ada: pan")]),
    state("typed", "band", &[Do::Click("Guitar, Ada: gain, typed")]),
    state("bus", "multi", &[Do::Click("Guitar, Ada: bus")]),
    state("messages", "notices", &[Do::Click("All messages (3)")]),
    state("tooltip", "moved", &[Do::Rest("Guitar, Ada: level for everyone")]),
    state("hear what", "access", &[Do::Click("Others may set what I hear")]),
];

/// Every scene as it opens, and everything that can be open over one.
pub fn every() -> impl Iterator<Item = State> {
    let scenes = crate::made_up_session::scenes::SCENES.iter().map(|scene| state(scene, scene, &[]));
    scenes.chain(PICTURED.iter().copied()).chain(MENUS.iter().copied())
}
