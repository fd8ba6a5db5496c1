//! What is written down: the log, and in it (target `audit`) every attempt that was refused. Neither ever holds a secret: no link, no token, no
//! key.

use std::path::Path;

use backline_relay::{RelayEvent, SessionId, ShardEvent};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{Builder, Rotation};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;

/// Where refused attempts are written.
pub const AUDIT: &str = "audit";

/// What must live as long as something is written.
pub struct Log {
    _files: [WorkerGuard; 2],
}

/// Writes to standard error, to `log` (everything) and to `audit` (who was refused) in the folder `data`: one file a day, the oldest beyond `files` removed.
///
/// # Errors
/// When the folder cannot be written to.
pub fn start(data: &Path, level: tracing::Level, files: usize) -> Result<Log, LogError> {
    let dir = data.join("log");
    let open = |name: &str| {
        let builder = Builder::new().rotation(Rotation::DAILY).filename_prefix(name).filename_suffix("log");
        let file = builder.max_log_files(files).build(&dir);
        file.map(tracing_appender::non_blocking)
            .map_err(|error| LogError { path: dir.clone(), why: error.to_string() })
    };
    let ((server, server_guard), (audit, audit_guard)) = (open("server")?, open("audit")?);
    let is_audit = tracing_subscriber::filter::filter_fn(|line| line.target() == AUDIT);
    let level = LevelFilter::from_level(level);
    let lines = tracing_subscriber::registry()
        .with(fmt::layer().with_ansi(false).with_writer(std::io::stderr).with_filter(level))
        .with(fmt::layer().with_ansi(false).with_writer(server).with_filter(level))
        .with(fmt::layer().with_ansi(false).with_writer(audit).with_filter(is_audit));
    // Only a second call in one process finds another; there is none.
    let _ = tracing::subscriber::set_global_default(lines);
    // What panics is caught and told by whoever it happened to; the default would write it to standard error alone.
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a failure")));
    Ok(Log { _files: [server_guard, audit_guard] })
}

/// The folder for the log cannot be written to.
#[derive(Debug, thiserror::Error)]
#[error(
    "the log can't be written to {path} ({why}): check who owns the folder, or name another one with --data"
)]
pub struct LogError {
    path: std::path::PathBuf,
    why: String,
}

/// Writes down what a shard tells.
pub fn shard_event(event: &ShardEvent) {
    match event {
        ShardEvent::Stranger(address) => {
            tracing::warn!(target: AUDIT, %address, "refused: a link that leads to no session here");
        }
        ShardEvent::SessionFailed(session, why) => tracing::error!(%session, why, "a session failed"),
        ShardEvent::Relay(session, event) => relay_event(*session, event),
    }
}

fn relay_event(session: SessionId, event: &RelayEvent) {
    match event {
        RelayEvent::Stranger(address) => {
            tracing::warn!(target: AUDIT, %session, %address, "refused: an old or wrong link");
        }
        RelayEvent::TooManyJoins(address) => {
            tracing::warn!(target: AUDIT, %session, %address, "refused: too many attempts to join from there");
        }
        RelayEvent::Refused(name, reason) => {
            tracing::warn!(target: AUDIT, %session, %name, ?reason, "refused");
        }
        RelayEvent::CameLocally(name) => tracing::info!(%session, %name, "came in without a link"),
        RelayEvent::Joined(participant, name) => tracing::info!(%session, %participant, %name, "joined"),
        RelayEvent::Left(participant, name, reason) => {
            tracing::info!(%session, %participant, %name, %reason, "gone");
        }
        RelayEvent::Warned(participant, name, limit) => {
            tracing::warn!(target: AUDIT, %session, %participant, %name, limit = limit.name(), "over a limit");
        }
        RelayEvent::Disconnected(participant, name, limit) => {
            tracing::warn!(target: AUDIT, %session, %participant, %name, limit = limit.name(), "disconnected");
        }
        RelayEvent::Failed(participant, why) => {
            tracing::error!(%session, ?participant, why, "somebody's data made the server fail");
        }
    }
}
