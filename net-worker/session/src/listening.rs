//! The remote sources: one playout each, on the slots of this instance.
//!
//! A packet that comes by two ways is played once (the playout orders by time stamp). The step before is a
//! path or the relay; inside is `backline_media::Playout`; the step after is the return ring of the slot.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backline_media::{Operation, Playout, PlayoutConfig, PlayoutStats, ReceivedHead};
use backline_transport::MediaHead;
use backline_wire::limits::{NETWORK_RATE_HZ, SLOTS, SOURCES_MAX};
use backline_wire::{Generation, Name, PeerId, PublishedSource, SourceId, SourceInfo, Ssrc, StreamFormat};

use crate::reception::ReceptionMeter;
use crate::slots::SlotTable;
use crate::stages::Stages;

/// A way that has brought nothing for this long does not bring the source.
const WAY_FRESH: Duration = Duration::from_millis(500);
/// A source that is away is taken off its slot's ring once its playout has faded out.
const FADE_OUT: Duration = Duration::from_millis(600);
/// What a source's own claims may add to the depth that the person chose.
const REDUNDANCY_TIME_MAX: Duration = Duration::from_millis(60);
/// So long a slot waits for a source that is away while another has none: a connection that was lost has come back by
/// then, or does not soon.
const SLOT_KEPT: Duration = Duration::from_secs(5);
/// Loss is shown over windows of this length.
const LOSS_WINDOW: Duration = Duration::from_secs(2);

/// By which way a packet came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Direct,
    ThroughHost,
}

/// Everything that this instance listens to.
pub(crate) struct Listening {
    pub sources: BTreeMap<SourceId, RemoteSource>,
    by_ssrc: BTreeMap<Ssrc, SourceId>,
    pub slots: SlotTable,
    depth_ceiling: Duration,
}

/// One remote source, present or away.
pub(crate) struct RemoteSource {
    pub info: SourceInfo,
    /// Also while they are away.
    pub participant_name: Name,
    pub peer: PeerId,
    pub ssrc: Ssrc,
    pub generation: Generation,
    pub present: bool,
    /// Since when it is not, as far as it was noticed.
    away_since: Option<Instant>,
    pub slot: Option<usize>,
    pub playout: Playout,
    pub stages: Stages,
    pub reception: ReceptionMeter,
    /// Their clock less ours, in µs, once it is known.
    pub clock_offset_us: Option<i64>,
    pub direct_at: Option<Instant>,
    pub forwarded_at: Option<Instant>,
    /// What we last asked of the host.
    pub forward_asked: bool,
    /// By whichever way.
    pub last_packet_at: Option<Instant>,
    loss: Loss,
}

#[derive(Default)]
struct Loss {
    since: Option<Instant>,
    concealed_frames: u64,
    played_frames: u64,
    share: f32,
}

impl Listening {
    pub fn new(slots: SlotTable, depth_ceiling: Duration) -> Self {
        Self { sources: BTreeMap::new(), by_ssrc: BTreeMap::new(), slots, depth_ceiling }
    }

    pub fn depth_ceiling(&self) -> Duration {
        self.depth_ceiling
    }

    pub fn set_depth_ceiling(&mut self, depth: Duration) {
        self.depth_ceiling = depth;
        for source in self.sources.values_mut() {
            source.playout.set_depth(playout_config(source.info.format, depth));
        }
    }

    /// A source is there, came back, restarted or changed its name.
    pub fn published(&mut self, published: PublishedSource, participant_name: Name) {
        let id = published.info.source;
        let is_known = self.sources.contains_key(&id);
        if let Some(known) = self.sources.get_mut(&id) {
            self.by_ssrc.remove(&known.ssrc);
            if known.generation != published.generation || known.ssrc != published.ssrc {
                known.playout.restart();
            }
            (known.info, known.peer, known.ssrc) = (published.info, published.peer, published.ssrc);
            (known.generation, known.present, known.forward_asked) = (published.generation, true, true);
            known.participant_name = participant_name;
            known.playout.set_depth(playout_config(known.info.format, self.depth_ceiling));
            known.stages.set_format(known.info.format);
            known.playout.set_source_block(known.info.format.block_frames.into());
        } else if let Some(playout) = self.new_playout(published.info.format) {
            self.sources.insert(id, RemoteSource::new(&published, participant_name, playout));
        } else {
            return;
        }
        self.by_ssrc.insert(published.ssrc, id);
        // After a lost connection all come back one by one: nobody takes the slot of one who is only later.
        let sources = &self.sources;
        let keeps = |other| is_known || sources.get(&other).is_some_and(|source| source.present);
        let slot = self.slots.bind(id, keeps);
        self.bound(id, slot);
    }

    /// Gives sources that are here without a slot (all 16 were taken) those of sources that have been away for long enough.
    /// Call it now and then, while the session is whole.
    pub fn bind_waiting(&mut self, now: Instant) {
        for source in self.sources.values_mut() {
            let since = source.away_since.unwrap_or(now);
            source.away_since = (!source.present).then_some(since);
        }
        let waiting: Vec<SourceId> = self
            .sources
            .iter()
            .filter(|(_, source)| source.present && source.slot.is_none())
            .map(|(id, _)| *id)
            .collect();
        for id in waiting {
            let sources = &self.sources;
            let slot =
                self.slots.bind(id, |other| sources.get(&other).is_some_and(|source| source.keeps_slot(now)));
            self.bound(id, slot);
        }
    }

    /// A source is gone; its playout fades out by itself when no packet comes any more.
    pub fn unpublished(&mut self, id: SourceId) {
        if let Some(source) = self.sources.get_mut(&id) {
            source.present = false;
            self.by_ssrc.remove(&source.ssrc);
        }
    }

    /// A peer is gone with all its sources.
    pub fn peer_left(&mut self, peer: PeerId) {
        let gone: Vec<SourceId> =
            self.sources.iter().filter(|(_, s)| s.peer == peer).map(|(id, _)| *id).collect();
        gone.into_iter().for_each(|id| self.unpublished(id));
    }

    /// Who publishes a stream.
    pub fn peer_of(&self, ssrc: Ssrc) -> Option<PeerId> {
        self.by_ssrc.get(&ssrc).and_then(|id| self.sources.get(id)).map(|source| source.peer)
    }

    /// A participant has another name.
    pub fn renamed(&mut self, peer: PeerId, name: &Name) {
        for source in self.sources.values_mut().filter(|source| source.peer == peer) {
            source.participant_name = name.clone();
        }
    }

    /// Nobody tells us now who leaves: who has not been heard for `limit` is away until heard again.
    pub fn vanish_silent(&mut self, limit: Duration, now: Instant) {
        for source in self.sources.values_mut() {
            source.present &= source.is_fresh(source.last_packet_at, limit, now);
        }
    }

    /// A packet of a stream. One of a stream that nobody publishes, or that is not this peer's, is dropped.
    pub fn packet(
        &mut self,
        (way, from): (Way, PeerId),
        ssrc: Ssrc,
        head: &MediaHead,
        payload: &Arc<[u8]>,
        (now, unix_time): (Instant, Duration),
    ) -> bool {
        let Some(source) = self.by_ssrc.get(&ssrc).and_then(|id| self.sources.get_mut(id)) else {
            return false;
        };
        match way {
            Way::Direct if source.peer != from => return false,
            Way::Direct => source.direct_at = Some(now),
            Way::ThroughHost => source.forwarded_at = Some(now),
        }
        source.last_packet_at = Some(now);
        source.present = true;
        let head = ReceivedHead {
            payload_type: head.payload_type,
            timestamp: head.timestamp,
            captured_at: head.captured_at,
        };
        if let Some((captured_at, offset_us)) = head.captured_at.zip(source.clock_offset_us) {
            let elapsed_us = unix_time.as_micros() as i64 + offset_us - captured_at.as_micros() as i64;
            source.stages.arrived(now, elapsed_us);
        }
        source.playout.insert(&head, payload, now);
        true
    }

    /// Fills `out` (stereo interleaved, 48 kHz) with what the slot's source plays now; silence without one.
    pub fn playout(&mut self, slot: usize, out: &mut [f32], now: Instant) {
        match self.slots.source_at(slot).and_then(|id| self.sources.get_mut(&id)) {
            Some(source) => {
                source.playout.pull(out, now);
                if let Some(waited) = source.playout.waited() {
                    source.stages.played(now, waited);
                }
            }
            None => out.fill(0.0),
        }
    }

    /// Whether a slot has anything to play: its source is here, or has only just gone and is fading out.
    pub fn is_live(&self, slot: usize, now: Instant) -> bool {
        let source = self.slots.source_at(slot).and_then(|id| self.sources.get(&id));
        source.is_some_and(|source| source.present || source.is_fresh(source.last_packet_at, FADE_OUT, now))
    }

    /// Takes new bindings from the DAW project; sources that are here and not named find a free slot.
    pub fn set_slots(&mut self, bindings: [Option<SourceId>; SLOTS]) {
        self.slots = SlotTable::new(bindings);
        self.sources.values_mut().for_each(|source| source.slot = None);
        let present: Vec<SourceId> =
            self.sources.iter().filter(|(_, source)| source.present).map(|(id, _)| *id).collect();
        for id in present {
            let sources = &self.sources;
            let slot = self.slots.bind(id, |other| sources.get(&other).is_some_and(|source| source.present));
            self.bound(id, slot);
        }
    }

    /// Brings the figures that are shown up to date; call it now and then.
    pub fn measure(&mut self, now: Instant) {
        for source in self.sources.values_mut() {
            let stats = source.playout.stats();
            source.loss.measure(&stats, now);
        }
    }

    fn new_playout(&self, format: StreamFormat) -> Option<Playout> {
        if self.sources.len() >= SOURCES_MAX {
            return None;
        }
        let mut playout = Playout::new(playout_config(format, self.depth_ceiling))
            .inspect_err(|error| tracing::error!(%error, "a source can't be played"))
            .ok()?;
        playout.set_source_block(format.block_frames.into());
        Some(playout)
    }

    /// A source plays on this slot now, and whoever did before on none.
    fn bound(&mut self, id: SourceId, slot: Option<usize>) {
        for (other, source) in &mut self.sources {
            if *other == id {
                source.slot = slot;
            } else if source.slot == slot {
                source.slot = None;
            }
        }
    }
}

/// A depth below this is spent by the usual unrest of any machine.
const DEPTH_FLOOR: Duration = Duration::from_micros(500);

/// As shallow as the stream allows, as deep as the person does.
fn playout_config(format: StreamFormat, ceiling: Duration) -> PlayoutConfig {
    PlayoutConfig { floor: DEPTH_FLOOR.min(ceiling).max(redundancy_time(format)), ceiling }
}

/// A copy that comes some packets later can only be played by who waits for it, and a quarter of a frame longer.
fn redundancy_time(format: StreamFormat) -> Duration {
    let copies = u64::from(format.redundancy) * u64::from(format.copy_distance);
    let quarters = if copies == 0 { 0 } else { 4 * copies + 1 };
    let time_us = quarters * u64::from(format.frame_frames) * 1_000_000 / (4 * u64::from(NETWORK_RATE_HZ));
    Duration::from_micros(time_us).min(REDUNDANCY_TIME_MAX)
}

impl RemoteSource {
    fn new(published: &PublishedSource, participant_name: Name, playout: Playout) -> Self {
        Self {
            info: published.info.clone(),
            participant_name,
            peer: published.peer,
            ssrc: published.ssrc,
            generation: published.generation,
            present: true,
            away_since: None,
            slot: None,
            playout,
            stages: Stages::new(published.info.format),
            reception: ReceptionMeter::default(),
            clock_offset_us: None,
            direct_at: None,
            forwarded_at: None,
            forward_asked: true,
            last_packet_at: None,
            loss: Loss::default(),
        }
    }

    /// Packets come straight from the peer.
    pub fn is_direct(&self, now: Instant) -> bool {
        self.is_fresh(self.direct_at, WAY_FRESH, now)
    }

    /// Packets come by the host.
    pub fn is_forwarded(&self, now: Instant) -> bool {
        self.is_fresh(self.forwarded_at, WAY_FRESH, now)
    }

    pub fn loss(&self) -> f32 {
        self.loss.share
    }

    /// It is here, or may be back in a moment.
    fn keeps_slot(&self, now: Instant) -> bool {
        self.away_since.is_none_or(|since| now.saturating_duration_since(since) < SLOT_KEPT)
    }

    fn is_fresh(&self, at: Option<Instant>, limit: Duration, now: Instant) -> bool {
        at.is_some_and(|at| now.saturating_duration_since(at) < limit)
    }
}

impl Loss {
    fn measure(&mut self, stats: &PlayoutStats, now: Instant) {
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) < LOSS_WINDOW {
            return;
        }
        let heard = [Operation::Normal, Operation::Recover, Operation::Conceal, Operation::Merge];
        let played_frames = heard.iter().map(|operation| stats.tally.frames(*operation)).sum::<u64>();
        let concealed = stats.concealed_frames().saturating_sub(self.concealed_frames);
        let played = played_frames.saturating_sub(self.played_frames);
        self.share = if played == 0 { 0.0 } else { concealed as f32 / played as f32 };
        (self.since, self.concealed_frames, self.played_frames) =
            (Some(now), stats.concealed_frames(), played_frames);
    }
}

#[cfg(test)]
mod tests;
