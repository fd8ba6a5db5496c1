//! What the conductor and the threads of clients tell each other: atomics only, so that nobody waits.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

/// What everybody does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Clients come in, and play as soon as they are in.
    Join,
    /// What is sent and heard counts.
    Measure,
    /// It is over.
    End,
}

/// Shared by all threads of one run.
#[derive(Debug, Default)]
pub struct Stage {
    phase: AtomicU8,
    joined: AtomicUsize,
    is_too_slow: AtomicBool,
    trouble: Mutex<Option<String>>,
}

impl Stage {
    /// What everybody does now.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Join,
            1 => Phase::Measure,
            _ => Phase::End,
        }
    }

    /// From now on they do this.
    pub fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// One more client is in and plays or listens.
    pub fn came_in(&self) {
        self.joined.fetch_add(1, Ordering::Relaxed);
    }

    /// How many are in.
    pub fn joined(&self) -> usize {
        self.joined.load(Ordering::Relaxed)
    }

    /// The generator cannot do what it is to do: nothing it measures is worth anything.
    pub fn say_too_slow(&self) {
        self.is_too_slow.store(true, Ordering::Relaxed);
    }

    /// Whether a thread has said so.
    pub fn is_too_slow(&self) -> bool {
        self.is_too_slow.load(Ordering::Relaxed)
    }

    /// A client is refused or thrown out; the first of them is remembered.
    pub fn say_trouble(&self, why: String) {
        let mut trouble = self.trouble.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        trouble.get_or_insert(why);
    }

    /// What the first client was told that was refused or thrown out.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}
