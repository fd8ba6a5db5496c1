//! Tells ThreadSanitizer of the order that the standard library makes where it cannot see it: that library is not instrumented.
//!
//! So nothing of ours has to be suppressed. `build.rs` has the linker put these functions before the ones they call. The names are those of
//! the pinned toolchain; with another one the linker says which is missing, and `nm` on a test shows what it is called now.

use std::ffi::c_void;

const RELEASE: i32 = 3;
const ACQUIRE_RELEASE: i32 = 4;

unsafe extern "C" {
    fn __tsan_acquire(address: *const c_void);
    fn __tsan_release(address: *const c_void);
    fn __real___tsan_atomic64_fetch_sub(value: *mut u64, by: u64, order: i32) -> u64;
}

unsafe extern "Rust" {
    #[link_name = "__real__RNvMNtNtNtNtCsjrHSEGnQ3l9_3std3sys4sync5mutex5futexNtB2_5Mutex14lock_contended"]
    fn lock_contended(mutex: *const c_void);
    #[link_name = "__real__RNvMs0_NtNtNtNtCsjrHSEGnQ3l9_3std3sys4sync4once5futexNtB5_4Once4call"]
    fn call_once(once: *const c_void, poisoned: bool, data: usize, vtable: usize, caller: usize);
}

/// The last owner of an `Arc` learns by a fence what the others did, and fences are unknown to ThreadSanitizer. Here every owner that lets go
/// learns it. A release by subtraction that lacks its fence is not found so; there is none in our code.
#[unsafe(no_mangle)]
#[sanitize(thread = "off")]
unsafe extern "C" fn __wrap___tsan_atomic64_fetch_sub(value: *mut u64, by: u64, order: i32) -> u64 {
    let order = if order == RELEASE { ACQUIRE_RELEASE } else { order };
    // SAFETY: called as the caller did.
    unsafe { __real___tsan_atomic64_fetch_sub(value, by, order) }
}

/// A `Mutex` that somebody else has is taken in the standard library; that it is given back is seen.
#[unsafe(export_name = "__wrap__RNvMNtNtNtNtCsjrHSEGnQ3l9_3std3sys4sync5mutex5futexNtB2_5Mutex14lock_contended")]
#[sanitize(thread = "off")]
unsafe fn wrap_lock_contended(mutex: *const c_void) {
    // SAFETY: called as the caller did; the second only notes an order at the address of its one word.
    unsafe {
        lock_contended(mutex);
        __tsan_acquire(mutex);
    }
}

/// What is made once (`OnceLock`, `LazyLock`) is declared made in the standard library; that somebody looks whether it is, is seen.
#[unsafe(export_name = "__wrap__RNvMs0_NtNtNtNtCsjrHSEGnQ3l9_3std3sys4sync4once5futexNtB5_4Once4call")]
#[sanitize(thread = "off")]
unsafe fn wrap_call_once(once: *const c_void, poisoned: bool, data: usize, vtable: usize, caller: usize) {
    // SAFETY: called as the caller did: the closure's two words and the caller's place are passed on as they came. The others only note
    // an order at the address of its one word.
    unsafe {
        call_once(once, poisoned, data, vtable, caller);
        __tsan_acquire(once);
        __tsan_release(once);
    }
}
