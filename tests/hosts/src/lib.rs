//! Real hosts that load the built bundles, and the ears that judge what came out of them.
//!
//! Nothing here links Backline: the bundles are opened as a DAW would open them. A host process plays a recording through a
//! plugin on a real-time clock and writes down what came back ([`clap_plugin`], [`block_clock`], `python/vst3_host.py`);
//! [`session`] starts two of them and lets them meet, [`band`] two with several instances each; [`analysis`] compares what was heard with what was sent.
//! Before this: `cargo xtask bundle`. After it: `cargo xtask demo`, `cargo xtask report path` and the tests of this crate.

pub mod analysis;
pub mod audio_file;
pub mod band;
pub mod block_clock;
pub mod bundles;
pub mod clap_plugin;
pub mod cycles;
pub mod daw;
pub mod desktop;
pub mod error;
pub mod figures;
pub mod jack_graph;
pub mod program;
pub mod scan;
pub mod session;
