//! A control that two hands move: the host's parameter in the callback, and somebody in the session by way of the worker. The last move
//! wins: a move from the session holds until the parameter moves again, and the parameter's holds until the next from the session.
//!
//! Two words, one for each direction, so that neither side ever waits. Step before: `BlockControls` and `NetEnd`. Step after: the gains of
//! this block in `audio_end.rs`, and the worker, which tells the session.

use crate::sync::{AtomicU64, Ordering};

/// What both sides share. A word is a value's 32 bits under two counts.
pub(crate) struct SharedControl {
    /// Upper half: how many moves have come from the session.
    from_session: AtomicU64,
    /// Upper half: how many moves the host has made, and how many of the session's it had seen before that.
    from_host: AtomicU64,
}

/// The callback's side. [audio-thread]
#[derive(Default)]
pub(crate) struct MergedControl {
    parameter: Option<u32>,
    value: u32,
    seen: u16,
    moves: u16,
}

/// The worker's side. [worker-thread]
#[derive(Default)]
pub(crate) struct SessionControl {
    moves: u16,
    value: u32,
    seen: u16,
}

impl SharedControl {
    pub(crate) fn new() -> Self {
        Self { from_session: AtomicU64::new(0), from_host: AtomicU64::new(0) }
    }
}

impl MergedControl {
    /// What counts in this block, where the parameter stands at `parameter`.
    pub(crate) fn merge(&mut self, shared: &SharedControl, parameter: u32) -> u32 {
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
    pub(crate) fn set(&mut self, shared: &SharedControl, value: u32) {
        self.moves = self.moves.wrapping_add(1).max(1);
        self.value = value;
        shared.from_session.store(word(self.moves, 0, value), Ordering::Release);
    }

    /// Where it stands, whoever moved it; none before the first block.
    pub(crate) fn standing(&self, shared: &SharedControl) -> Option<u32> {
        let (moves, seen, value) = parts(shared.from_host.load(Ordering::Acquire));
        (moves != 0).then_some(if seen == self.moves { value } else { self.value })
    }

    /// Where the host has moved it to since this was last asked; at first, where it stands. None where a move from the session came
    /// after it, which then counts.
    pub(crate) fn take(&mut self, shared: &SharedControl) -> Option<u32> {
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
