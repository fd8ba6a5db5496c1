//! Which buses a VST3 host has left out of a block: what `vst3_buses.rs` tells the plugin behind the framework.
//!
//! The framework passes no such word on, and makes the plugin itself; so the object around it prepares the link on the thread
//! that creates the instance, and the plugin takes it while it is made. CLAP hosts pass all buses: nothing is ever absent there.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use backline_bridge::AUX_BUSES;

/// Bit `n` of the word is auxiliary output `n`.
#[derive(Debug, Default)]
pub struct AbsentBuses(AtomicU16);

thread_local! {
    static PREPARED: RefCell<Option<Arc<AbsentBuses>>> = const { RefCell::new(None) };
}

const _: () = assert!(AUX_BUSES <= 16, "a bit each");

impl AbsentBuses {
    /// Makes an instance with `make`, and the link that the plugin in it takes. [main-thread]
    pub fn link<T>(make: impl FnOnce() -> T) -> (T, Arc<Self>) {
        let link = Arc::new(Self::default());
        PREPARED.set(Some(link.clone()));
        let made = make();
        PREPARED.take();
        (made, link)
    }

    /// The link that was prepared for the instance that is being made on this thread, or one that nobody writes to. [main-thread]
    pub fn prepared() -> Arc<Self> {
        PREPARED.take().unwrap_or_default()
    }

    /// Says which auxiliary outputs the block to come has not. [audio-thread]
    pub fn set_aux(&self, absent: u16) {
        self.0.store(absent, Ordering::Relaxed);
    }

    /// Whether this block has not this auxiliary output. [audio-thread]
    pub fn has_no_aux(&self, index: usize) -> bool {
        index < AUX_BUSES && self.0.load(Ordering::Relaxed) & (1 << index) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instance_that_is_made_takes_the_link_and_no_other_does() {
        let (inside, outside) = AbsentBuses::link(AbsentBuses::prepared);
        outside.set_aux(0b100);
        assert!(inside.has_no_aux(2) && !inside.has_no_aux(1));
        assert!(!AbsentBuses::prepared().has_no_aux(2));
    }
}
