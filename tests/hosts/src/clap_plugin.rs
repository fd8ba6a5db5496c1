//! A CLAP host: opens a bundle, makes an instance, feeds it blocks and parameter events on all its ports, saves and loads its
//! state. What a DAW does, without the music: the clock is [`crate::block_clock`]'s and the recording the caller's.

use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use clack_extensions::audio_ports::{AudioPortInfoBuffer, PluginAudioPorts};
use clack_extensions::log::{HostLog, HostLogImpl, LogSeverity};
use clack_extensions::params::{
    HostParams, HostParamsImplMainThread, HostParamsImplShared, ParamClearFlags, ParamInfoBuffer,
    ParamRescanFlags, PluginParams,
};
use clack_extensions::render::{PluginRender, RenderMode};
use clack_extensions::state::{HostState, HostStateImpl, PluginState};
use clack_host::events::event_types::ParamValueEvent;
use clack_host::prelude::*;

use crate::error::HostError;

/// What the plugin may ask of this host from any thread.
#[derive(Default)]
pub struct Requests {
    callback: AtomicBool,
    complaints: AtomicBool,
}

impl SharedHandler<'_> for Requests {
    fn request_restart(&self) {}
    fn request_process(&self) {}
    fn request_callback(&self) {
        self.callback.store(true, Ordering::Release);
    }
}

impl HostLogImpl for Requests {
    fn log(&self, severity: LogSeverity, message: &str) {
        if matches!(
            severity,
            LogSeverity::PluginMisbehaving | LogSeverity::HostMisbehaving | LogSeverity::Fatal
        ) {
            self.complaints.store(true, Ordering::Release);
        }
        eprintln!("plugin log, {severity}: {message}");
    }
}

impl HostParamsImplShared for Requests {
    fn request_flush(&self) {}
}

/// The main-thread side of this host: it has no project to mark and no controls to redraw.
pub struct Project;

impl MainThreadHandler<'_> for Project {}

impl HostParamsImplMainThread for Project {
    fn rescan(&self, _flags: ParamRescanFlags) {}
    fn clear(&self, _param_id: ClapId, _flags: ParamClearFlags) {}
}

impl HostStateImpl for Project {
    fn mark_dirty(&self) {}
}

/// The types of this host, for clack.
pub struct TestHost;

impl HostHandlers for TestHost {
    type Shared<'a> = Requests;
    type MainThread<'a> = Project;
    type AudioProcessor<'a> = ();

    fn declare_extensions(builder: &mut HostExtensions<Self>, _shared: &Requests) {
        builder.register::<HostLog>().register::<HostParams>().register::<HostState>();
    }
}

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

    /// The ids of the classes in the bundle.
    pub fn class_ids(&self) -> Vec<String> {
        let Some(factory) = self.entry.get_plugin_factory() else { return Vec::new() };
        let ids = factory.plugin_descriptors().filter_map(|class| class.id());
        ids.map(|id| id.to_string_lossy().into_owned()).collect()
    }

    /// Makes an instance of a class.
    pub fn instance(&self, id: &str) -> Result<ClapPlugin, HostError> {
        let found = self.class_ids();
        if !found.iter().any(|class| class == id) {
            return Err(HostError::NoSuchClass { bundle: self.path.clone(), id: id.to_owned(), found });
        }
        let info = HostInfo::new("Backline test host", "Backline", "https://localhost", "1")
            .map_err(|error| HostError::plugin("be introduced", error))?;
        let id = CString::new(id).map_err(|error| HostError::plugin("be named", error))?;
        let instance =
            PluginInstance::<TestHost>::new(|_| Requests::default(), |_| Project, &self.entry, &id, &info)
                .map_err(|error| HostError::plugin("make an instance", error))?;
        Ok(ClapPlugin { instance })
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
}

/// One instance of a plugin. [main-thread]
pub struct ClapPlugin {
    instance: PluginInstance<TestHost>,
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

    /// The state as the plugin saves it into a project.
    pub fn save_state(&mut self) -> Result<Vec<u8>, HostError> {
        let plugin = self.instance.plugin_handle();
        let state = plugin
            .get_extension::<PluginState>()
            .ok_or_else(|| HostError::plugin("save its state", "no state"))?;
        let mut bytes = Vec::new();
        state.save(&plugin, &mut bytes).map_err(|error| HostError::plugin("save its state", error))?;
        Ok(bytes)
    }

    /// Gives the plugin a state from a project.
    pub fn load_state(&mut self, bytes: &[u8]) -> Result<(), HostError> {
        let plugin = self.instance.plugin_handle();
        let state = plugin
            .get_extension::<PluginState>()
            .ok_or_else(|| HostError::plugin("load a state", "no state"))?;
        let mut reader = bytes;
        state.load(&plugin, &mut reader).map_err(|error| HostError::plugin("load a state", error))
    }

    /// Tells the plugin whether this is an offline render; a plugin without that extension does not care.
    pub fn set_offline(&mut self, offline: bool) {
        let plugin = self.instance.plugin_handle();
        if let Some(render) = plugin.get_extension::<PluginRender>() {
            let _ = render.set(&plugin, if offline { RenderMode::Offline } else { RenderMode::Realtime });
        }
    }

    /// Channels of each port, inputs or outputs.
    pub fn port_channels(&mut self, inputs: bool) -> Vec<usize> {
        let plugin = self.instance.plugin_handle();
        let Some(ports) = plugin.get_extension::<PluginAudioPorts>() else { return Vec::new() };
        let mut buffer = AudioPortInfoBuffer::new();
        let port =
            |index| ports.get(&plugin, index, inputs, &mut buffer).map(|info| info.channel_count as usize);
        (0..ports.count(&plugin, inputs)).filter_map(port).collect()
    }

    /// Makes it ready to process blocks of up to `block_frames_max`.
    pub fn activate(
        &mut self,
        sample_rate_hz: u32,
        block_frames_max: usize,
    ) -> Result<ClapProcessor, HostError> {
        let (inputs, outputs) = (self.port_channels(true), self.port_channels(false));
        let configuration = PluginAudioConfiguration {
            sample_rate: f64::from(sample_rate_hz),
            min_frames_count: 1,
            max_frames_count: block_frames_max as u32,
        };
        let stopped = self
            .instance
            .activate(|_, _| (), configuration)
            .map_err(|error| HostError::plugin("activate", error))?;
        ClapProcessor::new(stopped.into(), &inputs, &outputs, block_frames_max)
    }

    /// Ends processing; the instance can be activated again.
    pub fn deactivate(&mut self, processor: ClapProcessor) {
        self.instance.deactivate(processor.audio.into_stopped());
    }

    /// Runs what the plugin asked to have called on the main thread.
    pub fn run_callbacks(&mut self) {
        if self.instance.access_shared_handler(|shared| shared.callback.swap(false, Ordering::AcqRel)) {
            self.instance.call_on_main_thread_callback();
        }
    }

    /// Whether the plugin has logged misbehaviour of itself or of this host.
    pub fn has_complained(&self) -> bool {
        self.instance.access_shared_handler(|shared| shared.complaints.load(Ordering::Acquire))
    }
}

/// The audio side of an active instance, with buffers for all its ports. [audio-thread]
pub struct ClapProcessor {
    audio: PluginAudioProcessor<TestHost>,
    input_ports: AudioPorts,
    output_ports: AudioPorts,
    /// By port, then channel.
    inputs: Vec<Vec<Vec<f32>>>,
    outputs: Vec<Vec<Vec<f32>>>,
    events: EventBuffer,
    replies: EventBuffer,
    steady_frames: u64,
}

impl ClapProcessor {
    fn new(
        mut audio: PluginAudioProcessor<TestHost>,
        inputs: &[usize],
        outputs: &[usize],
        block_frames_max: usize,
    ) -> Result<Self, HostError> {
        audio.start_processing().map_err(|error| HostError::plugin("start processing", error))?;
        let buffers = |ports: &[usize]| {
            ports.iter().map(|channels| vec![vec![0.0; block_frames_max]; *channels]).collect::<Vec<_>>()
        };
        Ok(Self {
            audio,
            // The capacities must cover every channel: clack rewrites its pointers wrongly when a list of several ports grows.
            input_ports: AudioPorts::with_capacity(inputs.iter().sum(), inputs.len()),
            output_ports: AudioPorts::with_capacity(outputs.iter().sum(), outputs.len()),
            inputs: buffers(inputs),
            outputs: buffers(outputs),
            events: EventBuffer::with_capacity(256),
            replies: EventBuffer::with_capacity(256),
            steady_frames: 0,
        })
    }

    /// The buffer of an input channel, to be filled before [`Self::process`].
    pub fn input(&mut self, port: usize, channel: usize) -> &mut [f32] {
        &mut self.inputs[port][channel]
    }

    /// What the last block put out on a channel of a port.
    pub fn output(&self, port: usize, channel: usize) -> &[f32] {
        &self.outputs[port][channel]
    }

    /// How many output ports there are.
    pub fn output_count(&self) -> usize {
        self.outputs.len()
    }

    /// Puts a parameter change at a sample frame of the next block; changes must come in the order of time.
    pub fn automate(&mut self, id: u32, value: f64, at_frame: u32) {
        if let Some(id) = ClapId::from_raw(id) {
            self.events.push(&ParamValueEvent::new(at_frame, id, Pckn::match_all(), value));
        }
    }

    /// Processes one block of `frames` sample frames on all ports.
    pub fn process(&mut self, frames: usize) -> Result<(), HostError> {
        let input_ports = self.inputs.iter_mut().map(|channels| AudioPortBuffer {
            latency: 0,
            channels: AudioPortBufferType::f32_input_only(
                channels.iter_mut().map(move |channel| InputChannel::variable(&mut channel[..frames])),
            ),
        });
        let output_ports = self.outputs.iter_mut().map(|channels| AudioPortBuffer {
            latency: 0,
            channels: AudioPortBufferType::f32_output_only(
                channels.iter_mut().map(move |channel| &mut channel[..frames]),
            ),
        });
        let audio_in = self.input_ports.with_input_buffers(input_ports);
        let mut audio_out = self.output_ports.with_output_buffers(output_ports);
        self.replies.clear();
        let started = self.audio.as_started_mut().map_err(|error| HostError::plugin("process", error))?;
        let result = started.process(
            &audio_in,
            &mut audio_out,
            &self.events.as_input(),
            &mut self.replies.as_output(),
            Some(self.steady_frames),
            None,
        );
        self.steady_frames += frames as u64;
        self.events.clear();
        result.map(|_status| ()).map_err(|error| HostError::plugin("process", error))
    }

    /// Tells the plugin that the stream jumps.
    pub fn reset(&mut self) {
        self.audio.reset();
    }
}
