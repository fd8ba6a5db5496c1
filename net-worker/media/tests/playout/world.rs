//! A sender, a network and a listener in virtual time.
//!
//! The sender's callbacks and the listener's come at their own block sizes on clocks of their own; between them
//! a function says for each packet when copies of it arrive. Nothing is random but the seed in the scenario.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use assert_no_alloc::assert_no_alloc;
use backline_codec::{Encoding, PcmFrame};
use backline_media::{
    Operation, PacketHead, Playout, PlayoutConfig, PlayoutStats, ReceivedHead, Sender, SenderConfig,
};

use super::signal::{Signal, multi_sine};

/// Small repeatable random numbers.
#[derive(Clone)]
pub struct Rng(pub u64);

impl Rng {
    /// Equally distributed from 0 to 1.
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// For the packet of a number, the delays after which copies of it arrive; none if it is lost.
pub type Network = Box<dyn FnMut(u64, &mut Rng) -> Vec<Duration>>;

/// Delivers everything after 2 ms.
pub fn steady() -> Network {
    Box::new(|_, _| vec![Duration::from_millis(2)])
}

/// What is run.
pub struct Scenario {
    pub signal: Signal,
    pub config: SenderConfig,
    pub sender_block: usize,
    /// The sender has said how long its block is.
    pub block_is_known: bool,
    pub listener_block: usize,
    /// The listener's clock against the sender's.
    pub listener_ppm: f64,
    pub target: Duration,
    /// The most that the depth may become; none fixes it at `target`.
    pub ceiling: Option<Duration>,
    pub seconds: f64,
    pub network: Network,
    /// What the listener's requests go through, to the sender, who sends again through `network`. None: it asks for nothing.
    pub back: Option<Network>,
    /// What the listener believes an answer to take.
    pub round_trip: Option<Duration>,
    pub seed: u64,
    /// When the sender's callbacks come and when the listener's do: (from, to) in seconds means none then.
    pub sender_pause: (f64, f64),
    pub listener_pause: (f64, f64),
    /// When the listener's first callback comes, in ms.
    pub phase_ms: f64,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            signal: multi_sine,
            config: pcm16(0),
            sender_block: 64,
            block_is_known: false,
            listener_block: 64,
            listener_ppm: 0.0,
            target: Duration::from_micros(2500),
            ceiling: None,
            seconds: 5.0,
            network: steady(),
            back: None,
            round_trip: None,
            seed: 1,
            sender_pause: (0.0, 0.0),
            listener_pause: (0.0, 0.0),
            phase_ms: 0.321,
        }
    }
}

/// PCM 16 in frames of 60.
pub fn pcm16(redundancy: u8) -> SenderConfig {
    SenderConfig { redundancy, ..SenderConfig::plain(Encoding::Pcm16 { frame: PcmFrame::F60 }) }
}

/// What came of it.
pub struct Outcome {
    /// All that the listener heard, interleaved.
    pub heard: Vec<f32>,
    /// For each pull: the index in `heard` (sample frames) at which it began, when it was, the state after it.
    pub pulls: Vec<(usize, f64, PlayoutStats)>,
    /// For each packet sent: its index (sample frames) and when it was sent.
    pub stats: PlayoutStats,
    /// Stretches that were asked for.
    pub requests: u64,
}

impl Outcome {
    /// The part of `heard` between two times of the listener.
    pub fn between(&self, from_s: f64, to_s: f64) -> &[f32] {
        let at = |seconds: f64| {
            let pull = self.pulls.partition_point(|pull| pull.1 < seconds);
            self.pulls.get(pull).map_or(self.heard.len() / 2, |pull| pull.0)
        };
        &self.heard[2 * at(from_s)..2 * at(to_s)]
    }

    /// The statistics at a time.
    pub fn stats_at(&self, seconds: f64) -> &PlayoutStats {
        let pull = self.pulls.partition_point(|pull| pull.1 < seconds).min(self.pulls.len() - 1);
        &self.pulls[pull].2
    }

    /// The first sample frame that is not silent.
    pub fn first_sound(&self) -> usize {
        self.heard.iter().position(|sample| *sample != 0.0).unwrap_or(self.heard.len()) / 2
    }

    /// The time at which the sound began, for tests that look only at what follows.
    pub fn sound_began_s(&self) -> f64 {
        let first = self.first_sound();
        self.pulls[self.pulls.partition_point(|pull| pull.0 <= first).saturating_sub(1)].1
    }

    /// How many sample frames were made in a way between two times.
    pub fn made_between(&self, operation: Operation, from_s: f64, to_s: f64) -> u64 {
        self.stats_at(to_s).tally.frames(operation) - self.stats_at(from_s).tally.frames(operation)
    }

    /// Latency of the last pull against capture, in sample frames: the listener's time of a sample frame less the
    /// sender's. Capture times are unix times that begin with the run.
    pub fn latency_ms(&self, at_s: f64) -> f64 {
        let pull = self.pulls.partition_point(|pull| pull.1 < at_s);
        let (_, pulled_at, stats) = self.pulls[pull];
        let captured_at = stats.played.unwrap().captured_at.unwrap().as_secs_f64();
        1000.0 * (pulled_at - captured_at)
    }
}

enum Event {
    Capture,
    Arrive(ReceivedHead, Vec<u8>),
    Request(u32, u32),
    Pull,
}

struct Queue {
    events: BTreeMap<(u64, u64), Event>,
    count: u64,
}

impl Queue {
    fn put(&mut self, at_s: f64, event: Event) {
        self.count += 1;
        self.events.insert(((at_s * 1e9).round() as u64, self.count), event);
    }

    /// A packet that leaves at `at_s`, once for each of the delays.
    fn send(&mut self, at_s: f64, delays: Vec<Duration>, head: PacketHead, payload: &[u8]) {
        for delay in delays {
            self.put(at_s + delay.as_secs_f64(), Event::Arrive(head.into(), payload.to_vec()));
        }
    }
}

/// Runs a scenario to its end.
pub fn run(mut scenario: Scenario) -> Outcome {
    // Not a clock: an origin to which virtual time is added.
    #[expect(clippy::disallowed_methods, reason = "an Instant has no other origin")]
    let origin = Instant::now();
    let mut sender = Sender::new(scenario.config, 0xffff_f000).unwrap();
    let mut playout = Playout::new(PlayoutConfig {
        floor: scenario.target,
        ceiling: scenario.ceiling.unwrap_or(scenario.target),
    })
    .unwrap();
    let mut queue = Queue { events: BTreeMap::new(), count: 0 };
    let mut rng = Rng(scenario.seed);
    let (mut captured, mut pulled, mut packets) = (0usize, 0usize, 0u64);
    let listener_rate = 48_000.0 * (1.0 + scenario.listener_ppm * 1e-6);
    let mut outcome = Outcome { heard: Vec::new(), pulls: Vec::new(), stats: playout.stats(), requests: 0 };
    let (mut block, mut out) = (Vec::new(), vec![0.0; scenario.listener_block * 2]);
    let mut payload = Vec::with_capacity(2048);
    playout.set_round_trip(scenario.round_trip, true);
    playout.set_source_block(if scenario.block_is_known { scenario.sender_block } else { 0 });
    queue.put(scenario.sender_block as f64 / 48_000.0, Event::Capture);
    queue.put(scenario.phase_ms / 1000.0, Event::Pull);
    while let Some(((at_ns, _), event)) = queue.events.pop_first() {
        let seconds = at_ns as f64 / 1e9;
        let now = origin + Duration::from_nanos(at_ns);
        if seconds > scenario.seconds {
            break;
        }
        match event {
            Event::Capture => {
                block.clear();
                block.extend((captured..captured + scenario.sender_block).flat_map(scenario.signal));
                let captured_at = Duration::from_secs_f64(captured as f64 / 48_000.0);
                captured += scenario.sender_block;
                queue.put((captured + scenario.sender_block) as f64 / 48_000.0, Event::Capture);
                if (scenario.sender_pause.0..scenario.sender_pause.1).contains(&seconds) {
                    sender.skip(scenario.sender_block as u64);
                    continue;
                }
                sender.push(&block, captured_at);
                while let Some(head) = poll(&mut sender, &mut payload, packets > 1000) {
                    queue.send(seconds, (scenario.network)(packets, &mut rng), head, &payload);
                    packets += 1;
                }
            }
            Event::Arrive(head, payload) => {
                assert_no_alloc(|| playout.insert(&head, &payload, now));
                outcome.requests += ask(&mut playout, now, seconds, &mut scenario.back, &mut rng, &mut queue);
            }
            Event::Request(timestamp, ticks) => {
                for (head, payload) in sender.sent_before(timestamp, ticks) {
                    queue.send(seconds, (scenario.network)(packets, &mut rng), head, payload);
                    packets += 1;
                }
            }
            Event::Pull => {
                let next_s = (pulled + scenario.listener_block) as f64 / listener_rate;
                queue.put(scenario.phase_ms / 1000.0 + next_s, Event::Pull);
                let begins = outcome.heard.len() / 2;
                pulled += scenario.listener_block;
                if (scenario.listener_pause.0..scenario.listener_pause.1).contains(&seconds) {
                    continue;
                }
                assert_no_alloc(|| playout.pull(&mut out, now));
                outcome.requests += ask(&mut playout, now, seconds, &mut scenario.back, &mut rng, &mut queue);
                outcome.heard.extend_from_slice(&out);
                outcome.pulls.push((begins, seconds, playout.stats()));
            }
        }
    }
    outcome.stats = playout.stats();
    outcome
}

/// Asks for what is missing; returns for how many stretches.
fn ask(
    playout: &mut Playout,
    now: Instant,
    seconds: f64,
    back: &mut Option<Network>,
    rng: &mut Rng,
    queue: &mut Queue,
) -> u64 {
    let Some(back) = back else { return 0 };
    let mut asked = 0;
    playout.poll_missing(now, |timestamp, ticks| {
        asked += 1;
        for delay in back(asked, rng) {
            queue.put(seconds + delay.as_secs_f64(), Event::Request(timestamp, ticks));
        }
    });
    asked
}

fn poll(sender: &mut Sender, payload: &mut Vec<u8>, warm: bool) -> Option<PacketHead> {
    if warm { assert_no_alloc(|| sender.poll_packet(payload)) } else { sender.poll_packet(payload) }
}
