//! qtractor with the built CLAP bundle, under JACK: its scan, its sessions, its automation and its export. MIDI is not tested: where
//! the kernel has no ALSA sequencer, qtractor gets one in which nobody is.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test that is the way to fail")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use backline_hosts::bundles;
use backline_hosts::clap_plugin::{ClapBundle, ClapPlugin, Parameter};
use backline_hosts::daw::qtractor::song::{self, Automation, Clip, Track, Value};
use backline_hosts::daw::qtractor::{ON_SCREEN, Qtractor};
use backline_hosts::daw::{Class, Daw, own_track};
use backline_hosts::desktop::{Desktop, wait_until};
use backline_hosts::error::HostError;
use backline_hosts::jack_graph::Server;
use clack_extensions::params::ParamInfoFlags;

/// For a readable text where `unwrap` would print a type.
fn ok<T>(result: Result<T, HostError>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// Where Debian puts it, by architecture.
const SCANNERS: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/qtractor/qtractor_plugin_scan",
    "/usr/lib/aarch64-linux-gnu/qtractor/qtractor_plugin_scan",
];

#[test]
fn qtractor_scans_every_class() {
    let scanner = SCANNERS.into_iter().find(|scanner| Path::new(scanner).exists());
    let scanner =
        scanner.unwrap_or_else(|| panic!("Debian package qtractor: `cargo xtask test` installs it"));
    let bundle = ok(bundles::clap());
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(scanner)
        .env("HOME", home.path())
        .env("BACKLINE_CONFIG_DIR", home.path())
        // Tests tell the network nothing.
        .env("BACKLINE_LOCAL_NETWORK", "off")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It ends with its input.
    writeln!(child.stdin.take().unwrap(), "CLAP:{}", bundle.display()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}: {said}", output.status);
    for (class, inputs) in Class::ALL.into_iter().zip([2, 2, 0]) {
        // Audio in and out of the main ports, then MIDI.
        let line = format!("CLAP|{}|{inputs}:2|1:0|", class.name());
        assert!(said.lines().any(|said| said.starts_with(&line)), "no {line} in {said}");
    }
}

/// A JACK server of this test's own, in whose folder everything is.
fn jack(folder: &Path) -> Server {
    let name = format!("backline-qtractor-{}", std::process::id());
    ok(Server::start(&name, 48_000, 256, &["-S"], folder))
}

fn open(jack: &Server, song: &Path) -> Qtractor {
    ok(Qtractor::open(song, jack, &song.with_file_name("home"), &[]))
}

fn plugin(class: Class) -> ClapPlugin {
    let ids = [bundles::CLAP_ID, bundles::CLAP_MULTI_ID, bundles::CLAP_RETURN_ID];
    ok(ok(ClapBundle::open(&ok(bundles::clap()))).instance(ids[class as usize]))
}

/// The parameters that a host may automate, by their number in the plugin's list.
fn parameters(class: Class) -> Vec<(usize, Parameter)> {
    let all = plugin(class).parameters().into_iter().enumerate();
    all.filter(|(_, parameter)| parameter.flags.contains(ParamInfoFlags::IS_AUTOMATABLE)).collect()
}

/// Of the digits that qtractor writes.
fn are_equal(one: &[Value], other: &[Value]) -> bool {
    let is_equal = |(one, other): (&Value, &Value)| one.0 == other.0 && (one.1 - other.1).abs() < 1e-4;
    one.len() == other.len() && one.iter().zip(other).all(is_equal)
}

/// The values that the plugins themselves have when qtractor saves.
fn wait_for_values(qtractor: &mut Qtractor, what: &str, expected: &[Vec<Value>]) {
    ok(wait_until(what, || {
        let values = song::values(&qtractor.save()?);
        let is_so = values.iter().zip(expected).all(|(values, expected)| are_equal(values, expected));
        Ok((is_so && values.len() == expected.len()).then_some(()))
    }));
}

/// A track whose parameters go from their least to their most.
fn automated(class: Class, parameters: Vec<usize>, folder: &Path) -> Track {
    let file = folder.join(format!("{}.mid", class.name()));
    Track { automation: Some(Automation { file, parameters }), ..Track::new(class) }
}

#[test]
fn qtractor_automates_every_parameter_and_brings_them_back_with_the_session() {
    let folder = tempfile::tempdir().unwrap();
    let (jack, song) = (jack(folder.path()), folder.path().join("song.qtr"));
    let all = Class::ALL.map(parameters);
    let at = |end: fn(&Parameter) -> f64| {
        all.each_ref().map(|all| all.iter().map(|(number, parameter)| (*number, end(parameter))).collect())
    };
    let tracks = Class::ALL.map(|class| {
        let numbers = all[class as usize].iter().map(|(number, _)| *number).collect();
        automated(class, numbers, folder.path())
    });
    ok(song::write(&song, &tracks));
    let mut first = open(&jack, &song);
    ok(jack.transport("play"));
    wait_for_values(&mut first, "every parameter is at its least", &at(|parameter| parameter.minimum));
    let most = at(|parameter| parameter.maximum);
    wait_for_values(&mut first, "every parameter is at its most", &most);
    ok(jack.transport("stop"));
    let saved = ok(first.save());
    ok(first.close());
    std::fs::write(&song, song::with_state_alone(&saved)).unwrap();
    let mut second = open(&jack, &song);
    wait_for_values(&mut second, "every parameter is as it was saved", &most);
    ok(second.close());
}

/// The parameter is moved in one qtractor and heard in the next, which loads the session.
#[test]
fn qtractor_plays_its_own_track_as_the_saved_session_says() {
    let folder = tempfile::tempdir().unwrap();
    let song = folder.path().join("song.qtr");
    let mut plugin = plugin(Class::Backline);
    let parameters = plugin.parameters();
    let number = parameters.iter().position(|parameter| parameter.name == "Monitor Gain").unwrap();
    let loudest = plugin.value_text(parameters[number].id, parameters[number].maximum).unwrap();
    let loudest_db: f32 = loudest.trim_end_matches(" dB").parse().unwrap();
    ok(song::write(&song, &[automated(Class::Backline, vec![number], folder.path())]));
    {
        let jack = jack(folder.path());
        let mut qtractor = open(&jack, &song);
        ok(jack.transport("play"));
        ok(wait_until("the monitor gain is at its most", || {
            let values = song::values(&qtractor.save()?);
            Ok(values[0].contains(&(number, parameters[number].maximum)).then_some(()))
        }));
        let saved = ok(qtractor.save());
        ok(qtractor.close());
        std::fs::write(&song, song::with_state_alone(&saved)).unwrap();
    }
    let gain = 10_f32.powf(loudest_db / 20.0);
    let share = ok(own_track::share_played(Daw::Qtractor, song, gain, folder.path()));
    // A busy machine loses a block of JACK's now and then, which is not the plugin's.
    assert!(share > 0.9, "only {:.0} % of the samples are what was played", share * 100.0);
}

/// One track has the plugin switched on, so that its music does not come out; the other has it off, and begins a second later.
#[test]
fn qtractor_exports_silence_faster_than_real_time() {
    let folder = tempfile::tempdir().unwrap();
    let (jack, song) = (jack(folder.path()), folder.path().join("song.qtr"));
    let second = 48_000;
    let track = |is_active, at_frame, frames| {
        let clip = Some(Clip { file: bundles::music('a'), at_frame, frames });
        Track { is_active, clip, ..Track::new(Class::Backline) }
    };
    ok(song::write(&song, &[track(true, 0, 2 * second), track(false, second, second)]));
    let desktop = ok(Desktop::start(folder.path()));
    let environment = [("DISPLAY", desktop.display()), ON_SCREEN];
    let mut qtractor = ok(Qtractor::open(&song, &jack, &folder.path().join("home"), &environment));
    let heard = ok(qtractor.export(&desktop));
    ok(qtractor.close());
    assert_eq!(heard.frames(), 2 * second);
    for side in [&heard.left, &heard.right] {
        assert!(side[..second].iter().all(|sample| *sample == 0.0));
        assert!(side[second..].iter().any(|sample| sample.abs() > 0.1));
    }
}
