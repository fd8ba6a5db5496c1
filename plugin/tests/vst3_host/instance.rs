//! An instance that a host has made ready, and the blocks that it gives it.

use nice_plug::prelude::Vst3Plugin;
use nice_plug::wrapper::vst3::vst3::ComPtr;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    AudioBusBuffers, AudioBusBuffers__type0, BusInfo, IAudioProcessor, IAudioProcessorTrait, IComponent,
    IComponentTrait, IEditController, IEditControllerTrait, IParameterChanges, ProcessData, ProcessSetup,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{IPluginBaseTrait, kResultOk, tresult};

use super::{Changes, Lane, create, factory, parameter};

/// The longest block that is announced, and the length of what [`buses`] makes.
pub const FRAMES: usize = 64;

/// An instance that is active.
pub struct Instance {
    pub component: ComPtr<IComponent>,
    pub processor: ComPtr<IAudioProcessor>,
}

/// The memory of a direction: by bus, then channel. A bus without channels is inactive.
pub type Buses = Vec<Vec<Vec<f32>>>;

pub fn buses(channels: &[usize], value: f32) -> Buses {
    buses_of(FRAMES, channels, value)
}

pub fn buses_of(frames: usize, channels: &[usize], value: f32) -> Buses {
    channels.iter().map(|count| vec![vec![value; frames]; *count]).collect()
}

impl Instance {
    pub fn new<P: Vst3Plugin>() -> Self {
        let component = create::<P>(&factory());
        // SAFETY: the order of calls is VST3's.
        unsafe { assert_eq!(component.initialize(std::ptr::null_mut()), kResultOk) };
        Self::of(component)
    }

    /// Of a component that is initialized and not active.
    pub fn of(component: ComPtr<IComponent>) -> Self {
        let processor = component.cast::<IAudioProcessor>().unwrap();
        let instance = Self { component, processor };
        instance.set_up();
        instance
    }

    pub fn set_up(&self) {
        self.set_up_for(48_000.0, FRAMES);
    }

    pub fn set_up_for(&self, rate_hz: f64, frames_max: usize) {
        let mut setup = ProcessSetup {
            processMode: 0,
            symbolicSampleSize: 0,
            maxSamplesPerBlock: frames_max as i32,
            sampleRate: rate_hz,
        };
        // SAFETY: the order of calls is VST3's.
        unsafe {
            assert_eq!(self.processor.setupProcessing(&mut setup), kResultOk);
            assert_eq!(self.component.setActive(1), kResultOk);
            self.processor.setProcessing(1);
        }
    }

    pub fn stop(&self) {
        // SAFETY: the order of calls is VST3's.
        unsafe {
            self.processor.setProcessing(0);
            assert_eq!(self.component.setActive(0), kResultOk);
        }
    }

    /// One block; a bus without channels is handed over as hosts do it for an inactive one.
    pub fn process(&self, inputs: &mut Buses, outputs: &mut Buses, frames: usize) {
        self.process_with(inputs, outputs, frames, &[]);
    }

    /// The same with parameter changes.
    pub fn process_with(&self, inputs: &mut Buses, outputs: &mut Buses, frames: usize, lanes: &[Lane]) {
        assert_eq!(self.process_data(inputs, outputs, frames, lanes, |_| ()), kResultOk);
    }

    /// The same with more to say of the block.
    pub fn process_data(
        &self,
        inputs: &mut Buses,
        outputs: &mut Buses,
        frames: usize,
        lanes: &[Lane],
        say: impl FnOnce(&mut ProcessData),
    ) -> tresult {
        let mut pointers: Vec<Vec<*mut f32>> = inputs
            .iter_mut()
            .chain(&mut *outputs)
            .map(|bus| bus.iter_mut().map(Vec::as_mut_ptr).collect())
            .collect();
        let describe = |pointers: &mut Vec<*mut f32>| AudioBusBuffers {
            numChannels: pointers.len() as i32,
            silenceFlags: 0,
            __field0: AudioBusBuffers__type0 {
                channelBuffers32: if pointers.is_empty() {
                    std::ptr::null_mut()
                } else {
                    pointers.as_mut_ptr()
                },
            },
        };
        let mut described: Vec<AudioBusBuffers> = pointers.iter_mut().map(describe).collect();
        let (input_list, output_list) = described.split_at_mut(inputs.len());
        // SAFETY: all zeros is a `ProcessData` without buses, events and context.
        let mut data: ProcessData = unsafe { std::mem::zeroed() };
        data.numSamples = frames as i32;
        (data.inputs, data.numInputs) = (input_list.as_mut_ptr(), input_list.len() as i32);
        (data.outputs, data.numOutputs) = (output_list.as_mut_ptr(), output_list.len() as i32);
        let changes = Changes::of(lanes);
        data.inputParameterChanges = changes.as_com_ref::<IParameterChanges>().unwrap().as_ptr();
        say(&mut data);
        // SAFETY: everything that `data` points to lives until the call returns.
        unsafe { self.processor.process(&mut data) }
    }

    /// Lets the own input through at unity.
    pub fn monitor(&self) {
        let controller = self.controller();
        let id = parameter("monitor_gain");
        // SAFETY: calls of the main thread without pointers.
        unsafe {
            let unity = controller.plainParamToNormalized(id, 0.0);
            // While it processes, only a block brings new values.
            self.processor.setProcessing(0);
            assert_eq!(controller.setParamNormalized(id, unity), kResultOk);
            self.processor.setProcessing(1);
        }
    }

    pub fn controller(&self) -> ComPtr<IEditController> {
        self.component.cast::<IEditController>().unwrap()
    }

    pub fn bus(&self, direction: i32, index: i32) -> BusInfo {
        // SAFETY: all zeros is a `BusInfo`.
        let mut info: BusInfo = unsafe { std::mem::zeroed() };
        // SAFETY: the answer goes to a place of our own.
        assert_eq!(unsafe { self.component.getBusInfo(0, direction, index, &mut info) }, kResultOk);
        info
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: the order of calls is VST3's.
        unsafe {
            self.processor.setProcessing(0);
            self.component.setActive(0);
            self.component.terminate();
        }
    }
}
