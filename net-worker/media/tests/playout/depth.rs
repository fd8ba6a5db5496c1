//! The depth that a user gives is the depth that is held, and the latency is what the model says.

use std::time::Duration;

use backline_codec::{Encoding, PcmFrame};
use backline_media::{Operation, SenderConfig};

use super::world::{Network, Outcome, Scenario, pcm16, run};

/// Mean slack over the last ten seconds, in ms.
fn settled_slack_ms(scenario: Scenario) -> f64 {
    let seconds = scenario.seconds;
    let outcome = run(scenario);
    let settled: Vec<f64> = outcome
        .pulls
        .iter()
        .filter(|pull| pull.1 > seconds - 10.0)
        .filter_map(|pull| pull.2.slack_ms)
        .map(f64::from)
        .collect();
    settled.iter().sum::<f64>() / settled.len() as f64
}

#[test]
fn the_mean_slack_is_the_target_within_a_frame() {
    for target_ms in [1.25, 2.5, 10.0, 40.0] {
        for (listener_ppm, jitter_ms) in [(0.0, 0.0), (80.0, 0.0), (-80.0, 3.0), (0.0, 3.0)] {
            let target = Duration::from_secs_f64(target_ms / 1000.0);
            let network: Network = Box::new(move |_, rng| {
                vec![Duration::from_secs_f64(0.002 + jitter_ms / 1000.0 * rng.unit().powi(4))]
            });
            let mean = settled_slack_ms(Scenario {
                target,
                listener_ppm,
                network,
                seconds: 30.0,
                ..Scenario::default()
            });
            println!("target {target_ms} ms, {listener_ppm} ppm, jitter {jitter_ms} ms: slack {mean:.2} ms");
            assert!((mean - target_ms).abs() <= 1.25, "target {target_ms} ms: {mean} ms");
        }
    }
}

#[test]
fn latency_is_what_the_model_says() {
    for (sender_block, listener_block, wait) in
        [(64, 64, 120), (480, 64, 480), (64, 480, 120), (128, 128, 184), (512, 512, 568)]
    {
        let outcome = run(Scenario { sender_block, listener_block, ..Scenario::default() });
        // Of the last sample frame of a pull, so without the listener's block: wait, network 96, target 120, resampler 16.
        let model = f64::from(wait + 96 + 120 + 16) / 48.0;
        let measured = outcome.latency_ms(4.5);
        println!("blocks {sender_block} and {listener_block}: {measured:.2} ms, model {model:.2} ms");
        assert!(
            measured <= model + 0.05,
            "blocks {sender_block} and {listener_block}: {measured} ms, model {model} ms"
        );
    }
}

#[test]
fn a_new_depth_is_reached_without_a_gap() {
    let (mut slack, config) = (Vec::new(), SenderConfig::plain(Encoding::Pcm16 { frame: PcmFrame::F60 }));
    assert_eq!(config, pcm16(0));
    for target_ms in [2u64, 6] {
        let outcome = run(Scenario {
            target: Duration::from_millis(target_ms),
            config,
            seconds: 15.0,
            ..Scenario::default()
        });
        assert_eq!(outcome.made_between(Operation::Conceal, 1.0, 15.0), 0);
        slack.push(outcome.stats.slack_ms.unwrap());
    }
    assert!((slack[1] - slack[0] - 4.0).abs() < 0.5, "{slack:?}");
}

/// From sample in to sample out inside the audio graph, if pull and packet took no time: the sender's samples are
/// all there at its callback, what is pulled is heard from the next callback on.
fn graph_latency_ms(outcome: &Outcome, at_s: f64, block: f64, network_ms: f64) -> f64 {
    outcome.latency_ms(at_s) - network_ms - block / 48.0 + 2.0 * block / 48.0
}

/// Mean over all phases between the two, in ms; the worst is printed.
fn mean_graph_latency_ms(frame_frames: usize, worst_ms: f64) -> f64 {
    let mut sum = 0.0;
    for step in 0..16 {
        let phase_ms = 0.05 + f64::from(step) * 64.0 / 48.0 / 16.0;
        let network: Network =
            Box::new(|_, rng| vec![Duration::from_secs_f64(60e-6 + 60e-6 * rng.unit().powi(6))]);
        let frame = PcmFrame::from_frames(frame_frames).unwrap();
        let config = SenderConfig::plain(Encoding::Pcm16 { frame });
        let target = Duration::from_micros(1250);
        let outcome =
            run(Scenario { config, target, phase_ms, network, seconds: 8.0, ..Scenario::default() });
        let latency = graph_latency_ms(&outcome, 7.0, 64.0, 0.0);
        assert_eq!(outcome.made_between(Operation::Conceal, 0.5, 8.0), 0);
        println!("frame {frame_frames}, phase {phase_ms:.2} ms: {latency:.2} ms");
        assert!(latency < worst_ms, "frame {frame_frames}, phase {phase_ms} ms: {latency} ms");
        sum += latency;
    }
    println!("frame {frame_frames}: mean {:.2} ms", sum / 16.0);
    sum / 16.0
}

#[test]
fn two_programs_on_one_machine_are_as_near_as_their_phase_allows() {
    assert!(mean_graph_latency_ms(60, 5.6) < 5.0);
    assert!(mean_graph_latency_ms(64, 4.5) < 4.0);
}

#[test]
fn what_the_phase_spared_is_paid_back_when_the_clocks_drift() {
    for listener_ppm in [1.0, -1.0, 4.0, -4.0, 20.0, -20.0, 200.0, -200.0] {
        let target = Duration::from_micros(1250);
        let outcome =
            run(Scenario { target, listener_ppm, phase_ms: 0.1, seconds: 70.0, ..Scenario::default() });
        assert_eq!(outcome.made_between(Operation::Conceal, 0.5, 70.0), 0, "{listener_ppm} ppm");
    }
}
