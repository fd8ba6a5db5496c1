//! What the server was asked to do: flags before variables before the file before what is usual.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use backline_relay::{Limits, MixConfig, OpusFrame};
use backline_wire::{Route, RouteError};
use serde::Deserialize;

use crate::args::Settings;

/// Everything that is decided before the start.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where sessions, the token and logs are kept.
    pub data: PathBuf,
    /// The UDP address that is bound.
    pub bind: IpAddr,
    /// The first UDP port.
    pub port: u16,
    /// Named in links before the machine's own addresses.
    pub public: Vec<IpAddr>,
    /// Worker threads, at least 1.
    pub shards: usize,
    /// Where the HTTP API listens.
    pub http: SocketAddr,
    /// Whether `/metrics` and the status page need the token, too. Usually where others than this computer reach them.
    pub metrics_need_token: bool,
    /// Of the log.
    pub level: tracing::Level,
    /// Log files older than so many are removed; there is one a day.
    pub log_files: usize,
    /// What each participant may use.
    pub limits: Limits,
    /// How media travels in sessions that are made without a word about it.
    pub route: Route,
    /// How mixes are made.
    pub mix: MixConfig,
    /// Sessions that the server carries at most.
    pub sessions: usize,
    /// A session in which nobody was for so long is retired, with its keys and document.
    pub retire_after: Duration,
}

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    data: Option<PathBuf>,
    network: Network,
    http: Http,
    log: Log,
    sessions: Sessions,
    limits: FileLimits,
    mix: FileMix,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Network {
    bind: Option<IpAddr>,
    port: Option<u16>,
    public: Option<Vec<IpAddr>>,
    shards: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Http {
    listen: Option<SocketAddr>,
    metrics_need_token: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Log {
    level: Option<String>,
    files: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Sessions {
    at_most: Option<usize>,
    route: Option<String>,
    retire_after_days: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileLimits {
    participants: Option<usize>,
    sources: Option<usize>,
    packets_per_second: Option<f64>,
    bytes_in_per_second: Option<f64>,
    bytes_out_per_second: Option<f64>,
    control_per_second: Option<f64>,
    joins_per_minute: Option<f64>,
    stranger_packets_per_second: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileMix {
    frame_ms: Option<f64>,
    kilobits_per_second: Option<u32>,
    depth_max_ms: Option<u64>,
}

impl Config {
    /// Reads what there is.
    ///
    /// # Errors
    /// When the file cannot be read or understood, or something in it makes no sense.
    pub fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let file = match &settings.config {
            Some(path) => read_file(path)?,
            None => File::default(),
        };
        let level = settings.log.clone().or(file.log.level).unwrap_or_else(|| "info".to_owned());
        let data = settings.data.clone().or(file.data).or_else(usual_data).ok_or(ConfigError::NoFolder)?;
        let shards = settings.shards.or(file.network.shards).unwrap_or(0);
        let http = settings.http.or(file.http.listen).unwrap_or(HTTP);
        let config = Self {
            data,
            bind: settings.bind.or(file.network.bind).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            port: settings.port.or(file.network.port).unwrap_or(UDP_PORT),
            public: if settings.public.is_empty() {
                file.network.public.unwrap_or_default()
            } else {
                settings.public.clone()
            },
            shards: if shards == 0 { cores() } else { shards },
            http,
            metrics_need_token: file.http.metrics_need_token.unwrap_or(!http.ip().is_loopback()),
            level: level.parse().map_err(|_| ConfigError::Level(level))?,
            log_files: file.log.files.unwrap_or(14).max(1),
            limits: file.limits.over(Limits::default()),
            route: file.sessions.route.unwrap_or_else(|| Route::default().to_string()).parse()?,
            mix: file.mix.over(MixConfig::default())?,
            sessions: file.sessions.at_most.unwrap_or(1_000),
            retire_after: Duration::from_secs(file.sessions.retire_after_days.unwrap_or(90) * 86_400),
        };
        config.check()
    }

    fn check(self) -> Result<Self, ConfigError> {
        let last_port = usize::from(self.port) + self.shards - 1;
        if self.port == 0 || last_port > usize::from(u16::MAX) {
            return Err(ConfigError::Ports { first: self.port, shards: self.shards });
        }
        let limits = &self.limits;
        let rates = [
            ("packets_per_second", limits.packets_per_second),
            ("bytes_in_per_second", limits.bytes_in_per_second),
            ("bytes_out_per_second", limits.bytes_out_per_second),
            ("control_per_second", limits.control_per_second),
            ("joins_per_minute", limits.joins_per_minute),
            ("stranger_packets_per_second", limits.stranger_packets_per_second),
            ("participants", limits.participants as f64),
            ("sources", limits.sources as f64),
        ];
        match rates.iter().find(|(_, value)| !(value.is_finite() && *value >= 1.0)) {
            Some((name, _)) => Err(ConfigError::Limit { name }),
            None => Ok(self),
        }
    }
}

impl FileLimits {
    fn over(self, usual: Limits) -> Limits {
        Limits {
            packets_per_second: self.packets_per_second.unwrap_or(usual.packets_per_second),
            bytes_in_per_second: self.bytes_in_per_second.unwrap_or(usual.bytes_in_per_second),
            bytes_out_per_second: self.bytes_out_per_second.unwrap_or(usual.bytes_out_per_second),
            control_per_second: self.control_per_second.unwrap_or(usual.control_per_second),
            joins_per_minute: self.joins_per_minute.unwrap_or(usual.joins_per_minute),
            stranger_packets_per_second: self
                .stranger_packets_per_second
                .unwrap_or(usual.stranger_packets_per_second),
            sources: self.sources.unwrap_or(usual.sources),
            participants: self.participants.unwrap_or(usual.participants),
        }
    }
}

impl FileMix {
    fn over(self, usual: MixConfig) -> Result<MixConfig, ConfigError> {
        let frame = match self.frame_ms {
            None => usual.frame,
            Some(ms) => {
                let fits = |frame: &OpusFrame| (frame.frames() as f64 / 48.0 - ms).abs() < 1e-9;
                OpusFrame::ALL.into_iter().find(fits).ok_or(ConfigError::MixFrame(ms))?
            }
        };
        let bitrate_bps =
            self.kilobits_per_second.map_or(usual.bitrate_bps, |rate| rate.saturating_mul(1_000));
        if !MixConfig::BITRATES_BPS.contains(&bitrate_bps) {
            return Err(ConfigError::MixRate(bitrate_bps / 1_000));
        }
        let depth_max = self.depth_max_ms.map_or(usual.depth_max, Duration::from_millis);
        Ok(MixConfig { frame, bitrate_bps, depth_max })
    }
}

fn read_file(path: &Path) -> Result<File, ConfigError> {
    let failed = |error| ConfigError::File { path: path.to_owned(), error };
    let text = std::fs::read_to_string(path).map_err(failed)?;
    toml::from_str(&text)
        .map_err(|error| ConfigError::Text { path: path.to_owned(), error: error.to_string() })
}

fn usual_data() -> Option<PathBuf> {
    backline_io::store::data_dir().map(|dir| dir.join("server"))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Above the ports that plugins take.
const UDP_PORT: u16 = 4528;
const HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4580);

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("the configuration file {path} can't be read ({error}): check its name and who may read it")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is not understood.
    #[error(
        "the configuration file {path} is not understood:\n{error}compare it with docs/server.example.toml"
    )]
    Text {
        /// The file.
        path: PathBuf,
        /// Where, and what was expected.
        error: String,
    },
    /// There is no home.
    #[error("there is no folder to keep sessions in: name one with --data")]
    NoFolder,
    /// No such level.
    #[error("“{0}” is no level of the log: choose error, warn, info, debug or trace")]
    Level(String),
    /// A port of 0, or more shards than ports.
    #[error(
        "{shards} shards need as many ports from {first} upward: choose a port from 1 to 65535 with room above it"
    )]
    Ports {
        /// The first.
        first: u16,
        /// How many.
        shards: usize,
    },
    /// No such route.
    #[error("sessions.route: {0}")]
    Route(#[from] RouteError),
    /// No such frame.
    #[error("mix.frame_ms is {0}: choose 2.5, 5, 10 or 20")]
    MixFrame(f64),
    /// A rate that Opus does not have.
    #[error("mix.kilobits_per_second is {0}: choose 16 to 512")]
    MixRate(u32),
    /// A limit that lets nobody do anything.
    #[error("the limit {name} must be a number of at least 1")]
    Limit {
        /// Its name in the file.
        name: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, settings: Settings) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.toml");
        std::fs::write(&path, text).unwrap();
        Config::read(&Settings { config: Some(path), data: Some(dir.path().to_owned()), ..settings })
    }

    #[test]
    fn without_a_word_nothing_is_reached_from_outside() {
        let config = read("", Settings::default()).unwrap();
        assert!(config.bind.is_loopback() && config.http.ip().is_loopback());
        assert_eq!((config.port, config.http.port()), (4528, 4580));
    }

    #[test]
    fn the_example_says_what_is_usual() {
        let example = include_str!("../../../docs/server.example.toml");
        let is_value = |line: &str| line.split(' ').nth(1) == Some("=") && !line.starts_with("data");
        let said: Vec<&str> = example
            .lines()
            .map(|line| line.strip_prefix("# ").filter(|value| is_value(value)).unwrap_or(line))
            .collect();
        let said = said.join("\n");
        let data = Some(PathBuf::from("data"));
        let of = |text: &str| {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("server.toml");
            std::fs::write(&path, text).unwrap();
            Config::read(&Settings { config: Some(path), data: data.clone(), ..Settings::default() }).unwrap()
        };
        let usual = of("");
        assert_eq!(of(example), usual);
        assert_eq!(of(&said), usual);
        let values = said.lines().filter(|line| is_value(line)).count();
        assert_eq!(values, 22, "every entry of the file but its folder is there");
    }

    #[test]
    fn what_others_reach_needs_the_token() {
        let needs = |text: &str| read(text, Settings::default()).unwrap().metrics_need_token;
        assert!(!needs("") && needs("[http]\nlisten = \"0.0.0.0:80\""));
        assert!(!needs("[http]\nlisten = \"0.0.0.0:80\"\nmetrics_need_token = false"));
    }

    #[test]
    fn flags_count_before_the_file() {
        let text = "[network]\nport = 5000\nshards = 3\n[limits]\nparticipants = 100";
        let settings = Settings { port: Some(6_000), ..Settings::default() };
        let config = read(text, settings).unwrap();
        assert_eq!((config.port, config.shards, config.limits.participants), (6_000, 3, 100));
    }

    #[test]
    fn every_mistake_is_told_with_what_to_do() {
        let cases = [
            ("[network]\nprot = 5000", "unknown field `prot`"),
            ("[network]\nport = 65535\nshards = 2", "choose a port"),
            ("[log]\nlevel = \"loud\"", "is no level"),
            ("[limits]\npackets_per_second = 0.0", "packets_per_second must be"),
            ("[sessions]\nroute = \"star\"", "choose mesh, forward or mix"),
            ("[mix]\nframe_ms = 3.0", "choose 2.5, 5, 10 or 20"),
            ("[mix]\nkilobits_per_second = 8", "choose 16 to 512"),
        ];
        for (text, words) in cases {
            let error = read(text, Settings::default()).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
