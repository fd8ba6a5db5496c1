//! What the framework hands over before it loads a state: parameters put right, unknown ones put aside.
//!
//! nice-plug drops parameters that it does not know and takes values beyond their range as they are. So a
//! project of a newer Backline would lose its newer parameters on the next save, and a damaged one could ask for a
//! gain of a thousand dB. Unknown parameters become a field of the project state, which is saved again unchanged,
//! and become parameters again in a Backline that knows them. The step after is `Project::load`.

use std::collections::BTreeMap;

use backline_client::SLOTS;
use nice_plug::plugin::{ParamValue, PluginState};

use crate::params::METRONOME_DB;
use crate::value_text::{GAIN_DB_MAX, GAIN_DB_MIN};

/// Where parameters of other versions are kept.
const KEPT_PARAMS_FIELD: &str = "backline_kept_params";

const TOP_IDS: [&str; 10] = [
    "send_gain",
    "send_mute",
    "return_gain",
    "monitor_gain",
    "bypass",
    "touched",
    "talkback",
    "talk",
    "metronome",
    "metronome_level",
];
/// What came with a later version. What was saved before it is loaded with these, whatever they were just then.
const LATER: [(&str, ParamValue); 4] = [
    ("talkback", ParamValue::Bool(false)),
    ("talk", ParamValue::Bool(false)),
    ("metronome", ParamValue::Bool(false)),
    ("metronome_level", ParamValue::F32(METRONOME_DB)),
];
const SLOT_IDS: [&str; 4] = ["gain", "pan", "mute", "solo"];

/// Makes a state that was read from a project safe to load, without losing anything of it. [main-thread]
pub fn before_load(state: &mut PluginState) {
    let mut kept = take_kept(&mut state.fields);
    bring_back(&mut kept, &mut state.params);
    put_aside(&mut state.params, &mut kept);
    for (id, value) in LATER {
        state.params.entry(id.to_owned()).or_insert(value);
    }
    state.params.iter_mut().for_each(|(id, value)| limit(id, value));
    if !kept.is_empty() {
        state.fields.insert(KEPT_PARAMS_FIELD.to_owned(), serde_json::to_string(&kept).unwrap_or_default());
    }
}

/// A list that is damaged itself stays in the fields, as it is.
fn take_kept(fields: &mut BTreeMap<String, String>) -> BTreeMap<String, ParamValue> {
    let Some(kept) = fields.get(KEPT_PARAMS_FIELD).and_then(|text| serde_json::from_str(text).ok()) else {
        return BTreeMap::new();
    };
    fields.remove(KEPT_PARAMS_FIELD);
    kept
}

fn bring_back(kept: &mut BTreeMap<String, ParamValue>, params: &mut BTreeMap<String, ParamValue>) {
    let known: Vec<String> = kept.keys().filter(|id| is_known(id)).cloned().collect();
    for id in known {
        if let Some(value) = kept.remove(&id) {
            params.entry(id).or_insert(value);
        }
    }
}

fn put_aside(params: &mut BTreeMap<String, ParamValue>, kept: &mut BTreeMap<String, ParamValue>) {
    let unknown: Vec<String> = params.keys().filter(|id| !is_known(id)).cloned().collect();
    for id in unknown {
        if let Some(value) = params.remove(&id) {
            kept.insert(id, value);
        }
    }
}

fn limit(id: &str, value: &mut ParamValue) {
    let ParamValue::F32(number) = value else { return };
    let (lowest, highest) =
        if id.ends_with("gain") || id.ends_with("level") { (GAIN_DB_MIN, GAIN_DB_MAX) } else { (-1.0, 1.0) };
    // JSON cannot hold a NaN, but an overflow reads as infinite, and that is limited too.
    *number = number.clamp(lowest, highest);
}

fn is_known(id: &str) -> bool {
    let in_slot = || {
        let (slot, what) = id.strip_prefix('s')?.split_once('_')?;
        let number = slot.parse::<usize>().ok().filter(|_| slot.len() == 2)?;
        Some((1..=SLOTS).contains(&number) && SLOT_IDS.contains(&what))
    };
    TOP_IDS.contains(&id) || in_slot().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(params: &[(&str, ParamValue)]) -> PluginState {
        PluginState {
            version: "9.9.9".to_owned(),
            params: params.iter().map(|(id, value)| ((*id).to_owned(), value.clone())).collect(),
            fields: BTreeMap::new(),
        }
    }

    fn number(state: &PluginState, id: &str) -> f32 {
        match &state.params[id] {
            ParamValue::F32(number) => *number,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_beyond_their_range_are_limited() {
        let mut state = state(&[("send_gain", ParamValue::F32(1e30)), ("s16_pan", ParamValue::F32(-7.0))]);
        before_load(&mut state);
        assert_eq!((number(&state, "send_gain"), number(&state, "s16_pan")), (12.0, -1.0));
    }

    #[test]
    fn unknown_parameters_are_kept_through_every_save() {
        let mut loaded = state(&[("s17_gain", ParamValue::F32(-3.0)), ("reverb", ParamValue::Bool(true))]);
        before_load(&mut loaded);
        assert!(loaded.params.keys().all(|id| is_known(id)), "{:?}", loaded.params.keys());
        let kept = loaded.fields[KEPT_PARAMS_FIELD].clone();
        let mut again = state(&[]);
        again.fields = loaded.fields;
        before_load(&mut again);
        assert_eq!(again.fields[KEPT_PARAMS_FIELD], kept);
    }

    #[test]
    fn kept_parameters_come_back_when_they_are_known_and_not_set() {
        let mut old = state(&[("return_gain", ParamValue::F32(1.0))]);
        let kept = r#"{"return_gain":{"f32":-5.0},"s01_gain":{"f32":-6.0},"later":{"bool":true}}"#;
        old.fields.insert(KEPT_PARAMS_FIELD.to_owned(), kept.to_owned());
        before_load(&mut old);
        assert_eq!((number(&old, "return_gain"), number(&old, "s01_gain")), (1.0, -6.0));
        assert_eq!(old.fields[KEPT_PARAMS_FIELD], r#"{"later":{"bool":true}}"#);
    }

    #[test]
    fn what_was_saved_before_there_was_talkback_is_loaded_with_it_off() {
        let is_on = |state: &PluginState, id: &str| matches!(state.params[id], ParamValue::Bool(true));
        let mut older = state(&[("send_mute", ParamValue::Bool(true))]);
        before_load(&mut older);
        assert_eq!(["send_mute", "talkback", "talk"].map(|id| is_on(&older, id)), [true, false, false]);
        let mut newer = state(&[("talkback", ParamValue::Bool(true))]);
        before_load(&mut newer);
        assert!(is_on(&newer, "talkback"));
    }

    #[test]
    fn a_damaged_list_stays_as_it_is() {
        let mut damaged = state(&[]);
        damaged.fields.insert(KEPT_PARAMS_FIELD.to_owned(), "{oops".to_owned());
        before_load(&mut damaged);
        assert_eq!(damaged.fields[KEPT_PARAMS_FIELD], "{oops");
    }
}
