//! The worker's end of an instance's bridge.
//!
//! A worker's turn, after `Doorbell::silence`: `read_capture` until it is empty; for each live slot, what `take_missed`
//! names is left out of its playout, and `return_wanted` sample frames go from there into `write_return`. Nothing here waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backline_audio::SampleRate;

use crate::capture::{CaptureReader, CaptureStamp};
use crate::lane::LaneWriter;
use crate::meters::{Meters, Peak};
use crate::metronome::{LeadWriter, MetronomeLead};
use crate::moves::{FaderMoves, SessionFader, SharedFader};
use crate::pace::{GAP, Pace};
use crate::sync::Ordering;
use crate::transport::{TransportAt, TransportReader};
use crate::{SLOTS, Shared};

/// Owned by the worker. Dropping it ends every slot and the capture; the audio end goes on and is silent.
pub struct NetEnd {
    sample_rate: SampleRate,
    shared: Arc<Shared>,
    capture: CaptureReader,
    /// Exactly [`SLOTS`].
    lanes: Vec<LaneWriter>,
    is_capturing: bool,
    send_fader: SessionFader,
    slot_faders: [SessionFader; SLOTS],
    transport: TransportReader,
    lead: LeadWriter,
    seen_frames: u64,
    seen_at: Option<Instant>,
}

/// What of an instance somebody in the session may move, beside the host's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strip {
    /// What everybody gets of the input; has no pan.
    Send,
    /// What is heard of the source on a slot, counted from 0.
    Slot(usize),
}

impl NetEnd {
    pub(crate) fn new(
        sample_rate: SampleRate,
        shared: Arc<Shared>,
        capture: CaptureReader,
        lanes: Vec<LaneWriter>,
        (transport, lead): (TransportReader, LeadWriter),
    ) -> Self {
        Self {
            sample_rate,
            shared,
            capture,
            lanes,
            is_capturing: false,
            send_fader: SessionFader::default(),
            slot_faders: Default::default(),
            transport,
            lead,
            seen_frames: 0,
            seen_at: None,
        }
    }

    /// Takes what was captured since last time, up to the next mark of its time: call until it returns `None`.
    /// `out` is cleared, then filled with stereo interleaved samples at the device's rate; it allocates only to grow.
    /// The first call opens the capture (until then the audio end captures nothing and counts no overrun). [worker-thread]
    pub fn read_capture(&mut self, out: &mut Vec<f32>) -> Option<CaptureStamp> {
        if !self.is_capturing {
            self.is_capturing = true;
            self.capture.discard();
            self.shared.capture_wanted.store(true, Ordering::Release);
        }
        self.capture.read(out)
    }

    /// Nobody wants the input for now; the next [`read_capture`](Self::read_capture) opens it again. [worker-thread]
    pub fn stop_capture(&mut self) {
        self.is_capturing = false;
        self.shared.capture_wanted.store(false, Ordering::Release);
    }

    /// Where the host's parameters have moved a strip since this was last asked, and no move from the session came after it; the
    /// first time, where they stand. Nothing for a slot that does not exist. [worker-thread]
    pub fn take_moves(&mut self, strip: Strip) -> FaderMoves {
        self.fader(strip).map_or_else(FaderMoves::default, |(fader, shared)| fader.take(shared))
    }

    /// Where a strip stands, whoever moved it; nothing before the first block, for a slot before the first with something on it.
    /// [worker-thread]
    pub fn standing(&self, strip: Strip) -> FaderMoves {
        let (fader, shared) = match strip {
            Strip::Send => (Some(&self.send_fader), Some(&self.shared.send_fader)),
            Strip::Slot(slot) => (self.slot_faders.get(slot), self.shared.slot_faders.get(slot)),
        };
        fader.zip(shared).map_or_else(FaderMoves::default, |(fader, shared)| fader.standing(shared))
    }

    /// Somebody in the session has moved a strip; it holds until the host's parameter moves. [worker-thread]
    pub fn set_fader(&mut self, strip: Strip, moves: FaderMoves) {
        if let Some((fader, shared)) = self.fader(strip) {
            fader.set(shared, moves);
        }
    }

    fn fader(&mut self, strip: Strip) -> Option<(&mut SessionFader, &SharedFader)> {
        match strip {
            Strip::Send => Some((&mut self.send_fader, &self.shared.send_fader)),
            Strip::Slot(slot) => self.slot_faders.get_mut(slot).zip(self.shared.slot_faders.get(slot)),
        }
    }

    /// Sample frames (device rate) to write to a slot now, so that the next callbacks are covered and not more; 0 for a slot
    /// that is not live or does not exist, and while the pace is not that of real time. [worker-thread]
    pub fn return_wanted(&self, slot: usize) -> usize {
        let fill_frames = self.shared.meters.return_fill_frames();
        self.lanes.get(slot).map_or(0, |lane| lane.wanted_frames(fill_frames))
    }

    /// Sample frames (device rate) that callbacks have done without since this was last asked. The source's time went on meanwhile:
    /// whoever fills the slot leaves out so many of them, or the source is heard that much later from then on. [worker-thread]
    pub fn take_missed(&mut self, slot: usize) -> usize {
        let missed_frames = self.shared.meters.slot_missed_frames.get(slot).map_or(0, |count| count.get());
        self.lanes.get_mut(slot).map_or(0, |lane| lane.take_missed(missed_frames))
    }

    /// Writes stereo interleaved samples at the device's rate. Returns the sample frames taken: all that fit, none for a slot that is
    /// not live. What is not a number or beyond +24 dBFS is made harmless and counted. [worker-thread]
    pub fn write_return(&mut self, slot: usize, samples: &[f32]) -> usize {
        let Some(lane) = self.lanes.get_mut(slot) else {
            return 0;
        };
        let (frames, bad_samples) = lane.write(samples);
        self.shared.meters.bad_return_samples.add(bad_samples);
        frames
    }

    /// A slot comes to life with what is written next (it fades in), or ends after what was written (it fades out). An idle slot
    /// costs the callback nothing, and that it is empty is no underrun. [worker-thread]
    pub fn set_slot_live(&mut self, slot: usize, live: bool) {
        if let (Some(lane), Some(state)) = (self.lanes.get_mut(slot), self.shared.lanes.get(slot)) {
            lane.set_live(live, state);
        }
        if !live {
            self.set_slot_peak(slot, Peak::default());
        }
    }

    /// How loud a slot's source is that is heard elsewhere, in a mix on another slot; silence for any other. It holds until the next
    /// call, or the slot's end. [worker-thread]
    pub fn set_slot_peak(&mut self, slot: usize, peak: Peak) {
        self.shared.meters.set_mixed_slot(slot, peak);
    }

    /// Slots that are soloed in the callback, a bit each. [worker-thread]
    pub fn soloed_slots(&self) -> u16 {
        self.shared.slot_uses.load(Ordering::Relaxed) as u16
    }

    /// Slots that are heard on an auxiliary output, a bit each. [worker-thread]
    pub fn aux_slots(&self) -> u16 {
        (self.shared.slot_uses.load(Ordering::Relaxed) >> SLOTS) as u16
    }

    /// The one slot, if any, that is heard whatever is soloed: it carries others who are soloed elsewhere. [worker-thread]
    pub fn set_solo_safe(&mut self, slot: Option<usize>) {
        let bits = slot.filter(|slot| *slot < SLOTS).map_or(0, |slot| 1 << slot);
        self.shared.solo_safe.store(bits, Ordering::Relaxed);
    }

    /// Where the host's transport was when it last changed, or a while ago; call until it returns `None`. [worker-thread]
    pub fn take_transport(&mut self) -> Option<TransportAt> {
        self.transport.take()
    }

    /// Along with whom the metronome clicks, in the order of moments. False where the callback has not yet reached those told before:
    /// say it again later. [worker-thread]
    pub fn lead_metronome(&mut self, lead: MetronomeLead) -> bool {
        self.lead.push(lead)
    }

    /// The device's rate. [any-thread]
    pub fn sample_rate(&self) -> SampleRate {
        self.sample_rate
    }

    /// Length of the host's last block. [any-thread]
    pub fn block_time(&self) -> Duration {
        let frames = self.shared.meters.block_frames();
        Duration::from_secs_f64(frames as f64 / f64::from(self.sample_rate.hz()))
    }

    /// Whether the host calls `process()`: something came since the last time that this was asked, or not longer ago than a pause
    /// may last. Where it has stopped, [`Meters::pace`] says so from then on. Ask at least every 100 ms. [worker-thread]
    pub fn is_processing(&mut self, now: Instant) -> bool {
        let frames = self.shared.meters.frames();
        if frames != self.seen_frames {
            self.seen_frames = frames;
            self.seen_at = Some(now);
        }
        let longest_pause = GAP + self.block_time();
        let is_processing =
            self.seen_at.is_some_and(|seen| now.saturating_duration_since(seen) <= longest_pause);
        if !is_processing && self.shared.meters.pace() != Pace::Stopped {
            // A callback that comes at this very moment writes its own pace, at the latest with the block after.
            self.shared.meters.set_pace(Pace::Stopped);
        }
        is_processing
    }

    /// Whether what is returned can be heard: the host calls, and does not bypass the instance. Ask as often as
    /// [`is_processing`](Self::is_processing), which it stands for. [worker-thread]
    pub fn is_active(&mut self, now: Instant) -> bool {
        self.is_processing(now) && !self.shared.meters.is_bypassed()
    }

    /// What the callback reports. [any-thread]
    pub fn meters(&self) -> &Arc<Meters> {
        &self.shared.meters
    }
}

impl Drop for NetEnd {
    fn drop(&mut self) {
        self.stop_capture();
        for slot in 0..SLOTS {
            self.set_slot_live(slot, false);
        }
    }
}
