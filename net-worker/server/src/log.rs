//! What is written down: the log, and in it (target `audit`) every attempt that was refused. Neither ever holds a secret: no link, no token, no
//! key.

use std::path::{Path, PathBuf};
use std::time::Duration;

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

/// Writes to standard error, to `log` (everything) and to `audit` (who was refused) in the folder `data`: one file a day, the oldest beyond `files` removed,
/// and those that are older than so many days (see [`expire`]).
///
/// # Errors
/// When the folder cannot be written to.
pub fn start(data: &Path, level: tracing::Level, files: usize) -> Result<Log, LogError> {
    let dir = dir_of(data);
    std::fs::create_dir_all(&dir).map_err(|error| LogError { path: dir.clone(), why: error.to_string() })?;
    expire(data, files);
    let open = |name: &str| {
        let builder = Builder::new().rotation(Rotation::DAILY).filename_prefix(name).filename_suffix("log");
        let file = builder.max_log_files(files).build(&dir);
        file.map(tracing_appender::non_blocking)
            .map_err(|error| LogError { path: dir.clone(), why: error.to_string() })
    };
    let ((server, server_guard), (audit, audit_guard)) = (open(SERVER)?, open(AUDIT)?);
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

/// Removes what nobody has written to for so many days. A server that is not always on, or that refuses nobody for weeks, has few files, and old ones.
pub fn expire(data: &Path, days: usize) {
    let age_max = Duration::from_secs(days as u64 * 86_400);
    // Without a folder there is nothing to remove.
    for entry in std::fs::read_dir(dir_of(data)).into_iter().flatten().flatten() {
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|time| time.elapsed().ok());
        let name = entry.file_name();
        let is_log = name.to_str().is_some_and(|name| is_ours(name) && name.ends_with(".log"));
        if is_log && age.is_some_and(|age| age > age_max) {
            match std::fs::remove_file(entry.path()) {
                Ok(()) => tracing::info!(?name, "an old log was removed"),
                Err(error) => tracing::warn!(?name, %error, "an old log can't be removed"),
            }
        }
    }
}

fn is_ours(name: &str) -> bool {
    [SERVER, AUDIT].iter().any(|prefix| name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.')))
}

fn dir_of(data: &Path) -> PathBuf {
    data.join("log")
}

/// What the file with everything is called.
const SERVER: &str = "server";

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_logs_expire_and_only_old_ones() {
        let data = tempfile::tempdir().unwrap();
        let dir = dir_of(data.path());
        std::fs::create_dir(&dir).unwrap();
        let written = |name: &str, days: u64| {
            let file = std::fs::File::create(dir.join(name)).unwrap();
            file.set_modified(std::time::SystemTime::now() - Duration::from_secs(days * 86_400 + 60))
                .unwrap();
        };
        written("server.2020-01-01.log", 14);
        written("audit.2020-01-01.log", 400);
        written("server.2020-01-02.log", 13);
        written("servers.log", 400);
        written("audit.txt", 400);
        expire(data.path(), 14);
        let mut left: Vec<String> = std::fs::read_dir(&dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["audit.txt", "server.2020-01-02.log", "servers.log"]);
    }
}
