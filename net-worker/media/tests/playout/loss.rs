//! Packets that never come: what is heard has no click, resembles what was lost, and comes back.

use std::time::Duration;

use backline_codec::{Encoding, OpusFrame, PcmFrame, Quality};
use backline_media::{Operation, SenderConfig};

use super::signal::{Signal, find, multi_sine, music, noise, render, sharpest_bend, snr_db};
use super::world::{Network, Outcome, Scenario, pcm16, run};

const SECONDS: f64 = 12.0;

/// Loses packets independently of each other.
fn losing(share: f64) -> Network {
    Box::new(move |_, rng| if rng.unit() < share { vec![] } else { vec![Duration::from_millis(2)] })
}

fn lossy(signal: Signal, config: SenderConfig, network: Network) -> Outcome {
    run(Scenario { signal, config, network, seconds: SECONDS, ..Scenario::default() })
}

/// The SNR of what was heard against what was sent, in dB.
fn heard_snr_db(outcome: &Outcome, signal: Signal) -> f64 {
    let sent = render(signal, (SECONDS * 48_000.0) as usize);
    let from = outcome.first_sound() + 4800;
    let heard = &outcome.heard[from * 2..];
    let delay = best_delay(&sent, heard, from);
    snr_db(&sent[(from - delay) * 2..], heard)
}

fn best_delay(sent: &[f32], heard: &[f32], from: usize) -> usize {
    let length = heard.len().min(96_000);
    let error = |delay: usize| -> f64 {
        let shifted = &sent[(from - delay) * 2..];
        heard[..length].iter().zip(shifted).map(|(heard, sent)| f64::from((heard - sent).abs())).sum()
    };
    (100..900).min_by(|left, right| error(*left).total_cmp(&error(*right))).unwrap()
}

#[test]
fn pcm_sounds_better_than_zeros_and_never_clicks() {
    for share in [0.01, 0.05, 0.1, 0.2] {
        let outcome = lossy(music, pcm16(0), losing(share));
        let tones = lossy(multi_sine, pcm16(0), losing(share));
        let (made, tonal) = (heard_snr_db(&outcome, music), heard_snr_db(&tones, multi_sine));
        // Zeros in place of a share of the signal leave exactly that share of its energy as error.
        let zeros = -10.0 * share.log10();
        println!(
            "PCM, {:.0} % lost: music {made:.1} dB, tones {tonal:.1} dB (zeros {zeros:.1})",
            share * 100.0
        );
        assert!(made > zeros + 3.0, "{share}: {made} dB against {zeros} dB");
        assert!(tonal > zeros + 10.0, "{share}: {tonal} dB against {zeros} dB");
        assert_no_click(&outcome, music, 1.1, &format!("music, {share}"));
        assert_no_click(&tones, multi_sine, 1.3, &format!("tones, {share}"));
        assert_eq!(outcome.stats.starts, 1);
    }
}

fn assert_no_click(outcome: &Outcome, signal: Signal, bend_max: f32, what: &str) {
    let sent = sharpest_bend(&render(signal, (SECONDS * 48_000.0) as usize));
    let heard = sharpest_bend(&outcome.heard);
    println!("{what}: bend {:.3} of the signal's", heard / sent);
    assert!(heard <= sent * bend_max, "{what}: a click, {heard} against {sent}");
}

#[test]
fn a_burst_of_loss_fades_and_comes_back_without_a_click() {
    for packets in [4u64, 16, 40] {
        for config in [pcm16(0), opus(OpusFrame::Ms2_5, 0)] {
            let network: Network = Box::new(move |packet, _| {
                if packet > 2000 && packet % 1000 < packets { vec![] } else { vec![Duration::from_millis(2)] }
            });
            let outcome = lossy(multi_sine, config, network);
            assert_no_click(
                &outcome,
                multi_sine,
                1.3,
                &format!("{} packets of {}", packets, config.encoding),
            );
        }
    }
}

fn opus(frame: OpusFrame, redundancy: u8) -> SenderConfig {
    SenderConfig { redundancy, ..SenderConfig::plain(Encoding::Opus { frame, bitrate_bps: 256_000 }) }
}

#[test]
fn opus_conceals_without_clicks() {
    for share in [0.0, 0.01, 0.05, 0.2] {
        let outcome = lossy(multi_sine, opus(OpusFrame::Ms2_5, 0), losing(share));
        let lost_frames = outcome.stats.concealed_frames();
        assert!(lost_frames >= (share * 0.7 * 48_000.0 * (SECONDS - 1.0)) as u64, "{lost_frames}");
        let made = heard_snr_db(&lossy(music, opus(OpusFrame::Ms2_5, 0), losing(share)), music);
        println!("Opus, {:.0} % lost: music {made:.1} dB", share * 100.0);
        assert_no_click(&outcome, multi_sine, 1.4, &format!("Opus, {share}"));
    }
}

#[test]
fn careful_recovers_every_single_loss() {
    let config = SenderConfig {
        redundancy: Quality::Careful.redundancy(),
        ..SenderConfig::plain(Quality::Careful.encoding())
    };
    // Never two neighbours: every fourth packet at the most.
    let network: Network =
        Box::new(
            |packet, rng| {
                if packet % 4 == 3 && rng.unit() < 0.8 { vec![] } else { vec![Duration::from_millis(2)] }
            },
        );
    let target = Duration::from_millis(10);
    let outcome = run(Scenario { config, network, target, seconds: SECONDS, ..Scenario::default() });
    assert_eq!(outcome.stats.concealed_frames(), 0);
    assert!(outcome.stats.recovered_frames() > 48_000, "{}", outcome.stats.recovered_frames());
}

#[test]
fn copies_of_pcm_are_bit_exact() {
    let network: Network =
        Box::new(|packet, _| if packet % 3 == 2 { vec![] } else { vec![Duration::from_millis(2)] });
    let config =
        SenderConfig { redundancy: 1, ..SenderConfig::plain(Encoding::Pcm24 { frame: PcmFrame::F60 }) };
    let outcome = run(Scenario { signal: noise, config, network, ..Scenario::default() });
    let sent = render(noise, 48_000 * 5);
    let from = outcome.first_sound() + 300;
    let place = find(&outcome.heard[from * 2..from * 2 + 128], &sent).unwrap();
    assert!(outcome.heard[from * 2..].iter().zip(&sent[place * 2..]).all(|(heard, sent)| heard == sent));
    assert!(outcome.made_between(Operation::Recover, 1.0, 4.0) > 40_000);
}
