//! The command line.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use backline_wire::Route;
use clap::{Args, Parser, Subcommand};

/// Carries Backline sessions for people who do not want to host.
#[derive(Debug, Parser)]
#[command(name = "backline-server", version, about)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What stands above the configuration file and the environment.
    #[command(flatten)]
    pub settings: Settings,
}

/// Flags: each is also a variable `BACKLINE_SERVER_…`, and an entry of the configuration file. A flag counts before a variable, a variable before
/// the file, and the file before what is usual.
#[derive(Debug, Clone, Default, Args)]
pub struct Settings {
    /// The configuration file (usually none).
    #[arg(long, global = true, env = "BACKLINE_SERVER_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where sessions, the token and logs are kept.
    #[arg(long, global = true, env = "BACKLINE_SERVER_DATA", value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// The address that musicians reach: 0.0.0.0 or `[::]` for all (usually 127.0.0.1, this computer alone).
    #[arg(long, global = true, env = "BACKLINE_SERVER_BIND", value_name = "ADDRESS")]
    pub bind: Option<IpAddr>,
    /// The first UDP port: each shard has one of its own, counted upward from it (usually 4528).
    #[arg(long, global = true, env = "BACKLINE_SERVER_PORT", value_name = "PORT")]
    pub port: Option<u16>,
    /// An address that invite links name, where it is another than those of this computer; can be given several times.
    #[arg(
        long = "public",
        global = true,
        env = "BACKLINE_SERVER_PUBLIC",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    pub public: Vec<IpAddr>,
    /// Worker threads (usually one for each core).
    #[arg(long, global = true, env = "BACKLINE_SERVER_SHARDS", value_name = "COUNT")]
    pub shards: Option<usize>,
    /// Where the HTTP API listens (usually 127.0.0.1:4580).
    #[arg(long, global = true, env = "BACKLINE_SERVER_HTTP", value_name = "ADDRESS:PORT")]
    pub http: Option<SocketAddr>,
    /// How much is written down: error, warn, info, debug or trace (usually info).
    #[arg(long, global = true, env = "BACKLINE_SERVER_LOG", value_name = "LEVEL")]
    pub log: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Carries sessions until Ctrl-C.
    Run,
    /// Shows what a running server carries.
    Status {
        /// As JSON, as the API says it.
        #[arg(long)]
        json: bool,
    },
    /// Makes a session on a running server, or finds one of that name, and prints its invite link.
    Invite {
        /// What the session is called.
        #[arg(default_value = "Session")]
        name: String,
        /// How media travels in it, where it is made: mesh, forward or mix (usually as the configuration says).
        #[arg(long)]
        route: Option<Route>,
    },
    /// Lets media travel in another way in a session of a running server, at once: mesh, forward or mix.
    Route {
        /// What the session is called.
        name: String,
        /// mesh: straight from each to each where that goes. forward: through the server, unmixed. mix: the server mixes for each listener.
        route: Route,
    },
    /// Reads the configuration and says what it would do, or what is wrong with it.
    CheckConfig,
    /// Prints the token of the HTTP API; makes one when there is none.
    Token {
        /// Makes another one: the one of before opens nothing any more.
        #[arg(long)]
        new: bool,
    },
}
