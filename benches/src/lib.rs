//! What is measured, in virtual time: an instance's callback, a stream's playout.
//!
//! Not the measurements themselves (those are in `benches/`). Step before: `cargo bench -p backline-benches`. Step after: tables.

mod instance;
mod stream;

pub use instance::Instance;
pub use stream::{Coding, Stream, StreamError};
