//! The first steps of a VST3 host: the factory that the library exports, and an instance of a class.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::ffi::c_void;

use nice_plug::prelude::Vst3Plugin;
use nice_plug::wrapper::vst3::vst3::ComPtr;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{IComponent, IComponent_iid, ParamID};
use nice_plug::wrapper::vst3::vst3::Steinberg::{IPluginFactory, IPluginFactoryTrait, kResultOk};

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
