//! A hosted session on the disk: its keys, its document, and which operations were applied.
//!
//! What a plugin that hosts and a server keep alike. It gives the bytes of `backline_io::store` their meaning; it knows no relay and no thread. The
//! step before is whoever carries the session (`client`, `server`); the step after is the store.

mod certificate;
mod hosted;
mod session_file;

pub use hosted::{HostKeys, Hosted, first_bytes, split_seed};
pub use session_file::{HostAgainError, KeptSession, Opened, SessionFile, writes_of};

/// A value as it is kept. [any-thread]
pub fn bytes_of(value: &impl serde::Serialize) -> Vec<u8> {
    // Writing to a growing Vec cannot fail for types that are no maps.
    postcard::to_extend(value, Vec::new()).unwrap_or_default()
}
