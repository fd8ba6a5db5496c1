//! The mixes of one session: one playout for each source, one tick, one encode for all listeners who want the same mix.
//!
//! At each tick every playout gives one frame: what is late is made up, and never waited for. What all sources sum up to is computed once; a
//! listener's mix is that sum, corrected for each source that they do not hear as it is. Of a source that rests nothing has to be corrected: while
//! their own is silent, everybody who moved no fader hears the same. The step before is `relay/mixing.rs` (packets of
//! sources, what each listener wants, time); inside are [`Playout`](backline_media::Playout) and [`Sender`](backline_media::Sender); the step after is each listener's
//! path. It knows no paths, documents or participants.

mod group;
mod source;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use backline_codec::{Encoding, MAX_BITRATE_BPS, MIN_BITRATE_BPS, OpusFrame};
use backline_media::{PacketHead, ReceivedHead};
use backline_wire::limits::SOURCES_MAX;
use backline_wire::{
    GainValue, Levels, MixTime, PanValue, PeerId, Reception, SourceLevel, Ssrc, StreamFormat,
};

use group::Group;
use source::{MixedSource, Turn};

/// Further behind than this a tick is left out instead of made up for.
const BEHIND_MAX: Duration = Duration::from_millis(20);
/// By then (20 ms) every fader is where it was moved to.
const MERGE_AFTER_FRAMES: usize = 960;
const CHANNELS: usize = 2;

/// How mixes are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MixConfig {
    /// Length of a tick, and of the frames that leave.
    pub frame: OpusFrame,
    /// Of each listener's mix, in bit/s.
    pub bitrate_bps: u32,
    /// The most that a playout holds back against the unrest of a source's network.
    pub depth_max: Duration,
}

impl Default for MixConfig {
    /// As *Balanced* sends.
    fn default() -> Self {
        Self { frame: OpusFrame::Ms2_5, bitrate_bps: 256_000, depth_max: Duration::from_millis(60) }
    }
}

impl MixConfig {
    /// What Opus takes, in bit/s.
    pub const BITRATES_BPS: std::ops::RangeInclusive<u32> = MIN_BITRATE_BPS..=MAX_BITRATE_BPS;

    fn encoding(self) -> Encoding {
        Encoding::Opus { frame: self.frame, bitrate_bps: self.bitrate_bps }
    }

    /// As listeners are told.
    pub(crate) fn format(self) -> StreamFormat {
        let frame_frames = self.frame.frames() as u16;
        StreamFormat {
            payload_type: self.encoding().payload_type(),
            frame_frames,
            bitrate_bps: self.bitrate_bps,
            redundancy: 0,
            copy_distance: 1,
            block_frames: frame_frames,
        }
    }
}

/// How one listener hears one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MixStrip {
    /// Silent also where the source is muted or left out.
    pub gain: GainValue,
    pub pan: PanValue,
}

impl MixStrip {
    /// As it is.
    pub const REST: Self = Self { gain: GainValue::UNITY, pan: PanValue::CENTRE };
    /// Not at all.
    pub const SILENT: Self = Self { gain: GainValue::SILENT, pan: PanValue::CENTRE };
}

/// What one listener hears: only sources that are not at [`MixStrip::REST`], so that equal mixes are equal.
pub(crate) type Mix = BTreeMap<Ssrc, MixStrip>;

/// What mixing has cost so far, and is now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MixStats {
    /// Frames that were mixed.
    pub ticks: u64,
    /// Those that were begun over a frame late.
    pub ticks_late: u64,
    /// Those that were left out since the worker was too far behind.
    pub ticks_left_out: u64,
    /// Frames that were encoded.
    pub encoded: u64,
    /// Frames that were silent, so that nothing had to be encoded.
    pub silent: u64,
    /// Sources now.
    pub sources: usize,
    /// Different mixes now.
    pub mixes: usize,
    /// Listeners now.
    pub listeners: usize,
    /// Sample frames of sources that were made up.
    pub concealed_frames: u64,
}

/// All mixes of a session.
pub(crate) struct Mixer {
    config: MixConfig,
    sources: BTreeMap<Ssrc, MixedSource>,
    listeners: BTreeMap<PeerId, Listener>,
    groups: BTreeMap<u64, Group>,
    next_group: u64,
    /// When the next tick is due.
    next: Instant,
    /// There was nothing to do since the last tick.
    was_idle: bool,
    /// Of the next tick, in sample frames.
    timestamp: u32,
    /// When the last tick was due, on the wall clock.
    made_at: Duration,
    total: Vec<f32>,
    /// Sources that do in this tick what they did not do before.
    turns: Vec<(Ssrc, Turn)>,
    /// In so many sample frames mixes are looked at.
    merge_in_frames: Option<usize>,
    /// What was told last is that nothing sounds.
    told_silence: bool,
    stats: MixStats,
}

struct Listener {
    stream: Ssrc,
    mix: Mix,
    group: u64,
}

impl Mixer {
    /// Without sources and listeners.
    pub fn new(config: MixConfig, now: Instant) -> Self {
        Self {
            config,
            sources: BTreeMap::new(),
            listeners: BTreeMap::new(),
            groups: BTreeMap::new(),
            next_group: 0,
            next: now + frame_time(config.frame),
            was_idle: true,
            timestamp: 0,
            made_at: Duration::ZERO,
            total: vec![0.0; config.frame.frames() * CHANNELS],
            turns: Vec::new(),
            merge_in_frames: None,
            told_silence: true,
            stats: MixStats::default(),
        }
    }

    /// A source is there, or is coded in another way.
    pub fn set_source(&mut self, stream: Ssrc, format: StreamFormat) {
        let MixConfig { frame, depth_max, .. } = self.config;
        match self.sources.get_mut(&stream) {
            Some(source) => source.set_format(format, depth_max),
            None => {
                let source = MixedSource::new(stream, format, depth_max, frame.frames());
                self.sources.extend(source.map(|source| (stream, source)));
            }
        }
    }

    /// A source is gone.
    pub fn remove_source(&mut self, stream: Ssrc) {
        self.sources.remove(&stream);
        self.was_idle |= self.due().is_none();
    }

    /// A packet of a source; `unix_time` is the wall clock at `now`.
    pub fn packet(
        &mut self,
        stream: Ssrc,
        head: &ReceivedHead,
        payload: &[u8],
        (now, unix_time): (Instant, Duration),
    ) {
        if let Some(source) = self.sources.get_mut(&stream) {
            source.packet(head, payload, (now, unix_time));
        }
    }

    /// How long a source's answer to a request takes.
    pub fn set_round_trip(&mut self, stream: Ssrc, round_trip: Option<Duration>) {
        if let Some(source) = self.sources.get_mut(&stream) {
            source.playout.set_round_trip(round_trip, true);
        }
    }

    /// What should be asked for again: the stream, a timestamp and a length in ticks.
    pub fn poll_missing(&mut self, now: Instant, mut ask: impl FnMut(Ssrc, u32, u32)) {
        for (stream, source) in &mut self.sources {
            source.playout.poll_missing(now, |timestamp, ticks| ask(*stream, timestamp, ticks));
        }
    }

    /// Somebody listens, on a stream of theirs, or wants to hear something else; they get there within 10 ms.
    pub fn set_listener(&mut self, peer: PeerId, stream: Ssrc, mix: Mix) {
        match self.listeners.get_mut(&peer) {
            Some(listener) if listener.mix == mix && listener.stream == stream => {}
            Some(listener) if listener.stream == stream => {
                listener.mix = mix;
                self.follow(peer);
            }
            Some(_) => {
                self.remove_listener(peer);
                self.set_listener(peer, stream, mix);
            }
            None => {
                let audible = self.audible(&mix);
                let settled = |group: &&mut Group| group.is_settled_on(&audible);
                let known = self.groups.iter_mut().find(|(_, group)| settled(group));
                let group = match known {
                    Some((id, group)) => {
                        group.add(peer, stream);
                        *id
                    }
                    None => {
                        let group = Group::new(self.config.encoding(), &audible, self.timestamp);
                        self.insert_group(group, peer, stream)
                    }
                };
                self.listeners.insert(peer, Listener { stream, mix, group });
            }
        }
    }

    /// Somebody listens no longer.
    pub fn remove_listener(&mut self, peer: PeerId) {
        if let Some(listener) = self.listeners.remove(&peer) {
            self.leave(peer, listener.group);
            self.was_idle |= self.due().is_none();
        }
    }

    /// Listeners whose mixes have become the same share one encode from now on. Call it now and then; after a source has come to rest it happens
    /// by itself.
    pub fn merge(&mut self) {
        let mut firsts: BTreeMap<Mix, u64> = BTreeMap::new();
        let ids: Vec<u64> = self.groups.keys().copied().collect();
        for id in ids {
            let Some(mix) = self.groups.get(&id).and_then(Group::settled_mix).cloned() else { continue };
            let into = *firsts.entry(mix).or_insert(id);
            let Some(gone) = (into != id).then(|| self.groups.remove(&id)).flatten() else { continue };
            for (peer, stream) in gone.members() {
                self.groups.get_mut(&into).into_iter().for_each(|group| group.add(*peer, *stream));
                self.listeners.get_mut(peer).into_iter().for_each(|listener| listener.group = into);
            }
        }
    }

    /// When the next tick is due; none while there is nothing to do.
    pub fn due(&self) -> Option<Instant> {
        (!self.sources.is_empty() || !self.listeners.is_empty()).then_some(self.next)
    }

    /// Makes every frame that is due. `send` gets each listener's; `unix_time` is the wall clock at `now`. Returns the sources that made this
    /// program fail: they are not mixed any more.
    pub fn tick(
        &mut self,
        now: Instant,
        unix_time: Duration,
        mut send: impl FnMut(PeerId, Ssrc, &PacketHead, &[u8]),
    ) -> Vec<(Ssrc, String)> {
        let mut failed = Vec::new();
        let step = frame_time(self.config.frame);
        self.skip_to(now, step);
        while self.due().is_some_and(|due| due <= now) {
            let behind = now.saturating_duration_since(self.next);
            self.stats.ticks += 1;
            self.stats.ticks_late += u64::from(behind >= step);
            failed.extend(self.pull());
            for (source, turn) in std::mem::take(&mut self.turns) {
                self.turned(source, turn);
            }
            let made_at = unix_time.saturating_sub(behind);
            self.made_at = made_at;
            let total_sounds = self.sources.values().any(|source| source.sounds);
            for group in self.groups.values_mut() {
                let sounds = group.mix(&self.total, total_sounds, &self.sources);
                let head = group.encode(sounds, (self.timestamp, made_at), &mut self.stats);
                group.members().for_each(|(peer, stream)| send(*peer, *stream, &head, group.payload()));
            }
            self.next += step;
            self.timestamp = self.timestamp.wrapping_add(self.config.frame.frames() as u32);
            self.merge_when_settled();
        }
        failed
    }

    /// How each source that is played has arrived since the last call.
    pub fn receptions(&mut self) -> impl Iterator<Item = Reception> {
        let depth_max = self.config.depth_max;
        self.sources.iter_mut().filter_map(move |(stream, source)| source.report(*stream, depth_max))
    }

    /// How loud each source was since the last call; none where nobody listens, or nothing sounds and that was told.
    pub fn take_levels(&mut self) -> Option<Levels> {
        let sounding = self.sources.iter_mut().filter_map(|(stream, source)| source.take_level(*stream));
        let sources: Vec<SourceLevel> = sounding.take(SOURCES_MAX).collect();
        let is_silent = sources.is_empty();
        let was_silent = std::mem::replace(&mut self.told_silence, is_silent);
        let is_known = is_silent && was_silent;
        if is_known || self.listeners.is_empty() { None } else { Some(Levels { sources }) }
    }

    /// When each source that is played is in the mix.
    pub fn times(&self) -> impl Iterator<Item = MixTime> {
        self.sources.iter().filter_map(|(ssrc, source)| {
            Some(MixTime { ssrc: *ssrc, after_us: source.in_mix_after_us(self.made_at)? })
        })
    }

    /// The frames of a listener's stream from a timestamp on that are still known.
    pub fn again(
        &self,
        peer: PeerId,
        timestamp: u32,
        ticks: u32,
    ) -> impl Iterator<Item = (PacketHead, &[u8])> {
        let group = self.listeners.get(&peer).and_then(|listener| self.groups.get(&listener.group));
        group.into_iter().flat_map(move |group| group.again(timestamp, ticks))
    }

    pub fn stats(&self) -> MixStats {
        MixStats {
            sources: self.sources.len(),
            mixes: self.groups.len(),
            listeners: self.listeners.len(),
            concealed_frames: self
                .sources
                .values()
                .map(|source| source.playout.stats().concealed_frames())
                .sum(),
            ..self.stats
        }
    }

    /// What of a mix can be heard now: nothing of sources that rest.
    fn audible(&self, mix: &Mix) -> Mix {
        let rests = |stream: &Ssrc| self.sources.get(stream).is_some_and(|source| source.rests);
        mix.iter().filter(|(stream, _)| !rests(stream)).map(|(stream, strip)| (*stream, *strip)).collect()
    }

    /// A source begins to sound, from the frame on that is being made, or rests: for who does not hear it as it is, that is another mix.
    fn turned(&mut self, source: Ssrc, turn: Turn) {
        if turn == Turn::Rests {
            self.merge_in_frames.get_or_insert(MERGE_AFTER_FRAMES);
        }
        let is_of_them = |listener: &&Listener| listener.mix.contains_key(&source);
        let of_them = self.listeners.iter().filter(|(_, listener)| is_of_them(listener));
        let peers: Vec<PeerId> = of_them.map(|(peer, _)| *peer).collect();
        for peer in peers {
            self.follow(peer);
            let group = self.listeners.get(&peer).and_then(|listener| self.groups.get_mut(&listener.group));
            if let Some(group) = group.filter(|_| turn == Turn::Sounds) {
                group.settle(source);
            }
        }
    }

    /// After a source has come to rest, mixes may be the same that were not.
    fn merge_when_settled(&mut self) {
        let Some(left) = self.merge_in_frames.take() else { return };
        match left.checked_sub(self.config.frame.frames()) {
            Some(left) => self.merge_in_frames = Some(left),
            None => self.merge(),
        }
    }

    /// A listener hears what they want of what there is. Whoever has a group alone takes it along; others leave the rest behind, from where they
    /// heard it.
    fn follow(&mut self, peer: PeerId) {
        let Some(Listener { stream, mix, group }) = self.listeners.get(&peer) else { return };
        let (stream, group, mix) = (*stream, *group, self.audible(mix));
        let Some(of_now) = self.groups.get_mut(&group).filter(|group| *group.target() != mix) else { return };
        if of_now.is_of_one() {
            return of_now.aim(mix);
        }
        let mut own = of_now.split(self.config.encoding(), self.timestamp);
        own.aim(mix);
        self.leave(peer, group);
        let own = self.insert_group(own, peer, stream);
        self.listeners.get_mut(&peer).into_iter().for_each(|listener| listener.group = own);
    }

    fn insert_group(&mut self, mut group: Group, peer: PeerId, stream: Ssrc) -> u64 {
        group.add(peer, stream);
        self.next_group += 1;
        self.groups.insert(self.next_group, group);
        self.next_group
    }

    fn leave(&mut self, peer: PeerId, group: u64) {
        let is_empty = self.groups.get_mut(&group).is_some_and(|group| group.remove(peer));
        if is_empty {
            self.groups.remove(&group);
        }
    }

    /// After a pause of the worker, or while there was nothing to do.
    fn skip_to(&mut self, now: Instant, step: Duration) {
        let was_idle = std::mem::take(&mut self.was_idle);
        let behind = now.saturating_duration_since(self.next);
        if behind < BEHIND_MAX {
            return;
        }
        let steps = (behind.as_nanos() / step.as_nanos()) as u64;
        let frames = steps * self.config.frame.frames() as u64;
        self.next += Duration::from_nanos(step.as_nanos() as u64 * steps);
        // Timestamps are counted round, as RTP's are.
        self.timestamp = self.timestamp.wrapping_add(frames as u32);
        self.stats.ticks_left_out += if was_idle { 0 } else { steps };
        self.groups.values_mut().for_each(|group| group.skip(frames));
    }

    /// One frame of each source, and their sum.
    fn pull(&mut self) -> Vec<(Ssrc, String)> {
        self.total.fill(0.0);
        let mut failed = Vec::new();
        for (stream, source) in &mut self.sources {
            // What is left half done belongs to this source, and goes with it.
            let pulled = catch_unwind(AssertUnwindSafe(|| source.pull(self.next)));
            match pulled {
                Ok(turn) => self.turns.extend(turn.map(|turn| (*stream, turn))),
                Err(panic) => {
                    failed.push((*stream, crate::panic_text(&*panic).to_owned()));
                    continue;
                }
            }
            if source.sounds {
                self.total.iter_mut().zip(&source.block).for_each(|(sum, sample)| *sum += sample);
            }
        }
        failed.iter().for_each(|(stream, _)| drop(self.sources.remove(stream)));
        failed
    }
}

impl std::fmt::Debug for Mixer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mixer({:?})", self.stats())
    }
}

fn frame_time(frame: OpusFrame) -> Duration {
    // Every length is a whole number of microseconds.
    Duration::from_micros(frame.frames() as u64 * 1_000_000 / 48_000)
}

#[cfg(test)]
mod tests;
