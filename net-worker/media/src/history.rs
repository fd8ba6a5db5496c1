//! The frames that were sent last, coded as they were: for copies in later packets, and for listeners who miss one.
//!
//! A ring whose memory (180 kB) is taken once. The step before is the [sender](crate::sender), which fills it; the step after
//! is the same, which reads it.

use std::collections::VecDeque;

use crate::packet::{FRAME_BYTES_MAX, PacketHead};

/// Frames that are remembered: 160 ms of the shortest, 320 ms of Opus at 2.5 ms.
pub const HISTORY_FRAMES_MAX: usize = 128;

/// The newest frames.
pub(crate) struct History {
    frames: VecDeque<Sent>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Sent {
    head: PacketHead,
    /// Which part of the bytes is its own.
    room: usize,
    length: usize,
}

impl History {
    pub fn new() -> Self {
        Self {
            frames: VecDeque::with_capacity(HISTORY_FRAMES_MAX),
            bytes: vec![0; HISTORY_FRAMES_MAX * FRAME_BYTES_MAX],
        }
    }

    /// Takes a frame; the oldest goes for it. One that is longer than any frame may be is not kept.
    pub fn remember(&mut self, head: PacketHead, coded: &[u8]) {
        if coded.len() > FRAME_BYTES_MAX {
            return;
        }
        let is_full = self.frames.len() == HISTORY_FRAMES_MAX;
        let oldest = if is_full { self.frames.pop_front() } else { None };
        let room = oldest.map_or(self.frames.len(), |sent| sent.room);
        self.bytes[room * FRAME_BYTES_MAX..][..coded.len()].copy_from_slice(coded);
        self.frames.push_back(Sent { head, room, length: coded.len() });
    }

    /// The frame that was sent `count` before the next one; 1 is the newest.
    pub fn back(&self, count: usize) -> Option<(PacketHead, &[u8])> {
        let at = self.frames.len().checked_sub(count)?;
        self.frames.get(at).map(|sent| self.read(sent))
    }

    /// All, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (PacketHead, &[u8])> {
        self.frames.iter().map(|sent| self.read(sent))
    }

    fn read(&self, sent: &Sent) -> (PacketHead, &[u8]) {
        (sent.head, &self.bytes[sent.room * FRAME_BYTES_MAX..][..sent.length])
    }
}
