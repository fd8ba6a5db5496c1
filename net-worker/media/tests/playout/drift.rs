//! Two sound cards that disagree: over a minute there is no gap, no click, and no growing latency.
//!
//! A click is measured as the sharpest bend (largest second difference) of what is heard against that of what was
//! sent: resampling by 500 ppm changes it by 0.1 %, a repeated or missing sample by far more
//! (`a_dropped_sample_would_be_found`).

use std::time::Duration;

use backline_codec::{Encoding, OpusFrame};
use backline_media::{Operation, SenderConfig};

use super::signal::{multi_sine, render, sharpest_bend};
use super::world::{Outcome, Scenario, run};

/// What is heard may bend by so much more than what was sent.
const BEND_MAX: f32 = 1.03;
/// The noise of the codec bends too.
const BEND_MAX_OPUS: f32 = 1.2;

fn drifting(sender_block: usize, listener_block: usize, listener_ppm: f64, target_us: u64) -> Outcome {
    run(Scenario {
        sender_block,
        listener_block,
        listener_ppm,
        target: Duration::from_micros(target_us),
        seconds: 66.0,
        ..Scenario::default()
    })
}

fn assert_no_gap_no_click(outcome: &Outcome, bend_max: f32, what: &str) {
    let began = outcome.sound_began_s() + 0.4;
    for operation in [Operation::Conceal, Operation::Merge, Operation::Silence] {
        assert_eq!(outcome.made_between(operation, began, 66.0), 0, "{what}: {operation:?}");
    }
    assert_eq!((outcome.stats.starts, outcome.stats.skipped_frames), (1, 0), "{what}");
    let sent = sharpest_bend(&render(multi_sine, 96_000));
    let heard = sharpest_bend(outcome.between(began, 66.0));
    println!("{what}: bend {:.4} of the signal's", heard / sent);
    assert!(heard <= sent * bend_max, "{what}: a click, {heard} against {sent}");
}

fn assert_latency_steady(outcome: &Outcome, from_s: f64, spread_ms: f64, what: &str) {
    let mut lowest = f64::MAX;
    let mut highest = f64::MIN;
    for tenth in (from_s * 10.0) as u32..650 {
        let latency = outcome.latency_ms(f64::from(tenth) / 10.0);
        (lowest, highest) = (lowest.min(latency), highest.max(latency));
    }
    let stats = outcome.stats;
    println!(
        "{what}: latency {lowest:.2} to {highest:.2} ms, drift {:.1} ppm, slack {:?} ms",
        stats.drift_ppm, stats.slack_ms
    );
    assert!(highest - lowest <= spread_ms, "{what}: latency from {lowest} to {highest} ms");
}

#[test]
fn small_and_middle_blocks_at_50_and_500_ppm() {
    for (sender_block, listener_block) in [(64, 64), (17, 480), (480, 64), (512, 512)] {
        for ppm in [50.0, -50.0, 500.0, -500.0] {
            let what = format!("blocks {sender_block} and {listener_block}, {ppm} ppm");
            let outcome = drifting(sender_block, listener_block, ppm, 2500);
            assert_no_gap_no_click(&outcome, BEND_MAX, &what);
            assert_latency_steady(&outcome, 20.0, 1.5, &what);
            assert!(
                (f64::from(outcome.stats.drift_ppm) + ppm).abs() < 10.0,
                "{what}: {}",
                outcome.stats.drift_ppm
            );
        }
    }
}

#[test]
fn one_frame_of_depth_is_enough_for_block_64() {
    for ppm in [50.0, -50.0, 500.0, -500.0] {
        let what = format!("1.25 ms of depth, {ppm} ppm");
        let outcome = drifting(64, 64, ppm, 1250);
        assert_no_gap_no_click(&outcome, BEND_MAX, &what);
        assert_latency_steady(&outcome, 20.0, 1.5, &what);
    }
}

#[test]
fn a_thousand_ppm_is_held_from_the_least_depth_on() {
    for listener_ppm in [1_000.0, -1_000.0] {
        let outcome = run(Scenario {
            listener_ppm,
            block_is_known: true,
            target: Duration::from_micros(500),
            ceiling: Some(Duration::from_millis(5)),
            seconds: 66.0,
            phase_ms: 0.43,
            ..Scenario::default()
        });
        let what = format!("{listener_ppm} ppm");
        for operation in [Operation::Conceal, Operation::Stretch, Operation::Merge, Operation::Silence] {
            assert_eq!(outcome.made_between(operation, 30.0, 66.0), 0, "{what}: {operation:?}");
        }
        assert_latency_steady(&outcome, 30.0, 1.5, &what);
    }
}

#[test]
fn the_largest_blocks_at_50_and_500_ppm() {
    for (sender_block, listener_block) in [(8192, 8192), (8192, 64), (64, 8192)] {
        for ppm in [50.0, -50.0, 500.0, -500.0] {
            let what = format!("blocks {sender_block} and {listener_block}, {ppm} ppm");
            let outcome = drifting(sender_block, listener_block, ppm, 5000);
            assert_no_gap_no_click(&outcome, BEND_MAX, &what);
            assert_latency_steady(&outcome, 20.0, 6.0, &what);
        }
    }
}

#[test]
fn opus_follows_the_drift_too() {
    let encoding = Encoding::Opus { frame: OpusFrame::Ms2_5, bitrate_bps: 256_000 };
    for listener_ppm in [500.0, -500.0] {
        let config = SenderConfig::plain(encoding);
        let outcome = run(Scenario { config, listener_ppm, seconds: 66.0, ..Scenario::default() });
        assert_no_gap_no_click(&outcome, BEND_MAX_OPUS, &format!("Opus, {listener_ppm} ppm"));
    }
}

#[test]
fn a_dropped_sample_would_be_found() {
    let mut heard = render(multi_sine, 96_000);
    let sent = sharpest_bend(&heard);
    heard.drain(50_000..50_002);
    assert!(sharpest_bend(&heard) > 1.5 * sent, "the measure must see a single missing sample frame");
}
