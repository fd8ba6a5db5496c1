//! The events of a CLAP host's block as the framework gets them: each change where [`Cuts`] says.
//!
//! A change behind the end of its block, a host's fault, would take the framework beyond the end of the buffers; here it goes to the last
//! frame. The step before is `clap_instance.rs`.

use std::cell::UnsafeCell;
use std::ptr;

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_MOD, CLAP_EVENT_PARAM_VALUE, CLAP_EVENT_TRANSPORT,
    clap_event_header, clap_event_param_mod, clap_event_param_value, clap_event_transport, clap_input_events,
};

use crate::cuts::Cuts;

/// A list of events that stands in front of the host's.
pub struct PlacedEvents {
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
    /// In front of the events of a block of so many sample frames. [audio-thread]
    ///
    /// # Safety
    /// The list is null, or whole for as long as this is used.
    pub unsafe fn new(host: *const clap_input_events, frames: usize) -> Self {
        // SAFETY: the caller's promise.
        let cuts = unsafe { Cuts::of(cuts_at(host), frames) };
        Self { host, cuts, moved: UnsafeCell::new(Moved { none: () }) }
    }

    /// Whether any event is elsewhere than the host has put it; the host's own list does otherwise.
    pub fn moves_any(&self) -> bool {
        self.cuts.moves_any()
    }

    /// As the framework reads it, as long as this stays where it is.
    pub fn list(&self) -> clap_input_events {
        clap_input_events {
            ctx: ptr::from_ref(self).cast_mut().cast(),
            size: Some(Self::size),
            get: Some(Self::get),
        }
    }

    unsafe extern "C" fn size(list: *const clap_input_events) -> u32 {
        // SAFETY: only the framework calls it, with the list of the call at hand.
        let host = unsafe { (*(*list).ctx.cast::<Self>()).host };
        // SAFETY: the host's list is whole until the host's call returns.
        unsafe { host.as_ref().and_then(|events| events.size).map_or(0, |size| size(host)) }
    }

    unsafe extern "C" fn get(list: *const clap_input_events, index: u32) -> *const clap_event_header {
        // SAFETY: only the framework calls it, with the list of the call at hand.
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
