//! What the system's allocator is told before frames are drawn.
//!
//! A frame takes about two megabytes, piece by piece, and frees them: the triangles for the graphics card. glibc hands so much
//! back to the system at once, and takes it again page by page in the next frame, which costs more than all that is drawn. It
//! stops doing so once something larger was freed in the process.

/// Larger than what a frame takes; never touched, so it takes no memory.
const ONCE_BYTES: usize = 8 * 1024 * 1024;

/// Frees something larger than a frame, once for each window. [main-thread]
pub fn keep_what_frames_take() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(ONCE_BYTES)));
}
