//! The priority of the worker thread, just below the audio thread's, and that of threads which must not have it.

use thread_priority::{ThreadPriority, ThreadPriorityValue};

/// Asks the system to run the calling thread before ordinary ones. False where it refuses (a user without
/// real-time rights): the worker then runs as an ordinary thread, and the report says so.
pub fn raise() -> bool {
    if raise_realtime() {
        return true;
    }
    ThreadPriorityValue::try_from(90_u8)
        .is_ok_and(|value| ThreadPriority::Crossplatform(value).set_for_current().is_ok())
}

/// Asks the system to run the calling thread before ordinary ones, but not before everything: for a thread that may have so much to do that it never waits.
/// (A real-time thread is stopped by the system at 95 % of a core.) False where it refuses.
pub fn prefer() -> bool {
    #[cfg(target_os = "linux")]
    {
        ask_for_short_turns();
        // SAFETY: no memory is passed; on Linux 0 is the calling thread.
        unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE_FIRST) == 0 }
    }
    #[cfg(not(target_os = "linux"))]
    raise()
}

/// Asks the system to prefer this program's session to others, until the answer is dropped: where it shares the processor between sessions first (autogroups,
/// usual on desktops), a thread's own nice value counts only within its session. For measurements: it also is for whatever else was started from the same
/// terminal. None where the system refuses or knows no such thing.
pub fn prefer_session() -> Option<PreferredSession> {
    let told = std::fs::read_to_string(AUTOGROUP).ok()?;
    let before: i32 = told.trim().rsplit(' ').next()?.parse().ok()?;
    std::fs::write(AUTOGROUP, "-20").ok()?;
    Some(PreferredSession { before })
}

/// As long as it lives, the session has the processor before others.
#[derive(Debug)]
pub struct PreferredSession {
    before: i32,
}

impl Drop for PreferredSession {
    fn drop(&mut self) {
        if let Err(error) = std::fs::write(AUTOGROUP, self.before.to_string()) {
            tracing::warn!(%error, "this terminal's programs stay preferred");
        }
    }
}

/// On Linux.
const AUTOGROUP: &str = "/proc/self/autogroup";

/// The lowest there is.
#[cfg(target_os = "linux")]
const NICE_FIRST: libc::c_int = -20;

/// Who wants the processor for a short time at once gets it sooner when it wakes (Linux 6.12 and later; before, it means nothing for an ordinary thread).
#[cfg(target_os = "linux")]
fn ask_for_short_turns() {
    // `sched_attr` of sched_setattr(2), which libc has no wrapper for.
    #[repr(C)]
    struct Attributes {
        size: u32,
        policy: u32,
        flags: u64,
        nice: i32,
        priority: u32,
        runtime_ns: u64,
        deadline_ns: u64,
        period_ns: u64,
    }
    let attributes = Attributes {
        size: size_of::<Attributes>() as u32,
        policy: libc::SCHED_OTHER as u32,
        flags: 0,
        nice: 0,
        priority: 0,
        runtime_ns: 100_000,
        deadline_ns: 0,
        period_ns: 0,
    };
    // SAFETY: the pointer is to a live structure whose first field is its size, and which the call only reads; 0 is the calling thread.
    if unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) } != 0 {
        tracing::debug!("the system gives no short turns");
    }
}

/// Does something in a thread of ordinary priority, which the threads that it starts have too, and waits for it. None where the
/// system gives no thread.
pub fn at_ordinary<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("backline-starter".to_owned());
        let thread = thread.spawn_scoped(scope, || {
            lower();
            work()
        });
        thread.ok()?.join().ok()
    })
}

/// SCHED_OTHER, which every thread may choose.
#[cfg(target_os = "linux")]
fn lower() {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the pointer is to a live value that the call only reads; 0 is the calling thread.
    if unsafe { libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const parameters) } != 0 {
        tracing::debug!("a thread keeps the priority of the one that started it");
    }
}

#[cfg(not(target_os = "linux"))]
fn lower() {}

/// SCHED_FIFO at 60: below the 70 to 95 that JACK and PipeWire give audio threads.
#[cfg(target_os = "linux")]
fn raise_realtime() -> bool {
    use thread_priority::{
        RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
    };
    ThreadPriorityValue::try_from(60_u8).is_ok_and(|value| {
        set_thread_priority_and_policy(
            thread_native_id(),
            ThreadPriority::Crossplatform(value),
            ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo),
        )
        .is_ok()
    })
}

#[cfg(not(target_os = "linux"))]
fn raise_realtime() -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_started_by_a_raised_thread_need_not_be_raised() {
        // SAFETY: 0 is the calling thread, and no memory is passed.
        let policy = || unsafe { libc::sched_getscheduler(0) };
        let of_started = std::thread::spawn(move || {
            raise();
            at_ordinary(move || std::thread::spawn(policy).join().unwrap())
        });
        assert_eq!(of_started.join().unwrap(), Some(libc::SCHED_OTHER));
    }
}
