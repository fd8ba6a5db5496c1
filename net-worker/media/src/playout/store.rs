//! The frames that have arrived and are not yet played, in the order of their timestamps.
//!
//! It orders and bounds; it does not decode, and it does not decide what is late. Memory is taken once.
//! Before it: [`Playout::insert`](super::Playout::insert). After it: the [voice](super::voice).

use std::collections::VecDeque;
use std::time::Duration;

use backline_codec::PayloadKind;

use crate::packet::FRAME_BYTES_MAX;

/// Frames held at the most: 640 ms of the shortest (60 sample frames), so that the burst of a block of
/// 8192 at 44.1 kHz (186 ms) fits several times over.
pub const STORE_FRAMES_MAX: usize = 512;

/// One coded frame that waits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stored {
    /// Tick of its first sample frame.
    pub at: u64,
    /// Length in sample frames.
    pub frames: u32,
    /// What its bytes are.
    pub kind: PayloadKind,
    /// It came as a copy in a later packet.
    pub copy: bool,
    /// Listener's time at which it arrived, in ticks.
    pub arrived: f64,
    /// When it was captured, if known.
    pub captured_at: Option<Duration>,
    bytes: u16,
    room: u16,
}

impl Stored {
    /// A frame's description; where its bytes go is the store's.
    pub fn new(at: u64, frames: usize, kind: PayloadKind, arrived: f64) -> Self {
        Self { at, frames: frames as u32, kind, copy: false, arrived, captured_at: None, bytes: 0, room: 0 }
    }

    /// The tick after its last sample frame.
    pub fn end(&self) -> u64 {
        self.at + u64::from(self.frames)
    }
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It waits.
    Yes,
    /// It waits, and the oldest frame had to go for it.
    InPlaceOfOldest,
    /// A frame of this timestamp is there already.
    Duplicate,
    /// It is older than everything in a full store, or longer than any frame.
    No,
}

/// A bounded set of frames in order.
pub struct Store {
    order: VecDeque<Stored>,
    free: Vec<u16>,
    bytes: Vec<u8>,
}

impl Store {
    /// Takes all the memory that it will ever use (under 800 kB).
    pub fn new() -> Self {
        Self {
            order: VecDeque::with_capacity(STORE_FRAMES_MAX + 1),
            free: (0..STORE_FRAMES_MAX as u16).rev().collect(),
            bytes: vec![0; STORE_FRAMES_MAX * FRAME_BYTES_MAX],
        }
    }

    /// Puts a frame in its place. The first of two with one timestamp stays.
    pub fn insert(&mut self, mut frame: Stored, payload: &[u8]) -> Kept {
        if payload.len() > FRAME_BYTES_MAX {
            return Kept::No;
        }
        // Nearly every packet belongs at the end, so the search starts there.
        let place = self.order.iter().rposition(|held| held.at <= frame.at).map_or(0, |before| before + 1);
        if place > 0 && self.order[place - 1].at == frame.at {
            return Kept::Duplicate;
        }
        let full = self.free.is_empty();
        if full && place == 0 {
            return Kept::No;
        }
        if full {
            self.pop();
        }
        let Some(room) = self.free.pop() else { return Kept::No };
        frame.room = room;
        frame.bytes = payload.len() as u16;
        let from = usize::from(room) * FRAME_BYTES_MAX;
        self.bytes[from..from + payload.len()].copy_from_slice(payload);
        self.order.insert(place - usize::from(full), frame);
        if full { Kept::InPlaceOfOldest } else { Kept::Yes }
    }

    /// Drops the oldest frame.
    pub fn pop(&mut self) {
        if let Some(frame) = self.order.pop_front() {
            self.free.push(frame.room);
        }
    }

    /// Drops every frame that ends at `tick` or before; returns how many.
    pub fn pop_before(&mut self, tick: u64) -> usize {
        let mut dropped = 0;
        while self.order.front().is_some_and(|frame| frame.end() <= tick) {
            self.pop();
            dropped += 1;
        }
        dropped
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        while !self.order.is_empty() {
            self.pop();
        }
    }

    /// The oldest frame.
    pub fn first(&self) -> Option<Stored> {
        self.order.front().copied()
    }

    /// The newest frame.
    pub fn last(&self) -> Option<Stored> {
        self.order.back().copied()
    }

    /// The frame that covers `tick`.
    pub fn covering(&self, tick: u64) -> Option<Stored> {
        self.order.iter().rev().find(|frame| frame.at <= tick && tick < frame.end()).copied()
    }

    /// The bytes of a frame that this store returned and still holds.
    pub fn payload(&self, frame: &Stored) -> &[u8] {
        let from = usize::from(frame.room) * FRAME_BYTES_MAX;
        self.bytes.get(from..from + usize::from(frame.bytes)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn frame(at: u64) -> Stored {
        Stored::new(at, 60, PayloadKind::L16, 0.0)
    }

    #[test]
    fn a_full_store_keeps_the_newest() {
        let mut store = Store::new();
        for index in 0..STORE_FRAMES_MAX as u64 {
            assert_eq!(store.insert(frame(1000 + index * 60), &[1]), Kept::Yes);
        }
        assert_eq!(store.insert(frame(0), &[1]), Kept::No);
        assert_eq!(store.insert(frame(900_000), &[1]), Kept::InPlaceOfOldest);
        assert_eq!(store.first().unwrap().at, 1060);
        assert_eq!(store.last().unwrap().at, 900_000);
    }

    proptest! {
        /// The store against a map: same frames, same bytes, in order, whatever is inserted and dropped.
        #[test]
        fn behaves_like_a_bounded_map(steps in prop::collection::vec((0u64..50_000, 0usize..1500, any::<bool>()), 1..1500)) {
            let mut store = Store::new();
            let mut model: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
            for (at, length, drop_one) in steps {
                let payload = vec![at as u8; length];
                match store.insert(frame(at), &payload) {
                    Kept::Yes => { prop_assert!(model.insert(at, payload).is_none()); }
                    Kept::InPlaceOfOldest => { model.pop_first(); model.insert(at, payload); }
                    Kept::Duplicate => prop_assert!(model.contains_key(&at)),
                    Kept::No => prop_assert!(length > FRAME_BYTES_MAX || model.len() == STORE_FRAMES_MAX),
                }
                if drop_one && at % 3 == 0 {
                    store.pop();
                    model.pop_first();
                }
                prop_assert!(model.len() <= STORE_FRAMES_MAX);
                prop_assert_eq!(store.first().map(|f| f.at), model.keys().next().copied());
                prop_assert_eq!(store.last().map(|f| f.at), model.keys().next_back().copied());
            }
            while let Some(first) = store.first() {
                let (at, bytes) = model.pop_first().unwrap();
                prop_assert_eq!((first.at, store.payload(&first)), (at, &bytes[..]));
                store.pop();
            }
            prop_assert!(model.is_empty());
        }
    }
}
