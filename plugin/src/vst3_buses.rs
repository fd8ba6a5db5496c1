//! The VST3 object that hosts get: the framework's own, made to process whichever buses a host has active.
//!
//! nice-plug 0.4.2 does not call `process` while a host leaves any auxiliary output without buffers, reads beyond the end of a
//! shorter list of buses, takes old output for input where the main input is missing, and refuses an arrangement of a bus
//! that is empty (LANDSCAPE, fault 1). This object gives it a whole list: what the host left out goes to memory of its
//! own that nobody hears, and [`HostCall`] says so, because a musician whose auxiliary output is off plays on main.
//! Auxiliary outputs begin inactive, as VST3 wants it. It also says how long the host's block is, which the framework cuts where a
//! parameter changes, and sets parameters itself (`vst3_params.rs`).
//!
//! Everything else is handed on. The step before is `vst3_factory.rs`, the step after `plugin.rs`.

#![allow(clippy::unnecessary_cast, reason = "VST3's constants have other types on Windows")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use nice_plug::prelude::Vst3Plugin;
use nice_plug::wrapper::vst3::Wrapper;
use nice_plug::wrapper::vst3::vst3::Class;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::BusInfo_::BusFlags_::kDefaultActive;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::ChannelContext::{IInfoListener, IInfoListenerTrait};
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    AudioBusBuffers, BusDirection, BusDirections_, BusInfo, BusTypes_, CString, CtrlNumber, IAttributeList,
    IAudioProcessor, IAudioProcessorTrait, IComponent, IComponentHandler, IComponentTrait, IEditController,
    IEditControllerTrait, IMidiMapping, IMidiMappingTrait, INoteExpressionController,
    INoteExpressionControllerTrait, IProcessContextRequirements, IProcessContextRequirementsTrait, IUnitInfo,
    IUnitInfoTrait, IoMode, MediaType, MediaTypes_, NoteExpressionTypeID, NoteExpressionTypeInfo,
    NoteExpressionValue, ParamID, ParamValue, ParameterInfo, ProcessData, ProcessSetup, ProgramListID,
    ProgramListInfo, RoutingInfo, SpeakerArr, SpeakerArrangement, String128, TChar, UnitID, UnitInfo,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    FIDString, FUnknown, IBStream, IPlugView, IPluginBaseTrait, TBool, TUID, int16, int32, kInvalidArgument,
    kResultOk, tresult, uint32,
};

use crate::host_call::HostCall;
use crate::spare_buses::SpareBuses;
use crate::vst3_changes::PlacedChanges;
use crate::vst3_params::OwnParams;

/// One instance of a class, as a host sees it.
pub struct AnyBuses<P: Vst3Plugin> {
    inner: Wrapper<P>,
    call: Arc<HostCall>,
    params: Arc<OwnParams>,
    changes: PlacedChanges,
    is_processing: AtomicBool,
    /// The longest block that the host has announced.
    block_frames: AtomicUsize,
    /// Made on activation. The audio thread only tries the lock: nobody else holds it while a host keeps to VST3's order of calls.
    spare: Mutex<SpareBuses<AudioBusBuffers>>,
}

impl<P: Vst3Plugin> AnyBuses<P> {
    /// A new instance. [main-thread]
    pub fn new() -> Self {
        let (inner, call) = HostCall::link(Wrapper::new);
        let params = Arc::new(OwnParams::new(&inner, call.params()));
        let changes = PlacedChanges::new(params.clone());
        let block = changes.block().clone();
        call.set_on_part(Box::new(move |at_frame| block.part_begins(at_frame)));
        let (is_processing, block_frames, spare) =
            (AtomicBool::new(false), AtomicUsize::new(0), Mutex::default());
        Self { inner, call, params, changes, is_processing, block_frames, spare }
    }

    fn bus_count(&self, direction: BusDirection) -> usize {
        // SAFETY: it only counts.
        unsafe { self.inner.getBusCount(AUDIO, direction) }.max(0) as usize
    }

    /// The framework takes an index below 0 for the first auxiliary bus.
    fn has_bus(&self, kind: MediaType, direction: BusDirection, index: int32) -> bool {
        // SAFETY: it only counts.
        (0..unsafe { self.inner.getBusCount(kind, direction) }).contains(&index)
    }

    /// How many channels each bus of a direction has.
    fn channels(&self, direction: BusDirection) -> Vec<usize> {
        let channels = |index| {
            let mut arrangement: SpeakerArrangement = SpeakerArr::kEmpty;
            // SAFETY: the answer goes to a place of our own.
            unsafe { self.inner.getBusArrangement(direction, index as int32, &mut arrangement) };
            arrangement.count_ones() as usize
        };
        (0..self.bus_count(direction)).map(channels).collect()
    }
}

impl<P: Vst3Plugin> Default for AnyBuses<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Vst3Plugin> Class for AnyBuses<P> {
    type Interfaces = (
        IComponent,
        IEditController,
        IAudioProcessor,
        IMidiMapping,
        INoteExpressionController,
        IProcessContextRequirements,
        IUnitInfo,
        IInfoListener,
    );
}

/// Methods that only hand on.
macro_rules! hand_on {
    ($($interface:ident { $(fn $name:ident($($argument:ident: $kind:ty),*) -> $result:ty;)* })*) => {
        $(impl<P: Vst3Plugin> $interface for AnyBuses<P> { hand_on!(@ $interface $(fn $name($($argument: $kind),*) -> $result;)*); })*
    };
    (@ $interface:ident $(fn $name:ident($($argument:ident: $kind:ty),*) -> $result:ty;)*) => {
        $(unsafe fn $name(&self, $($argument: $kind),*) -> $result {
            // SAFETY: the caller's promises are those that the framework's method wants.
            unsafe { $interface::$name(&self.inner, $($argument),*) }
        })*
    };
}

hand_on! {
    IPluginBaseTrait {
        fn initialize(context: *mut FUnknown) -> tresult;
        fn terminate() -> tresult;
    }
    IMidiMappingTrait {
        fn getMidiControllerAssignment(bus: int32, channel: int16, number: CtrlNumber, id: *mut ParamID) -> tresult;
    }
    INoteExpressionControllerTrait {
        fn getNoteExpressionCount(bus: int32, channel: int16) -> int32;
        fn getNoteExpressionInfo(bus: int32, channel: int16, index: int32, info: *mut NoteExpressionTypeInfo) -> tresult;
        fn getNoteExpressionStringByValue(
            bus: int32, channel: int16, id: NoteExpressionTypeID, value: NoteExpressionValue, text: *mut String128
        ) -> tresult;
        fn getNoteExpressionValueByString(
            bus: int32, channel: int16, id: NoteExpressionTypeID, text: *const TChar, value: *mut NoteExpressionValue
        ) -> tresult;
    }
    IProcessContextRequirementsTrait {
        fn getProcessContextRequirements() -> uint32;
    }
    IUnitInfoTrait {
        fn getUnitCount() -> int32;
        fn getUnitInfo(index: int32, info: *mut UnitInfo) -> tresult;
        fn getProgramListCount() -> int32;
        fn getProgramListInfo(index: int32, info: *mut ProgramListInfo) -> tresult;
        fn getProgramName(list: ProgramListID, index: int32, name: *mut String128) -> tresult;
        fn getProgramInfo(list: ProgramListID, index: int32, attribute: CString, value: *mut String128) -> tresult;
        fn hasProgramPitchNames(list: ProgramListID, index: int32) -> tresult;
        fn getProgramPitchName(list: ProgramListID, index: int32, pitch: int16, name: *mut String128) -> tresult;
        fn getSelectedUnit() -> UnitID;
        fn selectUnit(id: UnitID) -> tresult;
        fn getUnitByBus(kind: MediaType, direction: BusDirection, bus: int32, channel: int32, id: *mut UnitID) -> tresult;
        fn setUnitProgramData(list_or_unit: int32, index: int32, data: *mut IBStream) -> tresult;
    }
    IInfoListenerTrait {
        fn setChannelContextInfos(list: *mut IAttributeList) -> tresult;
    }
}

impl<P: Vst3Plugin> IComponentTrait for AnyBuses<P> {
    hand_on! { @ IComponentTrait
        fn getControllerClassId(class: *mut TUID) -> tresult;
        fn setIoMode(mode: IoMode) -> tresult;
        fn getBusCount(kind: MediaType, direction: BusDirection) -> int32;
        fn getRoutingInfo(input: *mut RoutingInfo, output: *mut RoutingInfo) -> tresult;
        fn activateBus(kind: MediaType, direction: BusDirection, index: int32, state: TBool) -> tresult;
        fn setState(state: *mut IBStream) -> tresult;
        fn getState(state: *mut IBStream) -> tresult;
    }

    /// Makes the memory for what the host may leave out: only now the shapes of all buses are certain. [main-thread]
    unsafe fn setActive(&self, state: TBool) -> tresult {
        if state != 0 {
            let frames = self.block_frames.load(Ordering::Relaxed);
            let spare = SpareBuses::new(&self.channels(INPUT), &self.channels(OUTPUT), frames);
            *self.spare.lock().unwrap_or_else(PoisonError::into_inner) = spare;
        }
        // SAFETY: handed on as it came.
        unsafe { self.inner.setActive(state) }
    }

    unsafe fn getBusInfo(
        &self,
        kind: MediaType,
        direction: BusDirection,
        index: int32,
        info: *mut BusInfo,
    ) -> tresult {
        if !self.has_bus(kind, direction, index) {
            return kInvalidArgument;
        }
        // SAFETY: the caller's promises; what was filled in is ours to change until we return.
        unsafe {
            let result = self.inner.getBusInfo(kind, direction, index, info);
            if result == kResultOk && (*info).busType == AUX {
                (*info).flags &= !DEFAULT_ACTIVE;
            }
            result
        }
    }
}

impl<P: Vst3Plugin> IEditControllerTrait for AnyBuses<P> {
    hand_on! { @ IEditControllerTrait
        fn setComponentState(state: *mut IBStream) -> tresult;
        fn setState(state: *mut IBStream) -> tresult;
        fn getState(state: *mut IBStream) -> tresult;
        fn getParameterCount() -> int32;
        fn getParameterInfo(index: int32, info: *mut ParameterInfo) -> tresult;
        fn getParamStringByValue(id: ParamID, value: ParamValue, text: *mut String128) -> tresult;
        fn getParamValueByString(id: ParamID, text: *mut TChar, value: *mut ParamValue) -> tresult;
        fn normalizedParamToPlain(id: ParamID, value: ParamValue) -> ParamValue;
        fn plainParamToNormalized(id: ParamID, value: ParamValue) -> ParamValue;
        fn getParamNormalized(id: ParamID) -> ParamValue;
        fn setComponentHandler(handler: *mut IComponentHandler) -> tresult;
        fn createView(name: FIDString) -> *mut IPlugView;
    }

    /// While blocks are processed it comes with a block, too. [main-thread, but hosts differ]
    unsafe fn setParamNormalized(&self, id: ParamID, value: ParamValue) -> tresult {
        let is_set = self.is_processing.load(Ordering::Relaxed) || self.params.set(id, value);
        if is_set { kResultOk } else { kInvalidArgument }
    }
}

impl<P: Vst3Plugin> IAudioProcessorTrait for AnyBuses<P> {
    hand_on! { @ IAudioProcessorTrait
        fn canProcessSampleSize(size: int32) -> tresult;
        fn getLatencySamples() -> uint32;
        fn getTailSamples() -> uint32;
    }

    unsafe fn getBusArrangement(
        &self,
        direction: BusDirection,
        index: int32,
        arrangement: *mut SpeakerArrangement,
    ) -> tresult {
        if !self.has_bus(AUDIO, direction, index) {
            return kInvalidArgument;
        }
        // SAFETY: handed on as it came.
        unsafe { self.inner.getBusArrangement(direction, index, arrangement) }
    }

    /// A bus that is off may be said to be empty; it keeps its shape then. A host without inputs may pass no list of them.
    unsafe fn setBusArrangements(
        &self,
        inputs: *mut SpeakerArrangement,
        input_count: int32,
        outputs: *mut SpeakerArrangement,
        output_count: int32,
    ) -> tresult {
        let whole = |direction, wanted: *mut SpeakerArrangement, count: int32| {
            let mut buses: Vec<SpeakerArrangement> = match (wanted.is_null(), count) {
                (true, _) | (_, ..=0) => Vec::new(),
                // SAFETY: the host's list is as long as it says.
                (false, _) => unsafe { std::slice::from_raw_parts(wanted, count as usize) }.to_vec(),
            };
            for (index, bus) in buses.iter_mut().enumerate().filter(|(_, bus)| **bus == SpeakerArr::kEmpty) {
                // SAFETY: the answer goes to a place of our own; a bus that does not exist leaves it.
                unsafe { self.inner.getBusArrangement(direction, index as int32, bus) };
            }
            buses
        };
        let (mut inputs, mut outputs) =
            (whole(INPUT, inputs, input_count), whole(OUTPUT, outputs, output_count));
        let counts = (inputs.len() as int32, outputs.len() as int32);
        // SAFETY: both lists are ours and as long as is said; an empty one has a pointer that is not null.
        unsafe {
            self.inner.setBusArrangements(inputs.as_mut_ptr(), counts.0, outputs.as_mut_ptr(), counts.1)
        }
    }

    unsafe fn setProcessing(&self, state: TBool) -> tresult {
        self.is_processing.store(state != 0, Ordering::Relaxed);
        // SAFETY: handed on as it came.
        unsafe { self.inner.setProcessing(state) }
    }

    unsafe fn setupProcessing(&self, setup: *mut ProcessSetup) -> tresult {
        // SAFETY: the host's promise; null is looked for.
        let frames = unsafe { setup.as_ref() }.map_or(0, |setup| setup.maxSamplesPerBlock.max(0) as usize);
        self.block_frames.store(frames, Ordering::Relaxed);
        // SAFETY: handed on as it came.
        unsafe { self.inner.setupProcessing(setup) }
    }

    /// One block. [audio-thread]
    unsafe fn process(&self, data: *mut ProcessData) -> tresult {
        // SAFETY: `data` is whole or null, by the host's promise.
        unsafe {
            let (Some(given), Ok(mut spare)) = (data.as_ref(), self.spare.try_lock()) else {
                return self.inner.process(data);
            };
            let frames = given.numSamples.max(0) as usize;
            self.call.begin(frames);
            let mut whole = *given;
            whole.inputParameterChanges = self.changes.begin(given.inputParameterChanges, frames);
            if spare.fits(given.numSamples) && has_sound(given) {
                self.call.set_absent_aux(spare.complete(&mut whole));
            }
            let result = self.inner.process(&mut whole);
            self.changes.end();
            result
        }
    }
}

/// Whether any output has channels. Some hosts hand over parameters alone by a block without any.
///
/// # Safety
/// The lists in `data` are as long as it says.
unsafe fn has_sound(data: &ProcessData) -> bool {
    if data.outputs.is_null() || data.numOutputs <= 0 {
        return false;
    }
    // SAFETY: the caller's promise.
    let outputs: &[AudioBusBuffers] =
        unsafe { std::slice::from_raw_parts(data.outputs, data.numOutputs as usize) };
    outputs.iter().any(|bus| bus.numChannels > 0)
}

const AUDIO: MediaType = MediaTypes_::kAudio as MediaType;
const INPUT: BusDirection = BusDirections_::kInput as BusDirection;
const OUTPUT: BusDirection = BusDirections_::kOutput as BusDirection;
const AUX: i32 = BusTypes_::kAux as i32;
const DEFAULT_ACTIVE: u32 = kDefaultActive as u32;
