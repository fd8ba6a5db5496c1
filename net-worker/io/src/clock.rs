//! The clocks: monotonic time, wall clock, processor time of a thread.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The monotonic clock and the wall clock read together, so that the one can be computed from the other
/// from then on and a jump of the wall clock moves nothing.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// Monotonic.
    pub now: Instant,
    /// Time since 1970-01-01 UTC at the same moment; zero on a machine whose clock stands before that.
    pub unix_time: Duration,
}

impl Clock {
    /// Reads both.
    pub fn read() -> Self {
        Self {
            now: Instant::now(),
            unix_time: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        }
    }
}

/// The monotonic clock.
pub fn now() -> Instant {
    Instant::now()
}

/// Processor time that the calling thread has used, or zero where the system does not tell.
#[cfg(unix)]
pub fn thread_cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live, writable timespec, and the call keeps no reference to it.
    let outcome = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    if outcome != 0 {
        return Duration::ZERO;
    }
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Processor time that the calling thread has used, or zero where the system does not tell.
#[cfg(not(unix))]
pub fn thread_cpu_time() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn processor_time_grows_with_work() {
        let before = thread_cpu_time();
        let mut sum = 0_u64;
        while thread_cpu_time() == before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(thread_cpu_time() > before);
    }
}
