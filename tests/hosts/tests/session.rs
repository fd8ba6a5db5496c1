//! Whole sessions through the built bundles: two host processes on loopback, five seconds of music each way.
//!
//! What was heard is asserted; latencies and dropouts on a machine that does other work are `cargo xtask report path`'s.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test that is the way to fail")]

use std::path::{Path, PathBuf};

use backline_hosts::analysis::Strictness;
use backline_hosts::bundles::{self, CLAP_MULTI_ID};
use backline_hosts::clap_plugin::{ClapBundle, with_project};
use backline_hosts::daw::{Class, Daw};
use backline_hosts::figures::SessionFigures;
use backline_hosts::session::{self, HostKind, Setup, Side};
use serde_json::Value;

fn side(kind: HostKind, part: char, block_frames: usize) -> Side {
    Side::new(kind, bundles::music(part), block_frames)
}

fn figures(sides: [Side; 2], quality: &str, sample_rate_hz: u32) -> SessionFigures {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup {
        folder: folder.path().to_path_buf(),
        sides,
        sample_rate_hz,
        quality: quality.to_owned(),
        depth_ms: None,
        seconds: 5,
    };
    let played =
        session::run(&setup, &mut |step| eprintln!("{step}")).unwrap_or_else(|error| panic!("{error}"));
    SessionFigures::of(&played, Strictness::CODEC, folder.path())
}

fn assert_both_hear_each_other(figures: &SessionFigures) {
    for (side, name) in figures.sides.iter().zip(["A", "B"]) {
        assert!(side.heard, "{name} did not hear the other's music: {figures:#?}");
        assert!(side.level_difference_db.abs() < 0.5, "{name} hears {} dB off", side.level_difference_db);
        assert!(side.latency_ms_median < 200.0, "{name} hears {} ms late", side.latency_ms_median);
    }
}

#[test]
fn vst3_and_clap_hear_each_other_in_pcm() {
    assert_both_hear_each_other(&figures(
        [side(HostKind::Vst3, 'a', 64), side(HostKind::Clap, 'b', 64)],
        "lowest-latency",
        48_000,
    ));
}

#[test]
fn clap_and_clap_hear_each_other_in_opus() {
    assert_both_hear_each_other(&figures(
        [side(HostKind::Clap, 'a', 64), side(HostKind::Clap, 'b', 512)],
        "balanced",
        48_000,
    ));
}

#[test]
fn clap_and_vst3_hear_each_other_at_44100() {
    assert_both_hear_each_other(&figures(
        [side(HostKind::Clap, 'a', 128), side(HostKind::Vst3, 'b', 480)],
        "lossless",
        44_100,
    ));
}

#[test]
fn a_return_hears_the_others_and_is_heard_by_nobody() {
    let figures = figures(
        [side(HostKind::Clap, 'a', 64), side(HostKind::ClapReturn, 'b', 256)],
        "lowest-latency",
        48_000,
    );
    assert!(figures.sides[1].heard, "the Return did not hear A: {figures:#?}");
    assert!(figures.sides[1].level_difference_db.abs() < 0.5, "{figures:#?}");
    assert!(!figures.sides[0].heard, "A hears something of a plugin that sends nothing");
}

/// The framework alone would pass the own track through there, and nobody else.
#[test]
fn multi_in_vst3_hears_the_others_with_its_auxiliary_outputs_inactive() {
    assert_both_hear_each_other(&figures(
        [side(HostKind::Vst3Multi, 'a', 128), side(HostKind::Clap, 'b', 128)],
        "lowest-latency",
        48_000,
    ));
}

#[test]
fn a_return_in_vst3_hears_the_others() {
    let figures = figures(
        [side(HostKind::Clap, 'a', 128), side(HostKind::Vst3Return, 'b', 128)],
        "lowest-latency",
        48_000,
    );
    assert!(figures.sides[1].heard, "the Return did not hear A: {figures:#?}");
    assert!(!figures.sides[0].heard, "A hears something of a plugin that sends nothing");
}

/// A project of Multi in which every slot plays on an auxiliary output.
fn state_on_bus(folder: &Path, bus: &str) -> PathBuf {
    let mut plugin = ClapBundle::open(&bundles::clap().unwrap()).unwrap().instance(CLAP_MULTI_ID).unwrap();
    let state = with_project(&plugin.save_state().unwrap(), |project| {
        for slot in project["slots"].as_array_mut().unwrap() {
            slot["bus"] = Value::from(bus);
        }
    });
    let path = folder.join("multi.state");
    std::fs::write(&path, state.unwrap()).unwrap();
    path
}

#[test]
fn multi_plays_a_musician_on_an_auxiliary_output() {
    let folder = tempfile::tempdir().unwrap();
    let state = Some(state_on_bus(folder.path(), "aux3"));
    let multi = Side { state, ..side(HostKind::ClapMulti { output_port: 3 }, 'b', 64) };
    let figures = figures([side(HostKind::Clap, 'a', 64), multi], "lowest-latency", 48_000);
    assert_both_hear_each_other(&figures);
}

#[test]
fn multi_keeps_the_main_output_free_of_who_is_on_an_auxiliary_one() {
    let folder = tempfile::tempdir().unwrap();
    let state = Some(state_on_bus(folder.path(), "aux3"));
    let multi = Side { state, ..side(HostKind::ClapMulti { output_port: 0 }, 'b', 64) };
    let figures = figures([side(HostKind::Clap, 'a', 64), multi], "lowest-latency", 48_000);
    assert!(figures.sides[0].heard, "A did not hear B");
    assert!(!figures.sides[1].heard, "B hears A on main although all slots are on auxiliary output 3");
}

#[test]
fn ardour_and_clap_hear_each_other_while_the_transport_moves() {
    assert_both_hear_each_other(&figures(
        [side(HostKind::DawRolling(Daw::Ardour, Class::Backline), 'a', 256), side(HostKind::Clap, 'b', 64)],
        "lowest-latency",
        48_000,
    ));
}

#[test]
fn multi_in_ardour_and_clap_hear_each_other() {
    assert_both_hear_each_other(&figures(
        [side(HostKind::Clap, 'a', 64), side(HostKind::Daw(Daw::Ardour, Class::Multi), 'b', 128)],
        "balanced",
        48_000,
    ));
}

#[test]
fn a_return_in_ardour_hears_the_others() {
    let figures = figures(
        [side(HostKind::Clap, 'a', 128), side(HostKind::Daw(Daw::Ardour, Class::Return), 'b', 256)],
        "lowest-latency",
        48_000,
    );
    assert!(figures.sides[1].heard, "the Return did not hear A: {figures:#?}");
    assert!(!figures.sides[0].heard, "A hears something of a plugin that sends nothing");
}

/// It gives the plugin its main output alone.
#[test]
fn multi_in_qtractor_and_clap_hear_each_other_while_the_transport_moves() {
    assert_both_hear_each_other(&figures(
        [side(HostKind::DawRolling(Daw::Qtractor, Class::Multi), 'a', 256), side(HostKind::Clap, 'b', 64)],
        "lowest-latency",
        48_000,
    ));
}
