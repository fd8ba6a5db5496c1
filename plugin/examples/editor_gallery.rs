//! Opens the real editor view in a window, on a made-up session: to look at it. Scenes: `tests/made_up_session/scenes.rs`.
//!
//! ```text
//! cargo run -p backline --example editor_gallery -- [SCENE] [WIDTHxHEIGHT] [ZOOM %] [dark|light]
//! ```

// An example is no part of the plugin: it may end by a message.
#![allow(clippy::expect_used)]

#[path = "../tests/made_up_session/mod.rs"]
mod made_up_session;

use std::time::{Duration, Instant};

use backline::editor::theme::{self, Look};
use backline::editor::view::EditorView;
use made_up_session::MadeUpSession;
use made_up_session::scenes::scene;
use nice_plug_egui::baseview::{HandlerError, dpi::PhysicalSize};
use nice_plug_egui::{App, EguiWindow, EguiWindowSettings, Frame};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument =
        |index: usize, default: &str| arguments.get(index).map_or(default.to_owned(), Clone::clone);
    let size = argument(1, "980x600");
    let (width, height) = size.split_once('x').expect("a size is WIDTHxHEIGHT");
    let side = |text: &str| text.parse::<u32>().expect("a size is WIDTHxHEIGHT in pixels");
    let zoom: f32 = argument(2, "100").parse().expect("a zoom is a number of percent");
    // SAFETY: this is a program of its own, not a plugin in a host.
    unsafe { nice_plug_egui::baseview::assume_standalone_in_process() };
    let settings = EguiWindowSettings::new()
        .with_title("Backline")
        .with_size(PhysicalSize::new(side(width), side(height)))
        .with_zoom_factor(zoom / 100.0);
    let gallery = Gallery {
        session: scene(&argument(0, "band")),
        view: EditorView::default(),
        look: Look::ALL
            .into_iter()
            .find(|look| look.name().to_lowercase() == argument(3, "dark"))
            .unwrap_or_default(),
        started: Instant::now(),
    };
    let window = EguiWindow::create(settings, gallery).expect("no window: is there a display with OpenGL?");
    window.run_until_closed().expect("the window broke");
}

struct Gallery {
    session: MadeUpSession,
    view: EditorView,
    look: Look,
    started: Instant,
}

impl App for Gallery {
    fn build(&mut self, ctx: egui::Context, frame: &mut Frame) -> Result<(), HandlerError> {
        theme::install(&ctx, self.look);
        frame.set_clear_color(self.look.palette().backdrop.into());
        Ok(())
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut Frame) {
        self.session.play(self.started.elapsed().as_secs_f32());
        self.view.show(ui, &mut self.session);
        // Nobody else looks here whether it plays on.
        ui.ctx().request_repaint_after(Duration::from_millis(50));
    }
}
