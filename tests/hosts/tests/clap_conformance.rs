//! What plugin validators look at, on both CLAP classes: texts of parameters, states that come back to the byte, states that are
//! none, sample rates that nobody uses, and random automation.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test that is the way to fail")]

use std::collections::BTreeSet;

use backline_hosts::bundles::{self, CLAP_ID, CLAP_MULTI_ID};
use backline_hosts::clap_plugin::{ClapBundle, ClapPlugin, ClapProcessor, Parameter};

const CLASSES: [&str; 2] = [CLAP_ID, CLAP_MULTI_ID];
const BLOCK_FRAMES: usize = 256;

fn bundle() -> ClapBundle {
    let path = bundles::clap().unwrap_or_else(|error| panic!("{error}"));
    ClapBundle::open(&path).unwrap_or_else(|error| panic!("{error}"))
}

/// The same random numbers in every run.
struct Random(u64);

impl Random {
    /// 0 to 1.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn automate_all(processor: &mut ClapProcessor, parameters: &[Parameter], random: &mut Random) {
    for parameter in parameters {
        let value = parameter.minimum + random.share() * (parameter.maximum - parameter.minimum);
        processor.automate(parameter.id, value, 0);
    }
}

fn fill(processor: &mut ClapProcessor, random: &mut Random) {
    for channel in 0..2 {
        processor.input(0, channel).iter_mut().for_each(|sample| *sample = random.share() as f32 * 2.0 - 1.0);
    }
}

fn values(plugin: &mut ClapPlugin, parameters: &[Parameter]) -> Vec<f64> {
    parameters.iter().map(|parameter| plugin.value(parameter.id).unwrap()).collect()
}

#[test]
fn parameters_are_in_range_named_apart_and_begin_at_their_defaults() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        let parameters = plugin.parameters();
        let names: BTreeSet<&str> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        assert_eq!(names.len(), parameters.len(), "{class}: two parameters of one name");
        for parameter in &parameters {
            let Parameter { minimum, maximum, default, .. } = *parameter;
            assert!(minimum < maximum && (minimum..=maximum).contains(&default), "{class}: {parameter:?}");
            assert_eq!(plugin.value(parameter.id), Some(default), "{class}: {parameter:?}");
        }
    }
}

#[test]
fn every_value_has_a_text_that_is_read_back_as_that_value() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        for Parameter { id, name, minimum, maximum, .. } in plugin.parameters() {
            for step in 0..=40 {
                let value = minimum + f64::from(step) / 40.0 * (maximum - minimum);
                let text = plugin.value_text(id, value).unwrap_or_else(|| panic!("{name} {value}: no text"));
                let read =
                    plugin.value_of_text(id, &text).unwrap_or_else(|| panic!("{name}: {text:?} is not read"));
                assert_eq!(
                    plugin.value_text(id, read).as_ref(),
                    Some(&text),
                    "{class} {name}: {value} → {read}"
                );
            }
        }
    }
}

#[test]
fn a_loaded_state_is_saved_again_to_the_byte() {
    let bundle = bundle();
    for class in CLASSES {
        let mut random = Random(7);
        let (state, expected, parameters) = {
            let mut plugin = bundle.instance(class).unwrap();
            let parameters = plugin.parameters();
            let mut processor = plugin.activate(48_000, BLOCK_FRAMES).unwrap();
            automate_all(&mut processor, &parameters, &mut random);
            processor.process(BLOCK_FRAMES).unwrap();
            plugin.deactivate(processor);
            plugin.run_callbacks();
            (plugin.save_state().unwrap(), values(&mut plugin, &parameters), parameters)
        };
        let mut plugin = bundle.instance(class).unwrap();
        plugin.load_state(&state).unwrap();
        plugin.run_callbacks();
        assert_eq!(values(&mut plugin, &parameters), expected, "{class}");
        assert!(
            plugin.save_state().unwrap() == state,
            "{class}: the state that was saved again is another one"
        );
    }
}

#[test]
fn an_empty_state_is_refused_and_changes_nothing() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        let parameters = plugin.parameters();
        let before = values(&mut plugin, &parameters);
        for bytes in [&b""[..], &[0; 8], &[0xa5; 4096]] {
            assert!(
                plugin.load_state(bytes).is_err(),
                "{class}: {} bytes were taken for a state",
                bytes.len()
            );
            assert_eq!(values(&mut plugin, &parameters), before, "{class}");
        }
    }
}

#[test]
fn random_automation_never_lets_anything_but_audio_out() {
    for class in CLASSES {
        let mut random = Random(11);
        let mut plugin = bundle().instance(class).unwrap();
        let parameters = plugin.parameters();
        let mut processor = plugin.activate(48_000, BLOCK_FRAMES).unwrap();
        for turn in 0..250 {
            if turn % 5 == 0 {
                automate_all(&mut processor, &parameters, &mut random);
            }
            fill(&mut processor, &mut random);
            processor.process(BLOCK_FRAMES).unwrap();
            for port in 0..processor.output_count() {
                for channel in 0..2 {
                    let is_audio = |sample: &f32| sample.is_finite() && !sample.is_subnormal();
                    let output = &processor.output(port, channel)[..BLOCK_FRAMES];
                    assert!(output.iter().all(is_audio), "{class}: block {turn}, port {port}");
                }
            }
        }
        plugin.deactivate(processor);
        assert!(!plugin.has_complained());
    }
}

#[test]
fn a_rate_that_nobody_uses_is_refused_or_processed() {
    for class in CLASSES {
        let bundle = bundle();
        for rate_hz in [1_000, 8_000, 10_000, 12_345, 22_050, 32_000, 48_001, 176_400, 384_000, 768_000] {
            let mut plugin = bundle.instance(class).unwrap();
            let Ok(mut processor) = plugin.activate(rate_hz, BLOCK_FRAMES) else { continue };
            let mut random = Random(3);
            for frames in [BLOCK_FRAMES, 1, 255, 16] {
                fill(&mut processor, &mut random);
                processor.process(frames).unwrap();
                assert!(processor.output(0, 0)[..frames].iter().all(|sample| sample.is_finite()));
            }
            plugin.deactivate(processor);
        }
    }
}

#[test]
fn a_name_that_is_none_makes_no_instance() {
    let bundle = bundle();
    for class in CLASSES {
        assert!(bundle.instance(&format!("{class}-and-more")).is_err());
    }
}
