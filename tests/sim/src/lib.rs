//! The simulated world: whole participants, rings to rings, in virtual time.
//!
//! Everything but the threads, the sockets and the sound cards is the real code: `AudioEnd::process`, the
//! rings, `Engine`, the paths with their encryption. A second of it takes some milliseconds, and a seed
//! gives the same delays and losses again.

pub mod card;
mod chance;
pub mod judge;
pub mod musician;
pub mod network;
mod seat;
pub mod server_node;
pub mod signal;
pub mod turn_server;
pub mod way;
pub mod world;

pub use card::{Card, Wander};
pub use chance::Chance;
pub use musician::Musician;
pub use network::Network;
pub use seat::Track;
pub use server_node::ServerNode;
pub use turn_server::TurnNode;
pub use way::{Bottleneck, Jitter, Loss, Way};
pub use world::{Id, World};
