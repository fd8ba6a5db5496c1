//! Every system call of Backline outside the plugin frameworks: the UDP port, discovery in the local network, waiting and
//! being woken, clocks, cores, the identity file, the durable store, network interfaces, thread priority, signals that ask to end.
//!
//! Nothing here knows RTP, sessions or audio. The caller is the worker of a plugin (`backline-client`).

pub mod clock;
pub mod cores;
pub mod discovery;
pub mod entropy;
pub mod identity;
pub mod interfaces;
pub mod poller;
pub mod priority;
pub mod signals;
pub mod store;
pub mod udp;

pub use discovery::{Announcer, Browser, DiscoveryError, Service};
pub use identity::{IdentityError, config_dir};
pub use poller::{Poller, WakeHandle};
pub use udp::{Port, PortError, Sent};
