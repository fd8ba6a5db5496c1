//! The memory of all ports of one direction, as CLAP wants it described: planar, one pointer for each channel.
//!
//! Not clack's own `AudioPorts`: that cannot give the plugin the same memory as input and output, and marks constant channels by
//! the number of the port. The step after is [`super::ClapProcessor::process`].

use clap_sys::audio_buffer::clap_audio_buffer;

/// The buffers of all ports of one direction, by port, then channel.
pub(super) struct Buffers {
    channels: Vec<Vec<Vec<f32>>>,
    pointers: Vec<Vec<*mut f32>>,
    descriptions: Vec<clap_audio_buffer>,
    is_main_only: bool,
}

// SAFETY: the pointers lead into this object's own memory (or into that of the other direction, which travels with it) and are
// written anew before each use.
unsafe impl Send for Buffers {}

impl Buffers {
    /// Silence for ports with so many channels.
    pub(super) fn new(ports: &[usize], frames: usize) -> Self {
        let description = |channels: &usize| clap_audio_buffer {
            data32: std::ptr::null_mut(),
            data64: std::ptr::null_mut(),
            channel_count: *channels as u32,
            latency: 0,
            constant_mask: 0,
        };
        Self {
            channels: ports.iter().map(|channels| vec![vec![0.0; frames]; *channels]).collect(),
            pointers: ports.iter().map(|channels| vec![std::ptr::null_mut(); *channels]).collect(),
            descriptions: ports.iter().map(description).collect(),
            is_main_only: false,
        }
    }

    /// By port, then channel.
    pub(super) fn ports(&self) -> &[Vec<Vec<f32>>] {
        &self.channels
    }

    /// By port, then channel.
    pub(super) fn ports_mut(&mut self) -> &mut [Vec<Vec<f32>>] {
        &mut self.channels
    }

    /// Which channels of a port say that they are constant: bit 0 is the first channel.
    pub(super) fn constant_mask(&self, port: usize) -> u64 {
        self.descriptions[port].constant_mask
    }

    /// What every port says of its constant channels.
    pub(super) fn constant_masks(&self) -> Vec<u64> {
        self.descriptions.iter().map(|description| description.constant_mask).collect()
    }

    /// Says which channels of a port are constant.
    pub(super) fn set_constant_mask(&mut self, port: usize, mask: u64) {
        self.descriptions[port].constant_mask = mask;
    }

    /// Says that nothing is constant.
    pub(super) fn clear_constant_masks(&mut self) {
        self.descriptions.iter_mut().for_each(|description| description.constant_mask = 0);
    }

    /// From now on only the first port is described, and what lies behind the list has no memory.
    pub(super) fn leave_out_aux(&mut self) {
        self.is_main_only = true;
    }

    /// Points every port at its own memory. Allocates nothing.
    pub(super) fn point_at_own(&mut self) {
        let ports = self.channels.iter_mut().zip(&mut self.pointers).zip(&mut self.descriptions);
        for (index, ((channels, pointers), description)) in ports.enumerate() {
            for (channel, pointer) in channels.iter_mut().zip(&mut *pointers) {
                *pointer = channel.as_mut_ptr();
            }
            let is_given = index == 0 || !self.is_main_only;
            description.data32 = if is_given { pointers.as_mut_ptr() } else { std::ptr::null_mut() };
        }
    }

    /// Points the first port at the memory that the first port of `other` points at.
    pub(super) fn share_main(&mut self, other: &Buffers) {
        for (pointer, shared) in self.pointers[0].iter_mut().zip(&other.pointers[0]) {
            *pointer = *shared;
        }
    }

    /// Whether the descriptions still lead to this object's own memory, or that of `shared` for the first port, as they were written.
    pub(super) fn is_as_described(&self, shared: Option<&Buffers>) -> bool {
        let ports = self.channels.iter().zip(&self.pointers).zip(&self.descriptions).enumerate();
        ports.into_iter().all(|(port, ((own, pointers), description))| {
            let memory = shared.filter(|_| port == 0).map_or(own, |shared| &shared.channels[0]);
            let leads_there =
                |(pointer, channel): (&*mut f32, &Vec<f32>)| std::ptr::eq(*pointer, channel.as_ptr());
            std::ptr::eq(description.data32, pointers.as_ptr())
                && description.data64.is_null()
                && description.channel_count as usize == own.len()
                && pointers.iter().zip(memory).all(leads_there)
        })
    }

    /// For the plugin's call; [`Self::point_at_own`] comes first.
    pub(super) fn described(&mut self) -> &mut [clap_audio_buffer] {
        let given = if self.is_main_only { 1.min(self.descriptions.len()) } else { self.descriptions.len() };
        &mut self.descriptions[..given]
    }
}
