//! Media: what goes in comes out, bit for bit, for as long as a session lasts.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod pair;

use std::time::Duration;

use backline_transport::{DropReason, MediaHead, PathError};
use backline_wire::limits::{FEEDBACK_BYTES_MAX, MEDIA_PAYLOAD_BYTES_MAX, STREAMS_PER_PATH_MAX};
use backline_wire::{Feedback, Missing, MissingRun, Ssrc};
use pair::{Options, Pair, Side, head};

const TYPES: [u8; 4] = [111, 96, 97, 63];

#[test]
fn type_timestamp_payload_and_head_arrive_bit_for_bit() {
    let mut pair = Pair::connected(Options::default());
    pair.open(Side::Dialer, 0xDEAD_BEEF);
    let timestamps = [0, 1, 119, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 5, 0x1234_5678];
    let mut sent = Vec::new();
    for (index, (payload_type, timestamp)) in
        TYPES.into_iter().flat_map(|pt| timestamps.map(|timestamp| (pt, timestamp))).enumerate()
    {
        let payload: Vec<u8> =
            (0..=MEDIA_PAYLOAD_BYTES_MAX * index / 31).map(|n| (n * 7 + index) as u8).collect();
        let payload = payload[..payload.len().min(MEDIA_PAYLOAD_BYTES_MAX)].to_vec();
        let head = MediaHead {
            payload_type,
            timestamp,
            captured_at: (index % 2 == 0)
                .then(|| Duration::from_micros(1_790_000_000_123_456 + index as u64)),
            level: (index % 3 == 0).then_some(-(index as i8)),
            marker: index % 5 == 0,
        };
        pair.send(Side::Dialer, 0xDEAD_BEEF, head, &payload);
        sent.push((head, payload));
        pair.run(Duration::from_millis(3));
    }
    pair.run(Duration::from_secs(1));
    assert_eq!(pair.acceptor_heard.media.len(), sent.len());
    for (packet, (head, payload)) in pair.acceptor_heard.media.iter().zip(&sent) {
        assert_eq!(packet.ssrc, Ssrc(0xDEAD_BEEF));
        assert_eq!(&packet.payload[..], payload);
        let times = [packet.head.captured_at, head.captured_at].map(|time| time.unwrap_or_default());
        assert!(times[0].abs_diff(times[1]) < Duration::from_nanos(500), "{times:?}");
        let exact = MediaHead { captured_at: head.captured_at, ..packet.head };
        assert_eq!(exact, *head);
    }
}

#[test]
fn many_streams_flow_in_both_directions() {
    let mut pair = Pair::connected(Options::default());
    let ssrcs: Vec<u32> = (1..=16).collect();
    for ssrc in &ssrcs {
        pair.open(Side::Dialer, *ssrc);
        pair.open(Side::Acceptor, ssrc + 1000);
    }
    for turn in 0..500_u32 {
        for ssrc in &ssrcs {
            let payload = [turn.to_be_bytes(), ssrc.to_be_bytes()].concat();
            pair.send(Side::Dialer, *ssrc, head(111, turn * 120), &payload);
            pair.send(Side::Acceptor, ssrc + 1000, head(97, turn * 120), &payload);
        }
        pair.run(Duration::from_micros(2500));
    }
    pair.run(Duration::from_secs(1));
    for (heard, offset) in [(&pair.acceptor_heard.media, 0), (&pair.dialer_heard.media, 1000)] {
        assert_eq!(heard.len(), 16 * 500);
        for ssrc in &ssrcs {
            let stream = heard.iter().filter(|packet| packet.ssrc == Ssrc(ssrc + offset));
            for (turn, packet) in stream.enumerate() {
                let turn = turn as u32;
                assert_eq!(packet.head.timestamp, turn * 120);
                assert_eq!(packet.payload[..], [turn.to_be_bytes(), ssrc.to_be_bytes()].concat());
            }
        }
    }
}

#[test]
fn two_hundred_thousand_packets_wrap_the_sequence_number_three_times() {
    let mut pair = Pair::connected(Options { latency: Duration::from_micros(500), ..Options::default() });
    pair.open(Side::Dialer, 1);
    let mut received = 0_u32;
    for number in 0..200_000_u32 {
        pair.send(Side::Dialer, 1, head(96, number.wrapping_mul(60)), &number.to_be_bytes());
        pair.run(Duration::from_micros(1250));
        for packet in pair.acceptor_heard.media.drain(..) {
            assert_eq!(packet.payload[..], received.to_be_bytes());
            assert_eq!(packet.head.timestamp, received.wrapping_mul(60));
            received += 1;
        }
    }
    assert_eq!(received, 200_000);
    assert_eq!(pair.acceptor().stats().dropped_total(), 0);
}

#[test]
fn a_stream_that_is_opened_late_or_again_flows() {
    let mut pair = Pair::connected(Options::default());
    pair.open(Side::Dialer, 1);
    for number in 0..70_000_u32 {
        pair.send(Side::Dialer, 1, head(111, number), &[1]);
        pair.run(Duration::from_micros(500));
    }
    // A second stream, late.
    pair.open(Side::Dialer, 2);
    pair.send(Side::Dialer, 2, head(111, 5), &[2]);
    pair.run(Duration::from_millis(100));
    assert_eq!(pair.acceptor_heard.media.last().unwrap().ssrc, Ssrc(2));
    // The first one is closed and opened again at both ends: neither takes it for a replay.
    pair.dialer.close_stream(Ssrc(1));
    assert_eq!(
        pair.dialer.send_media(pair.now, Ssrc(1), head(111, 0), &[1]),
        Err(PathError::StreamNotOpen(Ssrc(1)))
    );
    pair.acceptor().forget_stream(Ssrc(1));
    pair.run(Duration::from_secs(1));
    pair.open(Side::Dialer, 1);
    pair.acceptor_heard.media.clear();
    for number in 0..100 {
        pair.send(Side::Dialer, 1, head(111, 900_000 + number), &[3]);
        pair.run(Duration::from_millis(1));
    }
    pair.run(Duration::from_millis(100));
    assert_eq!(pair.acceptor_heard.media.len(), 100);
}

#[test]
fn media_of_a_stream_that_nobody_expects_is_dropped_and_counted() {
    let mut pair = Pair::connected(Options::default());
    pair.dialer.open_stream(Ssrc(9)).unwrap();
    for number in 0..50 {
        pair.send(Side::Dialer, 9, head(111, number), &[1]);
        pair.run(Duration::from_millis(3));
    }
    pair.run(Duration::from_millis(100));
    assert_eq!(pair.acceptor().stats().dropped(DropReason::StreamNotExpected), 50);
    // Expected late, within the window of the sequence numbers: the rest arrives.
    pair.acceptor().expect_stream(Ssrc(9)).unwrap();
    pair.send(Side::Dialer, 9, head(111, 50), &[2]);
    pair.run(Duration::from_millis(100));
    assert_eq!(pair.acceptor_heard.media.len(), 1);
}

#[test]
fn repeated_and_forged_packets_are_dropped_and_counted() {
    let mut pair = Pair::connected(Options::default());
    pair.open(Side::Dialer, 1);
    pair.recorded = Some(Vec::new());
    pair.send(Side::Dialer, 1, head(111, 7), &[1, 2, 3]);
    pair.run(Duration::from_millis(50));
    let rtp =
        pair.recorded.take().unwrap().into_iter().find(|d| d[0] >> 6 == 2 && d[1] & 0x7F == 111).unwrap();
    let heard_at = pair.acceptor().last_heard();
    pair.run(Duration::from_millis(1));
    let public = pair.public;
    pair.deliver(Side::Acceptor, public, &rtp);
    for at in 12..rtp.len() {
        let mut forged = rtp.clone();
        forged[3] = 9;
        forged[at] ^= 1;
        pair.deliver(Side::Acceptor, public, &forged);
    }
    pair.deliver(Side::Acceptor, "203.0.113.66:1".parse().unwrap(), &rtp);
    let stats = pair.acceptor().stats();
    assert_eq!(stats.dropped(DropReason::MediaRefused), 1 + (rtp.len() - 12) as u64);
    assert_eq!(stats.dropped(DropReason::AddressNotProven), 1);
    assert_eq!(pair.acceptor().last_heard(), heard_at, "what is not authentic is not heard");
    pair.run(Duration::from_millis(50));
    assert_eq!(pair.acceptor_heard.media.len(), 1);
}

#[test]
fn limits_are_errors() {
    let mut pair = Pair::connected(Options::default());
    let now = pair.now;
    for ssrc in 1..=STREAMS_PER_PATH_MAX as u32 {
        pair.dialer.open_stream(Ssrc(ssrc)).unwrap();
        pair.dialer.expect_stream(Ssrc(ssrc)).unwrap();
    }
    assert_eq!(pair.dialer.open_stream(Ssrc(9999)), Err(PathError::TooManyStreams));
    assert_eq!(pair.dialer.expect_stream(Ssrc(9999)), Err(PathError::TooManyStreams));
    let long = [0; MEDIA_PAYLOAD_BYTES_MAX + 1];
    let too_long = Err(PathError::TooLong { bytes: long.len() });
    assert_eq!(pair.dialer.send_media(now, Ssrc(1), head(111, 0), &long), too_long);
    let unknown = Err(PathError::UnknownPayloadType(100));
    assert_eq!(pair.dialer.send_media(now, Ssrc(1), head(100, 0), &[]), unknown);
}

#[test]
fn a_host_passes_packets_on_as_they_came() {
    let mut uplink = Pair::connected(Options::default());
    let mut downlink = Pair::connected(Options::default());
    uplink.open(Side::Dialer, 5);
    downlink.open(Side::Acceptor, 5);
    for number in 0..40_u32 {
        let captured_at = Some(Duration::from_millis(1_790_000_000_000 + u64::from(number)));
        let head = MediaHead { captured_at, level: Some(-9), marker: number == 0, ..head(97, number * 240) };
        uplink.send(Side::Dialer, 5, head, &vec![number as u8; 1440]);
    }
    uplink.run(Duration::from_millis(50));
    let now = downlink.now;
    for packet in &uplink.acceptor_heard.media {
        downlink.acceptor().send_media(now, Ssrc(5), packet.head, &packet.payload).unwrap();
    }
    downlink.run(Duration::from_millis(50));
    assert_eq!(downlink.dialer_heard.media.len(), 40);
    for (got, sent) in downlink.dialer_heard.media.iter().zip(&uplink.acceptor_heard.media) {
        assert_eq!((got.head, &got.payload), (sent.head, &sent.payload), "capture time included, to the bit");
    }
}

#[test]
fn packets_leave_in_the_order_in_which_they_were_written() {
    let mut pair = Pair::connected(Options::default());
    let ssrcs = [9, 3, 7, 1, 8, 2];
    ssrcs.iter().for_each(|ssrc| pair.open(Side::Dialer, *ssrc));
    for number in 0..100_u32 {
        for ssrc in ssrcs {
            pair.send(Side::Dialer, ssrc, head(111, number), &[1]);
        }
    }
    pair.run(Duration::from_millis(50));
    let order: Vec<u32> = pair.acceptor_heard.media.iter().map(|packet| packet.ssrc.0).collect();
    assert_eq!(order, ssrcs.repeat(100));
}

#[test]
fn feedback_arrives_encrypted_at_once_and_is_never_repeated() {
    let mut pair = Pair::connected(Options { loss_percent: 20, ..Options::default() });
    pair.open(Side::Dialer, 7);
    let heard_before = pair.dialer_heard.feedback.len();
    for turn in 0..500_u32 {
        let now = pair.now;
        let missing = Missing { runs: vec![MissingRun { timestamp: turn, ticks: 60 }] };
        pair.acceptor().send_feedback(now, Ssrc(7), &missing.encode()).unwrap();
        pair.run(Duration::from_millis(5));
    }
    pair.run(Duration::from_secs(1));
    let heard = &pair.dialer_heard.feedback[heard_before..];
    assert!((350..450).contains(&heard.len()), "{}", heard.len());
    let timestamps: Vec<u32> = heard
        .iter()
        .map(|(about, bytes)| {
            assert_eq!(*about, Ssrc(7));
            let Ok(Feedback::Missing(missing)) = Feedback::decode(bytes) else { panic!("{bytes:?}") };
            missing.runs[0].timestamp
        })
        .collect();
    assert!(timestamps.is_sorted() && timestamps.windows(2).all(|pair| pair[0] != pair[1]));
    let now = pair.now;
    let too_long = pair.acceptor().send_feedback(now, Ssrc(7), &[0; FEEDBACK_BYTES_MAX + 1]);
    assert_eq!(too_long, Err(PathError::TooLong { bytes: FEEDBACK_BYTES_MAX + 1 }));
}
