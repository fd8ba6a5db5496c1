//! What the callback reports: levels, faults, cost and pace, as single atomic values; and levels that only the network knows.
//!
//! Any thread reads it at any time without disturbing the audio thread. Ballistics and decibels are the reader's.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use backline_audio::{Gain, SampleRate};

use crate::SLOTS;
use crate::pace::Pace;

/// Stereo peak, linear: the largest magnitude of the last 25 to 50 ms, so that a reader at 20 Hz or more misses nothing
/// and any number of readers may look.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Peak {
    /// Left, 0 and up, 1.0 is full scale.
    pub left: f32,
    /// Right, 0 and up, 1.0 is full scale.
    pub right: f32,
}

/// How long `process()` took, as told by [`AudioEnd::record_cost`](crate::AudioEnd::record_cost).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallbackCost {
    /// Of the last call.
    pub last: Duration,
    /// Of the dearest call.
    pub max: Duration,
    /// Of all calls together.
    pub sum: Duration,
    /// Calls.
    pub count: u64,
}

/// What went wrong since the bridge was made; all only ever rise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// Times that a playing slot's ring ran empty.
    pub underruns: u64,
    /// Sample frames that were missing then.
    pub underrun_frames: u64,
    /// Times that the capture ring was full.
    pub overruns: u64,
    /// Sample frames of input that were not captured then.
    pub overrun_frames: u64,
    /// Samples of the host's input that were not a number, infinite, or beyond +24 dBFS.
    pub bad_input_samples: u64,
    /// Samples of a source that were the same.
    pub bad_return_samples: u64,
    /// Times that the host called again after a pause, or `reset()` was called.
    pub restarts: u64,
}

#[derive(Default)]
struct AtomicPeak {
    left: AtomicU32,
    right: AtomicU32,
}

impl AtomicPeak {
    fn store(&self, peak: Peak) {
        self.left.store(peak.left.to_bits(), Ordering::Relaxed);
        self.right.store(peak.right.to_bits(), Ordering::Relaxed);
    }

    fn load(&self) -> Peak {
        Peak {
            left: f32::from_bits(self.left.load(Ordering::Relaxed)),
            right: f32::from_bits(self.right.load(Ordering::Relaxed)),
        }
    }
}

/// A count that rises.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: usize) {
        if more > 0 {
            self.0.fetch_add(more as u64, Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The callback's report. Shared; every value is read on its own and may be one block apart from the next.
#[derive(Default)]
pub struct Meters {
    /// 0 where no bridge was made.
    sample_rate_hz: u32,
    send: AtomicPeak,
    main: AtomicPeak,
    slots: [AtomicPeak; SLOTS],
    /// Of sources in a mix that somebody else makes, as they tell.
    mixed_slots: [AtomicPeak; SLOTS],
    pub(crate) slot_missed_frames: [Counter; SLOTS],
    pub(crate) underruns: Counter,
    pub(crate) underrun_frames: Counter,
    pub(crate) overruns: Counter,
    pub(crate) overrun_frames: Counter,
    pub(crate) bad_input_samples: Counter,
    pub(crate) bad_return_samples: Counter,
    pub(crate) restarts: Counter,
    pub(crate) frames: Counter,
    block_frames: AtomicU32,
    return_fill_frames: AtomicU32,
    pace: AtomicU8,
    is_bypassed: AtomicBool,
    cost_last_ns: AtomicU64,
    cost_max_ns: AtomicU64,
    cost_sum_ns: AtomicU64,
    cost_count: AtomicU64,
}

impl Meters {
    pub(crate) fn new(rate: SampleRate) -> Self {
        Self { sample_rate_hz: rate.hz(), ..Self::default() }
    }

    /// The rate of the device, in Hz; 0 where there was none yet. [any-thread]
    pub fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    /// What leaves for the network: after send gain and mute. [any-thread]
    pub fn send(&self) -> Peak {
        self.send.load()
    }

    /// What leaves on the main output. [any-thread]
    pub fn main(&self) -> Peak {
        self.main.load()
    }

    /// What arrives from a slot's source, also where it arrives in a mix, before its fader; silence for a slot that does not exist.
    /// [any-thread]
    pub fn slot(&self, slot: usize) -> Peak {
        let of = |meters: &[AtomicPeak]| meters.get(slot).map(AtomicPeak::load).unwrap_or_default();
        of(&self.slots).max(of(&self.mixed_slots))
    }

    /// What went wrong so far. [any-thread]
    pub fn faults(&self) -> Faults {
        Faults {
            underruns: self.underruns.get(),
            underrun_frames: self.underrun_frames.get(),
            overruns: self.overruns.get(),
            overrun_frames: self.overrun_frames.get(),
            bad_input_samples: self.bad_input_samples.get(),
            bad_return_samples: self.bad_return_samples.get(),
            restarts: self.restarts.get(),
        }
    }

    /// How fast the host calls. [any-thread]
    pub fn pace(&self) -> Pace {
        Pace::from_code(self.pace.load(Ordering::Relaxed))
    }

    /// Whether the host bypasses the instance, as of its last call. [any-thread]
    pub fn is_bypassed(&self) -> bool {
        self.is_bypassed.load(Ordering::Relaxed)
    }

    /// What the callback costs. [any-thread]
    pub fn callback_cost(&self) -> CallbackCost {
        CallbackCost {
            last: Duration::from_nanos(self.cost_last_ns.load(Ordering::Relaxed)),
            max: Duration::from_nanos(self.cost_max_ns.load(Ordering::Relaxed)),
            sum: Duration::from_nanos(self.cost_sum_ns.load(Ordering::Relaxed)),
            count: self.cost_count.load(Ordering::Relaxed),
        }
    }

    /// Sample frames that went through `process()` (device rate). [any-thread]
    pub fn frames(&self) -> u64 {
        self.frames.get()
    }

    /// Length of the last block in sample frames (device rate). [any-thread]
    pub fn block_frames(&self) -> usize {
        self.block_frames.load(Ordering::Relaxed) as usize
    }

    /// To what level the return rings are to be filled, in sample frames (device rate); 0 while nothing is returned. [any-thread]
    pub fn return_fill_frames(&self) -> usize {
        self.return_fill_frames.load(Ordering::Relaxed) as usize
    }

    pub(crate) fn set_send(&self, peak: Peak) {
        self.send.store(peak);
    }

    pub(crate) fn set_main(&self, peak: Peak) {
        self.main.store(peak);
    }

    pub(crate) fn set_slot(&self, slot: usize, peak: Peak) {
        if let Some(meter) = self.slots.get(slot) {
            meter.store(peak);
        }
    }

    pub(crate) fn set_mixed_slot(&self, slot: usize, peak: Peak) {
        if let Some(meter) = self.mixed_slots.get(slot) {
            meter.store(peak);
        }
    }

    pub(crate) fn set_pace(&self, pace: Pace) {
        self.pace.store(pace.code(), Ordering::Relaxed);
    }

    pub(crate) fn set_bypassed(&self, is_bypassed: bool) {
        self.is_bypassed.store(is_bypassed, Ordering::Relaxed);
    }

    pub(crate) fn set_block(&self, block_frames: usize, return_fill_frames: usize) {
        self.block_frames.store(block_frames as u32, Ordering::Relaxed);
        self.return_fill_frames.store(return_fill_frames as u32, Ordering::Relaxed);
    }

    pub(crate) fn record_cost(&self, cost: Duration) {
        let cost_ns = u64::try_from(cost.as_nanos()).unwrap_or(u64::MAX);
        self.cost_last_ns.store(cost_ns, Ordering::Relaxed);
        self.cost_max_ns.fetch_max(cost_ns, Ordering::Relaxed);
        self.cost_sum_ns.fetch_add(cost_ns, Ordering::Relaxed);
        self.cost_count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Keeps the largest magnitude of the running window and of the one before.
#[derive(Default)]
pub(crate) struct PeakHold {
    now: Peak,
    before: Peak,
    frames: usize,
}

impl PeakHold {
    /// Adds a run; `window_frames` is 25 ms. Returns what to show.
    pub(crate) fn add(&mut self, run: Peak, run_frames: usize, window_frames: usize) -> Peak {
        if self.frames >= window_frames {
            self.before = self.now;
            self.now = Peak::default();
            self.frames = 0;
        }
        self.frames += run_frames;
        self.now = self.now.max(run);
        self.now.max(self.before)
    }
}

impl Peak {
    pub(crate) fn max(self, other: Self) -> Self {
        Self { left: self.left.max(other.left), right: self.right.max(other.right) }
    }

    pub(crate) fn scaled(self, gain: Gain) -> Self {
        Self { left: self.left * gain.linear(), right: self.right * gain.linear() }
    }

    /// Of planar samples.
    pub(crate) fn of_planar(left: &[f32], right: &[f32]) -> Self {
        Self { left: magnitude(left), right: magnitude(right) }
    }

    /// Of interleaved stereo samples.
    pub(crate) fn of_interleaved(samples: &[f32]) -> Self {
        // Eight running maxima, so that the compiler may use vector registers.
        let mut largest = [0.0_f32; 8];
        let mut chunks = samples.chunks_exact(8);
        for chunk in &mut chunks {
            for (most, sample) in largest.iter_mut().zip(chunk) {
                *most = most.max(sample.abs());
            }
        }
        for (most, sample) in largest.iter_mut().zip(chunks.remainder()) {
            *most = most.max(sample.abs());
        }
        let [a, b, c, d, e, f, g, h] = largest;
        Self { left: a.max(c).max(e.max(g)), right: b.max(d).max(f.max(h)) }
    }
}

fn magnitude(samples: &[f32]) -> f32 {
    let mut largest = [0.0_f32; 8];
    let mut chunks = samples.chunks_exact(8);
    for chunk in &mut chunks {
        for (most, sample) in largest.iter_mut().zip(chunk) {
            *most = most.max(sample.abs());
        }
    }
    let rest = chunks.remainder().iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
    largest.iter().fold(rest, |most, value| most.max(*value))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_shown_for_at_least_one_window() {
        let mut hold = PeakHold::default();
        let loud = Peak { left: 0.5, right: 0.25 };
        assert_eq!(hold.add(loud, 64, 1200), loud);
        let mut shown_frames = 64;
        while hold.add(Peak::default(), 64, 1200) == loud {
            shown_frames += 64;
        }
        assert!((1200..=2464).contains(&shown_frames), "{shown_frames}");
    }

    #[test]
    fn a_slot_shows_what_arrives_by_itself_and_what_arrives_in_a_mix() {
        let meters = Meters::default();
        meters.set_slot(3, Peak { left: 0.5, right: 0.25 });
        meters.set_mixed_slot(3, Peak { left: 0.125, right: 1.0 });
        assert_eq!(meters.slot(3), Peak { left: 0.5, right: 1.0 });
        meters.set_mixed_slot(3, Peak::default());
        meters.set_slot(3, Peak::default());
        assert_eq!(meters.slot(3), Peak::default());
        meters.set_mixed_slot(SLOTS, Peak { left: 1.0, right: 1.0 });
        assert_eq!(meters.slot(SLOTS), Peak::default());
    }

    #[test]
    fn interleaved_and_planar_peaks_agree() {
        let left: Vec<f32> = (0..13).map(|n| n as f32 * -0.01).collect();
        let right: Vec<f32> = (0..13).map(|n| 0.5 - n as f32 * 0.01).collect();
        let both: Vec<f32> = left.iter().zip(&right).flat_map(|(l, r)| [*l, *r]).collect();
        assert_eq!(Peak::of_interleaved(&both), Peak::of_planar(&left, &right));
        assert_eq!(Peak::of_planar(&left, &right), Peak { left: 0.12, right: 0.5 });
    }

    #[test]
    fn cost_keeps_last_max_sum_and_count() {
        let meters = Meters::default();
        meters.record_cost(Duration::from_nanos(900));
        meters.record_cost(Duration::from_nanos(100));
        let cost = meters.callback_cost();
        assert_eq!(
            (cost.last.as_nanos(), cost.max.as_nanos(), cost.sum.as_nanos(), cost.count),
            (100, 900, 1000, 2)
        );
    }
}
