//! What every client plays: a made-up piece, encoded once beforehand, so that the generator's time goes into packets.
//!
//! The step after is `client.rs`, which sends its payloads in a loop.

use std::f32::consts::TAU;

use backline_codec::{CodecError, Encoder, Encoding, OpusFrame, Quality};

/// Of the network.
const RATE_HZ: usize = 48_000;
/// Two bars at 120 beats a minute.
const LENGTH_FRAMES: usize = 4 * RATE_HZ;
/// libopus takes DC away with a filter that needs so long until nothing is left of what was played: two seconds.
const SILENT_FRAMES: usize = 2 * RATE_HZ;
const BEAT_FRAMES: usize = RATE_HZ / 2;
/// A minor, F, C, G: half a bar each.
const CHORDS_HZ: [[f32; 3]; 4] =
    [[220.0, 261.6, 329.6], [174.6, 220.0, 261.6], [196.0, 261.6, 329.6], [196.0, 246.9, 293.7]];

/// Encoded music.
pub struct Music {
    /// How it is coded.
    pub encoding: Encoding,
    /// One after the other; the first follows the last.
    pub payloads: Vec<Vec<u8>>,
    /// A frame in which nothing is played, after others like it.
    pub silence: Vec<u8>,
}

impl Music {
    /// Opus in frames of this length, at this rate, or the one that the product chooses.
    ///
    /// # Errors
    /// When the codec fails.
    pub fn encode(frame: OpusFrame, bitrate_bps: Option<u32>) -> Result<Self, CodecError> {
        let encoding = match (frame, bitrate_bps) {
            (_, Some(bitrate_bps)) => Encoding::Opus { frame, bitrate_bps },
            (OpusFrame::Ms2_5, None) => Quality::Balanced.encoding(),
            _ => Encoding::Opus { frame, bitrate_bps: 128_000 },
        };
        let mut encoder = Encoder::new(encoding)?;
        let samples: Vec<f32> = (0..LENGTH_FRAMES).flat_map(frame_at).collect();
        let mut payloads = Vec::new();
        for block in samples.chunks_exact(encoding.frame_frames() * 2) {
            let mut payload = Vec::new();
            encoder.encode(block, &mut payload)?;
            payloads.push(payload);
        }
        let (still, mut silence) = (vec![0.0; encoding.frame_frames() * 2], Vec::new());
        for _ in 0..SILENT_FRAMES / encoding.frame_frames() {
            encoder.encode(&still, &mut silence)?;
        }
        Ok(Self { encoding, payloads, silence })
    }

    /// Bytes of a payload on average.
    pub fn payload_bytes(&self) -> f64 {
        let sum: usize = self.payloads.iter().map(Vec::len).sum();
        sum as f64 / self.payloads.len().max(1) as f64
    }
}

/// Both sides of one sample frame: plucked chords and a drum on each beat.
fn frame_at(at: usize) -> [f32; 2] {
    let since_beat = (at % BEAT_FRAMES) as f32 / RATE_HZ as f32;
    let chord = CHORDS_HZ[at * CHORDS_HZ.len() / LENGTH_FRAMES % CHORDS_HZ.len()];
    let time = at as f32 / RATE_HZ as f32;
    let decay = (-5.0 * since_beat).exp();
    let tone = |hz: f32, side: f32| {
        (TAU * hz * time).sin()
            + 0.4 * (TAU * 2.003 * hz * time + side).sin()
            + 0.2 * (TAU * 5.01 * hz * time).sin()
    };
    let hiss = noise(at) * (-40.0 * since_beat).exp();
    [0.0, 1.0].map(|side| {
        let strings: f32 = chord.iter().map(|hz| tone(*hz, side)).sum();
        0.12 * decay * strings + 0.25 * hiss
    })
}

/// From -1 to 1, the same for the same place.
fn noise(at: usize) -> f32 {
    let mixed = (at as u32).wrapping_mul(0x9E37_79B1) ^ 0x5bd1_e995;
    let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x85EB_CA6B);
    (mixed >> 8) as f32 / (1 << 23) as f32 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_bars_of_music_are_as_large_as_music_is() {
        for (frame, count, kbps) in [(OpusFrame::Ms2_5, 1_600, 256.0), (OpusFrame::Ms5, 800, 128.0)] {
            let music = Music::encode(frame, None).unwrap();
            assert_eq!(music.payloads.len(), count);
            let told = music.payload_bytes() * 8.0 * count as f64 / 4_000.0;
            assert!((0.6 * kbps..1.2 * kbps).contains(&told), "{told} kbit/s");
        }
    }

    #[test]
    fn silence_is_silent_to_the_last_bit() {
        let music = Music::encode(OpusFrame::Ms2_5, None).unwrap();
        let mut decoder = backline_codec::Decoder::new(music.encoding.kind()).unwrap();
        let mut out = Vec::new();
        for payload in music.payloads.iter().take(40) {
            decoder.decode(payload, &mut out).unwrap();
        }
        for at in 0..40 {
            out.clear();
            decoder.decode(&music.silence, &mut out).unwrap();
            let peak = out.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            assert!(at < 8 || peak < 1e-6, "{peak} in frame {at}");
        }
    }
}
