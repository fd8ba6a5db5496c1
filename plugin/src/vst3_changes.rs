//! The parameter changes of a VST3 block. The framework gets their places alone, as [`Cuts`] puts them, and cuts the block there; the values
//! are set here, when the part begins that they are for (`vst3_params.rs` says why).
//!
//! The step before is `vst3_buses.rs`; the step after is the plugin, for which [`HostCall`](crate::host_call::HostCall) says that a part
//! begins.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    IParamValueQueue, IParamValueQueueTrait, IParameterChanges, IParameterChangesTrait, ParamID, ParamValue,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{int32, kResultFalse, kResultOk, tresult};
use nice_plug::wrapper::vst3::vst3::{Class, ComRef, ComWrapper};

use crate::cuts::Cuts;
use crate::vst3_params::OwnParams;

/// What the framework gets in place of the host's list.
pub struct PlacedChanges {
    list: ComWrapper<List>,
    block: Arc<BlockChanges>,
}

/// The changes of the block at hand.
pub struct BlockChanges {
    /// The host's; null between blocks.
    host: AtomicPtr<IParameterChanges>,
    /// The audio thread alone locks it.
    cuts: Mutex<Option<Cuts>>,
    /// What is before this sample frame of the block is set.
    done_frames: AtomicU32,
    params: Arc<OwnParams>,
}

struct List {
    block: Arc<BlockChanges>,
    queue: ComWrapper<Queue>,
}

/// One parameter's; it stands for the one that was asked for last.
struct Queue {
    block: Arc<BlockChanges>,
    host: AtomicPtr<IParamValueQueue>,
}

impl PlacedChanges {
    /// Stands in front of nothing yet. [main-thread]
    pub fn new(params: Arc<OwnParams>) -> Self {
        let (host, cuts, done_frames) = (AtomicPtr::default(), Mutex::default(), AtomicU32::default());
        let block = Arc::new(BlockChanges { host, cuts, done_frames, params });
        let queue = ComWrapper::new(Queue { block: block.clone(), host: AtomicPtr::default() });
        Self { list: ComWrapper::new(List { block: block.clone(), queue }), block }
    }

    /// The changes of the block at hand.
    pub fn block(&self) -> &Arc<BlockChanges> {
        &self.block
    }

    /// The list to hand on for a block, in front of the host's. It is whole until [`Self::end`], and so must the host's be. [audio-thread]
    ///
    /// # Safety
    /// `host` is null or a list that lives until [`Self::end`].
    pub unsafe fn begin(&self, host: *mut IParameterChanges, block_frames: usize) -> *mut IParameterChanges {
        // SAFETY: the caller's promise.
        let Some(given) = (unsafe { ComRef::from_raw(host) }) else { return host };
        let (Some(list), Ok(mut cuts)) =
            (self.list.as_com_ref::<IParameterChanges>(), self.block.cuts.try_lock())
        else {
            return host;
        };
        *cuts = Some(Cuts::of(places(given), block_frames));
        self.block.done_frames.store(0, Ordering::Relaxed);
        self.block.host.store(host, Ordering::Relaxed);
        list.as_ptr()
    }

    /// The block is over: sets what is left, all of it where nothing was played, and lets go of the host's list. [audio-thread]
    pub fn end(&self) {
        self.block.set_before(u32::MAX);
        self.block.host.store(ptr::null_mut(), Ordering::Relaxed);
    }
}

impl BlockChanges {
    /// A part of the block begins at this sample frame: sets what is for it. [audio-thread]
    pub fn part_begins(&self, at_frame: usize) {
        self.set_before(u32::try_from(at_frame).unwrap_or(u32::MAX).saturating_add(1));
    }

    /// Sets what is before a sample frame and is not yet.
    fn set_before(&self, end: u32) {
        let (Some(host), Ok(cuts)) = (self.host(), self.cuts.try_lock()) else { return };
        let Some(cuts) = *cuts else { return };
        let begin = self.done_frames.swap(end, Ordering::Relaxed);
        for queue in queues(host) {
            let here = points(queue).map(|(at_frame, value)| (cuts.place(at_frame), value));
            let here = here.filter(|(place, _)| (begin..end).contains(place));
            if let Some((_, value)) = here.max_by_key(|(place, _)| *place) {
                // SAFETY: it only reads.
                self.params.set(unsafe { queue.getParameterId() }, value);
            }
        }
    }

    fn host(&self) -> Option<ComRef<'_, IParameterChanges>> {
        // SAFETY: the host's list lives for as long as ours stands in front of it.
        unsafe { ComRef::from_raw(self.host.load(Ordering::Relaxed)) }
    }
}

/// The queues of a list, one a parameter.
fn queues(changes: ComRef<'_, IParameterChanges>) -> impl Iterator<Item = ComRef<'_, IParamValueQueue>> {
    // SAFETY: a list that lives, and the queues in it with it.
    (0..unsafe { changes.getParameterCount() })
        .filter_map(move |index| unsafe { ComRef::from_raw(changes.getParameterData(index)) })
}

/// Where the changes of a queue are, and to what.
fn points(queue: ComRef<'_, IParamValueQueue>) -> impl Iterator<Item = (u32, ParamValue)> {
    // SAFETY: a queue that lives; answers go to places of our own.
    (0..unsafe { queue.getPointCount() }).filter_map(move |index| {
        let (mut at_frame, mut value) = (0, 0.0);
        // SAFETY: as above.
        let result = unsafe { queue.getPoint(index, &mut at_frame, &mut value) };
        (result == kResultOk).then(|| (u32::try_from(at_frame).unwrap_or(0), value))
    })
}

/// Where the changes of a list are.
fn places(changes: ComRef<'_, IParameterChanges>) -> impl Iterator<Item = u32> {
    queues(changes).flat_map(points).map(|(at_frame, _)| at_frame)
}

impl Class for List {
    type Interfaces = (IParameterChanges,);
}

impl IParameterChangesTrait for List {
    unsafe fn getParameterCount(&self) -> int32 {
        // SAFETY: it only counts.
        self.block.host().map_or(0, |host| unsafe { host.getParameterCount() })
    }

    unsafe fn getParameterData(&self, index: int32) -> *mut IParamValueQueue {
        // SAFETY: the host's list lives.
        let queue = self.block.host().map_or(ptr::null_mut(), |host| unsafe { host.getParameterData(index) });
        if queue.is_null() {
            return queue;
        }
        self.queue.host.store(queue, Ordering::Relaxed);
        self.queue.as_com_ref::<IParamValueQueue>().map_or(ptr::null_mut(), |queue| queue.as_ptr())
    }

    /// Nobody adds to what the host has said.
    unsafe fn addParameterData(&self, _id: *const ParamID, _index: *mut int32) -> *mut IParamValueQueue {
        ptr::null_mut()
    }
}

impl Class for Queue {
    type Interfaces = (IParamValueQueue,);
}

impl Queue {
    fn host(&self) -> Option<ComRef<'_, IParamValueQueue>> {
        // SAFETY: a queue of the host's list, which lives for as long as ours stands in front of it.
        unsafe { ComRef::from_raw(self.host.load(Ordering::Relaxed)) }
    }
}

impl IParamValueQueueTrait for Queue {
    unsafe fn getParameterId(&self) -> ParamID {
        // SAFETY: it only reads.
        self.host().map_or(ParamID::MAX, |host| unsafe { host.getParameterId() })
    }

    unsafe fn getPointCount(&self) -> int32 {
        // SAFETY: it only counts.
        self.host().map_or(0, |host| unsafe { host.getPointCount() })
    }

    /// What is not a number the framework sets nowhere, and cuts the block for it all the same.
    unsafe fn getPoint(&self, index: int32, at_frame: *mut int32, value: *mut ParamValue) -> tresult {
        let (Some(host), Ok(cuts)) = (self.host(), self.block.cuts.try_lock()) else { return kResultFalse };
        // SAFETY: the caller's places for the answer.
        unsafe {
            let result = host.getPoint(index, at_frame, value);
            if let (Some(cuts), true) = (*cuts, result == kResultOk) {
                *at_frame = cuts.place(u32::try_from(*at_frame).unwrap_or(0)).cast_signed();
                if self.block.params.has(host.getParameterId()) {
                    *value = ParamValue::NAN;
                }
            }
            result
        }
    }

    /// Nobody adds to what the host has said.
    unsafe fn addPoint(&self, _at_frame: int32, _value: ParamValue, _index: *mut int32) -> tresult {
        kResultFalse
    }
}
