//! Datagrams of every kind, and damage to them.

use super::*;
use proptest::prelude::*;

/// RFC 5769 section 2.1: a request with software, priority, controlled, user name, integrity.
const RFC5769_REQUEST: [u8; 108] = [
    0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa,
    0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73, 0x74, 0x20,
    0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff, 0x80, 0x29, 0x00,
    0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09, 0x65, 0x76, 0x74, 0x6a,
    0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c, 0xbf,
    0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49, 0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28,
    0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf,
];

/// RFC 5769 sections 2.2 and 2.3: 192.0.2.1:32853, and [2001:db8:1234:5678:11:2233:4455:6677]:32853.
const RFC5769_MAPPED: [&[u8]; 2] = [
    &[0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43],
    &[
        0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe,
        0xd2, 0xb9, 0xd9,
    ],
];

fn response(mapped: &[u8]) -> Vec<u8> {
    let mut message = vec![0x01, 0x01, 0x00, (mapped.len() + 4) as u8];
    message.extend_from_slice(&RFC5769_REQUEST[4..20]);
    message.extend_from_slice(&[0x00, 0x20, 0x00, mapped.len() as u8]);
    message.extend_from_slice(mapped);
    message
}

#[test]
fn the_request_of_rfc_5769_is_read() {
    let Datagram::Stun(stun) = classify(&RFC5769_REQUEST) else { panic!("no STUN") };
    assert_eq!(stun.kind, StunKind::Request);
    assert_eq!((stun.local_ufrag, stun.remote_ufrag), (Some("evtj"), Some("h6vY")));
    assert_eq!(stun.transaction, RFC5769_REQUEST[8..20]);
    assert!(!stun.use_candidate && stun.mapped.is_none());
}

#[test]
fn the_responses_of_rfc_5769_are_read() {
    for (mapped, expected) in
        RFC5769_MAPPED.into_iter().zip(["192.0.2.1:32853", "[2001:db8:1234:5678:11:2233:4455:6677]:32853"])
    {
        let message = response(mapped);
        let Datagram::Stun(stun) = classify(&message) else { panic!("no STUN") };
        assert_eq!(stun.kind, StunKind::Response);
        assert_eq!(stun.mapped, Some(expected.parse().unwrap()));
    }
}

#[test]
fn the_password_of_rfc_5769_proves_its_request_and_no_other() {
    assert!(stun_is_proven(&RFC5769_REQUEST, "VOkJxbRl1RmTxUk/WvJxBt"));
    assert!(!stun_is_proven(&RFC5769_REQUEST, "VOkJxbRl1RmTxUk/WvJxBu"));
    for at in (0..76).chain(80..100) {
        let mut damaged = RFC5769_REQUEST;
        damaged[at] ^= 1;
        assert!(!stun_is_proven(&damaged, "VOkJxbRl1RmTxUk/WvJxBt"), "{at}");
    }
    assert!(!stun_is_proven(&response(RFC5769_MAPPED[0]), ""));
}

#[test]
fn first_bytes_decide() {
    let mut datagram = [0; 40];
    for first in 0..=255 {
        datagram[0] = first;
        let expected = match first {
            20..=63 => Datagram::Dtls,
            128..=191 => Datagram::Rtp { ssrc: 0 },
            _ => Datagram::Unknown,
        };
        assert_eq!(classify(&datagram), expected, "{first}");
    }
    for second in 0..=255_u8 {
        datagram[..2].copy_from_slice(&[0x80, second]);
        let rtcp = (192..=223).contains(&second) || (64..=95).contains(&second);
        assert_eq!(classify(&datagram) == Datagram::Rtcp, rtcp, "{second}");
    }
    for payload_type in [111, 96, 97, 63] {
        datagram[1] = payload_type;
        assert_eq!(classify(&datagram), Datagram::Rtp { ssrc: 0 }, "each of ours is RTP");
    }
    assert_eq!(classify(&[]), Datagram::Unknown);
}

#[test]
fn the_refusal_is_shorter_than_any_request_it_answers() {
    let mut out = vec![1, 2, 3];
    assert!(stun_unauthorised(&RFC5769_REQUEST, &mut out));
    assert!(out.len() <= RFC5769_REQUEST.len());
    assert!(is_unauthorised_response(&out));
    let Datagram::Stun(answer) = classify(&out) else { panic!("no STUN") };
    assert_eq!(answer.transaction, RFC5769_REQUEST[8..20]);
    // Never to an answer (or two hosts would answer each other), nor to a bare header.
    let refusal = out.clone();
    assert!(!stun_unauthorised(&refusal, &mut out) && out.is_empty());
    let bare = [&[0, 1, 0, 0][..], &RFC5769_REQUEST[4..20]].concat();
    assert_eq!(bare.len(), 20);
    assert!(!stun_unauthorised(&bare, &mut out) && out.is_empty());
    assert!(!stun_unauthorised(&response(RFC5769_MAPPED[0]), &mut out) && out.is_empty());
}

#[test]
fn every_truncation_is_unknown() {
    for length in 0..RFC5769_REQUEST.len() {
        assert_eq!(classify(&RFC5769_REQUEST[..length]), Datagram::Unknown, "{length}");
    }
}

#[test]
fn what_follows_the_integrity_is_not_read() {
    let mut message = RFC5769_REQUEST.to_vec();
    // USE-CANDIDATE in the place of the fingerprint (whose four bytes become its padding's neighbour).
    message[100..104].copy_from_slice(&[0x00, 0x25, 0x00, 0x04]);
    let Datagram::Stun(stun) = classify(&message) else { panic!("no STUN") };
    assert!(!stun.use_candidate);
}

proptest! {
    #[test]
    fn no_datagram_makes_it_panic(datagram in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut out = Vec::new();
        let answered = stun_unauthorised(&datagram, &mut out);
        prop_assert!(out.len() <= datagram.len());
        prop_assert_eq!(answered, !out.is_empty());
        let _ = (classify(&datagram), is_unauthorised_response(&datagram));
    }

    #[test]
    fn damaged_requests_make_no_panic(flips in prop::collection::vec((0..108_usize, any::<u8>()), 1..5)) {
        let mut datagram = RFC5769_REQUEST;
        for (at, value) in flips {
            datagram[at] = value;
        }
        let mut out = Vec::new();
        stun_unauthorised(&datagram, &mut out);
        prop_assert!(out.len() <= datagram.len());
    }
}
