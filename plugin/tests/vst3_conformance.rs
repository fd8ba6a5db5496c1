//! What the VST3 SDK's validator asks of a plugin, on all classes, by the calls of a host: the order of calls, buses, parameters, units,
//! states, and blocks in every way that VST3 allows. `vst3_interface.rs` has what hosts do besides.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

mod vst3_host;

use std::collections::{BTreeMap, BTreeSet};

use backline::plugin::{Backline, BacklineMulti, BacklineReturn};
use nice_plug::prelude::Vst3Plugin;
use nice_plug::wrapper::vst3::vst3::ComPtr;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::ParameterInfo_::ParameterFlags_::{
    kCanAutomate, kIsBypass, kIsProgramChange, kIsReadOnly,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    BusInfo, IAudioProcessor, IAudioProcessorTrait, IComponent, IComponentTrait, IEditControllerTrait,
    IMidiMapping, IMidiMappingTrait, INoteExpressionController, INoteExpressionControllerTrait,
    IProcessContextRequirements, IUnitInfo, IUnitInfoTrait, ParamID, ParameterInfo, ProcessSetup, SpeakerArr,
    SpeakerArrangement, UnitInfo,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{IBStream, IPluginBaseTrait, kResultFalse, kResultOk};
use vst3_host::instance::{Buses, FRAMES, Instance, buses, buses_of};
use vst3_host::stream::Stream;
use vst3_host::{Lane, create, factory, name, parameter};

const AUDIO: i32 = 0;
const EVENTS: i32 = 1;
const INPUT: i32 = 0;
const OUTPUT: i32 = 1;
const DIRECTIONS: [i32; 2] = [INPUT, OUTPUT];
/// The SDK's own, and 44 100 Hz many times over.
const RATES_HZ: [f64; 13] = [
    22_050.0,
    32_000.0,
    44_100.0,
    48_000.0,
    88_200.0,
    96_000.0,
    192_000.0,
    384_000.0,
    1_234.567_8,
    12_345.678,
    123_456.78,
    1_234_567.8,
    705_600.0,
];
const LONGEST_FRAMES: usize = 8_192;

/// Each class, active.
fn classes() -> [(&'static str, Instance); 3] {
    [
        ("Backline", Instance::new::<Backline>()),
        ("Multi", Instance::new::<BacklineMulti>()),
        ("Return", Instance::new::<BacklineReturn>()),
    ]
}

fn bus_infos(instance: &Instance, kind: i32, direction: i32) -> Vec<BusInfo> {
    // SAFETY: it only counts.
    let count = unsafe { instance.component.getBusCount(kind, direction) };
    let info = |index| {
        // SAFETY: all zeros is a `BusInfo`, and the answer goes to a place of our own.
        unsafe {
            let mut info: BusInfo = std::mem::zeroed();
            assert_eq!(instance.component.getBusInfo(kind, direction, index, &mut info), kResultOk);
            info
        }
    };
    (0..count).map(info).collect()
}

/// How many channels each audio bus of a direction has.
fn shape(instance: &Instance, direction: i32) -> Vec<usize> {
    bus_infos(instance, AUDIO, direction).iter().map(|info| info.channelCount as usize).collect()
}

/// A block of noise on all buses, in which nothing but audio comes out and the input stays as it was.
fn process(instance: &Instance, frames: usize, lanes: &[Lane]) -> Buses {
    let mut inputs = buses_of(frames, &shape(instance, INPUT), 0.0);
    for (seed, sample) in inputs.iter_mut().flatten().flatten().enumerate() {
        *sample = (seed as f32 * 0.7).sin();
    }
    let given = inputs.clone();
    let mut outputs = buses_of(frames, &shape(instance, OUTPUT), f32::NAN);
    instance.process_with(&mut inputs, &mut outputs, frames, lanes);
    assert!(inputs == given, "the input was written to");
    let is_audio = |sample: &f32| sample.is_finite() && !sample.is_subnormal();
    assert!(outputs.iter().flatten().flatten().all(is_audio), "in a block of {frames} sample frames");
    outputs
}

fn parameters(instance: &Instance) -> Vec<ParameterInfo> {
    let controller = instance.controller();
    // SAFETY: all zeros is a `ParameterInfo`, and the answers go to places of our own.
    unsafe {
        (0..controller.getParameterCount())
            .map(|index| {
                let mut info: ParameterInfo = std::mem::zeroed();
                assert_eq!(controller.getParameterInfo(index, &mut info), kResultOk);
                info
            })
            .collect()
    }
}

fn values(instance: &Instance) -> BTreeMap<ParamID, f64> {
    let controller = instance.controller();
    // SAFETY: a call of the main thread without pointers.
    parameters(instance)
        .iter()
        .map(|info| (info.id, unsafe { controller.getParamNormalized(info.id) }))
        .collect()
}

fn automatable(instance: &Instance) -> Vec<ParamID> {
    let can = |info: &&ParameterInfo| info.flags & kCanAutomate != 0;
    parameters(instance).iter().filter(can).map(|info| info.id).collect()
}

fn save(instance: &Instance) -> Vec<u8> {
    let stream = Stream::of(&[]);
    let place = stream.as_com_ref::<IBStream>().unwrap().as_ptr();
    // SAFETY: the stream lives until the call returns.
    assert_eq!(unsafe { instance.component.getState(place) }, kResultOk);
    stream.bytes()
}

fn load(instance: &Instance, state: &[u8]) -> bool {
    let stream = Stream::of(state);
    let place = stream.as_com_ref::<IBStream>().unwrap().as_ptr();
    // SAFETY: the stream lives until the call returns.
    unsafe { instance.component.setState(place) == kResultOk }
}

fn lives_again_and_again<P: Vst3Plugin>() {
    let component: ComPtr<IComponent> = create::<P>(&factory());
    let processor = component.cast::<IAudioProcessor>().unwrap();
    let mut setup =
        ProcessSetup { processMode: 0, symbolicSampleSize: 0, maxSamplesPerBlock: 64, sampleRate: 44_100.0 };
    // SAFETY: the order of calls is VST3's.
    unsafe {
        assert_eq!(component.initialize(std::ptr::null_mut()), kResultOk);
        for turn in 0..3 {
            for _ in 0..=turn {
                assert_eq!(processor.setupProcessing(&mut setup), kResultOk);
                assert_eq!(component.setActive(1), kResultOk);
                assert_eq!(component.setActive(0), kResultOk);
            }
            assert_eq!(component.terminate(), kResultOk);
            assert_eq!(component.initialize(std::ptr::null_mut()), kResultOk);
        }
    }
    process(&Instance::of(component), FRAMES, &[]);
}

#[test]
fn an_instance_is_initialized_activated_and_terminated_again_and_again() {
    lives_again_and_again::<Backline>();
    lives_again_and_again::<BacklineMulti>();
    lives_again_and_again::<BacklineReturn>();
}

/// What these calls answer is not asked: the framework says yes to all of them.
#[test]
fn calls_out_of_order_do_no_harm() {
    for (class, instance) in classes() {
        // SAFETY: none of these calls has a pointer that is used.
        unsafe {
            instance.component.initialize(std::ptr::null_mut());
            instance.component.setActive(1);
            instance.stop();
            instance.component.setActive(0);
            instance.component.terminate();
            instance.component.terminate();
            instance.component.setActive(0);
            instance.component.setActive(1);
            instance.component.setActive(0);
            instance.component.initialize(std::ptr::null_mut());
        }
        instance.set_up();
        process(&instance, FRAMES, &[]);
        assert!(!save(&instance).is_empty(), "{class}");
    }
    // Active without having been told how to process.
    let component = create::<Backline>(&factory());
    // SAFETY: as above.
    unsafe {
        component.initialize(std::ptr::null_mut());
        component.setActive(0);
        component.setActive(1);
        component.setActive(0);
    }
    process(&Instance::of(component), FRAMES, &[]);
}

#[test]
fn every_bus_has_a_name_and_a_shape_and_can_be_switched() {
    for (class, instance) in classes() {
        instance.stop();
        let mut count = 0;
        for (kind, direction) in [AUDIO, EVENTS].into_iter().flat_map(|kind| DIRECTIONS.map(|to| (kind, to)))
        {
            let infos = bus_infos(&instance, kind, direction);
            count += infos.len();
            for (index, info) in infos.iter().enumerate() {
                let index = index as i32;
                assert!(!name(&info.name).is_empty(), "{class}: bus {index} has no name");
                assert_eq!((info.mediaType, info.direction), (kind, direction));
                assert_eq!(info.busType, i32::from(index > 0), "{class}: the first one is main");
                if kind == AUDIO {
                    let mut arrangement: SpeakerArrangement = 0;
                    // SAFETY: the answer goes to a place of our own.
                    let told =
                        unsafe { instance.processor.getBusArrangement(direction, index, &mut arrangement) };
                    assert_eq!((told, arrangement.count_ones() as i32), (kResultOk, info.channelCount));
                }
                for state in [1, 0, 1] {
                    // SAFETY: a call of the main thread without pointers.
                    let switched = unsafe { instance.component.activateBus(kind, direction, index, state) };
                    assert_eq!(switched, kResultOk, "{class}");
                }
            }
            let again = bus_infos(&instance, kind, direction);
            assert!(infos.iter().zip(&again).all(|(one, other)| {
                (one.name, one.channelCount, one.busType, one.flags)
                    == (other.name, other.channelCount, other.busType, other.flags)
            }));
            for index in [-1, i32::MIN, infos.len() as i32, 1_000, i32::MAX] {
                // SAFETY: all zeros is a `BusInfo`, and the answers go to places of our own.
                unsafe {
                    let mut info: BusInfo = std::mem::zeroed();
                    let mut arrangement = 0;
                    assert_ne!(instance.component.getBusInfo(kind, direction, index, &mut info), kResultOk);
                    assert_eq!((info.channelCount, info.flags), (0, 0), "{class}: bus {index} is described");
                    assert_ne!(instance.component.activateBus(kind, direction, index, 1), kResultOk);
                    let told = instance.processor.getBusArrangement(direction, index, &mut arrangement);
                    assert!(kind != AUDIO || told != kResultOk, "{class}: bus {index}");
                }
            }
        }
        assert!(count > 0, "{class}");
        instance.set_up();
        process(&instance, FRAMES, &[]);
    }
}

#[test]
fn parameters_have_ids_titles_ranges_and_flags_that_fit_together() {
    for (class, instance) in classes() {
        let infos = parameters(&instance);
        let (ids, titles): (BTreeSet<_>, BTreeSet<_>) =
            infos.iter().map(|info| (info.id, name(&info.title))).unzip();
        assert_eq!((ids.len(), titles.len()), (infos.len(), infos.len()), "{class}: one of them twice");
        for info in &infos {
            let has = |flag| info.flags & flag != 0;
            let title = name(&info.title);
            assert!(info.id <= i32::MAX as u32 && !title.is_empty(), "{class}: {title}");
            assert!(info.stepCount >= 0 && info.unitId >= -1, "{class}: {title}");
            assert!((0.0..=1.0).contains(&info.defaultNormalizedValue), "{class}: {title}");
            assert!(!has(kIsReadOnly) || !(has(kCanAutomate) || has(kIsProgramChange)), "{class}: {title}");
            assert!(!has(kIsBypass) || has(kCanAutomate), "{class}: {title}");
        }
        let bypass = infos.iter().filter(|info| info.flags & kIsBypass != 0).map(|info| info.id);
        assert_eq!(bypass.collect::<Vec<_>>(), [parameter("bypass")], "{class}");
    }
}

#[test]
fn units_are_a_tree_that_every_parameter_is_in_and_there_are_no_programs() {
    for (class, instance) in classes() {
        let units = instance.component.cast::<IUnitInfo>().unwrap();
        let mut parents = BTreeMap::new();
        // SAFETY: all zeros is a `UnitInfo`, and the answers go to places of our own.
        unsafe {
            for index in 0..units.getUnitCount() {
                let mut info: UnitInfo = std::mem::zeroed();
                assert_eq!(units.getUnitInfo(index, &mut info), kResultOk);
                assert!(info.id >= 0 && !name(&info.name).is_empty() && info.programListId >= -1, "{class}");
                assert_eq!(parents.insert(info.id, info.parentUnitId), None, "{class}: a unit twice");
            }
            let mut info: UnitInfo = std::mem::zeroed();
            assert_ne!(units.getUnitInfo(-1, &mut info), kResultOk);
            assert_ne!(units.getUnitInfo(parents.len() as i32, &mut info), kResultOk);
            assert_eq!(units.getProgramListCount(), 0, "{class}");
            units.selectUnit(0);
            assert_eq!(units.getSelectedUnit(), 0, "{class}");
        }
        // The root need not be listed.
        parents.entry(0).or_insert(-1);
        let fits = |(id, parent): (&i32, &i32)| match id {
            0 => *parent == -1,
            id => parents.contains_key(parent) && parent != id,
        };
        assert!(parents.iter().all(fits), "{class}: {parents:?}");
        assert!(parameters(&instance).iter().all(|info| parents.contains_key(&info.unitId)), "{class}");
    }
}

#[test]
fn what_notes_controllers_and_the_song_are_for_is_told() {
    for (class, instance) in classes() {
        let ids: BTreeSet<ParamID> = parameters(&instance).iter().map(|info| info.id).collect();
        let midi = instance.component.cast::<IMidiMapping>().unwrap();
        let expressions = instance.component.cast::<INoteExpressionController>().unwrap();
        assert!(instance.component.cast::<IProcessContextRequirements>().is_some(), "{class}");
        for (bus, channel) in
            [-1, 0, 1].into_iter().flat_map(|bus| [-1, 0, 15, 16].map(|channel| (bus, channel)))
        {
            // SAFETY: the answers go to places of our own.
            unsafe {
                for number in -1..=200 {
                    let mut id = 0;
                    let told = midi.getMidiControllerAssignment(bus, channel, number, &mut id);
                    assert!(
                        told != kResultOk || ids.contains(&id),
                        "{class}: controller {number} of {bus}.{channel}"
                    );
                }
                assert!(expressions.getNoteExpressionCount(bus, channel) >= 0, "{class}");
            }
        }
        // SAFETY: calls without pointers.
        unsafe {
            assert_eq!(instance.processor.canProcessSampleSize(0), kResultOk);
            assert_eq!(instance.processor.canProcessSampleSize(1), kResultFalse, "{class}: 64 bits");
            assert_eq!(instance.processor.getLatencySamples(), 0, "{class}");
        }
    }
}

#[test]
fn any_rate_and_any_length_of_block_is_processed() {
    for (_, instance) in classes() {
        for (turn, rate_hz) in RATES_HZ.into_iter().enumerate() {
            instance.stop();
            instance.set_up_for(rate_hz, LONGEST_FRAMES);
            process(&instance, FRAMES, &[]);
            for step in 0..4 {
                process(&instance, 1 + (turn * 5_077 + step * 2_741) % LONGEST_FRAMES, &[]);
            }
        }
        process(&instance, LONGEST_FRAMES, &[]);
    }
}

#[test]
fn silence_is_processed_whatever_the_flags_say() {
    for (class, instance) in classes() {
        let (inputs, outputs) = (shape(&instance, INPUT), shape(&instance, OUTPUT));
        for flags in (0..4).chain([u64::MAX]) {
            let mut heard = buses(&outputs, f32::NAN);
            for _ in 0..40 {
                let result =
                    instance.process_data(&mut buses(&inputs, 0.0), &mut heard, FRAMES, &[], |data| {
                        // SAFETY: both lists are as long as is said.
                        unsafe {
                            let lists = (0..data.numInputs).map(|bus| data.inputs.add(bus as usize));
                            let lists =
                                lists.chain((0..data.numOutputs).map(|bus| data.outputs.add(bus as usize)));
                            lists.for_each(|bus| (*bus).silenceFlags = flags);
                        }
                    });
                assert_eq!(result, kResultOk, "{class}: flags {flags:b}");
            }
            assert!(
                heard.iter().flatten().flatten().all(|sample| *sample == 0.0),
                "{class}: flags {flags:b}"
            );
        }
    }
}

#[test]
fn arrangements_are_taken_or_refused_and_the_buses_agree() {
    let wanted = [SpeakerArr::kStereo, SpeakerArr::kMono, SpeakerArr::k51, SpeakerArr::kStereo];
    for (class, instance) in classes() {
        for arrangement in wanted {
            instance.stop();
            let counts = DIRECTIONS.map(|direction| shape(&instance, direction).len());
            let (mut inputs, mut outputs) = (vec![arrangement; counts[0]], vec![arrangement; counts[1]]);
            // SAFETY: both lists are as long as is said.
            let taken = unsafe {
                instance.processor.setBusArrangements(
                    inputs.as_mut_ptr(),
                    counts[0] as i32,
                    outputs.as_mut_ptr(),
                    counts[1] as i32,
                )
            };
            assert_eq!(DIRECTIONS.map(|direction| shape(&instance, direction).len()), counts, "{class}");
            for channels in DIRECTIONS.into_iter().flat_map(|direction| shape(&instance, direction)) {
                let wanted = arrangement.count_ones() as usize;
                assert!(taken != kResultOk || channels == wanted, "{class}: {channels} channels");
            }
            assert!(taken == kResultOk || arrangement != SpeakerArr::kStereo, "{class}: stereo was refused");
            instance.set_up();
            process(&instance, FRAMES, &[]);
        }
    }
}

#[test]
fn automation_of_one_parameter_and_of_all_lets_nothing_but_audio_out() {
    for (_, instance) in classes() {
        let ids = automatable(&instance);
        for (ids, every) in [(&ids[..1], 100), (&ids[..1], 1), (&ids[..], 100), (&ids[..], 17)] {
            for turn in 0..20 {
                let lane = |(number, id): (usize, &ParamID)| {
                    let point = |at: usize| (at as i32, ((turn * 31 + number * 7 + at) % 101) as f64 / 100.0);
                    (*id, (turn % every..FRAMES).step_by(every).map(point).collect())
                };
                let lanes: Vec<Lane> = ids.iter().enumerate().map(lane).collect();
                process(&instance, FRAMES, &lanes);
            }
        }
    }
}

/// In blocks without audio, with buffers and without.
#[test]
fn bypass_is_kept_in_a_state_and_comes_back() {
    for (class, instance) in classes() {
        let bypass = parameter("bypass");
        let set = |value: f64| {
            let lanes = [(bypass, vec![(0, value)])];
            instance.process_with(&mut Buses::new(), &mut Buses::new(), 0, &lanes);
            let (mut inputs, mut outputs) =
                (buses(&shape(&instance, INPUT), 0.0), buses(&shape(&instance, OUTPUT), 0.0));
            instance.process_with(&mut inputs, &mut outputs, 0, &lanes);
            instance.process_with(&mut inputs, &mut outputs, 0, &[]);
            assert_eq!(values(&instance)[&bypass], value, "{class}");
        };
        set(1.0);
        let state = save(&instance);
        set(0.0);
        assert!(load(&instance, &state), "{class}");
        process(&instance, FRAMES, &[]);
        assert_eq!(values(&instance)[&bypass], 1.0, "{class}");
    }
}

#[test]
fn a_state_comes_back_in_another_instance_and_what_is_none_changes_nothing() {
    for ((class, one), (_, other)) in classes().into_iter().zip(classes()) {
        let lane = |(number, id): (usize, &ParamID)| (*id, vec![(0, (number % 11) as f64 / 10.0)]);
        let lanes: Vec<Lane> = automatable(&one).iter().enumerate().map(lane).collect();
        process(&one, FRAMES, &lanes);
        let (state, expected) = (save(&one), values(&one));
        assert_ne!(values(&other), expected, "{class}");
        // While it lives, the other one is its duplicate.
        drop(one);
        other.stop();
        assert!(load(&other, &state), "{class}");
        other.set_up();
        assert_eq!(values(&other), expected, "{class}");
        assert!(save(&other) == state, "{class}: saved again, it is another state");
        let none: [&[u8]; 5] = [b"", b"{", &[0; 8], &[0xff; 8], &[0xa5; 4_096]];
        for bytes in none {
            assert!(!load(&other, bytes), "{class}: {} bytes were taken for a state", bytes.len());
            process(&other, FRAMES, &[]);
            assert_eq!(values(&other), expected, "{class}");
        }
    }
}
