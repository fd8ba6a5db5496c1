//! What the playout of one stereo source costs: `cargo bench -p backline-benches --bench playout`. Prints a table in nanoseconds a
//! sample frame, or with `--json` one object a line for `cargo xtask report media`.
//!
//! Everything from a packet that arrived to samples on the listener's clock: insert, decode, resample, pull, at block 64. The
//! aim: 16 Opus sources take less than 15 % of a core.
#![allow(clippy::print_stdout, reason = "a table is what it is for")]

use std::time::Instant;

use backline_benches::{Coding, Stream, StreamError};
use serde_json::{Value, json};

const SECONDS: usize = 10;
const BLOCK_FRAMES: usize = 64;
/// A figure is the median of so many equally long parts, so that what else the machine does is left out.
const PARTS: usize = 50;
const BLOCKS_OF_PART: usize = SECONDS * 48_000 / BLOCK_FRAMES / PARTS;
/// The sources of a full room.
const SOURCES: f64 = 16.0;
const SHARE_PERCENT_MAX: f64 = 15.0;

struct Case {
    id: &'static str,
    coding: Coding,
    listener_ppm: f64,
    lost_share: f64,
}

const CASES: [Case; 6] = [
    Case { id: "9.pcm.rest", coding: Coding::Pcm, listener_ppm: 0.0, lost_share: 0.0 },
    Case { id: "9.pcm.drift", coding: Coding::Pcm, listener_ppm: -300.0, lost_share: 0.0 },
    Case { id: "9.pcm.loss", coding: Coding::Pcm, listener_ppm: -300.0, lost_share: 0.05 },
    Case { id: "9.opus.rest", coding: Coding::Opus, listener_ppm: 0.0, lost_share: 0.0 },
    Case { id: "9.opus.drift", coding: Coding::Opus, listener_ppm: -300.0, lost_share: 0.0 },
    Case { id: "9.opus.loss", coding: Coding::Opus, listener_ppm: -300.0, lost_share: 0.05 },
];

/// What a case costs.
struct Cost {
    ns_a_frame: f64,
    /// The dearest block but for one in a thousand, which another program may have held up.
    block_us_p999: f64,
}

impl Case {
    fn measure(&self) -> Result<Cost, StreamError> {
        let mut stream = Stream::new(self.coding, self.listener_ppm, self.lost_share, SECONDS)?;
        let mut parts_ns: Vec<f64> = Vec::with_capacity(PARTS);
        let mut blocks_us: Vec<f64> = Vec::with_capacity(PARTS * BLOCKS_OF_PART);
        for _ in 0..PARTS {
            let part_began = Instant::now();
            for _ in 0..BLOCKS_OF_PART {
                let began = Instant::now();
                stream.block();
                blocks_us.push(began.elapsed().as_secs_f64() * 1e6);
            }
            let frames = (BLOCKS_OF_PART * BLOCK_FRAMES) as f64;
            parts_ns.push(part_began.elapsed().as_secs_f64() * 1e9 / frames);
        }
        self.check(&stream);
        parts_ns.sort_by(f64::total_cmp);
        blocks_us.sort_by(f64::total_cmp);
        let block_us_p999 = blocks_us[blocks_us.len() - blocks_us.len() / 1000 - 1];
        Ok(Cost { ns_a_frame: parts_ns[PARTS / 2], block_us_p999 })
    }

    /// A figure counts only if what it stands for has happened.
    fn check(&self, stream: &Stream) {
        let stats = stream.stats();
        let follows = (f64::from(stats.correction_ppm) + self.listener_ppm).abs() < 20.0;
        assert!(follows, "{}: the resampler runs at {} ppm", self.id, stats.correction_ppm);
        assert_eq!(stats.concealed_frames() > 0, self.lost_share > 0.0, "{}: concealed", self.id);
    }

    fn what(&self) -> String {
        let drift = if self.listener_ppm == 0.0 { "no drift" } else { "resampled by 300 ppm" };
        let loss = if self.lost_share == 0.0 { "" } else { ", 5 % lost" };
        format!("{}, block 64, {drift}{loss}: insert to pull, one source", self.coding.name())
    }
}

/// One figure as `cargo xtask report media` reads it.
fn figure(id: &str, what: &str, figure: f64, unit: &str, limit: Value) -> Value {
    json!({ "id": id, "what": what, "figure": figure, "unit": unit, "limit": limit })
}

/// 16 sources, in percent of a core.
fn share_percent(ns_a_frame: f64) -> f64 {
    100.0 * SOURCES * ns_a_frame * 48_000.0 * 1e-9
}

fn main() -> Result<(), StreamError> {
    let is_json = std::env::args().any(|argument| argument == "--json");
    let mut figures = Vec::new();
    for case in &CASES {
        eprintln!("{}", case.what());
        let cost = case.measure()?;
        figures.push(figure(case.id, &case.what(), cost.ns_a_frame, "ns/frame", Value::Null));
        if case.lost_share > 0.0 {
            let what = format!("{}, dearest of a thousand blocks", case.what());
            figures.push(figure(&format!("{}.block", case.id), &what, cost.block_us_p999, "us", Value::Null));
        }
        if case.coding == Coding::Opus {
            let limit =
                if case.lost_share > 0.0 { Value::Null } else { json!({ "at_most": SHARE_PERCENT_MAX }) };
            let what = format!("16 sources: {}", case.what().replace(", one source", ""));
            let share = share_percent(cost.ns_a_frame);
            figures.push(figure(&format!("{}.share", case.id), &what, share, "% core", limit));
        }
    }
    for figure in &figures {
        if is_json {
            println!("{figure}");
        } else {
            let value = figure["figure"].as_f64().unwrap_or_default();
            println!(
                "{value:>10.1} {:<9} {}",
                figure["unit"].as_str().unwrap_or_default(),
                figure["what"].as_str().unwrap_or_default()
            );
        }
    }
    Ok(())
}
