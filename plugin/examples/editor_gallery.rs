//! Opens the real editor view in a window, on a made-up session: to look at it, and for screenshots.
//!
//! ```text
//! cargo run -p backline --example editor_gallery -- [idle|again|here|found|crowd|failed|joining|hosting|band|mix|tracks|talk|multi|full|waiting|offline|notices] [WIDTHxHEIGHT] [ZOOM %] [dark|light]
//! ```

// An example is no part of the plugin: it may end by a message.
#![allow(clippy::expect_used)]

#[path = "../tests/made_up_session/mod.rs"]
mod made_up_session;

use std::time::Instant;

use backline::editor::backend::HostPace;
use backline::editor::theme::{self, Look};
use backline::editor::view::EditorView;
use backline_client::{Connection, SLOTS, SessionHere, Severity, WaitingView};
use made_up_session::{BAND, LINK, MadeUpSession, OLD_LINK};
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
        self.play();
        self.view.show(ui, &mut self.session);
    }
}

impl Gallery {
    /// Levels that move like music.
    fn play(&mut self) {
        let seconds = self.started.elapsed().as_secs_f32();
        let wave = |speed: f32, shift: f32| {
            (seconds * speed + shift).sin() * 6.0 + (seconds * speed * 2.7 + shift).sin() * 3.0
        };
        self.session.readings.send_db = [-14.0 + wave(3.1, 0.0), -15.0 + wave(3.1, 0.4)];
        for slot in 0..SLOTS {
            let is_there = self.session.snapshot.slots[slot].as_ref().is_some_and(|view| view.present);
            let base = if slot == 1 { -4.0 } else { -12.0 - slot as f32 * 1.5 };
            let level = base + wave(2.0 + slot as f32 * 0.6, slot as f32);
            self.session.readings.slots_db[slot] =
                if is_there { [level, level - 1.5] } else { [f32::NEG_INFINITY; 2] };
        }
    }
}

fn scene(name: &str) -> MadeUpSession {
    let mut session = match name {
        "idle" | "again" | "here" | "found" | "crowd" | "failed" | "joining" => MadeUpSession::idle(),
        "hosting" => MadeUpSession::hosting(),
        _ => MadeUpSession::band(),
    };
    match name {
        "failed" => {
            let text = "The host does not know this link: the session ended, or the host started a new one. Ask for a new link.";
            session.snapshot.connection = Connection::Failed { text: text.into() };
        }
        "again" => session.last_joined = Some(OLD_LINK.to_owned()),
        "found" => session.appear("Ada", 3),
        "crowd" => {
            session.snapshot.open_to_lan = false;
            for (host, participants) in
                [("Ada", 3), ("Ben and the Long-Winded Quintet", 5), ("Clara", 1), ("Dario", 2)]
            {
                session.appear(host, participants);
            }
        }
        "here" => session.snapshot.here = Some(SessionHere { link: LINK.to_owned() }),
        "mix" => session.open_first_mix(),
        "tracks" => session.add_track("Drums", true),
        "talk" => {
            session.values.talkback = true;
            session.write("From the top?");
            session.write("I come in with the drums.");
        }
        "joining" => session.snapshot.connection = Connection::Joining,
        "multi" => {
            session.values.has_aux_buses = true;
            (0..SLOTS).for_each(|slot| session.values.slots[slot].bus = slot % 9);
        }
        "full" => (0..12).for_each(|index| session.arrive(&BAND[index % BAND.len()])),
        "waiting" => {
            let since = std::time::Duration::from_secs(20);
            session.snapshot.connection = Connection::Reconnecting;
            session.snapshot.waiting = WaitingView { changes: 3, failed: 0, since };
        }
        "offline" => session.readings.pace = HostPace::Faster,
        "notices" => {
            session.notice(1, Severity::Info, "Farid joined.", "");
            session.notice(
                2,
                Severity::Warning,
                "Ben's network loses packets.",
                "Ask Ben for a cable, or choose the quality Careful on both sides.",
            );
            session.notice(
                3,
                Severity::Error,
                "Port 50000 is taken by another program.",
                "Backline uses 50123 instead. Forward that port on your router, or close the other program.",
            );
            session.values.slots[1].solo = true;
        }
        _ => {}
    }
    session
}
