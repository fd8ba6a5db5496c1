//! Parameter values and buses to the bridge's block controls, at the start of every block and wherever automation cuts it.
//!
//! dB becomes linear here, only where a value changed: nineteen powers a block would cost more than the
//! mix. The step before is `params.rs`, the step after is `AudioEnd::process_part`, which ramps.

use backline_audio::{Db, Gain, Pan};
use backline_bridge::{BlockControls, SlotControls, Transport};
use backline_client::SLOTS;

use crate::params::{BacklineParams, SlotParams};
use crate::project::Project;

/// Turns parameters into block controls. Owned by the audio thread's side of an instance.
#[derive(Debug, Default)]
pub struct ControlReader {
    send: CachedGain,
    returned: CachedGain,
    monitor: CachedGain,
    metronome: CachedGain,
    slots: [CachedGain; SLOTS],
}

impl ControlReader {
    /// The controls for the part of a block that begins now; the host's song is at `transport`. Does not allocate. [audio-thread]
    pub fn read(&mut self, params: &BacklineParams, transport: Option<Transport>) -> BlockControls {
        let slots = &mut self.slots;
        BlockControls {
            send_gain: self.send.gain(params.send_gain.value()),
            send_muted: params.send_mute.value(),
            talkback_closed: params.talkback.value() && !params.talks(),
            return_gain: self.returned.gain(params.return_gain.value()),
            monitor_gain: self.monitor.gain(params.monitor_gain.value()),
            metronome_gain: self
                .metronome
                .gain(params.metronome_level.value())
                .unless_muted(!params.metronome.value()),
            transport,
            slots: std::array::from_fn(|index| {
                slot_controls(&params.slots[index], &params.project, index, &mut slots[index])
            }),
            bypassed: params.bypass.value(),
        }
    }
}

fn slot_controls(slot: &SlotParams, project: &Project, index: usize, gain: &mut CachedGain) -> SlotControls {
    SlotControls {
        gain: gain.gain(slot.gain.value()),
        pan: Pan::new(slot.pan.value()),
        muted: slot.mute.value(),
        soloed: slot.solo.value(),
        bus: project.bus(index),
    }
}

/// The last dB value and what it is as a factor.
#[derive(Debug)]
struct CachedGain {
    db: f32,
    gain: Gain,
}

impl Default for CachedGain {
    fn default() -> Self {
        Self { db: 0.0, gain: Gain::UNITY }
    }
}

impl CachedGain {
    fn gain(&mut self, db: f32) -> Gain {
        if db.to_bits() != self.db.to_bits() {
            self.db = db;
            self.gain = Db::new(db).to_gain();
        }
        self.gain
    }
}
