//! Makes sure that nothing of an instance is left in the framework's background queue when a host destroys it.
//!
//! nice-plug 0.4.2 has one background thread for all instances of a class. On Linux its VST3 wrapper queues a note
//! to the editor there for what does not come from the main thread: a state that a host loads elsewhere (parameters go past it,
//! `vst3_params.rs`). If the thread takes a note whose instance is gone, it ends; and when the last instance goes, telling that
//! ended thread to end aborts the host (LANDSCAPE, fault 2). Backline itself queues nothing but this fence: on
//! `deactivate` it queues one task and waits until that was taken. The queue
//! is first in, first out, so every earlier note was taken then too, while the instance lived.
//!
//! The wait is bounded, so a host whose main thread the background thread is waiting for does not hang.
//! CLAP uses the host's own main-thread callback instead, and needs no fence.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use nice_plug::prelude::{AsyncExecutor, Plugin};

/// The longest that `deactivate` waits. Notes take microseconds each and the queue holds 4096.
const WAIT_MAX: Duration = Duration::from_millis(250);

/// The background thread still holds the instance for an instant after it has run a task. If the host
/// destroys the instance in that instant, the thread destroys it instead, tries to wait for itself and ends by a
/// panic: survivable, but not nice to see.
const LET_GO: Duration = Duration::from_millis(1);

/// The one background task of Backline: says that the queue has come this far.
pub struct FenceTask(SyncSender<()>);

impl FenceTask {
    /// What the framework's background thread does with it.
    pub fn run(self) {
        // Nobody listens any more after the longest wait; that is fine.
        let _ = self.0.try_send(());
    }
}

/// Waits for the framework's background queue.
pub struct Fence<P: Plugin<BackgroundTask = FenceTask>> {
    executor: Option<AsyncExecutor<P>>,
}

impl<P: Plugin<BackgroundTask = FenceTask>> Default for Fence<P> {
    fn default() -> Self {
        Self { executor: None }
    }
}

impl<P: Plugin<BackgroundTask = FenceTask>> Fence<P> {
    /// The way into the queue, which the framework gives once, together with the editor's. [main-thread]
    pub fn connect(&mut self, executor: AsyncExecutor<P>) {
        self.executor = Some(executor);
    }

    /// Returns when everything queued so far has been taken, or after a quarter of a second. True where the queue
    /// is known to be empty. [main-thread]
    pub fn wait(&self) -> bool {
        let Some(executor) = &self.executor else { return true };
        let (sender, receiver) = sync_channel(1);
        executor.execute_background(FenceTask(sender));
        let outcome = receiver.recv_timeout(WAIT_MAX);
        match outcome {
            Ok(()) => std::thread::sleep(LET_GO),
            // The queue was full or its thread has ended: the task was dropped, and its sender with it.
            Err(RecvTimeoutError::Disconnected) => {
                tracing::warn!("the framework's background queue takes no tasks")
            }
            Err(RecvTimeoutError::Timeout) => tracing::warn!("the framework's background queue stands still"),
        }
        outcome.is_ok()
    }
}

#[cfg(test)]
mod tests;
