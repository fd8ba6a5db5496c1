//! The sound card of a test host: block after block at absolute deadlines of CLOCK_MONOTONIC, which all processes of a
//! machine share, so that sample times of two hosts can be compared. Not a simulation: it really waits.

use std::time::Duration;

/// Nanoseconds of CLOCK_MONOTONIC.
pub type MonotonicNs = u64;

/// The deadlines of a stream of blocks: sample frame `n` belongs to `start + n / rate`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockClock {
    start_ns: MonotonicNs,
    rate_hz: f64,
}

impl BlockClock {
    /// A clock whose sample frame 0 is at `start_ns`; `ppm` makes this sound card fast (positive) or slow.
    pub fn new(start_ns: MonotonicNs, sample_rate_hz: u32, ppm: f64) -> Self {
        Self { start_ns, rate_hz: f64::from(sample_rate_hz) * (1.0 + ppm * 1e-6) }
    }

    /// The ideal time of a sample frame.
    pub fn time_of(&self, frame: u64) -> MonotonicNs {
        self.start_ns + (frame as f64 * 1e9 / self.rate_hz).round() as u64
    }

    /// Real sample frames in a second of CLOCK_MONOTONIC.
    pub fn rate_hz(&self) -> f64 {
        self.rate_hz
    }
}

/// The time now.
pub fn monotonic_now() -> MonotonicNs {
    read_clock(libc::CLOCK_MONOTONIC)
}

/// CPU time that the calling thread has used.
pub fn thread_cpu_time() -> Duration {
    Duration::from_nanos(read_clock(libc::CLOCK_THREAD_CPUTIME_ID))
}

/// CPU time that the whole process has used.
pub fn process_cpu_time() -> Duration {
    Duration::from_nanos(read_clock(libc::CLOCK_PROCESS_CPUTIME_ID))
}

/// Sleeps until a time of CLOCK_MONOTONIC; returns at once when that is past.
pub fn sleep_until(deadline_ns: MonotonicNs) {
    let deadline = libc::timespec {
        tv_sec: (deadline_ns / 1_000_000_000) as libc::time_t,
        tv_nsec: (deadline_ns % 1_000_000_000) as libc::c_long,
    };
    loop {
        // SAFETY: `deadline` outlives the call, and no remainder is asked for.
        let code = unsafe {
            libc::clock_nanosleep(libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME, &deadline, std::ptr::null_mut())
        };
        if code != libc::EINTR {
            return;
        }
    }
}

/// Asks for real-time priority for the calling thread, as a DAW's audio thread has it; says whether it was granted.
pub fn raise_priority() -> bool {
    raise_priority_to(70)
}

/// Keeps the calling thread on one core, before every audio thread; says whether that was granted.
pub fn watch_core(core: usize) -> bool {
    // SAFETY: a set of cores is a plain bit mask, and zero is a valid one; CPU_SET checks its bounds; the set outlives the call;
    // thread 0 is the calling one.
    let is_bound = unsafe {
        let mut cores: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut cores);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &cores) == 0
    };
    is_bound && raise_priority_to(90)
}

fn raise_priority_to(priority: libc::c_int) -> bool {
    let parameters = libc::sched_param { sched_priority: priority };
    // SAFETY: `parameters` outlives the call; thread 0 is the calling one.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, &parameters) == 0 }
}

/// Keeps all memory of the process in place, as JACK does for its clients: a page fault in a callback is a late block. Where
/// that is not permitted, nothing happens.
pub fn lock_memory() {
    // SAFETY: the call has no memory arguments; it changes only when pages are made resident.
    unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) };
}

fn read_clock(id: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writing for the whole call.
    unsafe { libc::clock_gettime(id, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_frames_takes_a_second() {
        let clock = BlockClock::new(5_000, 48_000, 0.0);
        assert_eq!(clock.time_of(0), 5_000);
        assert_eq!(clock.time_of(48_000), 1_000_005_000);
        assert_eq!(clock.time_of(64), 5_000 + 1_333_333);
    }

    #[test]
    fn a_fast_sound_card_is_early() {
        assert_eq!(BlockClock::new(0, 48_000, 500.0).time_of(48_024), 1_000_000_000);
    }

    #[test]
    fn sleeping_never_ends_early() {
        let deadline = monotonic_now() + 2_000_000;
        sleep_until(deadline);
        assert!(monotonic_now() >= deadline);
    }
}
