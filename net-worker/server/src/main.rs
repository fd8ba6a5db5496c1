//! `backline-server`: sessions that no musician's plugin has to carry.
//!
//! One program: `run` carries sessions; the other commands prepare it or talk to one that runs. The rooms: `config` (what was asked for), `server`
//! (threads, from start to drain), `shard_thread` (the driver of one shard), `keeper` (the disk), `api` (HTTP), `metrics` and `page` (what is seen), `log` (what is written down).

mod api;
mod args;
mod commands;
mod config;
mod keeper;
mod log;
mod metrics;
#[cfg(test)]
mod moves;
mod page;
mod seen;
mod server;
mod shard_thread;
mod shard_view;
mod token;

use std::process::ExitCode;

use clap::Parser;

/// Everything went well.
const EXIT_OK: u8 = 0;

fn main() -> ExitCode {
    let arguments = args::Arguments::parse();
    match commands::run(&arguments) {
        Ok(()) => ExitCode::from(EXIT_OK),
        Err(error) => {
            // What began it is part of the sentence already.
            eprintln!("backline-server: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
