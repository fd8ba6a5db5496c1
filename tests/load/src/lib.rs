//! A load generator: simulated clients in numbers, over real UDP on loopback with real DTLS-SRTP, against a real `backline-server` process.
//!
//! A simulated client is a [`backline_transport::Path`] and the control messages of a participant, without a playout: it sends music that was encoded
//! once, and counts and times what it hears. The server has one core to itself, the clients another. The step before is `cargo xtask load`; the step after
//! is a table, or with `--json` one object.

mod client;
mod crowd;
pub mod figures;
mod hello;
pub mod jamulus;
pub mod music;
pub mod room;
pub mod run;
pub mod search;
mod server;
pub mod soak;
mod stage;
pub mod system;

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The server does not start, or does not answer.
    #[error("the server {0}")]
    Server(String),
    /// The system refuses something.
    #[error("{what}: {error}")]
    System {
        /// What was wanted.
        what: &'static str,
        /// What it said.
        error: std::io::Error,
    },
    /// The music cannot be encoded.
    #[error("the music can't be encoded: {0}")]
    Codec(#[from] backline_codec::CodecError),
    /// A client does not get in.
    #[error("{joined} of {clients} clients are in, and no more come in: {why}")]
    Join {
        /// Who is in.
        joined: usize,
        /// How many there are.
        clients: usize,
        /// What the last one was told.
        why: String,
    },
}
