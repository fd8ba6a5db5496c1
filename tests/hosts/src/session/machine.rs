//! How often the machine itself stood still while a session ran.
//!
//! A virtual machine gets no processor for some milliseconds now and then, and then no host can call its plugin in time and
//! no worker can send. One thread for each core, above everything else in priority, wakes every millisecond and notes when
//! it could not. Before it: [`crate::session`] starts it. After it: [`crate::figures`] tells a dropout of the machine from
//! one of the plugin.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::block_clock::{MonotonicNs, lock_memory, monotonic_now, sleep_until, watch_core};

const PERIOD_NS: u64 = 1_000_000;
/// A wake-up this late is a stall; without one it takes a tenth of that.
const STALL_NS: u64 = 500_000;

/// A time in which a core did nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// When the thread should have run.
    pub start_ns: MonotonicNs,
    /// When it did.
    pub end_ns: MonotonicNs,
}

/// The running watch.
pub struct MachineWatch {
    ended: Arc<AtomicBool>,
    cores: Vec<JoinHandle<Vec<Stall>>>,
}

impl MachineWatch {
    /// Begins to watch all cores. Where no real-time priority is granted, it sees nothing and excuses nothing.
    pub fn start() -> Self {
        lock_memory();
        let ended = Arc::new(AtomicBool::new(false));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let watch = |core| {
            let ended = Arc::clone(&ended);
            std::thread::spawn(move || if watch_core(core) { stalls_until(&ended) } else { Vec::new() })
        };
        Self { cores: (0..cores).map(watch).collect(), ended }
    }

    /// Ends it; all stalls of all cores.
    pub fn finish(self) -> Vec<Stall> {
        self.ended.store(true, Ordering::Relaxed);
        self.cores.into_iter().flat_map(|core| core.join().unwrap_or_default()).collect()
    }
}

fn stalls_until(ended: &AtomicBool) -> Vec<Stall> {
    let mut stalls = Vec::new();
    let mut due_ns = monotonic_now();
    while !ended.load(Ordering::Relaxed) {
        due_ns += PERIOD_NS;
        sleep_until(due_ns);
        let now_ns = monotonic_now();
        if now_ns > due_ns + STALL_NS {
            stalls.push(Stall { start_ns: due_ns, end_ns: now_ns });
            due_ns = now_ns;
        }
    }
    stalls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_ends_when_it_is_told_to_and_its_stalls_are_in_the_past() {
        let began = monotonic_now();
        let watch = MachineWatch::start();
        sleep_until(began + 20_000_000);
        let stalls = watch.finish();
        let ended = monotonic_now();
        for stall in stalls {
            assert!(
                began < stall.start_ns && stall.start_ns + STALL_NS < stall.end_ns && stall.end_ns <= ended
            );
        }
    }
}
