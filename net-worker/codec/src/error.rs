//! What can go wrong between samples and payloads.
//!
//! Payload errors come from the network: `media` counts them and conceals; they never reach a person. The others are the
//! caller's mistakes or a broken build, and say what to do.

use crate::encoding::{MAX_BITRATE_BPS, MAX_FRAME_FRAMES, MIN_BITRATE_BPS, PayloadKind};

/// Why a frame was not coded or a payload not decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// An Opus rate outside the limits.
    #[error(
        "{bitrate_bps} bit/s is outside what Opus can do here: choose from {MIN_BITRATE_BPS} to {MAX_BITRATE_BPS} bit/s"
    )]
    Bitrate {
        /// The rate that was asked for.
        bitrate_bps: u32,
    },
    /// The encoder was given another number of samples than its encoding's frame holds.
    #[error("a frame of this encoding holds {expected_samples} interleaved samples, not {samples}")]
    FrameLength {
        /// Twice [`crate::Encoding::frame_frames`].
        expected_samples: usize,
        /// What was given.
        samples: usize,
    },
    /// A payload whose size no frame has.
    #[error(
        "a payload of {payload_bytes} bytes is no frame of {kind:?}: it was damaged or comes from another program"
    )]
    PayloadSize {
        /// What it was said to be.
        kind: PayloadKind,
        /// Its size.
        payload_bytes: usize,
    },
    /// An Opus payload longer than anything that Backline sends.
    #[error(
        "an Opus payload of {frames} sample frames is longer than the {MAX_FRAME_FRAMES} that are accepted"
    )]
    PayloadTooLong {
        /// Its length in sample frames.
        frames: usize,
    },
    /// An Opus payload that libopus can't read.
    #[error("libopus can't decode this payload ({what}): it was damaged or comes from another program")]
    PayloadDamaged {
        /// libopus's words.
        what: &'static str,
    },
    /// libopus failed for a reason of its own.
    #[error(
        "the Opus codec failed ({what}): choose a PCM quality (Lowest latency or Lossless) and report this"
    )]
    Opus {
        /// libopus's words.
        what: &'static str,
    },
}

impl CodecError {
    /// libopus's message, from static text, so that an error on the data plane does not allocate.
    pub(crate) fn from_opus(error: &opus::Error) -> CodecError {
        CodecError::Opus { what: error.code().description() }
    }
}
