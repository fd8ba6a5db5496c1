//! A source that goes and returns, a listener that pauses, a path that becomes slower: never a click, never old audio.

use std::time::Duration;

use backline_media::{Operation, PlayoutState};

use super::signal::{multi_sine, render, sharpest_bend};
use super::world::{Network, Outcome, Scenario, pcm16, run};
use backline_codec::{Encoding, OpusFrame};
use backline_media::SenderConfig;

fn assert_no_click(outcome: &Outcome, bend_max: f32) {
    let sent = sharpest_bend(&render(multi_sine, 96_000));
    let heard = sharpest_bend(&outcome.heard);
    println!("bend {:.3} of the signal's", heard / sent);
    assert!(heard <= bend_max * sent, "a click: {heard} against {sent}");
}

#[test]
fn a_source_that_stops_fades_out_and_comes_back() {
    let opus = SenderConfig::plain(Encoding::Opus { frame: OpusFrame::Ms2_5, bitrate_bps: 256_000 });
    for config in [pcm16(0), opus] {
        let outcome = run(Scenario { config, sender_pause: (2.0, 3.5), seconds: 6.0, ..Scenario::default() });
        let silent = outcome.between(2.13, 3.4);
        assert!(silent.iter().all(|sample| *sample == 0.0), "faded out 130 ms after the last packet");
        assert_eq!(outcome.stats_at(3.0).state, PlayoutState::Silent);
        assert_eq!(outcome.stats_at(4.0).state, PlayoutState::Playing);
        assert_eq!(outcome.made_between(Operation::Silence, 3.8, 6.0), 0, "back within 300 ms");
        assert_eq!(outcome.stats.starts, 2);
        assert_no_click(&outcome, 1.25);
    }
}

#[test]
fn a_listener_who_pauses_hears_nothing_old_afterwards() {
    for pause in [0.1, 0.6, 5.0] {
        let outcome =
            run(Scenario { listener_pause: (2.0, 2.0 + pause), seconds: 11.0, ..Scenario::default() });
        let before = outcome.latency_ms(1.9);
        let after = outcome.latency_ms(10.5);
        assert!((after - before).abs() < 2.0, "pause of {pause} s: {before} ms before, {after} ms after");
        // A long pause is noticed at once, a hiccup of the host within two seconds.
        let soon =
            outcome.pulls.iter().find(|pull| pull.1 > 2.0 + pause && pull.2.played.is_some()).unwrap().1;
        let latency = outcome.latency_ms(soon);
        assert!(pause < 0.25 || latency < before + 2.0, "pause of {pause} s: {latency} ms at {soon} s");
        println!(
            "pause of {pause} s: {before:.2} ms before, {after:.2} ms after, {} sample frames skipped",
            outcome.stats.skipped_frames
        );
        if pause < 0.25 {
            assert!(outcome.latency_ms(4.5) < before + 2.0, "{}", outcome.latency_ms(4.5));
            let sent = sharpest_bend(&render(multi_sine, 96_000));
            assert!(sharpest_bend(outcome.between(2.2, 11.0)) < 1.25 * sent);
        }
    }
}

#[test]
fn a_path_that_becomes_slower_is_followed() {
    for extra_ms in [15u64, 60, 300] {
        let network: Network = Box::new(move |packet, _| {
            vec![Duration::from_millis(if packet < 2400 { 2 } else { 2 + extra_ms })]
        });
        let outcome = run(Scenario { network, seconds: 9.0, ..Scenario::default() });
        let what = format!("{extra_ms} ms more");
        assert_eq!(outcome.made_between(Operation::Conceal, 4.5, 9.0), 0, "{what}");
        assert_eq!(outcome.made_between(Operation::Silence, 4.5, 9.0), 0, "{what}");
        assert!(outcome.stats.starts <= 2, "{what}");
        assert_no_click(&outcome, 1.25);
    }
}

#[test]
fn a_path_that_becomes_faster_is_followed() {
    let network: Network =
        Box::new(move |packet, _| vec![Duration::from_millis(if packet < 2400 { 60 } else { 2 })]);
    let outcome = run(Scenario { network, seconds: 8.0, ..Scenario::default() });
    let gained = outcome.latency_ms(2.5) - outcome.latency_ms(7.5);
    assert!((56.0..60.0).contains(&gained), "{gained}");
    assert_no_click(&outcome, 1.25);
}

#[test]
fn a_short_hiccup_of_the_network_is_bridged() {
    // Nothing for 30 ms, then everything that was missing, at once.
    let network: Network = Box::new(|packet, _| {
        let held_back = if (2400..2424).contains(&packet) { (2424 - packet) as f64 * 0.00125 } else { 0.0 };
        vec![Duration::from_secs_f64(0.002 + held_back)]
    });
    let outcome = run(Scenario { network, seconds: 8.0, ..Scenario::default() });
    assert_eq!(outcome.stats.starts, 1);
    assert_eq!(outcome.made_between(Operation::Conceal, 3.5, 8.0), 0);
    assert!(
        (outcome.latency_ms(2.5) - outcome.latency_ms(7.5)).abs() < 0.5,
        "one hiccup does not deepen the queue"
    );
    assert_no_click(&outcome, 1.25);
}
