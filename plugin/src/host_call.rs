//! What the framework does not hand on of a host's call: which buses were left out of it, and how long its block is. It cuts a block
//! wherever a parameter changes, and the bridge reads pace, time of capture and block length off the host's own calls.
//! The other way it does not hand out the plugin's parameters and its project, which the names of auxiliary outputs go by.
//!
//! The framework makes the plugin itself; so the object around it (`vst3_buses.rs`, `clap_instance.rs`) prepares the link on the thread
//! that creates the instance, and the plugin takes it while it is made. Without such an object every block is whole.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use backline_bridge::{AUX_BUSES, BlockPart};

use crate::params::BacklineParams;
use crate::project::Project;

/// The host's call at hand, written and read in it alone, so by one thread at a time; and whose it is.
#[derive(Default)]
pub struct HostCall {
    /// Bit `n` is auxiliary output `n`.
    absent_aux: AtomicU16,
    block_frames: AtomicUsize,
    done_frames: AtomicUsize,
    params: OnceLock<Weak<BacklineParams>>,
    on_part: OnceLock<OnPart>,
}

/// Is told at which sample frame of the block the next part begins, before it is played. [audio-thread]
pub type OnPart = Box<dyn Fn(usize) + Send + Sync>;

thread_local! {
    static PREPARED: RefCell<Option<Arc<HostCall>>> = const { RefCell::new(None) };
}

const _: () = assert!(AUX_BUSES <= 16, "a bit each");

impl HostCall {
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

    /// The plugin says which parameters are its own. [main-thread]
    pub fn introduce(&self, params: &Arc<BacklineParams>) {
        self.params.get_or_init(|| Arc::downgrade(params));
    }

    /// The parameters of the plugin that took the link, as long as it lives. [main-thread]
    pub fn params(&self) -> Option<Arc<BacklineParams>> {
        self.params.get()?.upgrade()
    }

    /// Its project. [main-thread]
    pub fn project(&self) -> Option<Arc<Project>> {
        self.params().map(|params| params.project.clone())
    }

    /// Who is told of parts, from now on. [main-thread]
    pub fn set_on_part(&self, on_part: OnPart) {
        self.on_part.get_or_init(|| on_part);
    }

    /// The host calls for a block of so many sample frames. [audio-thread]
    pub fn begin(&self, block_frames: usize) {
        self.block_frames.store(block_frames, Ordering::Relaxed);
        self.done_frames.store(0, Ordering::Relaxed);
    }

    /// Says which auxiliary outputs the block has not. [audio-thread]
    pub fn set_absent_aux(&self, absent: u16) {
        self.absent_aux.store(absent, Ordering::Relaxed);
    }

    /// Whether this block has not this auxiliary output. [audio-thread]
    pub fn has_no_aux(&self, index: usize) -> bool {
        index < AUX_BUSES && self.absent_aux.load(Ordering::Relaxed) & (1 << index) != 0
    }

    /// Where in the host's block the next so many sample frames lie. [audio-thread]
    pub fn next_part(&self, frames: usize) -> BlockPart {
        let begin = self.done_frames.load(Ordering::Relaxed);
        if let Some(on_part) = self.on_part.get() {
            on_part(begin);
        }
        self.done_frames.store(begin.saturating_add(frames), Ordering::Relaxed);
        let part = BlockPart::new(begin, frames, self.block_frames.load(Ordering::Relaxed));
        part.unwrap_or(BlockPart::whole(frames))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instance_that_is_made_takes_the_link_and_no_other_does() {
        let (inside, outside) = HostCall::link(HostCall::prepared);
        outside.set_absent_aux(0b100);
        assert!(inside.has_no_aux(2) && !inside.has_no_aux(1));
        assert!(!HostCall::prepared().has_no_aux(2));
    }

    #[test]
    fn a_block_comes_in_parts_and_without_a_word_of_the_host_is_whole() {
        let call = HostCall::default();
        assert_eq!(call.next_part(64), BlockPart::whole(64));
        call.begin(64);
        assert_eq!(Some(call.next_part(17)), BlockPart::new(0, 17, 64));
        assert_eq!(Some(call.next_part(47)), BlockPart::new(17, 47, 64));
        assert_eq!(call.next_part(64), BlockPart::whole(64), "the host's next call, unannounced");
    }
}
