//! The parameter changes of a VST3 block, handed on at the places that [`Cuts`] gives them.
//!
//! Only for blocks with very many changes: all others go to the framework as the host gave them. A part of `vst3_buses.rs`.

use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, Ordering};

use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    IParamValueQueue, IParamValueQueueTrait, IParameterChanges, IParameterChangesTrait, ParamID, ParamValue,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{int32, kResultFalse, kResultOk, tresult};
use nice_plug::wrapper::vst3::vst3::{Class, ComRef, ComWrapper};

use crate::cuts::Cuts;

/// A list that stands in front of the host's.
pub struct PlacedChanges {
    list: ComWrapper<List>,
}

struct List {
    host: AtomicPtr<IParameterChanges>,
    queue: ComWrapper<Queue>,
}

/// One parameter's; it stands for the one that was asked for last.
struct Queue {
    host: AtomicPtr<IParamValueQueue>,
    /// Of the block at hand. The audio thread alone locks it.
    cuts: Mutex<Option<Cuts>>,
}

impl PlacedChanges {
    /// Stands in front of nothing yet. [main-thread]
    pub fn new() -> Self {
        let queue = Queue { host: AtomicPtr::default(), cuts: Mutex::default() };
        let list = List { host: AtomicPtr::default(), queue: ComWrapper::new(queue) };
        Self { list: ComWrapper::new(list) }
    }

    /// The list to hand on for a block: the host's own, or this one in front of it. It is whole until the host's goes. [audio-thread]
    ///
    /// # Safety
    /// `host` is null or a list that lives as long as the answer is used.
    pub unsafe fn before(&self, host: *mut IParameterChanges, block_frames: usize) -> *mut IParameterChanges {
        // SAFETY: the caller's promise.
        let Some(given) = (unsafe { ComRef::from_raw(host) }) else { return host };
        let cuts = Cuts::of(places(given), block_frames);
        let (Some(list), true) = (self.list.as_com_ref::<IParameterChanges>(), cuts.moves_any()) else {
            return host;
        };
        let Ok(mut place) = self.list.queue.cuts.try_lock() else { return host };
        *place = Some(cuts);
        self.list.host.store(host, Ordering::Relaxed);
        list.as_ptr()
    }
}

/// Where the changes of a list are.
fn places(changes: ComRef<'_, IParameterChanges>) -> impl Iterator<Item = u32> {
    // SAFETY: a list that lives, and the queues in it with it; answers go to places of our own.
    let queues = (0..unsafe { changes.getParameterCount() })
        .filter_map(move |index| unsafe { ComRef::from_raw(changes.getParameterData(index)) });
    queues.flat_map(|queue| {
        // SAFETY: as above.
        (0..unsafe { queue.getPointCount() }).filter_map(move |index| {
            let (mut at_frame, mut value) = (0, 0.0);
            // SAFETY: as above.
            let result = unsafe { queue.getPoint(index, &mut at_frame, &mut value) };
            (result == kResultOk).then(|| u32::try_from(at_frame).unwrap_or(0))
        })
    })
}

impl Class for List {
    type Interfaces = (IParameterChanges,);
}

impl IParameterChangesTrait for List {
    unsafe fn getParameterCount(&self) -> int32 {
        // SAFETY: the host's list lives for as long as this one stands in front of it.
        unsafe {
            ComRef::from_raw(self.host.load(Ordering::Relaxed)).map_or(0, |host| host.getParameterCount())
        }
    }

    unsafe fn getParameterData(&self, index: int32) -> *mut IParamValueQueue {
        // SAFETY: as above.
        let queue = unsafe {
            ComRef::from_raw(self.host.load(Ordering::Relaxed))
                .map_or(ptr::null_mut(), |host| host.getParameterData(index))
        };
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

    unsafe fn getPoint(&self, index: int32, at_frame: *mut int32, value: *mut ParamValue) -> tresult {
        let (Some(host), Ok(cuts)) = (self.host(), self.cuts.try_lock()) else { return kResultFalse };
        // SAFETY: the caller's places for the answer.
        unsafe {
            let result = host.getPoint(index, at_frame, value);
            if let (Some(cuts), true) = (*cuts, result == kResultOk) {
                *at_frame = cuts.place(u32::try_from(*at_frame).unwrap_or(0)).cast_signed();
            }
            result
        }
    }

    /// Nobody adds to what the host has said.
    unsafe fn addPoint(&self, _at_frame: int32, _value: ParamValue, _index: *mut int32) -> tresult {
        kResultFalse
    }
}
