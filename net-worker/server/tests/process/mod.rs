//! A real `backline-server` on loopback, with a folder of its own.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test that is the way to fail"
)]

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;

/// A server that runs until it is dropped.
pub struct Server {
    child: Child,
    api: String,
    token: String,
}

impl Server {
    /// Starts one that keeps its sessions in `data`, at a UDP port that is free or that it had before.
    pub fn start(data: &Path, udp_port: u16) -> Self {
        Self::start_with(data, udp_port, &Setting::Usual)
    }

    /// The same with a configuration file.
    pub fn start_with(data: &Path, udp_port: u16, setting: &Setting) -> Self {
        let config = match setting {
            Setting::Usual => Vec::new(),
            Setting::File(text) => {
                let path = data.join("server.toml");
                std::fs::write(&path, text).unwrap();
                vec!["--config".into(), path.into_os_string()]
            }
        };
        let mut child = Command::new(binary())
            .args(["run", "--http", "127.0.0.1:0", "--shards", "1", "--log", "debug", "--data"])
            .arg(data)
            .args(["--port", &udp_port.to_string()])
            .args(config)
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(data.join("stderr.txt")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let api = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(api.starts_with("http://"), "{line:?} {}", log(data));
        let token = std::fs::read_to_string(data.join("token")).unwrap().trim().to_owned();
        Self { child, api, token }
    }

    /// Where its HTTP API is.
    pub fn url(&self) -> &str {
        &self.api
    }

    /// What opens it.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Makes a session; its id and its link.
    pub fn session(&self, name: &str) -> (String, String) {
        let body = serde_json::json!({ "name": name });
        let made: Value = ureq::post(format!("{}/api/v1/sessions", self.api))
            .header("Authorization", format!("Bearer {}", self.token))
            .send_json(body)
            .unwrap()
            .body_mut()
            .read_json()
            .unwrap();
        let text = |key: &str| made[key].as_str().unwrap().to_owned();
        (text("id"), text("link"))
    }

    /// Lets a session's media travel in another way.
    pub fn set_route(&self, id: &str, route: &str) {
        ureq::put(format!("{}/api/v1/sessions/{id}/route", self.api))
            .header("Authorization", format!("Bearer {}", self.token))
            .send_json(serde_json::json!({ "route": route }))
            .unwrap();
    }

    /// What the API says under a path below `/api/v1`.
    pub fn get(&self, path: &str) -> Value {
        ureq::get(format!("{}/api/v1{path}", self.api))
            .header("Authorization", format!("Bearer {}", self.token))
            .call()
            .unwrap()
            .body_mut()
            .read_json()
            .unwrap()
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        self.signal("-TERM");
        self.child.wait().unwrap()
    }

    /// Ends it as a crash does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn signal(&self, signal: &str) {
        Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already is what was wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What it is started with.
pub enum Setting {
    /// Nothing.
    Usual,
    /// This configuration file.
    File(String),
}

/// The Python with schemathesis and Prometheus' parsers.
pub fn python() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let python = std::env::var_os("BACKLINE_PYTHON")
        .map_or_else(|| root.join("../../target/venv/bin/python"), PathBuf::from);
    assert!(python.exists(), "there is no {}: `cargo xtask test` puts it there", python.display());
    python
}

/// A port that nobody has now.
pub fn free_port() -> u16 {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// What it has written.
pub fn log(data: &Path) -> String {
    std::fs::read_to_string(data.join("stderr.txt")).unwrap_or_default()
}

fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_backline-server"))
}
