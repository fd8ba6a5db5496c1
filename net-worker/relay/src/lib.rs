//! The brain of a host: who may come in, who is there, and what is passed on to whom. Sans-IO.
//!
//! It carries the session inside of the plugin of whoever hosts. It knows paths and control messages; it does not know samples, sockets, HTTP or disks.

mod admission;
mod local_door;
mod members;
mod relay;

pub use members::RelayStats;
pub use relay::{LocalMember, Relay, RelayConfig, RelayEvent};
