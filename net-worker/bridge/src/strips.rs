//! The 16 strips: each slot's lane, its smoothed gain, and the bus it is heard on.
//!
//! Step before: `lane.rs`. Step after: the mix and the auxiliary buses in `audio_end.rs`.

use std::ops::Range;

use backline_audio::{Gain, StereoGain, strip};

use crate::block::StereoBus;
use crate::controls::{BlockControls, SlotControls};
use crate::lane::{LaneReader, Pulled};
use crate::meters::{Meters, Peak, PeakHold};
use crate::moves::{FaderControls, MergedFader};
use crate::sync::Ordering;
use crate::{AUX_BUSES, SLOTS, Shared};

/// One slot in the callback. [audio-thread]
struct Strip {
    lane: LaneReader,
    gain: StereoGain,
    /// The auxiliary bus that it sounds on now; `None` is the main bus.
    aux: Option<usize>,
    fader: MergedFader,
    /// By the parameters, or by who in the session has moved it since.
    target: SlotControls,
    target_gain: Gain,
    /// There is, or may be, something to hear in this block.
    is_on: bool,
    hold: PeakHold,
}

/// All strips of an instance. [audio-thread]
pub(crate) struct Strips {
    strips: [Strip; SLOTS],
    ramp_frames: u32,
    peak_window_frames: usize,
}

/// The planar buses that strips are added to, of one piece of a block.
pub(crate) struct Buses<'a, 'b> {
    pub(crate) main: [&'a mut [f32]; 2],
    pub(crate) aux: &'a mut [Option<StereoBus<'b>>; AUX_BUSES],
    /// Where in the auxiliary buses this piece lies.
    pub(crate) piece: Range<usize>,
}

impl Strips {
    pub(crate) fn new(lanes: [LaneReader; SLOTS], rate_hz: u32) -> Self {
        let strips = lanes.map(|lane| Strip {
            lane,
            gain: StereoGain::new(Gain::SILENT, SlotControls::default().pan),
            aux: None,
            fader: MergedFader::default(),
            target: SlotControls::default(),
            target_gain: Gain::SILENT,
            is_on: false,
            hold: PeakHold::default(),
        });
        Self { strips, ramp_frames: rate_hz / 100, peak_window_frames: rate_hz as usize / 40 }
    }

    /// Takes the controls of a part of a block and looks which slots are live. Where nothing may flow, what is queued is thrown away.
    /// Returns whether any slot is on.
    pub(crate) fn take_controls(
        &mut self,
        shared: &Shared,
        controls: &BlockControls,
        may_flow: bool,
    ) -> bool {
        let any_soloed = controls.any_soloed();
        shared.slot_uses.store(controls.slot_uses(), Ordering::Relaxed);
        let solo_safe = shared.solo_safe.load(Ordering::Relaxed);
        let mut any_on = false;
        let parts = shared.lanes.iter().zip(&shared.slot_faders).zip(&controls.slots);
        for (slot, (strip, ((state, shared_fader), parameters))) in
            self.strips.iter_mut().zip(parts).enumerate()
        {
            let was_on = strip.is_on;
            strip.is_on = strip.lane.update(state);
            if !strip.is_on {
                continue;
            }
            any_on = true;
            if !may_flow {
                strip.lane.flush();
            }
            let SlotControls { gain, pan, muted, .. } = *parameters;
            let fader = strip.fader.merge(shared_fader, FaderControls { gain, pan, muted });
            let target = SlotControls { gain: fader.gain, pan: fader.pan, muted: fader.muted, ..*parameters };
            let is_safe = solo_safe >> slot & 1 == 1;
            let is_silent = target.muted || (any_soloed && !target.soloed && !is_safe);
            strip.target = target;
            strip.target_gain = target.gain.then(controls.return_gain).unless_muted(is_silent);
            if !was_on {
                strip.gain = StereoGain::new(strip.target_gain, target.pan);
                strip.aux = target.bus.aux_index();
            }
        }
        any_on
    }

    /// Throws away what is queued; what sounds fades out.
    pub(crate) fn flush(&mut self) {
        for strip in &mut self.strips {
            strip.lane.flush();
        }
    }

    /// Adds every strip to its bus. Returns whether a slot ran empty. `scratch` is interleaved and as long as the piece.
    pub(crate) fn mix(&mut self, buses: &mut Buses<'_, '_>, scratch: &mut [f32], meters: &Meters) -> bool {
        let mut ran_empty = false;
        let frames = scratch.len() / 2;
        for (slot, strip) in self.strips.iter_mut().enumerate().filter(|(_, strip)| strip.is_on) {
            let pulled = strip.lane.pull(scratch);
            ran_empty |= pulled.ran_empty;
            count_missing(meters, slot, pulled);
            let peak = if pulled.is_sounding { Peak::of_interleaved(scratch) } else { Peak::default() };
            meters.set_slot(slot, strip.hold.add(peak, frames, self.peak_window_frames));
            strip.aim(buses, self.ramp_frames);
            if pulled.is_sounding {
                strip.add(buses, scratch);
            } else {
                strip.gain.advance(frames);
            }
        }
        ran_empty
    }
}

impl Strip {
    /// Sets where the gain moves. A change of bus goes by way of silence: down here, up there.
    fn aim(&mut self, buses: &Buses<'_, '_>, ramp_frames: u32) {
        let exists = |aux: &usize| buses.aux[*aux].is_some();
        let wanted = self.target.bus.aux_index().filter(exists);
        if self.aux.is_some_and(|aux| buses.aux[aux].is_none()) {
            // The host took the bus away, with what was on it.
            self.aux = None;
            self.gain = StereoGain::new(Gain::SILENT, self.target.pan);
        }
        if self.aux != wanted && self.gain.is_silent() {
            self.aux = wanted;
        }
        let gain = if self.aux == wanted { self.target_gain } else { Gain::SILENT };
        self.gain.set_target(gain, self.target.pan, ramp_frames);
    }

    fn add(&mut self, buses: &mut Buses<'_, '_>, samples: &[f32]) {
        let piece = buses.piece.clone();
        match self.aux.and_then(|aux| buses.aux[aux].as_mut()) {
            Some(bus) => {
                strip::mix_interleaved(
                    samples,
                    &mut bus.left[piece.clone()],
                    &mut bus.right[piece],
                    &mut self.gain,
                );
            }
            None => {
                let [left, right] = &mut buses.main;
                strip::mix_interleaved(samples, left, right, &mut self.gain);
            }
        }
    }
}

fn count_missing(meters: &Meters, slot: usize, pulled: Pulled) {
    meters.underruns.add(usize::from(pulled.ran_empty));
    meters.underrun_frames.add(pulled.missing_frames);
    meters.slot_missed_frames[slot].add(pulled.missing_frames);
}
