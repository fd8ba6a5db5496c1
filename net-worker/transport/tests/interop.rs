//! Media beside str0m is still what the standards say: a whole str0m at the other end understands it, and is understood.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backline_transport::{Certificate, MediaHead, MediaPacket, Path, PathConfig, PathEvent, Role};
use backline_wire::{SessionSecret, Ssrc};
use str0m::config::Fingerprint;
use str0m::format::{Codec, FormatParams};
use str0m::media::{Frequency, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{AbsCaptureTime, Extension, ExtensionMap, ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Candidate, Event, IceCreds, Input, Output, Rtc, RtcConfig};

const OURS: Ssrc = Ssrc(0x1111_0001);
const THEIRS: Ssrc = Ssrc(0x2222_0002);
/// Two turns of the sequence number.
const PACKETS: u32 = 140_000;

struct Interop {
    now: Instant,
    ours: Path,
    theirs: Rtc,
    heard: Vec<MediaPacket>,
    feedback: Vec<Vec<u8>>,
    their_heard: Vec<RtpPacket>,
    their_feedback: Vec<Vec<u8>>,
    their_dtls_is_up: bool,
    /// What str0m made of our sender reports.
    their_reports: usize,
}

impl Interop {
    #[allow(clippy::disallowed_methods, reason = "an Instant has no other constructor")]
    fn connected() -> Self {
        let now = Instant::now();
        let secret = SessionSecret([7; 16]);
        let certificate = Certificate::generate().unwrap();
        let config = PathConfig {
            role: Role::Acceptor,
            local: secret.ice_credentials_host(),
            remote: secret.ice_credentials_joiner("0123456789abcdef"),
            remote_fingerprint: None,
            certificate: &certificate,
            local_addresses: &[ours_at()],
            remote_candidates: &[],
        };
        let ours = Path::new(config, now).unwrap();
        let theirs = whole_str0m(now, &secret, &certificate);
        let mut interop = Interop {
            now,
            ours,
            theirs,
            heard: Vec::new(),
            feedback: Vec::new(),
            their_heard: Vec::new(),
            their_feedback: Vec::new(),
            their_dtls_is_up: false,
            their_reports: 0,
        };
        for _ in 0..1000 {
            interop.step(Duration::from_millis(5));
        }
        assert!(interop.ours.is_connected() && interop.their_dtls_is_up);
        interop
    }

    /// Lets everything that is on its way arrive, and time pass.
    fn step(&mut self, time: Duration) {
        self.theirs.handle_input(Input::Timeout(self.now)).unwrap();
        if self.ours.poll_timeout().is_some_and(|at| at <= self.now) {
            self.ours.handle_timeout(self.now);
        }
        while self.exchange() {}
        self.now += time;
    }

    /// True when a datagram went either way.
    fn exchange(&mut self) -> bool {
        let mut went = self.drain_theirs();
        let mut buffer = Vec::new();
        while self.ours.poll_transmit(&mut buffer).is_some() {
            went = true;
            let receive = Receive::new(Protocol::Udp, ours_at(), theirs_at(), &buffer).unwrap();
            self.theirs.handle_input(Input::Receive(self.now, receive)).unwrap();
            self.drain_theirs();
        }
        while let Some(event) = self.ours.poll_event() {
            match event {
                PathEvent::Media(packet) => self.heard.push(packet),
                PathEvent::Feedback { about: OURS, bytes } => self.feedback.push(bytes.to_vec()),
                other => assert!(matches!(other, PathEvent::Connected { .. }), "{other:?}"),
            }
        }
        went
    }

    /// True when str0m sent something.
    fn drain_theirs(&mut self) -> bool {
        let mut went = false;
        loop {
            match self.theirs.poll_output().unwrap() {
                Output::Timeout(_) => return went,
                Output::Transmit(transmit) => {
                    went = true;
                    self.ours.handle_datagram(self.now, theirs_at(), ours_at(), &transmit.contents);
                }
                Output::Event(event) => self.note(event),
            }
        }
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Connected => self.their_dtls_is_up = true,
            Event::RtpPacket(packet) => self.their_heard.push(packet),
            Event::AppSpecificFeedback(feedback) => self.their_feedback.push(feedback.payload.to_vec()),
            Event::SenderFeedback(_) => self.their_reports += 1,
            _ => {}
        }
    }

    fn they_send(&mut self, number: u32) {
        let values = ExtensionValues {
            audio_level: Some(-40),
            voice_activity: Some(false),
            abs_capture_time: Some(AbsCaptureTime {
                capture_time: std::time::UNIX_EPOCH + captured_at(number),
                clock_offset: None,
            }),
            ..ExtensionValues::default()
        };
        let mut api = self.theirs.direct_api();
        let packet =
            RtpWrite::new(97.into(), u64::from(number + 1).into(), number * 60, self.now, payload(number))
                .marker(number.is_multiple_of(7))
                .ext_vals(values);
        api.stream_tx(&THEIRS.0.into()).unwrap().write_rtp(packet);
    }
}

fn ours_at() -> SocketAddr {
    "198.51.100.7:22224".parse().unwrap()
}

fn theirs_at() -> SocketAddr {
    "203.0.113.9:61000".parse().unwrap()
}

fn captured_at(number: u32) -> Duration {
    Duration::from_millis(1_790_000_000_000 + u64::from(number))
}

fn payload(number: u32) -> Arc<[u8]> {
    vec![number as u8; 60 + (number % 50) as usize].into()
}

fn whole_str0m(now: Instant, secret: &SessionSecret, certificate: &Certificate) -> Rtc {
    let creds = |credentials: backline_wire::IceCredentials| IceCreds {
        ufrag: credentials.ufrag,
        pass: credentials.password,
    };
    let mut extensions = ExtensionMap::empty();
    extensions.set(1, Extension::AudioLevel);
    extensions.set(2, Extension::AbsoluteCaptureTime);
    let mut config = RtcConfig::new()
        .set_crypto_provider(Arc::new(str0m::crypto::from_feature_flags()))
        .set_local_ice_credentials(creds(secret.ice_credentials_joiner("0123456789abcdef")))
        .set_rtp_mode(true)
        .clear_codecs()
        .set_extension_map(extensions)
        .enable_bwe(None);
    for payload_type in [111_u8, 97] {
        let params = FormatParams::default();
        let codecs = config.codec_config();
        codecs.add_config(
            payload_type.into(),
            None,
            Codec::Null,
            Frequency::FORTY_EIGHT_KHZ,
            Some(2),
            params,
        );
    }
    let mut rtc = config.build(now);
    rtc.add_local_candidate(Candidate::host(theirs_at(), Protocol::Udp).unwrap());
    rtc.add_remote_candidate(Candidate::host(ours_at(), Protocol::Udp).unwrap());
    let mut api = rtc.direct_api();
    api.set_ice_controlling(true);
    api.set_remote_ice_credentials(creds(secret.ice_credentials_host()));
    let bytes = certificate.fingerprint().0.to_vec();
    api.set_remote_fingerprint(Fingerprint { hash_func: "sha-256".to_owned(), bytes });
    api.start_dtls(true).unwrap();
    api.start_sctp(true);
    for (mid, is_theirs) in [("t", true), ("r", false)] {
        let mid = Mid::from(mid);
        api.declare_media(mid, MediaKind::Audio);
        if is_theirs {
            api.declare_stream_tx(THEIRS.0.into(), None, mid, None);
        } else {
            api.expect_stream_rx(OURS.0.into(), None, mid, None).suppress_nack(true);
        }
    }
    rtc
}

#[test]
fn packets_of_both_are_understood_over_two_turns_of_the_sequence_number() {
    let mut pair = Interop::connected();
    pair.ours.open_stream(OURS).unwrap();
    pair.ours.expect_stream(THEIRS).unwrap();
    for number in 0..PACKETS {
        let head = MediaHead {
            payload_type: 111,
            timestamp: number * 60,
            captured_at: Some(captured_at(number)),
            level: Some(-12),
            marker: number.is_multiple_of(5),
        };
        pair.ours.send_media(pair.now, OURS, head, &payload(number)).unwrap();
        pair.they_send(number);
        pair.step(Duration::from_micros(1250));
        let (ours, theirs) = (pair.heard.pop().unwrap(), pair.their_heard.pop().unwrap());
        let expected =
            MediaHead { payload_type: 97, level: Some(-40), marker: number.is_multiple_of(7), ..head };
        // str0m rounds what it sends to some hundred nanoseconds.
        assert!(ours.head.captured_at.unwrap().abs_diff(captured_at(number)) < Duration::from_nanos(500));
        assert_eq!(MediaHead { captured_at: head.captured_at, ..ours.head }, expected);
        assert_eq!((ours.ssrc, ours.payload), (THEIRS, payload(number)));
        assert_eq!((theirs.payload, theirs.header.timestamp), (payload(number), number * 60));
        assert_eq!((*theirs.seq_no, theirs.header.marker), (u64::from(number) + 1, number.is_multiple_of(5)));
        assert_eq!(theirs.header.ext_vals.audio_level, Some(-12));
        let time = theirs.header.ext_vals.abs_capture_time.unwrap().capture_time;
        let time = time.duration_since(std::time::UNIX_EPOCH).unwrap();
        assert!(time.abs_diff(captured_at(number)) < Duration::from_nanos(500));
    }
    let stats = pair.ours.stats();
    assert_eq!((stats.media_in, stats.dropped_total()), (PACKETS.into(), 0));
    assert!(stats.reports_in > 10 && stats.reports_out > 10, "{stats:?}");
    assert!(pair.their_reports > 10, "our reports are read");
}

#[test]
fn feedback_of_both_is_understood() {
    let mut pair = Interop::connected();
    for number in 0..100_u8 {
        let bytes = [b'B', b'K', b'L', b'1', number, 1, 2, 3];
        pair.ours.send_feedback(pair.now, THEIRS, &bytes).unwrap();
        let mut api = pair.theirs.direct_api();
        api.send_app_specific_feedback(THEIRS.0.into(), OURS.0.into(), bytes.to_vec());
        pair.step(Duration::from_millis(5));
        assert_eq!(pair.feedback.pop(), Some(bytes.to_vec()));
        assert_eq!(pair.their_feedback.pop(), Some(bytes.to_vec()));
    }
    assert_eq!(pair.ours.stats().dropped_total(), 0);
}
