//! `backline-load`: simulated clients against a real server on loopback; see `cargo xtask load`.
#![expect(clippy::print_stdout, reason = "a program for people and scripts that read its standard output")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use backline_codec::OpusFrame;
use backline_load::figures::{Figures, Verdict};
use backline_load::music::Music;
use backline_load::run::{SETTLE, Setting, run};
use backline_load::search::search;
use backline_load::{LoadError, jamulus};
use backline_wire::Route;
use clap::Parser;

/// Plays simulated clients against a real server process on this computer, and measures both.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many clients.
    #[arg(long, default_value_t = 40)]
    clients: usize,
    /// How many share a session; 0 is all.
    #[arg(long, default_value_t = 4)]
    room: usize,
    /// How media travels: forward, or mix (each gets one stream, of all but themselves).
    #[arg(long, default_value = "forward", value_parser = route)]
    route: Route,
    /// Length of an Opus frame, of sources and mixes: 2.5, 5, 10 or 20.
    #[arg(long, default_value = "2.5", value_parser = frame)]
    frame_ms: OpusFrame,
    /// Of an Opus stream, in kbit/s; usually what the product chooses: 256 at 2.5 ms, otherwise 128.
    #[arg(long, value_parser = clap::value_parser!(u32).range(16..=512))]
    kilobits: Option<u32>,
    /// Whoever plays rests for every other second, not all at the same time.
    #[arg(long)]
    silent_half: bool,
    /// One of each session plays, the others listen.
    #[arg(long)]
    listen_only: bool,
    /// For how long it is measured.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// For how many seconds all play before it counts.
    #[arg(long, default_value_t = SETTLE.as_secs_f64())]
    settle: f64,
    /// Finds the most clients that the server carries with at most 1 % late turns and no losses; begins with `--clients`.
    #[arg(long)]
    search: bool,
    /// One source and so many listeners in one session, instead of rooms in which everybody plays.
    #[arg(long)]
    listeners: Option<usize>,
    /// The server is Jamulus', and the clients are; 128 samples, stereo, 213 kbit/s, all in one session.
    #[arg(long)]
    jamulus: bool,
    /// Threads that play clients; they share the cores that the server does not have.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Ends with one JSON object in the last line.
    #[arg(long)]
    json: bool,
    /// The server's program.
    #[arg(long)]
    server: PathBuf,
}

fn frame(text: &str) -> Result<OpusFrame, String> {
    match text {
        "2.5" => Ok(OpusFrame::Ms2_5),
        "5" => Ok(OpusFrame::Ms5),
        "10" => Ok(OpusFrame::Ms10),
        "20" => Ok(OpusFrame::Ms20),
        _ => Err("a frame is 2.5, 5, 10 or 20 ms long".to_owned()),
    }
}

fn route(text: &str) -> Result<Route, String> {
    match text.parse() {
        Ok(Route::Mesh) => Err("a server carries forward and mix".to_owned()),
        other => other.map_err(|error: backline_wire::RouteError| error.to_string()),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match measure(&arguments) {
        Ok(Some(Verdict::Carried)) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(2),
        Err(error) => {
            eprintln!("backline-load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Result<Option<Verdict>, LoadError> {
    // Where it is refused, the last line says how busy the machine was.
    let _preferred = backline_io::priority::prefer_session();
    let music = Music::encode(arguments.frame_ms, arguments.kilobits.map(|rate| rate * 1_000))?;
    let clients = arguments.listeners.map_or(arguments.clients, |listeners| listeners + 1);
    let setting = |clients| Setting {
        server: arguments.server.clone(),
        clients,
        room: if arguments.listeners.is_some() || arguments.room == 0 { clients } else { arguments.room },
        route: arguments.route,
        one_source: arguments.listeners.is_some(),
        listen_only: arguments.listen_only,
        silent_half: arguments.silent_half,
        frame: arguments.frame_ms,
        settle: Duration::from_secs_f64(arguments.settle.clamp(0.0, 86_400.0)),
        time: Duration::from_secs_f64(arguments.seconds.clamp(0.1, 86_400.0)),
        threads: if arguments.listeners.is_some() { 1 } else { arguments.threads },
    };
    let trial = |clients| {
        if arguments.jamulus { jamulus::run(&setting(clients)) } else { run(&setting(clients), &music) }
    };
    if !arguments.search {
        let figures = trial(clients)?;
        show(&figures, arguments.json);
        return Ok(Some(figures.verdict));
    }
    let room = if arguments.listeners.is_some() || arguments.room == 0 { 1 } else { arguments.room };
    let found = search(clients, room, |clients| {
        let figures = match trial(clients) {
            Err(LoadError::Join { .. }) => Figures::not_all_in(&setting(clients)),
            other => other?,
        };
        eprintln!("{}", figures.line());
        Ok(figures)
    })?;
    if let Some(above) = &found.least_not {
        println!("with {} clients: {}", above.clients, above.verdict.text());
        if above.verdict == Verdict::GeneratorTooSlow {
            println!("the limit that was found is the generator's, not the server's");
        }
    }
    match &found.most {
        Some(most) => show(most, arguments.json),
        None => println!("not even the fewest were carried"),
    }
    Ok(found.most.map(|most| most.verdict))
}

fn show(figures: &Figures, json: bool) {
    print!("{}", figures.table());
    if figures.verdict == Verdict::GeneratorTooSlow {
        println!("The generator was too slow itself: nothing above says anything about the server.");
    }
    if json {
        println!("{}", serde_json::to_string(figures).unwrap_or_default());
    }
}
