//! What plugin validators look at, on all CLAP classes, by a host of our own: bundle and classes, parameters and their texts,
//! every way to hand over a block, states and the streams they come through, ports. clap-validator itself is in no registry
//! (`cargo xtask validate` runs it where it is installed); these tests need nothing but the bundle.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test that is the way to fail")]

mod anything;
mod classes;
mod notes;
mod parameters;
mod ports;
mod processing;
mod states;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backline_hosts::bundles::{self, CLAP_ID, CLAP_MULTI_ID, CLAP_RETURN_ID};
use backline_hosts::clap_plugin::{ClapBundle, ClapPlugin, ClapProcessor, Parameter};

const CLASSES: [&str; 3] = [CLAP_ID, CLAP_MULTI_ID, CLAP_RETURN_ID];
/// Those with an input.
const EFFECTS: [&str; 2] = [CLAP_ID, CLAP_MULTI_ID];
const BLOCK_FRAMES: usize = 512;

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

    /// 0 to `end`, without `end`.
    fn below(&mut self, end: usize) -> usize {
        ((self.share() * end as f64) as usize).min(end - 1)
    }

    fn is_heads(&mut self) -> bool {
        self.share() < 0.5
    }

    /// A value that the parameter can have.
    fn value(&mut self, parameter: &Parameter) -> f64 {
        parameter.minimum + self.share() * (parameter.maximum - parameter.minimum)
    }

    /// A value for each of the parameters.
    fn values(&mut self, parameters: &[Parameter]) -> Vec<(u32, f64)> {
        parameters.iter().map(|parameter| (parameter.id, self.value(parameter))).collect()
    }
}

fn automate_all(processor: &mut ClapProcessor, changes: &[(u32, f64)], at_frame: u32) {
    for (id, value) in changes {
        processor.automate(*id, *value, at_frame);
    }
}

/// Noise at full level on every channel of the main input.
fn fill(processor: &mut ClapProcessor, random: &mut Random) {
    for channel in 0..processor.input_channels() {
        processor.input(0, channel).iter_mut().for_each(|sample| *sample = random.share() as f32 * 2.0 - 1.0);
    }
}

fn values(plugin: &mut ClapPlugin, parameters: &[Parameter]) -> Vec<f64> {
    parameters.iter().map(|parameter| plugin.value(parameter.id).unwrap()).collect()
}

/// Lets an active instance work on a thread of its own, as hosts do, while this thread serves its callbacks; then deactivates.
fn on_audio_thread<T: Send>(
    plugin: &mut ClapPlugin,
    processor: ClapProcessor,
    work: impl FnOnce(&mut ClapProcessor) -> T + Send,
) -> T {
    meanwhile(plugin, processor, work, |_| ())
}

/// As [`on_audio_thread`], with more for the main thread to do, again and again while the audio thread works.
fn meanwhile<T: Send>(
    plugin: &mut ClapPlugin,
    mut processor: ClapProcessor,
    work: impl FnOnce(&mut ClapProcessor) -> T + Send,
    mut on_main_thread: impl FnMut(&mut ClapPlugin),
) -> T {
    /// Set also when the work panics: the main thread must not wait for ever.
    struct SetAtEnd<'a>(&'a AtomicBool);
    impl Drop for SetAtEnd<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }
    let is_done = AtomicBool::new(false);
    let (processor, result) = std::thread::scope(|scope| {
        let audio = scope.spawn(|| {
            let _end = SetAtEnd(&is_done);
            let result = work(&mut processor);
            (processor, result)
        });
        while !is_done.load(Ordering::Acquire) {
            plugin.run_callbacks();
            on_main_thread(plugin);
            std::thread::sleep(Duration::from_micros(200));
        }
        audio.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    plugin.deactivate(processor);
    plugin.run_callbacks();
    assert!(!plugin.has_complained());
    result
}

/// Activates at 44 100 Hz and works with blocks of up to 512 sample frames.
fn active<T: Send>(plugin: &mut ClapPlugin, work: impl FnOnce(&mut ClapProcessor) -> T + Send) -> T {
    let processor = plugin.activate(44_100, BLOCK_FRAMES).unwrap();
    on_audio_thread(plugin, processor, work)
}
