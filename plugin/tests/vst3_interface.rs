//! The VST3 classes as a host calls them that leaves buses inactive, sends blocks of no samples, activates twice, never processes, or
//! processes on several threads in turn. LANDSCAPE, fault 1: the framework alone skips `process` then.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

mod vst3_host;

use backline::plugin::{Backline, BacklineMulti, BacklineReturn};
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    IAudioProcessor, IAudioProcessorTrait, IComponentTrait, SpeakerArr,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    IPluginFactory2, IPluginFactory2Trait, IPluginFactoryTrait, PClassInfo2, kResultOk,
};
use vst3_host::instance::{Buses, FRAMES, Instance, buses};
use vst3_host::{Lane, create, factory, name, parameter};

/// Long after the longest ramp.
const SETTLED: usize = 40;
/// In `BusInfo::flags`: hosts begin with it active.
const DEFAULT_ACTIVE: u32 = 1;

fn text(characters: &[i8]) -> String {
    let bytes: Vec<u8> =
        characters.iter().take_while(|byte| **byte != 0).map(|byte| byte.cast_unsigned()).collect();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_factory_lists_three_classes_and_says_which_is_an_instrument() {
    let factory = factory().cast::<IPluginFactory2>().unwrap();
    // SAFETY: the answers go to places of our own.
    let classes: Vec<(String, String)> = unsafe {
        (0..factory.countClasses())
            .map(|index| {
                let mut info: PClassInfo2 = std::mem::zeroed();
                assert_eq!(factory.getClassInfo2(index, &mut info), kResultOk);
                (text(&info.name), text(&info.subCategories))
            })
            .collect()
    };
    let expected = [
        ("Backline", "Fx|Network|Stereo"),
        ("Backline Multi", "Fx|Network|Stereo"),
        ("Backline Return", "Instrument|Network|Stereo"),
    ];
    assert_eq!(classes, expected.map(|(name, kind)| (name.to_owned(), kind.to_owned())));
}

#[test]
fn auxiliary_outputs_have_names_and_begin_inactive() {
    let multi = Instance::new::<BacklineMulti>();
    assert!(multi.bus(1, 0).flags & DEFAULT_ACTIVE != 0 && multi.bus(0, 0).flags & DEFAULT_ACTIVE != 0);
    for index in 1..=8 {
        let info = multi.bus(1, index);
        assert_eq!((name(&info.name), info.channelCount), (format!("Aux {index}"), 2));
        assert_eq!((info.busType, info.flags & DEFAULT_ACTIVE), (1, 0));
    }
}

/// The track is heard on main wherever main is active, and nothing that the host left in the buffers is heard anywhere.
#[test]
fn multi_processes_with_every_subset_of_its_outputs_active() {
    let multi = Instance::new::<BacklineMulti>();
    multi.monitor();
    for _ in 0..SETTLED {
        multi.process(&mut buses(&[2], 0.5), &mut buses(&[2; 9], 0.0), FRAMES);
    }
    for subset in 1..1_usize << 9 {
        let shape: Vec<usize> = (0..9).map(|bus| if subset >> bus & 1 == 1 { 2 } else { 0 }).collect();
        let mut outputs = buses(&shape, 9.0);
        multi.process(&mut buses(&[2], 0.5), &mut outputs, FRAMES);
        let expected = |bus: usize| if bus == 0 { 0.5 } else { 0.0 };
        for (bus, channels) in outputs.iter().enumerate() {
            assert!(
                channels.iter().flatten().all(|sample| *sample == expected(bus)),
                "subset {subset:b}, bus {bus}"
            );
        }
    }
}

#[test]
fn outputs_that_the_host_does_not_even_list_are_not_looked_for() {
    let multi = Instance::new::<BacklineMulti>();
    multi.monitor();
    let mut outputs = Buses::new();
    for _ in 0..SETTLED {
        outputs = buses(&[2, 0, 2], 9.0);
        multi.process(&mut buses(&[2], 0.5), &mut outputs, FRAMES);
    }
    assert!(outputs[0].iter().flatten().all(|sample| *sample == 0.5));
    assert!(outputs[2].iter().flatten().all(|sample| *sample == 0.0));
}

#[test]
fn an_input_that_is_inactive_is_silence_and_not_what_was_in_the_output() {
    for inputs in [&[0][..], &[]] {
        let backline = Instance::new::<Backline>();
        backline.monitor();
        for _ in 0..SETTLED {
            let mut outputs = buses(&[2], 9.0);
            backline.process(&mut buses(inputs, 0.5), &mut outputs, FRAMES);
            assert!(outputs.iter().flatten().flatten().all(|sample| *sample == 0.0));
        }
    }
}

#[test]
fn a_return_has_no_input_and_makes_silence_of_what_was_there() {
    let returning = Instance::new::<BacklineReturn>();
    // SAFETY: calls of the main thread; a host without inputs has no list of them.
    unsafe {
        assert_eq!(returning.component.getBusCount(0, 0), 0);
        assert_eq!(returning.component.getBusCount(0, 1), 1);
        let mut stereo = SpeakerArr::kStereo;
        let arranged = returning.processor.setBusArrangements(std::ptr::null_mut(), 0, &mut stereo, 1);
        assert_eq!(arranged, kResultOk);
    }
    for _ in 0..SETTLED {
        let mut outputs = buses(&[2], 9.0);
        returning.process(&mut Buses::new(), &mut outputs, FRAMES);
        assert!(outputs.iter().flatten().flatten().all(|sample| *sample == 0.0));
    }
}

#[test]
fn a_bus_that_is_off_may_be_said_to_be_empty() {
    let multi = create::<BacklineMulti>(&factory());
    let processor = multi.cast::<IAudioProcessor>().unwrap();
    let mut inputs = [SpeakerArr::kMono];
    let mut outputs = [SpeakerArr::kEmpty; 9];
    (outputs[0], outputs[4]) = (SpeakerArr::kStereo, SpeakerArr::kStereo);
    // SAFETY: both lists are as long as is said.
    unsafe {
        let arranged = processor.setBusArrangements(inputs.as_mut_ptr(), 1, outputs.as_mut_ptr(), 9);
        assert_eq!(arranged, kResultOk);
        outputs[4] = SpeakerArr::k51;
        let arranged = processor.setBusArrangements(inputs.as_mut_ptr(), 1, outputs.as_mut_ptr(), 9);
        assert_ne!(arranged, kResultOk);
    }
}

#[test]
fn blocks_without_samples_and_without_channels_are_no_audio() {
    let backline = Instance::new::<Backline>();
    for _ in 0..SETTLED {
        backline.process(&mut buses(&[2], 0.5), &mut buses(&[2], 9.0), 0);
        backline.process(&mut buses(&[0], 0.5), &mut buses(&[0], 9.0), FRAMES);
        backline.process(&mut Buses::new(), &mut Buses::new(), FRAMES);
        let mut outputs = buses(&[2], 9.0);
        backline.process(&mut buses(&[2], 0.5), &mut outputs, FRAMES);
        assert!(outputs.iter().flatten().flatten().all(|sample| *sample == 0.0));
    }
}

#[test]
fn a_host_that_activates_twice_or_never_processes_does_no_harm() {
    drop(create::<BacklineMulti>(&factory()));
    drop(Instance::new::<BacklineMulti>());
    let backline = Instance::new::<Backline>();
    backline.monitor();
    for _ in 0..3 {
        backline.set_up();
        let mut outputs = Buses::new();
        for _ in 0..SETTLED {
            outputs = buses(&[2], 9.0);
            backline.process(&mut buses(&[2], 0.5), &mut outputs, FRAMES);
        }
        assert!(outputs.iter().flatten().flatten().all(|sample| *sample == 0.5));
    }
}

#[test]
fn a_host_that_processes_on_another_thread_each_time_hears_the_same() {
    let multi = Instance::new::<BacklineMulti>();
    multi.monitor();
    for turn in 0..SETTLED * 2 {
        let block = || {
            let mut outputs = buses(&[2, 0, 2, 0, 0, 0, 0, 0, 2], 9.0);
            multi.process(&mut buses(&[2], 0.5), &mut outputs, FRAMES);
            outputs
        };
        let outputs = std::thread::scope(|scope| scope.spawn(block).join()).unwrap();
        let is_settled = outputs[0].iter().flatten().all(|sample| *sample == 0.5);
        assert!(is_settled || turn < SETTLED, "in turn {turn}");
    }
}

/// A block of 0.5 with the monitor at unity, and where the output leaves 0.5 when the lanes have played.
fn left_at(backline: &Instance, lanes: &[Lane]) -> Option<usize> {
    let mut outputs = Buses::new();
    for _ in 0..SETTLED {
        outputs = buses(&[2], 9.0);
        backline.process_with(&mut buses(&[2], 0.5), &mut outputs, FRAMES, &monitor(&[(0, UNITY)]));
    }
    assert!(outputs.iter().flatten().flatten().all(|sample| *sample == 0.5));
    backline.process_with(&mut buses(&[2], 0.5), &mut outputs, FRAMES, lanes);
    outputs[0][0].iter().position(|sample| *sample != 0.5)
}

/// The monitor gain's ends: silent and +12 dB. Unity lies between.
const SILENT: f64 = 0.0;
/// `monitor_gain` at 0 dB, normalized: ((0 + 80) / 92) to the power of the range's skew, 2.5.
const UNITY: f64 = 0.705_2;

fn monitor(points: &[(i32, f64)]) -> [Lane; 1] {
    [(parameter("monitor_gain"), points.to_vec())]
}

#[test]
fn a_change_begins_at_its_sample_frame() {
    let backline = Instance::new::<Backline>();
    for at in [0, 1, 17, 40, 63] {
        assert_eq!(left_at(&backline, &monitor(&[(at, SILENT)])), Some(at as usize));
    }
    let talkback = [(parameter("talkback"), vec![(5, 1.0)]), monitor(&[(9, UNITY), (33, SILENT)])[0].clone()];
    assert_eq!(left_at(&backline, &talkback), Some(33), "several lanes, and points that change nothing");
    let late = monitor(&[(FRAMES as i32 + 9, SILENT)]);
    assert_eq!(left_at(&backline, &late), Some(FRAMES - 1), "a host's fault: behind the end of the block");
}

/// On a grid of 32 sample frames, so that the block is cut twice and not 64 times.
#[test]
fn a_host_that_automates_every_sample_is_heard_early_by_less_than_a_step() {
    let backline = Instance::new::<Backline>();
    let every = |from: i32| {
        let points: Vec<_> =
            (0..FRAMES as i32).map(|at| (at, if at < from { UNITY } else { SILENT })).collect();
        monitor(&points)
    };
    assert_eq!(left_at(&backline, &every(0)), Some(0));
    assert_eq!(left_at(&backline, &every(32)), Some(32));
    assert_eq!(left_at(&backline, &every(60)), Some(32));
}

/// Whether blocks are cut or not, the plugin counts the host's calls and knows their length.
#[test]
fn parameter_changes_without_audio_count_from_the_next_block_on() {
    let backline = Instance::new::<Backline>();
    assert_eq!(left_at(&backline, &[]), None);
    for (frames, channels) in [(0, 2), (FRAMES, 0)] {
        let lanes = monitor(&[(0, SILENT)]);
        backline.process_with(&mut buses(&[channels], 0.5), &mut buses(&[channels], 9.0), frames, &lanes);
        let mut outputs = buses(&[2], 9.0);
        backline.process(&mut buses(&[2], 0.5), &mut outputs, FRAMES);
        assert!(outputs[0][0][0] < 0.5);
        assert_eq!(left_at(&backline, &[]), None);
    }
}
