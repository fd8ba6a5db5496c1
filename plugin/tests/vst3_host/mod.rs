//! The first steps of a VST3 host: the factory that the library exports, an instance of a class, and parameter changes for a block.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod instance;
pub mod stream;

use std::ffi::c_void;

use nice_plug::prelude::Vst3Plugin;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    IComponent, IComponent_iid, IParamValueQueue, IParamValueQueueTrait, IParameterChanges,
    IParameterChangesTrait, ParamID, ParamValue,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    IPluginFactory, IPluginFactoryTrait, kResultFalse, kResultOk, tresult,
};
use nice_plug::wrapper::vst3::vst3::{Class, ComPtr, ComWrapper};

unsafe extern "system" {
    safe fn GetPluginFactory() -> *mut c_void;
}

/// What the library exports.
pub fn factory() -> ComPtr<IPluginFactory> {
    // SAFETY: the factory hands over one reference.
    unsafe { ComPtr::from_raw(GetPluginFactory().cast()) }.unwrap()
}

/// The id that a VST3 host sees, as nice-plug 0.4.2 makes it.
pub fn parameter(id: &str) -> ParamID {
    id.bytes().fold(0u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into())) & !(1 << 31)
}

/// A text as VST3 has it.
pub fn name(text: &[u16]) -> String {
    let characters: Vec<u16> = text.iter().copied().take_while(|unit| *unit != 0).collect();
    String::from_utf16(&characters).unwrap()
}

/// An instance of a class.
pub fn create<P: Vst3Plugin>(factory: &ComPtr<IPluginFactory>) -> ComPtr<IComponent> {
    let class = P::PLATFORM_VST3_CLASS_ID;
    let mut object = std::ptr::null_mut();
    // SAFETY: both ids have 16 bytes, and `object` gets an interface of the kind that was asked for.
    unsafe {
        let created =
            factory.createInstance(class.as_ptr().cast(), IComponent_iid.as_ptr().cast(), &mut object);
        assert_eq!(created, kResultOk);
        ComPtr::from_raw(object.cast()).unwrap()
    }
}

/// A parameter, and where it gets which normalized value.
pub type Lane = (ParamID, Vec<(i32, f64)>);

/// The parameter changes of a block, as a host hands them over.
pub struct Changes(Vec<ComWrapper<Points>>);

struct Points(Lane);

impl Changes {
    pub fn of(lanes: &[Lane]) -> ComWrapper<Self> {
        ComWrapper::new(Self(lanes.iter().map(|lane| ComWrapper::new(Points(lane.clone()))).collect()))
    }
}

impl Class for Changes {
    type Interfaces = (IParameterChanges,);
}

impl IParameterChangesTrait for Changes {
    unsafe fn getParameterCount(&self) -> i32 {
        self.0.len() as i32
    }

    unsafe fn getParameterData(&self, index: i32) -> *mut IParamValueQueue {
        self.0[index as usize].as_com_ref::<IParamValueQueue>().unwrap().as_ptr()
    }

    unsafe fn addParameterData(&self, _id: *const ParamID, _index: *mut i32) -> *mut IParamValueQueue {
        std::ptr::null_mut()
    }
}

impl Class for Points {
    type Interfaces = (IParamValueQueue,);
}

impl IParamValueQueueTrait for Points {
    unsafe fn getParameterId(&self) -> ParamID {
        self.0.0
    }

    unsafe fn getPointCount(&self) -> i32 {
        self.0.1.len() as i32
    }

    unsafe fn getPoint(&self, index: i32, at_frame: *mut i32, value: *mut ParamValue) -> tresult {
        let point = self.0.1[index as usize];
        // SAFETY: the caller's places for the answer.
        unsafe { (*at_frame, *value) = point };
        kResultOk
    }

    unsafe fn addPoint(&self, _at_frame: i32, _value: ParamValue, _index: *mut i32) -> tresult {
        kResultFalse
    }
}
