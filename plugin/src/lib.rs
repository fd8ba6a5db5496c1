//! Backline, the plugin in the DAW: a track to everybody, everybody on a fader.
//!
//! What there is, in the order of a host's calls: `plugin.rs` (names, ports, the framework's traits) →
//! `processor.rs` (one instance) → `params.rs` and `controls.rs` (what is automated) → `project.rs`, `state.rs`,
//! `state_filter.rs` (what a project keeps) → `editor.rs` (what is seen). VST3 hosts come in by `vst3_factory.rs` and `vst3_buses.rs`,
//! CLAP hosts by `clap_factory.rs` and `clap_instance.rs`, which also tells them who plays on which output (`aux_names.rs`, `clap_aux_ports.rs`).
//! The audio path is `backline_bridge`, the worker
//! is `backline_client`; neither knows this crate.
//!
//! A person's wishes that are no parameters go through [`project::Project::send`], so that the project keeps them.

mod aux_names;
mod clap_aux_ports;
mod clap_events;
pub mod clap_factory;
mod clap_instance;
pub mod controls;
mod cuts;
pub mod editor;
pub mod environment;
pub mod fence;
pub mod host_call;
pub mod kind;
pub mod live_instances;
pub mod logging;
pub mod params;
pub mod personal;
pub mod plugin;
pub mod processor;
pub mod project;
pub mod report;
pub mod servers;
pub mod slot_buses;
pub mod song;
pub mod sound;
mod spare_buses;
#[cfg(feature = "standalone")]
pub mod standalone;
pub mod state;
pub mod state_filter;
pub mod state_text;
pub mod talk_keys;
pub mod unattended;
pub mod value_text;
pub mod vst3_buses;
mod vst3_changes;
pub mod vst3_factory;
mod vst3_params;
