//! What a VST3 host finds in the library: the factory of all classes, and the entry points of the module.
//!
//! The framework has a macro for this, whose objects do not process with a part of their buses; here a class is made with
//! [`AnyBuses`] around it. The description of a class is the framework's. The step after is `vst3_buses.rs`.

use std::ffi::c_void;

use nice_plug::prelude::Vst3Plugin;
use nice_plug::wrapper::setup_logger;
use nice_plug::wrapper::vst3::PluginInfo;
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    FIDString, FUnknown, IPluginFactory, IPluginFactory2, IPluginFactory2Trait, IPluginFactory3,
    IPluginFactory3Trait, IPluginFactoryTrait, PClassInfo, PClassInfo2, PClassInfoW, PFactoryInfo, TUID,
    int32, kInvalidArgument, kResultOk, tresult,
};
use nice_plug::wrapper::vst3::vst3::{Class, ComWrapper};

use crate::plugin::{Backline, BacklineMulti, BacklineReturn};
use crate::vst3_buses::AnyBuses;

/// One class: how it describes itself and how it is made.
struct Listed {
    info: PluginInfo,
    make: unsafe fn(FIDString, *mut *mut c_void) -> tresult,
}

/// The factory of all classes.
pub struct Factory(Vec<Listed>);

impl Factory {
    /// The classes in the order in which hosts list them.
    fn new() -> Self {
        Self(vec![listed::<Backline>(), listed::<BacklineMulti>(), listed::<BacklineReturn>()])
    }

    fn info(&self, index: int32) -> Option<&PluginInfo> {
        let index = usize::try_from(index).ok()?;
        self.0.get(index).map(|listed| &listed.info)
    }

    /// Writes what a class says of itself.
    ///
    /// # Safety
    /// `place` is null or may be written to.
    unsafe fn tell<T>(&self, index: int32, place: *mut T, tell: fn(&PluginInfo) -> T) -> tresult {
        let (Some(info), false) = (self.info(index), place.is_null()) else { return kInvalidArgument };
        // SAFETY: the caller's promise.
        unsafe { place.write(tell(info)) };
        kResultOk
    }
}

fn listed<P: Vst3Plugin>() -> Listed {
    Listed { info: PluginInfo::for_plugin::<P>(), make: make::<P> }
}

/// # Safety
/// `interface` is an id of 16 bytes, `place` may be written to.
unsafe fn make<P: Vst3Plugin>(interface: FIDString, place: *mut *mut c_void) -> tresult {
    let wrapper = ComWrapper::new(AnyBuses::<P>::new());
    let Some(object) = wrapper.as_com_ref::<FUnknown>() else { return kInvalidArgument };
    let object = object.as_ptr();
    // SAFETY: the object lives until `wrapper` goes, and what is asked for holds it then.
    unsafe { ((*(*object).vtbl).queryInterface)(object, interface as *const TUID, place) }
}

impl Class for Factory {
    type Interfaces = (IPluginFactory, IPluginFactory2, IPluginFactory3);
}

impl IPluginFactoryTrait for Factory {
    unsafe fn getFactoryInfo(&self, info: *mut PFactoryInfo) -> tresult {
        // SAFETY: the host's promise. The first class speaks for all: they have one vendor.
        unsafe { self.tell(0, info, PluginInfo::create_factory_info) }
    }

    unsafe fn countClasses(&self) -> int32 {
        self.0.len() as int32
    }

    unsafe fn getClassInfo(&self, index: int32, info: *mut PClassInfo) -> tresult {
        // SAFETY: the host's promise.
        unsafe { self.tell(index, info, PluginInfo::create_class_info) }
    }

    unsafe fn createInstance(
        &self,
        class: FIDString,
        interface: FIDString,
        place: *mut *mut c_void,
    ) -> tresult {
        if class.is_null() || interface.is_null() || place.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: ids have 16 bytes, by the host's promise.
        let class = unsafe { *class.cast::<[u8; 16]>() };
        match self.0.iter().find(|listed| *listed.info.cid == class) {
            // SAFETY: as above, and the place is not null.
            Some(listed) => unsafe { (listed.make)(interface, place) },
            None => kInvalidArgument,
        }
    }
}

impl IPluginFactory2Trait for Factory {
    unsafe fn getClassInfo2(&self, index: int32, info: *mut PClassInfo2) -> tresult {
        // SAFETY: the host's promise.
        unsafe { self.tell(index, info, PluginInfo::create_class_info_2) }
    }
}

impl IPluginFactory3Trait for Factory {
    unsafe fn getClassInfoUnicode(&self, index: int32, info: *mut PClassInfoW) -> tresult {
        // SAFETY: the host's promise.
        unsafe { self.tell(index, info, PluginInfo::create_class_info_unicode) }
    }

    unsafe fn setHostContext(&self, _context: *mut FUnknown) -> tresult {
        kResultOk
    }
}

/// The factory, with a reference for the caller.
#[unsafe(no_mangle)]
pub extern "system" fn GetPluginFactory() -> *mut c_void {
    let factory = ComWrapper::new(Factory::new()).to_com_ptr::<IPluginFactory>();
    factory.map_or(std::ptr::null_mut(), |factory| factory.into_raw().cast())
}

fn enter() -> bool {
    // One logger for all classes.
    setup_logger::<Backline>();
    true
}

/// The module is loaded.
#[cfg(all(unix, not(target_os = "macos")))]
#[unsafe(no_mangle)]
pub extern "C" fn ModuleEntry(_library: *mut c_void) -> bool {
    enter()
}

/// The module is unloaded.
#[cfg(all(unix, not(target_os = "macos")))]
#[unsafe(no_mangle)]
pub extern "C" fn ModuleExit() -> bool {
    true
}

/// The module is loaded.
#[cfg(target_os = "macos")]
#[unsafe(no_mangle)]
pub extern "C" fn bundleEntry(_bundle: *mut c_void) -> bool {
    enter()
}

/// The module is unloaded.
#[cfg(target_os = "macos")]
#[unsafe(no_mangle)]
pub extern "C" fn bundleExit() -> bool {
    true
}

/// The module is loaded.
#[cfg(windows)]
#[unsafe(no_mangle)]
pub extern "system" fn InitDll() -> bool {
    enter()
}

/// The module is unloaded.
#[cfg(windows)]
#[unsafe(no_mangle)]
pub extern "system" fn ExitDll() -> bool {
    true
}
