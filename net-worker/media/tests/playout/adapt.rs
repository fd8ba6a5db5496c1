//! The depth that finds itself: shallow on a calm path, deeper where packets come late, shallow again.

use std::time::Duration;

use backline_media::{Operation, PlayoutStats};

use super::signal::{find, multi_sine, noise, render, sharpest_bend};
use super::world::{Network, Outcome, Rng, Scenario, run};

const FLOOR: Duration = Duration::from_micros(500);
const CEILING: Duration = Duration::from_millis(60);

fn adaptive(network: Network, seconds: f64) -> Outcome {
    run(Scenario { target: FLOOR, ceiling: Some(CEILING), network, seconds, ..Scenario::default() })
}

/// Log-normal: a median of 2 ms and a 99th percentile of 15 ms.
fn heavy_tail_ms(rng: &mut Rng) -> f64 {
    let normal = (-2.0 * rng.unit().max(1e-12).ln()).sqrt() * (std::f64::consts::TAU * rng.unit()).cos();
    2.0 * (normal * 7.5_f64.ln() / 2.326).exp()
}

/// Frames (1.25 ms) that had to be made up between two times.
fn made_up_s(outcome: &Outcome, from_s: f64, to_s: f64) -> f64 {
    let frames = |operation| outcome.made_between(operation, from_s, to_s) as f64 / 48_000.0;
    frames(Operation::Conceal) + frames(Operation::Stretch)
}

/// Longest stretch without any packet to play, in ms.
fn longest_gap_ms(outcome: &Outcome, from_s: f64, to_s: f64) -> f64 {
    let (mut longest, mut gap) = (0.0_f64, 0.0);
    for pair in outcome.pulls.windows(2).filter(|pair| (from_s..to_s).contains(&pair[0].1)) {
        let made_up = |stats: &PlayoutStats| stats.concealed_frames();
        let more = (made_up(&pair[1].2) - made_up(&pair[0].2)) as f64 / 48.0;
        gap = if more > 0.0 { gap + more } else { 0.0 };
        longest = longest.max(gap);
    }
    longest
}

fn assert_no_click(outcome: &Outcome) {
    let bend = sharpest_bend(&outcome.heard) / sharpest_bend(&render(multi_sine, 96_000));
    // A fade of 1 ms between two waves that do not agree bends up to so much more sharply; a step does tens of times.
    assert!(bend <= 1.5, "a click: {bend} times the signal's own");
}

#[test]
fn a_heavy_tail_makes_it_deeper_and_calm_shallow_again() {
    let network: Network = Box::new(|packet, rng| {
        let jitter_ms = if (4_000..28_000).contains(&packet) { heavy_tail_ms(rng) } else { 0.0 };
        vec![Duration::from_secs_f64((2.0 + jitter_ms) / 1000.0)]
    });
    // Packets 4,000 to 28,000 are those of 5 s to 35 s.
    let outcome = adaptive(network, 52.0);
    let (before, during, after) =
        (outcome.latency_ms(4.5), outcome.latency_ms(34.0), outcome.latency_ms(50.0));
    let share = made_up_s(&outcome, 15.0, 35.0) / 20.0;
    let gap = longest_gap_ms(&outcome, 15.0, 35.0);
    println!(
        "latency {before:.2} → {during:.2} → {after:.2} ms; {:.3} % made up, longest {gap:.1} ms",
        share * 100.0
    );
    assert!(share < 0.003, "{share}");
    assert!(gap < 6.0, "{gap} ms without sound of its own");
    assert!(during < before + 60.0, "{during}");
    assert!(after < before + 2.0, "{before} ms before, {after} ms after 15 s of calm");
    assert_eq!(outcome.stats.starts, 1);
    assert_no_click(&outcome);
}

#[test]
fn a_calm_path_stays_at_the_floor_and_bit_exact() {
    let outcome = adaptive(super::world::steady(), 20.0);
    assert_eq!(outcome.stats.target, FLOOR);
    assert_eq!(made_up_s(&outcome, 0.5, 20.0), 0.0);
    assert_eq!(outcome.stats.correction_ppm, 0.0);
}

/// Half of the spread is jitter, half is by how much every tenth packet is overtaken.
fn bounded_ms(spread_ms: f64, rng: &mut Rng) -> f64 {
    let overtaken = if rng.unit() < 0.1 { rng.unit() } else { 0.0 };
    (rng.unit() + overtaken) * spread_ms / 2.0
}

#[test]
fn jitter_that_has_an_end_is_covered_whole_and_nothing_is_resampled() {
    const SECONDS: usize = 150;
    let sent = render(noise, 48_000 * SECONDS);
    let clean = adaptive(super::world::steady(), 5.0).latency_ms(4.0);
    for (spread_ms, seed) in [2.0, 5.0, 10.0].into_iter().flat_map(|ms| (1..=3).map(move |seed| (ms, seed))) {
        let network: Network = Box::new(move |_, rng| {
            vec![Duration::from_secs_f64((2.0 + bounded_ms(spread_ms, rng)) / 1000.0)]
        });
        let outcome = run(Scenario {
            signal: noise,
            target: FLOOR,
            ceiling: Some(CEILING),
            network,
            seed,
            seconds: SECONDS as f64,
            ..Scenario::default()
        });
        // The rarest packets have to be seen before they can be covered.
        let heard = outcome.between(60.0, 149.0);
        let exact = find(&heard[..128], &sent).map_or(0, |place| {
            heard.iter().zip(&sent[place * 2..]).take_while(|(heard, sent)| heard == sent).count()
        });
        let above_packets = (outcome.latency_ms(148.0) - clean - spread_ms) * 48.0 / 60.0;
        println!(
            "{spread_ms} ms, seed {seed}: exact for {:.1} s, {above_packets:.2} packets deeper than needed",
            exact as f64 / 96_000.0
        );
        assert_eq!(exact, heard.len(), "{spread_ms} ms, seed {seed}");
        assert!(above_packets <= 1.0, "{spread_ms} ms, seed {seed}: {above_packets}");
    }
}

#[test]
fn a_path_that_becomes_slower_is_followed_with_one_short_gap() {
    for extra_ms in [5u64, 15, 40] {
        let network: Network = Box::new(move |packet, _| {
            vec![Duration::from_millis(if packet < 4_000 { 2 } else { 2 + extra_ms })]
        });
        let outcome = adaptive(network, 15.0);
        let gap = longest_gap_ms(&outcome, 4.0, 15.0);
        let gained = outcome.latency_ms(14.0) - outcome.latency_ms(4.5);
        println!("{extra_ms} ms more: a gap of {gap:.1} ms, {gained:.1} ms later");
        assert!(gap < 2.0 * extra_ms as f64 + 8.0, "{extra_ms} ms more: {gap} ms");
        assert!((gained - extra_ms as f64).abs() < 1.5, "{extra_ms} ms more: {gained}");
        assert_eq!(outcome.stats.starts, 1, "{extra_ms} ms more");
        assert_no_click(&outcome);
    }
}

#[test]
fn a_path_that_becomes_slower_than_the_depth_may_become_is_followed_too() {
    for extra_ms in [3u64, 10, 30] {
        let network: Network = Box::new(move |packet, _| {
            vec![Duration::from_millis(if packet < 4_000 { 2 } else { 2 + extra_ms })]
        });
        let ceiling = Some(Duration::from_millis(1));
        let outcome = run(Scenario { target: FLOOR, ceiling, network, seconds: 15.0, ..Scenario::default() });
        let made_up = made_up_s(&outcome, 4.0, 15.0);
        println!("{extra_ms} ms more, at most 1 ms deep: {:.1} ms made up", 1000.0 * made_up);
        assert!(made_up < 0.1 + 0.002 * extra_ms as f64, "{extra_ms} ms more: {made_up}");
        assert_no_click(&outcome);
    }
}

#[test]
fn a_lost_burst_is_no_reason_to_wait() {
    let network: Network =
        Box::new(
            |packet, _| {
                if packet > 4_000 && packet % 800 < 4 { vec![] } else { vec![Duration::from_millis(2)] }
            },
        );
    let outcome = adaptive(network, 15.0);
    assert!((outcome.latency_ms(14.0) - outcome.latency_ms(4.5)).abs() < 0.5);
    assert_eq!(outcome.made_between(Operation::Stretch, 4.0, 15.0), 0);
    assert_no_click(&outcome);
}

#[test]
fn half_a_second_held_and_let_go_is_dropped_and_nothing_is_later_afterwards() {
    let network: Network = Box::new(|packet, _| {
        let held_ms = if (4_000..4_400).contains(&packet) { (4_400 - packet) as f64 * 1.25 } else { 0.0 };
        vec![Duration::from_secs_f64((2.0 + held_ms) / 1000.0)]
    });
    let outcome = adaptive(network, 12.0);
    // The last packet of the hold, 4,400, comes at 5.5 s.
    let back = outcome.pulls.iter().find(|pull| pull.1 > 5.45 && pull.2.played.is_some()).unwrap().1;
    println!("sound {:.0} ms after the flush", 1000.0 * (back - 5.502));
    assert!(back < 5.502 + 0.25, "{back}");
    let gained = outcome.latency_ms(6.5) - outcome.latency_ms(4.5);
    // But for what the phase between the two had spared.
    assert!(gained.abs() < 2.0, "{gained} ms later");
    assert_eq!(outcome.stats.starts, 2);
    assert_no_click(&outcome);
}

#[test]
fn the_ceiling_holds_also_where_most_packets_come_later() {
    let network: Network = Box::new(|packet, rng| {
        let jitter_ms = if packet > 2_000 { 200.0 * rng.unit() } else { 0.0 };
        vec![Duration::from_secs_f64((2.0 + jitter_ms) / 1000.0)]
    });
    let outcome = run(Scenario {
        target: FLOOR,
        ceiling: Some(Duration::from_millis(25)),
        network,
        seconds: 20.0,
        block_is_known: true,
        ..Scenario::default()
    });
    let latency_ms = outcome.latency_ms(19.0);
    // Single packets between gaps are cross-faded with what was made up.
    let heard = |operation| outcome.made_between(operation, 10.0, 19.0) as f64 / (9.0 * 48_000.0);
    let real = heard(Operation::Normal) + heard(Operation::Merge);
    println!("{latency_ms:.1} ms, {:.0} % is real", 100.0 * real);
    assert!((20.0..34.0).contains(&latency_ms), "{latency_ms}");
    assert!(real > 0.05, "what comes in time is played");
}

#[test]
fn sound_comes_within_a_tenth_of_a_second_of_the_first_packet() {
    for sender_block in [64, 480, 512, 1024, 2048, 8192] {
        for listener_block in [64, 480] {
            let scenario = Scenario {
                sender_block,
                listener_block,
                block_is_known: true,
                seconds: 4.0,
                ..Scenario::default()
            };
            let outcome = run(scenario);
            // The first packet leaves with the first block and takes 2 ms.
            let first_s = sender_block as f64 / 48_000.0 + 0.002;
            let waited_ms = 1e3 * (outcome.sound_began_s() - first_s);
            let gap = longest_gap_ms(&outcome, outcome.sound_began_s(), 3.9);
            println!("block {sender_block} to {listener_block}: {waited_ms:.0} ms, longest gap {gap:.1} ms");
            assert!(waited_ms < 100.0, "block {sender_block}: {waited_ms}");
            assert_eq!(gap, 0.0, "block {sender_block}");
        }
    }
}
