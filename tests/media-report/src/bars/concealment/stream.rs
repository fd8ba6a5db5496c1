//! A coded signal, which of its frames are lost, and what a listener hears with each way of concealing them.
//!
//! Everything is on one timeline: the first sample of what is decoded from frame 0 is sample 0. Backline's playout is the real one,
//! in virtual time; its delay is taken away exactly. Before this: a signal. After it: the figures of a row.

use std::time::{Duration, Instant};

use backline_codec::{Decoder, Encoding, PayloadKind};
use backline_media::{Operation, PacketHead, Playout, PlayoutConfig, Sender, SenderConfig};

use super::Failed;

const CHANNELS: usize = 2;
const DEPTH: Duration = Duration::from_millis(5);

/// How a listener gets over a lost frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rival {
    /// Silence.
    Zeros,
    /// The last frame that came, again and again.
    Repeat,
    /// What libopus makes of it (`opus_decode_float` without a packet).
    OpusOwn,
}

/// A signal, coded.
pub struct Coded {
    kind: PayloadKind,
    /// Sample frames of a packet.
    pub frame_frames: usize,
    packets: Vec<(PacketHead, Vec<u8>)>,
}

impl Coded {
    /// Codes all of `samples` (interleaved).
    pub fn new(encoding: Encoding, samples: &[f32]) -> Result<Self, Failed> {
        let mut sender = Sender::new(SenderConfig::plain(encoding), 0)?;
        let (mut packets, mut payload) = (Vec::new(), Vec::new());
        for part in samples.chunks(480 * CHANNELS) {
            sender.push(part, Duration::ZERO);
            while let Some(head) = sender.poll_packet(&mut payload) {
                packets.push((head, payload.clone()));
            }
        }
        let kind =
            PayloadKind::from_payload_type(encoding.payload_type()).ok_or("an unknown payload type")?;
        Ok(Self { kind, frame_frames: encoding.frame_frames(), packets })
    }

    /// Packets.
    pub fn count(&self) -> usize {
        self.packets.len()
    }

    /// What is heard when nothing is lost: what every way of concealing is held against.
    pub fn whole(&self) -> Result<Vec<f32>, Failed> {
        self.heard_by(Rival::Zeros, &vec![false; self.count()])
    }

    /// What is heard with the frames that are `lost` replaced in a rival's way. Every rival's decoder is told of each loss.
    pub fn heard_by(&self, rival: Rival, lost: &[bool]) -> Result<Vec<f32>, Failed> {
        let mut decoder = Decoder::new(self.kind)?;
        let mut heard: Vec<f32> = Vec::with_capacity(self.count() * self.frame_frames * CHANNELS);
        let mut frame = Vec::new();
        let mut last = vec![0.0; self.frame_frames * CHANNELS];
        for ((_, payload), is_lost) in self.packets.iter().zip(lost) {
            if !is_lost {
                decoder.decode(payload, &mut frame)?;
                last.clone_from(&frame);
            } else {
                decoder.conceal(self.frame_frames, &mut frame);
                match rival {
                    Rival::Zeros => frame.fill(0.0),
                    Rival::Repeat => frame.clone_from(&last),
                    Rival::OpusOwn => {}
                }
            }
            heard.extend_from_slice(&frame);
        }
        Ok(heard)
    }

    /// What is heard through Backline's playout. Its first samples are missing (it fades in): silence stands for them.
    pub fn heard_by_backline(&self, lost: &[bool]) -> Result<Vec<f32>, Failed> {
        let mut playout = Playout::new(PlayoutConfig::fixed(DEPTH))?;
        let origin = Instant::now();
        let mut heard = Vec::with_capacity((self.count() + 16) * self.frame_frames * CHANNELS);
        let mut out = vec![0.0; self.frame_frames * CHANNELS];
        let mut delay_frames = None;
        for (index, ((head, payload), is_lost)) in self.packets.iter().zip(lost).enumerate() {
            let now = origin + Duration::from_secs_f64((index * self.frame_frames) as f64 / 48_000.0);
            if !is_lost {
                playout.insert(&(*head).into(), payload, now);
            }
            playout.pull(&mut out, now);
            heard.extend_from_slice(&out);
            let played = playout.stats().played.map(|played| played.timestamp as usize);
            let delay = played.map(|tick| (heard.len() / CHANNELS - 1).wrapping_sub(tick));
            if delay.is_some() && delay_frames.is_some() && delay != delay_frames {
                return Err(Failed::from("the playout's delay changed, so that nothing can be compared"));
            }
            delay_frames = delay_frames.or(delay);
        }
        let tally = playout.stats().tally;
        if tally.frames(Operation::Stretch) + tally.frames(Operation::Accelerate) > 0 {
            return Err(Failed::from("the playout moved in time, so that nothing can be compared"));
        }
        let delay_frames = delay_frames.ok_or("nothing was heard")?;
        heard.drain(..delay_frames * CHANNELS);
        Ok(heard)
    }
}
