//! The standalone without a window, as processes: signals end it in order, and the other side is told.
#![cfg(all(unix, feature = "standalone"))]
#![allow(clippy::unwrap_used, reason = "a test ends where a step of its own fails")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Longer than any step takes on a busy machine; a step that is not reached by then never is.
const PATIENCE: Duration = Duration::from_secs(30);

/// One running program, ended with the test.
struct Program {
    child: Child,
    home: PathBuf,
}

impl Program {
    fn start(home: &Path, name: &str, variables: &[(&str, &Path)]) -> Self {
        Self::start_with(&["--audio", "none"], home, name, variables)
    }

    fn start_with(audio: &[&str], home: &Path, name: &str, variables: &[(&str, &Path)]) -> Self {
        let home = home.join(name);
        std::fs::create_dir(&home).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_backline"));
        command.arg("--no-window").args(audio);
        command.env("BACKLINE_CONFIG_DIR", &home).env("BACKLINE_REPORT", home.join("report.json"));
        command.env("BACKLINE_LOG", "debug").stderr(std::fs::File::create(home.join("log")).unwrap());
        command.env("BACKLINE_NAME", name).stdout(Stdio::null());
        command.env("BACKLINE_LOCAL_NETWORK", "off");
        command.envs(variables.iter().copied());
        Self { child: command.spawn().unwrap(), home }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the program ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    fn reports(&self, wanted: impl Fn(&serde_json::Value) -> bool) -> bool {
        let text = std::fs::read_to_string(self.home.join("report.json")).unwrap_or_default();
        serde_json::from_str(&text).is_ok_and(|report| wanted(&report))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.home.join("log")).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A host and a guest that are in one session.
fn duo(home: &Path) -> (Program, Program) {
    let link = home.join("link");
    let host = Program::start(home, "host", &[("BACKLINE_HOST_LINK_FILE", &link)]);
    let guest = Program::start(home, "guest", &[("BACKLINE_JOIN", &link)]);
    wait_until("the guest is in", || host.reports(|report| report["participants"] == 2));
    (host, guest)
}

#[test]
fn a_guest_that_is_asked_to_end_says_goodbye() {
    let home = tempfile::tempdir().unwrap();
    let (host, mut guest) = duo(home.path());
    guest.signal("INT");
    assert!(guest.ended().success());
    wait_until("the host is told", || host.log().contains("gone"));
    let log = host.log();
    let gone = log.lines().find(|line| line.contains("gone")).unwrap();
    assert!(gone.contains("reason=left"), "not by silence: {gone}");
    assert!(guest.home.join("standalone.json").exists(), "what was set is kept for next time");
}

#[test]
fn a_host_that_is_asked_to_end_ends_the_session_for_everybody() {
    let home = tempfile::tempdir().unwrap();
    let (mut host, guest) = duo(home.path());
    wait_until("the guest knows", || guest.reports(|report| report["connection"] == "joined"));
    host.signal("TERM");
    assert!(host.ended().success());
    wait_until("the guest is told", || {
        guest.reports(|report| report["failure"].as_str().is_some_and(|text| text.contains("ended")))
    });
}

/// ALSA's own device that plays into nothing is there on every Linux.
#[test]
#[cfg(target_os = "linux")]
fn a_device_is_chosen_by_name_and_one_that_is_not_there_is_told() {
    let home = tempfile::tempdir().unwrap();
    let chosen = ["--audio", "device", "--output", "alsa:null", "--rate", "44100"];
    let mut program = Program::start_with(&chosen, home.path(), "chosen", &[]);
    wait_until("it plays", || {
        program.reports(|report| report["meters"]["frames"].as_u64().is_some_and(|frames| frames > 1_000))
    });
    program.signal("TERM");
    assert!(program.ended().success());

    let devices = Command::new(env!("CARGO_BIN_EXE_backline")).arg("--list-devices").output().unwrap();
    assert!(String::from_utf8_lossy(&devices.stdout).contains("--output \"alsa:null\""));
    let silly = Command::new(env!("CARGO_BIN_EXE_backline")).args(["--rate", "fast"]).output().unwrap();
    assert!(!silly.status.success());
    assert!(String::from_utf8_lossy(&silly.stderr).contains("no option \"--rate fast\""));
}
