//! Control: every message once, in order, whatever the network does.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod pair;

use std::time::Duration;

use backline_transport::{CloseReason, PathError};
use backline_wire::limits::CONTROL_BYTES_MAX;
use pair::{Options, Pair, Side};

fn message(side: Side, number: u32) -> Vec<u8> {
    let length = 4 + (number as usize * 37) % 900;
    let mut bytes = vec![side as u8; length];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    bytes
}

#[test]
fn messages_are_ordered_and_complete_under_loss() {
    for seed in 1..=5 {
        let mut pair = Pair::connected(Options { loss_percent: 10, seed, ..Options::default() });
        for number in 0..200 {
            let now = pair.now;
            pair.dialer.send_control(now, &message(Side::Dialer, number)).unwrap();
            pair.acceptor().send_control(now, &message(Side::Acceptor, number)).unwrap();
            pair.run(Duration::from_millis(20));
        }
        let done = pair.run_until(Duration::from_secs(60), |pair| {
            pair.acceptor_heard.control.len() == 200 && pair.dialer_heard.control.len() == 200
        });
        assert!(done, "seed {seed}");
        for number in 0..200 {
            assert_eq!(
                pair.acceptor_heard.control[number as usize],
                message(Side::Dialer, number),
                "seed {seed}"
            );
            assert_eq!(
                pair.dialer_heard.control[number as usize],
                message(Side::Acceptor, number),
                "seed {seed}"
            );
        }
    }
}

#[test]
fn what_is_said_before_the_connection_arrives_after_it() {
    let mut pair = Pair::new(Options::default());
    for number in 0..10 {
        pair.dialer.send_control(pair.now, &message(Side::Dialer, number)).unwrap();
    }
    assert!(pair.run_until(Duration::from_secs(2), |pair| pair.acceptor_heard.control.len() == 10));
    println!("first control message after {:?} at 10 ms one-way", pair.elapsed());
}

#[test]
fn the_longest_message_passes_and_a_longer_one_is_an_error() {
    let mut pair = Pair::connected(Options::default());
    let longest = vec![0xA5; CONTROL_BYTES_MAX];
    pair.dialer.send_control(pair.now, &longest).unwrap();
    let error = pair.dialer.send_control(pair.now, &[0; CONTROL_BYTES_MAX + 1]);
    assert_eq!(error, Err(PathError::TooLong { bytes: CONTROL_BYTES_MAX + 1 }));
    pair.run(Duration::from_secs(1));
    assert_eq!(pair.acceptor_heard.control, [longest]);
}

#[test]
fn a_burst_larger_than_every_buffer_arrives() {
    let mut pair = Pair::connected(Options::default());
    let block = vec![0x5A; CONTROL_BYTES_MAX];
    for _ in 0..100 {
        pair.dialer.send_control(pair.now, &block).unwrap();
    }
    assert!(pair.run_until(Duration::from_secs(20), |pair| pair.acceptor_heard.control.len() == 100));
}

#[test]
fn a_peer_that_takes_nothing_ends_the_path_instead_of_filling_memory() {
    let mut pair = Pair::connected(Options::default());
    pair.cut = true;
    let block = vec![0x5A; CONTROL_BYTES_MAX];
    let refused = (0..400).find(|_| pair.dialer.send_control(pair.now, &block).is_err());
    assert!(refused.is_some());
    pair.run(Duration::from_millis(10));
    assert_eq!(pair.dialer_heard.closed.unwrap().1, CloseReason::ControlStuck);
}
