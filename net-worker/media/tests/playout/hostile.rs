//! Whatever is inserted, in whatever order and at whatever times: no panic, no growth, finite samples, and the
//! playout still plays a good source afterwards.

use std::time::{Duration, Instant};

use assert_no_alloc::assert_no_alloc;
use backline_media::{Playout, PlayoutConfig, PlayoutState, ReceivedHead, Sender};
use proptest::prelude::*;

use super::signal::{multi_sine, render};
use super::world::pcm16;

#[derive(Debug, Clone)]
enum Step {
    Insert { payload_type: u8, timestamp: u32, bytes: Vec<u8> },
    Pcm { timestamp: u32, frames: usize, value: u8 },
    Pull { frames: usize },
    Wait { micros: u64 },
    Depth { millis: u64 },
    Restart,
}

fn payload_types() -> impl Strategy<Value = u8> {
    prop_oneof![Just(111u8), Just(96), Just(97), Just(63), any::<u8>()]
}

fn timestamps() -> impl Strategy<Value = u32> {
    prop_oneof![(0u32..400).prop_map(|frame| frame * 60), 0u32..100_000, any::<u32>()]
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (payload_types(), timestamps(), prop::collection::vec(any::<u8>(), 0..300))
            .prop_map(|(payload_type, timestamp, bytes)| Step::Insert { payload_type, timestamp, bytes }),
        6 => (timestamps(), prop::sample::select(vec![60usize, 120, 240]), any::<u8>())
            .prop_map(|(timestamp, frames, value)| Step::Pcm { timestamp, frames, value }),
        6 => prop_oneof![0usize..600, Just(8192)].prop_map(|frames| Step::Pull { frames }),
        4 => (0u64..300_000).prop_map(|micros| Step::Wait { micros }),
        1 => (0u64..1000).prop_map(|millis| Step::Depth { millis }),
        1 => Just(Step::Restart),
    ]
}

struct Bench {
    playout: Playout,
    now: Instant,
    out: Vec<f32>,
}

impl Bench {
    fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "an Instant has no other origin")]
        let now = Instant::now();
        let config = PlayoutConfig::fixed(Duration::from_millis(3));
        Self { playout: Playout::new(config).unwrap(), now, out: vec![0.0; 2 * 8192] }
    }

    fn insert(&mut self, payload_type: u8, timestamp: u32, bytes: &[u8]) {
        let head = ReceivedHead { payload_type, timestamp, captured_at: Some(Duration::from_secs(1)) };
        let now = self.now;
        assert_no_alloc(|| self.playout.insert(&head, bytes, now));
    }

    fn pull(&mut self, frames: usize) {
        let (out, now) = (&mut self.out[..2 * frames], self.now);
        out.fill(f32::NAN);
        assert_no_alloc(|| self.playout.pull(out, now));
        // Opus made of random bytes may be loud, but it is a number.
        assert!(out.iter().all(|sample| sample.is_finite()));
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Insert { payload_type, timestamp, bytes } => self.insert(*payload_type, *timestamp, bytes),
            Step::Pcm { timestamp, frames, value } => self.insert(96, *timestamp, &vec![*value; frames * 4]),
            Step::Pull { frames } => self.pull(*frames),
            Step::Wait { micros } => self.now += Duration::from_micros(*micros),
            Step::Depth { millis } => self.playout.set_depth(PlayoutConfig {
                floor: Duration::from_millis(1),
                ceiling: Duration::from_millis(*millis),
            }),
            Step::Restart => self.playout.restart(),
        }
        let _ = self.playout.stats();
    }

    /// A second of a good source, to a listener who begins anew; whether it is heard in the end.
    fn plays_a_good_source(&mut self) -> bool {
        self.now += Duration::from_secs(1);
        self.playout.restart();
        self.playout.set_depth(PlayoutConfig::fixed(Duration::from_millis(3)));
        let mut sender = Sender::new(pcm16(0), 77).unwrap();
        let mut payload = Vec::new();
        for _ in 0..48_000 / 64 {
            sender.push(&render(multi_sine, 64), Duration::ZERO);
            while let Some(head) = sender.poll_packet(&mut payload) {
                self.insert(head.payload_type, head.timestamp, &payload);
            }
            self.pull(64);
            self.now += Duration::from_nanos(64 * 1_000_000_000 / 48_000);
        }
        self.playout.stats().state == PlayoutState::Playing
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_arrives_breaks_it(steps in prop::collection::vec(steps(), 1..200)) {
        let mut bench = Bench::new();
        for step in &steps {
            bench.apply(step);
        }
        prop_assert!(bench.plays_a_good_source());
    }
}
