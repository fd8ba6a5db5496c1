//! How the audio thread tells the worker that there is something to do, without waiting and mostly without a system call.
//!
//! Step before: the end of `AudioEnd::process`. Step after: whatever ends the worker's wait (an eventfd of `backline_io`).
//! It carries no data; the data is in the rings, written before the bell is rung.

use std::sync::Arc;

use crate::sync::{AtomicBool, Ordering};

/// Ends the worker's wait. Called on the audio thread, so it must not block, lock or allocate;
/// one write to a non-blocking eventfd is what it is meant for. [audio-thread]
pub trait Wake: Send + Sync {
    /// Ends the wait that is under way, or the next one.
    fn wake(&self);
}

/// A bell for one worker; any number of audio threads may ring it (hosts change them).
///
/// A worker's turn is: wait; [`silence`](Self::silence); drain every ring. In this order a ring is never lost:
/// what was written before a bell that is silenced is seen by the drain after it.
pub struct Doorbell {
    rung: AtomicBool,
    wake: Arc<dyn Wake>,
}

impl Doorbell {
    /// A silent bell. [main-thread]
    pub fn new(wake: Arc<dyn Wake>) -> Self {
        Self { rung: AtomicBool::new(false), wake }
    }

    /// Tells the worker that there is something to do; a system call only when the bell was silent, so that an
    /// instance nobody works for costs one call in all. [audio-thread]
    pub fn ring(&self) {
        // AcqRel: the release half publishes what was written before; the acquire half keeps the pair with
        // `silence` in one order, so that one of both sides always sees the other.
        if !self.rung.swap(true, Ordering::AcqRel) {
            wake_the_worker(&*self.wake);
        }
    }

    /// To be called before draining the rings; says whether the bell had been rung. [worker-thread]
    pub fn silence(&self) -> bool {
        self.rung.swap(false, Ordering::AcqRel)
    }

    /// Whether the bell has been rung since it was last silenced. [any-thread]
    pub fn is_rung(&self) -> bool {
        self.rung.load(Ordering::Acquire)
    }
}

#[cfg(not(rtsan))]
fn wake_the_worker(wake: &dyn Wake) {
    wake.wake();
}

/// RealtimeSanitizer flags every write system call. This one is the only one of the callback and is allowed: the eventfd is
/// non-blocking and its write never sleeps (a counter at its limit is an error that means "already awake").
#[cfg(rtsan)]
fn wake_the_worker(wake: &dyn Wake) {
    unsafe extern "C" {
        fn __rtsan_disable();
        fn __rtsan_enable();
    }
    // SAFETY: both take no argument and only count a thread-local depth; the sanitizer's runtime, linked under this cfg, has them.
    unsafe { __rtsan_disable() };
    wake.wake();
    // SAFETY: as above; pairs with the call before it.
    unsafe { __rtsan_enable() };
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn wakes_once_until_silenced() {
        let count = Arc::new(Count::default());
        let bell = Doorbell::new(Arc::clone(&count) as Arc<dyn Wake>);
        bell.ring();
        bell.ring();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(bell.silence());
        assert!(!bell.silence());
        bell.ring();
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
    }
}

/// `RUSTFLAGS="--cfg loom" cargo test -p backline-bridge --release loom`
#[cfg(all(test, loom))]
mod loom_models {
    use loom::sync::atomic::AtomicU32;
    use loom::sync::{Condvar, Mutex};
    use loom::thread;

    use super::*;

    /// An eventfd: `wake` sets it, `wait` takes it or sleeps.
    #[derive(Default)]
    struct EventFd {
        set: Mutex<bool>,
        changed: Condvar,
    }

    impl Wake for EventFd {
        fn wake(&self) {
            *self.set.lock().unwrap() = true;
            self.changed.notify_one();
        }
    }

    impl EventFd {
        fn wait(&self) {
            let mut set = self.set.lock().unwrap();
            while !*set {
                set = self.changed.wait(set).unwrap();
            }
            *set = false;
        }
    }

    /// The worker sees every item and never sleeps for ever (loom reports a deadlock), with two rings by one audio thread.
    #[test]
    fn loom_no_ring_is_lost() {
        loom::model(|| {
            let event = Arc::new(EventFd::default());
            let bell = Arc::new(Doorbell::new(Arc::clone(&event) as Arc<dyn Wake>));
            let written = Arc::new(AtomicU32::new(0));
            let audio = {
                let (bell, written) = (Arc::clone(&bell), Arc::clone(&written));
                thread::spawn(move || {
                    for item in 1..=2 {
                        written.store(item, Ordering::Relaxed);
                        bell.ring();
                    }
                })
            };
            while written.load(Ordering::Relaxed) < 2 {
                event.wait();
                bell.silence();
            }
            audio.join().unwrap();
        });
    }

    /// The twin that must fail, to prove that the model can: draining before silencing loses a ring.
    #[test]
    #[should_panic]
    fn loom_the_wrong_order_loses_a_ring() {
        loom::model(|| {
            let event = Arc::new(EventFd::default());
            let bell = Arc::new(Doorbell::new(Arc::clone(&event) as Arc<dyn Wake>));
            let written = Arc::new(AtomicU32::new(0));
            let audio = {
                let (bell, written) = (Arc::clone(&bell), Arc::clone(&written));
                thread::spawn(move || {
                    for item in 1..=2 {
                        written.store(item, Ordering::Relaxed);
                        bell.ring();
                    }
                })
            };
            loop {
                event.wait();
                let seen = written.load(Ordering::Relaxed);
                bell.silence();
                if seen == 2 {
                    break;
                }
            }
            audio.join().unwrap();
        });
    }

    /// Two instances share one worker: both are heard.
    #[test]
    fn loom_two_instances_share_a_bell() {
        loom::model(|| {
            let event = Arc::new(EventFd::default());
            let bell = Arc::new(Doorbell::new(Arc::clone(&event) as Arc<dyn Wake>));
            let items = [Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0))];
            let audio: Vec<_> = items
                .iter()
                .map(|item| {
                    let (bell, item) = (Arc::clone(&bell), Arc::clone(item));
                    thread::spawn(move || {
                        item.store(1, Ordering::Relaxed);
                        bell.ring();
                    })
                })
                .collect();
            while items.iter().any(|item| item.load(Ordering::Relaxed) == 0) {
                event.wait();
                bell.silence();
            }
            for thread in audio {
                thread.join().unwrap();
            }
        });
    }
}
