//! Audio ports, the choices of them, and the note port.

use std::collections::BTreeSet;

use backline_hosts::clap_plugin::{ClapPlugin, Port};

use crate::{BLOCK_FRAMES, CLASSES, EFFECTS, Random, active, bundle, fill};

/// What both directions must be, whatever was chosen.
fn check(plugin: &mut ClapPlugin) -> (Vec<Port>, Vec<Port>) {
    let (inputs, outputs) = (plugin.ports(true), plugin.ports(false));
    for ports in [&inputs, &outputs] {
        let ids: BTreeSet<u32> = ports.iter().map(|port| port.id).collect();
        assert_eq!(ids.len(), ports.len(), "an id twice in {ports:?}");
        assert!(ports.iter().enumerate().all(|(index, port)| port.is_main == (index == 0)), "{ports:?}");
        for port in ports {
            let channels = match port.kind.as_deref() {
                Some("mono") => 1,
                Some("stereo") => 2,
                other => panic!("a port of kind {other:?}"),
            };
            assert!(port.channels == channels && !port.name.is_empty() && !port.is_double, "{port:?}");
        }
    }
    for (here, there) in [(&inputs, &outputs), (&outputs, &inputs)] {
        for port in here {
            let Some(other) = port.in_place_with else { continue };
            let other = there.iter().find(|port| port.id == other).unwrap();
            assert_eq!((other.in_place_with, other.channels), (Some(port.id), port.channels));
        }
    }
    (inputs, outputs)
}

#[test]
fn ports_are_described_consistently_and_take_notes_to_talk_by() {
    for class in EFFECTS {
        let mut plugin = bundle().instance(class).unwrap();
        let (inputs, outputs) = check(&mut plugin);
        assert_eq!((inputs.len(), inputs[0].in_place_with), (1, Some(outputs[0].id)), "{class}");
        let names: BTreeSet<&str> = outputs.iter().map(|port| port.name.as_str()).collect();
        assert_eq!(names.len(), outputs.len(), "{class}: outputs that nobody can tell apart");
        assert_eq!(plugin.note_ports(), (1, 0), "{class}");
    }
}

#[test]
fn a_return_has_no_input_and_a_note_port_that_lets_it_onto_an_instrument_track() {
    let mut plugin = bundle().instance(CLASSES[2]).unwrap();
    for configuration in plugin.configurations() {
        plugin.select_configuration(configuration.id).unwrap();
        let (inputs, outputs) = check(&mut plugin);
        assert_eq!((inputs.len(), outputs.len(), outputs[0].in_place_with), (0, 1, None));
        assert_eq!(configuration.main_channels, (None, Some(outputs[0].channels)));
        active(&mut plugin, |processor| {
            processor.process_checked(BLOCK_FRAMES).unwrap();
            assert!(processor.output(0, 0).iter().all(|sample| *sample == 0.0));
        });
    }
    assert_eq!(plugin.note_ports(), (1, 0));
    assert!(plugin.class().unwrap().features.iter().any(|feature| feature == "instrument"));
}

#[test]
fn every_configuration_is_as_it_says_and_lets_audio_through() {
    for class in EFFECTS {
        let mut plugin = bundle().instance(class).unwrap();
        let bypass = plugin.parameter_id("Bypass").unwrap();
        let configurations = plugin.configurations();
        assert!(configurations.len() >= 2, "{class}");
        for configuration in &configurations {
            plugin.select_configuration(configuration.id).unwrap();
            let (inputs, outputs) = check(&mut plugin);
            assert_eq!((inputs.len(), outputs.len()), configuration.ports, "{configuration:?}");
            let main = (Some(inputs[0].channels), Some(outputs[0].channels));
            assert_eq!(main, configuration.main_channels, "{configuration:?}");
            for in_place in [false, true] {
                active(&mut plugin, |processor| {
                    let mut random = Random(47);
                    processor.set_in_place(in_place);
                    for turn in 0..20 {
                        processor.automate(bypass, f64::from(turn / 10), 0);
                        fill(processor, &mut random);
                        processor.process_checked(BLOCK_FRAMES).unwrap();
                    }
                    for channel in 0..processor.output_channels(0) {
                        let input = processor.input(0, channel.min(main.0.unwrap() - 1)).to_vec();
                        assert_eq!(processor.output(0, channel), input, "{configuration:?}, bypassed");
                    }
                });
            }
        }
        assert!(plugin.select_configuration(configurations.len() as u32 + 7).is_err());
    }
}

/// qtractor 0.9.31 does so.
#[test]
fn a_host_that_gives_the_main_ports_only_is_processed_all_the_same() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        active(&mut plugin, |processor| {
            let mut random = Random(53);
            processor.leave_out_aux();
            for _ in 0..20 {
                fill(processor, &mut random);
                processor.process(BLOCK_FRAMES).unwrap();
                for channel in 0..processor.output_channels(0) {
                    let is_silent = processor.output(0, channel).iter().all(|sample| *sample == 0.0);
                    assert!(is_silent, "{class}: what nobody monitors comes out");
                }
            }
        });
    }
}
