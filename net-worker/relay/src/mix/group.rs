//! One mix and all who hear it: corrections to the sum of all sources, and one encode.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use backline_audio::strip::StereoGain;
use backline_audio::{Db, Gain, Pan};
use backline_codec::Encoding;
use backline_media::{PacketHead, Sender, SenderConfig};
use backline_wire::{PeerId, Ssrc};

use super::source::{MixedSource, is_sounding};
use super::{CHANNELS, Mix, MixStats, MixStrip};

/// A fader gets where it is moved in 10 ms, as it does in the plugin.
const RAMP_FRAMES: u32 = 480;
/// After so many silent frames (20 ms at the shortest) nothing of the past is left in a codec.
const QUIET_FRAMES_MIN: u32 = 8;
/// Less than what musicians' own encoders take (5), since encoding is most of what a mix costs.
const COMPLEXITY: u8 = 1;
/// What a new encoder is given first, so that a decoder that goes on with it notices nothing: 20 ms.
const PRIMING_FRAMES: usize = 960;

/// One mix.
pub(super) struct Group {
    mix: Mix,
    /// Of sources that are not, or not yet, heard as they are.
    gains: BTreeMap<Ssrc, StereoGain>,
    members: BTreeMap<PeerId, Ssrc>,
    sender: Option<Sender>,
    bus: Vec<f32>,
    recent: VecDeque<f32>,
    payload: Vec<u8>,
    payload_type: u8,
    quiet_frames: u32,
}

impl Group {
    /// One that begins with the frame at `timestamp`.
    pub fn new(encoding: Encoding, mix: &Mix, timestamp: u32) -> Self {
        let sender = Sender::new(SenderConfig::plain(encoding), timestamp)
            .and_then(|mut sender| sender.set_complexity(COMPLEXITY).map(|()| sender))
            .inspect_err(|error| tracing::error!(%error, "a mix can't be encoded"))
            .ok();
        Self {
            mix: mix.clone(),
            gains: mix.iter().map(|(stream, strip)| (*stream, settled_on(*strip))).collect(),
            members: BTreeMap::new(),
            sender,
            bus: vec![0.0; encoding.frame_frames() * CHANNELS],
            recent: VecDeque::with_capacity((PRIMING_FRAMES + encoding.frame_frames()) * CHANNELS),
            payload: Vec::with_capacity(2048),
            payload_type: encoding.payload_type(),
            quiet_frames: 0,
        }
    }

    /// The same, to go on by itself from where this one is.
    pub fn split(&self, encoding: Encoding, timestamp: u32) -> Self {
        let primed_frames = self.recent.len() / CHANNELS;
        let mut own = Self::new(encoding, &self.mix, timestamp.wrapping_sub(primed_frames as u32));
        own.gains.clone_from(&self.gains);
        own.recent.clone_from(&self.recent);
        if let Some(sender) = &mut own.sender {
            let (first, second) = self.recent.as_slices();
            sender.push(first, Duration::ZERO);
            sender.push(second, Duration::ZERO);
            while sender.poll_packet(&mut own.payload).is_some() {}
        }
        own
    }

    pub fn add(&mut self, peer: PeerId, stream: Ssrc) {
        self.members.insert(peer, stream);
    }

    /// True when nobody is left.
    pub fn remove(&mut self, peer: PeerId) -> bool {
        self.members.remove(&peer);
        self.members.is_empty()
    }

    pub fn members(&self) -> impl Iterator<Item = (&PeerId, &Ssrc)> {
        self.members.iter()
    }

    pub fn is_of_one(&self) -> bool {
        self.members.len() == 1
    }

    /// Gets to another mix within [`RAMP_FRAMES`].
    pub fn aim(&mut self, mix: Mix) {
        for stream in self.mix.keys().chain(mix.keys()) {
            let (gain, pan) = levels(mix.get(stream).copied().unwrap_or(MixStrip::REST));
            let strip = self.gains.entry(*stream).or_insert_with(|| settled_on(MixStrip::REST));
            strip.set_target(gain, pan, RAMP_FRAMES);
        }
        self.mix = mix;
    }

    /// A source that was silent is heard as it should be from its first sample on.
    pub fn settle(&mut self, stream: Ssrc) {
        if let Some(strip) = self.mix.get(&stream) {
            self.gains.insert(stream, settled_on(*strip));
        }
    }

    /// Where it is, or is on its way to.
    pub fn target(&self) -> &Mix {
        &self.mix
    }

    /// What is heard, once nothing moves any more.
    pub fn settled_mix(&self) -> Option<&Mix> {
        self.gains.values().all(StereoGain::is_settled).then_some(&self.mix)
    }

    pub fn is_settled_on(&self, mix: &Mix) -> bool {
        self.settled_mix() == Some(mix)
    }

    /// Makes the frame: the sum of all sources, corrected. False when it is silent.
    pub fn mix(&mut self, total: &[f32], sounds: bool, sources: &BTreeMap<Ssrc, MixedSource>) -> bool {
        self.bus.copy_from_slice(total);
        let frames = total.len() / CHANNELS;
        for (stream, gain) in &mut self.gains {
            match sources.get(stream).filter(|source| source.sounds) {
                Some(source) => correct(&source.block, &mut self.bus, gain),
                None => gain.advance(frames),
            }
        }
        let mix = &self.mix;
        self.gains.retain(|stream, gain| mix.contains_key(stream) || !gain.is_settled());
        let excess = (self.recent.len() + self.bus.len()).saturating_sub(PRIMING_FRAMES * CHANNELS);
        self.recent.drain(..excess.min(self.recent.len()));
        self.recent.extend(&self.bus);
        sounds && is_sounding(&self.bus)
    }

    /// Makes the frame a packet. One that is silent after others is the same as they are.
    pub fn encode(
        &mut self,
        sounds: bool,
        (timestamp, made_at): (u32, Duration),
        stats: &mut MixStats,
    ) -> PacketHead {
        self.quiet_frames = if sounds { 0 } else { self.quiet_frames.saturating_add(1) };
        let silent =
            PacketHead { payload_type: self.payload_type, timestamp, captured_at: made_at, level_dbov: -127 };
        let Some(sender) = &mut self.sender else { return silent };
        if self.quiet_frames > QUIET_FRAMES_MIN {
            stats.silent += 1;
            sender.skip((self.bus.len() / CHANNELS) as u64);
            return silent;
        }
        if !sounds {
            // What is left of a subtraction is not worth a bit.
            self.bus.fill(0.0);
        }
        stats.encoded += 1;
        sender.push(&self.bus, made_at);
        sender.poll_packet(&mut self.payload).unwrap_or(silent)
    }

    /// What [`encode`](Self::encode) made last; empty where nothing can be encoded.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Frames that are not made.
    pub fn skip(&mut self, frames: u64) {
        self.sender.iter_mut().for_each(|sender| sender.skip(frames));
    }

    pub fn again(&self, timestamp: u32, ticks: u32) -> impl Iterator<Item = (PacketHead, &[u8])> {
        self.sender.iter().flat_map(move |sender| sender.sent_before(timestamp, ticks))
    }
}

/// Makes what is in the sum as it is into what is wanted of it.
fn correct(source: &[f32], bus: &mut [f32], gain: &mut StereoGain) {
    let (pairs, _) = source.as_chunks::<2>();
    let (sums, _) = bus.as_chunks_mut::<2>();
    let frames = pairs.len().min(sums.len());
    let moving = gain.left.moving_frames(frames).max(gain.right.moving_frames(frames));
    for (index, (pair, sum)) in pairs.iter().zip(sums.iter_mut()).take(moving).enumerate() {
        sum[0] += pair[0] * (gain.left.gain_at(index) - 1.0);
        sum[1] += pair[1] * (gain.right.gain_at(index) - 1.0);
    }
    gain.advance(frames);
    let [left, right] = [gain.left.target() - 1.0, gain.right.target() - 1.0];
    for (pair, sum) in pairs.iter().zip(sums.iter_mut()).skip(moving) {
        sum[0] += pair[0] * left;
        sum[1] += pair[1] * right;
    }
}

fn levels(strip: MixStrip) -> (Gain, Pan) {
    (Db::new(strip.gain.db()).to_gain(), Pan::new(strip.pan.get()))
}

fn settled_on(strip: MixStrip) -> StereoGain {
    let (gain, pan) = levels(strip);
    StereoGain::new(gain, pan)
}
