//! What a CLAP host reads and is told of the names of auxiliary outputs.
//!
//! Whoever makes a snapshot (the worker, or a host's or an editor's call) also makes the names, and asks the host for a call on its main
//! thread where they are others. There the host is told, and from then on reads them: it never finds a name that it was not told of, where
//! it can be told. The steps before are `aux_names.rs` and `project.rs`, the step after is `clap_instance.rs`.

use std::ffi::c_char;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap_sys::ext::audio_ports::{
    CLAP_AUDIO_PORTS_RESCAN_NAMES, CLAP_EXT_AUDIO_PORTS, clap_host_audio_ports,
};
use clap_sys::host::clap_host;
use clap_sys::string_sizes::CLAP_NAME_SIZE;

use crate::aux_names::AuxNames;
use crate::project::Project;

/// Of one instance that has auxiliary outputs.
pub struct AuxPorts {
    host: *const clap_host,
    project: Arc<Project>,
    names: Arc<Mutex<Names>>,
}

/// Shared with the listener; locked for moments only, and never during a call of the host.
#[derive(Default)]
struct Names {
    now: AuxNames,
    told: AuxNames,
}

/// For the one call that CLAP allows on every thread.
struct AnyThreadHost(*const clap_host);

// SAFETY: `request_callback` may be called on any thread, and nothing else is done with it.
unsafe impl Send for AnyThreadHost {}

impl AnyThreadHost {
    /// Asks for a call on the main thread. [main-thread, worker-thread]
    fn request_callback(&self) {
        // SAFETY: the host lives as long as the instance, which takes the listener that holds this away before it goes.
        unsafe {
            if let Some(request) = (*self.0).request_callback {
                request(self.0);
            }
        }
    }
}

impl AuxPorts {
    /// From now on the host hears of names that change. [main-thread]
    ///
    /// # Safety
    /// The host lives as long as this.
    pub unsafe fn new(host: *const clap_host, project: Arc<Project>) -> Self {
        let names = Arc::<Mutex<Names>>::default();
        // Nothing that leads back to the client: the worker must never be the one who drops it.
        let (known, buses, host_of_all) =
            (Arc::clone(&names), Arc::clone(project.buses()), AnyThreadHost(host));
        project.client().set_listener(Some(Box::new(move |snapshot| {
            if note(&known, AuxNames::new(snapshot, |slot| buses.get(slot))) {
                host_of_all.request_callback();
            }
        })));
        Self { host, project, names }
    }

    /// Writes the name of an auxiliary output as the host was told it last; nothing where there is no such output. [main-thread]
    pub fn write_name(&self, aux: usize, field: &mut [c_char; CLAP_NAME_SIZE]) {
        let names = lock(&self.names);
        let Some(name) = names.told.get(aux) else { return };
        field.fill(0);
        let room = field.iter_mut().take(CLAP_NAME_SIZE - 1);
        room.zip(name.bytes()).for_each(|(place, byte)| *place = byte as c_char);
    }

    /// Tells the host of names that it was not told of, where it can be told. [main-thread]
    pub fn tell_host(&self) {
        let is_news = {
            let mut names = lock(&self.names);
            let now = names.now.clone();
            std::mem::replace(&mut names.told, now) != names.now
        };
        if is_news {
            // SAFETY: `new` was promised a host that lives, and CLAP's rules give this thread the call.
            unsafe { rescan_names(self.host) };
        }
    }
}

impl Drop for AuxPorts {
    /// The host is not asked for anything any more.
    fn drop(&mut self) {
        self.project.client().set_listener(None);
    }
}

/// Notes the names that there are now; true where the host has to be called for them.
fn note(names: &Mutex<Names>, now: AuxNames) -> bool {
    let mut names = lock(names);
    let is_changed = names.now != now;
    names.now = now;
    is_changed && names.now != names.told
}

fn lock(names: &Mutex<Names>) -> MutexGuard<'_, Names> {
    // A panic while it was held leaves names that are still whole: every change is one assignment.
    names.lock().unwrap_or_else(PoisonError::into_inner)
}

/// # Safety
/// The host lives, the plugin is initialised, and this is the main thread.
unsafe fn rescan_names(host: *const clap_host) {
    // SAFETY: the caller's promise; an extension that a host gives lives as long as it does.
    unsafe {
        let Some(get_extension) = (*host).get_extension else { return };
        let ports = get_extension(host, CLAP_EXT_AUDIO_PORTS.as_ptr()).cast::<clap_host_audio_ports>();
        let Some(ports) = ports.as_ref() else { return };
        let (Some(is_supported), Some(rescan)) = (ports.is_rescan_flag_supported, ports.rescan) else {
            return;
        };
        if is_supported(host, CLAP_AUDIO_PORTS_RESCAN_NAMES) {
            rescan(host, CLAP_AUDIO_PORTS_RESCAN_NAMES);
        }
    }
}
