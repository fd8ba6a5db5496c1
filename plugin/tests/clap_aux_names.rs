//! The names of auxiliary outputs in CLAP hosts while a session runs: who comes, goes, gets another name and is played elsewhere.
//!
//! The plugin is what a bundle holds, linked into this program; the others are clients with an identity of their own. Hosts that hear
//! of names, that do not want to, and that cannot.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use backline::clap_factory::clap_entry;
use backline_client::Command;
use backline_hosts::bundles::CLAP_MULTI_ID;
use backline_hosts::clap_plugin::{
    AudioPortRescanFlags, ClapBundle, ClapPlugin, ClapProcessor, Port, PortNames, with_project,
};
use backline_loopback::Rig;
use serde_json::Value;
use tempfile::TempDir;

/// Longer than any step takes on a busy machine; a step that is not reached by then never is.
const PATIENCE: Duration = Duration::from_secs(30);
const BLOCK_FRAMES: usize = 480;

/// The DAW's musician, and the link of the session that every instance joins.
static HOME: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    // SAFETY: the first step of every test, which all wait for it; nothing else of this process runs yet.
    unsafe {
        std::env::set_var("BACKLINE_CONFIG_DIR", folder.path());
        std::env::set_var("BACKLINE_LOCAL_NETWORK", "off");
        std::env::set_var("BACKLINE_JOIN", folder.path().join("link"));
    }
    folder
});

/// The link is one for the whole process: one test at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    let guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    LazyLock::force(&HOME);
    guard
}

/// A musician somewhere else.
fn musician(number: u64, name: &str, source: &str) -> Rig {
    let mut rig = Rig::new(number);
    rig.client.send(Command::SetName(name.to_owned()));
    rename(&rig, source);
    rig.play(0.0);
    rig
}

fn rename(rig: &Rig, source: &str) {
    rig.client.send(Command::SetSourceName(source.to_owned()));
}

/// Anna, who plays the guitar and hosts what instances of this process join.
fn anna() -> (Rig, String) {
    let anna = musician(1, "Anna", "Guitar");
    let link = anna.host().unwrap();
    std::fs::write(HOME.path().join("link"), &link).unwrap();
    (anna, link)
}

/// A project of Multi on a DAW's track: its slots play on these buses, the last one for all others.
struct Daw {
    plugin: ClapPlugin,
    processor: Option<ClapProcessor>,
}

impl Daw {
    fn open(bundle: &ClapBundle, port_names: PortNames, buses: &[&str]) -> Self {
        let plugin = bundle.instance_in(port_names, CLAP_MULTI_ID).unwrap();
        let mut daw = Self { plugin, processor: None };
        daw.change_project(|project| project["returns"] = Value::from("mix"));
        daw.route(buses);
        assert_eq!(daw.names(), plain());
        daw.processor = Some(daw.plugin.activate(48_000, BLOCK_FRAMES).unwrap());
        daw
    }

    fn route(&mut self, buses: &[&str]) {
        self.change_project(|project| {
            for (index, slot) in project["slots"].as_array_mut().unwrap().iter_mut().enumerate() {
                slot["bus"] = Value::from(buses[index.min(buses.len() - 1)]);
            }
        });
    }

    fn change_project(&mut self, change: impl FnOnce(&mut Value)) {
        let state = with_project(&self.plugin.save_state().unwrap(), change).unwrap();
        self.plugin.load_state(&state).unwrap();
    }

    /// A block at about the pace of real time, and what the plugin wants of the main thread.
    fn step(&mut self) {
        self.processor.as_mut().unwrap().process(BLOCK_FRAMES).unwrap();
        std::thread::sleep(Duration::from_millis(10));
        self.plugin.run_callbacks();
    }

    fn aux_ports(&mut self) -> Vec<Port> {
        self.plugin.ports(false).split_off(1)
    }

    fn names(&mut self) -> Vec<String> {
        self.aux_ports().into_iter().map(|port| port.name).collect()
    }

    /// Waits until these outputs, counted from 1, have these names and the others only their number. The host is told whenever names
    /// change that it reads, and of nothing else.
    fn wait_for_names(&mut self, port_names: PortNames, named: &[(usize, &str)]) {
        let mut wanted = plain();
        named.iter().for_each(|(aux, name)| wanted[aux - 1] = (*name).to_owned());
        let mut last = self.names();
        let start = Instant::now();
        while last != wanted {
            assert!(start.elapsed() < PATIENCE, "{last:?} instead of {wanted:?}");
            self.step();
            let now = self.names();
            let is_told = self.plugin.record().take_ports_rescanned();
            let is_heard = now != last && port_names == PortNames::Followed;
            let due = if is_heard { AudioPortRescanFlags::NAMES } else { AudioPortRescanFlags::empty() };
            assert_eq!(is_told, due, "{now:?} after {last:?}");
            last = now;
        }
    }
}

impl Drop for Daw {
    fn drop(&mut self) {
        if let Some(processor) = self.processor.take() {
            self.plugin.deactivate(processor);
        }
    }
}

fn plain() -> Vec<String> {
    (1..=8).map(|aux| format!("Aux {aux}")).collect()
}

fn bundle() -> ClapBundle {
    ClapBundle::linked(&clap_entry).unwrap()
}

/// In each kind of host the names are the same for whoever reads them.
fn names_follow(port_names: PortNames) {
    let _alone = alone();
    let (anna, link) = anna();
    let mut daw = Daw::open(&bundle(), port_names, &["aux3"]);
    let ports = daw.aux_ports();
    daw.wait_for_names(port_names, &[(3, "Aux 3: Anna Guitar")]);
    let ben = musician(2, "Ben", "");
    ben.join(&link).unwrap();
    daw.wait_for_names(port_names, &[(3, "Aux 3: Anna Guitar, Ben")]);
    rename(&anna, "Bass");
    daw.wait_for_names(port_names, &[(3, "Aux 3: Anna Bass, Ben")]);
    daw.route(&["aux8", "main"]);
    daw.wait_for_names(port_names, &[(8, "Aux 8: Anna Bass")]);
    daw.route(&["aux3"]);
    daw.wait_for_names(port_names, &[(3, "Aux 3: Anna Bass, Ben")]);
    drop(ben);
    daw.wait_for_names(port_names, &[(3, "Aux 3: Anna Bass")]);
    anna.client.send(Command::Leave);
    daw.wait_for_names(port_names, &[]);
    assert_eq!(daw.aux_ports(), ports, "nothing but names has changed");
    assert!(daw.plugin.record().restarts() == 0 && !daw.plugin.has_complained());
}

#[test]
fn an_auxiliary_output_is_named_after_whoever_plays_there_and_the_host_is_told() {
    names_follow(PortNames::Followed);
}

#[test]
fn a_host_that_does_not_want_to_be_told_of_names_is_not_told() {
    names_follow(PortNames::Refused);
}

#[test]
fn a_host_that_cannot_be_told_of_ports_is_not_told() {
    names_follow(PortNames::Unknown);
}

/// The worker lives on with the instance that stays.
#[test]
fn an_instance_that_is_gone_asks_its_host_for_nothing() {
    let _alone = alone();
    let (anna, _) = anna();
    let bundle = bundle();
    let mut goes = Daw::open(&bundle, PortNames::Followed, &["aux1"]);
    goes.wait_for_names(PortNames::Followed, &[(1, "Aux 1: Anna Guitar")]);
    let mut stays = Daw::open(&bundle, PortNames::Followed, &["aux2"]);
    stays.step();
    let record = goes.plugin.record().clone();
    drop(goes);
    assert!(!record.is_callback_wanted());
    stays.wait_for_names(PortNames::Followed, &[(2, "Aux 2: Anna Guitar")]);
    rename(&anna, "Bass");
    stays.wait_for_names(PortNames::Followed, &[(2, "Aux 2: Anna Bass")]);
    assert!(!record.is_callback_wanted() && !record.has_complaints());
}

/// Instances go at any moment of a change.
#[test]
fn instances_come_and_go_while_names_change_without_a_pause() {
    let _alone = alone();
    let (anna, _) = anna();
    let (bundle, is_over) = (bundle(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0_u64;
            while !is_over.load(Ordering::Relaxed) {
                rename(&anna, &format!("Guitar {number}"));
                number += 1;
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        /// Also when the lives panic: the others must not wait for ever.
        struct SetAtEnd<'a>(&'a AtomicBool);
        impl Drop for SetAtEnd<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _end = SetAtEnd(&is_over);
        for _ in 0..20 {
            let mut daw = Daw::open(&bundle, PortNames::Followed, &["aux5"]);
            let start = Instant::now();
            while !daw.names()[4].starts_with("Aux 5: Anna Guitar ") {
                assert!(start.elapsed() < PATIENCE, "{:?}", daw.names());
                daw.step();
            }
            let record = daw.plugin.record().clone();
            daw.plugin.run_callbacks();
            drop(daw);
            assert!(!record.has_complaints());
        }
    });
}
