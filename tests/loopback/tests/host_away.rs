//! The host's process is killed, closed, ended or gone for good, over real sockets and with real files.
#![allow(clippy::unwrap_used, reason = "in a test that is the way to fail")]

use std::path::Path;
use std::process::{Child, Command as Process};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use backline_client::{
    Command, Connection, Fader, FaderView, GainValue, Grantee, Quality, Scope, Setting, Snapshot, SourceId,
};
use backline_loopback::Rig;

/// Ports and threads are shared, and time is real: one test at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

const LISTEN: Duration = Duration::from_millis(500);
const SETTLE: Duration = Duration::from_millis(800);
const FOLDER: &str = "BACKLINE_TEST_HOST_FOLDER";
const ADA: u64 = 41;

fn level(samples: &[f32]) -> f32 {
    (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32).sqrt()
}

fn hears(rig: &Rig) -> f32 {
    std::thread::sleep(SETTLE);
    level(&rig.heard(LISTEN))
}

fn own_source(snapshot: &Snapshot) -> Option<SourceId> {
    let participant = snapshot.you.participant?;
    Some(SourceId { participant, instance: snapshot.you.instance })
}

/// Hosts a session, or goes on with the one whose link is in the folder, plays a tone, and lets everybody move it.
#[test]
fn host_process() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let mut ada = Rig::in_folder(ADA, folder);
    ada.client.send(Command::SetQuality(Quality::LowestLatency));
    ada.play(440.0);
    let link = match std::fs::read_to_string(folder.join("before")) {
        Ok(before) => ada.host_again(&before).unwrap(),
        Err(_) => ada.host().unwrap(),
    };
    let source = own_source(&ada.client.snapshot()).unwrap();
    let (scope, grantee) = (Scope::Send(source), Grantee::Everyone);
    ada.client.send(Command::Permit { scope, grantee, allowed: true });
    std::fs::write(folder.join("link.new"), link).unwrap();
    std::fs::rename(folder.join("link.new"), folder.join("link")).unwrap();
    std::thread::sleep(Duration::from_secs(120));
}

struct Host {
    process: Child,
    link: String,
}

impl Host {
    fn start(folder: &Path) -> Self {
        let exe = std::env::current_exe().unwrap();
        let mut process =
            Process::new(exe).args(["--exact", "host_process"]).env(FOLDER, folder).spawn().unwrap();
        let since = Instant::now();
        let link = loop {
            if let Ok(link) = std::fs::read_to_string(folder.join("link")) {
                break link;
            }
            assert!(process.try_wait().unwrap().is_none(), "the host's process has ended");
            assert!(since.elapsed() < Duration::from_secs(20), "the host's process writes no link");
            std::thread::sleep(Duration::from_millis(20));
        };
        Self { process, link }
    }

    /// No goodbye, no flush, nothing.
    fn kill(mut self, folder: &Path) -> String {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        std::fs::rename(folder.join("link"), folder.join("before")).unwrap();
        std::mem::take(&mut self.link)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // One that was killed already is no error.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_host_whose_process_was_killed_goes_on_with_everything() {
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start(folder.path());
    let mut bob = Rig::new(42);
    bob.play(0.0);
    bob.join(&host.link).unwrap();
    let there = bob.wait(|snapshot| snapshot.sources.iter().any(|source| source.send.may_move)).unwrap();
    let source = there.sources[0].source;
    let setting = Setting::Gain(GainValue::from_db(-12.0));
    bob.client.send(Command::MoveFader { fader: Fader::Send(source), setting });
    bob.wait(|snapshot| snapshot.waiting.changes == 0).unwrap();
    let before = hears(&bob);
    assert!((before - 0.0444).abs() < 0.005, "{before}");

    let link = host.kill(folder.path());
    bob.wait(|snapshot| snapshot.connection == Connection::Reconnecting).unwrap();
    bob.client.send(Command::MoveFader { fader: Fader::Send(source), setting: Setting::Pan(left()) });

    let host = Host::start(folder.path());
    come_back(&bob, &link, &host.link);
    let after = bob.wait(|snapshot| {
        let is_as_set = |send: &FaderView| send.gain == GainValue::from_db(-12.0) && send.pan == left();
        snapshot.sources.iter().any(|source| source.present && is_as_set(&source.send))
    });
    let after = after.unwrap();
    assert_eq!((after.sources[0].source, after.sources[0].slot), (source, there.sources[0].slot));
    bob.wait(|snapshot| snapshot.waiting.changes == 0).unwrap();
    let level = hears(&bob);
    assert!((level / before - 1.0).abs() < 0.1, "{level} after {before}");
}

fn left() -> backline_wire::PanValue {
    backline_wire::PanValue::new(-0.5)
}

/// The link is the same, and everybody comes back by themselves.
fn come_back(bob: &Rig, before: &str, now: &str) {
    assert_eq!(before, now);
    bob.wait(|snapshot| snapshot.connection == Connection::Joined).unwrap();
}

#[test]
fn a_host_whose_daw_was_closed_goes_on_and_one_that_has_ended_does_not() {
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut ada, mut bob) = (Rig::new(43), Rig::new(44));
    ada.play(440.0);
    bob.play(0.0);
    let link = ada.host().unwrap();
    bob.join(&link).unwrap();
    let files = |ada: &Rig| {
        let names = std::fs::read_dir(ada.data_dir()).unwrap().flatten().map(|file| file.file_name());
        names.filter(|name| name.to_string_lossy().starts_with("session-")).count()
    };
    assert_eq!(files(&ada), 1);
    ada.reopen();
    bob.wait(|snapshot| snapshot.connection == Connection::Reconnecting).unwrap();
    ada.play(440.0);
    let now = ada.host_again(&link).unwrap();
    come_back(&bob, &link, &now);
    bob.wait(|snapshot| snapshot.connection == Connection::Joined).unwrap();
    assert!((hears(&bob) - 0.177).abs() < 0.02);
    assert_eq!(files(&ada), 1);

    ada.client.send(Command::Leave);
    bob.wait(|snapshot| matches!(snapshot.connection, Connection::Failed { .. })).unwrap();
    ada.wait(|snapshot| snapshot.connection == Connection::Idle).unwrap();
    ada.reopen();
    assert_eq!(files(&ada), 0, "its secrets are gone");
    ada.client.send(Command::HostAgain { link: now });
    let refused = ada.wait(|snapshot| matches!(snapshot.connection, Connection::Failed { .. })).unwrap();
    let Connection::Failed { text } = &refused.connection else { unreachable!() };
    assert!(text.contains("was ended") && text.contains("press Host"), "{text}");
}

#[test]
fn a_guest_carries_on_where_the_host_is_gone_for_good() {
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut ada, mut bob, mut cleo) = (Rig::new(45), Rig::new(46), Rig::new(47));
    ada.play(440.0);
    bob.play(330.0);
    cleo.play(0.0);
    let link = ada.host().unwrap();
    bob.join(&link).unwrap();
    cleo.join(&link).unwrap();
    bob.client.send(Command::CarryOn);
    bob.wait(|snapshot| snapshot.notices.iter().any(|notice| notice.text.contains("nothing to carry on")))
        .unwrap();
    let source = own_source(&bob.client.snapshot()).unwrap();
    let setting = Setting::Gain(GainValue::from_db(-6.0));
    bob.client.send(Command::MoveFader { fader: Fader::Send(source), setting });
    cleo.wait(|snapshot| {
        snapshot
            .sources
            .iter()
            .any(|view| view.source == source && view.send.gain == GainValue::from_db(-6.0))
    })
    .unwrap();
    ada.stop();
    drop(ada);
    bob.wait(|snapshot| snapshot.connection == Connection::Reconnecting).unwrap();
    bob.client.send(Command::CarryOn);
    let hosting = bob.wait(|snapshot| snapshot.invite.is_some()).unwrap();
    assert_eq!(hosting.connection, Connection::Hosting);
    let new_link = hosting.invite.clone().unwrap();
    assert_ne!(new_link, link);
    cleo.join(&new_link).unwrap();
    let is_as_set = |send: &FaderView| send.gain == GainValue::from_db(-6.0);
    cleo.wait(|snapshot| {
        snapshot.sources.iter().any(|view| view.source == source && view.present && is_as_set(&view.send))
    })
    .unwrap();
    assert!((hears(&cleo) - 0.0886).abs() < 0.01, "{}", hears(&cleo));
}
