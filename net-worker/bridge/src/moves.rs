//! Controls that two hands move: the host's parameter in the callback, and somebody in the session by way of the worker. The last move
//! wins: a move from the session holds until the parameter moves again, and the parameter's holds until the next from the session.
//!
//! Two words, one for each direction, so that neither side ever waits. Step before: `BlockControls` and `NetEnd`. Step after: the gains of
//! this block in `audio_end.rs`, and the worker, which tells the session.

use backline_audio::{Gain, Pan};

use crate::sync::{AtomicU64, Ordering};

/// What of a fader two hands move.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FaderControls {
    pub(crate) gain: Gain,
    pub(crate) pan: Pan,
    pub(crate) muted: bool,
}

/// Where a fader was moved to, or where it stands: what is none was not.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FaderMoves {
    /// How loud.
    pub gain: Option<Gain>,
    /// Where between left and right.
    pub pan: Option<Pan>,
    /// Whether it is silent.
    pub muted: Option<bool>,
}

impl FaderMoves {
    fn from_bits(gain: Option<u32>, pan: Option<u32>, muted: Option<u32>) -> Self {
        Self {
            gain: gain.map(|bits| Gain::new(f32::from_bits(bits))),
            pan: pan.map(|bits| Pan::new(f32::from_bits(bits))),
            muted: muted.map(|muted| muted != 0),
        }
    }
}

/// What both sides share of a fader.
pub(crate) struct SharedFader {
    gain: SharedControl,
    pan: SharedControl,
    muted: SharedControl,
}

impl SharedFader {
    pub(crate) fn new() -> Self {
        Self { gain: SharedControl::new(), pan: SharedControl::new(), muted: SharedControl::new() }
    }
}

/// A fader on the callback's side. [audio-thread]
#[derive(Default)]
pub(crate) struct MergedFader {
    gain: MergedControl,
    pan: MergedControl,
    muted: MergedControl,
}

impl MergedFader {
    /// What counts in this block, where the parameters stand at `parameters`.
    pub(crate) fn merge(&mut self, shared: &SharedFader, parameters: FaderControls) -> FaderControls {
        let gain = self.gain.merge(&shared.gain, parameters.gain.linear().to_bits());
        let pan = self.pan.merge(&shared.pan, parameters.pan.position().to_bits());
        let muted = self.muted.merge(&shared.muted, parameters.muted.into());
        FaderControls {
            gain: Gain::new(f32::from_bits(gain)),
            pan: Pan::new(f32::from_bits(pan)),
            muted: muted != 0,
        }
    }
}

/// A fader on the worker's side. [worker-thread]
#[derive(Default)]
pub(crate) struct SessionFader {
    gain: SessionControl,
    pan: SessionControl,
    muted: SessionControl,
}

impl SessionFader {
    pub(crate) fn set(&mut self, shared: &SharedFader, moves: FaderMoves) {
        if let Some(gain) = moves.gain {
            self.gain.set(&shared.gain, gain.linear().to_bits());
        }
        if let Some(pan) = moves.pan {
            self.pan.set(&shared.pan, pan.position().to_bits());
        }
        if let Some(muted) = moves.muted {
            self.muted.set(&shared.muted, muted.into());
        }
    }

    pub(crate) fn standing(&self, shared: &SharedFader) -> FaderMoves {
        FaderMoves::from_bits(
            self.gain.standing(&shared.gain),
            self.pan.standing(&shared.pan),
            self.muted.standing(&shared.muted),
        )
    }

    pub(crate) fn take(&mut self, shared: &SharedFader) -> FaderMoves {
        FaderMoves::from_bits(
            self.gain.take(&shared.gain),
            self.pan.take(&shared.pan),
            self.muted.take(&shared.muted),
        )
    }
}

/// What both sides share of one control. A word is a value's 32 bits under two counts.
struct SharedControl {
    /// Upper half: how many moves have come from the session.
    from_session: AtomicU64,
    /// Upper half: how many moves the host has made, and how many of the session's it had seen before that.
    from_host: AtomicU64,
}

/// The callback's side. [audio-thread]
#[derive(Default)]
struct MergedControl {
    parameter: Option<u32>,
    value: u32,
    seen: u16,
    moves: u16,
}

/// The worker's side. [worker-thread]
#[derive(Default)]
struct SessionControl {
    moves: u16,
    value: u32,
    seen: u16,
}

impl SharedControl {
    fn new() -> Self {
        Self { from_session: AtomicU64::new(0), from_host: AtomicU64::new(0) }
    }
}

impl MergedControl {
    /// What counts in this block, where the parameter stands at `parameter`.
    fn merge(&mut self, shared: &SharedControl, parameter: u32) -> u32 {
        if self.parameter != Some(parameter) {
            self.parameter = Some(parameter);
            if self.value != parameter || self.moves == 0 {
                self.value = parameter;
                self.moves = self.moves.wrapping_add(1).max(1);
                shared.from_host.store(word(self.moves, self.seen, parameter), Ordering::Release);
            }
        }
        let (moves, _, value) = parts(shared.from_session.load(Ordering::Acquire));
        if moves != self.seen {
            self.seen = moves;
            self.value = value;
        }
        self.value
    }
}

impl SessionControl {
    /// The session has moved it.
    fn set(&mut self, shared: &SharedControl, value: u32) {
        self.moves = self.moves.wrapping_add(1).max(1);
        self.value = value;
        shared.from_session.store(word(self.moves, 0, value), Ordering::Release);
    }

    /// Where it stands, whoever moved it; none before the first block.
    fn standing(&self, shared: &SharedControl) -> Option<u32> {
        let (moves, seen, value) = parts(shared.from_host.load(Ordering::Acquire));
        (moves != 0).then_some(if seen == self.moves { value } else { self.value })
    }

    /// Where the host has moved it to since this was last asked; at first, where it stands. None where a move from the session came
    /// after it, which then counts.
    fn take(&mut self, shared: &SharedControl) -> Option<u32> {
        let (moves, seen, value) = parts(shared.from_host.load(Ordering::Acquire));
        if moves == self.seen {
            return None;
        }
        self.seen = moves;
        (seen == self.moves).then_some(value)
    }
}

fn word(moves: u16, seen: u16, value: u32) -> u64 {
    u64::from(moves) << 48 | u64::from(seen) << 32 | u64::from(value)
}

fn parts(word: u64) -> (u16, u16, u32) {
    ((word >> 48) as u16, (word >> 32) as u16, word as u32)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_last_move_wins() {
        let shared = SharedControl::new();
        let (mut callback, mut worker) = (MergedControl::default(), SessionControl::default());
        assert_eq!(callback.merge(&shared, 5), 5);
        assert_eq!(worker.take(&shared), Some(5), "where it stands");
        worker.set(&shared, 9);
        assert_eq!(callback.merge(&shared, 5), 9, "the session's holds while the parameter rests");
        assert_eq!(callback.merge(&shared, 5), 9);
        assert_eq!((worker.take(&shared), worker.standing(&shared)), (None, Some(9)));
        assert_eq!(callback.merge(&shared, 6), 6, "until it moves");
        assert_eq!((worker.take(&shared), worker.standing(&shared)), (Some(6), Some(6)));
        assert_eq!(worker.take(&shared), None);
    }

    #[test]
    fn an_editor_that_follows_the_session_moves_nothing() {
        let shared = SharedControl::new();
        let (mut callback, mut worker) = (MergedControl::default(), SessionControl::default());
        callback.merge(&shared, 5);
        worker.take(&shared);
        worker.set(&shared, 9);
        assert_eq!(callback.merge(&shared, 5), 9);
        assert_eq!(callback.merge(&shared, 9), 9);
        assert_eq!(worker.take(&shared), None);
        assert_eq!(callback.merge(&shared, 5), 5, "and the old place is a move again");
        assert_eq!(worker.take(&shared), Some(5));
    }

    #[test]
    fn of_two_at_once_the_sessions_counts_on_both_sides() {
        let shared = SharedControl::new();
        let (mut callback, mut worker) = (MergedControl::default(), SessionControl::default());
        callback.merge(&shared, 5);
        worker.take(&shared);
        worker.set(&shared, 9);
        assert_eq!(callback.merge(&shared, 6), 9);
        assert_eq!(worker.take(&shared), None);
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use loom::thread;
    use std::sync::Arc;

    use super::*;

    /// Whatever the order: once both are quiet, what is heard is what the worker believes.
    #[test]
    fn loom_both_sides_end_with_one_value() {
        loom::model(|| {
            let shared = Arc::new(SharedControl::new());
            let audio = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let mut callback = MergedControl::default();
                    callback.merge(&shared, 1);
                    callback.merge(&shared, 2);
                    callback
                })
            };
            let mut worker = SessionControl::default();
            let mut believed = worker.take(&shared);
            worker.set(&shared, 9);
            believed = worker.take(&shared).or(Some(9)).or(believed);
            let mut callback = audio.join().unwrap();
            let heard = callback.merge(&shared, 2);
            believed = worker.take(&shared).or(believed);
            assert_eq!(Some(heard), believed);
        });
    }
}
