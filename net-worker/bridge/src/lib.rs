//! The audio thread and the worker: rings, meters, wake-up, and nothing else.
//!
//! ```text
//! host ── process() ──> AudioEnd ══ capture ring ══> NetEnd ──> worker: encode, send
//!                          ║   └── Doorbell (rung every 32 sample frames) ──> ends the worker's wait
//!                          ╚══ 16 return rings <══ NetEnd <── worker: playouts
//!                          ╚── transport ──> NetEnd, and who leads the metronome <── NetEnd
//! ```
//!
//! It knows no network, codec or session, owns no thread and reads no clock. Everything between the ends is stereo
//! interleaved `f32` at the device's rate; lengths are in sample frames (one left and one right sample).
//!
//! - [`bridge`] makes both ends; [`AudioEnd`] belongs to the audio callback, [`NetEnd`] to the worker.
//! - [`Meters`] may be read from anywhere.
//! - [`Pace`] says whether the host calls at the pace of real time; only then audio flows.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod audio_end;
mod block;
mod capture;
mod controls;
mod cycle;
mod depth;
mod doorbell;
mod harmless;
mod lane;
mod lane_state;
mod meters;
mod metronome;
mod moves;
mod net_end;
mod pace;
mod strips;
mod sync;
mod tail;
mod transport;

use std::sync::Arc;

use backline_audio::SampleRate;

pub use audio_end::AudioEnd;
pub use block::{BlockIo, BlockPart, StereoBus};
pub use capture::CaptureStamp;
pub use controls::{BlockControls, BusChoice, SlotControls};
pub use cycle::CycleClock;
pub use doorbell::{Doorbell, Wake};
pub use meters::{CallbackCost, Faults, Meters, Peak};
pub use metronome::MetronomeLead;
pub use moves::FaderMoves;
pub use net_end::{NetEnd, Strip};
pub use pace::{GAP, Pace, PaceMeter, PaceReading};
pub use transport::{Transport, TransportAt};

use capture::capture_ring;
use cycle::CycleMember;
use depth::MARGIN_MAX_S;
use lane::return_ring;
use lane_state::LaneState;
use metronome::metronome;
use moves::SharedFader;
use sync::{AtomicBool, AtomicU64};
use transport::transport_ring;

/// Strips of an instance.
pub const SLOTS: usize = 16;
/// Auxiliary stereo outputs of the multi-output plugin.
pub const AUX_BUSES: usize = 8;
/// The audio thread rings the doorbell when so many sample frames went through since the last ring.
pub const WAKE_FRAMES: usize = 32;
/// Longest block that SPEC section 3 names; rings are never made for less, because hosts exceed what they announce.
pub const BLOCK_FRAMES_MAX: usize = 8192;

/// What the host says before it starts to process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BridgeConfig {
    /// The host's rate.
    pub sample_rate: SampleRate,
    /// The longest block that the host announces; longer ones are processed all the same, in pieces.
    pub max_block_frames: usize,
}

/// What both ends and every lane share, beside the rings.
struct Shared {
    meters: Arc<Meters>,
    lanes: [LaneState; SLOTS],
    capture_wanted: AtomicBool,
    send_fader: SharedFader,
    slot_faders: [SharedFader; SLOTS],
    /// Soloed slots in bits 0 to 15, slots on auxiliary buses in bits 16 to 31; by the callback.
    slot_uses: AtomicU64,
    /// Slots that no solo silences, a bit each; by the worker.
    solo_safe: AtomicU64,
}

/// Makes the two ends of an instance, everything allocated. All instances of a process share `cycles`. For a new sample rate or block size make a new bridge; the old
/// `AudioEnd` is dropped on the main thread, never on the audio thread. [main-thread]
pub fn bridge(config: BridgeConfig, doorbell: Arc<Doorbell>, cycles: Arc<CycleClock>) -> (AudioEnd, NetEnd) {
    let shared = Arc::new(Shared {
        meters: Arc::new(Meters::new(config.sample_rate)),
        lanes: std::array::from_fn(|_| LaneState::new()),
        capture_wanted: AtomicBool::new(false),
        send_fader: SharedFader::new(),
        slot_faders: std::array::from_fn(|_| SharedFader::new()),
        slot_uses: AtomicU64::new(0),
        solo_safe: AtomicU64::new(0),
    });
    let rate_hz = config.sample_rate.hz() as usize;
    let block_frames = config.max_block_frames.clamp(BLOCK_FRAMES_MAX, 4 * BLOCK_FRAMES_MAX);
    let (capture_writer, capture_reader) =
        capture_ring(config.sample_rate, rate_hz * 3 / 4 + 2 * block_frames);
    let fill_max_frames = 2 * block_frames + (MARGIN_MAX_S * rate_hz as f64) as usize;
    let mut writers = Vec::with_capacity(SLOTS);
    let lanes = std::array::from_fn(|_| {
        let (writer, reader) = return_ring(config.sample_rate, fill_max_frames);
        writers.push(writer);
        reader
    });
    let (transport_writer, transport_reader) = transport_ring(config.sample_rate);
    let (metronome, lead_writer) = metronome(config.sample_rate);
    let audio_end = AudioEnd::new(
        config,
        Arc::clone(&shared),
        (doorbell, CycleMember::new(cycles)),
        capture_writer,
        lanes,
        (transport_writer, metronome),
        fill_max_frames,
    );
    let tempo = (transport_reader, lead_writer);
    (audio_end, NetEnd::new(config.sample_rate, shared, capture_reader, writers, tempo))
}
