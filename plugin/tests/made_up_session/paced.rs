//! The editor as its window draws it, in simulated time: a frame where one is wanted, looks whether there is anything new between
//! them, a display that shows 60 frames a second. No window, no graphics card, no clock.

use std::time::Duration;

use backline::editor::heap;
use backline::editor::theme::{self, Look};
use backline::editor::view::EditorView;
use backline::editor::watch::{LOOK_EVERY, Watch};
use egui::epaint::Primitive;
use egui::{Context, RawInput, Rect, Vec2, ViewportId, pos2, vec2};

use super::MadeUpSession;

/// All 16 strips are seen.
pub const WINDOW: Vec2 = vec2(1960.0, 820.0);
/// The display.
pub const FRAMES_PER_S: u32 = 60;

/// An editor that is open.
pub struct Paced {
    /// What it shows.
    pub session: MadeUpSession,
    /// Frames that were drawn.
    pub frames: u32,
    ctx: Context,
    view: EditorView,
    watch: Watch,
    now: Duration,
    look_at: Duration,
    frame_at: Option<Duration>,
}

impl Paced {
    /// Opens it; the first frame is due.
    pub fn open(session: MadeUpSession) -> Self {
        heap::keep_what_frames_take();
        let ctx = Context::default();
        theme::install(&ctx, Look::Dark);
        Self {
            session,
            frames: 0,
            ctx,
            view: EditorView::default(),
            watch: Watch::default(),
            now: Duration::ZERO,
            look_at: Duration::ZERO,
            frame_at: Some(Duration::ZERO),
        }
    }

    /// Lets time pass; `play` says before each look and frame how the session is then.
    pub fn run(&mut self, time: Duration, mut play: impl FnMut(&mut MadeUpSession, Duration)) {
        let until = self.now + time;
        loop {
            let next = self.frame_at.map_or(self.look_at, |frame_at| frame_at.min(self.look_at));
            if next >= until {
                break;
            }
            self.now = next;
            play(&mut self.session, next);
            if self.frame_at == Some(next) {
                self.frame();
            } else {
                self.look_at += LOOK_EVERY;
                if self.look() {
                    self.draw_after(Duration::ZERO);
                }
            }
        }
        self.now = until;
    }

    /// Looks whether there is anything new.
    pub fn look(&mut self) -> bool {
        self.watch.look(&mut self.session)
    }

    /// Draws a frame, down to the triangles for the graphics card; how many corners they have.
    pub fn frame(&mut self) -> usize {
        self.frames += 1;
        self.frame_at = None;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), WINDOW)),
            time: Some(self.now.as_secs_f64()),
            ..RawInput::default()
        };
        let (view, session) = (&mut self.view, &mut self.session);
        let mut output = self.ctx.run_ui(input, |ui| view.show(ui, session));
        // Nobody uploads textures here.
        output.textures_delta.clear();
        let meshes = self.ctx.tessellate(output.shapes, output.pixels_per_point);
        let delay = output.viewport_output[&ViewportId::ROOT].repaint_delay;
        if delay < Duration::MAX {
            self.draw_after(delay);
        }
        let corners = meshes.iter().map(|clipped| match &clipped.primitive {
            Primitive::Mesh(mesh) => mesh.vertices.len(),
            Primitive::Callback(_) => 0,
        });
        corners.sum()
    }

    /// Moves on by one picture of the display.
    pub fn next_picture(&mut self) -> Duration {
        self.now = picture_after(self.now);
        self.now
    }

    /// When the display is next ready after that.
    fn draw_after(&mut self, delay: Duration) {
        let ready = picture_after(self.now + delay);
        self.frame_at = Some(self.frame_at.map_or(ready, |frame_at| frame_at.min(ready)));
    }
}

/// The first picture of the display that begins later than that.
fn picture_after(time: Duration) -> Duration {
    let passed = (time.as_secs_f64() * f64::from(FRAMES_PER_S) + 1e-6).floor();
    Duration::from_secs_f64((passed + 1.0) / f64::from(FRAMES_PER_S))
}
