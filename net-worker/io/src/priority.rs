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
