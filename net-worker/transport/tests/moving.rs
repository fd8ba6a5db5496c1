//! An address change does not end a session: SPEC section 5 allows two seconds.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod pair;

use std::time::Duration;

use pair::{Options, Pair, Side, head};

/// Both sides send media; returns the longest time in which each heard nothing around the change.
fn rebind_gap(options: Options, to: &str) -> (Pair, [Duration; 2]) {
    let mut pair = Pair::connected(options);
    pair.open(Side::Dialer, 1);
    pair.open(Side::Acceptor, 2);
    let mut last = [pair.now; 2];
    let mut gap = [Duration::ZERO; 2];
    for turn in 0..4000_u32 {
        if turn == 1000 {
            pair.public = to.parse().unwrap();
        }
        pair.send(Side::Dialer, 1, head(111, turn * 120), &[1; 60]);
        pair.send(Side::Acceptor, 2, head(111, turn * 120), &[2; 60]);
        pair.run(Duration::from_micros(2500));
        let now = pair.now;
        for (side, heard) in [&mut pair.acceptor_heard, &mut pair.dialer_heard].into_iter().enumerate() {
            if !heard.media.is_empty() {
                gap[side] = gap[side].max(now - last[side]);
                last[side] = now;
                heard.media.clear();
            }
        }
    }
    assert!(pair.now - last[0] < Duration::from_millis(100), "the acceptor hears the dialer again");
    assert!(pair.now - last[1] < Duration::from_millis(100), "the dialer hears the acceptor again");
    (pair, gap)
}

#[test]
fn a_new_port_of_the_nat_is_followed_within_two_seconds() {
    let (pair, gap) = rebind_gap(Options::default(), "203.0.113.9:61001");
    println!("rebinding: silence of {gap:?}");
    assert!(gap.iter().all(|gap| *gap < Duration::from_millis(1500)), "{gap:?}");
    assert_eq!(pair.acceptor.as_ref().unwrap().remote_address(), Some(pair.public));
    assert!(pair.acceptor.as_ref().unwrap().stats().address_changes >= 1);
}

#[test]
fn a_new_network_is_followed_too() {
    let (_, gap) = rebind_gap(Options::default(), "198.18.5.5:40000");
    assert!(gap.iter().all(|gap| *gap < Duration::from_millis(1500)), "{gap:?}");
}

#[test]
fn with_loss_it_takes_less_than_two_seconds_as_well() {
    for seed in 1..=10 {
        let options =
            Options { loss_percent: 10, seed, latency: Duration::from_millis(40), ..Options::default() };
        let (_, gap) = rebind_gap(options, "203.0.113.9:61001");
        assert!(gap.iter().all(|gap| *gap < Duration::from_secs(2)), "seed {seed}: {gap:?}");
    }
}

#[test]
fn back_and_forth_many_times() {
    let mut pair = Pair::connected(Options::default());
    pair.open(Side::Acceptor, 2);
    for change in 0..20_u32 {
        // Ports are taken again, as some NATs do.
        pair.public.set_port(61000 + (change % 3) as u16);
        pair.run(Duration::from_secs(4));
        pair.dialer_heard.media.clear();
        pair.send(Side::Acceptor, 2, head(111, change), &[2; 60]);
        pair.run(Duration::from_millis(100));
        assert_eq!(pair.dialer_heard.media.len(), 1, "change {change}");
    }
}

#[test]
fn control_survives_a_move() {
    let mut pair = Pair::connected(Options::default());
    for number in 0..100_u32 {
        if number % 20 == 10 {
            let port = pair.public.port();
            pair.public.set_port(port + 1);
        }
        let now = pair.now;
        pair.dialer.send_control(now, &number.to_be_bytes()).unwrap();
        pair.acceptor().send_control(now, &number.to_be_bytes()).unwrap();
        pair.run(Duration::from_millis(200));
    }
    pair.run(Duration::from_secs(20));
    let expected: Vec<Vec<u8>> = (0..100_u32).map(|number| number.to_be_bytes().to_vec()).collect();
    assert_eq!(pair.acceptor_heard.control, expected);
    assert_eq!(pair.dialer_heard.control, expected);
}
