//! The audio side of an active instance: blocks, parameter events, transport, one memory for input and output or two. [audio-thread]
//!
//! Not the look at what came out (`checked.rs`). Before this: [`super::ClapPlugin::activate`].

use clack_extensions::params::PluginParams;
use clack_extensions::tail::{PluginTail, TailLength};
use clack_host::events::event_types::{ParamModEvent, ParamValueEvent, TransportEvent};
use clack_host::prelude::*;
use clack_host::process::ProcessStatus;

use super::buffers::Buffers;
use super::events::HostEvent;
use super::host::{TestHost, as_audio_thread};
use crate::error::HostError;

/// The audio side of an active instance, with buffers for all its ports. [audio-thread]
pub struct ClapProcessor {
    pub(super) audio: PluginAudioProcessor<TestHost>,
    pub(super) inputs: Buffers,
    pub(super) outputs: Buffers,
    pub(super) replies: EventBuffer,
    events: EventBuffer,
    transport: Option<TransportEvent>,
    in_place: bool,
    /// None: a host that does not count.
    steady_frames: Option<u64>,
}

impl ClapProcessor {
    pub(super) fn new(
        mut audio: PluginAudioProcessor<TestHost>,
        inputs: &[usize],
        outputs: &[usize],
        block_frames_max: usize,
    ) -> Result<Self, HostError> {
        audio.start_processing().map_err(|error| HostError::plugin("start processing", error))?;
        Ok(Self {
            audio,
            inputs: Buffers::new(inputs, block_frames_max),
            outputs: Buffers::new(outputs, block_frames_max),
            events: EventBuffer::with_capacity(256),
            replies: EventBuffer::with_capacity(256),
            transport: None,
            in_place: false,
            steady_frames: Some(0),
        })
    }

    /// The buffer of an input channel, to be filled before [`Self::process`].
    pub fn input(&mut self, port: usize, channel: usize) -> &mut [f32] {
        &mut self.inputs.ports_mut()[port][channel]
    }

    /// What the last block put out on a channel of a port.
    pub fn output(&self, port: usize, channel: usize) -> &[f32] {
        &self.outputs.ports()[port][channel]
    }

    /// How many output ports there are.
    pub fn output_count(&self) -> usize {
        self.outputs.ports().len()
    }

    /// How many channels the main input has.
    pub fn input_channels(&self) -> usize {
        self.inputs.ports().first().map_or(0, Vec::len)
    }

    /// How many channels an output port has.
    pub fn output_channels(&self, port: usize) -> usize {
        self.outputs.ports()[port].len()
    }

    /// Makes room for blocks of `frames` sample frames, whatever was said at activation: some hosts do not keep to that.
    pub fn make_room(&mut self, frames: usize) {
        for channel in self.inputs.ports_mut().iter_mut().chain(self.outputs.ports_mut()).flatten() {
            channel.resize(frames, 0.0);
        }
    }

    /// From now on the main input and the main output are one memory, where they have the same number of channels.
    pub fn set_in_place(&mut self, in_place: bool) {
        self.in_place = in_place && self.input_channels() == self.output_channels(0);
    }

    /// Whether the main input and the main output are one memory.
    pub fn is_in_place(&self) -> bool {
        self.in_place
    }

    /// From now on blocks have the main ports only, as some hosts give them, against the rules of CLAP.
    pub fn leave_out_aux(&mut self) {
        self.inputs.leave_out_aux();
        self.outputs.leave_out_aux();
    }

    /// Says of each channel of the main input whether it is constant in the blocks to come: bit 0 is the left one.
    pub fn set_constant_input(&mut self, mask: u64) {
        self.inputs.set_constant_mask(0, mask);
    }

    /// What the plugin is told of the song from now on; none: a host without a transport.
    pub fn set_transport(&mut self, transport: Option<TransportEvent>) {
        self.transport = transport;
    }

    /// What the plugin is told of how long the stream has run, from now on; none: a host that does not count.
    pub fn set_steady_frames(&mut self, frames: Option<u64>) {
        self.steady_frames = frames;
    }

    /// Puts a parameter change at a sample frame of the next block; changes must come in the order of time.
    pub fn automate(&mut self, id: u32, value: f64, at_frame: u32) {
        if let Some(id) = ClapId::from_raw(id) {
            self.events.push(&ParamValueEvent::new(at_frame, id, Pckn::match_all(), value));
        }
    }

    /// Puts a modulation of a parameter at a sample frame of the next block.
    pub fn modulate(&mut self, id: u32, amount: f64, at_frame: u32) {
        if let Some(id) = ClapId::from_raw(id) {
            self.events.push(&ParamModEvent::new(at_frame, id, Pckn::match_all(), amount));
        }
    }

    /// Puts an event at a sample frame of the next block.
    pub fn push(&mut self, event: HostEvent, at_frame: u32) {
        event.give(at_frame, &mut |event| self.events.push(event));
    }

    /// Puts a change of the transport at a sample frame of the next block.
    pub fn push_transport(&mut self, transport: &TransportEvent) {
        self.events.push(transport);
    }

    /// Processes one block of `frames` sample frames on all ports. Allocates nothing.
    pub fn process(&mut self, frames: usize) -> Result<ProcessStatus, HostError> {
        self.inputs.point_at_own();
        self.outputs.point_at_own();
        self.outputs.clear_constant_masks();
        if self.in_place {
            let (inputs, outputs) = (self.inputs.ports(), self.outputs.ports_mut());
            for (input, output) in inputs[0].iter().zip(&mut outputs[0]) {
                output[..frames].copy_from_slice(&input[..frames]);
            }
            self.outputs.point_at_own();
            self.inputs.share_main(&self.outputs);
        }
        self.replies.clear();
        let started = self.audio.as_started_mut().map_err(|error| HostError::plugin("process", error))?;
        // SAFETY: all pointers were written above, into memory of this object with room for `frames`.
        let (audio_in, mut audio_out) = unsafe {
            (
                InputAudioBuffers::from_raw_buffers(self.inputs.described(), frames as u32),
                OutputAudioBuffers::from_raw_buffers(self.outputs.described(), frames as u32),
            )
        };
        let result = as_audio_thread(|| {
            started.process(
                &audio_in,
                &mut audio_out,
                &self.events.as_input(),
                &mut self.replies.as_output(),
                self.steady_frames,
                self.transport.as_ref(),
            )
        });
        self.steady_frames = self.steady_frames.map(|before| before.wrapping_add(frames as u64));
        self.events.clear();
        result.map_err(|error| HostError::plugin("process", error))
    }

    /// Hands over the parameter changes that were put without processing a block.
    pub fn flush(&mut self) {
        let mut plugin = self.audio.plugin_handle();
        if let Some(params) = plugin.get_extension::<PluginParams>() {
            let (events, mut replies) = (self.events.as_input(), self.replies.as_output());
            as_audio_thread(|| params.flush_active(&mut plugin, &events, &mut replies));
        }
        self.events.clear();
    }

    /// How long the plugin sounds on after its input has ended; none where it does not say.
    pub fn tail(&mut self) -> Option<TailLength> {
        let plugin = self.audio.plugin_handle();
        Some(plugin.get_extension::<PluginTail>()?.get(&plugin))
    }

    /// Tells the plugin that the stream jumps.
    pub fn reset(&mut self) {
        as_audio_thread(|| self.audio.reset());
    }

    /// Stops processing and starts again, without a new activation.
    pub fn restart(&mut self) -> Result<(), HostError> {
        self.audio.stop_processing().map_err(|error| HostError::plugin("stop processing", error))?;
        self.audio.start_processing().map_err(|error| HostError::plugin("start processing", error))?;
        Ok(())
    }
}
