//! The data plane allocates nothing once streams run: a sender and a playout with loss, drift and copies, guarded for ten seconds.
#![allow(clippy::unwrap_used, reason = "a test may end here")]

use std::time::{Duration, Instant};

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use backline_benches::Coding;
use backline_media::{Playout, PlayoutConfig, Sender, SenderConfig};

#[global_allocator]
static GUARD: AllocDisabler = AllocDisabler;

const BLOCK_FRAMES: usize = 64;
/// One second in which the largest payload and push are seen, then ten that are guarded.
const WARM_UP_BLOCKS: usize = 750;
const BLOCKS: usize = 8_250;
const LISTENER_PPM: f64 = 300.0;
const SEED: u64 = 1;

struct Pair {
    sender: Sender,
    playout: Playout,
    payload: Vec<u8>,
    block: Vec<f32>,
    captured_frames: usize,
    chance: u64,
}

impl Pair {
    fn new(coding: Coding, redundancy: u8) -> Self {
        let config = SenderConfig { redundancy, ..SenderConfig::plain(coding.encoding()) };
        let depth = PlayoutConfig { floor: Duration::from_micros(2500), ceiling: Duration::from_millis(20) };
        Self {
            sender: Sender::new(config, 7).unwrap(),
            playout: Playout::new(depth).unwrap(),
            payload: Vec::with_capacity(2048),
            block: vec![0.0; BLOCK_FRAMES * 2],
            captured_frames: 0,
            chance: SEED,
        }
    }

    /// What has been captured by the listener's next block is sent, a tenth of the packets gets lost, a block is pulled.
    fn step(&mut self, index: usize, origin: Instant) {
        let seconds = (index * BLOCK_FRAMES) as f64 / (48_000.0 * (1.0 + LISTENER_PPM * 1e-6));
        let now = origin + Duration::from_secs_f64(seconds);
        while ((self.captured_frames + BLOCK_FRAMES) as f64) < seconds * 48_000.0 {
            self.capture();
            let sent = origin + Duration::from_secs_f64(self.captured_frames as f64 / 48_000.0);
            while let Some(head) = self.sender.poll_packet(&mut self.payload) {
                if !self.is_lost() {
                    self.playout.insert(&head.into(), &self.payload, sent);
                }
            }
        }
        self.playout.pull(&mut self.block, now);
    }

    fn capture(&mut self) {
        for (offset, sample) in self.block.iter_mut().enumerate() {
            *sample = ((self.captured_frames + offset / 2) as f32 * 0.03).sin() * 0.3;
        }
        let captured_at = Duration::from_secs_f64(self.captured_frames as f64 / 48_000.0);
        self.sender.push(&self.block, captured_at);
        self.captured_frames += BLOCK_FRAMES;
    }

    fn is_lost(&mut self) -> bool {
        self.chance =
            self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 32).is_multiple_of(10)
    }
}

fn run(coding: Coding, redundancy: u8) {
    let mut pair = Pair::new(coding, redundancy);
    let origin = Instant::now();
    (0..WARM_UP_BLOCKS).for_each(|index| pair.step(index, origin));
    assert_no_alloc(|| (WARM_UP_BLOCKS..BLOCKS).for_each(|index| pair.step(index, origin)));
    let stats = pair.playout.stats();
    assert!(stats.drift_ppm.abs() > 100.0, "{} ppm: no drift was followed", stats.drift_ppm);
    let repaired = stats.concealed_frames() + stats.recovered_frames();
    assert!(repaired > 24_000, "{repaired} sample frames: the loss was not felt");
}

#[test]
fn pcm_with_loss_and_drift_allocates_nothing() {
    run(Coding::Pcm, 0);
    run(Coding::Pcm, 2);
}

#[test]
fn opus_with_loss_and_drift_allocates_nothing() {
    run(Coding::Opus, 0);
    run(Coding::Opus, 2);
}
