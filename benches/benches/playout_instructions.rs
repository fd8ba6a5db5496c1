//! The same as `playout`, counted in instructions by Callgrind, which no other program on the machine can disturb:
//! `cargo bench -p backline-benches --bench playout_instructions`. Needs valgrind and `gungraun-runner` of the same version as the
//! crate. Each figure is of a tenth of a second: 4800 sample frames.
#![allow(missing_docs, reason = "the macros make functions")]
#![allow(clippy::expect_used, reason = "a benchmark may end here")]

use backline_benches::{Coding, Stream};
use gungraun::{library_benchmark, library_benchmark_group, main};

/// 75 blocks of 64.
const BLOCKS: usize = 75;

fn running(coding: Coding, listener_ppm: f64) -> Stream {
    Stream::new(coding, listener_ppm, 0.0, 1).expect("the music is there")
}

#[library_benchmark]
#[bench::pcm_rest(running(Coding::Pcm, 0.0))]
#[bench::pcm_drift(running(Coding::Pcm, -300.0))]
#[bench::opus_rest(running(Coding::Opus, 0.0))]
#[bench::opus_drift(running(Coding::Opus, -300.0))]
fn tenth_of_a_second(mut stream: Stream) -> Stream {
    for _ in 0..BLOCKS {
        stream.block();
    }
    // Given back, so that its end is not counted.
    stream
}

library_benchmark_group!(name = playout; benchmarks = tenth_of_a_second);
main!(library_benchmark_groups = playout);
