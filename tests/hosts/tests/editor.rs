//! The editor's real window, in a real host, used as a person would: with a mouse, a keyboard and a clipboard.
//!
//! The built VST3 bundle in pedalboard (JUCE), under an Xvfb of the test's own. Where to click is known to
//! `src/desktop/editor_look.rs` alone. Pictures are left in `target/screenshots`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test that is the way to fail")]

use std::path::{Path, PathBuf};
use std::process::Command;

use backline_hosts::analysis::spectrum::Correlator;
use backline_hosts::audio_file::Recording;
use backline_hosts::block_clock::monotonic_now;
use backline_hosts::bundles;
use backline_hosts::desktop::editor_look::{AMBER, EditorLook, FOCUS, WELL};
use backline_hosts::desktop::editor_window::EditorWindow;
use backline_hosts::desktop::picture::Picture;
use backline_hosts::desktop::{Desktop, check_tools, wait_until};
use backline_hosts::error::HostError;
use backline_hosts::session::host_process::HostProcess;
use backline_hosts::session::{HostKind, MUSIC_LOOP_FRAMES, Setup, Side};
use serde_json::Value;

/// For a readable text where `unwrap` would print a type.
fn ok<T>(result: Result<T, HostError>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

fn screenshots() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots")
}

/// A session opened by the CLAP bundle in another host, which plays music; and its invite link.
fn hosted_session(folder: &Path) -> (HostProcess, String) {
    let side = Side::new(HostKind::Clap, bundles::music('a'), 256);
    let setup = Setup {
        folder: folder.to_path_buf(),
        sides: [side.clone(), side.clone()],
        sample_rate_hz: 48_000,
        quality: "balanced".to_owned(),
        depth_ms: None,
        // Longer than the test takes; it is ended before.
        seconds: 180,
    };
    let link_file = folder.join("invite-link");
    let mut host =
        ok(HostProcess::start("a", &setup, &side, folder, ("BACKLINE_HOST_LINK_FILE", &link_file)));
    ok(host.wait_ready());
    ok(host.play(monotonic_now()));
    let link = ok(wait_until("the host writes its invite link", || {
        host.check_running()?;
        Ok(std::fs::read_to_string(&link_file).ok().filter(|link| !link.trim().is_empty()))
    }));
    (host, link.trim().to_owned())
}

fn assert_is_drawn(picture: &Picture) {
    assert!(picture.distinct_colours() > 200, "only {} colours", picture.distinct_colours());
    assert!(picture.count_of(AMBER) > 100, "only {} pixels in the accent colour", picture.count_of(AMBER));
}

/// Nobody has typed anything yet: Host is the button to press, and the field for the link is empty.
fn offers_host_and_join(look: &EditorLook, picture: &Picture) -> bool {
    let is = |point, colour| picture.at(point).is_some_and(|found| found.is_about(colour));
    is(look.host_button.fill(), AMBER)
        && is(look.join_field.centre(), WELL)
        && !is(look.join_button.fill(), AMBER)
}

/// What a new user may need from an empty project on.
const CLICKS_MAX: usize = 4;

/// How much of the music is in what was heard, in the best quarter of a second of it (a busy machine stands still now and then): 1 where
/// it is nothing else, about 0 where it is something else.
fn likeness(music: &Recording, heard: &Recording) -> f64 {
    let window = 12_000;
    let text = music.looped(MUSIC_LOOP_FRAMES, MUSIC_LOOP_FRAMES + window).mono();
    let correlator = Correlator::new(text.len() + window);
    let energy = |samples: &[f32]| samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
    let likenesses = heard
        .mono()
        .chunks_exact(window)
        .map(|pattern| {
            let sums = correlator.correlate(pattern, &text);
            let (place, sum) = sums.iter().enumerate().max_by(|one, other| one.1.total_cmp(other.1)).unwrap();
            f64::from(*sum) / (energy(pattern) * energy(&text[place..place + window])).sqrt().max(1e-9)
        })
        .collect::<Vec<_>>();
    likenesses.into_iter().fold(0.0, f64::max)
}

/// From an empty project, a fresh configuration and a link that somebody sent.
#[test]
fn a_newcomer_hears_a_peer_after_a_few_clicks_and_one_paste() {
    ok(check_tools());
    let folder = tempfile::tempdir().unwrap();
    let (mut host, link) = hosted_session(folder.path());
    let mut desktop = ok(Desktop::start(folder.path()));
    let mut editor = ok(EditorWindow::open(&desktop, &folder.path().join("editor"), &screenshots()));
    let before = ok(editor.wait_for_picture(&desktop, "it offers Host and Join", offers_host_and_join));
    ok(before.save(&screenshots().join("editor-before.png")));
    assert_is_drawn(&before);

    ok(desktop.set_clipboard(&link));
    ok(editor.click(&desktop, editor.look().join_field.centre()));
    ok(editor.wait_for_picture(&desktop, "the field is lit", |look, picture| {
        picture.at(look.join_field.edge()).is_some_and(|edge| edge.is_about(FOCUS))
    }));
    ok(editor.wait_for_keyboard(&desktop));
    ok(desktop.press("ctrl+v"));
    ok(editor.wait_for_picture(&desktop, "with a link, Join is the button to press", |look, picture| {
        picture.at(look.join_button.fill()).is_some_and(|fill| fill.is_about(AMBER))
    }));
    ok(editor.click(&desktop, editor.look().join_button.centre()));

    ok(editor.wait_for_report("it has joined", |report| (report["connection"] == "joined").then_some(())));
    ok(wait_until("the host counts two participants", || {
        host.check_running()?;
        Ok((host.report().count("/participants") == Some(2)).then_some(()))
    }));
    ok(editor.wait_for_report("the host's music arrives", |report| {
        let peak = report.pointer("/meters/slot_peaks/0/0").and_then(Value::as_f64)?;
        (peak > 0.01).then_some(())
    }));
    ok(editor.wait_for_report("the path is measured", |report| {
        report.pointer("/sources/0/latency_ms").and_then(Value::as_f64)
    }));
    let after = ok(editor.wait_for_picture(&desktop, "the host has a strip", |look, picture| {
        picture.at(look.first_strip_band.centre()).is_some_and(|band| band.is_vivid())
    }));
    ok(after.save(&screenshots().join("editor-joined.png")));
    assert_is_drawn(&after);
    assert_eq!(after.size(), before.size());
    let changed = after.difference(&before, editor.look().stage);
    assert!(changed > 0.3, "only {changed:.2} of the stage changed");
    assert!(after.difference(&before, editor.look().brand) < 0.01, "the logo changed");

    let clicks = editor.clicks();
    // What comes out is the peer's music.
    ok(editor.wait_for_report("two more seconds are played", seconds_later(&editor.report(), 2.0)));
    let heard = ok(editor.close());
    let likeness = likeness(&ok(Recording::read(&bundles::music('a'))), &heard);
    assert!(likeness > 0.9, "only {likeness:.3} of what is heard is the peer's music");
    assert!(clicks <= CLICKS_MAX, "{clicks} clicks");
    let figures = serde_json::json!({ "clicks": clicks, "pastes": 1, "likeness": likeness });
    std::fs::write(screenshots().with_file_name("newcomer.json"), figures.to_string()).unwrap();
}

/// Whether so many seconds of audio went through the plugin since an earlier report.
fn seconds_later(report: &Value, seconds: f64) -> impl Fn(&Value) -> Option<()> + use<> {
    let played = |report: &Value| report.pointer("/meters/frames").and_then(Value::as_f64);
    let until = played(report).unwrap_or_default() + seconds * 48_000.0;
    move |report| played(report).filter(|frames| *frames >= until).map(drop)
}

#[test]
fn hosting_from_the_editor_puts_the_invite_link_into_the_clipboard() {
    ok(check_tools());
    let folder = tempfile::tempdir().unwrap();
    let desktop = ok(Desktop::start(folder.path()));
    let mut editor = ok(EditorWindow::open(&desktop, &folder.path().join("editor"), &screenshots()));
    ok(editor.wait_for_picture(&desktop, "it offers Host and Join", offers_host_and_join));
    assert_eq!(ok(desktop.clipboard()), None, "the clipboard of a fresh display is empty");

    ok(editor.click(&desktop, editor.look().host_button.centre()));
    let invite = ok(editor.wait_for_report("it hosts", |report| {
        (report["connection"] == "hosting").then(|| report["invite"].as_str().map(str::to_owned)).flatten()
    }));
    assert!(invite.starts_with("backline://join/"), "{invite}");
    let copied = ok(wait_until("the clipboard has a text", || desktop.clipboard()));
    assert_eq!(copied, invite);
    let hosting = ok(editor.picture(&desktop));
    ok(hosting.save(&screenshots().join("editor-hosting.png")));
    assert_is_drawn(&hosting);
    ok(editor.close());
}

/// As pluginval does it.
#[test]
fn the_editor_opens_before_audio_and_again_and_while_audio_runs_and_parameters_move() {
    ok(check_tools());
    let folder = tempfile::tempdir().unwrap();
    let desktop = ok(Desktop::start(folder.path()));
    let output = Command::new(ok(bundles::python()))
        .arg(bundles::vst3_host_script().with_file_name("vst3_editor_stress.py"))
        .args([Path::new("--bundle"), &ok(bundles::vst3())])
        .env("DISPLAY", desktop.display())
        .env("LIBGL_ALWAYS_SOFTWARE", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("BACKLINE_CONFIG_DIR", folder.path())
        .env("BACKLINE_LOCAL_NETWORK", "off")
        .env_remove("BACKLINE_HOST_LINK_FILE")
        .env_remove("BACKLINE_JOIN")
        .output()
        .unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("ok: "), "it ended with {}: {said}", output.status);
}
