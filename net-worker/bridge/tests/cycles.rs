//! Instances that a host calls in one cycle are told one capture time for it, to the sample, however late each is called or read.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

mod rig;

use std::sync::Arc;
use std::time::{Duration, Instant};

use backline_audio::SampleRate;
use backline_bridge::{
    AudioEnd, BlockControls, BlockIo, BridgeConfig, CycleClock, Doorbell, NetEnd, Pace, bridge,
};
use rig::{Woken, origin};

const RATE_HZ: u32 = 48_000;
const CLICK: f32 = 0.5;

struct Instance {
    audio: AudioEnd,
    net: NetEnd,
    /// When each click was captured, as the worker is told.
    clicks: Vec<Instant>,
    buffer: Vec<f32>,
}

impl Instance {
    fn new(cycles: &Arc<CycleClock>, block_frames: usize) -> Self {
        let sample_rate = SampleRate::new(RATE_HZ).unwrap();
        let bell = Arc::new(Doorbell::new(Arc::new(Woken::default())));
        let config = BridgeConfig { sample_rate, max_block_frames: block_frames };
        let (audio, net) = bridge(config, bell, Arc::clone(cycles));
        Self { audio, net, clicks: Vec::new(), buffer: Vec::new() }
    }

    fn call(&mut self, now: Instant, frames: usize, click: Option<usize>) {
        let mut left = vec![0.0; frames];
        if let Some(at) = click {
            left[at] = CLICK;
        }
        let mut right = left.clone();
        let mut channels = [left.as_mut_slice(), right.as_mut_slice()];
        self.audio.process(now, BlockIo::main_only(&mut channels, 2), &BlockControls::default());
    }

    fn read(&mut self) {
        while let Some(stamp) = self.net.read_capture(&mut self.buffer) {
            for (frame, samples) in self.buffer.chunks_exact(2).enumerate() {
                if samples[0] == CLICK {
                    let after = Duration::from_nanos(frame as u64 * 1_000_000_000 / u64::from(RATE_HZ));
                    self.clicks.push(stamp.at + after);
                }
            }
        }
    }
}

/// A pseudo-random number below `limit`.
fn chance(state: &mut u64, limit: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % limit
}

#[test]
fn a_click_on_two_tracks_was_captured_at_one_time() {
    for block_frames in [32_usize, 64, 480, 2048] {
        let origin = origin();
        let cycles = Arc::new(CycleClock::new(origin));
        let mut instances = [0, 1].map(|_| Instance::new(&cycles, block_frames));
        let mut state = block_frames as u64;
        let block_us = block_frames as u64 * 1_000_000 / u64::from(RATE_HZ);
        for cycle in 0..(3 * RATE_HZ as usize / block_frames) as u64 {
            let late_us = chance(&mut state, block_us / 4);
            let mut now = origin + Duration::from_micros(cycle * block_us + late_us);
            let click = (cycle % 5 == 0).then(|| chance(&mut state, block_frames as u64) as usize);
            // One order or the other, as a host with several threads does.
            for place in if chance(&mut state, 2) == 0 { [0, 1] } else { [1, 0] } {
                instances[place].call(now, block_frames, click);
                now += Duration::from_micros(chance(&mut state, block_us / 3));
            }
            for instance in &mut instances {
                if chance(&mut state, 3) > 0 || cycle == 0 {
                    instance.read();
                }
            }
        }
        instances.iter_mut().for_each(Instance::read);
        assert!(instances.iter().all(|instance| instance.audio.meters().pace() == Pace::RealTime));
        let [one, other] = instances.map(|instance| instance.clicks);
        assert!(one.len() > 10, "block {block_frames}: {} clicks", one.len());
        // Their gates may have opened a cycle apart; from then on every click is in both.
        let both = one.len().min(other.len());
        assert_eq!(one[one.len() - both..], other[other.len() - both..], "block {block_frames}");
    }
}
