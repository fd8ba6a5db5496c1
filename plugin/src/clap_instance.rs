//! The CLAP object that hosts get: the framework's own table of functions, but for three. `process` tells the plugin how long the
//! host's block is before the framework cuts it where a parameter changes, and puts the changes where [`Cuts`] says.
//!
//! Two faults of hosts would take the framework beyond the end of what they give. A change behind the end of its block goes to the last
//! frame here. A host that leaves out ports (qtractor gives the main ones only) gets memory for the others, made by `activate`; and
//! [`HostCall`] says so, because a musician whose auxiliary output is not there plays on main.
//! The step before is `clap_factory.rs`, the step after `plugin.rs`.

use std::cell::UnsafeCell;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use clap_sys::audio_buffer::clap_audio_buffer;
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

use crate::cuts::Cuts;
use crate::host_call::HostCall;
use crate::spare_buses::SpareBuses;

/// One instance. The host's pointer to the table is a pointer to all of it.
#[repr(C)]
pub struct Instance {
    table: clap_plugin,
    /// The framework's. Its functions go by the `plugin_data` of whichever table they get.
    framework: clap_plugin,
    call: Arc<HostCall>,
    /// Made on activation. The audio thread only tries the lock: nobody else holds it while a host keeps to CLAP's order of calls.
    spare: Mutex<SpareBuses<clap_audio_buffer>>,
}

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
            destroy: Some(destroy),
            ..framework
        };
        let spare = Mutex::default();
        Box::into_raw(Box::new(Self { table, framework, call, spare })).cast_const().cast()
    }

    /// How many channels each port of a direction has. [main-thread]
    fn channels(&self, is_input: bool) -> Vec<usize> {
        let plugin = ptr::from_ref(&self.framework);
        let ports = self.framework.get_extension.map(|get| {
            // SAFETY: the framework's own table and function.
            unsafe { get(plugin, CLAP_EXT_AUDIO_PORTS.as_ptr()) }.cast::<clap_plugin_audio_ports>()
        });
        // SAFETY: what the framework gives under this name is such a list, or null.
        let ports = ports.and_then(|ports| unsafe { ports.as_ref() });
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
    let instance = unsafe { Box::from_raw(plugin.cast::<Instance>().cast_mut()) };
    if let Some(destroy) = instance.framework.destroy {
        // SAFETY: as above.
        unsafe { destroy(&instance.framework) };
    }
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
    let cuts = unsafe { Cuts::of(cuts_at(block.in_events), block.frames_count as usize) };
    let placed = PlacedEvents { host: block.in_events, cuts, moved: UnsafeCell::new(Moved { none: () }) };
    let list = clap_input_events {
        ctx: ptr::from_ref(&placed).cast_mut().cast(),
        size: Some(PlacedEvents::size),
        get: Some(PlacedEvents::get),
    };
    if placed.cuts.moves_any() {
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
