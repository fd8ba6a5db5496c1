//! What the user set, as one `process()` call sees it: plain values, read by the plugin from its parameters.
//!
//! Not smoothed: `AudioEnd` ramps every gain from its last value. Step before: the plugin's parameters. Step after: `audio_end.rs`.

use backline_audio::{Gain, Pan};

use crate::transport::Transport;
use crate::{AUX_BUSES, SLOTS};

/// Where a slot is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BusChoice {
    /// The main output.
    #[default]
    Main,
    /// An auxiliary output, 0 to 7; heard on the main output where the host did not give us this one.
    Aux(u8),
}

impl BusChoice {
    /// The index into the auxiliary buses; `None` for the main bus and for numbers that do not exist.
    pub fn aux_index(self) -> Option<usize> {
        match self {
            Self::Aux(index) if usize::from(index) < AUX_BUSES => Some(usize::from(index)),
            Self::Aux(_) | Self::Main => None,
        }
    }
}

/// One slot's strip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlotControls {
    /// Fader.
    pub gain: Gain,
    /// Balance.
    pub pan: Pan,
    /// Silent; wins over `soloed`.
    pub muted: bool,
    /// While any slot is soloed, only soloed ones are heard (also when the soloed source is away).
    pub soloed: bool,
    /// Where it is heard.
    pub bus: BusChoice,
}

impl Default for SlotControls {
    fn default() -> Self {
        Self { gain: Gain::UNITY, pan: Pan::CENTRE, muted: false, soloed: false, bus: BusChoice::Main }
    }
}

/// Every control of an instance, for one block.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockControls {
    /// What everybody gets of the input.
    pub send_gain: Gain,
    /// Sends silence; the stream goes on.
    pub send_muted: bool,
    /// Sends silence while nobody talks: beside mute, which others may move, so that nobody opens it from afar.
    pub talkback_closed: bool,
    /// All slots together, on every bus; not the monitor.
    pub return_gain: Gain,
    /// How loud the instance's own input is on its main output.
    pub monitor_gain: Gain,
    /// How loud the metronome is on the main output; silent: off.
    pub metronome_gain: Gain,
    /// Where the host's song is at the beginning of the block; none where the host does not say.
    pub transport: Option<Transport>,
    /// The strips.
    pub slots: [SlotControls; SLOTS],
    /// The instance does nothing audible: the input passes at unity, nothing is sent, nothing is returned.
    pub bypassed: bool,
}

impl Default for BlockControls {
    /// Everything at unity, the metronome off, and the monitor (a DAW track is mostly heard by other means already).
    fn default() -> Self {
        Self {
            send_gain: Gain::UNITY,
            send_muted: false,
            talkback_closed: false,
            return_gain: Gain::UNITY,
            monitor_gain: Gain::SILENT,
            metronome_gain: Gain::SILENT,
            transport: None,
            slots: [SlotControls::default(); SLOTS],
            bypassed: false,
        }
    }
}

impl BlockControls {
    /// Whether any slot is soloed.
    pub(crate) fn any_soloed(&self) -> bool {
        self.slots.iter().any(|slot| slot.soloed)
    }

    /// Soloed slots in bits 0 to 15, slots on auxiliary buses in bits 16 to 31.
    pub(crate) fn slot_uses(&self) -> u64 {
        let bits =
            |slot: &SlotControls| u64::from(slot.soloed) | u64::from(slot.bus.aux_index().is_some()) << SLOTS;
        self.slots.iter().enumerate().fold(0, |uses, (slot, controls)| uses | bits(controls) << slot)
    }
}
