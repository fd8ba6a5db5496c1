//! What `process()` costs: `cargo bench -p backline-benches`. Prints a table in nanoseconds a call.
//!
//! The clock's own cost (two readings, tens of nanoseconds) is in every figure. The aim: under 10 µs for 8 sources at block 64.
#![allow(clippy::print_stdout, reason = "a table is what it is for")]

use std::time::Duration;

use backline_audio::Gain;
use backline_benches::Instance;

const CALLS: usize = 20_000;
const SOURCES: [usize; 4] = [0, 1, 8, 16];

struct Row {
    p50: Duration,
    p99: Duration,
    max: Duration,
}

/// `is_moving`: every fader moves all the time, so that every ramp runs. Blocks are cut every `part_frames`, as by automation.
fn measure(sources: usize, block_frames: usize, part_frames: usize, is_moving: bool) -> Row {
    let mut instance = Instance::new(sources, block_frames);
    let mut costs: Vec<Duration> = (0..CALLS)
        .map(|call| {
            if is_moving {
                let gain = Gain::new(0.5 + (call % 100) as f32 / 200.0);
                instance.controls().slots.iter_mut().for_each(|slot| slot.gain = gain);
            }
            instance.call_in_parts(part_frames)
        })
        .collect();
    assert_eq!(instance.underruns(), 0, "the worker of a benchmark is never late");
    costs.sort_unstable();
    Row { p50: costs[CALLS / 2], p99: costs[CALLS * 99 / 100], max: costs[CALLS - 1] }
}

fn main() {
    println!("process(), 48 kHz, {CALLS} calls each, ns a call");
    println!(
        "{:>6} {:>6} {:>8} {:>8} {:>10} {:>10} {:>10}",
        "block", "parts", "sources", "faders", "p50", "p99", "max"
    );
    let shapes =
        [(64, 64, false), (64, 64, true), (64, 8, true), (512, 512, false), (512, 32, true), (512, 1, true)];
    for (block_frames, part_frames, is_moving) in shapes {
        for sources in SOURCES {
            let parts = block_frames / part_frames;
            let row = measure(sources, block_frames, part_frames, is_moving);
            let faders = if is_moving { "moving" } else { "still" };
            let [p50, p99, max] = [row.p50, row.p99, row.max].map(|cost| cost.as_nanos());
            println!("{block_frames:>6} {parts:>6} {sources:>8} {faders:>8} {p50:>10} {p99:>10} {max:>10}");
        }
    }
}
