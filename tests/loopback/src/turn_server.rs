//! A real TURN server (Debian's coturn) on loopback, as a child process that ends with the test.

use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The account that it accepts.
pub const USER: &str = "ada";
/// The password of [`USER`].
pub const PASSWORD: &str = "opensesame";
/// Its relayed addresses have these ports: below those that systems give by themselves.
pub const RELAY_PORTS: std::ops::RangeInclusive<u16> = 29_000..=29_199;

/// A binding request (RFC 8489) with a transaction of its own.
const QUESTION: [u8; 20] = *b"\x00\x01\x00\x00\x21\x12\xA4\x42is it there?";

/// A server that runs.
pub struct TurnServer {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl TurnServer {
    /// Starts one on a free port, and waits until it answers.
    ///
    /// # Errors
    /// When it is not installed, or does not answer; the text says what to do.
    pub fn start() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
        let port = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let address = port.map_err(|error| format!("no free UDP port on loopback: {error}"))?;
        let child = Command::new("turnserver")
            .args([
                "-n",
                "--no-tls",
                "--no-dtls",
                "--no-tcp",
                "--no-tcp-relay",
                "--no-cli",
                "--no-multicast-peers",
            ])
            .args(["--lt-cred-mech", "--realm", "test", "--user", &format!("{USER}:{PASSWORD}")])
            .args(["--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1", "--allow-loopback-peers"])
            .args(["--listening-port", &address.port().to_string()])
            .args([
                "--min-port",
                &RELAY_PORTS.start().to_string(),
                "--max-port",
                &RELAY_PORTS.end().to_string(),
            ])
            .args([
                "--log-file",
                &path(&folder, "log"),
                "--pidfile",
                &path(&folder, "pid"),
                "--simple-log",
                "-v",
            ])
            .args(["--userdb", &path(&folder, "users")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("turnserver can't be started ({error}): apt-get install coturn"))?;
        let mut server = Self { child, address, folder };
        server.wait()?;
        Ok(server)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(path(&self.folder, "log")).unwrap_or_default()
    }

    fn wait(&mut self) -> Result<(), String> {
        let end = Instant::now() + Duration::from_secs(10);
        let socket = UdpSocket::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        socket.set_read_timeout(Some(Duration::from_millis(100))).map_err(|error| error.to_string())?;
        while Instant::now() < end {
            // A server that does not listen yet refuses; it is asked again.
            let _ = socket.send_to(&QUESTION, self.address);
            if socket.recv(&mut [0; 256]).is_ok() {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("turnserver ended at once ({status}): {}", self.log()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(format!("turnserver does not answer at {}: {}", self.address, self.log()))
    }
}

impl Drop for TurnServer {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn path(folder: &TempDir, name: &str) -> String {
    let path: PathBuf = folder.path().join(name);
    path.to_string_lossy().into_owned()
}
