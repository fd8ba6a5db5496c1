//! The CLAP object that hosts get: the framework's own table of functions, but for a few. `process` tells the plugin how long the
//! host's block is before the framework cuts it where a parameter changes, and puts the changes where [`Cuts`] says. Where there are
//! auxiliary outputs, they have the names that [`AuxPorts`] gives them, and `on_main_thread` tells the host of those.
//!
//! A change behind the end of its block, a host's fault, would take the framework beyond the end of the buffers; here it goes to the last frame.
//! The step before is `clap_factory.rs`, the step after `plugin.rs`.

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::Arc;

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_MOD, CLAP_EVENT_PARAM_VALUE, CLAP_EVENT_TRANSPORT,
    clap_event_header, clap_event_param_mod, clap_event_param_value, clap_event_transport, clap_input_events,
};
use clap_sys::ext::audio_ports::{CLAP_EXT_AUDIO_PORTS, clap_audio_port_info, clap_plugin_audio_ports};
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process, clap_process_status};
use nice_plug::prelude::ClapPlugin;
use nice_plug::wrapper::clap::Wrapper;

use crate::clap_aux_ports::AuxPorts;
use crate::cuts::Cuts;
use crate::host_call::HostCall;

/// One instance. The host's pointer to the table is a pointer to all of it.
#[repr(C)]
pub struct Instance {
    table: clap_plugin,
    /// The framework's. Its functions go by the `plugin_data` of whichever table they get.
    framework: clap_plugin,
    call: Arc<HostCall>,
    /// Of a class that has some.
    aux: Option<AuxPorts>,
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
            process: Some(process),
            get_extension: Some(get_extension),
            on_main_thread: Some(on_main_thread),
            destroy: Some(destroy),
            ..framework
        };
        let project = call.project().filter(|project| project.kind().has_aux_buses());
        // SAFETY: the caller's promise; `destroy` drops it.
        let aux = project.map(|project| unsafe { AuxPorts::new(host, project) });
        Box::into_raw(Box::new(Self { table, framework, call, aux })).cast_const().cast()
    }

    /// What the framework answers for the audio ports.
    ///
    /// # Safety
    /// The host asks, so the plugin is initialised.
    unsafe fn framework_ports(&self) -> Option<&clap_plugin_audio_ports> {
        // SAFETY: the extension lives as long as the framework's object.
        unsafe {
            let get_extension = self.framework.get_extension?;
            get_extension(&self.framework, CLAP_EXT_AUDIO_PORTS.as_ptr())
                .cast::<clap_plugin_audio_ports>()
                .as_ref()
        }
    }
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
    // SAFETY: the host asks.
    let get = unsafe { instance.framework_ports() }.and_then(|ports| ports.get);
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
    instance.call.begin(block.frames_count as usize);
    // SAFETY: as above, and the list is null or the host's.
    let cuts = unsafe { Cuts::of(cuts_at(block.in_events), block.frames_count as usize) };
    if !cuts.moves_any() {
        // SAFETY: handed on as it came.
        return unsafe { process(plugin, block) };
    }
    let placed = PlacedEvents { host: block.in_events, cuts, moved: UnsafeCell::new(Moved { none: () }) };
    let list = clap_input_events {
        ctx: ptr::from_ref(&placed).cast_mut().cast(),
        size: Some(PlacedEvents::size),
        get: Some(PlacedEvents::get),
    };
    let block = clap_process { in_events: &list, ..*block };
    // SAFETY: list and block live until it returns.
    unsafe { process(plugin, &block) }
}

/// Where the framework cuts a block with these events.
///
/// # Safety
/// The list is null, or whole for as long as the answer is used.
unsafe fn cuts_at(list: *const clap_input_events) -> impl Iterator<Item = u32> {
    // SAFETY: the caller's promise.
    let count = unsafe { list.as_ref() }.and_then(|events| Some(unsafe { events.size?(list) })).unwrap_or(0);
    (0..count).filter_map(move |index| {
        // SAFETY: within the list, by the caller's promise; what it gives lives as long as the list.
        let header = unsafe { event(list, index).as_ref() }?;
        cuts_a_block(header).then_some(header.time)
    })
}

/// # Safety
/// The list is null or whole.
unsafe fn event(list: *const clap_input_events, index: u32) -> *const clap_event_header {
    // SAFETY: the caller's promise.
    let get = unsafe { list.as_ref() }.and_then(|events| events.get);
    // SAFETY: as above.
    get.map_or(ptr::null(), |get| unsafe { get(list, index) })
}

fn cuts_a_block(event: &clap_event_header) -> bool {
    event.space_id == CLAP_CORE_EVENT_SPACE_ID
        && matches!(event.type_, CLAP_EVENT_PARAM_VALUE | CLAP_EVENT_PARAM_MOD | CLAP_EVENT_TRANSPORT)
}

/// A list of events that stands in front of the host's.
struct PlacedEvents {
    host: *const clap_input_events,
    cuts: Cuts,
    /// The one that was asked for last, where it is not where the host has put it.
    moved: UnsafeCell<Moved>,
}

/// Every kind of event that cuts a block begins with its header.
#[repr(C)]
union Moved {
    none: (),
    header: clap_event_header,
    value: clap_event_param_value,
    modulation: clap_event_param_mod,
    transport: clap_event_transport,
}

impl PlacedEvents {
    unsafe extern "C" fn size(list: *const clap_input_events) -> u32 {
        // SAFETY: only the framework calls it, with the list that `process` made, during its call.
        let host = unsafe { (*(*list).ctx.cast::<Self>()).host };
        // SAFETY: the host's list is whole until the host's call returns.
        unsafe { host.as_ref().and_then(|events| events.size).map_or(0, |size| size(host)) }
    }

    unsafe extern "C" fn get(list: *const clap_input_events, index: u32) -> *const clap_event_header {
        // SAFETY: only the framework calls it, with the list that `process` made, during its call.
        let this = unsafe { &*(*list).ctx.cast::<Self>() };
        // SAFETY: the host's list is whole until the host's call returns.
        let given = unsafe { event(this.host, index) };
        // SAFETY: as above; null is looked for.
        match unsafe { given.as_ref() } {
            // SAFETY: as above.
            Some(header) if cuts_a_block(header) => unsafe { this.put(header) },
            _ => given,
        }
    }

    /// # Safety
    /// The header is that of a whole event that cuts a block, and what this has put before is not looked at any more.
    unsafe fn put(&self, header: &clap_event_header) -> *const clap_event_header {
        let event = ptr::from_ref(header);
        // SAFETY: the caller's promise; the kind says what the event is, and the whole of it begins with the header.
        unsafe {
            let moved = self.moved.get();
            match header.type_ {
                CLAP_EVENT_PARAM_VALUE => (*moved).value = *event.cast(),
                CLAP_EVENT_PARAM_MOD => (*moved).modulation = *event.cast(),
                _ => (*moved).transport = *event.cast(),
            }
            (*moved).header.time = self.cuts.place(header.time);
            moved.cast_const().cast()
        }
    }
}
