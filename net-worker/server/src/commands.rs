//! What each command does.

mod status;

use backline_io::signals::EndSignals;
use serde_json::Value;

use crate::args::{Arguments, Command};
use crate::config::{Config, ConfigError};
use crate::log;
use crate::server::{self, StartError};
use crate::token::{Token, TokenError};
use backline_wire::Route;

/// Does what was asked.
///
/// # Errors
/// What went wrong, as a sentence that says what to do.
pub fn run(arguments: &Arguments) -> Result<(), CommandError> {
    let config = Config::read(&arguments.settings)?;
    match &arguments.command {
        Command::Run => {
            // Before the log's threads, which would end the program as the system does.
            let signals = EndSignals::hold().map_err(|error| StartError::Thread(error.to_string()))?;
            let token = Token::read_or_make(&config.data)?;
            let _log = log::start(&config.data, config.level, config.log_files)?;
            Ok(server::run(config, token, signals)?)
        }
        Command::Status { json } => status(&config, *json),
        Command::Invite { name, route } => invite(&config, name, *route),
        Command::Route { name, route } => set_route(&config, name, *route),
        Command::CheckConfig => {
            print(&check_text(&config));
            Ok(())
        }
        Command::Token { new } => {
            let token = if *new { Token::make(&config.data)? } else { Token::read_or_make(&config.data)? };
            print(token.text());
            Ok(())
        }
    }
}

fn status(config: &Config, as_json: bool) -> Result<(), CommandError> {
    let mut all = ask(config, "GET", "/api/v1/shards", None)?;
    let mut sessions = ask(config, "GET", "/api/v1/sessions", None)?;
    all["sessions"] = sessions["sessions"].take();
    print(&if as_json { all.to_string() } else { status::text(&all) });
    Ok(())
}

/// One of this name, if there is one: asking twice makes no second.
fn invite(config: &Config, name: &str, route: Option<Route>) -> Result<(), CommandError> {
    let answer = match find(config, name)? {
        Some(id) => ask(config, "GET", &format!("/api/v1/sessions/{id}/link"), None)?,
        None => {
            let new = serde_json::json!({ "name": name, "route": route.map(Route::name) });
            ask(config, "POST", "/api/v1/sessions", Some(new))?
        }
    };
    match answer.get("link").and_then(Value::as_str) {
        Some(link) => print(link),
        None => return Err(CommandError::Answer("it names no link".to_owned())),
    }
    Ok(())
}

fn set_route(config: &Config, name: &str, route: Route) -> Result<(), CommandError> {
    let id = find(config, name)?.ok_or_else(|| CommandError::NoSession(name.to_owned()))?;
    let wanted = serde_json::json!({ "route": route.name() });
    ask(config, "PUT", &format!("/api/v1/sessions/{id}/route"), Some(wanted))?;
    print(&format!("Media of “{name}” travels by {route} from now on."));
    Ok(())
}

/// The id of the session of a name.
fn find(config: &Config, name: &str) -> Result<Option<String>, CommandError> {
    let sessions = ask(config, "GET", "/api/v1/sessions", None)?;
    let list = sessions.get("sessions").and_then(Value::as_array).cloned().unwrap_or_default();
    let known = list.iter().find(|session| session.get("name").and_then(Value::as_str) == Some(name));
    Ok(known.and_then(|session| session.get("id")).and_then(Value::as_str).map(str::to_owned))
}

fn check_text(config: &Config) -> String {
    let public: Vec<String> = config.public.iter().map(ToString::to_string).collect();
    let last_port = usize::from(config.port) + config.shards - 1;
    format!(
        "The configuration is good.\n\
         data:      {}\n\
         UDP:       {} ports {} to {last_port} ({} shards)\n\
         links:     {}\n\
         HTTP API:  {}\n\
         sessions:  at most {}, retired after {} days\n\
         people:    at most {} in a session, {} sources each\n\
         log:       {}, {} files",
        config.data.display(),
        config.bind,
        config.port,
        config.shards,
        if public.is_empty() { "name the addresses of this computer".to_owned() } else { public.join(", ") },
        config.http,
        config.sessions,
        config.retire_after.as_secs() / 86_400,
        config.limits.participants,
        config.limits.sources,
        config.level,
        config.log_files,
    )
}

/// Asks the server that runs here.
fn ask(config: &Config, method: &str, path: &str, body: Option<Value>) -> Result<Value, CommandError> {
    let token = Token::read_or_make(&config.data)?;
    let url = format!("http://{}{path}", config.http);
    let authorization = format!("Bearer {}", token.text());
    let failed = |error: ureq::Error| match error {
        ureq::Error::StatusCode(401) => CommandError::OtherToken,
        error @ ureq::Error::StatusCode(_) => CommandError::Answer(error.to_string()),
        error => CommandError::NotRunning { at: config.http.to_string(), why: error.to_string() },
    };
    let answer = match (method, body) {
        ("POST", Some(body)) => ureq::post(&url).header("Authorization", &authorization).send_json(body),
        ("PUT", Some(body)) => ureq::put(&url).header("Authorization", &authorization).send_json(body),
        _ => ureq::get(&url).header("Authorization", &authorization).call(),
    };
    answer.map_err(failed)?.body_mut().read_json().map_err(|error| CommandError::Answer(error.to_string()))
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
fn print(text: &str) {
    println!("{text}");
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// With the configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// With the token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// With the log.
    #[error(transparent)]
    Log(#[from] log::LogError),
    /// With the server itself.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Nobody listens.
    #[error(
        "no server answers at {at} ({why}): start one with `backline-server run`, or name its address with --http"
    )]
    NotRunning {
        /// Where.
        at: String,
        /// What the system said.
        why: String,
    },
    /// None of that name.
    #[error("the server carries no session called “{0}”: `backline-server status` lists them")]
    NoSession(String),
    /// It runs from another folder.
    #[error("the server has another token than this folder: name the folder that it runs from with --data")]
    OtherToken,
    /// It says something else than expected.
    #[error("the server's answer is not understood ({0}): use the same version of backline-server")]
    Answer(String),
}

impl CommandError {
    /// For scripts: 2 what was asked for is wrong, 3 no server, 1 all else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => 2,
            Self::NotRunning { .. } | Self::OtherToken => 3,
            _ => 1,
        }
    }
}
