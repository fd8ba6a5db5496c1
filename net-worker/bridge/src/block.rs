//! The host's buffers of one `process()` call.
//!
//! Shaped for hosts that process in place (nice-plug's `Buffer`): the main channels hold the input on entry and the output on return.

use crate::AUX_BUSES;

/// A stereo output bus, planar.
pub struct StereoBus<'a> {
    /// Left channel.
    pub left: &'a mut [f32],
    /// Right channel.
    pub right: &'a mut [f32],
}

impl<'a> StereoBus<'a> {
    /// A bus of the first two channels; `None` where there are fewer (a bus that the host left inactive). [audio-thread]
    pub fn from_channels<'b>(channels: &'a mut [&'b mut [f32]]) -> Option<Self>
    where
        'b: 'a,
    {
        match channels {
            [left, right, ..] => Some(Self { left, right }),
            _ => None,
        }
    }
}

/// The buffers of one call, planar. A block is as long as the shortest main channel; none is fine.
pub struct BlockIo<'a, 'b> {
    /// Main bus, 1 or 2 channels (further ones are silenced): input on entry, output on return.
    /// A mono output gets the mean of both sides.
    pub main: &'a mut [&'b mut [f32]],
    /// How many of the main channels hold input on entry: 0, 1 (goes to both sides) or 2.
    pub input_channels: usize,
    /// Auxiliary outputs; `None` where the host gave none. Overwritten.
    pub aux: [Option<StereoBus<'a>>; AUX_BUSES],
}

/// Where in the host's block the buffers of a call lie: whoever automates gets its block cut where a control changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockPart {
    begin: usize,
    block_frames: usize,
}

impl BlockPart {
    /// All of a block of so many sample frames. [any-thread]
    pub fn whole(block_frames: usize) -> Self {
        Self { begin: 0, block_frames }
    }

    /// `frames` of a block of `block_frames`, from `begin` on; none where that is not within it. [any-thread]
    pub fn new(begin: usize, frames: usize, block_frames: usize) -> Option<Self> {
        (begin.checked_add(frames)? <= block_frames).then_some(Self { begin, block_frames })
    }

    /// Whether the block begins with it. [any-thread]
    pub fn is_first(self) -> bool {
        self.begin == 0
    }

    /// Whether the block ends with it, where it is so long. [any-thread]
    pub fn is_last(self, frames: usize) -> bool {
        self.begin + frames >= self.block_frames
    }

    pub(crate) fn begin(self) -> usize {
        self.begin
    }

    pub(crate) fn block_frames(self) -> usize {
        self.block_frames
    }
}

impl<'a, 'b> BlockIo<'a, 'b> {
    /// Only a main bus, in place. [audio-thread]
    pub fn main_only(main: &'a mut [&'b mut [f32]], input_channels: usize) -> Self {
        Self { main, input_channels, aux: [const { None }; AUX_BUSES] }
    }

    /// Sample frames of this block. [audio-thread]
    pub fn frames(&self) -> usize {
        self.main.iter().map(|channel| channel.len()).min().unwrap_or(0)
    }

    /// Hides auxiliary buses that are shorter than the block (a host's fault), after silencing them.
    pub(crate) fn hide_short_buses(&mut self, frames: usize) {
        for bus in &mut self.aux {
            let is_short =
                bus.as_ref().is_some_and(|bus| bus.left.len() < frames || bus.right.len() < frames);
            if let Some(short) = bus.as_mut().filter(|_| is_short) {
                short.left.fill(0.0);
                short.right.fill(0.0);
                *bus = None;
            }
        }
    }
}
