//! Blocks, in every way that hosts hand them over: rates, lengths, memory, transports, silence, and starts over.

use backline_hosts::clap_plugin::{
    ClapProcessor, ProcessStatus, TailLength, TransportEvent, clap_event_transport,
};
use clap_sys::events::{
    CLAP_EVENT_TRANSPORT, CLAP_TRANSPORT_HAS_BEATS_TIMELINE, CLAP_TRANSPORT_HAS_SECONDS_TIMELINE,
    CLAP_TRANSPORT_HAS_TEMPO, CLAP_TRANSPORT_HAS_TIME_SIGNATURE, CLAP_TRANSPORT_IS_LOOP_ACTIVE,
    CLAP_TRANSPORT_IS_PLAYING, CLAP_TRANSPORT_IS_RECORDING, clap_event_header,
};

use crate::{
    BLOCK_FRAMES, CLASSES, EFFECTS, Random, active, automate_all, bundle, fill, on_audio_thread, values,
};

/// What clap-validator tries, and more that nobody uses.
const RATES_HZ: [f64; 22] = [
    8_000.0,
    22_050.0,
    44_100.0,
    48_000.0,
    88_200.0,
    96_000.0,
    192_000.0,
    384_000.0,
    768_000.0,
    1_234.567_8,
    12_345.678,
    45_678.901,
    123_456.78,
    1.0,
    1_000.0,
    10_000.0,
    32_000.0,
    44_099.5,
    48_000.5,
    176_400.0,
    192_000.4,
    5.0e9,
];
const BLOCKS_FRAMES: [usize; 13] = [1, 256, 1024, 4096, 16_384, 1536, 10, 17, 2027, 2, 3, 63, 8191];

fn blocks(processor: &mut ClapProcessor, frames: usize, count: usize) {
    let mut random = Random(3);
    for _ in 0..count {
        fill(processor, &mut random);
        processor.process_checked(frames).unwrap();
    }
}

#[test]
fn any_rate_is_refused_or_processed() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        for rate_hz in RATES_HZ {
            let Ok(processor) = plugin.activate_exactly(rate_hz, 1, BLOCK_FRAMES) else { continue };
            on_audio_thread(&mut plugin, processor, |processor| {
                blocks(processor, BLOCK_FRAMES, 5);
                blocks(processor, 1, 1);
                blocks(processor, 255, 2);
            });
            assert_eq!(plugin.record().restarts(), 0, "{class} at {rate_hz} Hz");
        }
    }
}

#[test]
fn any_length_of_block_is_processed_also_where_it_is_the_only_one() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        for frames in BLOCKS_FRAMES {
            for least in [1, frames] {
                let processor = plugin.activate_exactly(44_100.0, least, frames).unwrap();
                on_audio_thread(&mut plugin, processor, |processor| blocks(processor, frames, 5));
            }
        }
    }
}

#[test]
fn lengths_may_change_from_block_to_block() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        let processor = plugin.activate(44_100, 2_048).unwrap();
        on_audio_thread(&mut plugin, processor, |processor| {
            let mut random = Random(53);
            for _ in 0..100 {
                let frames = if random.share() < 0.8 { 2 + random.below(2_047) } else { 1 };
                blocks(processor, frames, 1);
            }
        });
    }
}

/// pluginval does so to VST3 plugins, as some DAWs do.
#[test]
fn blocks_longer_than_announced_are_processed() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        for configuration in plugin.configurations() {
            plugin.select_configuration(configuration.id).unwrap();
            for (announced, given) in [(64, 128), (512, 1_024), (1_024, 2_048), (1, 8_192), (64, 65)] {
                let processor = plugin.activate(48_000, announced).unwrap();
                on_audio_thread(&mut plugin, processor, |processor| {
                    processor.make_room(given);
                    for in_place in [false, true] {
                        processor.set_in_place(in_place);
                        blocks(processor, given, 10);
                        blocks(processor, announced, 2);
                    }
                });
            }
        }
    }
}

/// CLAP forbids such blocks, VST3 does not: the plugin must survive them, and go on.
#[test]
fn a_block_of_nothing_changes_nothing() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        let parameters = plugin.parameters();
        let changes = Random(59).values(&parameters);
        active(&mut plugin, |processor| {
            processor.process_checked(0).unwrap();
            blocks(processor, BLOCK_FRAMES, 2);
            automate_all(processor, &changes, 0);
            processor.process_checked(0).unwrap();
            processor.reset();
            processor.process_checked(0).unwrap();
            blocks(processor, BLOCK_FRAMES, 2);
        });
        let mut other = bundle().instance(class).unwrap();
        other.flush(&changes);
        assert_eq!(values(&mut plugin, &parameters), values(&mut other, &parameters), "{class}");
    }
}

#[test]
fn one_memory_for_input_and_output_sounds_as_two() {
    for class in EFFECTS {
        let heard = [false, true].map(|in_place| {
            let mut plugin = bundle().instance(class).unwrap();
            let parameters = plugin.parameters();
            active(&mut plugin, |processor| {
                processor.set_in_place(in_place);
                assert_eq!(processor.is_in_place(), in_place);
                let (mut random, mut heard) = (Random(61), Vec::new());
                for turn in 0..60 {
                    if turn % 4 == 0 {
                        automate_all(processor, &random.values(&parameters), 0);
                    }
                    fill(processor, &mut random);
                    processor.process_checked(BLOCK_FRAMES).unwrap();
                    for port in 0..processor.output_count() {
                        (0..2).for_each(|channel| heard.extend_from_slice(processor.output(port, channel)));
                    }
                }
                heard
            })
        });
        let loudest = heard[0].iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
        assert!(loudest > 0.1, "{class}: nothing was heard, so nothing was compared");
        assert!(heard[0] == heard[1], "{class}");
    }
}

#[test]
fn processing_starts_over_in_every_way() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        let idle = plugin.activate(48_000, 64).unwrap();
        plugin.deactivate(idle);
        for _ in 0..20 {
            active(&mut plugin, |processor| {
                processor.reset();
                blocks(processor, BLOCK_FRAMES, 2);
                processor.reset();
                processor.reset();
                blocks(processor, BLOCK_FRAMES, 1);
                processor.restart().unwrap();
                processor.restart().unwrap();
                blocks(processor, BLOCK_FRAMES, 1);
            });
        }
        assert_eq!(plugin.record().restarts(), 0, "{class}");
    }
}

/// DAWs with a pool of threads do so.
#[test]
fn each_block_may_be_processed_on_another_thread() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        let bypass = plugin.parameter_id("Bypass").unwrap();
        active(&mut plugin, |processor| {
            processor.automate(bypass, 1.0, 0);
            let mut random = Random(89);
            for turn in 0..50 {
                fill(processor, &mut random);
                let block = || processor.process_checked(BLOCK_FRAMES).map(|_| ());
                std::thread::scope(|scope| scope.spawn(block).join()).unwrap().unwrap();
                if turn > 5 && processor.input_channels() > 0 {
                    let input = processor.input(0, 1).to_vec();
                    assert!(processor.output(0, 1) == input, "{class}, turn {turn}");
                }
            }
        });
    }
}

#[test]
fn an_instance_that_never_processes_is_as_good_as_another() {
    for class in CLASSES {
        let bundle = bundle();
        let mut plugins: Vec<_> = (0..16).map(|_| bundle.instance(class).unwrap()).collect();
        let state = plugins[0].save_state().unwrap();
        for plugin in &mut plugins {
            for rate_hz in [48_000, 44_100] {
                let idle = plugin.activate(rate_hz, BLOCK_FRAMES).unwrap();
                plugin.load_state(&state).unwrap();
                plugin.run_callbacks();
                plugin.deactivate(idle);
            }
            assert!(!plugin.save_state().unwrap().is_empty() && !plugin.has_complained(), "{class}");
        }
    }
}

/// Constant channels say so; what comes out agrees with what the plugin says of it, and of itself.
#[test]
fn silence_and_constant_channels_are_processed_and_the_plugin_stays_awake() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        active(&mut plugin, |processor| {
            let mut random = Random(67);
            for (level, mask) in [(0.0, 0b11), (0.5, 0b11), (0.0, 0b01), (0.0, 0b00), (0.0, u64::MAX)] {
                for channel in 0..processor.input_channels() {
                    processor.input(0, channel).fill(level);
                    processor.set_constant_input(mask);
                }
                for _ in 0..40 {
                    let status = processor.process_checked(BLOCK_FRAMES).unwrap();
                    assert_eq!(
                        status,
                        ProcessStatus::Continue,
                        "{class}: others play while this track is silent"
                    );
                }
                if processor.input_channels() > 0 {
                    processor.set_constant_input(0);
                }
                fill(processor, &mut random);
                processor.process_checked(BLOCK_FRAMES).unwrap();
            }
            assert_eq!(processor.tail(), Some(TailLength::Infinite), "{class}");
        });
    }
}

#[test]
fn the_plugin_delays_nothing() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        let processor = plugin.activate(48_000, 64).unwrap();
        assert_eq!(plugin.latency_frames(), Some(0), "{class}");
        on_audio_thread(&mut plugin, processor, |processor| blocks(processor, 64, 2));
    }
}

/// Another plugin's fault must not stay for good.
#[test]
fn after_input_that_is_no_number_the_track_is_heard_again() {
    for class in EFFECTS {
        let mut plugin = bundle().instance(class).unwrap();
        let monitor = plugin.parameter_id("Monitor Gain").unwrap();
        let unity = plugin.value_of_text(monitor, "0 dB").unwrap();
        active(&mut plugin, |processor| {
            processor.automate(monitor, unity, 0);
            blocks(processor, BLOCK_FRAMES, 10);
            for fault in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
                (0..2).for_each(|channel| processor.input(0, channel).fill(fault));
                processor.process(BLOCK_FRAMES).unwrap();
                blocks(processor, BLOCK_FRAMES, 10);
                let input = processor.input(0, 1).to_vec();
                assert!(processor.output(0, 1) == input, "{class}: after {fault}");
            }
        });
    }
}

/// Numbers too small to compute with at speed go to nobody behind, bypassed or not.
#[test]
fn subnormal_input_comes_out_as_silence() {
    for class in EFFECTS {
        let mut plugin = bundle().instance(class).unwrap();
        let bypass = plugin.parameter_id("Bypass").unwrap();
        let monitor = plugin.parameter_id("Monitor Gain").unwrap();
        let gains = ["-3 dB", "0 dB"].map(|text| plugin.value_of_text(monitor, text).unwrap());
        active(&mut plugin, |processor| {
            let mut random = Random(71);
            for (gain, bypassed) in [(gains[0], 0.0), (gains[1], 0.0), (gains[1], 1.0)] {
                processor.automate(bypass, bypassed, 0);
                processor.automate(monitor, gain, 0);
                blocks(processor, BLOCK_FRAMES, 10);
                for channel in 0..2 {
                    let tiny = || (random.share() as f32 * 2.0 - 1.0) * f32::MIN_POSITIVE;
                    processor.input(0, channel).fill_with(tiny);
                }
                for _ in 0..10 {
                    processor.process_checked(BLOCK_FRAMES).unwrap();
                }
                assert!(processor.output(0, 0).iter().all(|sample| *sample == 0.0), "{class}, {bypassed}");
                blocks(processor, BLOCK_FRAMES, 5);
            }
        });
    }
}

/// Any song, at any place.
pub fn transport(random: &mut Random, at_frame: u32) -> TransportEvent {
    let flags = [
        CLAP_TRANSPORT_HAS_TEMPO,
        CLAP_TRANSPORT_HAS_BEATS_TIMELINE,
        CLAP_TRANSPORT_HAS_SECONDS_TIMELINE,
        CLAP_TRANSPORT_HAS_TIME_SIGNATURE,
        CLAP_TRANSPORT_IS_PLAYING,
        CLAP_TRANSPORT_IS_RECORDING,
        CLAP_TRANSPORT_IS_LOOP_ACTIVE,
    ];
    let flags = flags.into_iter().filter(|_| random.is_heads()).fold(0, |all, flag| all | flag);
    let mut position = || ((random.share() * 2.0 - 0.5) * (1_u64 << 40) as f64) as i64;
    let (beats, seconds, from, to) = (position(), position(), position(), position());
    let has = |flag: u32| flags & flag != 0;
    // What the flags do not vouch for is what no host would say.
    let told = |flag: u32, value: i64, nonsense: i64| if has(flag) { value } else { nonsense };
    let (in_beats, in_seconds) = (CLAP_TRANSPORT_HAS_BEATS_TIMELINE, CLAP_TRANSPORT_HAS_SECONDS_TIMELINE);
    let loops = |flag: u32| if has(CLAP_TRANSPORT_IS_LOOP_ACTIVE) { flag } else { u32::MAX << 31 };
    let (tempo, tempo_inc) = match has(CLAP_TRANSPORT_HAS_TEMPO) {
        true => (1.0 + random.share() * 999.0, random.share() - 0.5),
        false => (f64::NAN, f64::NEG_INFINITY),
    };
    let (tsig_num, tsig_denom) = match has(CLAP_TRANSPORT_HAS_TIME_SIGNATURE) {
        true => (random.below(32) as u16, 1 << random.below(6)),
        false => (u16::MAX, 0),
    };
    TransportEvent::from_raw(&clap_event_transport {
        header: clap_event_header {
            size: size_of::<clap_event_transport>() as u32,
            time: at_frame,
            space_id: 0,
            type_: CLAP_EVENT_TRANSPORT,
            flags: 0,
        },
        flags,
        song_pos_beats: told(in_beats, beats, i64::MIN),
        song_pos_seconds: told(in_seconds, seconds, i64::MIN),
        tempo,
        tempo_inc,
        loop_start_beats: told(loops(in_beats), from, i64::MAX),
        loop_end_beats: told(loops(in_beats), to, i64::MIN),
        loop_start_seconds: told(loops(in_seconds), from, i64::MAX),
        loop_end_seconds: told(loops(in_seconds), to, i64::MIN),
        bar_start: told(in_beats, beats, i64::MAX),
        bar_number: told(in_beats, (random.share() * 1e6) as i64 - 1_000, i64::from(i32::MIN)) as i32,
        tsig_num,
        tsig_denom,
    })
}

#[test]
fn any_transport_between_blocks_is_processed() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        active(&mut plugin, |processor| {
            let mut random = Random(73);
            blocks(processor, 128, 5);
            for _ in 0..80 {
                let transport = random.is_heads().then(|| transport(&mut random, 0));
                processor.set_transport(transport);
                let steady = (random.share() * u64::MAX as f64 / 2.0) as u64;
                processor.set_steady_frames(random.is_heads().then_some(steady));
                blocks(processor, 128, 1);
            }
        });
    }
}

/// The framework cuts a block at each of these.
#[test]
fn any_transport_within_blocks_is_processed_and_changes_no_sound() {
    for class in EFFECTS {
        for interval in [1_000, 100, 7, 1] {
            let heard = [false, true].map(|with_transport| {
                let mut plugin = bundle().instance(class).unwrap();
                let monitor = plugin.parameter_id("Monitor Gain").unwrap();
                active(&mut plugin, |processor| {
                    let (mut random, mut songs, mut at, mut heard) = (Random(79), Random(83), 0, Vec::new());
                    for turn in 0..20_u8 {
                        processor.automate(monitor, f64::from(turn % 5) / 5.0, 0);
                        while at < 128 {
                            let transport = transport(&mut songs, at);
                            if with_transport {
                                processor.push_transport(&transport);
                            }
                            at += interval;
                        }
                        at -= 128;
                        fill(processor, &mut random);
                        processor.process_checked(128).unwrap();
                        heard.extend_from_slice(&processor.output(0, 0)[..128]);
                    }
                    heard
                })
            });
            let far = heard[0]
                .iter()
                .zip(&heard[1])
                .fold(0.0_f32, |far, (one, other)| far.max((one - other).abs()));
            assert!(far < 1e-3, "{class}, transport every {interval} frames: {far}");
        }
    }
}

#[test]
fn an_offline_render_and_back_is_processed() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        for offline in [true, false, true, false] {
            plugin.set_offline(offline);
            active(&mut plugin, |processor| blocks(processor, BLOCK_FRAMES, 3));
        }
        let processor = plugin.activate(48_000, BLOCK_FRAMES).unwrap();
        plugin.set_offline(true);
        on_audio_thread(&mut plugin, processor, |processor| blocks(processor, BLOCK_FRAMES, 3));
        plugin.set_offline(false);
        active(&mut plugin, |processor| blocks(processor, BLOCK_FRAMES, 3));
    }
}
