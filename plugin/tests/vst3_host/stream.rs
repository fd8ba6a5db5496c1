//! A state in memory, as a host hands it to a plugin to be written or read.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;

use nice_plug::wrapper::vst3::vst3::Steinberg::{
    IBStream, IBStreamTrait, int32, int64, kInvalidArgument, kResultOk, tresult,
};
use nice_plug::wrapper::vst3::vst3::{Class, ComWrapper};

/// Bytes, and how far they have been read.
pub struct Stream {
    bytes: RefCell<Vec<u8>>,
    at: Cell<usize>,
}

impl Stream {
    pub fn of(bytes: &[u8]) -> ComWrapper<Self> {
        ComWrapper::new(Self { bytes: RefCell::new(bytes.to_vec()), at: Cell::new(0) })
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.borrow().clone()
    }
}

impl Class for Stream {
    type Interfaces = (IBStream,);
}

impl IBStreamTrait for Stream {
    unsafe fn read(&self, buffer: *mut c_void, count: int32, done: *mut int32) -> tresult {
        let bytes = self.bytes.borrow();
        let rest = &bytes[self.at.get().min(bytes.len())..];
        let count = rest.len().min(count.max(0) as usize);
        // SAFETY: the caller's buffer is as long as it says; nobody need want to know how much was read.
        unsafe {
            std::ptr::copy_nonoverlapping(rest.as_ptr(), buffer.cast(), count);
            if !done.is_null() {
                *done = count as int32;
            }
        }
        self.at.set(self.at.get() + count);
        kResultOk
    }

    unsafe fn write(&self, buffer: *mut c_void, count: int32, done: *mut int32) -> tresult {
        // SAFETY: as in `read`.
        unsafe {
            let given = std::slice::from_raw_parts(buffer.cast::<u8>(), count.max(0) as usize);
            self.bytes.borrow_mut().extend_from_slice(given);
            if !done.is_null() {
                *done = count;
            }
        }
        kResultOk
    }

    unsafe fn seek(&self, to: int64, from: int32, result: *mut int64) -> tresult {
        let origin = match from {
            0 => 0,
            1 => self.at.get(),
            2 => self.bytes.borrow().len(),
            _ => return kInvalidArgument,
        };
        let at = (origin as int64 + to).max(0);
        self.at.set(at as usize);
        if !result.is_null() {
            // SAFETY: the caller's place for the answer.
            unsafe { *result = at };
        }
        kResultOk
    }

    unsafe fn tell(&self, at: *mut int64) -> tresult {
        // SAFETY: the caller's place for the answer.
        unsafe { *at = self.at.get() as int64 };
        kResultOk
    }
}
