//! One stereo source in virtual time: real music, coded beforehand, whose packets go into a playout that is pulled block by block.
//!
//! The work of [`Stream::block`] is the playout's alone: insert, decode, resample, pull. Step before: the recording of
//! `tests/hosts/music`. Step after: a benchmark that measures blocks, or a test that counts allocations.

use std::path::Path;
use std::time::{Duration, Instant};

use backline_audio::CHANNELS;
use backline_codec::{Encoding, OpusFrame, PcmFrame};
use backline_media::{
    Playout, PlayoutConfig, PlayoutError, PlayoutStats, ReceivedHead, Sender, SenderConfig, SenderError,
};

/// Sample frames of a listener's block.
pub const BLOCK_FRAMES: usize = 64;
/// How long before it is needed a packet arrives: no test of jitter, only of work.
const DEPTH: Duration = Duration::from_micros(2500);
/// After so long every drift is found and followed.
const WARM_UP_SECONDS: usize = 8;

/// How the source is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// 16-bit PCM in packets of 60 sample frames.
    Pcm,
    /// Opus in packets of 2.5 ms, 256 kbit/s.
    Opus,
}

impl Coding {
    /// The encoding that the sender is given.
    pub fn encoding(self) -> Encoding {
        match self {
            Self::Pcm => Encoding::Pcm16 { frame: PcmFrame::F60 },
            Self::Opus => Encoding::Opus { frame: OpusFrame::Ms2_5, bitrate_bps: 256_000 },
        }
    }

    /// What tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcm => "PCM 1.25 ms",
            Self::Opus => "Opus 2.5 ms",
        }
    }
}

/// Why there is no stream to measure.
#[derive(Debug)]
pub enum StreamError {
    /// The recording cannot be read.
    Music(claxon::Error),
    /// The sender refuses.
    Sender(SenderError),
    /// The playout refuses.
    Playout(PlayoutError),
}

/// A source and its playout.
pub struct Stream {
    packets: Vec<(ReceivedHead, Vec<u8>)>,
    playout: Playout,
    origin: Instant,
    frame_frames: usize,
    listener_rate_hz: f64,
    inserted: usize,
    pulled_frames: usize,
    out: Vec<f32>,
}

impl Stream {
    /// A stream that has been running for some seconds and can be pulled for `seconds` more. `listener_ppm` is how fast the
    /// listener's sound card is, `lost_share` (0 to 1) how many packets never come, by a fixed seed.
    ///
    /// # Errors
    /// [`StreamError`].
    pub fn new(
        coding: Coding,
        listener_ppm: f64,
        lost_share: f64,
        seconds: usize,
    ) -> Result<Self, StreamError> {
        let depth = PlayoutConfig::fixed(DEPTH);
        let frames = (WARM_UP_SECONDS + seconds + 1) * 48_000;
        let mut stream = Self {
            packets: lose(code(coding.encoding(), &music(frames)?)?, lost_share),
            playout: Playout::new(depth).map_err(StreamError::Playout)?,
            origin: Instant::now(),
            frame_frames: coding.encoding().frame_frames(),
            listener_rate_hz: 48_000.0 * (1.0 + listener_ppm * 1e-6),
            inserted: 0,
            pulled_frames: 0,
            out: vec![0.0; BLOCK_FRAMES * CHANNELS],
        };
        for _ in 0..WARM_UP_SECONDS * 48_000 / BLOCK_FRAMES {
            stream.block();
        }
        Ok(stream)
    }

    /// Inserts what has arrived by the listener's next block, and pulls that block.
    pub fn block(&mut self) {
        self.pulled_frames += BLOCK_FRAMES;
        let now_s = self.pulled_frames as f64 / self.listener_rate_hz;
        let now = self.origin + Duration::from_secs_f64(now_s);
        while let Some((head, payload)) = self.packets.get(self.inserted) {
            let sent_s = (head.timestamp as usize + self.frame_frames) as f64 / 48_000.0;
            if sent_s > now_s {
                break;
            }
            self.playout.insert(head, payload, self.origin + Duration::from_secs_f64(sent_s));
            self.inserted += 1;
        }
        self.playout.pull(&mut self.out, now);
    }

    /// What the playout says of itself.
    pub fn stats(&self) -> PlayoutStats {
        self.playout.stats()
    }
}

/// `frames` sample frames of the shipped recording, again and again, interleaved.
fn music(frames: usize) -> Result<Vec<f32>, StreamError> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/hosts/music/part-a.flac");
    let mut reader = claxon::FlacReader::open(path).map_err(StreamError::Music)?;
    let scale = 1.0 / (1_u64 << (reader.streaminfo().bits_per_sample - 1)) as f32;
    let samples: Result<Vec<f32>, _> =
        reader.samples().map(|sample| sample.map(|value| value as f32 * scale)).collect();
    let samples = samples.map_err(StreamError::Music)?;
    Ok(samples.iter().copied().cycle().take(frames * CHANNELS).collect())
}

fn code(encoding: Encoding, samples: &[f32]) -> Result<Vec<(ReceivedHead, Vec<u8>)>, StreamError> {
    let config = SenderConfig::plain(encoding);
    let mut sender = Sender::new(config, 0).map_err(StreamError::Sender)?;
    let mut packets = Vec::new();
    let mut payload = Vec::new();
    for (index, second) in samples.chunks(48_000 * CHANNELS / 2).enumerate() {
        sender.push(second, Duration::from_millis(500) * index as u32);
        while let Some(head) = sender.poll_packet(&mut payload) {
            packets.push((ReceivedHead::from(head), payload.clone()));
        }
    }
    Ok(packets)
}

fn lose(mut packets: Vec<(ReceivedHead, Vec<u8>)>, lost_share: f64) -> Vec<(ReceivedHead, Vec<u8>)> {
    let mut state = 1_u64;
    packets.retain(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64 >= lost_share
    });
    packets
}
