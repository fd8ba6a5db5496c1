//! Backline, JackTrip and Jamulus, one after the other on the same network: two network namespaces of this machine, between them a
//! wire that delays, jitters and loses by a fixed seed ([`wire`]).
//!
//! Each plays the same music from one end to the other with the settings that it comes with; the same ears judge
//! ([`figures`]). Prints one JSON object a line for `cargo xtask report media`; nothing is judged by a limit. Needs root, jackd,
//! jacktrip and Jamulus, and the built bundles. Every process that it starts ends with it.
#![expect(clippy::print_stdout, reason = "a program whose standard output is read by the one who started it")]

mod contenders;
mod figures;
mod network;
mod wire;

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use backline_hosts::jack_graph::SERVER_VARIABLE;
use backline_hosts::program;
use clap::Parser;
use contenders::Contender;
use figures::Figures;
use network::Network;
use serde_json::{Value, json};
use wire::Quality;

/// Why something could not be done, for a person.
type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Side by side.
#[derive(Parser)]
struct Arguments {
    /// 10 s a case and without the case of 1 % loss, instead of 30 s.
    #[arg(long)]
    quick: bool,
    /// Only contenders whose id contains this.
    #[arg(long)]
    only: Option<String>,
    /// Where logs and recordings are written.
    #[arg(long, default_value = "target/side-by-side")]
    folder: PathBuf,
}

/// Sample frames of a block, for every contender.
const BLOCK_FRAMES: usize = 64;
/// Samples of each second.
const RATE_HZ: u32 = 48_000;
const SECONDS: u32 = 30;
const SECONDS_QUICK: u32 = 10;
const LOST_PERCENT: [u32; 3] = [0, 1, 5];
const LOST_PERCENT_QUICK: [u32; 2] = [0, 5];
const JACK_SERVER: &str = "backline-side-by-side";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if std::env::var(SERVER_VARIABLE).as_deref() != Ok(JACK_SERVER) {
        return start_again();
    }
    program::heed_signals();
    let losses = if arguments.quick { &LOST_PERCENT_QUICK[..] } else { &LOST_PERCENT[..] };
    for lost_percent in losses {
        for contender in Contender::ALL {
            if program::is_stopped() {
                return ExitCode::FAILURE;
            }
            if arguments.only.as_ref().is_none_or(|only| contender.id.contains(only.as_str())) {
                case(&arguments, &contender, *lost_percent);
            }
        }
    }
    ExitCode::SUCCESS
}

/// This program in its own place, with JACK's variable, which a running one cannot set safely.
fn start_again() -> ExitCode {
    let Ok(own) = std::env::current_exe() else { return ExitCode::FAILURE };
    let error = Command::new(own)
        .args(std::env::args_os().skip(1))
        .env(SERVER_VARIABLE, JACK_SERVER)
        .env("JACK_NO_AUDIO_RESERVATION", "1")
        .env("QT_QPA_PLATFORM", "offscreen")
        .exec();
    eprintln!("cannot start again: {error}");
    ExitCode::FAILURE
}

fn case(arguments: &Arguments, contender: &Contender, lost_percent: u32) {
    let seconds = if arguments.quick { SECONDS_QUICK } else { SECONDS };
    eprintln!("{} with {lost_percent} % loss, {seconds} s", contender.name);
    let quality = Quality::internet(f64::from(lost_percent) / 100.0);
    let folder = arguments.folder.join(format!("{}-{lost_percent}", contender.id));
    let measured = std::fs::create_dir_all(&folder)
        .map_err(Failed::from)
        .and_then(|()| Network::new(quality))
        .and_then(|network| contender.play(&network, seconds, &folder))
        .and_then(|heard| Figures::of(&heard));
    print(contender, lost_percent, measured);
}

/// Three lines: latency, dropouts, noise.
fn print(contender: &Contender, lost_percent: u32, measured: Result<Figures, Failed>) {
    let figures = measured.as_ref().ok();
    let rows = [
        ("latency", "latency, median", "ms", figures.map(|figures| figures.latency_ms)),
        ("dropouts", "dropouts a minute", "1/min", figures.map(|figures| figures.dropouts_a_minute)),
        ("snr", "signal to noise while the machine ran", "dB", figures.map(|figures| figures.snr_db)),
    ];
    for (id, what, unit, figure) in rows {
        let mut line = json!({
            "id": format!("10.loss{lost_percent}.{}.{id}", contender.id),
            "what": format!("{}, 10 ms, 2 ms jitter, {lost_percent} % lost: {what}", contender.name),
            "figure": figure,
            "unit": unit,
            "limit": Value::Null,
        });
        if let Err(why) = &measured {
            line["why"] = Value::from(why.to_string());
        }
        println!("{line}");
    }
}
