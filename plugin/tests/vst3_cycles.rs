//! LANDSCAPE, fault 2: a VST3 host that automates from its audio thread and then destroys the instance, a thousand
//! times. nice-plug queues a note for each change to a background thread; a note that outlives its instance ends
//! that thread, and the last instance's end then aborts the host. Without the fence in `deactivate` this binary dies.
//!
//! Calls the exported factory as a host does. A binary of its own: an abort must not take other tests with it.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "helpers of a test")]

mod vst3_host;

use backline::plugin::Backline;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    AudioBusBuffers, AudioBusBuffers__type0, IAudioProcessor, IAudioProcessorTrait, IComponentTrait,
    IParamValueQueue, IParamValueQueueTrait, IParameterChanges, IParameterChangesTrait, ParamID, ParamValue,
    ProcessData, ProcessSetup,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    IPluginBaseTrait, IPluginFactory, int32, kResultFalse, kResultOk, tresult,
};
use nice_plug::wrapper::vst3::vst3::{Class, ComPtr, ComWrapper};
use vst3_host::{create, parameter};

const CYCLES: usize = 1_000;
const BLOCKS: usize = 12;
const BLOCK_FRAMES: usize = 32;

/// One parameter, one value at the start of the block.
struct Queue {
    id: ParamID,
    value: ParamValue,
}

struct Changes(Vec<ComPtr<IParamValueQueue>>);

impl Class for Queue {
    type Interfaces = (IParamValueQueue,);
}

impl Class for Changes {
    type Interfaces = (IParameterChanges,);
}

impl IParamValueQueueTrait for Queue {
    unsafe fn getParameterId(&self) -> ParamID {
        self.id
    }

    unsafe fn getPointCount(&self) -> int32 {
        1
    }

    unsafe fn getPoint(&self, _index: int32, offset: *mut int32, value: *mut ParamValue) -> tresult {
        // SAFETY: the wrapper passes places of its own.
        unsafe { (*offset, *value) = (0, self.value) };
        kResultOk
    }

    unsafe fn addPoint(&self, _offset: int32, _value: ParamValue, _index: *mut int32) -> tresult {
        kResultFalse
    }
}

impl IParameterChangesTrait for Changes {
    unsafe fn getParameterCount(&self) -> int32 {
        self.0.len() as int32
    }

    unsafe fn getParameterData(&self, index: int32) -> *mut IParamValueQueue {
        self.0[index as usize].as_ptr()
    }

    unsafe fn addParameterData(&self, _id: *const ParamID, _index: *mut int32) -> *mut IParamValueQueue {
        std::ptr::null_mut()
    }
}

/// The audio thread's part: every block moves every fader of eight strips.
fn automate(processor: &ComPtr<IAudioProcessor>, cycle: usize) {
    let mut channels = [[0.1_f32; BLOCK_FRAMES]; 2];
    for block in 0..BLOCKS {
        let value = ((cycle * BLOCKS + block) % 89) as f64 / 89.0;
        let queue = |slot| ComWrapper::new(Queue { id: parameter(&format!("s{slot:02}_gain")), value });
        let changes =
            ComWrapper::new(Changes((1..=8).map(|slot| queue(slot).to_com_ptr().unwrap()).collect()));
        let changes = changes.to_com_ptr::<IParameterChanges>().unwrap();
        let mut pointers = channels.each_mut().map(|channel| channel.as_mut_ptr());
        let bus = AudioBusBuffers {
            numChannels: 2,
            silenceFlags: 0,
            __field0: AudioBusBuffers__type0 { channelBuffers32: pointers.as_mut_ptr() },
        };
        let (mut input, mut output) = (bus, bus);
        // SAFETY: all zeros is a `ProcessData` without buses, events and context.
        let mut data: ProcessData = unsafe { std::mem::zeroed() };
        data.numSamples = BLOCK_FRAMES as int32;
        (data.numInputs, data.numOutputs) = (1, 1);
        (data.inputs, data.outputs) = (&mut input, &mut output);
        data.inputParameterChanges = changes.as_ptr();
        // SAFETY: everything that `data` points to lives until the call returns.
        assert_eq!(unsafe { processor.process(&mut data) }, kResultOk);
    }
}

fn one_life(factory: &ComPtr<IPluginFactory>, cycle: usize) {
    let component = create::<Backline>(factory);
    let processor = component.cast::<IAudioProcessor>().unwrap();
    let mut setup = ProcessSetup {
        processMode: 0,
        symbolicSampleSize: 0,
        maxSamplesPerBlock: BLOCK_FRAMES as int32,
        sampleRate: 48_000.0,
    };
    // SAFETY: the order of calls is VST3's.
    unsafe {
        assert_eq!(component.initialize(std::ptr::null_mut()), kResultOk);
        assert_eq!(processor.setupProcessing(&mut setup), kResultOk);
        assert_eq!(component.setActive(1), kResultOk);
        processor.setProcessing(1);
    }
    std::thread::scope(|scope| scope.spawn(|| automate(&processor, cycle)).join()).unwrap();
    // SAFETY: as above.
    unsafe {
        processor.setProcessing(0);
        assert_eq!(component.setActive(0), kResultOk);
        assert_eq!(component.terminate(), kResultOk);
    }
}

#[test]
fn a_thousand_automated_instances_come_and_go() {
    let factory = vst3_host::factory();
    (0..CYCLES).for_each(|cycle| one_life(&factory, cycle));
}
