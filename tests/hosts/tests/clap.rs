//! The built CLAP bundle in a CLAP host: classes, parameters, state, shapes of blocks, auxiliary ports, haste, and a thousand lives.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test that is the way to fail")]

use std::process::Command;

use backline_hosts::bundles::{self, CLAP_ID, CLAP_MULTI_ID, CLAP_RETURN_ID};
use backline_hosts::clap_plugin::{
    ClapBundle, ClapPlugin, ClapProcessor, TransportEvent, clap_event_transport,
};

const RATES_HZ: [u32; 5] = [44_100, 48_000, 88_200, 96_000, 192_000];
const BLOCKS: [usize; 7] = [1, 17, 64, 480, 512, 1024, 8192];

fn bundle() -> ClapBundle {
    let path = bundles::clap().unwrap_or_else(|error| panic!("{error}"));
    ClapBundle::open(&path).unwrap()
}

fn fill(processor: &mut ClapProcessor, frames: usize, turn: usize) {
    for channel in 0..processor.input_channels() {
        for (index, sample) in processor.input(0, channel)[..frames].iter_mut().enumerate() {
            *sample = 0.2 * ((turn * frames + index) as f32 * 0.05).sin();
        }
    }
}

fn loudest_output(processor: &ClapProcessor, frames: usize) -> f32 {
    let ports = 0..processor.output_count();
    let samples = ports
        .flat_map(|port| (0..2).flat_map(move |channel| processor.output(port, channel)[..frames].iter()));
    samples.fold(0.0, |loudest, sample| {
        assert!(sample.is_finite(), "not a number came out");
        sample.abs().max(loudest)
    })
}

#[test]
fn the_bundle_holds_all_classes() {
    assert_eq!(bundle().class_ids(), [CLAP_ID, CLAP_MULTI_ID, CLAP_RETURN_ID]);
}

#[test]
fn ports_are_as_the_classes_say() {
    let bundle = bundle();
    let mut stereo = bundle.instance(CLAP_ID).unwrap();
    assert_eq!((stereo.port_channels(true), stereo.port_channels(false)), (vec![2], vec![2]));
    let mut multi = bundle.instance(CLAP_MULTI_ID).unwrap();
    assert_eq!((multi.port_channels(true), multi.port_channels(false)), (vec![2], vec![2; 9]));
    let mut returning = bundle.instance(CLAP_RETURN_ID).unwrap();
    assert_eq!((returning.port_channels(true), returning.port_channels(false)), (vec![], vec![2]));
}

#[test]
fn every_rate_and_block_size_works_and_they_may_change() {
    let bundle = bundle();
    for class in [CLAP_ID, CLAP_MULTI_ID, CLAP_RETURN_ID] {
        let mut plugin = bundle.instance(class).unwrap();
        for rate in RATES_HZ {
            for largest in BLOCKS {
                let mut processor = plugin.activate(rate, largest).unwrap();
                for (turn, frames) in BLOCKS.into_iter().filter(|frames| *frames <= largest).enumerate() {
                    fill(&mut processor, frames, turn);
                    processor.process(frames).unwrap();
                    assert_eq!(
                        loudest_output(&processor, frames),
                        0.0,
                        "{class} at {rate} Hz, block {frames}: not silent"
                    );
                }
                processor.reset();
                plugin.deactivate(processor);
            }
        }
        assert!(!plugin.has_complained());
    }
}

#[test]
fn gains_are_shown_and_read_in_decibels() {
    let mut plugin = bundle().instance(CLAP_ID).unwrap();
    for name in ["Send Gain", "Return Gain", "Monitor Gain", "Slot 1 Gain", "Slot 16 Gain"] {
        let id = plugin.parameter_id(name).unwrap();
        let value = plugin.value_of_text(id, "-6 dB").unwrap_or_else(|| panic!("{name} does not read -6 dB"));
        let text = plugin.value_text(id, value).unwrap();
        assert!(text.starts_with("-6.0") && text.ends_with("dB"), "{name} shows {text:?} for -6 dB");
    }
}

#[test]
fn the_monitor_gain_lets_the_own_input_through() {
    let mut plugin = bundle().instance(CLAP_ID).unwrap();
    let monitor = plugin.parameter_id("Monitor Gain").unwrap();
    let unity = plugin.value_of_text(monitor, "0 dB").unwrap();
    let mut processor = plugin.activate(48_000, 64).unwrap();
    processor.automate(monitor, unity, 0);
    for turn in 0..200 {
        fill(&mut processor, 64, turn);
        processor.process(64).unwrap();
    }
    let loudest = loudest_output(&processor, 64);
    plugin.deactivate(processor);
    assert!(
        (0.15..=0.201).contains(&loudest),
        "the monitor is at {loudest} after 200 blocks of a sine at 0.2"
    );
}

/// A block of 0.5 at a time, with changes of the monitor gain at sample frames.
fn monitor_changes_at(check: impl FnOnce([f64; 2], &mut dyn FnMut(&[(f64, u32)], Option<u32>) -> Vec<f32>)) {
    let mut plugin = bundle().instance(CLAP_ID).unwrap();
    let monitor = plugin.parameter_id("Monitor Gain").unwrap();
    let values = ["0 dB", "mute"].map(|text| plugin.value_of_text(monitor, text).unwrap());
    let mut processor = plugin.activate(48_000, CHANGED_BLOCK).unwrap();
    check(values, &mut |changes, transport_at| {
        (0..2).for_each(|channel| processor.input(0, channel).fill(0.5));
        changes.iter().for_each(|(value, at_frame)| processor.automate(monitor, *value, *at_frame));
        if let Some(at_frame) = transport_at {
            // SAFETY: all zeros is a transport that says nothing.
            let mut raw: clap_event_transport = unsafe { std::mem::zeroed() };
            raw.header.size = size_of::<clap_event_transport>() as u32;
            (raw.header.type_, raw.header.time) = (clap_sys::events::CLAP_EVENT_TRANSPORT, at_frame);
            processor.push_transport(&TransportEvent::from_raw(&raw));
        }
        processor.process(CHANGED_BLOCK).unwrap();
        processor.output(0, 0).to_vec()
    });
    plugin.deactivate(processor);
}

const CHANGED_BLOCK: usize = 512;

/// To the sample, whatever else is in the block; a change behind its end, a host's fault, takes nobody beyond the end of a buffer.
#[test]
fn a_change_begins_at_its_sample_frame_and_lasts_a_ramp() {
    const RAMP: usize = 480;
    monitor_changes_at(|[unity, silent], block| {
        for (at_frame, begins) in [(0, 0), (1, 1), (100, 100), (511, 511), (512, 511), (60_000, 511)] {
            block(&[(unity, 0)], None);
            assert!(block(&[(unity, 7), (unity, 31)], Some(50)).iter().all(|sample| *sample == 0.5));
            let mut heard = block(&[(silent, at_frame)], None);
            assert_eq!(heard.iter().position(|sample| *sample != 0.5), Some(begins));
            heard.extend(block(&[], None));
            let steps = heard.windows(2).map(|pair| (pair[0] - pair[1]).abs());
            assert!(steps.fold(0.0, f32::max) < 0.01, "a click at frame {at_frame}");
            assert!(heard[begins + RAMP..].iter().all(|sample| *sample == 0.0), "frame {at_frame}");
        }
    });
}

/// On a grid of 32 sample frames, so that a block is cut 16 times and not 512.
#[test]
fn a_host_that_automates_every_sample_is_heard_early_by_less_than_a_step() {
    monitor_changes_at(|[unity, silent], block| {
        for (from, begins) in [(0, 0), (64, 64), (100, 96), (511, 480)] {
            block(&[(unity, 0)], None);
            assert!(block(&[], None).iter().all(|sample| *sample == 0.5));
            let changes: Vec<_> = (0..512).map(|at| (if at < from { unity } else { silent }, at)).collect();
            let heard = block(&changes, Some(511));
            assert_eq!(heard.iter().position(|sample| *sample != 0.5), Some(begins));
        }
    });
}

#[test]
fn bypass_passes_the_input_through() {
    let mut plugin = bundle().instance(CLAP_ID).unwrap();
    let bypass = plugin.parameter_id("Bypass").unwrap();
    let mut processor = plugin.activate(48_000, 64).unwrap();
    processor.automate(bypass, 1.0, 0);
    for turn in 0..200 {
        fill(&mut processor, 64, turn);
        processor.process(64).unwrap();
    }
    let input: Vec<f32> = processor.input(0, 0).to_vec();
    let output: Vec<f32> = processor.output(0, 0).to_vec();
    plugin.deactivate(processor);
    assert_eq!(input, output);
}

#[test]
fn the_state_brings_every_parameter_back() {
    let bundle = bundle();
    let mut first = bundle.instance(CLAP_ID).unwrap();
    let parameters = first.parameters();
    let mut processor = first.activate(48_000, 64).unwrap();
    for (index, parameter) in parameters.iter().enumerate() {
        let share = (index % 3) as f64 / 2.0;
        processor.automate(
            parameter.id,
            parameter.minimum + share * (parameter.maximum - parameter.minimum),
            0,
        );
    }
    processor.process(64).unwrap();
    first.deactivate(processor);
    let state = first.save_state().unwrap();
    let mut second = bundle.instance(CLAP_ID).unwrap();
    second.load_state(&state).unwrap();
    for parameter in &parameters {
        let kept = first.value(parameter.id).unwrap();
        let values = (kept, second.value(parameter.id).unwrap());
        assert!((values.0 - values.1).abs() < 1e-4, "{}: {values:?}", parameter.name);
    }
}

/// The id by which a project knows an instance: with the musician's it is what others know the track by.
fn instance_id(plugin: &mut ClapPlugin) -> String {
    // Before the text stands its length.
    let state: serde_json::Value = serde_json::from_slice(&plugin.save_state().unwrap()[8..]).unwrap();
    let fields = state["fields"].as_object().unwrap();
    let texts = fields.values().filter_map(|field| field.as_str());
    let parsed = texts.filter_map(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    let ids: Vec<String> = parsed.filter_map(|field| Some(field["instance"].as_str()?.to_owned())).collect();
    assert_eq!(ids.len(), 1, "{state}");
    ids[0].clone()
}

/// A duplicate and a preset are loaded beside the original; an undone deletion and a move to another track after it is gone.
#[test]
fn a_copied_track_has_an_id_of_its_own_and_one_that_is_brought_back_has_its_old_one() {
    let bundle = bundle();
    for class in [CLAP_ID, CLAP_MULTI_ID, CLAP_RETURN_ID] {
        let mut original = bundle.instance(class).unwrap();
        let (id, state) = (instance_id(&mut original), original.save_state().unwrap());
        let mut duplicate = bundle.instance(class).unwrap();
        let own = instance_id(&mut duplicate);
        duplicate.load_state(&state).unwrap();
        assert_eq!(instance_id(&mut duplicate), own, "the original lives");
        original.load_state(&state).unwrap();
        assert_eq!(instance_id(&mut original), id, "a step of undo changes nothing");
        drop(original);
        let mut back = bundle.instance(class).unwrap();
        back.load_state(&state).unwrap();
        assert_eq!(instance_id(&mut back), id);
    }
}

/// Rendered in haste, put away, and played from a file by the DAW; later it is as it was.
#[test]
fn a_frozen_track_comes_back_as_it_was() {
    let mut plugin = bundle().instance(CLAP_ID).unwrap();
    let before = (instance_id(&mut plugin), plugin.save_state().unwrap());
    plugin.set_offline(true);
    let mut processor = plugin.activate(48_000, 512).unwrap();
    for turn in 0..500 {
        fill(&mut processor, 512, turn);
        processor.process(512).unwrap();
    }
    plugin.deactivate(processor);
    plugin.set_offline(false);
    let mut processor = plugin.activate(48_000, 64).unwrap();
    processor.process(64).unwrap();
    plugin.deactivate(processor);
    assert_eq!((instance_id(&mut plugin), plugin.save_state().unwrap()), before);
}

#[test]
fn a_state_that_is_no_state_leaves_the_plugin_alive() {
    let mut plugin = bundle().instance(CLAP_ID).unwrap();
    for bytes in [&b""[..], b"not a state", b"{\"version\":", &[0xff; 4096]] {
        let _ = plugin.load_state(bytes);
    }
    let mut processor = plugin.activate(48_000, 64).unwrap();
    processor.process(64).unwrap();
    plugin.deactivate(processor);
    plugin.save_state().unwrap();
}

#[test]
fn faster_than_real_time_returns_silence() {
    let mut plugin = bundle().instance(CLAP_ID).unwrap();
    plugin.set_offline(true);
    let mut processor = plugin.activate(48_000, 512).unwrap();
    for turn in 0..1_000 {
        fill(&mut processor, 512, turn);
        processor.process(512).unwrap();
        assert_eq!(loudest_output(&processor, 512), 0.0);
    }
    plugin.deactivate(processor);
}

#[test]
fn two_instances_live_in_one_process() {
    let bundle = bundle();
    let mut plugins = [bundle.instance(CLAP_ID).unwrap(), bundle.instance(CLAP_MULTI_ID).unwrap()];
    let mut processors: Vec<_> =
        plugins.iter_mut().map(|plugin| plugin.activate(48_000, 64).unwrap()).collect();
    for turn in 0..100 {
        for processor in &mut processors {
            fill(processor, 64, turn);
            processor.process(64).unwrap();
        }
    }
    for (plugin, processor) in plugins.iter_mut().zip(processors) {
        plugin.deactivate(processor);
    }
}

/// In a process of its own, so that an abort is a failure of this test and of no other.
fn thousand_lives(class: &str) {
    let bundle = bundles::clap().unwrap_or_else(|error| panic!("{error}"));
    let output = Command::new(env!("CARGO_BIN_EXE_clap_host"))
        .args(["cycles", "--count", "1000", "--class", class, "--bundle"])
        .arg(bundle)
        .env_remove("BACKLINE_JOIN")
        .env_remove("BACKLINE_HOST_LINK_FILE")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_thousand_lives_of_backline() {
    thousand_lives(CLAP_ID);
}

#[test]
fn a_thousand_lives_of_backline_multi() {
    thousand_lives(CLAP_MULTI_ID);
}

#[test]
fn a_thousand_lives_of_backline_return() {
    thousand_lives(CLAP_RETURN_ID);
}

/// Each life opens a session: socket, worker, identity, link.
#[test]
fn fifty_lives_that_open_a_session() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_clap_host"))
        .args(["cycles", "--count", "50", "--bundle"])
        .arg(bundles::clap().unwrap_or_else(|error| panic!("{error}")))
        .env_remove("BACKLINE_JOIN")
        .env("BACKLINE_HOST_LINK_FILE", folder.path().join("link"))
        .env("BACKLINE_CONFIG_DIR", folder.path())
        // Tests tell the network nothing.
        .env("BACKLINE_LOCAL_NETWORK", "off")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
}
