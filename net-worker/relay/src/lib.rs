//! The brain of a host: who may come in, who is there, and what is passed on to whom. Sans-IO.
//!
//! It carries the session inside of the plugin of whoever hosts. It knows paths and control messages; it does not know samples, sockets, HTTP or disks.

mod admission;
pub mod counts;
mod limits;
mod local_door;
mod members;
mod mix;
mod outbound;
mod pool;
mod relay;
mod shard;
mod spread;

pub use backline_codec::OpusFrame;
pub use counts::{RelayStats, Totals};
pub use limits::Limits;
pub use mix::{MixConfig, MixStats};
pub use outbound::Outbound;
pub use pool::{Misuse, Pool, PoolStats, Ticket};
pub use relay::{LocalMember, MemberOperations, Relay, RelayConfig, RelayEvent};
pub use shard::{ParticipantView, SessionId, SessionView, Shard, ShardEvent, ShardStats, SourceView};
pub use spread::Spread;

/// What a panic says.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it does not say why")
}
