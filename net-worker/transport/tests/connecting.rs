//! How two ends find each other, and what each is told when they must not.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod pair;

use std::time::Duration;

use backline_transport::{CloseReason, DropReason, Path, PathConfig, PathError, Role};
use backline_wire::SessionSecret;
use pair::{Options, Pair, Side};

#[test]
fn a_dialer_that_knows_only_the_acceptors_address_connects() {
    let pair = Pair::connected(Options::default());
    let (dialer_at, host) = pair.dialer_heard.connected.unwrap();
    let (acceptor_at, joiner) = pair.acceptor_heard.connected.unwrap();
    assert_eq!(host, pair.host_certificate.fingerprint());
    assert_eq!(joiner, pair.joiner_certificate.fingerprint());
    println!("connected after {dialer_at:?} and {acceptor_at:?} at 10 ms one-way");
    assert!(dialer_at < Duration::from_millis(500) && acceptor_at < Duration::from_millis(500));
    assert_eq!(pair.dialer.remote_address(), Some(pair.options.acceptor));
}

#[test]
fn ipv6_works_the_same() {
    let acceptor = "[2001:db8::7]:22224".parse().unwrap();
    let pair = Pair::connected(Options {
        dialer_local: "[::]:40000".parse().unwrap(),
        dialer_public: "[2001:db8:1::9]:40000".parse().unwrap(),
        acceptor,
        dialed: vec![acceptor],
        ..Options::default()
    });
    assert_eq!(pair.dialer.remote_address(), Some(acceptor));
}

#[test]
fn a_dual_stack_socket_reaches_ipv4_and_named_addresses_work_too() {
    let options = || Options { dialer_local: "[::]:40000".parse().unwrap(), ..Options::default() };
    Pair::connected(options());
    Pair::connected(Options { dialer_local: "10.0.0.2:40000".parse().unwrap(), ..Options::default() });
    let mapped = "[::ffff:198.51.100.7]:22224".parse().unwrap();
    Pair::connected(Options { dialed: vec![mapped], ..options() });
}

#[test]
fn dead_addresses_in_the_link_cost_little() {
    let mut dialed: Vec<_> = (1..7).map(|n| format!("192.0.2.{n}:22224").parse().unwrap()).collect();
    dialed.push(Options::default().acceptor);
    let pair = Pair::connected(Options { dialed, ..Options::default() });
    let after = pair.dialer_heard.connected.unwrap().0;
    println!("connected after {after:?} with six dead addresses");
    assert!(after < Duration::from_secs(1), "{after:?}");
}

#[test]
fn loss_delays_but_does_not_prevent() {
    for seed in 1..20 {
        let pair = Pair::connected(Options { loss_percent: 20, seed, ..Options::default() });
        let after = pair.dialer_heard.connected.unwrap().0;
        assert!(after < Duration::from_secs(9), "seed {seed}: {after:?}");
    }
}

#[test]
fn a_wrong_password_never_connects() {
    // The right session's name with another session's password: the path itself must refuse.
    let mut pair = Pair::new(Options { secret_of_dialer: SessionSecret([8; 16]), ..Options::default() });
    let host = pair.options.secret_of_host;
    let acceptor = Path::new(
        PathConfig {
            role: Role::Acceptor,
            local: host.ice_credentials_host(),
            remote: host.ice_credentials_joiner("0123456789abcdef"),
            remote_fingerprint: None,
            certificate: &pair.host_certificate,
            local_addresses: &[pair.options.acceptor],
            remote_candidates: &[],
        },
        pair.now,
    );
    pair.acceptor = Some(acceptor.unwrap());
    pair.run(Duration::from_secs(12));
    assert_eq!(pair.dialer_heard.closed.unwrap().1, CloseReason::NoAnswer);
    assert!(pair.dialer_heard.connected.is_none() && pair.acceptor_heard.connected.is_none());
    assert!(pair.acceptor().stats().dropped(DropReason::StunNotProven) > 10);
    assert_eq!(pair.acceptor().stats().datagrams_out, 0, "a stranger gets no answer");
    assert_eq!(pair.acceptor().last_heard(), None);
}

#[test]
fn an_old_link_is_refused_with_a_reason() {
    let mut pair = Pair::new(Options {
        secret_of_dialer: SessionSecret([8; 16]),
        answers_strangers: true,
        ..Options::default()
    });
    pair.run(Duration::from_secs(12));
    let (after, reason) = pair.dialer_heard.closed.unwrap();
    assert_eq!(reason, CloseReason::NotInvited);
    assert!(reason.to_string().contains("ask the host for a new link"));
    assert!(after < Duration::from_secs(5), "{after:?}");
}

#[test]
fn nobody_there_is_said_in_time() {
    let mut pair = Pair::new(Options { dialed: vec!["192.0.2.1:9".parse().unwrap()], ..Options::default() });
    pair.run(Duration::from_secs(20));
    let (after, reason) = pair.dialer_heard.closed.unwrap();
    assert_eq!(reason, CloseReason::NoAnswer);
    assert_eq!(after, Duration::from_secs(10));
    assert!(pair.dialer.is_closed() && pair.dialer.poll_timeout().is_none());
}

#[test]
fn a_wrong_certificate_closes_both_ends_and_nothing_is_passed_on() {
    let mut pair = Pair::new(Options { wrong_fingerprint: true, ..Options::default() });
    pair.dialer.send_control(pair.now, b"secret").unwrap();
    pair.run(Duration::from_secs(3));
    let (_, reason) = pair.dialer_heard.closed.unwrap();
    assert_eq!(reason, CloseReason::FingerprintMismatch);
    assert!(reason.to_string().contains("ask the host for a new link"));
    assert!(pair.dialer_heard.connected.is_none());
    assert!(pair.acceptor_heard.closed.is_some(), "the other end is told");
    assert!(pair.acceptor_heard.control.is_empty());
}

#[test]
fn closing_tells_the_peer_at_once() {
    for (closer, loss_percent) in [(Side::Dialer, 0), (Side::Acceptor, 0)] {
        let mut pair = Pair::connected(Options { loss_percent, ..Options::default() });
        pair.run(Duration::from_secs(1));
        let now = pair.now;
        let before = pair.elapsed();
        pair.side(closer).close(now);
        pair.run(Duration::from_secs(2));
        let (told, silent) = match closer {
            Side::Dialer => (&pair.acceptor_heard, &pair.dialer_heard),
            Side::Acceptor => (&pair.dialer_heard, &pair.acceptor_heard),
        };
        let (at, reason) = told.closed.unwrap();
        assert_eq!(reason, CloseReason::ClosedByPeer);
        assert!(at - before < Duration::from_millis(50), "{:?}", at - before);
        assert!(silent.closed.is_none(), "the closer knows");
    }
}

#[test]
fn a_peer_that_vanishes_is_noticed_and_last_heard_is_exact() {
    let mut pair = Pair::connected(Options::default());
    pair.run(Duration::from_secs(30));
    for path in [Some(&pair.dialer), pair.acceptor.as_ref()].into_iter().flatten() {
        let age = pair.now - path.last_heard().unwrap();
        assert!(age <= Duration::from_millis(450), "{age:?}");
        assert_eq!(path.round_trip(), Some(Duration::from_millis(20)));
    }
    pair.cut = true;
    let cut_at = pair.now;
    pair.run(Duration::from_secs(5));
    assert!(pair.dialer.last_heard().unwrap() <= cut_at + pair.options.latency);
    pair.run(Duration::from_secs(10));
    assert_eq!(pair.dialer_heard.closed.unwrap().1, CloseReason::Silent);
    assert_eq!(pair.acceptor_heard.closed.unwrap().1, CloseReason::Silent);
}

#[test]
fn a_network_that_is_away_for_five_seconds_ends_nothing() {
    let mut pair = Pair::connected(Options::default());
    pair.run(Duration::from_secs(2));
    pair.cut = true;
    pair.run(Duration::from_secs(5));
    pair.cut = false;
    pair.dialer.send_control(pair.now, b"still here").unwrap();
    pair.run(Duration::from_secs(20));
    assert!(pair.dialer_heard.closed.is_none() && pair.acceptor_heard.closed.is_none());
    assert_eq!(pair.acceptor_heard.control, [b"still here"]);
}

#[test]
fn mistakes_of_the_caller_are_errors() {
    let mut pair = Pair::new(Options::default());
    let now = pair.now;
    let certificate = pair.host_certificate.clone();
    let (credentials, address) = (SessionSecret([1; 16]).ice_credentials_host(), pair.options.acceptor);
    let config = |locals, remotes| PathConfig {
        role: Role::Dialer,
        local: credentials.clone(),
        remote: credentials.clone(),
        remote_fingerprint: None,
        certificate: &certificate,
        local_addresses: locals,
        remote_candidates: remotes,
    };
    let (here, there) = ([address], [address.into()]);
    assert_eq!(Path::new(config(&[], &there), now).unwrap_err(), PathError::NoAddress);
    assert_eq!(Path::new(config(&here, &[]), now).unwrap_err(), PathError::NoAddress);
    let mut bad = config(&here, &there);
    bad.remote.ufrag = "a:b:c:d".to_owned();
    assert_eq!(Path::new(bad, now).unwrap_err(), PathError::Credentials);
    assert_eq!(pair.dialer.send_control(now, &[0; 5000]), Err(PathError::TooLong { bytes: 5000 }));
    let head = pair::head(111, 0);
    assert_eq!(pair.dialer.send_media(now, backline_wire::Ssrc(1), head, &[1]), Err(PathError::NotConnected));
}

#[test]
fn two_joiners_that_know_each_others_addresses_and_certificates_connect() {
    let mut pair = Pair::new(Options::default());
    let secret = pair.options.secret_of_host;
    let acceptor = Path::new(
        PathConfig {
            role: Role::Acceptor,
            local: secret.ice_credentials_host(),
            remote: secret.ice_credentials_joiner("0123456789abcdef"),
            remote_fingerprint: Some(pair.joiner_certificate.fingerprint()),
            certificate: &pair.host_certificate,
            local_addresses: &[pair.options.acceptor],
            remote_candidates: &[
                pair.public.into(),
                std::net::SocketAddr::from(([10, 1, 1, 1], 40_000)).into(),
            ],
        },
        pair.now,
    );
    pair.acceptor = Some(acceptor.unwrap());
    pair.run(Duration::from_secs(2));
    assert!(pair.dialer_heard.connected.is_some() && pair.acceptor_heard.connected.is_some());
}

#[test]
fn a_joiner_with_another_certificate_than_offered_is_refused() {
    let mut pair = Pair::new(Options::default());
    let secret = pair.options.secret_of_host;
    let acceptor = Path::new(
        PathConfig {
            role: Role::Acceptor,
            local: secret.ice_credentials_host(),
            remote: secret.ice_credentials_joiner("0123456789abcdef"),
            remote_fingerprint: Some(pair.host_certificate.fingerprint()),
            certificate: &pair.host_certificate,
            local_addresses: &[pair.options.acceptor],
            remote_candidates: &[],
        },
        pair.now,
    );
    pair.acceptor = Some(acceptor.unwrap());
    pair.run(Duration::from_secs(3));
    assert_eq!(pair.acceptor_heard.closed.unwrap().1, CloseReason::FingerprintMismatch);
    assert!(pair.acceptor_heard.connected.is_none());
    assert!(pair.dialer_heard.closed.is_some(), "the dialer is told");
}
