//! An allocator that counts what is in use, so that a test can say "nothing grew".

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator with a counter of bytes in use. Make it the test's `#[global_allocator]`.
pub struct Counting {
    bytes: AtomicUsize,
}

impl Counting {
    /// Nothing counted yet.
    #[expect(clippy::new_without_default, reason = "a default would suggest more than one of it")]
    pub const fn new() -> Self {
        Counting { bytes: AtomicUsize::new(0) }
    }

    /// Bytes in use now, by the whole process.
    pub fn in_use(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

// SAFETY: every call goes to the system's allocator unchanged; the counter touches no memory of theirs.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.bytes.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on as they are.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        self.bytes.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on as they are.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        self.bytes.fetch_add(new_size, Ordering::Relaxed);
        self.bytes.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on as they are.
        unsafe { System.realloc(memory, layout, new_size) }
    }
}
