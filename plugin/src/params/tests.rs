use super::*;
use std::collections::BTreeSet;

use crate::processor::Processor;

fn params() -> Arc<BacklineParams> {
    Processor::new(Kind::Track).params().clone()
}

fn pointer(params: &BacklineParams, id: &str) -> ParamPtr {
    params.param_map().into_iter().find(|(known, _, _)| known == id).unwrap().1
}

/// Projects and automation lanes of every version hold these. Add, never change.
#[test]
fn every_id_is_frozen() {
    let mut expected: Vec<String> =
        ["send_gain", "send_mute", "return_gain", "monitor_gain"].map(str::to_owned).to_vec();
    for slot in 1..=16 {
        expected.extend(["gain", "pan", "mute", "solo"].map(|what| format!("s{slot:02}_{what}")));
    }
    let last = ["bypass", "touched", "talkback", "talk", "metronome", "metronome_level"];
    expected.extend(last.map(str::to_owned));
    let ids: Vec<String> = params().param_map().into_iter().map(|(id, _, _)| id).collect();
    assert_eq!(ids, expected);
}

/// The same ids as Backline's, without those of what it has not.
#[test]
fn a_return_shows_no_send_and_no_monitor() {
    let ids = |kind| {
        let params = Processor::new(kind).params().param_map();
        params.into_iter().map(|(id, _, _)| id).collect::<BTreeSet<String>>()
    };
    let missing = &ids(Kind::Track) - &ids(Kind::Return);
    assert_eq!(
        missing,
        ["send_gain", "send_mute", "monitor_gain", "talkback", "talk"].map(str::to_owned).into()
    );
    assert!(ids(Kind::Return).is_subset(&ids(Kind::Track)));
}

/// Hosts see a hash of each id (as nice-plug 0.4.2 makes it), which must differ too.
#[test]
fn no_two_ids_look_the_same_to_a_host() {
    let hash = |id: &str| {
        id.bytes().fold(0u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into())) & !(1 << 31)
    };
    let ids: Vec<String> = params().param_map().into_iter().map(|(id, _, _)| id).collect();
    assert_eq!(ids.iter().map(|id| hash(id)).collect::<BTreeSet<_>>().len(), ids.len());
}

#[test]
fn every_gain_shows_and_reads_decibels() {
    let params = params();
    for id in ["send_gain", "return_gain", "monitor_gain", "metronome_level", "s01_gain", "s16_gain"] {
        let gain = pointer(&params, id);
        // SAFETY: `params` lives until the end of the test.
        unsafe {
            for (text, shown) in
                [("-6 dB", "-6.0 dB"), ("mute", "-inf dB"), ("0", "0.0 dB"), ("99", "12.0 dB")]
            {
                let value = gain.string_to_normalized_value(text).unwrap();
                assert_eq!(gain.normalized_value_to_string(value, true), shown, "{id}");
            }
            assert_eq!(gain.string_to_normalized_value("loud"), None);
        }
    }
}

/// A host stores where a fader stands between 0 and 1; coming back from there must not cost the last bit.
#[test]
fn unity_and_centre_survive_a_hosts_normalised_values_exactly() {
    let params = params();
    let gain = &params.slots[3].gain;
    assert_eq!(gain.preview_plain(gain.preview_normalized(0.0)), 0.0);
    assert_eq!(gain.preview_plain(0.0), GAIN_DB_MIN);
    assert_eq!(gain.preview_plain(1.0), GAIN_DB_MAX);
    let pan = &params.slots[3].pan;
    assert_eq!(pan.preview_plain(pan.preview_normalized(0.0)), 0.0);
}

#[test]
fn every_value_on_the_grid_survives_text_and_normalising() {
    let params = params();
    for steps in -800..=120 {
        let gain = &params.send_gain;
        let normalized = gain.preview_normalized(steps as f32 / 10.0);
        let text = gain.normalized_value_to_string(normalized, true);
        let again = gain.string_to_normalized_value(&text).unwrap();
        assert_eq!(gain.normalized_value_to_string(again, true), text);
        assert!((again - normalized).abs() < 1e-4, "{text}");
    }
    for steps in -50..=50 {
        let pan = &params.slots[0].pan;
        let text = pan.normalized_value_to_string(pan.preview_normalized(steps as f32 / 50.0), true);
        let again = pan.string_to_normalized_value(&text).unwrap();
        assert_eq!(pan.normalized_value_to_string(again, true), text);
    }
}

/// Over the whole range, also where a host's automation stands between two steps.
#[test]
fn every_parameter_reads_what_it_shows_and_shows_what_it_read() {
    for kind in [Kind::Track, Kind::Multi, Kind::Return] {
        let params = Processor::new(kind).params().clone();
        for (id, pointer, _) in params.param_map() {
            for step in 0..=1_000_u16 {
                // SAFETY: `params` lives until the end of the loop.
                unsafe {
                    for with_unit in [true, false] {
                        let shown = pointer.normalized_value_to_string(f32::from(step) / 1_000.0, with_unit);
                        let read = pointer.string_to_normalized_value(&shown);
                        let read = read.unwrap_or_else(|| panic!("{id} does not read its own {shown:?}"));
                        let again = pointer.normalized_value_to_string(read, with_unit);
                        assert_eq!(again, shown, "{id} at {step}");
                        assert_eq!(pointer.string_to_normalized_value(&again), Some(read), "{id}: {shown:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_parameter_reads_what_people_type() {
    let params = params();
    let gains: &[(&str, &str)] = &[
        ("-6", "-6.0 dB"),
        ("-6dB", "-6.0 dB"),
        ("-6 db", "-6.0 dB"),
        ("−6,5", "-6.5 dB"),
        ("-inf", "-inf dB"),
        ("off", "-inf dB"),
        ("mute", "-inf dB"),
        ("+3", "3.0 dB"),
    ];
    let pans: &[(&str, &str)] =
        &[("centre", "C"), ("30L", "L30"), ("L50", "L50"), ("r12", "R12"), ("0", "C")];
    let switches: &[(&str, &str)] =
        &[("on", "On"), ("Off", "Off"), ("mute", "On"), ("unmute", "Off"), ("1", "On"), ("no", "Off")];
    for (id, pointer, _) in params.param_map() {
        let table = match &id {
            id if id.ends_with("gain") || id.ends_with("level") => gains,
            id if id.ends_with("pan") => pans,
            _ => switches,
        };
        for (typed, shown) in table {
            // SAFETY: `params` lives until the end of the test.
            let text = unsafe {
                let value = pointer.string_to_normalized_value(typed);
                pointer.normalized_value_to_string(value.unwrap_or_else(|| panic!("{id}: {typed}")), true)
            };
            assert_eq!(text, *shown, "{id}: {typed}");
        }
    }
}

#[test]
fn only_touched_is_hidden_and_only_bypass_is_the_hosts() {
    let params = params();
    for (id, pointer, _) in params.param_map() {
        // SAFETY: `params` lives until the end of the test.
        let flags = unsafe { pointer.flags() };
        assert_eq!(flags.contains(ParamFlags::HIDDEN), id == "touched", "{id}");
        assert_eq!(flags.contains(ParamFlags::NON_AUTOMATABLE), id == "touched", "{id}");
        assert_eq!(flags.contains(ParamFlags::BYPASS), id == "bypass", "{id}");
    }
}

#[test]
fn the_project_state_travels_with_the_parameters() {
    let first = params();
    first.project.update(|state| state.source_name = "Guitar".to_owned());
    let second = params();
    second.deserialize_fields(&first.serialize_fields());
    assert_eq!(second.project.state().source_name, "Guitar");
}

#[test]
fn whoever_opens_a_project_that_was_saved_while_they_talked_does_not_talk() {
    let params = params();
    let talk = |on| {
        // SAFETY: `params` lives until the end of the test.
        unsafe { params.talk.as_ptr()._internal_set_normalized_value(if on { 1.0 } else { 0.0 }) };
    };
    talk(true);
    assert!(params.talks());
    params.deserialize_fields(&BTreeMap::new());
    assert!(params.talk.value() && !params.talks(), "the project has it on");
    talk(false);
    assert!(!params.talks());
    talk(true);
    assert!(params.talks(), "it was let go of and pressed");
}
