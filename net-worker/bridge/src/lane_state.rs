//! Whether a slot is live, and from which sample frame of its ring on: one atomic word, so that both are always seen together.
//!
//! Step before: `NetEnd::set_slot_live`. Step after: the slot's lane in `AudioEnd`, which skips what is older than the start.

use crate::sync::{AtomicU64, Ordering};

/// Bit 0: live. Above it: the position (sample frames ever written) at which the present life began.
pub(crate) struct LaneState(AtomicU64);

/// What the audio thread sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LaneLife {
    pub(crate) is_live: bool,
    /// What was written before this position belongs to an earlier life.
    pub(crate) start_frames: u64,
}

impl LaneState {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// A new life begins with the sample frame written next. [worker-thread]
    pub(crate) fn begin(&self, written_frames: u64) {
        // Release: everything before `written_frames` is in the ring for whoever sees this, so that it can be skipped at once.
        self.0.store(written_frames << 1 | 1, Ordering::Release);
    }

    /// No more will be written; what is in the ring is still played. [worker-thread]
    pub(crate) fn end(&self) {
        self.0.fetch_and(!1, Ordering::Release);
    }

    /// [audio-thread]
    pub(crate) fn load(&self) -> LaneLife {
        let word = self.0.load(Ordering::Acquire);
        LaneLife { is_live: word & 1 == 1, start_frames: word >> 1 }
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use loom::thread;
    use std::sync::Arc;

    use super::*;

    /// Whoever sees a life sees all that was written before it (`tail` stands for the ring's), and lives only move forward.
    #[test]
    fn loom_a_life_is_seen_with_what_came_before() {
        loom::model(|| {
            let state = Arc::new(LaneState::new());
            let tail = Arc::new(AtomicU64::new(0));
            let worker = {
                let (state, tail) = (Arc::clone(&state), Arc::clone(&tail));
                thread::spawn(move || {
                    tail.store(10, Ordering::Release);
                    state.begin(10);
                    tail.store(20, Ordering::Release);
                    state.end();
                    state.begin(20);
                })
            };
            let mut before = 0;
            for _ in 0..2 {
                let life = state.load();
                assert!(life.start_frames >= before);
                assert!(tail.load(Ordering::Acquire) >= life.start_frames);
                before = life.start_frames;
            }
            worker.join().unwrap();
            assert_eq!(state.load(), LaneLife { is_live: true, start_frames: 20 });
        });
    }
}
