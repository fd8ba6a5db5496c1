//! States: what is no state, what comes back, through which streams, and while what else goes on.

use std::sync::atomic::{AtomicBool, Ordering};

use backline_hosts::clap_plugin::{ClapPlugin, ParamRescanFlags, Parameter};

use crate::{
    BLOCK_FRAMES, CLASSES, Random, active, automate_all, bundle, fill, meanwhile, on_audio_thread, values,
};

/// A state with random values, and the values.
fn state_of_another(class: &str, seed: u64) -> (Vec<u8>, Vec<f64>, Vec<Parameter>) {
    let mut plugin = bundle().instance(class).unwrap();
    let parameters = plugin.parameters();
    plugin.flush(&Random(seed).values(&parameters));
    plugin.run_callbacks();
    (plugin.save_state().unwrap(), values(&mut plugin, &parameters), parameters)
}

#[test]
fn a_loaded_state_is_saved_again_to_the_byte() {
    for class in CLASSES {
        for seed in 1..=5 {
            let (state, expected, parameters) = state_of_another(class, seed);
            let mut plugin = bundle().instance(class).unwrap();
            plugin.load_state(&state).unwrap();
            plugin.run_callbacks();
            assert_eq!(values(&mut plugin, &parameters), expected, "{class}");
            assert!(plugin.save_state().unwrap() == state, "{class}: saved again, it is another state");
        }
    }
}

#[test]
fn loading_tells_the_host_to_read_the_values_again_and_nothing_else_changes() {
    for class in CLASSES {
        let (state, expected, parameters) = state_of_another(class, 6);
        let mut plugin = bundle().instance(class).unwrap();
        assert_ne!(values(&mut plugin, &parameters), expected);
        plugin.record().take_rescanned();
        plugin.load_state(&state).unwrap();
        plugin.run_callbacks();
        assert!(plugin.record().take_rescanned().contains(ParamRescanFlags::VALUES), "{class}");
        assert_eq!(plugin.parameters(), parameters, "{class}");
        assert!(!plugin.has_complained(), "{class}");
    }
}

#[test]
fn streams_may_take_and_give_a_few_bytes_at_a_time() {
    for class in CLASSES {
        let (state, expected, parameters) = state_of_another(class, 7);
        for (save_bytes, load_bytes) in [(23, 17), (1, 1), (7, 3), (8, 9), (1_000, 4_096)] {
            let mut plugin = bundle().instance(class).unwrap();
            plugin.load_state_in_pieces(&state, load_bytes).unwrap();
            plugin.run_callbacks();
            assert_eq!(values(&mut plugin, &parameters), expected, "{class}: {load_bytes} bytes at a time");
            assert!(plugin.save_state_in_pieces(save_bytes).unwrap() == state, "{class}: {save_bytes} bytes");
        }
    }
}

#[test]
fn a_stream_that_breaks_is_told_of_and_changes_nothing() {
    for class in CLASSES {
        let (state, _, parameters) = state_of_another(class, 11);
        let mut plugin = bundle().instance(class).unwrap();
        let before = values(&mut plugin, &parameters);
        let shorter = plugin.save_state().unwrap().len().min(state.len());
        for breaks_after in [0, 1, 7, 8, 9, 100, shorter - 1] {
            for piece_bytes in [usize::MAX, 5] {
                assert!(
                    plugin.save_state_until(piece_bytes, breaks_after).is_err(),
                    "{class}: {breaks_after}"
                );
                let loaded = plugin.load_state_until(&state, piece_bytes, breaks_after);
                assert!(loaded.is_err(), "{class}: {breaks_after}");
                plugin.run_callbacks();
                assert_eq!(values(&mut plugin, &parameters), before, "{class}");
            }
        }
    }
}

#[test]
fn what_is_no_state_is_refused_and_changes_nothing() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        let parameters = plugin.parameters();
        plugin.flush(&Random(8).values(&parameters));
        let before = (values(&mut plugin, &parameters), plugin.save_state().unwrap());
        let mut random = Random(1_337);
        let noise: Vec<Vec<u8>> =
            (0..3).map(|_| (0..1 << 20).map(|_| (random.share() * 256.0) as u8).collect()).collect();
        let few: [&[u8]; 7] =
            [b"", b"{", &[0; 7], &[0; 8], &[0xff; 8], &[0xa5; 4096], b"\x02\0\0\0\0\0\0\0{}"];
        for bytes in noise.iter().map(Vec::as_slice).chain(few) {
            assert!(
                plugin.load_state(bytes).is_err(),
                "{class}: {} bytes were taken for a state",
                bytes.len()
            );
            plugin.run_callbacks();
            assert_eq!(values(&mut plugin, &parameters), before.0, "{class}");
        }
        assert!(plugin.save_state().unwrap() == before.1, "{class}");
        active(&mut plugin, |processor| processor.process_checked(BLOCK_FRAMES).map(|_| ()).unwrap());
    }
}

/// Whether such a state is taken is not asked; that the plugin lives, stays in range and saves is.
#[test]
fn damaged_states_do_no_harm() {
    for class in CLASSES {
        let (state, _, parameters) = state_of_another(class, 9);
        let mut random = Random(89);
        let mut plugin = bundle().instance(class).unwrap();
        for turn in 0..300 {
            let mut damaged = state.clone();
            match turn % 3 {
                0 => damaged.truncate(random.below(state.len())),
                1 => damaged[random.below(state.len())] ^= 1 << random.below(8),
                _ => (0..20).for_each(|_| {
                    damaged[8 + random.below(state.len() - 8)] = b"0123456789\"{}:,-e"[random.below(17)]
                }),
            }
            let _ = plugin.load_state(&damaged);
            plugin.run_callbacks();
            for parameter in &parameters {
                let value = plugin.value(parameter.id).unwrap();
                let range = parameter.minimum..=parameter.maximum;
                assert!(range.contains(&value), "{class} {}: {value}", parameter.name);
            }
        }
        plugin.load_state(&state).unwrap();
        active(&mut plugin, |processor| processor.process_checked(BLOCK_FRAMES).map(|_| ()).unwrap());
    }
}

#[test]
fn a_state_may_be_saved_and_loaded_while_audio_is_processed() {
    for class in CLASSES {
        let (state, expected, parameters) = state_of_another(class, 10);
        let mut plugin = bundle().instance(class).unwrap();
        let mut saved = Vec::new();
        let is_enough = AtomicBool::new(false);
        let processor = plugin.activate(48_000, BLOCK_FRAMES).unwrap();
        let work = |processor: &mut backline_hosts::clap_plugin::ClapProcessor| {
            let mut random = Random(97);
            while !is_enough.load(Ordering::Acquire) {
                automate_all(processor, &random.values(&parameters), 0);
                fill(processor, &mut random);
                processor.process_checked(BLOCK_FRAMES).unwrap();
            }
        };
        meanwhile(&mut plugin, processor, work, |plugin: &mut ClapPlugin| {
            saved.push(plugin.save_state().unwrap());
            if saved.len().is_multiple_of(3) {
                plugin.load_state(&state).unwrap();
            }
            is_enough.store(saved.len() >= 60, Ordering::Release);
        });
        for state in &saved {
            let mut other = bundle().instance(class).unwrap();
            other.load_state(state).unwrap();
            other.run_callbacks();
        }
        plugin.load_state(&state).unwrap();
        plugin.run_callbacks();
        assert_eq!(values(&mut plugin, &parameters), expected, "{class}");
    }
}

#[test]
fn a_state_that_was_loaded_while_active_is_what_is_heard() {
    for class in CLASSES {
        let (state, expected, parameters) = state_of_another(class, 12);
        let mut plugin = bundle().instance(class).unwrap();
        let processor = plugin.activate(48_000, BLOCK_FRAMES).unwrap();
        plugin.load_state(&state).unwrap();
        on_audio_thread(&mut plugin, processor, |processor| {
            let mut random = Random(101);
            for _ in 0..20 {
                fill(processor, &mut random);
                processor.process_checked(BLOCK_FRAMES).unwrap();
            }
        });
        assert_eq!(values(&mut plugin, &parameters), expected, "{class}");
    }
}
