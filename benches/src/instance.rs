//! A host that calls the bridge in virtual time, with a worker that is never late.
//!
//! Not the measurement itself (that is `benches/callback.rs`). Step before: `cargo bench -p backline-benches`. Step after: a
//! table.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backline_audio::SampleRate;
use backline_bridge::{
    AudioEnd, BlockControls, BlockIo, BlockPart, BridgeConfig, CycleClock, Doorbell, NetEnd, Wake, bridge,
};

/// A worker that need not be woken: the harness serves between the calls.
struct Unneeded;

impl Wake for Unneeded {
    fn wake(&self) {}
}

/// One instance with so many live stereo sources, at 48 kHz.
pub struct Instance {
    audio: AudioEnd,
    net: NetEnd,
    doorbell: Arc<Doorbell>,
    now: Instant,
    block: Duration,
    sources: usize,
    controls: BlockControls,
    left: Vec<f32>,
    right: Vec<f32>,
    captured: Vec<f32>,
    returned: Vec<f32>,
}

impl Instance {
    /// Ready: its pace is that of real time and every source is heard.
    pub fn new(sources: usize, block_frames: usize) -> Self {
        let doorbell = Arc::new(Doorbell::new(Arc::new(Unneeded)));
        let config = BridgeConfig { sample_rate: SampleRate::NETWORK, max_block_frames: block_frames };
        let (audio, mut net) =
            bridge(config, Arc::clone(&doorbell), Arc::new(CycleClock::new(Instant::now())));
        (0..sources).for_each(|slot| net.set_slot_live(slot, true));
        let sine = |n: usize| (n as f32 * 0.05).sin() * 0.2;
        let mut instance = Self {
            audio,
            net,
            doorbell,
            now: Instant::now(),
            block: Duration::from_secs_f64(block_frames as f64 / 48_000.0),
            sources,
            controls: BlockControls::default(),
            left: (0..block_frames).map(sine).collect(),
            right: (0..block_frames).map(sine).collect(),
            captured: Vec::new(),
            returned: (0..100_000).map(sine).collect(),
        };
        for _ in 0..2_000 {
            instance.call();
        }
        instance
    }

    /// The controls, for cases in which they move.
    pub fn controls(&mut self) -> &mut BlockControls {
        &mut self.controls
    }

    /// One block: the worker's part untimed, then `process()`, whose cost is returned.
    pub fn call(&mut self) -> Duration {
        self.call_in_parts(usize::MAX)
    }

    /// The same, cut every `part_frames` as by a host that automates.
    pub fn call_in_parts(&mut self, part_frames: usize) -> Duration {
        self.serve();
        let block_frames = self.left.len();
        let began = Instant::now();
        let parts = self.left.chunks_mut(part_frames).zip(self.right.chunks_mut(part_frames));
        let mut begin = 0;
        for (left, right) in parts {
            let frames = left.len();
            let Some(part) = BlockPart::new(begin, frames, block_frames) else { break };
            let mut main = [left, right];
            self.audio.process_part(self.now, BlockIo::main_only(&mut main, 2), &self.controls, part);
            begin += frames;
        }
        let cost = began.elapsed();
        self.now += self.block;
        cost
    }

    /// How often a source's ring ran empty; must be 0 for a measurement to count.
    pub fn underruns(&self) -> u64 {
        self.net.meters().faults().underruns
    }

    fn serve(&mut self) {
        self.doorbell.silence();
        while self.net.read_capture(&mut self.captured).is_some() {}
        for slot in 0..self.sources {
            let wanted = self.net.return_wanted(slot);
            self.net.write_return(slot, &self.returned[..2 * wanted.min(50_000)]);
        }
    }
}
