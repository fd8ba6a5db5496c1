//! Runs one session between two real hosts and prints its figures as one JSON object, for `cargo xtask demo` and `report path`.
//! Progress goes to standard error, one sentence a line.
#![expect(clippy::print_stdout, reason = "a program whose standard output is read by the one who started it")]

use std::path::PathBuf;

use backline_hosts::analysis::Strictness;
use backline_hosts::bundles;
use backline_hosts::error::HostError;
use backline_hosts::figures::SessionFigures;
use backline_hosts::session::{self, HostKind, Setup, Side};
use clap::{Parser, ValueEnum};

/// Two hosts, one session, figures.
#[derive(Parser)]
struct Arguments {
    /// Where to write recordings and reports.
    #[arg(long)]
    folder: PathBuf,
    /// The hosts of A (who opens the session) and B (who joins).
    #[arg(long, value_enum, num_args = 2, default_values = ["vst3", "clap"])]
    hosts: Vec<Host>,
    /// How long the music plays.
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// lowest-latency, balanced, careful or lossless.
    #[arg(long, default_value = "lowest-latency")]
    quality: String,
    /// The playout depth of both; the plugin's own without it.
    #[arg(long)]
    depth_ms: Option<f64>,
    /// Samples of each second in both hosts. The recordings are at 48 kHz: another rate plays them at another pitch.
    #[arg(long, default_value_t = 48_000)]
    rate: u32,
    /// Sample frames of a block.
    #[arg(long, default_value_t = 64)]
    block: usize,
    /// How fast B's sound card is, in parts per million.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    ppm: f64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Host {
    Vst3,
    Clap,
}

fn main() -> Result<(), HostError> {
    let arguments = Arguments::parse();
    let side = |index: usize, part: char, ppm: f64| {
        let kind = match arguments.hosts.get(index) {
            Some(Host::Vst3) => HostKind::Vst3,
            _ => HostKind::Clap,
        };
        Side { ppm, ..Side::new(kind, bundles::music(part), arguments.block) }
    };
    let setup = Setup {
        folder: arguments.folder.clone(),
        sides: [side(0, 'a', 0.0), side(1, 'b', arguments.ppm)],
        sample_rate_hz: arguments.rate,
        quality: arguments.quality.clone(),
        depth_ms: arguments.depth_ms,
        seconds: arguments.seconds,
    };
    let played = session::run(&setup, &mut |step| eprintln!("  {step}"))?;
    let lossless = matches!(arguments.quality.as_str(), "lowest-latency" | "lossless");
    let strictness = if lossless { Strictness::PCM } else { Strictness::CODEC };
    let figures = SessionFigures::of(&played, strictness, &arguments.folder);
    let json = serde_json::to_string(&figures).map_err(|error| HostError::file(&arguments.folder, error))?;
    println!("{json}");
    Ok(())
}
