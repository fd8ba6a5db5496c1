//! The worker thread of a plugin process: the only crate that sees the bridge and the session.
//!
//! ```text
//! plugin ── Client (commands, snapshots) ──┐
//! plugin ── Client ── Registry ────────────┼─> Worker (thread, port, clock) ── Engine (sans-IO) ──> Session, Relay
//! plugin ── Client ────────────────────────┘      └── NetEnds (rings to and from the audio threads)
//! ```
//!
//! [`Client`] is what the plugin holds. All instances of a process that are in one session share one worker, which they find
//! through the registry. [`Engine`] is everything between their rings and the wire, without thread, socket or clock:
//! simulations run it.

pub mod api;
mod around;
mod client;
pub mod engine;
mod faders;
mod guest;
mod history;
pub mod lanes;
mod notices;
mod registry;
mod sentences;
mod servers;
mod store;
mod tempo;
mod worker;

pub use api::{
    AccessView, ChatLineState, ChatLineView, Command, Connection, DEPTH_CEILING_DEFAULT, DEPTH_CEILING_MAX,
    FaderView, FoundSession, Identity, InstanceView, LatencyStages, LeaderView, LeftBehindView, LogLine,
    MemberOperations, MixStrip, MixView, Notice, OperationCounts, OperationTraffic, OutboxStats, PersonView,
    ReturnChoice, Route, SLOTS, SendView, SessionHere, Severity, SlotView, Snapshot, SourceView, Stage,
    TempoView, TransportView, TurnServer, WaitingView, WorkerView, link_address,
};
pub use backline_bridge::{AudioEnd, BridgeConfig, Meters, Transport};
pub use backline_codec::Quality;
pub use backline_io::identity::config_dir;
pub use backline_io::signals::EndSignals;
pub use backline_io::store::data_dir;
pub use backline_kept::{HostKeys, Hosted};
pub use backline_wire::{
    Bpm, ChatLine, ChatLineError, Fader, GainValue, Grantee, InstanceId, Meter, Name, PanValue,
    ParticipantId, Scope, Setting, SettingKind, SourceId, Tempo, TempoError,
};
pub use client::{Client, ClientConfig};
pub use engine::{Engine, EngineConfig, EngineError, Stored};
pub use guest::Listener;
pub use history::{Historian, Histories, History, HistoryPoint, POINTS};
pub use sentences::sentences;
pub use servers::is_server_address;
