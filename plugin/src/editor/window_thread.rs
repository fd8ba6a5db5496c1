//! Knows when the thread of an editor's window has ended, so that an instance does not go before it.
//!
//! baseview 0.4.2 runs each window of X11 on a thread of its own. Closing one waits for that thread, but not where it is asked at the very
//! moment in which it stops; then it closes its display while the host goes on, maybe to its own end, which does not go together. On other
//! systems a window is on the main thread, and there is nothing to wait for.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// The longest wait. A display is closed in some milliseconds.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// From look to look.
const LOOK_EVERY: Duration = Duration::from_millis(1);

thread_local! {
    /// Goes with its thread.
    static RUNS: RefCell<Option<Arc<()>>> = const { RefCell::new(None) };
}

/// The thread of the last window.
#[derive(Debug, Clone, Default)]
pub struct WindowThread(Arc<Mutex<Weak<()>>>);

impl WindowThread {
    /// A window begins on this thread. [window-thread]
    pub fn begin(&self) {
        if cfg!(target_os = "linux") {
            let runs = Arc::new(());
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&runs);
            RUNS.set(Some(runs));
        }
    }

    /// Waits until the thread of a window that was closed has ended, or for a second. [main-thread]
    pub fn wait(&self) {
        let give_up = Instant::now() + WAIT_MAX;
        while self.runs() && Instant::now() < give_up {
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn runs(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).strong_count() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_thread_is_waited_for_until_it_ends() {
        let window = WindowThread::default();
        window.wait();
        assert!(!window.runs());
        let (of_thread, (begun, begins), (end, ends)) = (window.clone(), channel(), channel::<()>());
        let thread = std::thread::spawn(move || {
            of_thread.begin();
            let _ = begun.send(());
            let _ = ends.recv();
        });
        assert_eq!(begins.recv(), Ok(()));
        assert!(window.runs());
        drop(end);
        window.wait();
        assert!(!window.runs());
        assert!(thread.join().is_ok());
    }
}
