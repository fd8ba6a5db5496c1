use super::*;
use backline_codec::{Decoder, PayloadKind};
use backline_media::{Sender, SenderConfig};
use proptest::prelude::*;

const STEP: Duration = Duration::from_micros(2_500);
const FRAMES: usize = 120;

/// A mixer with tones as sources, and what each listener got of it.
struct Desk {
    mixer: Mixer,
    now: Instant,
    senders: Vec<(Ssrc, Sender, f64)>,
    clock: u64,
    /// So long packets wait on their way.
    queue: Duration,
    /// Of so many packets of each source one gets lost.
    lost_every: u64,
    packets: u64,
    heard: BTreeMap<PeerId, Heard>,
}

struct Heard {
    decoder: Decoder,
    samples: Vec<f32>,
    packets: Vec<u32>,
}

impl Desk {
    #[expect(clippy::disallowed_methods, reason = "a test may look at the clock")]
    fn new(tones: &[f64]) -> Self {
        let now = Instant::now();
        let config = MixConfig::default();
        let mut mixer = Mixer::new(config, now);
        let senders = (1..).zip(tones).map(|(stream, tone)| {
            mixer.set_source(Ssrc(stream), config.format());
            (Ssrc(stream), Sender::new(SenderConfig::plain(config.encoding()), 0).unwrap(), *tone)
        });
        let senders = senders.collect();
        let (queue, lost_every) = (Duration::ZERO, u64::MAX);
        Self { mixer, now, senders, clock: 0, queue, lost_every, packets: 0, heard: BTreeMap::new() }
    }

    fn listen(&mut self, peer: u16, mix: &[(u32, MixStrip)]) {
        let mix = mix.iter().map(|(stream, strip)| (Ssrc(*stream), *strip)).collect();
        self.mixer.set_listener(PeerId(peer), Ssrc(1_000 + u32::from(peer)), mix);
    }

    fn run(&mut self, ticks: usize) {
        for _ in 0..ticks {
            // The musicians' clocks are an hour ahead.
            let captured_at = Duration::from_micros(3_600_000_000 + self.clock * 1_000_000 / 48_000);
            let arrived_at = captured_at + STEP + self.queue - Duration::from_secs(3_600);
            for (stream, sender, tone) in &mut self.senders {
                let sample = |frame: u64| {
                    let phase = std::f64::consts::TAU * *tone * (self.clock + frame) as f64 / 48_000.0;
                    if *tone > 0.0 { (0.2 * phase.sin()) as f32 } else { 0.0 }
                };
                let block: Vec<f32> = (0..FRAMES as u64).flat_map(|frame| [sample(frame); 2]).collect();
                sender.push(&block, captured_at);
                let mut payload = Vec::new();
                while let Some(head) = sender.poll_packet(&mut payload) {
                    self.packets += 1;
                    if !self.packets.is_multiple_of(self.lost_every) {
                        self.mixer.packet(*stream, &head.into(), &payload, (self.now, arrived_at));
                    }
                }
            }
            self.clock += FRAMES as u64;
            self.now += STEP;
            let heard = &mut self.heard;
            let failed = self.mixer.tick(self.now, Duration::ZERO, |peer, _, head, payload| {
                let of = heard.entry(peer).or_insert_with(|| Heard {
                    decoder: Decoder::new(PayloadKind::Opus).unwrap(),
                    samples: Vec::new(),
                    packets: Vec::new(),
                });
                let mut frame = Vec::new();
                of.decoder.decode(payload, &mut frame).unwrap();
                of.samples.extend(frame.iter().step_by(CHANNELS));
                of.packets.push(head.timestamp);
            });
            assert!(failed.is_empty(), "{failed:?}");
            self.mixer.poll_missing(self.now, |_, _, _| {});
        }
    }

    /// How loud a tone was in the last quarter of a second, of 0.2.
    fn tone(&self, peer: u16, frequency: f64) -> f64 {
        let samples = &self.heard[&PeerId(peer)].samples;
        let last = &samples[samples.len() - 12_000..];
        let (mut cosine, mut sine) = (0.0, 0.0);
        for (index, sample) in last.iter().enumerate() {
            let phase = std::f64::consts::TAU * frequency * index as f64 / 48_000.0;
            cosine += f64::from(*sample) * phase.cos();
            sine += f64::from(*sample) * phase.sin();
        }
        2.0 * cosine.hypot(sine) / last.len() as f64 / 0.2
    }
}

fn strip(db: f32) -> MixStrip {
    MixStrip { gain: GainValue::from_db(db), pan: PanValue::CENTRE }
}

#[test]
fn each_listener_hears_what_they_want() {
    let mut desk = Desk::new(&[300.0, 500.0, 700.0]);
    desk.listen(1, &[(1, MixStrip::SILENT)]);
    desk.listen(2, &[(2, MixStrip::SILENT), (3, strip(-6.0))]);
    desk.listen(3, &[]);
    desk.run(400);
    let hears = |peer| [300.0, 500.0, 700.0].map(|tone| desk.tone(peer, tone));
    let expected = [(1, [0.0, 1.0, 1.0]), (2, [1.0, 0.0, 0.5]), (3, [1.0, 1.0, 1.0])];
    for (peer, wanted) in expected {
        let heard = hears(peer);
        assert!(heard.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 0.05), "{peer}: {heard:?}");
    }
}

#[test]
fn five_hundred_listeners_with_one_mix_cost_one_encode() {
    let mut desk = Desk::new(&[300.0]);
    (1..=500).for_each(|peer| desk.listen(peer, &[]));
    desk.run(40);
    let stats = desk.mixer.stats();
    assert_eq!((stats.listeners, stats.mixes), (500, 1));
    assert!(stats.encoded <= stats.ticks, "{stats:?}");
    assert!(desk.heard.values().all(|heard| heard.packets.len() == 40));
}

#[test]
fn who_moves_a_fader_leaves_the_others_and_comes_back_without_a_click() {
    let mut desk = Desk::new(&[300.0]);
    (1..=3).for_each(|peer| desk.listen(peer, &[]));
    desk.run(200);
    desk.listen(2, &[(1, strip(-12.0))]);
    assert_eq!(desk.mixer.stats().mixes, 2);
    desk.run(200);
    assert!((desk.tone(2, 300.0) - 0.25).abs() < 0.02 && (desk.tone(1, 300.0) - 1.0).abs() < 0.03);
    desk.listen(2, &[]);
    desk.mixer.merge();
    assert_eq!(desk.mixer.stats().mixes, 2, "they are still on their way");
    desk.run(20);
    desk.mixer.merge();
    assert_eq!(desk.mixer.stats().mixes, 1);
    desk.run(200);
    assert!((desk.tone(2, 300.0) - 1.0).abs() < 0.03);
    let samples = &desk.heard[&PeerId(2)].samples;
    let rough =
        |samples: &[f32]| samples.windows(3).map(|w| (w[0] - 2.0 * w[1] + w[2]).abs()).fold(0.0, f32::max);
    // A sine of this loudness bends by 0.2 · (2π · 300 / 48000)² = 0.0003; a click by a hundred times as much.
    let bend = rough(&samples[12_000..]);
    assert!(bend < 0.01, "{bend}");
}

#[test]
fn whose_own_source_rests_hears_what_all_do_and_never_themselves() {
    let mut desk = Desk::new(&[300.0, 0.0, 0.0]);
    (1..=3_u8).for_each(|peer| desk.listen(peer.into(), &[(peer.into(), MixStrip::SILENT)]));
    desk.run(40);
    assert_eq!(desk.mixer.stats().mixes, 3, "nobody rests yet");
    desk.run(160);
    assert_eq!(desk.mixer.stats().mixes, 2, "two hear all there is, one is not to hear it");
    desk.run(200);
    for round in 0..3 {
        desk.senders[2].2 = 700.0;
        desk.run(100);
        assert_eq!(desk.mixer.stats().mixes, 3, "round {round}");
        assert!(desk.tone(3, 700.0) < 0.01, "from the first sample on: {}", desk.tone(3, 700.0));
        assert!(desk.tone(1, 700.0) > 0.9 && desk.tone(2, 700.0) > 0.9);
        desk.senders[2].2 = 0.0;
        desk.run(300);
        assert_eq!(desk.mixer.stats().mixes, 2, "round {round}: they come together by themselves");
        desk.run(100);
        assert!((desk.tone(3, 300.0) - 1.0).abs() < 0.03 && (desk.tone(2, 300.0) - 1.0).abs() < 0.03);
    }
    // Who changes from one encoder to another and back hears nothing of it.
    let samples = &desk.heard[&PeerId(3)].samples;
    let bend = samples[12_000..].windows(3).map(|w| (w[0] - 2.0 * w[1] + w[2]).abs()).fold(0.0, f32::max);
    assert!(bend < 0.01, "{bend}");
}

#[test]
fn silence_is_encoded_once() {
    let mut desk = Desk::new(&[0.0]);
    desk.listen(1, &[]);
    desk.run(400);
    let stats = desk.mixer.stats();
    assert!(stats.encoded < 20 && stats.silent > 380, "{stats:?}");
    assert_eq!(desk.heard[&PeerId(1)].packets.len(), 400, "it is sent all the same");
}

#[test]
fn a_worker_that_stood_still_leaves_frames_out_and_goes_on_in_time() {
    let mut desk = Desk::new(&[300.0]);
    desk.listen(1, &[]);
    desk.run(200);
    desk.now += Duration::from_secs(1);
    desk.clock += 48_000;
    desk.senders.iter_mut().for_each(|(_, sender, _)| sender.skip(48_000));
    desk.run(400);
    assert!((desk.tone(1, 300.0) - 1.0).abs() < 0.03);
    let packets = &desk.heard[&PeerId(1)].packets;
    assert_eq!(packets.last(), Some(&(599 * 120 + 48_000)));
    assert_eq!(desk.mixer.stats().ticks_left_out, 400);
}

#[test]
fn time_without_anybody_is_no_tick_that_was_left_out() {
    let mut desk = Desk::new(&[]);
    assert_eq!(desk.mixer.due(), None);
    desk.now += Duration::from_secs(200 * 86_400);
    desk.listen(1, &[]);
    desk.run(4);
    desk.mixer.remove_listener(PeerId(1));
    desk.now += Duration::from_secs(60);
    desk.listen(2, &[]);
    desk.run(4);
    assert_eq!(desk.mixer.stats().ticks_left_out, 0);
    assert!(desk.mixer.stats().ticks <= 10, "{:?}", desk.mixer.stats());
}

#[test]
fn publishers_are_told_how_they_arrive() {
    let mut desk = Desk::new(&[300.0]);
    let mut report = |queue_ms: u64, lost_every: u64| {
        (desk.queue, desk.lost_every) = (Duration::from_millis(queue_ms), lost_every);
        desk.run(400);
        let reports: Vec<Reception> = desk.mixer.receptions().collect();
        assert!(reports.len() == 1 && reports[0].ssrc == Ssrc(1), "{reports:?}");
        reports[0]
    };
    report(0, u64::MAX);
    let calm = report(0, u64::MAX);
    assert_eq!((calm.lost, calm.made_up, calm.queueing_us, calm.at_ceiling), (0, 0, 0, false));
    let narrow = report(50, u64::MAX);
    assert_eq!((narrow.queueing_us, narrow.queueing_change_us), (50_000, 50_000));
    let lossy = report(0, 20);
    assert!((400..600).contains(&lossy.lost) && lossy.made_up > 300, "{lossy:?}");
    desk.mixer.remove_source(Ssrc(1));
    assert_eq!(desk.mixer.receptions().count(), 0);
}

#[test]
fn listeners_are_told_how_loud_each_source_is_before_their_faders() {
    let mut desk = Desk::new(&[300.0, 0.0, 700.0]);
    desk.run(400);
    assert_eq!(desk.mixer.take_levels(), None, "nobody listens");
    desk.listen(1, &[(1, MixStrip::SILENT), (3, strip(-12.0))]);
    desk.run(20);
    let levels = desk.mixer.take_levels().expect("somebody listens");
    let streams: Vec<u32> = levels.sources.iter().map(|level| level.ssrc.0).collect();
    assert_eq!(streams, [1, 3], "who is silent is not named");
    for level in &levels.sources {
        let db = [level.left, level.right].map(|peak| 20.0 * (peak.linear() / 0.2).log10());
        assert!(db.iter().all(|db| db.abs() < 1.0), "{db:?} from what is played");
    }
    // What a codec has still in it dies away.
    desk.senders.iter_mut().for_each(|(_, _, tone)| *tone = 0.0);
    desk.run(400);
    desk.mixer.take_levels();
    desk.run(20);
    assert_eq!(desk.mixer.take_levels(), Some(Levels::default()), "silence is told once");
    desk.run(20);
    assert_eq!(desk.mixer.take_levels(), None);
}

#[test]
fn of_who_is_not_played_nothing_is_told() {
    let mut desk = Desk::new(&[]);
    desk.mixer.set_source(Ssrc(1), MixConfig::default().format());
    desk.run(400);
    assert_eq!(desk.mixer.receptions().count(), 0);
}

#[derive(Debug, Clone)]
enum Step {
    Listen(u16, Vec<(u32, i16)>),
    Leave(u16),
    Merge,
    Tick(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let mix = prop::collection::vec((1..4_u32, -3..1_i16), 0..4);
    prop_oneof![
        4 => (1..8_u16, mix).prop_map(|(peer, mix)| Step::Listen(peer, mix)),
        1 => (1..8_u16).prop_map(Step::Leave),
        1 => Just(Step::Merge),
        3 => (1..10_u8).prop_map(Step::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_listener_gets_every_frame_once_whatever_the_others_do(steps in prop::collection::vec(step(), 1..40)) {
        let mut desk = Desk::new(&[300.0, 0.0, 700.0]);
        let mut expected: BTreeMap<u16, usize> = BTreeMap::new();
        let mut got: BTreeMap<u16, usize> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Listen(peer, mix) => {
                    let mix: Vec<(u32, MixStrip)> =
                        mix.into_iter().map(|(stream, steps)| (stream, strip(f32::from(steps) * 3.0 - 3.0))).collect();
                    desk.listen(peer, &mix);
                    expected.entry(peer).or_default();
                }
                Step::Leave(peer) => {
                    desk.mixer.remove_listener(PeerId(peer));
                    expected.remove(&peer);
                    got.remove(&peer);
                }
                Step::Merge => desk.mixer.merge(),
                Step::Tick(ticks) => {
                    desk.heard.clear();
                    desk.run(usize::from(ticks));
                    for (peer, heard) in &desk.heard {
                        *got.entry(peer.0).or_default() += heard.packets.len();
                        prop_assert!(heard.packets.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == 120));
                    }
                    expected.values_mut().for_each(|count| *count += usize::from(ticks));
                }
            }
            prop_assert_eq!(desk.mixer.stats().listeners, expected.len());
            prop_assert!(desk.mixer.stats().mixes <= expected.len());
        }
        got.retain(|peer, _| expected.contains_key(peer));
        expected.retain(|_, count| *count > 0);
        prop_assert_eq!(got, expected);
    }
}
