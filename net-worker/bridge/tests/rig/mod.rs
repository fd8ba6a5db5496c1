//! A host, a worker and a clock for the tests: the two ends of a bridge, driven block by block in virtual time.
//! Every `process()` runs under the no-allocation guard.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test's helper: a panic is a failure")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use assert_no_alloc::assert_no_alloc;
use backline_audio::SampleRate;
use backline_bridge::{
    AudioEnd, BlockControls, BlockIo, BlockPart, BridgeConfig, CaptureStamp, CycleClock, Doorbell, NetEnd,
    Pace, StereoBus, Wake, bridge,
};

#[cfg(not(rtsan))]
#[global_allocator]
static GUARD: assert_no_alloc::AllocDisabler = assert_no_alloc::AllocDisabler;

/// Counts how often the worker was woken.
#[derive(Default)]
pub struct Woken(pub AtomicU64);

impl Wake for Woken {
    fn wake(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

pub type Frame = [f32; 2];

pub struct Rig {
    pub audio: AudioEnd,
    pub net: NetEnd,
    pub bell: Arc<Doorbell>,
    pub woken: Arc<Woken>,
    pub now: Instant,
    pub rate: SampleRate,
    pub controls: BlockControls,
    /// What was captured, in order, without gaps shown.
    pub captured: Vec<f32>,
    pub stamps: Vec<(usize, CaptureStamp)>,
    buffer: Vec<f32>,
}

/// Any instant will do as the origin of virtual time.
#[expect(clippy::disallowed_methods, reason = "the origin of virtual time")]
pub fn origin() -> Instant {
    Instant::now()
}

impl Rig {
    pub fn new(rate_hz: u32, max_block_frames: usize) -> Self {
        let rate = SampleRate::new(rate_hz).unwrap();
        let woken = Arc::new(Woken::default());
        let bell = Arc::new(Doorbell::new(Arc::clone(&woken) as Arc<dyn Wake>));
        let (audio, net) = bridge(
            BridgeConfig { sample_rate: rate, max_block_frames },
            Arc::clone(&bell),
            Arc::new(CycleClock::new(origin())),
        );
        Self {
            audio,
            net,
            bell,
            woken,
            now: origin(),
            rate,
            controls: BlockControls::default(),
            captured: Vec::new(),
            stamps: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// A bridge whose pace is known to be that of real time and whose capture is open.
    pub fn running(rate_hz: u32, block_frames: usize) -> Self {
        let mut rig = Self::new(rate_hz, block_frames.max(64));
        rig.capture();
        for _ in 0..2_000_000 {
            if rig.pace() == Pace::RealTime {
                break;
            }
            rig.call(&vec![[0.0; 2]; block_frames]);
        }
        assert_eq!(rig.pace(), Pace::RealTime);
        // The gate's fade in.
        for _ in 0..=(rate_hz as usize / 50 / block_frames) {
            rig.call(&vec![[0.0; 2]; block_frames]);
        }
        rig.capture();
        rig.captured.clear();
        rig.stamps.clear();
        rig
    }

    pub fn pace(&self) -> Pace {
        self.audio.meters().pace()
    }

    /// One stereo block, and time moves on by its length.
    pub fn call(&mut self, input: &[Frame]) -> Vec<Frame> {
        let out = self.call_now(input);
        self.wait(Duration::from_secs_f64(input.len() as f64 / f64::from(self.rate.hz())));
        out
    }

    pub fn wait(&mut self, time: Duration) {
        self.now += time;
    }

    /// One stereo block in no time.
    pub fn call_now(&mut self, input: &[Frame]) -> Vec<Frame> {
        let (mut left, mut right): (Vec<f32>, Vec<f32>) = input.iter().map(|[l, r]| (*l, *r)).unzip();
        let mut main = [&mut left[..], &mut right[..]];
        let (audio, now, controls) = (&mut self.audio, self.now, &self.controls);
        assert_no_alloc(|| audio.process(now, BlockIo::main_only(&mut main, 2), controls));
        left.into_iter().zip(right).map(|(l, r)| [l, r]).collect()
    }

    /// One stereo block that begins with the rig's controls and is cut at these sample frames, from each with other controls; then time
    /// moves on. The controls of the last cut stay.
    pub fn call_cut(&mut self, input: &[Frame], cuts: &[(usize, BlockControls)]) -> Vec<Frame> {
        let (mut left, mut right): (Vec<f32>, Vec<f32>) = input.iter().map(|[l, r]| (*l, *r)).unzip();
        let mut begin = 0;
        for next in 0..=cuts.len() {
            let end = cuts.get(next).map_or(input.len(), |(at, _)| *at);
            let part = BlockPart::new(begin, end - begin, input.len()).unwrap();
            let mut main = [&mut left[begin..end], &mut right[begin..end]];
            let (audio, now, controls) = (&mut self.audio, self.now, &self.controls);
            assert_no_alloc(|| audio.process_part(now, BlockIo::main_only(&mut main, 2), controls, part));
            if let Some((_, controls)) = cuts.get(next) {
                self.controls = controls.clone();
            }
            begin = end;
        }
        self.wait(Duration::from_secs_f64(input.len() as f64 / f64::from(self.rate.hz())));
        left.into_iter().zip(right).map(|(l, r)| [l, r]).collect()
    }

    /// One block with auxiliary buses; `given` says which the host gives. Returns main, then all eight.
    pub fn call_multi(&mut self, input: &[Frame], given: [bool; 8]) -> (Vec<Frame>, Vec<Vec<Frame>>) {
        let (mut left, mut right): (Vec<f32>, Vec<f32>) = input.iter().map(|[l, r]| (*l, *r)).unzip();
        let mut aux = vec![(vec![9.0_f32; input.len()], vec![9.0_f32; input.len()]); 8];
        let mut main = [&mut left[..], &mut right[..]];
        let mut io = BlockIo::main_only(&mut main, 2);
        for ((bus, (left, right)), given) in io.aux.iter_mut().zip(&mut aux).zip(given) {
            *bus = given.then_some(StereoBus { left, right });
        }
        let (audio, now, controls) = (&mut self.audio, self.now, &self.controls);
        assert_no_alloc(|| audio.process(now, io, controls));
        self.wait(Duration::from_secs_f64(input.len() as f64 / f64::from(self.rate.hz())));
        let pairs = |l: Vec<f32>, r: Vec<f32>| l.into_iter().zip(r).map(|(l, r)| [l, r]).collect::<Vec<_>>();
        (pairs(left, right), aux.into_iter().map(|(l, r)| pairs(l, r)).collect())
    }

    /// The worker takes what was captured.
    pub fn capture(&mut self) {
        while let Some(stamp) = self.net.read_capture(&mut self.buffer) {
            self.stamps.push((self.captured.len() / 2, stamp));
            self.captured.extend_from_slice(&self.buffer);
        }
    }

    /// The worker fills a slot to where it wants to be.
    pub fn fill(&mut self, slot: usize, mut source: impl FnMut() -> Frame) -> usize {
        let wanted = self.net.return_wanted(slot);
        let samples: Vec<f32> = (0..wanted).flat_map(|_| source()).collect();
        assert_eq!(self.net.write_return(slot, &samples), wanted);
        wanted
    }
}

/// A stereo sine that remembers its phase.
pub struct Sine {
    pub hz: f64,
    pub amplitude: f64,
    pub rate_hz: f64,
    pub n: u64,
}

impl Sine {
    pub fn new(hz: f64, amplitude: f64, rate_hz: u32) -> Self {
        Self { hz, amplitude, rate_hz: f64::from(rate_hz), n: 0 }
    }

    pub fn next_frame(&mut self) -> Frame {
        let phase = std::f64::consts::TAU * self.hz * self.n as f64 / self.rate_hz;
        self.n += 1;
        let sample = (phase.sin() * self.amplitude) as f32;
        [sample, -sample]
    }
}

/// The measure of a click: the largest second difference. A sine of angular step w has w² of its amplitude; a jump to zero has all of it.
pub fn second_difference(samples: impl Iterator<Item = f32>) -> f32 {
    let samples: Vec<f32> = samples.collect();
    samples.windows(3).map(|w| (w[0] - 2.0 * w[1] + w[2]).abs()).fold(0.0, f32::max)
}
