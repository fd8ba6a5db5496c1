//! All at once, as clap-validator's fuzzer does it: any ports, rate, lengths of block, sounds, notes, values and songs, while the main
//! thread saves, loads, reads texts and changes how it renders.

use std::sync::Mutex;

use backline_hosts::clap_plugin::{ClapPlugin, ClapProcessor, Parameter};

use crate::{CLASSES, Random, bundle, meanwhile, notes, processing};

/// How many lives each class has, and how long one is.
const LIVES: u64 = 8;
const LIFE_FRAMES: usize = 40_000;
const RATES_HZ: [f64; 8] = [8_000.0, 11_025.0, 22_050.0, 44_100.0, 48_000.0, 96_000.0, 192_000.0, 384_000.0];

/// Fills a channel with something; whether it is constant.
fn sound(random: &mut Random, channel: &mut [f32]) -> bool {
    let loudness = 10.0_f64.powf((random.share() * 120.0 - 80.0) / 20.0) as f32;
    let level = random.share() as f32 * 2.0 - 1.0;
    match random.below(6) {
        0 => channel.fill(0.0),
        1 => channel.fill(level),
        2 => channel.iter_mut().enumerate().for_each(|(at, sample)| {
            *sample = if at % 2 == 0 { loudness } else { -loudness };
        }),
        3 => channel.iter_mut().enumerate().for_each(|(at, sample)| {
            *sample = (at as f32 * level).sin() * loudness;
        }),
        4 => {
            channel.iter_mut().for_each(|sample| *sample = level * f32::MIN_POSITIVE * random.share() as f32)
        }
        _ => channel.iter_mut().for_each(|sample| *sample = (random.share() as f32 - 0.5) * loudness),
    }
    channel.iter().all(|sample| *sample == channel[0])
}

/// Events of one block, in the order of time.
fn events(processor: &mut ClapProcessor, random: &mut Random, parameters: &[Parameter], frames: usize) {
    let mut at = 0;
    while at < frames {
        let parameter = &parameters[random.below(parameters.len())];
        match random.below(8) {
            0..=2 => processor.automate(parameter.id, random.value(parameter), at as u32),
            3 => {
                let span = parameter.maximum - parameter.minimum;
                processor.modulate(parameter.id, (random.share() * 2.0 - 1.0) * span, at as u32);
            }
            4 => processor.push_transport(&processing::transport(random, at as u32)),
            _ => processor.push(notes::event(random), at as u32),
        }
        at += random.below(200);
    }
}

/// One block; bypassed or not, nothing but audio comes out.
fn block(processor: &mut ClapProcessor, random: &mut Random, parameters: &[Parameter], frames: usize) {
    if random.share() < 0.9 {
        events(processor, random, parameters, frames);
    }
    let mut constant = 0;
    for channel in 0..processor.input_channels() {
        constant |= u64::from(sound(random, processor.input(0, channel))) << channel;
    }
    if processor.input_channels() > 0 {
        processor.set_constant_input(constant);
    }
    let transport = random.is_heads().then(|| processing::transport(random, 0));
    processor.set_transport(transport);
    processor.process_checked(frames).unwrap();
    if random.share() < 0.05 {
        processor.reset();
    }
    if random.share() < 0.05 {
        processor.restart().unwrap();
    }
}

/// What the main thread does meanwhile, once.
fn beside(plugin: &mut ClapPlugin, random: &mut Random, parameters: &[Parameter], saved: &Mutex<Vec<u8>>) {
    let piece_bytes = if random.is_heads() { 1 + random.below(64) } else { usize::MAX };
    let mut saved = saved.lock().unwrap();
    match random.below(4) {
        0 => *saved = plugin.save_state_in_pieces(piece_bytes).unwrap(),
        1 if !saved.is_empty() => plugin.load_state_in_pieces(&saved, piece_bytes).unwrap(),
        2 => plugin.set_offline(random.is_heads()),
        _ => {
            let parameter = &parameters[random.below(parameters.len())];
            let text = plugin.value_text(parameter.id, random.value(parameter)).unwrap();
            let value = plugin.value_of_text(parameter.id, &text).unwrap();
            assert_eq!(plugin.value_text(parameter.id, value), Some(text), "{parameter:?}");
        }
    }
}

#[test]
fn anything_at_all_lets_nothing_but_audio_out() {
    for class in CLASSES {
        for seed in 1..=LIVES {
            let mut random = Random(seed * 7_919);
            let mut plugin = bundle().instance(class).unwrap();
            let (parameters, configurations) = (plugin.parameters(), plugin.configurations());
            let saved = Mutex::default();
            for _ in 0..2 {
                plugin.select_configuration(configurations[random.below(configurations.len())].id).unwrap();
                let most = [1, 64, 128, 512, 1_024, 4_096, 1 + random.below(10_000)][random.below(7)];
                let least = if random.is_heads() { most } else { 1 + random.below(most) };
                let rate_hz =
                    RATES_HZ[random.below(RATES_HZ.len())] + f64::from(random.below(2) as u8) * 0.37;
                let processor = plugin.activate_exactly(rate_hz, least, most).unwrap();
                let (mut sounds, in_place) = (Random(seed * 104_729), random.is_heads());
                let work = |processor: &mut ClapProcessor| {
                    processor.set_in_place(in_place);
                    for _ in 0..(LIFE_FRAMES / most).min(200) {
                        let frames = least + sounds.below(most - least + 1);
                        block(processor, &mut sounds, &parameters, frames);
                    }
                };
                meanwhile(&mut plugin, processor, work, |plugin: &mut ClapPlugin| {
                    beside(plugin, &mut random, &parameters, &saved);
                });
            }
        }
    }
}
