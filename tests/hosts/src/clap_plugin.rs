//! A CLAP host: opens a bundle, makes an instance, feeds it blocks and parameter events on all its ports, saves and loads its
//! state. What a DAW does, without the music: the clock is [`crate::block_clock`]'s and the recording the caller's.

mod buffers;
mod checked;
mod events;
mod host;
mod ports;
mod processor;
mod state;

use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clack_extensions::latency::PluginLatency;
use clack_extensions::params::{ParamInfoBuffer, ParamInfoFlags, PluginParams};
use clack_extensions::render::{PluginRender, RenderMode};
use clack_host::entry::EntryDescriptor;
use clack_host::events::event_types::ParamValueEvent;
use clack_host::plugin::PluginDescriptor;
use clack_host::prelude::*;

use crate::error::HostError;

use host::{Project, Requests};

pub use clack_extensions::audio_ports::AudioPortRescanFlags;
pub use clack_extensions::params::ParamRescanFlags;
pub use clack_extensions::tail::TailLength;
pub use clack_host::events::event_types::TransportEvent;
pub use clack_host::process::ProcessStatus;
pub use clap_sys::events::clap_event_transport;
pub use events::{HostEvent, Note};
pub use host::{PortNames, Record, TestHost};
pub use ports::{Configuration, Port};
pub use processor::ClapProcessor;
pub use state::with_project;

/// An opened `.clap` bundle.
pub struct ClapBundle {
    entry: PluginEntry,
    path: PathBuf,
}

impl ClapBundle {
    /// Opens a bundle.
    pub fn open(path: &Path) -> Result<Self, HostError> {
        // SAFETY: the file is our own CLAP bundle; loading it runs its initialisers, as every DAW does.
        let entry = unsafe { PluginEntry::load(path) }.map_err(|error| HostError::file(path, error))?;
        Ok(Self { entry, path: path.to_path_buf() })
    }

    /// The bundle whose entry point is linked into this program.
    pub fn linked(entry: &'static EntryDescriptor) -> Result<Self, HostError> {
        let path = c"linked";
        // SAFETY: the entry is our own, as in the bundle.
        let entry = unsafe { PluginEntry::load_from_raw(entry, path) };
        let entry = entry.map_err(|error| HostError::plugin("be opened", error))?;
        Ok(Self { entry, path: path.to_string_lossy().into_owned().into() })
    }

    /// The ids of the classes in the bundle.
    pub fn class_ids(&self) -> Vec<String> {
        let Some(factory) = self.entry.get_plugin_factory() else { return Vec::new() };
        let ids = factory.plugin_descriptors().filter_map(|class| class.id());
        ids.map(|id| id.to_string_lossy().into_owned()).collect()
    }

    /// How the classes describe themselves, in the order of the bundle.
    pub fn classes(&self) -> Vec<Class> {
        let Some(factory) = self.entry.get_plugin_factory() else { return Vec::new() };
        factory.plugin_descriptors().map(Class::of).collect()
    }

    /// Whether the bundle has a factory of this name.
    pub fn has_factory(&self, name: &str) -> bool {
        let (Ok(name), Some(get)) = (CString::new(name), self.entry.raw_entry().get_factory) else {
            return false;
        };
        // SAFETY: the entry is open, and the name is a C string that outlives the call.
        !unsafe { get(name.as_ptr()) }.is_null()
    }

    /// Asks the factory itself for an instance, whatever the bundle lists; whether it gave one. What it gives is destroyed.
    pub fn makes_instance_of(&self, id: &str) -> bool {
        let Some(factory) = self.entry.get_plugin_factory() else { return false };
        let (raw, Ok(id)) = (factory.raw(), CString::new(id)) else { return false };
        let Some(create) = raw.get().create_plugin else { return false };
        let host = silent_host();
        // SAFETY: factory, host and name outlive the call, and the instance is destroyed before the host goes.
        unsafe {
            let instance = create(raw.as_ptr(), &host, id.as_ptr());
            if let Some(destroy) = instance.as_ref().and_then(|instance| instance.destroy) {
                destroy(instance);
            }
            !instance.is_null()
        }
    }

    /// Makes an instance of a class.
    pub fn instance(&self, id: &str) -> Result<ClapPlugin, HostError> {
        self.instance_in(PortNames::default(), id)
    }

    /// Makes an instance of a class, in a host that offers no extension at all.
    pub fn instance_in_bare_host(&self, id: &str) -> Result<ClapPlugin, HostError> {
        self.instance_with(Record::new(PortNames::Unknown, false), id)
    }

    /// Makes an instance of a class, in a host that does this when the names of its ports change.
    pub fn instance_in(&self, port_names: PortNames, id: &str) -> Result<ClapPlugin, HostError> {
        self.instance_with(Record::new(port_names, true), id)
    }

    fn instance_with(&self, record: Record, id: &str) -> Result<ClapPlugin, HostError> {
        let found = self.class_ids();
        if !found.iter().any(|class| class == id) {
            return Err(HostError::NoSuchClass { bundle: self.path.clone(), id: id.to_owned(), found });
        }
        let info = HostInfo::new("Backline test host", "Backline", "https://localhost", "1")
            .map_err(|error| HostError::plugin("be introduced", error))?;
        let id = CString::new(id).map_err(|error| HostError::plugin("be named", error))?;
        let record = Arc::new(record);
        let (shared, main) = (record.clone(), record.clone());
        let instance =
            PluginInstance::<TestHost>::new(|_| Requests(shared), |_| Project(main), &self.entry, &id, &info)
                .map_err(|error| HostError::plugin("make an instance", error))?;
        Ok(ClapPlugin { instance, record })
    }
}

/// A host for an instance that nobody wants: it offers nothing.
fn silent_host() -> clap_sys::host::clap_host {
    use clap_sys::host::clap_host;
    unsafe extern "C" fn no_extension(
        _: *const clap_host,
        _: *const std::ffi::c_char,
    ) -> *const std::ffi::c_void {
        ptr::null()
    }
    unsafe extern "C" fn ignore(_: *const clap_host) {}
    clap_host {
        clap_version: clap_sys::version::CLAP_VERSION,
        host_data: ptr::null_mut(),
        name: c"Backline test host".as_ptr(),
        vendor: c"Backline".as_ptr(),
        url: c"".as_ptr(),
        version: c"1".as_ptr(),
        get_extension: Some(no_extension),
        request_restart: Some(ignore),
        request_process: Some(ignore),
        request_callback: Some(ignore),
    }
}

/// How a class describes itself, in a bundle or on an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Its frozen id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who made it.
    pub vendor: String,
    /// Of the plugin.
    pub version: String,
    /// One sentence.
    pub description: String,
    /// Where to read more, to learn and to get help.
    pub pages: [String; 3],
    /// Categories and properties, CLAP's words.
    pub features: Vec<String>,
}

impl Class {
    fn of(descriptor: &PluginDescriptor) -> Self {
        let text = |text: Option<&std::ffi::CStr>| text.unwrap_or_default().to_string_lossy().into_owned();
        Self {
            id: text(descriptor.id()),
            name: text(descriptor.name()),
            vendor: text(descriptor.vendor()),
            version: text(descriptor.version()),
            description: text(descriptor.description()),
            pages: [descriptor.url(), descriptor.manual_url(), descriptor.support_url()].map(text),
            features: descriptor.features().map(|feature| text(Some(feature))).collect(),
        }
    }
}

/// A parameter as the plugin describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its frozen id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Its smallest value.
    pub minimum: f64,
    /// Its largest value.
    pub maximum: f64,
    /// Its value in a new instance.
    pub default: f64,
    /// Where it is in the tree of parameters, names between slashes.
    pub module: String,
    /// What a host may do with it.
    pub flags: ParamInfoFlags,
}

/// One instance of a plugin. [main-thread]
pub struct ClapPlugin {
    instance: PluginInstance<TestHost>,
    record: Arc<Record>,
}

impl ClapPlugin {
    /// All parameters, in the order of the plugin.
    pub fn parameters(&mut self) -> Vec<Parameter> {
        let plugin = self.instance.plugin_handle();
        let Some(params) = plugin.get_extension::<PluginParams>() else { return Vec::new() };
        let mut buffer = ParamInfoBuffer::new();
        let mut found = Vec::new();
        for index in 0..params.count(&plugin) {
            if let Some(info) = params.get_info(&plugin, index, &mut buffer) {
                found.push(Parameter {
                    id: info.id.get(),
                    name: String::from_utf8_lossy(info.name).into_owned(),
                    minimum: info.min_value,
                    maximum: info.max_value,
                    default: info.default_value,
                    module: String::from_utf8_lossy(info.module).into_owned(),
                    flags: info.flags,
                });
            }
        }
        found
    }

    /// The id of the parameter with this name, whatever its case.
    pub fn parameter_id(&mut self, name: &str) -> Result<u32, HostError> {
        let found = self.parameters().into_iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name));
        found.map(|parameter| parameter.id).ok_or_else(|| HostError::NoSuchParameter(name.to_owned()))
    }

    /// The current value of a parameter.
    pub fn value(&mut self, id: u32) -> Option<f64> {
        let plugin = self.instance.plugin_handle();
        plugin.get_extension::<PluginParams>()?.get_value(&plugin, ClapId::from_raw(id)?)
    }

    /// The text that the plugin shows for a value.
    pub fn value_text(&mut self, id: u32, value: f64) -> Option<String> {
        let plugin = self.instance.plugin_handle();
        let mut buffer = [0_u8; 256];
        let params = plugin.get_extension::<PluginParams>()?;
        let text = params.value_to_text(&plugin, ClapId::from_raw(id)?, value, &mut buffer).ok()?;
        Some(String::from_utf8_lossy(text).into_owned())
    }

    /// The value that the plugin reads from a text.
    pub fn value_of_text(&mut self, id: u32, text: &str) -> Option<f64> {
        let plugin = self.instance.plugin_handle();
        let text = CString::new(text).ok()?;
        plugin.get_extension::<PluginParams>()?.text_to_value(&plugin, ClapId::from_raw(id)?, &text)
    }

    /// Hands parameter changes over to an instance that is not active.
    pub fn flush(&mut self, changes: &[(u32, f64)]) {
        let Some(mut plugin) = self.instance.inactive_plugin_handle() else { return };
        let Some(params) = plugin.get_extension::<PluginParams>() else { return };
        let mut events = EventBuffer::with_capacity(changes.len());
        for (id, value) in changes {
            if let Some(id) = ClapId::from_raw(*id) {
                events.push(&ParamValueEvent::new(0, id, Pckn::match_all(), *value));
            }
        }
        let mut replies = EventBuffer::new();
        params.flush(&mut plugin, &events.as_input(), &mut replies.as_output());
    }

    /// Tells the plugin whether this is an offline render; a plugin without that extension does not care.
    pub fn set_offline(&mut self, offline: bool) {
        let plugin = self.instance.plugin_handle();
        if let Some(render) = plugin.get_extension::<PluginRender>() {
            let _ = render.set(&plugin, if offline { RenderMode::Offline } else { RenderMode::Realtime });
        }
    }

    /// Makes it ready to process blocks of up to `block_frames_max`.
    pub fn activate(
        &mut self,
        sample_rate_hz: u32,
        block_frames_max: usize,
    ) -> Result<ClapProcessor, HostError> {
        self.activate_exactly(f64::from(sample_rate_hz), 1, block_frames_max)
    }

    /// Makes it ready to process blocks of `block_frames_min` to `block_frames_max`, at a rate that need be no whole number.
    pub fn activate_exactly(
        &mut self,
        sample_rate_hz: f64,
        block_frames_min: usize,
        block_frames_max: usize,
    ) -> Result<ClapProcessor, HostError> {
        let (inputs, outputs) = (self.port_channels(true), self.port_channels(false));
        let configuration = PluginAudioConfiguration {
            sample_rate: sample_rate_hz,
            min_frames_count: block_frames_min as u32,
            max_frames_count: block_frames_max as u32,
        };
        let stopped = self
            .instance
            .activate(|_, _| (), configuration)
            .map_err(|error| HostError::plugin("activate", error))?;
        self.record.is_active.store(true, Ordering::Release);
        ClapProcessor::new(stopped.into(), &inputs, &outputs, block_frames_max)
    }

    /// Ends processing; the instance can be activated again.
    pub fn deactivate(&mut self, processor: ClapProcessor) {
        self.instance.deactivate(processor.audio.into_stopped());
        self.record.is_active.store(false, Ordering::Release);
    }

    /// How many sample frames the plugin delays; asked while it is active.
    pub fn latency_frames(&mut self) -> Option<u32> {
        let plugin = self.instance.plugin_handle();
        Some(plugin.get_extension::<PluginLatency>()?.get(&plugin))
    }

    /// Whether the plugin has an extension of this name.
    pub fn has_extension(&self, name: &CStr) -> bool {
        let raw = self.instance.raw_instance();
        // SAFETY: the instance is initialised, and the name outlives the call.
        raw.get_extension.is_some_and(|get| !unsafe { get(raw, name.as_ptr()) }.is_null())
    }

    /// How the instance describes itself.
    pub fn class(&self) -> Option<Class> {
        // SAFETY: the descriptor belongs to the open bundle, which the instance keeps open.
        let raw = unsafe { self.instance.raw_instance().desc.as_ref() }?;
        // SAFETY: as above, and a plugin writes it once, before the instance is handed out.
        Some(Class::of(unsafe { PluginDescriptor::from_raw(raw) }))
    }

    /// Runs what the plugin asked to have called on the main thread.
    pub fn run_callbacks(&mut self) {
        if self.record.callback.swap(false, Ordering::AcqRel) {
            self.instance.call_on_main_thread_callback();
        }
    }

    /// What the plugin has asked of this host.
    pub fn record(&self) -> &Arc<Record> {
        &self.record
    }

    /// Whether the plugin has logged misbehaviour of itself or of this host, or called on a thread or at a time where it must not.
    pub fn has_complained(&self) -> bool {
        self.record.has_complaints()
    }
}
