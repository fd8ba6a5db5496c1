//! A frame of samples to a payload.
//!
//! One encoder for each stream that is sent, whoever listens. The step before is `media`'s reblocking; the step after is
//! the packet.

use crate::encoding::{Encoding, MAX_BITRATE_BPS, MAX_FRAME_FRAMES, MIN_BITRATE_BPS, OpusFrame};
use crate::error::CodecError;
use crate::pcm;
use backline_audio::{CHANNELS, SampleRate};

/// Codes one stream. Opus remembers earlier frames, so frames must be given in order.
pub struct Encoder {
    encoding: Encoding,
    opus: Option<OpusEncoder>,
}

impl Encoder {
    /// Allocates.
    ///
    /// # Errors
    /// [`CodecError::Bitrate`] outside the limits; [`CodecError::Opus`] when libopus can't start.
    pub fn new(encoding: Encoding) -> Result<Encoder, CodecError> {
        let opus = match encoding {
            Encoding::Opus { frame, bitrate_bps } => Some(OpusEncoder::new(frame, bitrate_bps)?),
            Encoding::Pcm16 { .. } | Encoding::Pcm24 { .. } => None,
        };
        Ok(Encoder { encoding, opus })
    }

    /// How it codes.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// How much Opus tries out for each frame: 0 (least) to 10. At 2.5 and 5 ms a server that makes a hundred mixes takes 1; PCM has no such choice.
    ///
    /// # Errors
    /// [`CodecError::Opus`] when libopus refuses; it goes on as before.
    pub fn set_complexity(&mut self, complexity: u8) -> Result<(), CodecError> {
        let Some(opus) = &mut self.opus else { return Ok(()) };
        opus.encoder
            .set_complexity(i32::from(complexity.min(10)))
            .map_err(|error| CodecError::from_opus(&error))
    }

    /// How many sample frames later than it went in a sample comes out of the decoder, besides the time that the frame
    /// takes to fill: the codec's look-ahead (120 for Opus, 0 for PCM).
    #[must_use]
    pub fn delay_frames(&self) -> usize {
        self.opus.as_ref().map_or(0, |opus| opus.delay_frames)
    }

    /// Codes one frame (interleaved, exactly [`Encoding::frame_frames`] sample frames) into `payload`, which is cleared
    /// first. Does not allocate once `payload` has held a frame of this encoding. Samples that are no numbers are coded
    /// as silence.
    ///
    /// # Errors
    /// [`CodecError::FrameLength`]; [`CodecError::Opus`] when libopus fails. `payload` is then empty.
    pub fn encode(&mut self, frame: &[f32], payload: &mut Vec<u8>) -> Result<(), CodecError> {
        payload.clear();
        let expected_samples = self.encoding.frame_frames() * CHANNELS;
        if frame.len() != expected_samples {
            return Err(CodecError::FrameLength { expected_samples, samples: frame.len() });
        }
        match (&mut self.opus, self.encoding) {
            (Some(opus), _) => opus.encode(frame, payload)?,
            (None, Encoding::Pcm24 { .. }) => pcm::write_l24(frame, payload),
            (None, _) => pcm::write_l16(frame, payload),
        }
        Ok(())
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Encoder({})", self.encoding)
    }
}

struct OpusEncoder {
    encoder: opus::Encoder,
    delay_frames: usize,
    /// The frame with everything in it that libopus can digest.
    clean: [f32; MAX_FRAME_FRAMES * CHANNELS],
}

impl OpusEncoder {
    fn new(frame: OpusFrame, bitrate_bps: u32) -> Result<OpusEncoder, CodecError> {
        if !(MIN_BITRATE_BPS..=MAX_BITRATE_BPS).contains(&bitrate_bps) {
            return Err(CodecError::Bitrate { bitrate_bps });
        }
        Self::start(frame, bitrate_bps).map_err(|error| CodecError::from_opus(&error))
    }

    fn start(frame: OpusFrame, bitrate_bps: u32) -> Result<OpusEncoder, opus::Error> {
        let rate_hz = SampleRate::NETWORK.hz();
        let mut encoder = opus::Encoder::new(rate_hz, opus::Channels::Stereo, opus::Application::LowDelay)?;
        encoder.set_bitrate(opus::Bitrate::Bits(bitrate_bps as i32))?;
        encoder.set_complexity(complexity(frame))?;
        encoder.set_vbr(VBR)?;
        encoder.set_vbr_constraint(true)?;
        encoder.set_signal(opus::Signal::Music)?;
        encoder.set_lsb_depth(24)?;
        encoder.set_packet_loss_perc(EXPECTED_LOSS_PERCENT)?;
        let delay_frames = encoder.get_lookahead()?.max(0) as usize;
        Ok(OpusEncoder { encoder, delay_frames, clean: [0.0; MAX_FRAME_FRAMES * CHANNELS] })
    }

    fn encode(&mut self, frame: &[f32], payload: &mut Vec<u8>) -> Result<(), CodecError> {
        let clean = &mut self.clean[..frame.len()];
        for (clean, sample) in clean.iter_mut().zip(frame) {
            // One NaN or infinity would stay in the encoder's filters for ever.
            *clean = if sample.is_nan() { 0.0 } else { sample.clamp(-LOUDEST, LOUDEST) };
        }
        payload.resize(PAYLOAD_BYTES_MAX, 0);
        let coded = self.encoder.encode_float(clean, payload);
        payload.truncate(*coded.as_ref().unwrap_or(&0));
        coded.map(|_| ()).map_err(|error| CodecError::from_opus(&error))
    }
}

/// Above 5 nothing is gained at 2.5 and 5 ms (measured), and time is lost.
const fn complexity(frame: OpusFrame) -> i32 {
    match frame {
        OpusFrame::Ms2_5 | OpusFrame::Ms5 => 5,
        OpusFrame::Ms10 | OpusFrame::Ms20 => 9,
    }
}

/// Told of no loss, libopus predicts each band's energy from the frame before for as long as it pays, and one lost packet in
/// steady tones is then followed by frames up to 30 dB over full scale (measured). Told of this much, by none.
const EXPECTED_LOSS_PERCENT: i32 = 20;
/// Constrained: the rate is kept over a few frames, and attacks get more than silence.
const VBR: bool = true;
/// RFC 6716 section 3.2.1: one Opus frame has at most 1275 bytes, and its table of contents one.
const PAYLOAD_BYTES_MAX: usize = 1276;
/// +18 dB: beyond any honest peak, and harmless to libopus.
const LOUDEST: f32 = 8.0;

#[cfg(test)]
mod tests;
