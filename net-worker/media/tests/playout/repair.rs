//! Packets that were lost and are sent again: what is heard is whole, as far as the depth allows.

use std::time::Duration;

use backline_media::Operation;

use super::signal::{multi_sine, render, sharpest_bend};
use super::world::{Network, Outcome, Scenario, run};

const ONE_WAY: Duration = Duration::from_millis(5);

fn losing(share: f64) -> Network {
    Box::new(move |_, rng| if rng.unit() < share { vec![] } else { vec![ONE_WAY] })
}

fn path(share: f64, ceiling_ms: u64, seconds: f64) -> Outcome {
    run(Scenario {
        target: Duration::from_micros(500),
        ceiling: Some(Duration::from_millis(ceiling_ms)),
        network: losing(share),
        back: Some(losing(share)),
        round_trip: Some(2 * ONE_WAY),
        seconds,
        ..Scenario::default()
    })
}

/// Share of the time between two moments that was made up.
fn made_up(outcome: &Outcome, from_s: f64, to_s: f64) -> f64 {
    let frames = |operation| outcome.made_between(operation, from_s, to_s) as f64 / 48_000.0;
    (frames(Operation::Conceal) + frames(Operation::Stretch)) / (to_s - from_s)
}

#[test]
fn five_in_a_hundred_are_lost_and_nothing_is_missing() {
    let outcome = path(0.05, 25, 60.0);
    let (early, late) = (made_up(&outcome, 0.5, 3.0), made_up(&outcome, 3.0, 59.0));
    let latency_ms = outcome.latency_ms(58.0);
    let requests = outcome.requests as f64 / (0.05 * 48_000.0 / 60.0 * 60.0);
    println!(
        "made up {:.3} % of the first seconds, {:.4} % later; latency {latency_ms:.1} ms; {requests:.1} requests for each loss",
        early * 100.0,
        late * 100.0
    );
    assert!(late < 0.000_2, "{late}");
    assert!(latency_ms < ONE_WAY.as_secs_f64() * 1e3 + 25.0 + 3.0);
    assert!(requests < 6.0);
    let bend = sharpest_bend(&outcome.heard) / sharpest_bend(&render(multi_sine, 96_000));
    assert!(bend <= 1.3, "a click: {bend} times the signal's own");
}

#[test]
fn a_loss_now_and_then_costs_no_latency() {
    let outcome = path(0.001, 25, 30.0);
    let latency_ms = outcome.latency_ms(29.0);
    println!("{latency_ms:.2} ms, {} requests", outcome.requests);
    assert!(latency_ms < ONE_WAY.as_secs_f64() * 1e3 + 4.0);
    assert_eq!(outcome.requests, 0, "an answer could not be in time");
}

#[test]
fn an_answer_that_the_ceiling_does_not_wait_for_is_not_asked_for() {
    let outcome = path(0.05, 8, 10.0);
    assert_eq!(outcome.requests, 0);
    assert!(outcome.latency_ms(9.0) < ONE_WAY.as_secs_f64() * 1e3 + 4.0);
}
