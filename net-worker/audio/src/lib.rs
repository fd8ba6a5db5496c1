//! Samples, units, gain, pan, meters, resampling and the mix.
//!
//! The lowest layer: plain arithmetic on blocks of `f32`. It knows no packets, peers, clocks or threads.
//! The step before is the host's block (in `bridge`) or a decoded frame (in `media`); the step after is the
//! host's bus or the encoder.
//!
//! Shapes: *interleaved* means L R L R …, *planar* means one slice for each channel. Lengths named
//! `_frames` count sample frames (one pair of samples). Everything here may run on the audio thread unless
//! its documentation says otherwise: nothing allocates after `new`, except where a `Vec` still grows.
#![forbid(unsafe_code)]

pub mod convert;
pub mod drift;
pub mod level;
pub mod meter;
pub mod ramp;
pub mod rate;
pub mod strip;

pub use convert::{RateConverter, RateConverterError};
pub use drift::{DriftResampler, MAX_CORRECTION_PPM};
pub use level::{Db, Gain, Pan, ParseDbError, parse_db};
pub use meter::{Meter, MeterReading};
pub use ramp::Ramp;
pub use rate::{SampleRate, UnsupportedRate};
pub use strip::StereoGain;

/// Channels of every interleaved block between bridge and wire.
pub const CHANNELS: usize = 2;
