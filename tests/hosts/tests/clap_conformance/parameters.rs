//! Parameters: how they are described, their texts, the ways to set them, and what random values do to the sound.

use std::collections::BTreeSet;

use backline_hosts::clap_plugin::{ClapPlugin, HostEvent, Note, Parameter};
use clack_extensions::params::ParamInfoFlags;

use crate::{BLOCK_FRAMES, CLASSES, Random, active, automate_all, bundle, fill, values};

/// How many values of each parameter go through their texts.
const TEXTS: u32 = 300;

#[test]
fn parameters_are_in_range_named_apart_and_begin_at_their_defaults() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        let parameters = plugin.parameters();
        let names: BTreeSet<&str> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        let ids: BTreeSet<u32> = parameters.iter().map(|parameter| parameter.id).collect();
        assert_eq!(
            (names.len(), ids.len()),
            (parameters.len(), parameters.len()),
            "{class}: one of them twice"
        );
        for parameter in &parameters {
            let Parameter { minimum, maximum, default, name, .. } = parameter;
            assert!(minimum.is_finite() && maximum.is_finite() && !name.is_empty(), "{class}: {parameter:?}");
            assert!(minimum < maximum && (minimum..=maximum).contains(&default), "{class}: {parameter:?}");
            assert_eq!(plugin.value(parameter.id), Some(*default), "{class}: {parameter:?}");
        }
        assert_eq!(plugin.value(1), None, "{class}: a parameter that is none has a value");
    }
}

#[test]
fn flags_and_modules_fit_together() {
    for class in CLASSES {
        let parameters = bundle().instance(class).unwrap().parameters();
        let per_voice = ParamInfoFlags::all()
            .iter_names()
            .filter(|(name, _)| name.contains("_PER_"))
            .fold(ParamInfoFlags::empty(), |flags, (_, flag)| flags | flag);
        for parameter in &parameters {
            let Parameter { minimum, maximum, module, flags, .. } = parameter;
            if flags.contains(ParamInfoFlags::IS_STEPPED) {
                assert!(minimum.fract() == 0.0 && maximum.fract() == 0.0, "{class}: {parameter:?}");
            }
            assert!(!flags.intersects(per_voice), "{class}: {parameter:?}");
            let moves = ParamInfoFlags::IS_AUTOMATABLE | ParamInfoFlags::IS_MODULATABLE;
            let is_read_only = flags.contains(ParamInfoFlags::IS_READONLY);
            assert!(!(is_read_only && flags.intersects(moves)), "{class}: {parameter:?}");
            let is_tree = !module.starts_with('/') && !module.ends_with('/') && !module.contains("//");
            assert!(is_tree, "{class}: {parameter:?}");
        }
        let is_bypass = |parameter: &&Parameter| parameter.flags.contains(ParamInfoFlags::IS_BYPASS);
        let bypass: Vec<&Parameter> = parameters.iter().filter(is_bypass).collect();
        assert_eq!(bypass.len(), 1, "{class}: {bypass:?}");
        assert!(bypass[0].flags.contains(ParamInfoFlags::IS_STEPPED | ParamInfoFlags::IS_AUTOMATABLE));
    }
}

#[test]
fn every_value_has_a_text_that_is_read_back_as_that_value() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        for parameter in plugin.parameters() {
            let Parameter { minimum, maximum, .. } = parameter;
            for step in 0..TEXTS {
                let share = f64::from(step) / f64::from(TEXTS - 1);
                text_and_back(&mut plugin, &parameter, minimum + share * (maximum - minimum));
            }
        }
    }
}

fn text_and_back(plugin: &mut ClapPlugin, parameter: &Parameter, value: f64) {
    let Parameter { id, name, minimum, maximum, .. } = parameter;
    let text = plugin.value_text(*id, value).unwrap_or_else(|| panic!("{name}: {value} has no text"));
    let read = plugin.value_of_text(*id, &text).unwrap_or_else(|| panic!("{name}: {text:?} is not read"));
    assert!((*minimum..=*maximum).contains(&read), "{name}: {text:?} is read as {read}");
    let text_again = plugin.value_text(*id, read).unwrap();
    assert_eq!(text_again, text, "{name}: {value} became {read}");
    assert_eq!(plugin.value_of_text(*id, &text_again), Some(read), "{name}: {text:?}");
}

#[test]
fn texts_that_are_no_values_are_refused_and_hurt_nobody() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        let parameters = plugin.parameters();
        let long = "9".repeat(100_000);
        for parameter in &parameters {
            for text in
                ["", " ", "nonsense", "NaN", "1e999", "-1e999", "∞ dB", "L", "\u{1f3b8}", long.as_str()]
            {
                let read = plugin.value_of_text(parameter.id, text);
                let is_value = |value: f64| (parameter.minimum..=parameter.maximum).contains(&value);
                assert!(read.is_none_or(is_value), "{class} {}: {text:.20?} is {read:?}", parameter.name);
            }
            for value in [f64::NAN, f64::INFINITY, -1e300, parameter.maximum + 1.0] {
                let _ = plugin.value_text(parameter.id, value);
            }
        }
        assert_eq!(plugin.value_of_text(1, "0"), None);
        assert_eq!(plugin.value_text(1, 0.0), None);
    }
}

/// clack's events carry no cookie, and the plugin asks for none: this is the way with null cookies, too.
#[test]
fn every_way_to_set_parameters_gives_the_same_values() {
    for class in CLASSES {
        let bundle = bundle();
        let mut idle = bundle.instance(class).unwrap();
        let parameters = idle.parameters();
        let changes = Random(19).values(&parameters);
        let before = values(&mut idle, &parameters);
        idle.flush(&changes);
        idle.run_callbacks();
        let expected = values(&mut idle, &parameters);
        assert_ne!(expected, before, "{class}");

        let mut processing = bundle.instance(class).unwrap();
        active(&mut processing, |processor| {
            automate_all(processor, &changes, 0);
            processor.process_checked(BLOCK_FRAMES).unwrap();
        });
        assert_eq!(values(&mut processing, &parameters), expected, "{class}: by process");

        let mut flushed = bundle.instance(class).unwrap();
        active(&mut flushed, |processor| {
            processor.process_checked(BLOCK_FRAMES).unwrap();
            automate_all(processor, &changes, 0);
            processor.flush();
        });
        assert_eq!(values(&mut flushed, &parameters), expected, "{class}: by flush while active");
    }
}

#[test]
fn events_of_another_name_space_set_nothing() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        let parameters = plugin.parameters();
        let before = values(&mut plugin, &parameters);
        let changes = Random(23).values(&parameters);
        active(&mut plugin, |processor| {
            for (id, value) in &changes {
                processor.push(HostEvent::ForeignSpace(0xb33f, *id, *value), 0);
            }
            processor.process_checked(BLOCK_FRAMES).unwrap();
        });
        assert_eq!(values(&mut plugin, &parameters), before, "{class}");
    }
}

/// Hosts keep cookies longer than an instance lives.
#[test]
fn a_cookie_of_somebody_else_sets_the_value_all_the_same() {
    for class in CLASSES {
        let bundle = bundle();
        let mut expected = bundle.instance(class).unwrap();
        let parameters = expected.parameters();
        let changes = Random(24).values(&parameters);
        expected.flush(&changes);
        let mut plugin = bundle.instance(class).unwrap();
        active(&mut plugin, |processor| {
            for (id, value) in &changes {
                processor.push(HostEvent::GestureBegin(*id), 0);
                processor.push(HostEvent::ForeignCookie(*id, *value), 0);
            }
            processor.process_checked(BLOCK_FRAMES).unwrap();
        });
        assert_eq!(values(&mut plugin, &parameters), values(&mut expected, &parameters), "{class}");
    }
}

/// No parameter is one of a voice; what a host says of a voice must do no harm.
#[test]
fn values_and_modulation_for_single_notes_stay_in_range() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        let parameters = plugin.parameters();
        active(&mut plugin, |processor| {
            let mut random = Random(25);
            for at in 0..BLOCK_FRAMES as u32 {
                let parameter = &parameters[random.below(parameters.len())];
                let note = Note { id: at as i32 - 1, port: (at % 3) as i16 - 1, channel: 5, key: -1 };
                let value = random.value(parameter);
                processor.push(HostEvent::NoteOn(note, random.share()), at);
                processor.push(HostEvent::NoteValue(note, parameter.id, value), at);
                processor.push(HostEvent::NoteModulation(note, parameter.id, value - parameter.minimum), at);
            }
            fill(processor, &mut random);
            processor.process_checked(BLOCK_FRAMES).unwrap();
        });
        for parameter in &parameters {
            let value = plugin.value(parameter.id).unwrap();
            assert!((parameter.minimum..=parameter.maximum).contains(&value), "{class}: {parameter:?}");
        }
    }
}

#[test]
fn events_for_parameters_that_are_none_and_values_out_of_range_do_no_harm() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        let parameters = plugin.parameters();
        active(&mut plugin, |processor| {
            let mut random = Random(29);
            for value in [-1e30, 1e30, f64::INFINITY, f64::NEG_INFINITY] {
                processor.automate(0x7fff_fff0, 0.5, 0);
                parameters.iter().for_each(|parameter| processor.automate(parameter.id, value, 0));
                fill(processor, &mut random);
                processor.process_checked(BLOCK_FRAMES).unwrap();
            }
        });
        for parameter in &parameters {
            let value = plugin.value(parameter.id).unwrap();
            assert!(
                (parameter.minimum..=parameter.maximum).contains(&value),
                "{class} {}: {value}",
                parameter.name
            );
        }
    }
}

/// `value_at` makes 50 sets of values; five blocks of noise go through each.
fn fuzz(class: &str, mut value_at: impl FnMut(&Parameter) -> f64) {
    let mut plugin = bundle().instance(class).unwrap();
    let parameters = plugin.parameters();
    let sets: Vec<Vec<(u32, f64)>> = (0..50)
        .map(|_| parameters.iter().map(|parameter| (parameter.id, value_at(parameter))).collect())
        .collect();
    for set in &sets {
        active(&mut plugin, |processor| {
            let mut random = Random(11);
            automate_all(processor, set, 0);
            for _ in 0..5 {
                fill(processor, &mut random);
                processor.process_checked(BLOCK_FRAMES).unwrap();
            }
        });
    }
}

#[test]
fn random_values_let_nothing_but_audio_out() {
    for class in CLASSES {
        let mut random = Random(31);
        fuzz(class, |parameter| random.value(parameter));
    }
}

#[test]
fn extreme_values_let_nothing_but_audio_out() {
    for class in CLASSES {
        let mut random = Random(37);
        fuzz(class, |parameter| if random.is_heads() { parameter.minimum } else { parameter.maximum });
    }
}

#[test]
fn automation_within_blocks_lets_nothing_but_audio_out() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        let parameters = plugin.parameters();
        for interval in [1_000, 100, 10] {
            active(&mut plugin, |processor| {
                let (mut random, mut at) = (Random(41), 0);
                for _ in 0..(interval * 4_usize).div_ceil(BLOCK_FRAMES).max(3) {
                    while at < BLOCK_FRAMES {
                        automate_all(processor, &random.values(&parameters), at as u32);
                        at += interval;
                    }
                    at -= BLOCK_FRAMES;
                    fill(processor, &mut random);
                    processor.process_checked(BLOCK_FRAMES).unwrap();
                }
            });
        }
    }
}

#[test]
fn modulation_lets_nothing_but_audio_out_and_leaves_the_range_to_nobody() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        let parameters = plugin.parameters();
        active(&mut plugin, |processor| {
            let mut random = Random(43);
            for _ in 0..20 {
                for at in (0..BLOCK_FRAMES).step_by(37) {
                    let parameter = &parameters[random.below(parameters.len())];
                    let span = parameter.maximum - parameter.minimum;
                    match random.is_heads() {
                        true => processor.automate(parameter.id, random.value(parameter), at as u32),
                        false => {
                            processor.modulate(parameter.id, (random.share() * 2.0 - 1.0) * span, at as u32)
                        }
                    }
                }
                fill(processor, &mut random);
                processor.process_checked(BLOCK_FRAMES).unwrap();
            }
        });
        for parameter in &parameters {
            let value = plugin.value(parameter.id).unwrap();
            assert!(
                (parameter.minimum..=parameter.maximum).contains(&value),
                "{class} {}: {value}",
                parameter.name
            );
        }
    }
}
