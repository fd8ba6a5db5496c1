//! The remote sources: one playout each, on a slot of the one instance of this process that returns it.
//!
//! A packet that comes by two ways is played once (the playout orders by time stamp). The step before is a
//! path or the relay; inside is `backline_media::Playout`; the step after is the return ring of the slot.
//! Who returns what is decided in `assignment.rs`; a playout that goes to another instance begins anew there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backline_media::{Operation, Playout, PlayoutConfig, PlayoutStats};
use backline_transport::MediaHead;
use backline_wire::limits::{NETWORK_RATE_HZ, SLOTS, SOURCES_MAX};
use backline_wire::{InstanceId, Name, PeerId, PublishedSource, SourceId, SourceInfo, Ssrc, StreamFormat};

use crate::assignment::{Assignment, ReturnChoice};
use crate::heads::received_head;
use crate::listener::Listener;
use crate::mix_delays::MixDelays;
use crate::mix_levels::MixLevels;
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

/// Everything that the instances of this process listen to.
#[derive(Default)]
pub(crate) struct Listening {
    pub sources: BTreeMap<SourceId, RemoteSource>,
    by_ssrc: BTreeMap<Ssrc, SourceId>,
    /// In the order in which they came.
    listeners: Vec<Listener>,
    assignment: Assignment,
    /// What the host mixes for us, where it does.
    pub mix_source: Option<SourceId>,
    /// Sources come in that mix, but for those that were asked for.
    pub is_mixed: bool,
    /// How loud they are there.
    pub mix_levels: MixLevels,
    /// How long after their capture they are there.
    pub mix_delays: MixDelays,
}

/// One remote source, present or away.
pub(crate) struct RemoteSource {
    pub info: SourceInfo,
    /// Also while they are away.
    pub participant_name: Name,
    pub peer: PeerId,
    pub ssrc: Ssrc,
    pub present: bool,
    /// Since when it is not, as far as it was noticed.
    away_since: Option<Instant>,
    /// The instance that returns it.
    pub owner: Option<InstanceId>,
    /// On that instance.
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
    /// What we last asked of the peer itself, over the straight path.
    pub direct_asked: bool,
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
    /// An instance listens, too.
    pub fn add(&mut self, listener: Listener) {
        self.listeners.push(listener);
        self.assign();
    }

    /// An instance listens no longer; what it returned goes to others, if they want it.
    pub fn remove(&mut self, instance: InstanceId) {
        self.listeners.retain(|listener| listener.instance != instance);
        self.assign();
    }

    /// Of all instances, in the order in which they came.
    pub fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    pub fn listener(&self, instance: InstanceId) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.instance == instance)
    }

    /// Who returns the mix.
    pub fn returns_mix(&self) -> Option<InstanceId> {
        self.assignment.mix
    }

    /// The most that playouts hold back for an instance.
    pub fn set_depth_ceiling(&mut self, instance: InstanceId, depth: Duration) {
        let Some(listener) = self.listener_mut(instance) else { return };
        listener.depth_ceiling = depth;
        for source in self.sources.values_mut().filter(|source| source.owner == Some(instance)) {
            source.playout.set_depth(playout_config(source.info.format, depth));
        }
    }

    /// An instance wants to return something else.
    pub fn set_choice(&mut self, instance: InstanceId, choice: ReturnChoice) {
        if let Some(listener) = self.listener_mut(instance) {
            listener.choice = choice;
            self.assign();
        }
    }

    /// An instance is called and not bypassed, or not any more. Cheap where that is as before.
    pub fn set_active(&mut self, instance: InstanceId, is_active: bool) {
        let listener = self.listener_mut(instance).filter(|listener| listener.is_active != is_active);
        if let Some(listener) = listener {
            listener.is_active = is_active;
            self.assign();
        }
    }

    /// Decides anew who returns what.
    fn assign(&mut self) {
        let wishes: Vec<_> = self.listeners.iter().map(Listener::wish).collect();
        self.assignment = Assignment::new(&wishes);
        let all: Vec<SourceId> = self.sources.keys().copied().collect();
        all.into_iter().for_each(|id| self.hand_over(id));
    }

    /// A playout goes to the instance that returns its source from now on.
    fn hand_over(&mut self, id: SourceId) {
        let owner = self.assignment.owner(id);
        let Some(source) = self.sources.get_mut(&id).filter(|source| source.owner != owner) else { return };
        (source.owner, source.slot) = (owner, None);
        source.playout.change_listener();
        let listener = self.listeners.iter().find(|listener| Some(listener.instance) == owner);
        let Some(listener) = listener else { return };
        source.playout.set_depth(playout_config(source.info.format, listener.depth_ceiling));
        if source.present {
            self.bind(id, |source| source.is_some_and(|source| source.present));
        } else {
            source.slot = listener.slots.slot_of(id);
        }
    }

    /// A source is there, came back, restarted or changed its name.
    pub fn published(&mut self, published: PublishedSource, participant_name: Name) {
        let id = published.info.source;
        let is_known = self.sources.contains_key(&id);
        if let Some(known) = self.sources.get_mut(&id) {
            self.by_ssrc.remove(&known.ssrc);
            if known.info.generation != published.info.generation || known.ssrc != published.ssrc {
                known.playout.restart();
            }
            (known.info, known.peer, known.ssrc) = (published.info, published.peer, published.ssrc);
            (known.present, known.forward_asked) = (true, !self.is_mixed);
            known.participant_name = participant_name;
            let owner = self.listeners.iter().find(|listener| Some(listener.instance) == known.owner);
            if let Some(owner) = owner {
                known.playout.set_depth(playout_config(known.info.format, owner.depth_ceiling));
            }
            known.stages.set_format(known.info.format);
            known.playout.set_source_block(known.info.format.block_frames.into());
        } else if let Some(playout) = self.new_playout(published.info.format) {
            let mut source = RemoteSource::new(&published, participant_name, playout);
            source.forward_asked = !self.is_mixed;
            self.sources.insert(id, source);
            self.hand_over(id);
        } else {
            return;
        }
        self.by_ssrc.insert(published.ssrc, id);
        // After a lost connection all come back one by one: nobody takes the slot of one who is only later.
        self.bind(id, |source| is_known || source.is_some_and(|source| source.present));
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
            self.bind(id, |source| source.is_some_and(|source| source.keeps_slot(now)));
        }
    }

    /// A source is gone; its playout fades out by itself when no packet comes any more. Returns its stream.
    pub fn unpublished(&mut self, id: SourceId) -> Option<Ssrc> {
        let source = self.sources.get_mut(&id).filter(|source| source.present)?;
        source.present = false;
        self.by_ssrc.remove(&source.ssrc).map(|_| source.ssrc)
    }

    /// A peer is gone with all its sources.
    pub fn peer_left(&mut self, peer: PeerId) {
        let gone: Vec<SourceId> =
            self.sources.iter().filter(|(_, s)| s.peer == peer).map(|(id, _)| *id).collect();
        for id in gone {
            self.unpublished(id);
        }
    }

    /// Who publishes a stream.
    pub fn peer_of(&self, ssrc: Ssrc) -> Option<PeerId> {
        self.by_ssrc.get(&ssrc).and_then(|id| self.sources.get(id)).map(|source| source.peer)
    }

    /// Sources come in the host's mix from now on, or each by itself; what was asked for holds no longer.
    pub fn set_mixed(&mut self, is_mixed: bool) {
        self.is_mixed = is_mixed;
        self.mix_levels.forget();
        self.mix_delays.forget();
        self.sources.values_mut().for_each(|source| source.forward_asked = !is_mixed);
    }

    /// Whether a source is heard in the host's mix, and not by itself.
    pub fn is_in_mix(&self, id: SourceId) -> bool {
        let is_separate = self.sources.get(&id).is_none_or(|source| source.forward_asked);
        self.is_mixed && self.mix_source != Some(id) && !is_separate
    }

    /// Whether a stream is the host's mix.
    pub fn is_stream_of_mix(&self, stream: Ssrc) -> bool {
        self.mix_source.is_some() && self.by_ssrc.get(&stream).copied() == self.mix_source
    }

    /// How loud a source is in the host's mix that an instance's slot would return: magnitudes, left and right, before its fader.
    pub fn mixed_peaks(&self, (instance, slot): (InstanceId, usize), now: Instant) -> [f32; 2] {
        let id = self.listener(instance).and_then(|listener| listener.slots.source_at(slot));
        let source = id.filter(|id| self.is_in_mix(*id)).and_then(|id| self.sources.get(&id));
        let heard = source.filter(|source| source.present && source.owner == Some(instance));
        heard.map_or([0.0; 2], |source| self.mix_levels.of(source.ssrc, now))
    }

    /// Whether a source must come by itself: another instance than the one with the mix returns it, or it has an output of its own.
    pub fn is_wanted_separately(&self, source: &RemoteSource) -> bool {
        let listener = self.listeners.iter().find(|listener| Some(listener.instance) == source.owner);
        let has_bus =
            |listener: &Listener| source.slot.is_some_and(|slot| listener.aux_slots >> slot & 1 == 1);
        source.owner.is_some() && (source.owner != self.assignment.mix || listener.is_some_and(has_bus))
    }

    /// The slots of an instance, a bit each, that are heard on an auxiliary output.
    pub fn set_aux_slots(&mut self, instance: InstanceId, slots: u16) {
        if let Some(listener) = self.listener_mut(instance) {
            listener.aux_slots = slots;
        }
    }

    /// What an instance's return ring and rate conversion add after a playout now.
    pub fn set_return_delay(&mut self, instance: InstanceId, delay: Duration) {
        if let Some(listener) = self.listener_mut(instance) {
            listener.return_delay = delay;
        }
    }

    /// The same of the instance that returns a source.
    pub fn return_delay(&self, source: &RemoteSource) -> Duration {
        let owner = source.owner.and_then(|owner| self.listener(owner));
        owner.map_or(Duration::ZERO, |owner| owner.return_delay)
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
        let Some(id) = self.by_ssrc.get(&ssrc).copied() else { return false };
        let is_in_mix = self.is_in_mix(id);
        let Some(source) = self.sources.get_mut(&id) else { return false };
        match way {
            Way::Direct if source.peer != from => return false,
            Way::Direct => source.direct_at = Some(now),
            Way::ThroughHost => source.forwarded_at = Some(now),
        }
        source.last_packet_at = Some(now);
        source.present = true;
        let head = received_head(head);
        if let Some((captured_at, offset_us)) = head.captured_at.zip(source.clock_offset_us) {
            let elapsed_us = unix_time.as_micros() as i64 + offset_us - captured_at.as_micros() as i64;
            source.stages.arrived(now, elapsed_us);
        }
        if source.owner.is_some() && !is_in_mix {
            source.playout.insert(&head, payload, now);
        }
        true
    }

    /// Fills `out` (stereo interleaved, 48 kHz) with what the source on an instance's slot plays now; silence without one, and
    /// where another instance returns it.
    pub fn playout(&mut self, (instance, slot): (InstanceId, usize), out: &mut [f32], now: Instant) {
        let id = self.listener(instance).and_then(|listener| listener.slots.source_at(slot));
        let source = id.and_then(|id| self.sources.get_mut(&id));
        match source.filter(|source| source.owner == Some(instance)) {
            Some(source) => {
                source.playout.pull(out, now);
                if let Some(in_hand_us) = source.playout.in_hand_us() {
                    source.stages.played(now, in_hand_us);
                }
            }
            None => out.fill(0.0),
        }
    }

    /// Whether an instance's slot has anything to play: it returns the slot's source, which is here, or has only just gone
    /// and is fading out.
    pub fn is_live(&self, (instance, slot): (InstanceId, usize), now: Instant) -> bool {
        let id = self.listener(instance).and_then(|listener| listener.slots.source_at(slot));
        let source = id.and_then(|id| self.sources.get(&id)).filter(|source| source.owner == Some(instance));
        source.is_some_and(|source| source.present || source.is_fresh(source.last_packet_at, FADE_OUT, now))
    }

    /// Takes new bindings from the DAW project; sources that are here and not named find a free slot.
    pub fn set_slots(&mut self, instance: InstanceId, bindings: [Option<SourceId>; SLOTS]) {
        let Some(listener) = self.listener_mut(instance) else { return };
        listener.slots = SlotTable::new(bindings);
        let mut present = Vec::new();
        for (id, source) in self.sources.iter_mut().filter(|(_, source)| source.owner == Some(instance)) {
            source.slot = None;
            present.extend(source.present.then_some(*id));
        }
        for id in present {
            self.bind(id, |source| source.is_some_and(|source| source.present));
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
        let mut playout = Playout::new(playout_config(format, Duration::ZERO))
            .inspect_err(|error| tracing::error!(%error, "a source can't be played"))
            .ok()?;
        playout.set_source_block(format.block_frames.into());
        Some(playout)
    }

    fn listener_mut(&mut self, instance: InstanceId) -> Option<&mut Listener> {
        self.listeners.iter_mut().find(|listener| listener.instance == instance)
    }

    /// Finds a slot for a source on the instance that returns it. What a slot is bound to stays there where `keeps` says so of
    /// it; nothing is known of what is not in the session, or is returned by another instance.
    fn bind(&mut self, id: SourceId, keeps: impl Fn(Option<&RemoteSource>) -> bool) {
        let owner = self.sources.get(&id).and_then(|source| source.owner);
        let Some(listener) = self.listeners.iter_mut().find(|listener| Some(listener.instance) == owner)
        else {
            return;
        };
        let sources = &self.sources;
        let slot = listener
            .slots
            .bind(id, |other| keeps(sources.get(&other).filter(|source| source.owner == owner)));
        for (other, source) in self.sources.iter_mut().filter(|(_, source)| source.owner == owner) {
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

/// How deep a playout of a stream may be: as shallow as the stream allows, as deep as `ceiling`.
pub fn playout_config(format: StreamFormat, ceiling: Duration) -> PlayoutConfig {
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
            present: true,
            away_since: None,
            owner: None,
            slot: None,
            playout,
            stages: Stages::new(published.info.format),
            reception: ReceptionMeter::default(),
            clock_offset_us: None,
            direct_at: None,
            forwarded_at: None,
            forward_asked: true,
            direct_asked: true,
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
