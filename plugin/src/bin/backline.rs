//! The program `backline`: the plugin without a DAW.
//!
//! Only the command line; everything else is `standalone.rs`.

use std::io::Write;
use std::process::ExitCode;

use backline::standalone::{self, Options};

const HELP: &str = "\
Backline: play together over the network.

Usage: backline [--audio jack|device|none] [--output DEVICE] [--input DEVICE] [--rate HZ] [--block FRAMES] [--no-window]

  --audio jack     use JACK (or PipeWire's JACK)
  --audio device   use an audio device of the system
  --audio none     no sound; for looking around
                   (without --audio: what was chosen last time; at first JACK where it runs, else the default device)
  --list-devices   name the devices for --output and --input, and end
  --rate HZ        of the device, 48000 for instance; JACK has its own
  --block FRAMES   length of the device's blocks; JACK has its own
  --no-window      run until stopped, as the environment variables say
  --help, --version

Environment: BACKLINE_HOST_LINK_FILE, BACKLINE_JOIN, BACKLINE_NAME, BACKLINE_QUALITY, BACKLINE_DEPTH_MS,
BACKLINE_LOCAL_NETWORK, BACKLINE_CONFIG_DIR, BACKLINE_REPORT, BACKLINE_LOG.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let first = arguments.first().map(String::as_str);
    match first {
        Some("--help" | "-h") => say(HELP),
        Some("--version" | "-V") => say(concat!("Backline ", env!("CARGO_PKG_VERSION"), "\n")),
        _ => match Options::parse(&arguments).and_then(|options| standalone::run(&options)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&error.to_string()),
        },
    }
}

fn say(text: &str) -> ExitCode {
    // Nobody reads it any more if it fails (a closed pipe).
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn complain(text: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "backline: {text}");
    ExitCode::FAILURE
}
