//! Audio and note ports of an instance, and the configurations of them that a host may choose from.

use clack_extensions::audio_ports::{AudioPortFlags, AudioPortInfoBuffer, PluginAudioPorts};
use clack_extensions::audio_ports_config::{AudioPortsConfigBuffer, PluginAudioPortsConfig};
use clack_extensions::note_ports::{NoteDialect, NoteDialects, NotePortInfoBuffer, PluginNotePorts};
use clack_host::prelude::*;

use super::ClapPlugin;
use crate::error::HostError;

/// An audio port as the plugin describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Unique among the ports of its direction.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// How many channels it has.
    pub channels: usize,
    /// Whether it is the main one of its direction.
    pub is_main: bool,
    /// "mono", "stereo", or nothing.
    pub kind: Option<String>,
    /// Whether it takes samples of 64 bits, or would rather have them.
    pub is_double: bool,
    /// The port of the other direction that may be the same memory.
    pub in_place_with: Option<u32>,
}

/// A choice of ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// What selects it.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// How many ports, inputs and outputs.
    pub ports: (usize, usize),
    /// Channels of the main ports, input and output.
    pub main_channels: (Option<usize>, Option<usize>),
}

impl ClapPlugin {
    /// The ports, inputs or outputs.
    pub fn ports(&mut self, inputs: bool) -> Vec<Port> {
        let plugin = self.instance.plugin_handle();
        let Some(ports) = plugin.get_extension::<PluginAudioPorts>() else { return Vec::new() };
        let mut buffer = AudioPortInfoBuffer::new();
        let port = |index| {
            let info = ports.get(&plugin, index, inputs, &mut buffer)?;
            Some(Port {
                id: info.id.get(),
                name: String::from_utf8_lossy(info.name).into_owned(),
                channels: info.channel_count as usize,
                is_main: info.flags.contains(AudioPortFlags::IS_MAIN),
                kind: info.port_type.map(|kind| kind.0.to_string_lossy().into_owned()),
                is_double: info
                    .flags
                    .intersects(AudioPortFlags::SUPPORTS_64BITS | AudioPortFlags::PREFERS_64BITS),
                in_place_with: info.in_place_pair.map(|id| id.get()),
            })
        };
        (0..ports.count(&plugin, inputs)).filter_map(port).collect()
    }

    /// Channels of each port, inputs or outputs.
    pub fn port_channels(&mut self, inputs: bool) -> Vec<usize> {
        self.ports(inputs).iter().map(|port| port.channels).collect()
    }

    /// The configurations of ports to choose from.
    pub fn configurations(&mut self) -> Vec<Configuration> {
        let plugin = self.instance.plugin_handle();
        let Some(choices) = plugin.get_extension::<PluginAudioPortsConfig>() else { return Vec::new() };
        let mut buffer = AudioPortsConfigBuffer::new();
        let choice = |index| {
            let info = choices.get(&plugin, index, &mut buffer)?;
            let channels = |port: Option<clack_extensions::audio_ports_config::MainPortInfo>| {
                port.map(|port| port.channel_count as usize)
            };
            Some(Configuration {
                id: info.id.get(),
                name: String::from_utf8_lossy(info.name).into_owned(),
                ports: (info.input_port_count as usize, info.output_port_count as usize),
                main_channels: (channels(info.main_input), channels(info.main_output)),
            })
        };
        (0..choices.count(&plugin)).filter_map(choice).collect()
    }

    /// Chooses a configuration of ports; the instance must not be active.
    pub fn select_configuration(&mut self, id: u32) -> Result<(), HostError> {
        let refused = || HostError::plugin("select ports", format!("configuration {id} was refused"));
        let plugin = self.instance.plugin_handle();
        let choices = plugin.get_extension::<PluginAudioPortsConfig>().ok_or_else(refused)?;
        let id = ClapId::from_raw(id).ok_or_else(refused)?;
        choices.select(&plugin, id).map_err(|_| refused())
    }

    /// For each note port, an input, what it takes and what it would rather have.
    pub fn note_dialects(&mut self) -> Vec<(NoteDialects, Option<NoteDialect>)> {
        let plugin = self.instance.plugin_handle();
        let Some(ports) = plugin.get_extension::<PluginNotePorts>() else { return Vec::new() };
        let mut buffer = NotePortInfoBuffer::new();
        let port = |index| {
            let info = ports.get(&plugin, index, true, &mut buffer)?;
            Some((info.supported_dialects, info.preferred_dialect))
        };
        (0..ports.count(&plugin, true)).filter_map(port).collect()
    }

    /// How many note ports, inputs and outputs.
    pub fn note_ports(&mut self) -> (u32, u32) {
        let plugin = self.instance.plugin_handle();
        let Some(ports) = plugin.get_extension::<PluginNotePorts>() else { return (0, 0) };
        (ports.count(&plugin, true), ports.count(&plugin, false))
    }
}
