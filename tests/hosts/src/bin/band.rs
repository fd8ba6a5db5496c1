//! Eight tracks in one host process and four in another, one session: prints as figures on how many ways a tone was heard twice, not
//! at all, or by who sent it. For `cargo xtask report session`.
#![expect(clippy::print_stdout, reason = "a program whose standard output is read by the one who started it")]

use std::path::PathBuf;
use std::time::Duration;

use backline_hosts::band::{Band, wrong_ways};
use backline_hosts::error::HostError;
use clap::Parser;
use serde_json::json;

const INSTANCES: [usize; 2] = [8, 4];
/// Two hosts at once need some seconds until all has its place.
const SETTLES_WITHIN: Duration = Duration::from_secs(60);
/// So many times two seconds are judged after that.
const JUDGED: usize = 5;

/// Several tracks in two hosts.
#[derive(Parser)]
struct Arguments {
    /// Where configuration and the link are written.
    #[arg(long)]
    folder: PathBuf,
}

fn main() -> Result<(), HostError> {
    let folder = Arguments::parse().folder;
    std::fs::create_dir_all(&folder).map_err(|error| HostError::file(&folder, error))?;
    let mut band = Band::start(&folder, &INSTANCES)?;
    band.measure_until(SETTLES_WITHIN, |measured| wrong_ways(measured, &INSTANCES) == 0)?;
    let mut worst = 0;
    for _ in 0..JUDGED {
        worst = worst.max(wrong_ways(&band.measure()?, &INSTANCES));
    }
    let [a, b] = INSTANCES;
    let what = format!(
        "{a} and {b} instances in two host processes, {} ways in {} s: tones not heard exactly once",
        2 * a * b + a * a + b * b,
        2 * JUDGED
    );
    println!(
        "{}",
        json!({"id": "6.once", "what": what, "figure": worst, "unit": "", "limit": {"at_most": 0.0}})
    );
    Ok(())
}
