//! A real `backline-server` process with one shard, on a core of its own, with limits that nobody reaches.
//!
//! The step before is `run.rs`; the step after is the process and its HTTP API.

mod asked;

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use backline_codec::Encoding;
use backline_io::{cores, priority};
use backline_wire::{InviteLink, Route};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tempfile::TempDir;

use crate::LoadError;

/// Thousands of participants are more than what an answer usually has.
const ANSWER_BYTES_MAX: u64 = 1 << 28;
const CONFIGURATION: &str = r#"
[log]
level = "warn"
[sessions]
at_most = 100000
[limits]
participants = 10000
packets_per_second = 1e9
bytes_in_per_second = 1e12
bytes_out_per_second = 1e12
control_per_second = 1e9
joins_per_minute = 1e9
stranger_packets_per_second = 1e9
[mix]
"#;

/// A server that runs until it is dropped.
pub struct Server {
    child: Child,
    /// Held open: the server may write to it.
    _stdout: BufReader<ChildStdout>,
    folder: TempDir,
    port: u16,
    api: String,
    token: String,
}

/// One shard, as the API tells it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ShardFigures {
    /// When this was so, in seconds since the shard started.
    pub at_seconds: f64,
    pub cpu_seconds: f64,
    pub turns: u64,
    pub late_turns: u64,
    pub datagrams_in: u64,
    pub datagrams_out: u64,
    pub send_calls: u64,
    pub send_messages: u64,
    /// Of no session, by reason.
    pub refused: std::collections::BTreeMap<String, u64>,
    pub not_sent: u64,
    pub no_room_to_send: u64,
    pub turn_counts: Vec<(usize, u64)>,
    pub fan_out_counts: Vec<(usize, u64)>,
    pub pool: PoolFigures,
}

impl ShardFigures {
    /// All that went no further, by reason.
    pub fn dropped(&self) -> std::collections::BTreeMap<String, u64> {
        let own = [("not_sent", self.not_sent), ("no_room_to_send", self.no_room_to_send)];
        let own = own.map(|(reason, count)| (reason.to_owned(), count));
        self.refused.clone().into_iter().chain(own).collect()
    }
}

/// The shard's pool of buffers.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct PoolFigures {
    pub buffers: u64,
    pub in_use: u64,
    pub high_water: u64,
    pub taken: u64,
    pub full: u64,
    pub misused: u64,
}

/// The mixes of sessions, as the API tells them.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct MixFigures {
    pub ticks: u64,
    pub ticks_late: u64,
    pub ticks_left_out: u64,
    pub encoded: u64,
    pub silent: u64,
    pub concealed_frames: u64,
    pub mixes: u64,
    pub listeners: u64,
}

impl MixFigures {
    /// What came after another moment; what there is now, is.
    pub fn since(self, before: Self) -> Self {
        Self {
            ticks: self.ticks.saturating_sub(before.ticks),
            ticks_late: self.ticks_late.saturating_sub(before.ticks_late),
            ticks_left_out: self.ticks_left_out.saturating_sub(before.ticks_left_out),
            encoded: self.encoded.saturating_sub(before.encoded),
            silent: self.silent.saturating_sub(before.silent),
            concealed_frames: self.concealed_frames.saturating_sub(before.concealed_frames),
            mixes: self.mixes,
            listeners: self.listeners,
        }
    }

    /// The share of frames that were begun over a frame late, or not at all.
    pub fn late_share(self) -> f64 {
        (self.ticks_late + self.ticks_left_out) as f64 / (self.ticks + self.ticks_left_out).max(1) as f64
    }
}

impl Server {
    /// Starts the program on one core and waits until it is ready. Mixes are coded as sources are.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(program: &Path, core: Option<usize>, mixes: Encoding) -> Result<Self, LoadError> {
        let frame_ms = mixes.frame_frames() as f64 / 48.0;
        let kilobits = mixes.payload_bps() / 1_000;
        let text = format!("{CONFIGURATION}frame_ms = {frame_ms:?}\nkilobits_per_second = {kilobits}\n");
        Self::start_as(program, core, &text)
    }

    /// The same with a configuration of one's own.
    pub(crate) fn start_as(program: &Path, core: Option<usize>, text: &str) -> Result<Self, LoadError> {
        let failed = |what| move |error: std::io::Error| LoadError::System { what, error };
        let folder = tempfile::tempdir().map_err(failed("no temporary folder"))?;
        let configuration = folder.path().join("server.toml");
        std::fs::write(&configuration, text).map_err(failed("the configuration can't be written"))?;
        let stderr = std::fs::File::create(folder.path().join("stderr.txt")).map_err(failed("no log"))?;
        let port = free_port().map_err(failed("no UDP port is free"))?;
        let mut command = Command::new(program);
        command
            .args(["run", "--http", "127.0.0.1:0", "--shards", "1", "--bind", "127.0.0.1"])
            .args(["--port", &port.to_string()])
            .arg("--config")
            .arg(&configuration)
            .arg("--data")
            .arg(folder.path())
            .stdout(Stdio::piped())
            .stderr(stderr);
        let mut child = spawn_on(command, core).map_err(failed("the server can't be started"))?;
        let stdout = child.stdout.take().ok_or_else(|| LoadError::Server("says nothing".to_owned()))?;
        let mut server = Self {
            child,
            _stdout: BufReader::new(stdout),
            folder,
            port,
            api: String::new(),
            token: String::new(),
        };
        server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_until_ready(&mut self) -> Result<(), LoadError> {
        let mut line = String::new();
        self._stdout.read_line(&mut line).map_err(|error| LoadError::Server(error.to_string()))?;
        self.api = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        if !self.api.starts_with("http://") {
            return Err(LoadError::Server(format!("does not start:\n{}", self.log())));
        }
        let token = std::fs::read_to_string(self.folder.path().join("token"));
        self.token = token.map_err(|error| LoadError::Server(error.to_string()))?.trim().to_owned();
        Ok(())
    }

    /// The id of its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Its UDP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes a session; its link.
    ///
    /// # Errors
    /// When the server does not.
    pub fn session(&self, name: &str, route: Route) -> Result<InviteLink, LoadError> {
        let body = serde_json::json!({ "name": name, "route": route.name() });
        let answer = ureq::post(format!("{}/api/v1/sessions", self.api))
            .header("Authorization", format!("Bearer {}", self.token))
            .send_json(body);
        let made: Value = answer.and_then(|mut answer| answer.body_mut().read_json()).map_err(failed)?;
        let link = made["link"].as_str().unwrap_or_default();
        InviteLink::parse(link).map_err(|error| LoadError::Server(format!("gives a strange link: {error}")))
    }

    /// What mixing costs, all sessions together.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn mixes(&self) -> Result<MixFigures, LoadError> {
        #[derive(Deserialize)]
        struct Sessions {
            sessions: Vec<Session>,
        }
        #[derive(Deserialize)]
        struct Session {
            mix: Option<MixFigures>,
        }
        let answer = ureq::get(format!("{}/api/v1/sessions", self.api))
            .header("Authorization", format!("Bearer {}", self.token))
            .call();
        let read =
            answer.and_then(|mut answer| answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_json());
        let sessions: Sessions = read.map_err(failed)?;
        let mixes = sessions.sessions.into_iter().filter_map(|session| session.mix);
        Ok(mixes.fold(MixFigures::default(), |sum, mix| MixFigures {
            ticks: sum.ticks + mix.ticks,
            ticks_late: sum.ticks_late + mix.ticks_late,
            ticks_left_out: sum.ticks_left_out + mix.ticks_left_out,
            encoded: sum.encoded + mix.encoded,
            silent: sum.silent + mix.silent,
            concealed_frames: sum.concealed_frames + mix.concealed_frames,
            mixes: sum.mixes + mix.mixes,
            listeners: sum.listeners + mix.listeners,
        }))
    }

    /// What its shard says of itself.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn shard(&self) -> Result<ShardFigures, LoadError> {
        #[derive(Deserialize)]
        struct Shards {
            shards: Vec<ShardFigures>,
        }
        let answer = ureq::get(format!("{}/api/v1/shards", self.api))
            .header("Authorization", format!("Bearer {}", self.token))
            .call();
        let shards: Shards = answer.and_then(|mut answer| answer.body_mut().read_json()).map_err(failed)?;
        shards.shards.into_iter().next().ok_or_else(|| LoadError::Server("has no shard".to_owned()))
    }

    /// What it has written.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr.txt")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already is what was wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn failed(error: ureq::Error) -> LoadError {
    LoadError::Server(format!("does not answer: {error}"))
}

/// A program stays on the core of the thread that starts it, and has its priority.
pub fn spawn_on(mut command: Command, core: Option<usize>) -> std::io::Result<Child> {
    let starting = std::thread::spawn(move || {
        core.map(cores::stay_on);
        priority::prefer();
        command.spawn()
    });
    starting.join().unwrap_or_else(|_| Err(std::io::Error::other("the thread that starts it has failed")))
}

pub fn free_port() -> std::io::Result<u16> {
    Ok(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
