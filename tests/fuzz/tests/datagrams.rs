//! Whatever a datagram holds: no panic, no growth, no answer longer than the question, and the session
//! that is under fire goes on.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

#[path = "../../../net-worker/transport/tests/pair/mod.rs"]
mod pair;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use backline_fuzz::{Counting, Mutator};
use backline_media::{Playout, PlayoutConfig, ReceivedHead, red};
use backline_transport::{DropReason, MediaHead, demux};
use backline_wire::limits::{FEEDBACK_BYTES_MAX, MISSING_RUNS_MAX, MIX_TIMES_MAX, SOURCES_MAX};
use backline_wire::{
    Control, Feedback, Fingerprint, InviteLink, Levels, Missing, MissingRun, PeakLevel, SessionSecret,
    SourceLevel, Ssrc,
};
use pair::{Options, Pair, Side, head};

#[global_allocator]
static MEMORY: Counting = Counting::new();

/// After the first tenth, in which queues and windows fill.
const GROWTH_BYTES_MAX: usize = 512 * 1024;
const STRANGER: [u8; 4] = [203, 0, 113, 77];
const STREAMS: [u32; 3] = [0x1111_1111, 0x2222_2222, 0x3333_3333];

#[test]
fn hostile_datagrams_do_nothing() {
    let total = number("BACKLINE_FUZZ_DATAGRAMS", 300_000);
    let seed = number("BACKLINE_FUZZ_SEED", 20_261_121);
    println!("{total} datagrams, BACKLINE_FUZZ_SEED={seed}");
    let corpus = corpus();
    println!("from {} real ones, {} bytes", corpus.len(), corpus.iter().map(Vec::len).sum::<usize>());
    let mut range = Range::new(seed, corpus);
    let started = Instant::now();
    let mut base = None;
    for done in 0..total {
        range.fire();
        if done % 1000 == 999 {
            range.live();
        }
        if done % 10_000 == 9_999 {
            range.fire_at_handshake();
        }
        if done + 1 == total.div_ceil(10) {
            base = Some(MEMORY.in_use());
        }
        if (done + 1) % (total / 10).max(1) == 0 {
            let rate = (done + 1) as f64 / started.elapsed().as_secs_f64();
            println!("{:>9} datagrams, {rate:>8.0}/s, {:>6} KiB in use", done + 1, MEMORY.in_use() / 1024);
        }
    }
    range.settle();
    let grown = MEMORY.in_use().saturating_sub(base.unwrap_or_default());
    println!("grown by {} KiB; {}", grown / 1024, range.report());
    assert!(grown < GROWTH_BYTES_MAX, "{grown} bytes more in use than after the first tenth");
}

/// What a real session sends, from the first check to the last report, and what its parsers read.
fn corpus() -> Vec<Vec<u8>> {
    let mut pair = Pair::new(Options::default());
    pair.recorded = Some(Vec::new());
    pair.run(Duration::from_secs(1));
    for ssrc in STREAMS {
        pair.open(Side::Dialer, ssrc);
        pair.open(Side::Acceptor, ssrc + 1);
    }
    for turn in 0..60_u32 {
        speak(&mut pair, turn);
        pair.run(Duration::from_millis(100));
    }
    let now = pair.now;
    pair.dialer.close(now);
    pair.run(Duration::from_secs(1));
    let mut corpus = pair.recorded.take().unwrap();
    // The close itself would end the path under test if it could be replayed: it is part of the corpus.
    let link = link();
    corpus.push(link.to_text().into_bytes());
    corpus.extend(red_packets());
    corpus.extend(control_messages().iter().map(Control::encode));
    corpus.push(missing().encode());
    corpus.push(levels().encode());
    corpus
}

fn link() -> InviteLink {
    let address: SocketAddr = "198.51.100.7:22224".parse().unwrap();
    InviteLink::new(&[address], SessionSecret([7; 16]), Fingerprint([3; 32])).unwrap()
}

fn control_messages() -> Vec<Control> {
    use backline_wire::{Candidate, GoodbyeReason, Name, PathOffer, PeerId, PeerInfo};
    let participant = backline_wire::IdentityKey::from_seed([5; 32]).participant_id();
    vec![
        Control::Joined(PeerInfo { peer: PeerId(4), participant, name: Name::new("Ada"), colour: [1, 2, 3] }),
        Control::PathOffer(PathOffer {
            peer: PeerId(3),
            attempt: 1,
            ufrag: "0011aabb".to_owned(),
            password: "0123456789abcdef0123456789abcdef".to_owned(),
            fingerprint: Fingerprint([4; 32]),
            candidates: vec![
                SocketAddr::from(([192, 0, 2, 1], 5000)).into(),
                Candidate { address: "[2001:db8::1]:5000".parse().unwrap(), is_relayed: true },
            ],
        }),
        Control::Ping { peer: PeerId(1), id: 7, sent_at_us: 1 << 40 },
        Control::Goodbye { reason: GoodbyeReason::Leaving },
    ]
}

fn missing() -> Missing {
    Missing { runs: vec![MissingRun { timestamp: 0xFFFF_FF00, ticks: 120 }; MISSING_RUNS_MAX] }
}

fn levels() -> Levels {
    let (left, right) = (PeakLevel::from_linear(0.5), PeakLevel::SILENT);
    Levels { sources: vec![SourceLevel { ssrc: Ssrc(0xFFFF_FF00), left, right }; SOURCES_MAX] }
}

/// Two copies and a primary frame, as Opus would be.
fn red_packets() -> Vec<Vec<u8>> {
    let mut payload = Vec::new();
    let block = |age_ticks, bytes| red::Block { payload_type: 111, age_ticks, bytes };
    let copies = [block(480, &[0xFC, 1, 2, 3][..]), block(240, &[0xFC, 4, 5][..])];
    red::write(&mut payload, copies.into_iter(), block(0, &[0xFC, 6, 7, 8, 9]), 1200);
    vec![payload]
}

fn speak(pair: &mut Pair, turn: u32) {
    let types = [111, 96, 97, 63];
    for (index, ssrc) in STREAMS.into_iter().enumerate() {
        let payload_type = types[(turn as usize + index) % types.len()];
        let captured_at = Some(Duration::from_millis(1_790_000_000_000 + u64::from(turn)));
        let head = MediaHead { captured_at, level: Some(-20), ..head(payload_type, turn * 120) };
        let payload = vec![turn as u8; 20 + 200 * index];
        pair.send(Side::Dialer, ssrc, head, &payload);
        pair.send(Side::Acceptor, ssrc + 1, head, &payload);
    }
    let now = pair.now;
    pair.dialer.send_control(now, &turn.to_be_bytes()).unwrap();
    pair.acceptor().send_control(now, &turn.to_be_bytes()).unwrap();
    pair.dialer.send_feedback(now, Ssrc(STREAMS[0] + 1), &missing().encode()).unwrap();
    pair.acceptor().send_feedback(now, Ssrc(STREAMS[0]), &missing().encode()).unwrap();
    pair.acceptor().send_feedback(now, Ssrc(STREAMS[0] + 1), &levels().encode()).unwrap();
}

/// A session in the line of fire.
struct Range {
    mutator: Mutator,
    pair: Pair,
    playout: Playout,
    turn: u32,
    link: InviteLink,
    input: Vec<u8>,
    answer: Vec<u8>,
    audio: Vec<f32>,
    /// What came from each of the strangers' ports.
    fired_from: Vec<usize>,
    handshakes: u64,
    connected: u64,
    strangers_answered: u64,
    decoded: u64,
}

impl Range {
    fn new(seed: u64, corpus: Vec<Vec<u8>>) -> Range {
        let mut pair = Pair::connected(Options::default());
        for ssrc in STREAMS {
            pair.open(Side::Dialer, ssrc);
            pair.open(Side::Acceptor, ssrc + 1);
        }
        pair.recorded = Some(Vec::new());
        let config = PlayoutConfig { floor: Duration::ZERO, ceiling: Duration::from_millis(10) };
        let mut playout = Playout::new(config).unwrap();
        playout.set_round_trip(Some(Duration::from_millis(5)), true);
        playout.set_source_block(64);
        Range {
            mutator: Mutator::new(seed, corpus),
            pair,
            playout,
            turn: 0,
            link: link(),
            input: Vec::new(),
            answer: Vec::new(),
            audio: vec![0.0; 128],
            fired_from: vec![0; 1 << 16],
            handshakes: 0,
            connected: 0,
            strangers_answered: 0,
            decoded: 0,
        }
    }

    /// One input to every parser there is.
    fn fire(&mut self) {
        self.mutator.next(&mut self.input);
        self.fire_at_parsers();
        self.fire_at_paths();
        self.fire_at_playout();
    }

    fn fire_at_parsers(&mut self) {
        let _ = (demux::classify(&self.input), demux::is_unauthorised_response(&self.input));
        if demux::stun_unauthorised(&self.input, &mut self.answer) {
            self.strangers_answered += 1;
        }
        assert!(self.answer.len() <= self.input.len(), "no amplification: {:?}", self.input);
        if let Ok(message) = Control::decode(&self.input) {
            self.decoded += 1;
            let again = message.encode();
            assert!(again == self.input || self.input[0] != again[0], "{:?}", self.input);
        }
        if self.input.len() < 400 {
            let text = String::from_utf8_lossy(&self.input);
            if let Ok(read) = InviteLink::parse(&text) {
                assert_eq!(read, self.link, "damage that was not detected: {text}");
            }
        }
        if let Ok(feedback) = Feedback::decode(&self.input) {
            assert!(self.input.len() <= FEEDBACK_BYTES_MAX + 3);
            match feedback {
                Feedback::Missing(missing) => assert!(missing.runs.len() <= MISSING_RUNS_MAX),
                Feedback::Levels(levels) => assert!(levels.sources.len() <= SOURCES_MAX),
                Feedback::MixTimes(times) => assert!(times.sources.len() <= MIX_TIMES_MAX),
            }
        }
        if let Ok(blocks) = red::read(&self.input) {
            assert!(blocks.map(|block| block.bytes.len()).sum::<usize>() <= self.input.len());
        }
    }

    /// Half with the peer's own address on it, half from somebody else.
    fn fire_at_paths(&mut self) {
        let acceptor_fires = self.mutator.random.below(2) == 0;
        let forged = self.mutator.random.below(2) == 0;
        let stranger = SocketAddr::from((STRANGER, 1 + self.mutator.random.below(60_000) as u16));
        let pair = &mut self.pair;
        let now = pair.now;
        let peer = if acceptor_fires { pair.options.acceptor } else { pair.public };
        let local = if acceptor_fires { pair.options.dialer_local } else { pair.options.acceptor };
        let source = if forged { peer } else { stranger };
        if !forged {
            self.fired_from[usize::from(stranger.port())] += self.input.len();
        }
        let path = pair.side(if acceptor_fires { Side::Dialer } else { Side::Acceptor });
        let accepted = path.accepts(source, &self.input);
        let heard = path.last_heard();
        path.handle_datagram(now, source, local, &self.input);
        assert!(!accepted || heard <= path.last_heard());
        assert_eq!(path.poll_event(), None, "by {:?}", self.input);
    }

    fn fire_at_playout(&mut self) {
        let random = &mut self.mutator.random;
        let head = ReceivedHead {
            payload_type: [111, 96, 97, 63, random.bits() as u8][random.below(5)],
            timestamp: self.turn.wrapping_mul(4800).wrapping_add(random.below(20_000) as u32),
            captured_at: None,
        };
        self.playout.insert(&head, &self.input, self.pair.now);
        if self.mutator.random.below(50) == 0 {
            self.playout.pull(&mut self.audio, self.pair.now);
            let mut asked = 0;
            self.playout.poll_missing(self.pair.now, |_, _| asked += 1);
            assert!(asked <= 64);
            assert!(self.audio.iter().all(|sample| sample.is_finite()));
        }
    }

    /// While a connection comes about, with its own messages damaged and in the way. That may keep it from
    /// coming about (handshakes are not authenticated); it must do nothing else.
    fn fire_at_handshake(&mut self) {
        let seed = self.mutator.random.bits();
        let mut pair = Pair::new(Options { seed, ..Options::default() });
        pair.recorded = Some(Vec::new());
        for _ in 0..60 {
            pair.run(Duration::from_millis(3));
            self.mutator.learn(pair.recorded.as_mut().map(std::mem::take).unwrap_or_default());
            for _ in 0..self.mutator.random.below(6) {
                self.mutator.next(&mut self.input);
                let (from_acceptor, public) = (pair.options.acceptor, pair.public);
                pair.deliver(Side::Acceptor, public, &self.input);
                pair.deliver(Side::Dialer, from_acceptor, &self.input);
            }
        }
        self.handshakes += 1;
        self.connected += u64::from(pair.acceptor_heard.connected.is_some());
        assert!(pair.dialer_heard.control.is_empty() && pair.acceptor_heard.control.is_empty());
    }

    /// The session itself, between two bursts: everything that is said arrives.
    fn live(&mut self) {
        self.turn += 1;
        self.pair.acceptor_heard.media.clear();
        self.pair.dialer_heard.media.clear();
        self.pair.acceptor_heard.feedback.clear();
        self.pair.dialer_heard.feedback.clear();
        self.pair.acceptor_heard.control.clear();
        self.pair.dialer_heard.control.clear();
        speak(&mut self.pair, self.turn);
        self.pair.run(Duration::from_millis(50));
        self.check_answers();
        self.mutator.learn(self.pair.recorded.as_mut().map(std::mem::take).unwrap_or_default());
        for (heard, ssrc) in [(&self.pair.acceptor_heard, 0), (&self.pair.dialer_heard, 1)] {
            assert_eq!(heard.closed, None, "turn {}", self.turn);
            assert_eq!(heard.media.len(), STREAMS.len(), "turn {}", self.turn);
            assert_eq!(heard.media[0].ssrc, Ssrc(STREAMS[0] + ssrc));
            assert_eq!(heard.control, [self.turn.to_be_bytes()], "turn {}", self.turn);
        }
    }

    /// Nobody who has proven nothing was sent more than came from there.
    fn check_answers(&self) {
        for (address, bytes) in &self.pair.strays {
            assert_eq!(address.ip(), IpAddr::from(STRANGER), "sent to nobody who ever sent");
            let came = self.fired_from[usize::from(address.port())];
            assert!(*bytes <= came, "{bytes} bytes to {address}, from where {came} came");
        }
    }

    /// Empties what may wait, so that what is left in use is what grew.
    fn settle(&mut self) {
        self.live();
        self.pair.acceptor_heard.media.clear();
        self.pair.dialer_heard.media.clear();
    }

    fn report(&self) -> String {
        let acceptor = self.pair.acceptor.as_ref().unwrap().stats();
        let drops: Vec<String> = DropReason::ALL
            .into_iter()
            .map(|reason| (reason, acceptor.dropped(reason) + self.pair.dialer.stats().dropped(reason)))
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| format!("{} {count}", reason.name()))
            .collect();
        format!(
            "{} turns of the session, {} handshakes under fire ({} connected), {} refusals to strangers, {} of them sent checks by the paths, {} control messages decoded, dropped: {}",
            self.turn,
            self.handshakes,
            self.connected,
            self.strangers_answered,
            self.pair.strays.len(),
            self.decoded,
            drops.join(", ")
        )
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
