//! Which cores of the processor a thread runs on: for measurements that must not take from each other.
//!
//! What a thread starts (other threads, programs) stays where it does. The step after is the system's scheduler.

/// The cores that the calling thread may run on, by their numbers; empty where the system does not tell.
#[cfg(target_os = "linux")]
pub fn available() -> Vec<usize> {
    // SAFETY: a set of cores is plain bits, of which all zero is the empty one.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live, writable set of the size that is told; 0 is the calling thread.
    let outcome = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) };
    if outcome != 0 {
        return Vec::new();
    }
    // SAFETY: the set is live, and every number is below its size.
    (0..libc::CPU_SETSIZE as usize).filter(|core| unsafe { libc::CPU_ISSET(*core, &set) }).collect()
}

/// Lets the calling thread run on one core only. False where the system refuses.
#[cfg(target_os = "linux")]
pub fn stay_on(core: usize) -> bool {
    if core >= libc::CPU_SETSIZE as usize {
        return false;
    }
    // SAFETY: a set of cores is plain bits, of which all zero is the empty one.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is live, and the number is below its size.
    unsafe { libc::CPU_SET(core, &mut set) };
    // SAFETY: the pointer is to a live set of the size that is told, which the call only reads; 0 is the calling thread.
    unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) == 0 }
}

/// The cores that the calling thread may run on, by their numbers; empty where the system does not tell.
#[cfg(not(target_os = "linux"))]
pub fn available() -> Vec<usize> {
    Vec::new()
}

/// Lets the calling thread run on one core only. False where the system refuses.
#[cfg(not(target_os = "linux"))]
pub fn stay_on(_core: usize) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_stays_where_it_is_told() {
        let all = available();
        let last = *all.last().unwrap();
        let stays = std::thread::spawn(move || (stay_on(last), available()));
        assert_eq!(stays.join().unwrap(), (true, vec![last]));
        assert_eq!(available(), all, "and no other thread with it");
        assert!(!stay_on(1 << 20));
    }
}
