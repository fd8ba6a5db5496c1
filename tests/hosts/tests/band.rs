//! Several tracks of one project in a real host, in one session with others: who is heard where, and how loud when a DAW moves a fader.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test that is the way to fail")]

use std::time::Duration;

use backline_hosts::band::{Automation, Band, Measurement, wrong_ways};

const INSTANCES: [usize; 2] = [8, 4];

#[test]
fn eight_tracks_and_four_in_one_session_are_heard_once_each() {
    let folder = tempfile::tempdir().unwrap();
    let mut band = Band::start(folder.path(), &INSTANCES).unwrap_or_else(|error| panic!("{error}"));
    let measured = band
        .measure_until(Duration::from_secs(40), |measured| wrong_ways(measured, &INSTANCES) == 0)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        wrong_ways(&measured, &INSTANCES),
        0,
        "A hears {:.2?}\nB hears {:.2?}",
        measured[0].loudness,
        measured[1].loudness
    );
}

/// Two tracks in the process of who hosts, and two who join with one each: each of them hears the tones of both others.
const TRIO: [usize; 3] = [2, 1, 1];
/// The tone that is moved, the one of the third.
const MOVED: usize = 3;
/// -12 dB.
const QUIETER: f32 = 0.251;

fn quieter_at<'a>(
    before: &'a [Measurement],
    after: &'a [Measurement],
) -> impl Iterator<Item = (usize, usize, f32)> + 'a {
    let tones = TRIO.iter().sum();
    let ways = (0..TRIO.len()).flat_map(move |side| (0..tones).map(move |tone| (side, tone)));
    let heard = ways.filter(|(side, tone)| before[*side].of_tone(*tone) > 0.1);
    heard.map(|(side, tone)| (side, tone, after[side].of_tone(tone) / before[side].of_tone(tone)))
}

fn assert_moved(before: &[Measurement], after: &[Measurement], listeners: &[usize]) {
    let mut moved = 0;
    for (side, tone, ratio) in quieter_at(before, after) {
        let is_moved = tone == MOVED && listeners.contains(&side);
        let expected = if is_moved { QUIETER } else { 1.0 };
        moved += usize::from(is_moved);
        let off_db = 20.0 * (ratio / expected).log10();
        assert!(off_db.abs() < 1.0, "tone {tone} at {side} is {off_db:.1} dB off what was expected");
    }
    assert_eq!(moved, listeners.len(), "who hears it");
}

#[test]
fn a_fader_that_a_daw_drags_changes_one_source_in_one_pair_of_ears_and_a_send_level_in_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut band = Band::start(folder.path(), &TRIO).unwrap_or_else(|error| panic!("{error}"));
    let settled = |measured: &[Measurement]| wrong_ways(measured, &TRIO) == 0;
    let before = band.measure_until(Duration::from_secs(40), settled).unwrap();
    assert_eq!(wrong_ways(&before, &TRIO), 0, "{before:.2?}");

    let slot = source_of_c(&band, 1)["slot"].as_u64().unwrap();
    let parameter = &format!("Slot {} Gain", slot + 1);
    band.automate(1, Automation { instance: 0, parameter, to: "-12 dB" }).unwrap();
    let after = band.measure().unwrap();
    assert_moved(&before, &after, &[1]);

    band.automate(2, Automation { instance: 0, parameter: "Send Gain", to: "-12 dB" }).unwrap();
    let for_all = band.measure().unwrap();
    assert_moved(&after, &for_all, &[0, 1]);
    for side in [0, 1] {
        let told = source_of_c(&band, side)["send_fader"]["gain_db"].as_f64();
        assert_eq!(told, Some(-12.0), "what {side} is told of it");
    }
}

/// What a side reports of the one source of the third.
fn source_of_c(band: &Band, side: usize) -> serde_json::Value {
    let report = band.report(side).unwrap();
    let sources = report["sources"].as_array().unwrap();
    sources.iter().find(|source| source["participant_name"] == "Host C").cloned().unwrap()
}
