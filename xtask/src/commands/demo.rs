//! `cargo xtask demo`: two real hosts in two processes, the built plugin in each, 20 seconds of music both ways, figures.

use anyhow::{Result, bail};

use crate::bars::{Bar, Bars, Limit};
use crate::bundles::{self, Profile};
use crate::hosts::{self, Figures, Session};
use crate::needs::{self, Purpose};

/// How to run the demo.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// lowest-latency, balanced, careful or lossless.
    #[arg(long, default_value = "lowest-latency")]
    quality: String,
    /// How many seconds of music, 3 to 600.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(3..=600))]
    seconds: u32,
    /// Sample frames of a block in both hosts.
    #[arg(long, default_value_t = 64)]
    block: usize,
    /// Playout depth of both in milliseconds: 1 is what two musicians with a cable between them would choose.
    #[arg(long, default_value_t = 1.0)]
    depth_ms: f64,
    /// End with the figures as one JSON object in one line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    install: needs::Install,
}

/// Runs it; an error when either side did not hear the other.
pub fn run(arguments: &Arguments) -> Result<()> {
    arguments.install.ensure(&[Purpose::Build, Purpose::Hosts])?;
    let folder = bundles::build(Profile::Release)?;
    hosts::build()?;
    eprintln!("A: VST3 in pedalboard, opens the session and plays the rhythm section");
    eprintln!("B: CLAP in a clack host, joins over loopback UDP and plays saxophone and strings");
    let figures = hosts::session(&Session {
        name: "demo".to_owned(),
        quality: arguments.quality.clone(),
        seconds: arguments.seconds,
        block_frames: arguments.block,
        depth_ms: arguments.depth_ms,
    })?;
    let bars = bars(&figures, &arguments.quality);
    bars.print_table();
    print_notes(&figures);
    for bundle in bundles::in_folder(&folder)? {
        println!("bundle     {}", bundle.display());
    }
    for (side, name) in figures.sides.iter().zip(["A", "B"]) {
        println!("heard by {name} {}", side.heard_file);
    }
    if arguments.json {
        println!("{}", bars.json());
    }
    if !figures.both_heard() {
        bail!("at least one side did not hear the other");
    }
    Ok(())
}

/// What a person should know who wonders about a figure.
fn print_notes(figures: &Figures) {
    for (side, name) in figures.sides.iter().zip(["A", "B"]) {
        println!(
            "{name}: a call of the plugin took its host {:.0} us (median), {:.0} us (p99); {} underruns, {} frames concealed; \
             the host woke {:.0} us late (p99)",
            side.callback_us_median,
            side.callback_us_p99,
            side.underruns.unwrap_or(0),
            side.concealed_frames.unwrap_or(0.0),
            side.host_late_us_p99
        );
        if let (Some(encoding), Some(shown)) = (&side.encoding, side.latency_ms_shown) {
            println!("{name} receives {encoding}; its editor shows {shown:.1} ms");
        }
        if side.host_blocks_missed > 0 {
            println!(
                "{name}'s host was itself more than a block late {} times: this machine was busy, figures are worse than they could be",
                side.host_blocks_missed
            );
        }
        if side.dropouts_of_plugin() > 0 {
            println!(
                "{name} heard dropouts while the machine ran at {:.2?} s (the first ones)",
                side.dropouts_at_s
            );
        }
    }
}

fn bars(figures: &Figures, quality: &str) -> Bars {
    let latency_limit = match quality {
        "lowest-latency" => Limit::AtMost(5.0),
        "balanced" => Limit::AtMost(9.0),
        _ => Limit::None,
    };
    let mut bars = Bars::new();
    for (side, (name, other)) in figures.sides.iter().zip([("a", "b"), ("b", "a")]) {
        let way = format!("{} to {}", other.to_uppercase(), name.to_uppercase());
        let id = |what: &str| format!("{name}.{what}");
        bars.push(Bar::new(
            &id("heard"),
            format!("{way}: heard"),
            f64::from(u8::from(side.heard)),
            "",
            Limit::AtLeast(1.0),
        ));
        if side.heard {
            let mut push = |what: &str, text: &str, figure: f64, unit: &str, limit: Limit| {
                bars.push(Bar::new(&id(what), format!("{way}: {text}"), figure, unit, limit));
            };
            push(
                "latency",
                "latency, sample in to sample out, median",
                side.latency_ms_median,
                "ms",
                latency_limit,
            );
            push("p99", "latency, 99th percentile", side.latency_ms_p99, "ms", Limit::None);
            push("dropouts", "dropouts", side.dropouts_of_plugin() as f64, "", Limit::AtMost(0.0));
            let machine = side.dropouts_of_machine as f64;
            push("dropouts.machine", &figures.machine_text(), machine, "", Limit::None);
            push(
                "level",
                "level difference (absolute)",
                side.level_difference_db.abs(),
                "dB",
                Limit::AtMost(0.1),
            );
            push(
                "snr",
                "signal to noise against what was sent, while the machine ran",
                side.snr_running_db,
                "dB",
                Limit::AtLeast(25.0),
            );
            push("snr.all", "the same all the time", side.snr_db, "dB", Limit::None);
        } else {
            let why = format!("{} did not hear the other", name.to_uppercase());
            bars.push(Bar::unmeasured(&id("latency"), format!("{way}: latency"), "ms", latency_limit, why));
        }
        bars.push(Bar::new(
            &id("callback"),
            format!("{}: callback", name.to_uppercase()),
            side.callback_percent,
            "% core",
            Limit::None,
        ));
        let worker = format!("{}: worker", name.to_uppercase());
        match side.worker_percent {
            Some(percent) => bars.push(Bar::new(&id("worker"), worker, percent, "% core", Limit::None)),
            None => bars.push(Bar::unmeasured(
                &id("worker"),
                worker,
                "% core",
                Limit::None,
                "the plugin wrote no report",
            )),
        }
    }
    bars
}
