//! The bars of the whole path: latency and noise through the real bundles, a minute without a dropout, cost of `process()`.

use anyhow::Result;

use crate::bars::{Bar, Bars, Limit};
use crate::bundles::{self, Profile};
use crate::hosts::{self, Figures, Session};
use crate::needs::{Install, Purpose};
use crate::run;

/// The playout depth of both sides: what two musicians with a cable between them would choose.
const DEPTH_MS: f64 = 1.0;
const NONE: Limit = Limit::AtMost(0.0);

/// Measures all of them, one after the other, so that none disturbs another.
pub fn measure(quick: bool, install: &Install) -> Result<Bars> {
    install.ensure(&[Purpose::Build, Purpose::Hosts])?;
    bundles::build(Profile::Release)?;
    hosts::build()?;
    let mut bars = Bars::new();
    let seconds = if quick { 10 } else { 60 };
    session(&mut bars, &PCM, seconds);
    session(&mut bars, &OPUS, seconds);
    callback(&mut bars);
    Ok(bars)
}

/// A session that is measured: what it sends, and what it is held against.
struct Measured {
    name: &'static str,
    quality: &'static str,
    /// How it is called in the table.
    title: &'static str,
    /// Ids of the bars: latency, signal to noise, dropouts.
    ids: [&'static str; 3],
    latency: Limit,
    noise: Limit,
}

const PCM: Measured = Measured {
    name: "report-pcm",
    quality: "lowest-latency",
    title: "PCM",
    ids: ["1", "1.snr", "2"],
    latency: Limit::AtMost(5.0),
    noise: Limit::None,
};

const OPUS: Measured = Measured {
    name: "report-opus",
    quality: "balanced",
    title: "Opus 2.5 ms at 256 kbit/s",
    ids: ["3", "4", "5"],
    latency: Limit::AtMost(9.0),
    noise: Limit::AtLeast(25.0),
};

/// Plays one session through the bundles and adds its bars.
fn session(bars: &mut Bars, measured: &Measured, seconds: u32) {
    let Measured { title, ids: [latency_id, noise_id, holes_id], .. } = measured;
    let latency = format!("{title}, block 64: one-way latency, median, worse way");
    let noise = format!("{title}: signal to noise while the machine ran, worse way");
    let holes = format!("{title}: dropouts in {seconds} s, both ways");
    match play(measured, seconds) {
        Ok(figures) => {
            let worst = figures.of_both(|side| side.latency_ms_median, f64::max);
            bars.push(Bar::new(latency_id, latency, worst, "ms", measured.latency));
            let late = figures.of_both(|side| side.latency_ms_p99, f64::max);
            bars.push(Bar::new(
                &format!("{latency_id}.p99"),
                format!("{title}, block 64: one-way latency, p99, worse way"),
                late,
                "ms",
                Limit::None,
            ));
            let worst = figures.of_both(|side| side.snr_running_db, f64::min);
            bars.push(Bar::new(noise_id, noise, worst, "dB", measured.noise));
            let worst = figures.of_both(|side| side.snr_db, f64::min);
            let all_id = format!("{noise_id}.all");
            bars.push(Bar::new(&all_id, format!("{title}: the same all the time"), worst, "dB", Limit::None));
            bars.push(Bar::new(holes_id, holes, figures.dropouts() as f64, "", NONE));
            let of_machine = figures.dropouts_of_machine() as f64;
            let machine_id = format!("{holes_id}.machine");
            bars.push(Bar::new(&machine_id, figures.machine_text(), of_machine, "", Limit::None));
        }
        Err(why) => {
            bars.push(Bar::unmeasured(latency_id, latency, "ms", measured.latency, &why));
            bars.push(Bar::unmeasured(noise_id, noise, "dB", measured.noise, &why));
            bars.push(Bar::unmeasured(holes_id, holes, "", NONE, why));
        }
    }
}

/// Figures of a session in which both heard the other, or why there are none.
fn play(measured: &Measured, seconds: u32) -> Result<Figures, String> {
    let Measured { name, quality, .. } = *measured;
    eprintln!("{name}: {quality} at block 64, playout depth {DEPTH_MS} ms, for {seconds} s");
    let figures = hosts::session(&Session {
        name: name.to_owned(),
        quality: quality.to_owned(),
        seconds,
        block_frames: 64,
        depth_ms: DEPTH_MS,
    });
    let figures = figures.map_err(|error| format!("{error:#}"))?;
    if figures.both_heard() { Ok(figures) } else { Err("one side did not hear the other".to_owned()) }
}

/// Cost of `process()` at block 64, from the benchmark `callback`.
fn callback(bars: &mut Bars) {
    eprintln!("benchmark of the callback");
    let output =
        run::output(run::cargo().args(["bench", "--quiet", "-p", "backline-benches", "--bench", "callback"]));
    let output = output.map_err(|error| format!("{error:#}"));
    for (sources, faders) in
        [(0, "still"), (1, "still"), (8, "still"), (8, "moving"), (16, "still"), (16, "moving")]
    {
        let id = format!("6.{sources}.{faders}");
        let what = format!("process() at block 64, {sources} remote sources, faders {faders}, median");
        let limit = if sources == 8 { Limit::AtMost(10.0) } else { Limit::None };
        let figure = output.as_ref().map_err(Clone::clone).and_then(|table| {
            median_us(table, 64, sources, faders)
                .ok_or_else(|| "the benchmark printed no such line".to_owned())
        });
        bars.push(match figure {
            Ok(figure) => Bar::new(&id, what, figure, "us", limit),
            Err(why) => Bar::unmeasured(&id, what, "us", limit, why),
        });
    }
}

/// The median of a line of the benchmark's table: block, sources, faders, p50 in nanoseconds, p99, max.
fn median_us(table: &str, block_frames: u32, sources: u32, faders: &str) -> Option<f64> {
    let wanted = [block_frames.to_string(), sources.to_string(), faders.to_owned()];
    let columns = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let line = columns.into_iter().find(|columns| columns.len() > 3 && columns[..3] == wanted)?;
    line[3].parse::<f64>().ok().map(|nanoseconds| nanoseconds * 1e-3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_benchmark_table_is_read() {
        let table = " block  sources   faders        p50        p99        max\n\
                     \u{20}   64        8    still       5200       9000      20000\n\
                     \u{20}   64        8   moving       7100       9000      20000\n";
        assert!((median_us(table, 64, 8, "moving").unwrap() - 7.1).abs() < 1e-9);
        assert_eq!(median_us(table, 64, 16, "still"), None);
    }
}
