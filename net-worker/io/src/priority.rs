//! The priority of the worker thread: just below the audio thread's.

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
