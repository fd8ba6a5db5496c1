//! One encrypted path to one peer: ICE, DTLS-SRTP, RTP and the control channel, without a socket.
//!
//! It is: [`Path`] (datagrams in, datagrams out, deadlines, events), [`demux`] (whose datagram is
//! this, before any path exists) and [`Certificate`]. It is not: a socket, a clock, a session, or
//! anything that knows samples. The step before is `io` (datagrams) and `session` or `relay` (what to
//! send); the step after is the same two. Payloads pass through bit for bit, as do their payload type
//! and 32-bit timestamp. The protocols are listed in `docs/PROTOCOL.md`.

pub mod allowance;
pub mod certificate;
pub mod demux;
mod dtls;
pub mod local_addresses;
pub mod media;
pub mod path;
pub mod reach;
mod rtcp;
mod rtp;
mod srtp;
pub mod stats;

pub use allowance::{Allowance, Rate};
pub use certificate::{Certificate, CertificateError};
pub use local_addresses::LocalAddresses;
pub use media::{MediaHead, MediaPacket};
pub use path::{CloseReason, Path, PathConfig, PathError, PathEvent, Role, Transmit};
pub use reach::{Arrived, Reach, ReachConfig, ReachError, ReachEvent, TurnServer};
pub use stats::{DropReason, PathStats};
