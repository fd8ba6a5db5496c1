//! What a CLAP host finds in the library: the entry point of the module, and the factory of all classes.
//!
//! The framework has a macro for this, whose instances do not say how long a host's block is; here a class is made with an
//! `Instance` around it. The description of a class is the framework's. The step after is `clap_instance.rs`.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::OnceLock;

use clap_sys::entry::clap_plugin_entry;
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::host::clap_host;
use clap_sys::plugin::{clap_plugin, clap_plugin_descriptor};
use clap_sys::version::CLAP_VERSION;
use nice_plug::prelude::ClapPlugin;
use nice_plug::wrapper::clap::PluginDescriptor;
use nice_plug::wrapper::setup_logger;

use crate::clap_instance::Instance;
use crate::plugin::{Backline, BacklineMulti, BacklineReturn};

/// One class: how it describes itself and how it is made.
struct Listed {
    descriptor: PluginDescriptor,
    make: unsafe fn(*const clap_host) -> *const clap_plugin,
}

static FACTORY: clap_plugin_factory = clap_plugin_factory {
    get_plugin_count: Some(count),
    get_plugin_descriptor: Some(describe),
    create_plugin: Some(create),
};

/// The library's entry point.
#[unsafe(no_mangle)]
#[used]
pub static clap_entry: clap_plugin_entry = clap_plugin_entry {
    clap_version: CLAP_VERSION,
    init: Some(enter),
    deinit: Some(leave),
    get_factory: Some(factory),
};

/// The classes in the order in which hosts list them.
fn classes() -> &'static [Listed; 3] {
    static CLASSES: OnceLock<[Listed; 3]> = OnceLock::new();
    CLASSES.get_or_init(|| [listed::<Backline>(), listed::<BacklineMulti>(), listed::<BacklineReturn>()])
}

fn listed<P: ClapPlugin>() -> Listed {
    Listed { descriptor: PluginDescriptor::for_plugin::<P>(), make: Instance::make::<P> }
}

unsafe extern "C" fn enter(_path: *const c_char) -> bool {
    // One logger for all classes.
    setup_logger::<Backline>();
    true
}

unsafe extern "C" fn leave() {}

unsafe extern "C" fn factory(id: *const c_char) -> *const c_void {
    // SAFETY: a C string by the host's promise; null is looked for.
    if !id.is_null() && unsafe { CStr::from_ptr(id) } == CLAP_PLUGIN_FACTORY_ID {
        ptr::from_ref(&FACTORY).cast()
    } else {
        ptr::null()
    }
}

unsafe extern "C" fn count(_factory: *const clap_plugin_factory) -> u32 {
    classes().len() as u32
}

unsafe extern "C" fn describe(
    _factory: *const clap_plugin_factory,
    index: u32,
) -> *const clap_plugin_descriptor {
    let class = classes().get(index as usize);
    class.map_or(ptr::null(), |class| class.descriptor.clap_plugin_descriptor())
}

unsafe extern "C" fn create(
    _factory: *const clap_plugin_factory,
    host: *const clap_host,
    id: *const c_char,
) -> *const clap_plugin {
    if host.is_null() || id.is_null() {
        return ptr::null();
    }
    // SAFETY: a C string by the host's promise.
    let id = unsafe { CStr::from_ptr(id) };
    match classes().iter().find(|class| class.descriptor.clap_id() == id) {
        // SAFETY: the host lives as long as its instances, by CLAP's rules.
        Some(class) => unsafe { (class.make)(host) },
        None => ptr::null(),
    }
}
