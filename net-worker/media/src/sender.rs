//! A musician's signal to packets: cut into frames, encoded, given timestamps and copies of earlier frames.
//!
//! It does not number packets, address or send them. Before it: the capture ring, converted to 48 kHz. After
//! it: the transport, which sends each packet to every listener.

use std::collections::VecDeque;
use std::time::Duration;

use backline_audio::CHANNELS;
use backline_codec::{CodecError, Encoder, Encoding, PAYLOAD_TYPE_RED};
use backline_wire::limits::MEDIA_PAYLOAD_BYTES_MAX;
use thiserror::Error;

use crate::history::{HISTORY_FRAMES_MAX, History};
use crate::packet::{FRAME_BYTES_MAX, PacketHead};
use crate::red::{self, Block, COPIES_SENT_MAX};

/// Audio that waits to be cut, at the most (1 s); a caller that does not poll loses the oldest.
const PENDING_FRAMES_MAX: usize = 48_000;
/// Capture stamps that are remembered at the most.
const STAMPS_MAX: usize = 1024;
/// A packet with copies stays under this, so that it passes every network (RTP, SRTP, UDP and IPv6 come on top).
const RED_BYTES_MAX: usize = 1150;
/// Copies at the most this many frames apart.
pub const COPY_DISTANCE_MAX: u8 = 4;

const _: () = assert!(RED_BYTES_MAX <= MEDIA_PAYLOAD_BYTES_MAX);
const _: () = assert!(COPIES_SENT_MAX * COPY_DISTANCE_MAX as usize <= HISTORY_FRAMES_MAX);

/// How a source is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderConfig {
    /// Codec, frame and rate.
    pub encoding: Encoding,
    /// Copies of earlier frames in each packet, 0 to 3; those that would make a packet too long are left out.
    pub redundancy: u8,
    /// How many frames apart the copies are, 1 to [`COPY_DISTANCE_MAX`]: 2 repeats the frames 2 and 4 before. A longer
    /// distance survives longer bursts of loss, and asks listeners for that much more depth.
    pub copy_distance: u8,
}

impl SenderConfig {
    /// An encoding without copies.
    pub fn plain(encoding: Encoding) -> Self {
        Self { encoding, redundancy: 0, copy_distance: 1 }
    }

    fn oldest_copy(self) -> usize {
        usize::from(self.redundancy) * usize::from(self.copy_distance)
    }
}

/// Why a sender could not be made or changed; it goes on as it was.
#[derive(Debug, Error)]
pub enum SenderError {
    /// The encoder refused.
    #[error("this quality cannot be sent: {0}")]
    Codec(#[from] CodecError),
    /// More copies than a packet takes.
    #[error("{0} copies in each packet are too many: choose 0 to {COPIES_SENT_MAX}")]
    Redundancy(u8),
    /// Copies of the packet itself, or of frames that are no longer known.
    #[error("copies {0} frames apart cannot be sent: choose 1 to {COPY_DISTANCE_MAX}")]
    CopyDistance(u8),
}

/// One source's packets. [`push`](Self::push) what was captured, then [`poll_packet`](Self::poll_packet) until
/// `None`. Allocates only in [`new`](Self::new) and [`reconfigure`](Self::reconfigure), and until `payload` and
/// the largest push have been seen once.
pub struct Sender {
    encoder: Encoder,
    config: SenderConfig,
    pending: VecDeque<f32>,
    frame: Vec<f32>,
    coded: Vec<u8>,
    history: History,
    stamps: VecDeque<Stamp>,
    /// Sample frames since the beginning, of the first pending one.
    index: u64,
    first_timestamp: u32,
    lost_frames: u64,
}

/// When a sample frame was captured.
#[derive(Clone, Copy)]
struct Stamp {
    index: u64,
    captured_at: Duration,
}

impl Sender {
    /// A sender whose first packet has `first_timestamp`.
    ///
    /// # Errors
    /// [`SenderError`] when the codec refuses the encoding, or for more than three copies.
    pub fn new(config: SenderConfig, first_timestamp: u32) -> Result<Self, SenderError> {
        Ok(Self {
            encoder: encoder(config)?,
            config,
            pending: VecDeque::with_capacity(CHANNELS * 16_384),
            frame: Vec::with_capacity(CHANNELS * backline_codec::MAX_FRAME_FRAMES),
            coded: Vec::with_capacity(FRAME_BYTES_MAX),
            history: History::new(),
            stamps: VecDeque::with_capacity(STAMPS_MAX),
            index: 0,
            first_timestamp,
            lost_frames: 0,
        })
    }

    /// How much the codec tries out for each frame: 0 (least) to 10; until the next [`reconfigure`](Self::reconfigure).
    ///
    /// # Errors
    /// [`SenderError::Codec`] when it refuses; it goes on as before.
    pub fn set_complexity(&mut self, complexity: u8) -> Result<(), SenderError> {
        Ok(self.encoder.set_complexity(complexity)?)
    }

    /// Takes captured audio (interleaved, 48 kHz, any length), the first sample frame of it captured at unix time
    /// `captured_at`.
    pub fn push(&mut self, samples: &[f32], captured_at: Duration) {
        let frames = samples.len() / CHANNELS;
        if self.stamps.len() == STAMPS_MAX {
            self.stamps.pop_front();
        }
        self.stamps.push_back(Stamp { index: self.index + self.pending_frames() as u64, captured_at });
        self.pending.extend(&samples[..frames * CHANNELS]);
        let excess = self.pending_frames().saturating_sub(PENDING_FRAMES_MAX);
        self.drop_pending(excess);
        self.lost_frames += excess as u64;
    }

    /// Tells that `frames` were not captured: what waits incomplete is dropped, and the timestamps go on by the gap, so
    /// that listeners conceal it and stay in time.
    pub fn skip(&mut self, frames: u64) {
        self.drop_pending(self.pending_frames());
        self.index += frames;
        self.stamps.clear();
    }

    /// Changes encoding and redundancy from the next frame on; timestamps continue.
    ///
    /// # Errors
    /// As [`new`](Self::new); the sender is then unchanged.
    pub fn reconfigure(&mut self, config: SenderConfig) -> Result<(), SenderError> {
        self.encoder = encoder(config)?;
        self.config = config;
        Ok(())
    }

    /// Writes the next packet's payload, if a frame is complete. A frame that the codec refuses is left out.
    pub fn poll_packet(&mut self, payload: &mut Vec<u8>) -> Option<PacketHead> {
        loop {
            let frames = self.encoder.encoding().frame_frames();
            if self.pending_frames() < frames {
                return None;
            }
            self.frame.clear();
            self.frame.extend(self.pending.iter().take(frames * CHANNELS));
            let index = self.index;
            let captured_at = self.captured_at(index);
            self.drop_pending(frames);
            if let Err(error) = self.encoder.encode(&self.frame, &mut self.coded) {
                tracing::error!(%error, "a frame could not be encoded and is left out");
                self.lost_frames += frames as u64;
                continue;
            }
            let head = PacketHead {
                payload_type: self.encoder.encoding().payload_type(),
                timestamp: self.first_timestamp.wrapping_add(index as u32),
                captured_at,
                level_dbov: level_dbov(&self.frame),
            };
            let payload_type = self.write(&head, payload);
            self.history.remember(head, &self.coded);
            return Some(PacketHead { payload_type, ..head });
        }
    }

    /// Sample frames that were pushed and never sent, because nobody polled or the codec refused.
    pub fn lost_frames(&self) -> u64 {
        self.lost_frames
    }

    fn pending_frames(&self) -> usize {
        self.pending.len() / CHANNELS
    }

    fn drop_pending(&mut self, frames: usize) {
        self.pending.drain(..frames * CHANNELS);
        self.index += frames as u64;
    }

    /// From the newest stamp at or before the sample frame, so that a stepped clock shows at its own place.
    fn captured_at(&mut self, index: u64) -> Duration {
        while self.stamps.get(1).is_some_and(|next| next.index <= index) {
            self.stamps.pop_front();
        }
        let Some(stamp) = self.stamps.front() else { return Duration::ZERO };
        let apart = Duration::from_nanos(stamp.index.abs_diff(index) * 1_000_000_000 / 48_000);
        if index >= stamp.index { stamp.captured_at + apart } else { stamp.captured_at.saturating_sub(apart) }
    }

    /// The frames that begin in a stretch of `ticks` from `timestamp` on and are still known, oldest first: what a
    /// listener who misses them is sent again, each as a packet by itself.
    pub fn sent_before(&self, timestamp: u32, ticks: u32) -> impl Iterator<Item = (PacketHead, &[u8])> {
        let holds = move |head: &PacketHead| head.timestamp.wrapping_sub(timestamp) < ticks;
        self.history.iter().filter(move |(head, _)| holds(head))
    }

    /// Puts the coded frame, with copies if wanted, into `payload`; returns the packet's payload type.
    fn write(&mut self, head: &PacketHead, payload: &mut Vec<u8>) -> u8 {
        let primary = Block { payload_type: head.payload_type, age_ticks: 0, bytes: &self.coded };
        if self.config.redundancy == 0 {
            payload.clear();
            payload.extend_from_slice(primary.bytes);
            return head.payload_type;
        }
        let (oldest, distance) = (self.config.oldest_copy(), usize::from(self.config.copy_distance));
        let copies = (1..=oldest).rev().filter(|back| back.is_multiple_of(distance)).filter_map(|back| {
            let (copy, bytes) = self.history.back(back)?;
            let age_ticks = head.timestamp.wrapping_sub(copy.timestamp);
            Some(Block { payload_type: copy.payload_type, age_ticks, bytes })
        });
        red::write(payload, copies, primary, RED_BYTES_MAX);
        PAYLOAD_TYPE_RED
    }
}

fn encoder(config: SenderConfig) -> Result<Encoder, SenderError> {
    if usize::from(config.redundancy) > COPIES_SENT_MAX {
        return Err(SenderError::Redundancy(config.redundancy));
    }
    if !(1..=COPY_DISTANCE_MAX).contains(&config.copy_distance) {
        return Err(SenderError::CopyDistance(config.copy_distance));
    }
    Ok(Encoder::new(config.encoding)?)
}

/// Root mean square of a frame against full scale (RFC 6464 section 3), the louder way round: 0 is overload.
fn level_dbov(frame: &[f32]) -> i8 {
    let power = frame.iter().map(|sample| sample * sample).sum::<f32>() / frame.len().max(1) as f32;
    if power > 0.0 { (10.0 * power.log10()).clamp(-127.0, 0.0) as i8 } else { -127 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backline_codec::{OpusFrame, PcmFrame};

    fn pcm(redundancy: u8) -> SenderConfig {
        SenderConfig { redundancy, ..SenderConfig::plain(Encoding::Pcm16 { frame: PcmFrame::F60 }) }
    }

    fn drain(sender: &mut Sender) -> Vec<(PacketHead, Vec<u8>)> {
        let mut payload = Vec::new();
        std::iter::from_fn(|| sender.poll_packet(&mut payload).map(|head| (head, payload.clone()))).collect()
    }

    #[test]
    fn frames_and_capture_times_do_not_depend_on_block_sizes() {
        for block in [1usize, 17, 64, 480, 8192] {
            let mut sender = Sender::new(pcm(0), u32::MAX - 59).unwrap();
            let mut packets = Vec::new();
            for start in (0..9600).step_by(block) {
                let captured_at =
                    Duration::from_secs(7) + Duration::from_nanos(start as u64 * 1_000_000_000 / 48_000);
                sender.push(&vec![0.5; block * 2], captured_at);
                packets.extend(drain(&mut sender));
            }
            assert_eq!(packets[0].0.timestamp, u32::MAX - 59);
            assert_eq!(packets[1].0.timestamp, 0);
            let late = packets[100].0.captured_at - Duration::from_secs(7);
            assert!(late.abs_diff(Duration::from_millis(125)) < Duration::from_micros(1), "{late:?}");
            assert_eq!(packets[3].0.level_dbov, -6);
        }
    }

    #[test]
    fn redundancy_holds_the_frames_before() {
        let mut sender = Sender::new(pcm(2), 0).unwrap();
        let samples: Vec<f32> = (0..600).map(|index| (index / 120) as f32 / 10.0).collect();
        sender.push(&samples, Duration::ZERO);
        let packets = drain(&mut sender);
        let blocks: Vec<Block<'_>> = red::read(&packets[4].1).unwrap().collect();
        assert_eq!(blocks.iter().map(|block| block.age_ticks).collect::<Vec<_>>(), [120, 60, 0]);
        assert_eq!(blocks[1].bytes, red::read(&packets[3].1).unwrap().last().unwrap().bytes);
        assert_eq!(packets[0].0.payload_type, PAYLOAD_TYPE_RED);
    }

    #[test]
    fn copies_are_as_far_apart_as_wanted() {
        let mut sender = Sender::new(SenderConfig { copy_distance: 2, ..pcm(2) }, 0).unwrap();
        sender.push(&[0.1; 600], Duration::ZERO);
        let packets = drain(&mut sender);
        let ages =
            |packet: &[u8]| red::read(packet).unwrap().map(|block| block.age_ticks).collect::<Vec<_>>();
        assert_eq!(ages(&packets[4].1), [240, 120, 0]);
        assert_eq!(ages(&packets[3].1), [120, 0]);
        assert_eq!(ages(&packets[1].1), [0]);
        let too_far = SenderConfig { copy_distance: 5, ..pcm(1) };
        assert!(matches!(Sender::new(too_far, 0), Err(SenderError::CopyDistance(5))));
    }

    #[test]
    fn what_was_sent_can_be_sent_again() {
        let mut sender = Sender::new(pcm(1), u32::MAX - 119).unwrap();
        let samples: Vec<f32> = (0..1200).map(|index| (index / 120) as f32 / 16.0).collect();
        sender.push(&samples, Duration::from_secs(3));
        let packets = drain(&mut sender);
        let again: Vec<_> = sender.sent_before(u32::MAX - 59, 120).collect();
        assert_eq!(again.iter().map(|(head, _)| head.timestamp).collect::<Vec<_>>(), [u32::MAX - 59, 0]);
        let primary = red::read(&packets[2].1).unwrap().last().unwrap();
        assert_eq!(again[1].1, primary.bytes);
        assert_eq!((again[1].0.payload_type, again[1].0.captured_at), (96, packets[2].0.captured_at));
        assert_eq!(sender.sent_before(1_000_000, 60).count(), 0);
    }

    #[test]
    fn reconfigured_between_frames_timestamps_go_on() {
        let mut sender = Sender::new(pcm(0), 100).unwrap();
        sender.push(&[0.0; 2 * 90], Duration::ZERO);
        assert_eq!(drain(&mut sender).len(), 1);
        let opus = Encoding::Opus { frame: OpusFrame::Ms2_5, bitrate_bps: 128_000 };
        sender.reconfigure(SenderConfig { redundancy: 1, ..SenderConfig::plain(opus) }).unwrap();
        sender.push(&[0.0; 2 * 90], Duration::ZERO);
        let packets = drain(&mut sender);
        assert_eq!((packets.len(), packets[0].0.timestamp), (1, 160));
    }

    #[test]
    fn a_gap_in_capture_moves_the_timestamps() {
        let mut sender = Sender::new(pcm(0), 0).unwrap();
        sender.push(&[0.0; 2 * 70], Duration::ZERO);
        assert_eq!(drain(&mut sender).len(), 1);
        sender.skip(1000);
        sender.push(&[0.0; 2 * 60], Duration::from_secs(1));
        assert_eq!(drain(&mut sender)[0].0.timestamp, 1070);
    }

    #[test]
    fn nobody_polls_and_memory_stays_bounded() {
        let mut sender = Sender::new(pcm(0), 0).unwrap();
        for _ in 0..100 {
            sender.push(&[0.0; 2 * 8192], Duration::ZERO);
        }
        assert_eq!(sender.pending_frames(), PENDING_FRAMES_MAX);
        assert_eq!(sender.lost_frames(), 100 * 8192 - PENDING_FRAMES_MAX as u64);
    }

    #[test]
    fn too_many_copies_are_refused() {
        assert!(matches!(Sender::new(pcm(4), 0), Err(SenderError::Redundancy(4))));
    }
}
