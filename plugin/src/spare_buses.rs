//! Memory for the buses that a VST3 host leaves out of a block, and the whole list of buses made with it.
//!
//! All of it is made while an instance is set up, so that the audio thread allocates nothing. A part of `vst3_buses.rs`.

use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{AudioBusBuffers, AudioBusBuffers__type0, ProcessData};

/// Blocks at least this long find room, whatever the host has announced.
const FRAMES_MIN: usize = 8192;

/// What stands in for missing buses, in both directions. Inputs are silent, outputs are heard by nobody.
#[derive(Default)]
pub struct SpareBuses {
    frames: usize,
    inputs: Vec<Spare>,
    outputs: Vec<Spare>,
    /// The lists that the plugin gets; written anew for each block.
    input_list: Vec<AudioBusBuffers>,
    output_list: Vec<AudioBusBuffers>,
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
    fn bus(&mut self, frames: usize) -> AudioBusBuffers {
        for (pointer, channel) in self.pointers.iter_mut().zip(&mut self.channels) {
            channel[..frames].fill(0.0);
            *pointer = channel.as_mut_ptr();
        }
        AudioBusBuffers {
            numChannels: self.pointers.len() as i32,
            silenceFlags: 0,
            __field0: AudioBusBuffers__type0 { channelBuffers32: self.pointers.as_mut_ptr() },
        }
    }
}

impl SpareBuses {
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

    /// Puts a spare bus wherever the host gave none; returns which auxiliary outputs it gave not, the first in bit 0.
    /// [audio-thread]
    ///
    /// # Safety
    /// The lists in `data` are as long as it says, and its length [`fits`](Self::fits). What is put there is used before the next call.
    pub unsafe fn complete(&mut self, data: &mut ProcessData) -> u16 {
        let frames = data.numSamples as usize;
        // SAFETY: the caller's promise.
        let absent = unsafe {
            fill(&mut self.inputs, &mut self.input_list, (data.inputs, data.numInputs), frames);
            fill(&mut self.outputs, &mut self.output_list, (data.outputs, data.numOutputs), frames)
        };
        (data.inputs, data.numInputs) = (self.input_list.as_mut_ptr(), self.input_list.len() as i32);
        (data.outputs, data.numOutputs) = (self.output_list.as_mut_ptr(), self.output_list.len() as i32);
        // The first output is main.
        absent >> 1
    }
}

/// Writes the list of one direction; bit `n` of the answer says that the host gave no bus `n`.
///
/// # Safety
/// The list that was given is as long as is said.
unsafe fn fill(
    spares: &mut [Spare],
    list: &mut Vec<AudioBusBuffers>,
    (given, count): (*mut AudioBusBuffers, i32),
    frames: usize,
) -> u16 {
    let count = if given.is_null() { 0 } else { count.max(0) as usize };
    let mut absent = 0;
    list.clear();
    for (index, spare) in spares.iter_mut().enumerate() {
        // SAFETY: within the list that the caller vouches for.
        let bus = (index < count).then(|| unsafe { *given.add(index) });
        // SAFETY: as above.
        let bus = bus.filter(|bus| unsafe { is_whole(bus, spare.channels.len()) });
        absent |= u16::from(bus.is_none()) << index;
        let mut bus = bus.unwrap_or_else(|| spare.bus(frames));
        bus.numChannels = spare.channels.len() as i32;
        list.push(bus);
    }
    absent
}

/// Whether a bus has the channels that it should have (or more), each with memory.
///
/// # Safety
/// Its list of channels is as long as it says, or null.
unsafe fn is_whole(bus: &AudioBusBuffers, channels: usize) -> bool {
    // SAFETY: a block of 32-bit samples, the only ones that are processed here.
    let list = unsafe { bus.__field0.channelBuffers32 };
    if list.is_null() || (bus.numChannels.max(0) as usize) < channels {
        return false;
    }
    // SAFETY: the caller's promise.
    (0..channels).all(|channel| !unsafe { *list.add(channel) }.is_null())
}

// SAFETY: the pointers lead into the object's own memory or are those of the block at hand, and are written anew before each use.
unsafe impl Send for SpareBuses {}

#[cfg(test)]
mod tests;
