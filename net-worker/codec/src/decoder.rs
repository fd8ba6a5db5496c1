//! A payload to a frame of samples, and the codec's own guess at a frame that is missing.
//!
//! It trusts nothing: whatever a payload holds, the answer is samples or an error. When to conceal is `media`'s decision.
//! The step before is playout's queue; the step after is the drift resampler.

mod rest;

use crate::encoding::{MAX_FRAME_FRAMES, PayloadKind, PcmFrame};
use crate::error::CodecError;
use crate::pcm;
use backline_audio::{CHANNELS, SampleRate};
use rest::Rest;

/// Decodes one stream. Opus remembers earlier frames, so payloads must be given in order, and [`conceal`](Self::conceal)
/// must stand in for those that are missing.
pub struct Decoder {
    kind: PayloadKind,
    opus: Option<opus::Decoder>,
    rest: Rest,
}

impl Decoder {
    /// Allocates.
    ///
    /// # Errors
    /// [`CodecError::Opus`] when libopus can't start.
    pub fn new(kind: PayloadKind) -> Result<Decoder, CodecError> {
        let opus = match kind {
            PayloadKind::Opus => Some(start_opus().map_err(|error| CodecError::from_opus(&error))?),
            PayloadKind::L16 | PayloadKind::L24 => None,
        };
        Ok(Decoder { kind, opus, rest: Rest::default() })
    }

    /// What it decodes.
    #[must_use]
    pub fn kind(&self) -> PayloadKind {
        self.kind
    }

    /// Decodes one payload into `out` (interleaved), which is cleared first, and returns its length in sample frames (1
    /// to [`MAX_FRAME_FRAMES`]). Every sample is finite. Does not allocate once `out` has room for a frame.
    ///
    /// # Errors
    /// [`CodecError::PayloadSize`], [`CodecError::PayloadTooLong`], [`CodecError::PayloadDamaged`]. `out` is then empty,
    /// and the decoder is as usable as before.
    pub fn decode(&mut self, payload: &[u8], out: &mut Vec<f32>) -> Result<usize, CodecError> {
        out.clear();
        match (&mut self.opus, self.kind) {
            (Some(opus), _) => {
                if let Some(frames) = self.rest.silent_frames(payload) {
                    out.resize(frames * CHANNELS, 0.0);
                    return Ok(frames);
                }
                let frames = decode_opus(opus, payload, out);
                self.rest.decoded(payload, out);
                frames
            }
            (None, PayloadKind::L24) => {
                let frames = pcm_frames(self.kind, payload.len(), 3)?;
                pcm::read_l24(payload, out);
                Ok(frames)
            }
            (None, _) => {
                let frames = pcm_frames(self.kind, payload.len(), 2)?;
                pcm::read_l16(payload, out);
                Ok(frames)
            }
        }
    }

    /// Fills `out` (interleaved, cleared first) with `frames` sample frames that stand for a lost payload. For Opus it is
    /// the codec's own concealment, which fades by itself when repeated; ask for the length of the lost frame, for the
    /// codec thinks in multiples of 120 (of another length the last part is cut off). PCM has none: silence, which
    /// `media` replaces.
    pub fn conceal(&mut self, frames: usize, out: &mut Vec<f32>) {
        out.clear();
        out.resize(frames * CHANNELS, 0.0);
        let Some(opus) = &mut self.opus else { return };
        self.rest = Rest::default();
        for part in out.chunks_mut(MAX_FRAME_FRAMES * CHANNELS) {
            let mut lost = [0.0_f32; MAX_FRAME_FRAMES * CHANNELS];
            let wanted = part.len().next_multiple_of(OPUS_STEP_FRAMES * CHANNELS);
            // On failure silence stays, which is what there is to hear.
            if opus.decode_float(&[], &mut lost[..wanted], false).is_ok() {
                part.copy_from_slice(&lost[..part.len()]);
                silence_if_not_finite(part);
            }
        }
    }

    /// Forgets earlier frames, as after a restart of the stream.
    pub fn reset(&mut self) {
        self.rest = Rest::default();
        if let Some(opus) = &mut self.opus {
            // libopus documents no failure for it; if there were one, only the first frame would sound of the old.
            let _ = opus.reset_state();
        }
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Decoder({:?})", self.kind)
    }
}

fn start_opus() -> Result<opus::Decoder, opus::Error> {
    opus::Decoder::new(SampleRate::NETWORK.hz(), opus::Channels::Stereo)
}

fn decode_opus(opus: &mut opus::Decoder, payload: &[u8], out: &mut Vec<f32>) -> Result<usize, CodecError> {
    // libopus takes an empty payload for a lost one; and one that is too long would need room that nobody planned.
    if payload.is_empty() || payload.len() > OPUS_PAYLOAD_BYTES_MAX {
        return Err(CodecError::PayloadSize { kind: PayloadKind::Opus, payload_bytes: payload.len() });
    }
    let damaged = |error: opus::Error| CodecError::PayloadDamaged { what: error.code().description() };
    let frames = opus.get_nb_samples(payload).map_err(damaged)?;
    if frames > MAX_FRAME_FRAMES {
        return Err(CodecError::PayloadTooLong { frames });
    }
    out.resize(MAX_FRAME_FRAMES * CHANNELS, 0.0);
    let decoded = opus.decode_float(payload, out, false);
    out.truncate(decoded.as_ref().map_or(0, |frames| frames * CHANNELS));
    silence_if_not_finite(out);
    decoded.map_err(damaged)
}

/// The length of a PCM payload in sample frames, if it is one that is sent.
fn pcm_frames(kind: PayloadKind, payload_bytes: usize, sample_bytes: usize) -> Result<usize, CodecError> {
    let frame_bytes = sample_bytes * CHANNELS;
    let frames = payload_bytes / frame_bytes;
    match PcmFrame::from_frames(frames) {
        Some(_) if payload_bytes.is_multiple_of(frame_bytes) => Ok(frames),
        _ => Err(CodecError::PayloadSize { kind, payload_bytes }),
    }
}

/// A payload made to do harm may drive a float decoder to infinity; it must not reach anybody's ears or meters.
fn silence_if_not_finite(samples: &mut [f32]) {
    if samples.iter().any(|sample| !sample.is_finite()) {
        samples.fill(0.0);
    }
}

/// The concealment of libopus comes in multiples of 2.5 ms.
const OPUS_STEP_FRAMES: usize = 120;
/// RFC 6716 section 3.4: the most that 20 ms can take (eight frames of 2.5 ms at 1275 bytes, and their lengths).
const OPUS_PAYLOAD_BYTES_MAX: usize = 8 * (1275 + 2) + 2;

#[cfg(test)]
mod tests;
