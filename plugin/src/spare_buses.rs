//! Memory for the buses that a host leaves out of a block, and the whole list of buses made with it.
//!
//! All of it is made while an instance is set up, so that the audio thread allocates nothing. A part of `vst3_buses.rs`, where a
//! host may leave out any bus, and of `clap_instance.rs`, where some hosts do against the rules.

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::process::clap_process;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{AudioBusBuffers, AudioBusBuffers__type0, ProcessData};

/// Blocks at least this long find room, whatever the host has announced.
const FRAMES_MIN: usize = 8192;

/// What stands in for missing buses, in both directions. Inputs are silent, outputs are heard by nobody.
pub struct SpareBuses<B> {
    frames: usize,
    inputs: Vec<Spare>,
    outputs: Vec<Spare>,
    /// The lists that the plugin gets; written anew for each block.
    input_list: Vec<B>,
    output_list: Vec<B>,
}

/// A format's description of a bus.
pub trait Bus: Copy {
    /// A bus with these channels.
    fn of(channels: &mut [*mut f32]) -> Self;
    /// Its list of channels, or null, and how long that is.
    fn channels(&self) -> (*mut *mut f32, usize);
    /// Leaves out channels at the end.
    fn shorten(&mut self, channels: usize);
}

impl Bus for AudioBusBuffers {
    fn of(channels: &mut [*mut f32]) -> Self {
        Self {
            numChannels: channels.len() as i32,
            silenceFlags: 0,
            __field0: AudioBusBuffers__type0 { channelBuffers32: channels.as_mut_ptr() },
        }
    }

    fn channels(&self) -> (*mut *mut f32, usize) {
        // SAFETY: a block of 32-bit samples, the only ones that are processed here.
        (unsafe { self.__field0.channelBuffers32 }, self.numChannels.max(0) as usize)
    }

    fn shorten(&mut self, channels: usize) {
        self.numChannels = channels as i32;
    }
}

impl Bus for clap_audio_buffer {
    fn of(channels: &mut [*mut f32]) -> Self {
        Self {
            data32: channels.as_mut_ptr(),
            data64: std::ptr::null_mut(),
            channel_count: channels.len() as u32,
            latency: 0,
            constant_mask: 0,
        }
    }

    fn channels(&self) -> (*mut *mut f32, usize) {
        (self.data32, self.channel_count as usize)
    }

    fn shorten(&mut self, channels: usize) {
        self.channel_count = channels as u32;
    }
}

/// One bus.
struct Spare {
    channels: Vec<Vec<f32>>,
    pointers: Vec<*mut f32>,
}

impl Spare {
    fn new(channels: usize, frames: usize) -> Self {
        Self { channels: vec![vec![0.0; frames]; channels], pointers: vec![std::ptr::null_mut(); channels] }
    }

    /// The bus as the host would have given it, silent.
    fn bus<B: Bus>(&mut self, frames: usize) -> B {
        for (pointer, channel) in self.pointers.iter_mut().zip(&mut self.channels) {
            channel[..frames].fill(0.0);
            *pointer = channel.as_mut_ptr();
        }
        B::of(&mut self.pointers)
    }
}

impl<B> Default for SpareBuses<B> {
    fn default() -> Self {
        Self {
            frames: 0,
            inputs: Vec::new(),
            outputs: Vec::new(),
            input_list: Vec::new(),
            output_list: Vec::new(),
        }
    }
}

impl<B: Bus> SpareBuses<B> {
    /// Room for buses with so many channels each, and for blocks of up to `frames` sample frames. [main-thread]
    pub fn new(inputs: &[usize], outputs: &[usize], frames: usize) -> Self {
        let frames = frames.max(FRAMES_MIN);
        let spares = |buses: &[usize]| buses.iter().map(|channels| Spare::new(*channels, frames)).collect();
        Self {
            frames,
            inputs: spares(inputs),
            outputs: spares(outputs),
            input_list: Vec::with_capacity(inputs.len()),
            output_list: Vec::with_capacity(outputs.len()),
        }
    }

    /// Whether a block of this length finds room. [audio-thread]
    pub fn fits(&self, frames: i32) -> bool {
        usize::try_from(frames).is_ok_and(|frames| (1..=self.frames).contains(&frames))
    }

    /// Writes both lists, with a spare bus wherever the host gave none; returns which auxiliary outputs it gave not, the first in
    /// bit 0. [audio-thread]
    ///
    /// # Safety
    /// The lists are as long as is said, and `frames` finds room.
    unsafe fn fill(&mut self, inputs: (*const B, usize), outputs: (*const B, usize), frames: usize) -> u16 {
        // SAFETY: the caller's promise.
        let absent = unsafe {
            fill(&mut self.inputs, &mut self.input_list, inputs, frames);
            fill(&mut self.outputs, &mut self.output_list, outputs, frames)
        };
        // The first output is main.
        absent >> 1
    }
}

impl SpareBuses<AudioBusBuffers> {
    /// Makes the buses of a block whole; returns which auxiliary outputs the host gave not, the first in bit 0. [audio-thread]
    ///
    /// # Safety
    /// The lists in `data` are as long as it says, and its length [`fits`](Self::fits). What is put there is used before the next call.
    pub unsafe fn complete(&mut self, data: &mut ProcessData) -> u16 {
        let inputs = (data.inputs.cast_const(), data.numInputs.max(0) as usize);
        let outputs = (data.outputs.cast_const(), data.numOutputs.max(0) as usize);
        // SAFETY: the caller's promise.
        let absent = unsafe { self.fill(inputs, outputs, data.numSamples as usize) };
        (data.inputs, data.numInputs) = (self.input_list.as_mut_ptr(), self.input_list.len() as i32);
        (data.outputs, data.numOutputs) = (self.output_list.as_mut_ptr(), self.output_list.len() as i32);
        absent
    }
}

impl SpareBuses<clap_audio_buffer> {
    /// Makes the ports of a block whole; returns which auxiliary outputs the host gave not, the first in bit 0. [audio-thread]
    ///
    /// # Safety
    /// The lists in `block` are as long as it says, and its length [`fits`](Self::fits). What is put there is used before the next call.
    pub unsafe fn complete_ports(&mut self, block: &mut clap_process) -> u16 {
        let inputs = (block.audio_inputs, block.audio_inputs_count as usize);
        let outputs = (block.audio_outputs.cast_const(), block.audio_outputs_count as usize);
        // SAFETY: the caller's promise.
        let absent = unsafe { self.fill(inputs, outputs, block.frames_count as usize) };
        (block.audio_inputs, block.audio_inputs_count) =
            (self.input_list.as_ptr(), self.input_list.len() as u32);
        (block.audio_outputs, block.audio_outputs_count) =
            (self.output_list.as_mut_ptr(), self.output_list.len() as u32);
        absent
    }
}

/// Writes the list of one direction; bit `n` of the answer says that the host gave no bus `n`.
///
/// # Safety
/// The list that was given is as long as is said.
unsafe fn fill<B: Bus>(
    spares: &mut [Spare],
    list: &mut Vec<B>,
    (given, count): (*const B, usize),
    frames: usize,
) -> u16 {
    let count = if given.is_null() { 0 } else { count };
    let mut absent = 0;
    list.clear();
    for (index, spare) in spares.iter_mut().enumerate() {
        // SAFETY: within the list that the caller vouches for.
        let bus = (index < count).then(|| unsafe { *given.add(index) });
        // SAFETY: as above.
        let bus = bus.filter(|bus| unsafe { is_whole(bus, spare.channels.len()) });
        absent |= u16::from(bus.is_none()) << index;
        let mut bus = bus.unwrap_or_else(|| spare.bus(frames));
        bus.shorten(spare.channels.len());
        list.push(bus);
    }
    absent
}

/// Whether a bus has the channels that it should have (or more), each with memory.
///
/// # Safety
/// Its list of channels is as long as it says, or null.
unsafe fn is_whole(bus: &impl Bus, channels: usize) -> bool {
    let (list, count) = bus.channels();
    if list.is_null() || count < channels {
        return false;
    }
    // SAFETY: the caller's promise.
    (0..channels).all(|channel| !unsafe { *list.add(channel) }.is_null())
}

// SAFETY: the pointers lead into the object's own memory or are those of the block at hand, and are written anew before each use.
unsafe impl<B> Send for SpareBuses<B> {}

#[cfg(test)]
mod tests;
