//! A frame of samples to a payload and back; concealment by the codec.
//!
//! It knows no RTP, no jitter and no policy for loss: `media` decides what is sent and when something is concealed. The
//! step before is `media`'s reblocking (or its playout), the step after is the packet (or the drift resampler).
//!
//! Samples are 48 kHz, stereo, interleaved `f32`; full scale is ±1. Worker thread only: Opus takes tens of µs.
#![forbid(unsafe_code)]

pub mod decoder;
pub mod encoder;
pub mod encoding;
pub mod error;
mod pcm;
pub mod quality;
#[cfg(test)]
mod test_signals;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub use encoding::{
    Encoding, MAX_BITRATE_BPS, MAX_FRAME_FRAMES, MIN_BITRATE_BPS, OpusFrame, PAYLOAD_TYPE_L16,
    PAYLOAD_TYPE_L24, PAYLOAD_TYPE_OPUS, PAYLOAD_TYPE_RED, PayloadKind, PcmFrame,
};
pub use error::CodecError;
pub use quality::{Quality, UnknownQuality};
