//! Whether an Opus stream rests: the same few bytes of silence again and again.
//!
//! Once a decoder has made nothing but silence of the same payload for a while, that is what it makes of it for ever: its state does not change any
//! more, and it need not be asked. A server that mixes has such sources by the dozen.

use backline_audio::CHANNELS;

/// Silence in Opus takes three bytes; nothing longer is looked at.
const BYTES_MAX: usize = 8;
/// So many in a row: 20 ms of the shortest frames, after which nothing of earlier ones is left in a decoder.
const PAYLOADS_MIN: u32 = 8;
/// What libopus adds so that it never counts with numbers close to zero is below this; 16 bit audio begins at 3e-5.
const SILENCE: f32 = 1e-12;

/// What is known of the payloads that came last.
#[derive(Debug, Default)]
pub(super) struct Rest {
    payload: [u8; BYTES_MAX],
    payload_bytes: usize,
    /// Of one payload.
    frames: usize,
    /// Silent ones of this payload in a row.
    count: u32,
}

impl Rest {
    /// How many sample frames of silence a payload is; none where the decoder has to be asked.
    pub fn silent_frames(&self, payload: &[u8]) -> Option<usize> {
        (self.count >= PAYLOADS_MIN && self.is_same(payload)).then_some(self.frames)
    }

    /// What the decoder made of a payload (interleaved).
    pub fn decoded(&mut self, payload: &[u8], samples: &[f32]) {
        let is_silent = payload.len() <= BYTES_MAX
            && !samples.is_empty()
            && samples.iter().all(|sample| sample.abs() < SILENCE);
        if !is_silent {
            self.count = 0;
            return;
        }
        if self.is_same(payload) {
            self.count += 1;
            return;
        }
        *self = Self {
            payload_bytes: payload.len(),
            frames: samples.len() / CHANNELS,
            count: 1,
            ..Self::default()
        };
        self.payload[..payload.len()].copy_from_slice(payload);
    }

    fn is_same(&self, payload: &[u8]) -> bool {
        self.payload_bytes > 0 && self.payload[..self.payload_bytes] == *payload
    }
}
