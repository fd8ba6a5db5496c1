//! The bytes of every kind of message, and what decoding makes of damaged ones.

use super::*;
use crate::ids::InstanceId;
use crate::limits::{CHAT_CHARACTERS_MAX, NAME_BYTES_MAX, SOURCES_PER_PARTICIPANT_MAX};
use crate::operation::{Change, Fader, GainValue, OperationRefusal, Setting};
use crate::route::Route;
use crate::tempo::{Bpm, Meter, SongPosition, Tempo};
use data_encoding::HEXLOWER;
use proptest::prelude::*;

fn source() -> SourceInfo {
    SourceInfo {
        source: SourceId { participant: ParticipantId([0x11; 32]), instance: InstanceId(0x1122) },
        name: Name::new("Guitar"),
        colour: [1, 2, 3],
        format: StreamFormat {
            payload_type: 111,
            frame_frames: 120,
            bitrate_bps: 256_000,
            redundancy: 0,
            copy_distance: 1,
            block_frames: 512,
        },
        generation: Generation(5),
    }
}

fn hello() -> Hello {
    Hello {
        protocol_version: 1,
        app: Name::new("Backline 0.1.0"),
        name: Name::new("Ada"),
        colour: [0xAA, 0xBB, 0xCC],
        participant: ParticipantId([0x11; 32]),
        instance: InstanceId(0x1122),
        generation: Generation(4),
        signature: [0x22; 64],
        proof: [0x33; 32],
        sources: vec![source()],
    }
}

fn candidate(address: &str, is_relayed: bool) -> Candidate {
    Candidate { address: address.parse().unwrap(), is_relayed }
}

fn offer() -> PathOffer {
    PathOffer {
        peer: PeerId(3),
        attempt: 1,
        ufrag: "0011aabb".to_owned(),
        password: "0123456789abcdef0123456789abcdef".to_owned(),
        fingerprint: Fingerprint([0x44; 32]),
        candidates: vec![candidate("192.0.2.1:5000", false), candidate("[2001:db8::1]:5000", true)],
    }
}

fn one_of_each() -> Vec<(Control, &'static str)> {
    let source_id = source().source;
    let mut all = vec![
        (Control::Hello(Box::new(hello())), fixture::HELLO),
        (
            Control::Welcome(Welcome {
                protocol_version: 1,
                app: Name::new("Backline 0.1.0"),
                peer: PeerId(2),
                participants: 3,
                observed: "192.0.2.9:6000".parse().unwrap(),
            }),
            fixture::WELCOME,
        ),
        (Control::Refused { reason: RefusalReason::OtherVersion { ours: 1 } }, fixture::REFUSED),
        (
            Control::Joined(PeerInfo {
                peer: PeerId(300),
                participant: ParticipantId([0x55; 32]),
                name: Name::new("Löv"),
                colour: [9, 8, 7],
            }),
            fixture::JOINED,
        ),
        (Control::Left { peer: PeerId(2), reason: LeaveReason::Vanished }, fixture::LEFT),
        (Control::Publish(source()), fixture::PUBLISH),
        (Control::Unpublish { source: source_id }, fixture::UNPUBLISH),
        (
            Control::Published(PublishedSource { peer: PeerId(1), info: source(), ssrc: Ssrc(0xDEAD_BEEF) }),
            fixture::PUBLISHED,
        ),
        (Control::Unpublished { source: source_id }, fixture::UNPUBLISHED),
        (Control::Forward { source: source_id, on: true }, fixture::FORWARD),
        (Control::PathOffer(offer()), fixture::PATH_OFFER),
        (
            Control::Candidate { peer: PeerId(3), at: candidate("[2001:db8::2]:7000", true) },
            fixture::CANDIDATE,
        ),
        (Control::Ping { peer: PeerId::HOST, id: 7, sent_at_us: 1_000_000 }, fixture::PING),
        (
            Control::Pong {
                peer: PeerId(2),
                id: 7,
                sent_at_us: 1_000_000,
                received_at_us: 1,
                replied_at_us: 300,
            },
            fixture::PONG,
        ),
        (Control::Rename { name: Name::new("Ada L"), colour: [0, 0, 255] }, fixture::RENAME),
        (Control::Goodbye { reason: GoodbyeReason::SessionEnded }, fixture::GOODBYE),
    ];
    all.extend(later_kinds());
    all
}

fn later_kinds() -> Vec<(Control, &'static str)> {
    vec![
        (
            Control::Reception {
                peer: PeerId(2),
                reception: Reception {
                    ssrc: Ssrc(0xDEAD_BEEF),
                    lost: 500,
                    made_up: 2,
                    queueing_us: 1_000,
                    queueing_change_us: -1,
                    at_ceiling: true,
                    latency_us: Some(12_345),
                },
            },
            fixture::RECEPTION,
        ),
        (Control::Follow { document: DocumentId([0x66; 16]), revision: Revision(300) }, fixture::FOLLOW),
        (
            Control::Changes {
                document: DocumentId([0x66; 16]),
                head: Revision(301),
                entries: vec![entry()],
            },
            fixture::CHANGES,
        ),
        (
            Control::Operate {
                outbox: OutboxId(7),
                settled: Counter(8),
                operations: vec![Operation { counter: Counter(9), age_ms: 20, change: entry().change }],
            },
            fixture::OPERATE,
        ),
        (
            Control::Outcomes {
                outbox: OutboxId(7),
                outcomes: vec![
                    (Counter(8), Outcome::Accepted { revision: Revision(301) }),
                    (Counter(9), Outcome::Refused { reason: OperationRefusal::NotAllowed }),
                ],
            },
            fixture::OUTCOMES,
        ),
        (Control::Warning { limit: Limit::Control, disconnected_in_s: 10 }, fixture::WARNING),
        (Control::Route { route: Route::Mix, generation: Generation(3) }, fixture::ROUTE),
        (Control::Listen { mix: true, own: false }, fixture::LISTEN),
        (Control::Chat { peer: PeerId(300), line: line("Löv: da capo") }, fixture::CHAT),
        (Control::Transport { peer: PeerId(300), mark: mark() }, fixture::TRANSPORT),
    ]
}

fn mark() -> TransportMark {
    TransportMark {
        at_us: 1_000_000,
        position: SongPosition::from_quarters(-1.5).unwrap(),
        bar_start: SongPosition::default(),
        tempo: Tempo { bpm: Bpm::new(92.5).unwrap(), meter: Meter::new(6, 8).unwrap() },
        is_rolling: true,
        is_recording: false,
        by_hand: true,
    }
}

fn line(text: &str) -> ChatLine {
    ChatLine::new(text).unwrap()
}

fn entry() -> Entry {
    let setting = Setting::Gain(GainValue::from_db(-6.0));
    Entry {
        change: Change::Fader { fader: Fader::Send(source().source), setting },
        revision: Revision(300),
        author: ParticipantId([0x55; 32]),
        operation: (OutboxId(7), Counter(4)),
        made_at_ms: 1_000,
    }
}

/// A difference here is a change of the wire: raise `FORMAT`, and keep these as the old bytes.
#[test]
fn the_bytes_of_format_1_are_these() {
    let all = one_of_each();
    assert_eq!(all.len(), usize::from(KINDS));
    for (kind, (message, bytes)) in all.iter().enumerate() {
        let encoded = message.encode();
        assert_eq!(&HEXLOWER.encode(&encoded), bytes, "{message:?}");
        assert_eq!((encoded[0], usize::from(encoded[1])), (FORMAT, kind));
        assert_eq!(Control::decode(&encoded).as_ref(), Ok(message));
    }
}

#[test]
fn every_truncation_and_every_trailing_byte_is_malformed() {
    for (message, _) in one_of_each() {
        let mut bytes = message.encode();
        for length in 0..bytes.len() {
            assert_eq!(
                Control::decode(&bytes[..length]),
                Err(ControlError::Malformed),
                "{length} of {message:?}"
            );
        }
        bytes.push(0);
        assert_eq!(Control::decode(&bytes), Err(ControlError::Malformed));
    }
}

#[test]
fn the_largest_messages_fit() {
    let longest = Name::new(&"n".repeat(NAME_BYTES_MAX));
    let mut source = source();
    source.name = longest.clone();
    source.source.instance = InstanceId(u64::MAX);
    source.generation = Generation(u32::MAX);
    source.format = StreamFormat {
        payload_type: 255,
        frame_frames: u16::MAX,
        bitrate_bps: u32::MAX,
        redundancy: 255,
        copy_distance: 255,
        block_frames: u16::MAX,
    };
    let mut hello = hello();
    hello.name = longest.clone();
    hello.app = longest;
    hello.sources = vec![source; SOURCES_PER_PARTICIPANT_MAX];
    let message = Control::Hello(Box::new(hello));
    assert!(message.encode().len() <= CONTROL_BYTES_MAX);
    assert_eq!(Control::decode(&message.encode()), Ok(message));
}

#[test]
fn lists_and_texts_beyond_their_limits_are_malformed() {
    let mut many = hello();
    many.sources = vec![source(); SOURCES_PER_PARTICIPANT_MAX + 1];
    let mut addresses = offer();
    addresses.candidates = vec![addresses.candidates[0]; CANDIDATES_MAX + 1];
    let (mut short, mut odd, mut long) = (offer(), offer(), offer());
    short.password = "short".to_owned();
    odd.ufrag = "a:bcd".to_owned();
    long.ufrag = "a".repeat(33);
    for message in [
        Control::Hello(Box::new(many)),
        Control::PathOffer(addresses),
        Control::PathOffer(short),
        Control::PathOffer(odd),
        Control::PathOffer(long),
    ] {
        assert_eq!(Control::decode(&message.encode()), Err(ControlError::Malformed), "{message:?}");
    }
    let rename = Control::Rename { name: Name::new("Ada"), colour: [0; 3] }.encode();
    let hidden = [&rename[..2], &[4, b'A', b'd', b'a', b'\n'][..], &rename[6..]].concat();
    assert_eq!(Control::decode(&hidden), Err(ControlError::Malformed));
    let chat = |text: &[u8]| {
        let length = text.len() as u16;
        let length = [(length & 0x7F) as u8 | 0x80, (length >> 7) as u8];
        Control::decode(&[&[FORMAT, 24, 1], &length[..], text].concat())
    };
    let longest = "x".repeat(CHAT_CHARACTERS_MAX);
    assert_eq!(
        chat(longest.as_bytes()),
        Ok(Control::Chat { peer: PeerId(1), line: line(&longest) }),
        "the longest line is one"
    );
    let too_many = ["x".repeat(CHAT_CHARACTERS_MAX + 1), "𝄞".repeat(CHAT_CHARACTERS_MAX + 1)];
    let unclean = [format!("{}\n{}", "x".repeat(100), "x".repeat(100)), format!(" {}", "x".repeat(200))];
    for text in too_many.iter().chain(&unclean) {
        assert_eq!(chat(text.as_bytes()), Err(ControlError::Malformed));
    }
    assert_eq!(Control::decode(&[FORMAT, 24, 1, 0]), Err(ControlError::Malformed), "an empty line");
}

#[test]
fn a_length_that_lies_allocates_nothing() {
    // "Rename" with a name of four thousand million bytes, "PathOffer" with as many candidates.
    let lie = [0xFF, 0xFF, 0xFF, 0xFF, 0x0F];
    assert_eq!(Control::decode(&[&[FORMAT, 14][..], &lie].concat()), Err(ControlError::Malformed));
    let mut empty = offer();
    empty.candidates.clear();
    let mut bytes = Control::PathOffer(empty).encode();
    bytes.pop();
    bytes.extend_from_slice(&lie);
    assert_eq!(Control::decode(&bytes), Err(ControlError::Malformed));
}

#[test]
fn other_formats_are_named_but_their_refusals_are_understood() {
    for theirs in [0, 2, 255] {
        for (message, _) in one_of_each() {
            let mut bytes = message.encode();
            bytes[0] = theirs;
            let expected = match message {
                Control::Refused { .. } => Ok(message),
                _ => Err(ControlError::OtherFormat { theirs }),
            };
            assert_eq!(Control::decode(&bytes), expected);
        }
    }
    // A reason that a later version added.
    assert_eq!(Control::decode(&[2, REFUSED_KIND, 99]), Err(ControlError::OtherFormat { theirs: 2 }));
}

#[test]
fn kinds_of_later_versions_are_told_from_damage() {
    assert_eq!(Control::decode(&[FORMAT, KINDS, 1, 2, 3]), Err(ControlError::UnknownKind { kind: KINDS }));
    assert_eq!(Control::decode(&[]), Err(ControlError::Malformed));
    assert_eq!(Control::decode(&[FORMAT]), Err(ControlError::Malformed));
    assert_eq!(Control::decode(&[FORMAT; 4097]), Err(ControlError::TooLong { bytes: 4097 }));
}

#[test]
fn no_password_reaches_a_log() {
    assert!(!format!("{:?}", offer()).contains("0123456789abcdef"));
}

proptest! {
    #[test]
    fn lines_of_the_chat_round_trip(peer: u16, text in "\\PC{1,500}") {
        if let Ok(line) = ChatLine::new(&text) {
            let message = Control::Chat { peer: PeerId(peer), line };
            prop_assert!(message.encode().len() <= CONTROL_BYTES_MAX);
            prop_assert_eq!(Control::decode(&message.encode()), Ok(message));
        }
    }

    #[test]
    fn no_bytes_make_decoding_panic_and_what_decodes_encodes_the_same(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(message) = Control::decode(&bytes) {
            prop_assert!(message.encode() == bytes || bytes[0] != FORMAT);
        }
    }

    #[test]
    fn damaged_messages_are_refused_or_are_other_messages(
        pick in 0..usize::from(KINDS), flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
    ) {
        let mut bytes = one_of_each()[pick].0.encode();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(message) = Control::decode(&bytes) {
            prop_assert!(message.encode() == bytes || bytes[0] != FORMAT);
        }
    }

    #[test]
    fn path_offers_round_trip(
        peer: u16, attempt: u32, ufrag in "[a-zA-Z0-9+/]{4,32}", password in "[a-zA-Z0-9+/]{22,64}", print: [u8; 32],
        candidates in prop::collection::vec((any::<std::net::IpAddr>(), any::<u16>(), any::<bool>()), 0..=CANDIDATES_MAX)
    ) {
        let candidates = candidates
            .into_iter()
            .map(|(ip, port, is_relayed)| Candidate { address: SocketAddr::new(ip, port), is_relayed })
            .collect();
        let offer = PathOffer { peer: PeerId(peer), attempt, ufrag, password, fingerprint: Fingerprint(print), candidates };
        let message = Control::PathOffer(offer);
        prop_assert_eq!(Control::decode(&message.encode()), Ok(message));
    }
}

mod fixture {
    pub const HELLO: &str = "0100010e4261636b6c696e6520302e312e3003416461aabbcc1111111111111111111111111111111111111111111111111111111111111111a22204222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222223333333333333333333333333333333333333333333333333333333333333333011111111111111111111111111111111111111111111111111111111111111111a222064775697461720102036f7880d00f0001800405";
    pub const WELCOME: &str = "0101010e4261636b6c696e6520302e312e30020300c0000209f02e";
    pub const REFUSED: &str = "01020001";
    pub const JOINED: &str =
        "0103ac025555555555555555555555555555555555555555555555555555555555555555044cc3b676090807";
    pub const LEFT: &str = "01040201";
    pub const PUBLISH: &str = "01051111111111111111111111111111111111111111111111111111111111111111a222064775697461720102036f7880d00f0001800405";
    pub const UNPUBLISH: &str = "01061111111111111111111111111111111111111111111111111111111111111111a222";
    pub const PUBLISHED: &str = "0107011111111111111111111111111111111111111111111111111111111111111111a222064775697461720102036f7880d00f0001800405effdb6f50d";
    pub const UNPUBLISHED: &str = "01081111111111111111111111111111111111111111111111111111111111111111a222";
    pub const FORWARD: &str = "01091111111111111111111111111111111111111111111111111111111111111111a22201";
    pub const PATH_OFFER: &str = "010a030108303031316161626220303132333435363738396162636465663031323334353637383961626364656644444444444444444444444444444444444444444444444444444444444444440200c00002018827000120010db8000000000000000000000001882701";
    pub const CANDIDATE: &str = "010b030120010db8000000000000000000000002d83601";
    pub const PING: &str = "010c0007c0843d";
    pub const PONG: &str = "010d0207c0843d01ac02";
    pub const RENAME: &str = "010e05416461204c0000ff";
    pub const GOODBYE: &str = "010f01";
    pub const RECEPTION: &str = "011002effdb6f50df40302e807010101b960";
    pub const WARNING: &str = "0115020a";
    pub const ROUTE: &str = "01160203";
    pub const LISTEN: &str = "01170100";
    pub const CHAT: &str = "0118ac020d4cc3b6763a206461206361706f";
    pub const TRANSPORT: &str = "0119ac02c0843dbf8db70100d4d2050608010001";
    pub const FOLLOW: &str = "011166666666666666666666666666666666ac02";
    pub const CHANGES: &str = "011266666666666666666666666666666666ad020100001111111111111111111111111111111111111111111111111111111111111111a22200af09ac0255555555555555555555555555555555555555555555555555555555555555550704e807";
    pub const OPERATE: &str =
        "0113070801091400001111111111111111111111111111111111111111111111111111111111111111a22200af09";
    pub const OUTCOMES: &str = "011407020800ad02090200";
}
