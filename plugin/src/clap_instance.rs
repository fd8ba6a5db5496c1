//! The CLAP object that hosts get: the framework's own table of functions, but for a few. `process` tells the plugin how long the
//! host's block is before the framework cuts it where a parameter changes, and puts the changes where [`PlacedEvents`] says. Where there are
//! auxiliary outputs, they have the names that [`AuxPorts`] gives them, and `on_main_thread` tells the host of those.
//!
//! A host that leaves out ports (qtractor gives the main ones only) would take the framework beyond the end of its list; it gets memory
//! for the others, made by `activate`, and [`HostCall`] says so, because a musician whose auxiliary output is not there plays on main.
//! The step before is `clap_factory.rs`, the step after `plugin.rs`.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::ext::audio_ports::{CLAP_EXT_AUDIO_PORTS, clap_audio_port_info, clap_plugin_audio_ports};
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process, clap_process_status};
use nice_plug::prelude::ClapPlugin;
use nice_plug::wrapper::clap::Wrapper;

use crate::clap_aux_ports::AuxPorts;
use crate::clap_events::PlacedEvents;
use crate::host_call::HostCall;
use crate::spare_buses::SpareBuses;

/// One instance. The host's pointer to the table is a pointer to all of it.
#[repr(C)]
pub struct Instance {
    table: clap_plugin,
    /// The framework's. Its functions go by the `plugin_data` of whichever table they get.
    framework: clap_plugin,
    call: Arc<HostCall>,
    /// Of a class that has some.
    aux: Option<AuxPorts>,
    /// Made on activation. The audio thread only tries the lock: nobody else holds it while a host keeps to CLAP's order of calls.
    spare: Mutex<SpareBuses<clap_audio_buffer>>,
}

static AUDIO_PORTS: clap_plugin_audio_ports =
    clap_plugin_audio_ports { count: Some(count_ports), get: Some(describe_port) };

impl Instance {
    /// A new instance of a class; the host's `destroy` ends it. [main-thread]
    ///
    /// # Safety
    /// The host lives as long as the instance.
    pub unsafe fn make<P: ClapPlugin>(host: *const clap_host) -> *const clap_plugin {
        // SAFETY: the caller's promise.
        let (wrapper, call) = HostCall::link(|| unsafe { Wrapper::<P>::new(host) });
        // The framework's `destroy` takes this reference back.
        let wrapper = Arc::into_raw(wrapper);
        // SAFETY: the reference keeps it alive, and nobody writes to its table any more.
        let framework = unsafe { *(*wrapper).clap_plugin.as_ptr() };
        let table = clap_plugin {
            activate: Some(activate),
            process: Some(process),
            get_extension: Some(get_extension),
            on_main_thread: Some(on_main_thread),
            destroy: Some(destroy),
            ..framework
        };
        let project = call.project().filter(|project| project.kind().has_aux_buses());
        // SAFETY: the caller's promise; `destroy` drops it.
        let aux = project.map(|project| unsafe { AuxPorts::new(host, project) });
        let spare = Mutex::default();
        Box::into_raw(Box::new(Self { table, framework, call, aux, spare })).cast_const().cast()
    }

    /// What the framework answers for the audio ports. [main-thread]
    fn framework_ports(&self) -> Option<&clap_plugin_audio_ports> {
        let get_extension = self.framework.get_extension?;
        // SAFETY: the framework's own table and function; what it gives under this name is such a list, or null, and lives as long as it
        // does.
        unsafe {
            get_extension(&self.framework, CLAP_EXT_AUDIO_PORTS.as_ptr())
                .cast::<clap_plugin_audio_ports>()
                .as_ref()
        }
    }

    /// How many channels each port of a direction has. [main-thread]
    fn channels(&self, is_input: bool) -> Vec<usize> {
        let plugin = ptr::from_ref(&self.framework);
        let ports = self.framework_ports();
        let Some((count, get)) = ports.and_then(|ports| Some((ports.count?, ports.get?))) else {
            return Vec::new();
        };
        let channels = |index| {
            // SAFETY: all zeros is a description of no port.
            let mut info: clap_audio_port_info = unsafe { std::mem::zeroed() };
            // SAFETY: the answer goes to a place of our own.
            unsafe { get(plugin, index, is_input, &mut info) };
            info.channel_count as usize
        };
        // SAFETY: it only counts.
        (0..unsafe { count(plugin, is_input) }).map(channels).collect()
    }
}

/// Makes the memory for what the host may leave out: only now the shapes of all ports are certain. [main-thread]
unsafe extern "C" fn activate(
    plugin: *const clap_plugin,
    rate_hz: f64,
    min_frames: u32,
    max_frames: u32,
) -> bool {
    // SAFETY: the host gives the table that `make` gave it; null is looked for.
    let Some(instance) = (unsafe { plugin.cast::<Instance>().as_ref() }) else { return false };
    let Some(activate) = instance.framework.activate else { return false };
    let spare = SpareBuses::new(&instance.channels(true), &instance.channels(false), max_frames as usize);
    *instance.spare.lock().unwrap_or_else(PoisonError::into_inner) = spare;
    // SAFETY: handed on as it came.
    unsafe { activate(plugin, rate_hz, min_frames, max_frames) }
}

unsafe extern "C" fn destroy(plugin: *const clap_plugin) {
    if plugin.is_null() {
        return;
    }
    // SAFETY: the host's last call with a table that `make` gave it.
    let mut instance = unsafe { Box::from_raw(plugin.cast::<Instance>().cast_mut()) };
    // First of all: the host is not asked for a call to what is about to go.
    instance.aux = None;
    if let Some(destroy) = instance.framework.destroy {
        // SAFETY: as above.
        unsafe { destroy(&instance.framework) };
    }
}

/// [main-thread]
unsafe extern "C" fn on_main_thread(plugin: *const clap_plugin) {
    // SAFETY: the host gives the table that `make` gave it; null is looked for.
    let Some(instance) = (unsafe { plugin.cast::<Instance>().as_ref() }) else { return };
    if let Some(on_main_thread) = instance.framework.on_main_thread {
        // SAFETY: handed on as it came.
        unsafe { on_main_thread(plugin) };
    }
    if let Some(aux) = &instance.aux {
        aux.tell_host();
    }
}

/// [any-thread]
unsafe extern "C" fn get_extension(plugin: *const clap_plugin, id: *const c_char) -> *const c_void {
    // SAFETY: the host gives the table that `make` gave it; null is looked for.
    let Some(instance) = (unsafe { plugin.cast::<Instance>().as_ref() }) else { return ptr::null() };
    // SAFETY: a C string by the host's promise; null is looked for.
    if instance.aux.is_some() && !id.is_null() && unsafe { CStr::from_ptr(id) } == CLAP_EXT_AUDIO_PORTS {
        return ptr::from_ref(&AUDIO_PORTS).cast();
    }
    // SAFETY: handed on as it came.
    instance.framework.get_extension.map_or(ptr::null(), |get| unsafe { get(plugin, id) })
}

/// [main-thread]
unsafe extern "C" fn count_ports(plugin: *const clap_plugin, is_input: bool) -> u32 {
    // SAFETY: the host gives the table that `make` gave it; null is looked for.
    let framework =
        unsafe { plugin.cast::<Instance>().as_ref().and_then(|instance| instance.framework_ports()) };
    // SAFETY: handed on as it came.
    framework.and_then(|ports| ports.count).map_or(0, |count| unsafe { count(plugin, is_input) })
}

/// [main-thread]
unsafe extern "C" fn describe_port(
    plugin: *const clap_plugin,
    index: u32,
    is_input: bool,
    info: *mut clap_audio_port_info,
) -> bool {
    // SAFETY: the host gives the table that `make` gave it; null is looked for.
    let Some(instance) = (unsafe { plugin.cast::<Instance>().as_ref() }) else { return false };
    let get = instance.framework_ports().and_then(|ports| ports.get);
    // SAFETY: handed on as it came.
    let is_described = get.is_some_and(|get| unsafe { get(plugin, index, is_input, info) });
    // The first output is main.
    let aux = index.checked_sub(1).filter(|_| is_described && !is_input);
    // SAFETY: the host's place for the answer; null is looked for.
    if let (Some(ports), Some(aux), Some(info)) = (&instance.aux, aux, unsafe { info.as_mut() }) {
        ports.write_name(aux as usize, &mut info.name);
    }
    is_described
}

/// One block. [audio-thread]
unsafe extern "C" fn process(plugin: *const clap_plugin, block: *const clap_process) -> clap_process_status {
    // SAFETY: the host gives the table that `make` gave it, and a block that is whole; null is looked for.
    let (instance, block) = unsafe { (plugin.cast::<Instance>().as_ref(), block.as_ref()) };
    let (Some(instance), Some(block)) = (instance, block) else { return CLAP_PROCESS_ERROR };
    let Some(process) = instance.framework.process else { return CLAP_PROCESS_ERROR };
    let mut block = *block;
    instance.call.begin(block.frames_count as usize);
    // SAFETY: as above, and the list is null or the host's.
    let placed = unsafe { PlacedEvents::new(block.in_events, block.frames_count as usize) };
    let list = placed.list();
    if placed.moves_any() {
        block.in_events = &list;
    }
    // Held until the framework returns, for what is in it.
    let mut spare = instance.spare.try_lock();
    if let Ok(spare) = &mut spare
        && i32::try_from(block.frames_count).is_ok_and(|frames| spare.fits(frames))
        && has_sound(&block)
    {
        // SAFETY: the host's lists are as long as it says.
        instance.call.set_absent_aux(unsafe { spare.complete_ports(&mut block) });
    }
    // SAFETY: lists and block live until it returns.
    unsafe { process(plugin, &block) }
}

/// Whether there is any output. Some hosts hand over parameters alone by a block without.
fn has_sound(block: &clap_process) -> bool {
    !block.audio_outputs.is_null() && block.audio_outputs_count > 0
}
