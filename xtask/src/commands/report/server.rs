//! The bars of the server: clients a core by each route, beside Jamulus on the same core, fan-out, buffers and memory (measured by the load
//! generator), and faults, metrics and the API's description (existing tests, counted).

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use super::lines;
use crate::bars::{Bar, Bars, Limit};
use crate::needs::{self, Install, Purpose};
use crate::{run, workspace};

const SERVER: &str = "backline-server";
const GENERATOR: &str = "backline-load";
const ROOM: &str = "backline-room";
const JAMULUS: &str = "/usr/bin/Jamulus";
/// As Jamulus codes: nearly its frame (2.667 ms), its rate, and all in one session.
const LIKE_JAMULUS: [&str; 6] = ["--route", "mix", "--kilobits", "213", "--room", "0"];
/// The same in rooms of four.
const IN_ROOMS: [&str; 4] = ["--route", "mix", "--kilobits", "213"];
/// Runs in which the generator was too slow are made again.
const ATTEMPTS: u32 = 3;
const MIB: f64 = 1_048_576.0;

/// Ids, tests and packages: by name, as nextest filters.
const TESTS: [(&str, &str, &str, &str); 6] = [
    (
        "3.panic",
        "what makes the server fail is its sender's alone",
        "backline-scenarios",
        "what_makes_the_server_fail_is_its_senders_alone",
    ),
    (
        "3.flood.member",
        "a member who floods is warned, then gone; others lose nothing",
        "backline-scenarios",
        "a_member_who_floods_is_warned_then_disconnected_and_the_others_lose_nothing",
    ),
    (
        "3.flood.stranger",
        "a flood of strangers costs who is in nothing",
        "backline-scenarios",
        "a_flood_of_strangers_costs_those_who_are_in_nothing_and_is_counted",
    ),
    (
        "3.stall",
        "a listener whose network stalls is gone after a moment",
        "backline-scenarios",
        "a_listener_whose_network_stalls_is_gone_after_a_moment_and_comes_back",
    ),
    (
        "4",
        "/metrics: every documented metric moves, read by Prometheus' parser",
        SERVER,
        "every_documented_metric_moves_and_every_metric_is_documented",
    ),
    (
        "5",
        "the API is what its description says (schemathesis)",
        SERVER,
        "the_api_is_what_its_description_says",
    ),
];

/// Measures all of them, one after the other.
pub fn measure(quick: bool, install: &Install) -> Result<Bars> {
    install.ensure(&[Purpose::Build])?;
    let programs = ["build", "--quiet", "--release", "--package", SERVER, "--package", GENERATOR];
    run::run(run::cargo().args(programs))?;
    let mut bars = Bars::new();
    let seconds = if quick { "2" } else { "10" };
    forward(&mut bars, seconds);
    mix(&mut bars, seconds, install);
    listeners(&mut bars, seconds);
    fan_out(&mut bars, seconds);
    parallel(&mut bars);
    memory(&mut bars, if quick { "10" } else { "60" });
    life(&mut bars, if quick { "3" } else { "24" });
    tests(&mut bars, install);
    Ok(bars)
}

fn forward(bars: &mut Bars, seconds: &str) {
    let most = load(&["--search", "--clients", "100", "--seconds", seconds], false);
    clients(
        bars,
        "1.forward",
        "forward, rooms of 4, 400 packets/s each: clients a core",
        &most,
        Limit::AtLeast(100.0),
    );
    figure(bars, "1.forward.late", "forward: late turns at that", "%", Limit::AtMost(1.0), &most, |of| {
        Some(100.0 * of["late_turn_share"].as_f64()?)
    });
    let loaded = "1 of a room to the others, server at its limit: datagram in to last out, p99";
    figure(bars, "2.fanout.loaded", loaded, "ms", Limit::AtMost(15.0), &most, |of| {
        of["server_fan_out"]["p99_ms"].as_f64()
    });
    figure(
        bars,
        "2.pool",
        "forward at that: most of the pool that was in use",
        "%",
        Limit::AtMost(80.0),
        &most,
        |of| Some(100.0 * of["pool"]["high_water_share"].as_f64()?),
    );
}

/// Ours and Jamulus' in turn, on the same core, and that twice: other work on the machine only ever takes away, so of each the better counts.
fn mix(bars: &mut Bars, seconds: &str, install: &Install) {
    let search = ["--search", "--clients", "32", "--seconds", seconds];
    let with = |more: &[&str]| load(&[&search[..], more].concat(), false);
    let search_theirs = || {
        install.ensure(&[Purpose::Jack, Purpose::SideBySide])?;
        load(&[&search[..], &["--jamulus", "--room", "0"]].concat(), true)
    };
    let search_ours = || with(&LIKE_JAMULUS);
    let (jamulus, ours) = (search_theirs(), search_ours());
    let (jamulus, ours) = (better(jamulus, search_theirs()), better(ours, search_ours()));
    clients(
        bars,
        "1.jamulus",
        "Jamulus, 128 samples, stereo, 213 kbit/s: clients a core",
        &jamulus,
        Limit::None,
    );
    let theirs = jamulus.as_ref().ok().and_then(|of| of["clients"].as_f64());
    clients(
        bars,
        "1.mix.clients",
        "mix of one's own for each, 2.5 ms, 213 kbit/s, one session: clients a core",
        &ours,
        Limit::None,
    );
    against(bars, "1.mix", "mix, all play: clients by those of Jamulus", 1.0, (&ours, theirs));
    let rooms = with(&IN_ROOMS);
    clients(bars, "1.mix.rooms", "the same in rooms of 4", &rooms, Limit::None);
    let silent = with(&[&IN_ROOMS[..], &["--silent-half"]].concat());
    against(
        bars,
        "1.mix.silent",
        "mix, rooms of 4, silent half of the time: clients by those of Jamulus",
        1.5,
        (&silent, theirs),
    );
    let shared = with(&[&IN_ROOMS[..], &["--listen-only"]].concat());
    against(
        bars,
        "1.mix.shared",
        "mix, rooms of 4, listeners share: clients by those of Jamulus",
        1.5,
        (&shared, theirs),
    );
}

/// The search that found more.
fn better(one: Result<Value>, other: Result<Value>) -> Result<Value> {
    let clients = |of: &Result<Value>| of.as_ref().ok().and_then(|of| of["clients"].as_f64());
    if clients(&other) > clients(&one) { other } else { one }
}

fn listeners(bars: &mut Bars, seconds: &str) {
    let arguments = ["--listeners", "500", "--route", "mix", "--frame-ms", "10", "--seconds", seconds];
    let heard = load(&arguments, false);
    let late = "500 listeners of one mix, 10 ms: late ticks";
    figure(bars, "1.listeners.late", late, "%", Limit::AtMost(1.0), &heard, |of| {
        Some(100.0 * of["late_tick_share"].as_f64()?)
    });
    figure(
        bars,
        "1.listeners.encodes",
        "500 listeners of one mix: encodes a tick",
        "",
        Limit::AtMost(1.01),
        &heard,
        |of| Some(of["mixes"]["encoded"].as_f64()? / of["mixes"]["ticks"].as_f64()?.max(1.0)),
    );
    figure(
        bars,
        "1.listeners.lost",
        "500 listeners of one mix: packets lost",
        "",
        Limit::AtMost(0.0),
        &heard,
        |of| of["packets_missed"].as_f64(),
    );
}

fn fan_out(bars: &mut Bars, seconds: &str) {
    let idle = load(&["--listeners", "10", "--seconds", seconds], false);
    let what = "1 source to 10 listeners, nothing else: datagram in to last out, p99";
    figure(bars, "2.fanout.idle", what, "ms", Limit::AtMost(1.0), &idle, |of| {
        of["server_fan_out"]["p99_ms"].as_f64()
    });
}

fn parallel(bars: &mut Bars) {
    let found = printed(ROOM, &["parallel"], |_| ());
    let what = "two shards on two cores, one who plays to 5 others: packets by twice those of one shard";
    figure(bars, "2.parallel", what, "%", Limit::AtLeast(90.0), &found, |of| {
        Some(100.0 * of["efficiency"].as_f64()?)
    });
    let what = "the same by two processes, which share nothing: what this machine gives";
    figure(bars, "2.parallel.machine", what, "%", Limit::None, &found, |of| {
        Some(100.0 * of["efficiency_of_processes"].as_f64()?)
    });
}

fn memory(bars: &mut Bars, seconds: &str) {
    // In its first minute a process takes the memory that it needs at the most.
    let passed = load(&["--clients", "100", "--settle", "60", "--seconds", seconds], false);
    figure(
        bars,
        "2.memory",
        "memory that grew, for a million frames",
        "MiB",
        Limit::AtMost(1.0),
        &passed,
        |of| Some(of["memory_grown_bytes"].as_f64()? / MIB * 1e6 / of["packets_sent"].as_f64()?.max(1.0)),
    );
    figure(bars, "2.memory.frames", "frames that passed meanwhile", "", Limit::None, &passed, |of| {
        of["packets_sent"].as_f64()
    });
}

/// A session in simulated time.
fn life(bars: &mut Bars, hours: &str) {
    let found = printed(ROOM, &["life", "--hours", hours], |_| ());
    let during = format!("{hours} hours of simulated time, 1 to 5 others");
    let hold = |of: &Value| of["held_more"].as_f64();
    figure(
        bars,
        "2.life.held",
        &format!("{during}: what the shard holds more"),
        "",
        Limit::AtMost(0.0),
        &found,
        hold,
    );
    figure(
        bars,
        "2.life.memory",
        &format!("{during}: memory that grew"),
        "MiB",
        Limit::AtMost(1.0),
        &found,
        |of| Some(of["grown_bytes"].as_f64()? / MIB),
    );
    figure(bars, "2.life.lost", &format!("{during}: packets lost"), "", Limit::AtMost(0.0), &found, |of| {
        of["lost"].as_f64()
    });
    figure(bars, "2.life.frames", "frames that passed meanwhile", "", Limit::None, &found, |of| {
        of["frames"].as_f64()
    });
}

fn tests(bars: &mut Bars, install: &Install) {
    let ready = install.ensure(&[Purpose::Server]).map_err(|error| format!("{error:#}"));
    for (id, what, package, name) in TESTS {
        let counted = ready.clone().and_then(|()| test(package, name).map_err(|error| format!("{error:#}")));
        bars.push(match counted {
            Ok(passed) => Bar::new(id, what, passed, "tests", Limit::AtLeast(1.0)),
            Err(why) => Bar::unmeasured(id, what, "tests", Limit::AtLeast(1.0), why),
        });
    }
}

/// With debug assertions and without link-time optimisation, as `cargo xtask test` has built them: nothing is measured here.
fn test(package: &str, name: &str) -> Result<f64> {
    let mut command = run::cargo();
    if run::on_path("cargo-nextest") {
        let quietly = ["nextest", "run", "--cargo-profile", "rtcheck", "--hide-progress-bar"];
        command.args(quietly).args(["-p", package, name]);
    } else {
        command.args(["test", "--profile", "rtcheck", "--quiet", "-p", package, name]);
    }
    command.env("BACKLINE_PYTHON", needs::python());
    Ok(run::run_tests(&mut command)?.passed as f64)
}

/// What the generator found; where the machine was too busy for the generator itself, it tries again.
fn load(arguments: &[&str], jamulus: bool) -> Result<Value> {
    let is_judged = |found: &Value| found["verdict"] != "generator-too-slow";
    for _ in 1..ATTEMPTS {
        let found = load_once(arguments, jamulus)?;
        if is_judged(&found) {
            return Ok(found);
        }
    }
    let found = load_once(arguments, jamulus)?;
    anyhow::ensure!(is_judged(&found), "the generator was too slow itself: the machine is busy");
    Ok(found)
}

/// As its last line says. It may end with the word that a server does not carry what was asked of it: that is a figure, too.
fn load_once(arguments: &[&str], jamulus: bool) -> Result<Value> {
    let server = if jamulus { PathBuf::from(JAMULUS) } else { released(SERVER) };
    printed(GENERATOR, arguments, |command| {
        command.arg("--server").arg(server).arg("--json");
    })
}

/// What a program of ours says in its last line.
fn printed(program: &str, arguments: &[&str], more: impl FnOnce(&mut Command)) -> Result<Value> {
    eprintln!("{program} {}", arguments.join(" "));
    let mut command = run::program(&released(program).display().to_string());
    command.args(arguments).stderr(Stdio::inherit());
    more(&mut command);
    let printed = command.output().with_context(|| format!("{program} can't be started"))?;
    let text = String::from_utf8_lossy(&printed.stdout);
    let last = text.lines().last().unwrap_or("it printed nothing");
    serde_json::from_str(last).with_context(|| format!("no figures: {last}"))
}

fn released(program: &str) -> PathBuf {
    workspace::target().join("release").join(program)
}

fn clients(bars: &mut Bars, id: &str, what: &str, found: &Result<Value>, limit: Limit) {
    figure(bars, id, what, "clients", limit, found, |of| of["clients"].as_f64());
}

fn against(bars: &mut Bars, id: &str, what: &str, least: f64, (ours, theirs): (&Result<Value>, Option<f64>)) {
    match theirs.filter(|theirs| *theirs > 0.0) {
        Some(theirs) => figure(bars, id, what, "x", Limit::AtLeast(least), ours, |of| {
            Some(of["clients"].as_f64()? / theirs)
        }),
        None => {
            let ours = ours.as_ref().ok().and_then(|of| of["clients"].as_f64()).unwrap_or(0.0);
            let why = format!("Jamulus was not measured; ours carried {ours}, and earlier Jamulus about 50");
            bars.push(Bar::unmeasured(id, what, "x", Limit::AtLeast(least), why));
        }
    }
}

fn figure(
    bars: &mut Bars,
    id: &str,
    what: &str,
    unit: &str,
    limit: Limit,
    found: &Result<Value>,
    read: impl FnOnce(&Value) -> Option<f64>,
) {
    let read = |of| read(of).ok_or_else(|| "the generator does not say".to_owned());
    bars.push(match found.as_ref().map_err(|error| format!("{error:#}")).and_then(read) {
        Ok(figure) => Bar::new(id, what, figure, unit, limit),
        Err(why) => lines::unmeasured(id, what, unit, limit, &why),
    });
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn without_jamulus_nothing_passes_against_it() {
        let mut bars = Bars::new();
        let ours = Ok(serde_json::json!({ "clients": 60 }));
        against(&mut bars, "1.mix", "mix", 1.0, (&ours, Some(50.0)));
        assert!(bars.all_pass());
        against(&mut bars, "1.mix", "mix", 1.0, (&ours, None));
        assert!(!bars.all_pass());
    }

    #[test]
    fn of_two_searches_the_better_counts() {
        let found = |clients: u32| Ok(serde_json::json!({ "clients": clients }));
        let clients = |of: Result<Value>| of.ok().and_then(|of| of["clients"].as_u64());
        assert_eq!(clients(better(found(40), found(60))), Some(60));
        assert_eq!(clients(better(found(60), found(40))), Some(60));
        assert_eq!(clients(better(found(60), Err(anyhow::anyhow!("busy")))), Some(60));
        assert_eq!(clients(better(Err(anyhow::anyhow!("busy")), found(40))), Some(40));
    }
}
