//! One participant of a session: peers, sources, playouts and ways, sans-IO.
//!
//! It knows paths (`backline-transport`) and streams (`backline-media`); it does not know sockets, threads,
//! files, the plugin or the server.

mod assignment;
mod chat;
mod clock_offset;
pub mod document;
mod heads;
mod histogram;
mod leading;
mod links;
mod listener;
mod listening;
mod mesh;
mod mix_delays;
mod mix_levels;
mod network;
mod publishing;
mod queueing;
mod reception;
mod repair;
mod roster;
mod sending;
mod session;
mod slots;
mod stages;
mod timers;
mod uplink;
pub mod view;

pub use assignment::ReturnChoice;
pub use heads::{media_head, received_head};
pub use links::Links;
pub use listening::playout_config;
pub use network::LocalMessage;
pub use queueing::Queueing;
pub use reception::ReceptionMeter;
pub use repair::RepairBudget;
pub use session::{Conducted, InstanceConfig, Session, SessionConfig, SessionEvent, SessionState};
pub use slots::SlotTable;
pub use stages::{LatencyStages, Stage};
pub use uplink::JoinError;
