//! The editor's backend in a plugin: parameters through the host, commands through the project.
//!
//! Made anew for each frame, because the framework lends its parameter setter only that long. The step before is
//! `app.rs`; the steps after are `project.rs` and the host.

use std::sync::Arc;

use backline_audio::Gain;
use backline_bridge::{BusChoice, Pace, Peak};
use backline_client::{Client, Command, FoundSession, SLOTS, Snapshot};
use nice_plug::prelude::{BoolParam, FloatParam, ParamSetter};

use super::backend::{EditorBackend, HostPace, Readings, SlotValues, Values};
use super::intent::Control;
use super::theme::Look;
use crate::params::BacklineParams;
use crate::personal::Personal;
use crate::servers::ServerFields;
use crate::sound::{SoundChoice, SoundView};
use crate::value_text::GAIN_DB_MIN;

/// One frame's way into the plugin.
pub struct PluginBackend<'a> {
    /// The instance's parameters, and its project.
    pub params: &'a BacklineParams,
    /// The instance's worker.
    pub client: &'a Client,
    /// The host's ear for moved parameters.
    pub setter: ParamSetter<'a>,
}

/// A parameter by its type.
enum Moved<'a> {
    Number(&'a FloatParam),
    Switch(&'a BoolParam),
    /// Kept by the project; the host has no parameter for it.
    Bus(usize),
    /// A slot that does not exist, or no parameter.
    Nothing,
}

impl PluginBackend<'_> {
    fn moved(&self, control: Control) -> Moved<'_> {
        let params = self.params;
        let slot = |slot: usize| params.slots.get(slot);
        match control {
            Control::SendGain => Moved::Number(&params.send_gain),
            Control::SendMute => Moved::Switch(&params.send_mute),
            Control::Talkback => Moved::Switch(&params.talkback),
            Control::Talk => Moved::Switch(&params.talk),
            Control::MonitorGain => Moved::Number(&params.monitor_gain),
            Control::ReturnGain => Moved::Number(&params.return_gain),
            Control::Metronome => Moved::Switch(&params.metronome),
            Control::MetronomeLevel => Moved::Number(&params.metronome_level),
            Control::SlotGain(index) => slot(index).map_or(Moved::Nothing, |slot| Moved::Number(&slot.gain)),
            Control::SlotPan(index) => slot(index).map_or(Moved::Nothing, |slot| Moved::Number(&slot.pan)),
            Control::SlotMute(index) => slot(index).map_or(Moved::Nothing, |slot| Moved::Switch(&slot.mute)),
            Control::SlotSolo(index) => slot(index).map_or(Moved::Nothing, |slot| Moved::Switch(&slot.solo)),
            Control::SlotBus(index) => Moved::Bus(index),
            Control::DepthCeiling
            | Control::Automatic
            | Control::Sends
            | Control::OpenToLan
            | Control::HearOwn
            | Control::RemoteSend(_)
            | Control::MixGain(_)
            | Control::MixPan(_)
            | Control::MixMute(_) => Moved::Nothing,
        }
    }

    fn slot_values(&self, slot: usize) -> SlotValues {
        let params = &self.params.slots[slot];
        SlotValues {
            gain_db: db(&params.gain),
            pan: params.pan.value(),
            muted: params.mute.value(),
            solo: params.solo.value(),
            bus: match self.params.project.bus(slot) {
                BusChoice::Main => 0,
                BusChoice::Aux(aux) => usize::from(aux) + 1,
            },
        }
    }
}

impl EditorBackend for PluginBackend<'_> {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.client.snapshot()
    }

    fn readings(&mut self) -> Readings {
        let meters = self.client.meters();
        Readings {
            send_db: peak_db(meters.send()),
            slots_db: std::array::from_fn(|slot| peak_db(meters.slot(slot))),
            pace: match meters.pace() {
                Pace::Stopped => HostPace::Stopped,
                Pace::Measuring => HostPace::Measuring,
                Pace::RealTime => HostPace::RealTime,
                Pace::Faster => HostPace::Faster,
                Pace::Slower => HostPace::Slower,
            },
        }
    }

    fn values(&self) -> Values {
        let params = self.params;
        let meters = self.client.meters();
        Values {
            send_gain_db: db(&params.send_gain),
            send_muted: params.send_mute.value(),
            talkback: params.talkback.value(),
            talks: params.talks(),
            monitor_db: db(&params.monitor_gain),
            return_db: db(&params.return_gain),
            metronome: params.metronome.value(),
            metronome_db: db(&params.metronome_level),
            slots: std::array::from_fn::<_, SLOTS, _>(|slot| self.slot_values(slot)),
            sample_rate_hz: meters.sample_rate_hz(),
            block_frames: meters.block_frames(),
            has_aux_buses: params.kind.has_aux_buses(),
            returns_only: !params.kind.can_send(),
        }
    }

    fn last_joined(&self) -> Option<String> {
        self.params.project.last_joined()
    }

    fn last_hosted(&self) -> Option<String> {
        self.params.project.last_hosted()
    }

    fn look_around(&mut self, is_wanted: bool) {
        self.client.look_around(is_wanted);
    }

    fn found(&self) -> Vec<FoundSession> {
        self.client.found()
    }

    fn begin(&mut self, control: Control) {
        match self.moved(control) {
            Moved::Number(param) => self.setter.begin_set_parameter(param),
            Moved::Switch(param) => self.setter.begin_set_parameter(param),
            Moved::Bus(_) | Moved::Nothing => {}
        }
    }

    fn set(&mut self, control: Control, value: f32) {
        match self.moved(control) {
            Moved::Number(param) => self.setter.set_parameter(param, value.max(GAIN_DB_MIN)),
            Moved::Switch(param) => self.setter.set_parameter(param, value > 0.5),
            Moved::Bus(slot) => self.params.project.set_bus(slot, bus(value)),
            Moved::Nothing => {}
        }
    }

    fn end(&mut self, control: Control) {
        match self.moved(control) {
            Moved::Number(param) => self.setter.end_set_parameter(param),
            Moved::Switch(param) => self.setter.end_set_parameter(param),
            Moved::Bus(_) | Moved::Nothing => {}
        }
    }

    fn send(&mut self, command: Command) {
        self.params.project.send(command);
    }

    fn sound(&self) -> Option<Arc<SoundView>> {
        self.params.sound.get().map(|sound| sound.view())
    }

    fn choose_sound(&mut self, choice: SoundChoice) {
        if let Some(sound) = self.params.sound.get() {
            sound.choose(choice);
        }
    }

    fn set_servers(&mut self, servers: &ServerFields) {
        self.params.project.set_servers(servers);
    }

    fn keep_look(&mut self, look: Look) {
        Personal { look }.keep();
    }
}

/// A gain parameter in dB, silence as minus infinity.
fn db(param: &FloatParam) -> f32 {
    let db = param.value();
    if db <= GAIN_DB_MIN { f32::NEG_INFINITY } else { db }
}

fn peak_db(peak: Peak) -> [f32; 2] {
    // Not `Gain::to_db`, whose floor and ceiling are a fader's: 20 log10 of the magnitude.
    [peak.left, peak.right].map(|linear| 20.0 * Gain::new(linear).linear().log10())
}

fn bus(value: f32) -> BusChoice {
    match value.round() as u8 {
        0 => BusChoice::Main,
        aux => BusChoice::Aux(aux - 1),
    }
}

#[cfg(test)]
mod tests;
