//! What a host automates: send, talkback, return, monitor, metronome, bypass and 16 strips.
//!
//! Ids are frozen: projects and automation lanes hold them. A new parameter gets a new id, a dropped
//! one keeps its id reserved. The table of all of them is in `docs/PARAMETERS.md` and in the test
//! `every_id_is_frozen`.
//!
//! Parameters are targets. They have no smoothers of their own: the bridge ramps every gain sample by
//! sample, so a change from automation, from the editor or from undo sounds the same. Automation is
//! sample-accurate: the framework cuts the host's block where a parameter changes (how often at the most: `cuts.rs`),
//! and the ramp of 10 ms begins with the part. The bridge hears of the host's own block all the same (`host_call.rs`).
//!
//! Not here: what a project keeps besides parameters (`state.rs`). The step after is `controls.rs`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use backline_client::SLOTS;
use nice_plug::prelude::*;

use crate::kind::Kind;
use crate::project::Project;
use crate::sound::Sound;
use crate::value_text::{
    GAIN_DB_MAX, GAIN_DB_MIN, GAIN_STEP_DB, PAN_STEP, gain_text, pan_text, parse_gain, parse_pan,
    parse_switch, switch_text,
};

/// Bends the gain range so that most of a fader's way is where people mix: half way is −10 dB, unity is at 0.7.
const GAIN_SKEW: f32 = 2.5;
/// How loud the metronome is until somebody moves it, in dB.
pub const METRONOME_DB: f32 = -6.0;

/// Every parameter of an instance, and the project state that travels with them.
pub struct BacklineParams {
    /// `send_gain`: how loud this track goes out to everybody. dB, −80 (= −∞) to +12, default 0.
    pub send_gain: FloatParam,
    /// `send_mute`: nothing of this track goes out. Off or on, default off.
    pub send_mute: BoolParam,
    /// `talkback`: this track goes out only while one talks. Off or on, default off.
    pub talkback: BoolParam,
    /// `talk`: one talks; without meaning while `talkback` is off. Off or on, default off. For a pedal, a key or a button that is held.
    pub talk: BoolParam,
    /// `return_gain`: how loud everybody else comes back on the main bus. dB, −80 (= −∞) to +12, default 0.
    pub return_gain: FloatParam,
    /// `monitor_gain`: how loud this track itself passes through to the main bus. dB, −80 (= −∞) to +12, default −∞:
    /// a track that others hear through Backline is mostly heard by its player by other means already.
    pub monitor_gain: FloatParam,
    /// `metronome`: a click in the main output, along with the session's tempo. Off or on, default off.
    pub metronome: BoolParam,
    /// `metronome_level`: how loud that click is. dB, −80 (= −∞) to +12, default −6.
    pub metronome_level: FloatParam,
    /// `s01_…` to `s16_…`: the strips of the monitor mix.
    pub slots: [SlotParams; SLOTS],
    /// `bypass`: the host's bypass; the track passes unchanged and nothing is sent or returned. Off or on, default off.
    pub bypass: BoolParam,
    /// `touched`: flips when project state that is no parameter changed, so that the host knows that the project
    /// must be saved. Hidden, not automatable, without meaning otherwise.
    pub touched: BoolParam,
    /// A key is held that talks; no parameter. The callback writes it, the editor shows it.
    pub is_key_down: AtomicBool,
    /// `talk` is as a project was saved, and nobody has moved it since: nobody talks.
    talk_is_saved: AtomicBool,
    /// Which audio the standalone plays on; none in a DAW.
    pub sound: OnceLock<Arc<Sound>>,
    /// What the project keeps besides parameters.
    pub project: Arc<Project>,
    /// The class. One that cannot send shows the host no parameters of the send and of the monitor; they keep their defaults.
    pub kind: Kind,
}

/// One strip; `NN` in an id is the slot, 01 to 16.
pub struct SlotParams {
    /// `sNN_gain`: how loud the slot's source is in this mix. dB, −80 (= −∞) to +12, default 0.
    pub gain: FloatParam,
    /// `sNN_pan`: balance of the slot's source. −1 (L50, left only) to +1 (R50, right only), default 0 (C).
    pub pan: FloatParam,
    /// `sNN_mute`: the slot's source is silent in this mix. Off or on, default off.
    pub mute: BoolParam,
    /// `sNN_solo`: while any slot has solo, those without it are silent in this mix. Off or on, default off.
    pub solo: BoolParam,
}

impl BacklineParams {
    /// Parameters at their defaults, for a fresh instance. [main-thread]
    pub fn new(project: Arc<Project>, kind: Kind) -> Self {
        Self {
            send_gain: gain_param("Send Gain", 0.0),
            send_mute: switch_param("Send Mute"),
            talkback: switch_param("Talkback"),
            talk: switch_param("Talk"),
            return_gain: gain_param("Return Gain", 0.0),
            monitor_gain: gain_param("Monitor Gain", GAIN_DB_MIN),
            metronome: switch_param("Metronome"),
            metronome_level: gain_param("Metronome Level", METRONOME_DB),
            slots: std::array::from_fn(SlotParams::new),
            bypass: switch_param("Bypass").make_bypass(),
            touched: switch_param("Project Touched").non_automatable().hide().hide_in_generic_ui(),
            is_key_down: AtomicBool::new(false),
            talk_is_saved: AtomicBool::new(false),
            sound: OnceLock::new(),
            project,
            kind,
        }
    }

    /// One talks: by the parameter, or by a key that is held. [any-thread]
    pub fn talks(&self) -> bool {
        let is_on = self.talk.value();
        if !is_on {
            self.talk_is_saved.store(false, Ordering::Relaxed);
        }
        let is_moved = is_on && !self.talk_is_saved.load(Ordering::Relaxed);
        is_moved || self.is_key_down.load(Ordering::Relaxed)
    }

    /// Tells the host that the project must be saved, where project state changed since the last call.
    /// The editor calls this once a frame: parameters can only be moved while an editor is open, and a
    /// change made without one is reported when the next one opens. [main-thread]
    pub fn report_changes(&self, setter: &ParamSetter) {
        if !self.project.take_changed() {
            return;
        }
        setter.begin_set_parameter(&self.touched);
        setter.set_parameter(&self.touched, !self.touched.value());
        setter.end_set_parameter(&self.touched);
    }
}

impl SlotParams {
    fn new(index: usize) -> Self {
        let name = |what: &str| format!("Slot {} {what}", index + 1);
        Self {
            gain: gain_param(name("Gain"), 0.0),
            pan: pan_param(name("Pan")),
            mute: switch_param(name("Mute")),
            solo: switch_param(name("Solo")),
        }
    }

    fn entries(&self, index: usize) -> [Entry; 4] {
        let id = |what: &str| format!("s{:02}_{what}", index + 1);
        let group = format!("Slot {}", index + 1);
        [
            (id("gain"), self.gain.as_ptr(), group.clone()),
            (id("pan"), self.pan.as_ptr(), group.clone()),
            (id("mute"), self.mute.as_ptr(), group.clone()),
            (id("solo"), self.solo.as_ptr(), group),
        ]
    }
}

/// Id, parameter, group as the host shows it.
type Entry = (String, ParamPtr, String);

// SAFETY: the pointers lead into this object, which the wrappers keep in an `Arc` and never move.
unsafe impl Params for BacklineParams {
    fn param_map(&self) -> Vec<Entry> {
        let top = |id: &str, pointer: ParamPtr| (id.to_owned(), pointer, String::new());
        let mut entries = vec![
            top("send_gain", self.send_gain.as_ptr()),
            top("send_mute", self.send_mute.as_ptr()),
            top("return_gain", self.return_gain.as_ptr()),
            top("monitor_gain", self.monitor_gain.as_ptr()),
        ];
        if !self.kind.can_send() {
            entries.retain(|(id, ..)| id == "return_gain");
        }
        entries.extend(self.slots.iter().enumerate().flat_map(|(index, slot)| slot.entries(index)));
        entries.push(top("bypass", self.bypass.as_ptr()));
        entries.push(top("touched", self.touched.as_ptr()));
        // Behind all that were there before: some hosts count parameters.
        if self.kind.can_send() {
            entries.push(top("talkback", self.talkback.as_ptr()));
            entries.push(top("talk", self.talk.as_ptr()));
        }
        entries.push(top("metronome", self.metronome.as_ptr()));
        entries.push(top("metronome_level", self.metronome_level.as_ptr()));
        entries
    }

    fn serialize_fields(&self) -> BTreeMap<String, String> {
        self.project.save()
    }

    fn deserialize_fields(&self, fields: &BTreeMap<String, String>) {
        // Parameters come first: a host loads a project, and whoever talked when it was saved does not go on.
        self.talk_is_saved.store(true, Ordering::Relaxed);
        self.project.load(fields);
    }
}

fn gain_param(name: impl Into<String>, default_db: f32) -> FloatParam {
    let range = FloatRange::Skewed { min: GAIN_DB_MIN, max: GAIN_DB_MAX, factor: GAIN_SKEW };
    FloatParam::new(name, default_db, range)
        .with_step_size(GAIN_STEP_DB)
        .with_unit(" dB")
        .with_value_to_string(Arc::new(gain_text))
        .with_string_to_value(Arc::new(parse_gain))
}

fn pan_param(name: impl Into<String>) -> FloatParam {
    FloatParam::new(name, 0.0, FloatRange::Linear { min: -1.0, max: 1.0 })
        .with_step_size(PAN_STEP)
        .with_value_to_string(Arc::new(pan_text))
        .with_string_to_value(Arc::new(parse_pan))
}

/// Off by default.
fn switch_param(name: impl Into<String>) -> BoolParam {
    BoolParam::new(name, false)
        .with_value_to_string(Arc::new(switch_text))
        .with_string_to_value(Arc::new(parse_switch))
}

#[cfg(test)]
mod tests;
