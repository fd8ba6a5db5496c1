//! What the editor costs: `cargo bench -p backline --bench editor`. Prints a table, or with `--json` one object a line for
//! `cargo xtask report daw`.
//!
//! A frame is everything that the editor's own thread does for it: the view model, egui, and the triangles for the graphics
//! card; in processor time of that thread. What the card and its driver do with them is not part of it.
#![allow(clippy::print_stdout, reason = "a table is what it is for")]

#[path = "../tests/made_up_session/mod.rs"]
mod made_up_session;

use std::time::Duration;

use backline::editor::backend::Readings;
use backline_io::clock;
use made_up_session::paced::{FRAMES_PER_S, Paced};
use made_up_session::scenes::scene;
use serde_json::{Value, json};

/// Before anything is measured: texts are laid out once, and what comes up once has come up.
const WARM_UP_S: u32 = 10;
const SECONDS: u32 = 10;
/// The worker's snapshots come every 50 ms, with other figures each time.
const FRAMES_OF_SNAPSHOT: u32 = 3;
const SHARE_PERCENT_MAX: f64 = 5.0;
/// At rest.
const MINUTE: Duration = Duration::from_secs(60);
const LOOKS: u32 = 200;

/// Costs of something that is done again and again.
struct Costs(Vec<Duration>);

impl Costs {
    /// Does it `count` times.
    fn of(count: u32, mut done: impl FnMut()) -> Self {
        let mut one = || {
            let began = clock::thread_cpu_time();
            done();
            clock::thread_cpu_time().saturating_sub(began)
        };
        let mut costs: Vec<Duration> = (0..count).map(|_| one()).collect();
        costs.sort();
        Self(costs)
    }

    fn mean_ms(&self) -> f64 {
        self.0.iter().sum::<Duration>().as_secs_f64() * 1e3 / self.0.len() as f64
    }

    /// More than so many percent of them.
    fn percentile_ms(&self, percent: usize) -> f64 {
        self.0[(self.0.len() - 1) * percent / 100].as_secs_f64() * 1e3
    }
}

/// 16 strips whose meters and figures move.
fn moving() -> [Value; 4] {
    let mut editor = Paced::open(scene("full"));
    let mut corners = 0;
    let mut frame = || {
        let now = editor.next_picture();
        editor.session.play(now.as_secs_f32());
        if editor.frames.is_multiple_of(FRAMES_OF_SNAPSHOT) {
            measure_anew(&mut editor);
        }
        corners = editor.frame();
    };
    (0..WARM_UP_S * FRAMES_PER_S).for_each(|_| frame());
    let costs = Costs::of(SECONDS * FRAMES_PER_S, frame);
    let share = costs.mean_ms() / 10.0 * f64::from(FRAMES_PER_S);
    let limit = json!({ "at_most": SHARE_PERCENT_MAX });
    [
        figure("moving", "16 moving meters at 60 frames/s, share of a core", share, "% core", limit),
        figure("frame", "one of these frames, median", costs.percentile_ms(50), "ms", Value::Null),
        figure(
            "frame.p99",
            "one of these frames, dearest of a hundred",
            costs.percentile_ms(99),
            "ms",
            Value::Null,
        ),
        figure("corners", "corners of its triangles", corners as f64, "corners", Value::Null),
    ]
}

/// Latencies move by a few tenths of a millisecond.
fn measure_anew(editor: &mut Paced) {
    let step = u64::from(editor.frames / FRAMES_OF_SNAPSHOT);
    for (index, source) in (0..).zip(&mut editor.session.snapshot.sources) {
        source.latency = Some(Duration::from_micros(9_000 + 1_000 * index + 100 * (step % 7)));
    }
}

/// The same session while nobody plays and no figure moves; the worker works on.
fn resting() -> [Value; 2] {
    let mut session = scene("full");
    session.readings = Readings::default();
    let mut editor = Paced::open(session);
    editor.run(Duration::from_secs(u64::from(WARM_UP_S)), |_, _| {});
    editor.frames = 0;
    editor.run(MINUTE, |session, _| session.snapshot.worker.turns += 1);
    let frames = f64::from(editor.frames);
    let looks = Costs::of(LOOKS, || {
        editor.session.snapshot.worker.turns += 1;
        editor.look();
    });
    let what = "a look at rest whether anything moves (20 a second), median";
    [
        figure("rest", "at rest, frames a minute", frames, "frames", json!({ "at_most": 0.0 })),
        figure("look", what, looks.percentile_ms(50), "ms", Value::Null),
    ]
}

fn main() {
    let is_json = std::env::args().any(|argument| argument == "--json");
    for figure in moving().into_iter().chain(resting()) {
        if is_json {
            println!("{figure}");
        } else {
            let value = figure["figure"].as_f64().unwrap_or_default();
            let text = |name: &str| figure[name].as_str().unwrap_or_default().to_owned();
            println!("{value:>10.3} {:<9} {}", text("unit"), text("what"));
        }
    }
}

/// One figure as `cargo xtask report daw` reads it.
fn figure(id: &str, what: &str, figure: f64, unit: &str, limit: Value) -> Value {
    json!({ "id": format!("editor.{id}"), "what": format!("editor: {what}"), "figure": figure, "unit": unit, "limit": limit })
}
