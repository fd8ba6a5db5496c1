//! Packets in any order, twice, over two paths: what is heard is bit for bit what was sent.

use std::time::Duration;

use backline_media::Operation;

use super::signal::{find, noise, render};
use super::world::{Network, Outcome, Scenario, run};

fn assert_exact(outcome: &Outcome) {
    let sent = render(noise, 48_000 * 6);
    let from = outcome.first_sound() + 300;
    let place = find(&outcome.heard[from * 2..from * 2 + 128], &sent).expect("heard was sent");
    let differs =
        outcome.heard[from * 2..].iter().zip(&sent[place * 2..]).position(|(heard, sent)| heard != sent);
    assert_eq!(differs, None);
    assert_eq!(outcome.stats.tally.frames(Operation::Conceal), 0);
}

fn through(network: Network, target_ms: u64) -> Outcome {
    run(Scenario { signal: noise, network, target: Duration::from_millis(target_ms), ..Scenario::default() })
}

#[test]
fn reordering_within_the_depth_is_repaired() {
    // The delays differ by up to 8 ms from packet to packet, each sent 1.25 ms after the one before.
    let outcome = through(Box::new(|_, rng| vec![Duration::from_secs_f64(0.002 + 0.008 * rng.unit())]), 8);
    assert_exact(&outcome);
    assert_eq!(outcome.stats.late(), 0);
}

#[test]
fn every_packet_twice_is_heard_once() {
    let outcome = through(
        Box::new(|_, rng| vec![Duration::from_millis(2), Duration::from_secs_f64(0.002 + 0.05 * rng.unit())]),
        3,
    );
    assert_exact(&outcome);
    let share = outcome.stats.duplicates() as f64 / outcome.stats.received as f64;
    assert!(share > 0.48, "{share}");
    assert_eq!(outcome.stats.late(), 0, "a slower second path is not lateness");
}

#[test]
fn two_lossy_paths_make_one_whole() {
    let network: Network = Box::new(|packet, _| match packet % 4 {
        0 => vec![Duration::from_millis(4)],
        1 => vec![Duration::from_millis(2)],
        _ => vec![Duration::from_millis(2), Duration::from_millis(4)],
    });
    assert_exact(&through(network, 3));
}

#[test]
fn what_comes_after_its_time_is_dropped_and_counted() {
    let network: Network = Box::new(|packet, _| {
        vec![Duration::from_millis(if packet > 1000 && packet % 50 == 0 { 40 } else { 2 })]
    });
    let outcome = through(network, 3);
    let late = outcome.stats.late();
    assert!((50..=70).contains(&late), "{late}");
    let concealed = outcome.stats.concealed_frames();
    assert!((late * 60).abs_diff(concealed) <= 120, "{concealed} for {late} late packets");
}
