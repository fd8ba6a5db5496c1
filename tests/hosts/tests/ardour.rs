//! Ardour with the built VST3 bundle: a real DAW on Linux, without its window, with its own clock or under JACK.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test that is the way to fail")]

use std::path::Path;

use backline_hosts::daw::ardour::{self, Ardour, Backend};
use backline_hosts::daw::{Class, Daw, own_track};
use backline_hosts::desktop::wait_until;
use backline_hosts::error::HostError;

/// For a readable text where `unwrap` would print a type.
fn ok<T>(result: Result<T, HostError>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// Ardour with its own clock and the project `name` of this folder.
fn open(folder: &Path, name: &str) -> Ardour {
    ok(Ardour::open(Backend::Dummy, &folder.join(name), &folder.join("home"), &[]))
}

#[test]
fn ardour_scans_every_class_and_puts_it_on_a_track() {
    let folder = tempfile::tempdir().unwrap();
    let scanned = ok(ardour::scan(&folder.path().join("home")));
    for class in Class::ALL {
        assert!(scanned.contains(&format!("Found Plugin: {}\n", class.name())), "{scanned}");
    }
    let mut ardour = open(folder.path(), "song");
    let channels = Class::ALL.map(|class| ok(ardour.add(class)));
    assert_eq!(channels, ["2 in, 2 out", "2 in, 18 out", "2 in, 2 out"]);
    for class in Class::ALL {
        assert_eq!(ok(ardour.ask(&format!("return latency({:?})", class.name()))), "0");
    }
    ok(ardour.close());
}

#[test]
fn ardour_brings_every_parameter_back_with_the_project() {
    let folder = tempfile::tempdir().unwrap();
    let values = |ardour: &mut Ardour| {
        Class::ALL.map(|class| ok(ardour.ask(&format!("return values({:?})", class.name()))))
    };
    let mut first = open(folder.path(), "song");
    for class in Class::ALL {
        ok(first.add(class));
    }
    let fresh = values(&mut first);
    for class in Class::ALL {
        ok(first.ask(&format!("return move_all({:?})", class.name())));
    }
    let moved = values(&mut first);
    ok(first.ask("return save()"));
    ok(first.close());
    let mut second = open(folder.path(), "song");
    assert_eq!(values(&mut second), moved);
    assert_ne!(moved, fresh);
    ok(second.close());
}

#[test]
fn ardour_automates_every_parameter() {
    let folder = tempfile::tempdir().unwrap();
    let mut ardour = open(folder.path(), "song");
    ok(ardour.add(Class::Multi));
    let count = ok(ardour.ask(r#"return automate_all("Backline Multi")"#));
    let wait_for = |ardour: &mut Ardour, what: &str, expected: &str| {
        ok(wait_until(what, || {
            Ok((ardour.ask(r#"return at_ends("Backline Multi")"#)? == expected).then_some(()))
        }));
    };
    ok(ardour.ask("roll()"));
    wait_for(&mut ardour, "every parameter is at its least", &format!("{count} least, 0 most, of {count}"));
    wait_for(&mut ardour, "every parameter is at its most", &format!("0 least, {count} most, of {count}"));
    ok(ardour.close());
}

/// The parameter is set in one Ardour and heard in the next, which loads the project.
#[test]
fn ardour_plays_its_own_track_as_the_saved_project_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut ardour = open(folder.path(), "song");
    ok(ardour.add(Class::Backline));
    ok(ardour.set(Class::Backline, "Monitor Gain", 0.0));
    ok(ardour.ask("return save()"));
    ok(ardour.close());
    assert_plays_its_track(folder.path());
}

/// Ardour's own button on the plugin, which it keeps with the project.
#[test]
fn ardour_plays_the_input_of_a_bypassed_plugin() {
    let folder = tempfile::tempdir().unwrap();
    let mut ardour = open(folder.path(), "song");
    ok(ardour.add(Class::Backline));
    ok(ardour.ask(r#"return bypass("Backline")"#));
    ok(ardour.ask("return save()"));
    ok(ardour.close());
    assert_plays_its_track(folder.path());
}

/// Noise goes into the plugin, and nothing comes out unless it is switched off.
#[test]
fn ardour_exports_silence_faster_than_real_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut ardour = open(folder.path(), "song");
    ok(ardour.add(Class::Backline));
    ok(ardour.ask(r#"return noise("Backline")"#));
    ok(ardour.ask("return save()"));
    ok(ardour.ask(r#"return bypass("Backline")"#));
    ok(ardour.ask(r#"return save("switched-off")"#));
    ok(ardour.close());
    let export = |name| {
        let (project, home) = (folder.path().join("song"), folder.path().join("home"));
        let heard = ok(ardour::export(&project, name, &home));
        assert_eq!(heard.frames(), 240_000, "five seconds");
        heard.left.iter().chain(&heard.right).fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()))
    };
    assert_eq!(export("project"), 0.0);
    assert!(export("switched-off") > 0.1);
}

/// What comes out of the project `song` under JACK is what goes into its track. A busy machine loses a block of JACK's now and
/// then, which is not the plugin's.
fn assert_plays_its_track(folder: &Path) {
    let share = ok(own_track::share_played(Daw::Ardour, folder.join("song"), 1.0, folder));
    assert!(share > 0.9, "only {:.0} % of the samples are what was played", share * 100.0);
}
