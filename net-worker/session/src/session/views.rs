//! What is shown of a session.

use backline_transport::Path;
use backline_wire::Fader;

use super::*;
use crate::clock_offset::ClockOffset;
use crate::listening::RemoteSource;
use crate::view::{FaderView, MixStrip, MixView};

impl Session {
    /// Every remote source as an instance sees it, in slot order, then those without a slot there.
    pub fn source_views(&self, instance: InstanceId, now: Instant) -> Vec<SourceView> {
        let view = |id: &SourceId| self.source_view(*id, instance, now);
        let mut views: Vec<SourceView> = self.listening.sources.keys().filter_map(view).collect();
        views.sort_by_key(|view| (view.slot.unwrap_or(SLOTS), view.source));
        views
    }

    /// All 16 slots of an instance.
    pub fn slot_views(&self, instance: InstanceId) -> [Option<SlotView>; SLOTS] {
        let listener = self.listening.listener(instance);
        std::array::from_fn(|slot| {
            let id = listener?.slots.source_at(slot)?;
            let source = self.listening.sources.get(&id);
            let name = source.map_or_else(String::new, |source| {
                format!("{} · {}", source.participant_name, source.info.name)
            });
            let is_here = source.is_some_and(|source| source.present && source.owner == Some(instance));
            let monitor = self.fader(Fader::Monitor { listener: self.participant(), source: id });
            Some(SlotView { source: id, name, present: is_here, monitor })
        })
    }

    /// The mixes of those who are here and let us set what they hear.
    pub fn mixes(&self) -> Vec<MixView> {
        let me = self.participant();
        let others = self.roster.peers.values().map(|peer| &peer.info);
        let lets_us = |info: &&PeerInfo| info.participant != me && self.may_set_mix_of(info.participant);
        let mut mixes: Vec<MixView> = others.filter(lets_us).map(|info| self.mix(info)).collect();
        mixes.sort_by_key(|mix| mix.listener);
        mixes
    }

    fn mix(&self, listener: &PeerInfo) -> MixView {
        let own = self.publishing.iter().filter(|own| own.is_published).map(|own| MixStrip {
            source: self.source_of(own.instance),
            participant_name: self.config.name.to_string(),
            source_name: own.name.to_string(),
            colour: self.config.colour,
            monitor: FaderView::default(),
        });
        let present = self.listening.sources.iter().filter(|(_, source)| source.present);
        let of_others = present.map(|(id, source)| MixStrip {
            source: *id,
            participant_name: source.participant_name.to_string(),
            source_name: source.info.name.to_string(),
            colour: source.info.colour,
            monitor: FaderView::default(),
        });
        let not_theirs = |strip: &MixStrip| strip.source.participant != listener.participant;
        let mut strips: Vec<MixStrip> = own.chain(of_others).filter(not_theirs).collect();
        strips.sort_by_key(|strip| strip.source);
        for strip in &mut strips {
            let (listener, source) = (listener.participant, strip.source);
            strip.monitor = self.fader(Fader::Monitor { listener, source });
        }
        MixView { listener: listener.participant, name: listener.name.to_string(), strips }
    }

    /// The straight path to a peer goes by our address on a TURN server.
    fn is_relayed(&self, peer: PeerId) -> bool {
        let key = match self.network.uplink {
            Uplink::Here => return self.network.relayed_members.contains(&peer),
            Uplink::Path(key) if peer == PeerId::HOST => key,
            _ => LinkKey::Peer(peer),
        };
        self.network.links.get(key).is_some_and(Path::is_relayed)
    }

    /// From a source's capture to our output, by itself or in the host's mix.
    pub(super) fn latency(&self, source: &RemoteSource, now: Instant) -> Option<Duration> {
        if self.listening.is_in_mix(source.info.source) {
            let mix = self.listening.sources.get(&self.listening.mix_source?)?;
            let (sender, host) = (self.roster.clock(source.peer)?, self.roster.clock(mix.peer)?);
            let until_mixed = self.listening.mix_delays.of(source.ssrc, sender, host)?;
            return Some(until_mixed + self.latency(mix, now)?);
        }
        let captured_at = source.playout.stats().played?.captured_at?;
        let captured_at = self.roster.clock(source.peer)?.to_ours(captured_at)?;
        let latency = self.network.unix_time(now).checked_sub(captured_at)?;
        // What was played last left with the last pull, not now.
        let after_pull = self.listening.return_delay(source);
        Some((latency + after_pull).saturating_sub(source.playout.since_pull(now)))
    }

    /// How long after their capture a participant hears our sources, as they tell: the one that takes longest.
    fn hears_us_after(&self, peer: PeerId, now: Instant) -> Option<Duration> {
        self.publishing.iter().filter_map(|own| own.sending.heard_after(peer, now)).max()
    }

    fn source_view(&self, id: SourceId, instance: InstanceId, now: Instant) -> Option<SourceView> {
        let source = self.listening.sources.get(&id)?;
        let clock = self.roster.clock(source.peer);
        let stats = source.playout.stats();
        let route = match (source.present, source.is_direct(now), source.is_forwarded(now)) {
            (true, ..) if self.is_in_mix(id) => Route::Mixed,
            (true, true, _) if self.is_relayed(source.peer) => Route::ThroughTurn,
            (true, true, _) => Route::Direct,
            (true, false, true) => Route::ThroughHost,
            _ => Route::Waiting,
        };
        let latency = self.latency(source, now).filter(|_| route != Route::Waiting);
        let shortest_round_trip = clock.and_then(ClockOffset::shortest_round_trip);
        let stages = source.stages.view(shortest_round_trip, self.listening.return_delay(source));
        Some(SourceView {
            source: id,
            slot: source.slot.filter(|_| source.owner == Some(instance)),
            returned_by: source.owner,
            participant_name: source.participant_name.to_string(),
            source_name: source.info.name.to_string(),
            colour: source.info.colour,
            present: source.present,
            is_mix: self.is_mix(id),
            route,
            encrypted: route != Route::Waiting,
            latency,
            stages: stages.filter(|_| route != Route::Mixed),
            round_trip: clock.and_then(ClockOffset::round_trip),
            hears_us_after: self.hears_us_after(source.peer, now),
            loss: source.loss(),
            lost: stats.lost_share,
            concealed_frames: stats.concealed_frames(),
            recovered_frames: stats.recovered_frames(),
            repaired: stats.repaired,
            depth: stats.queued,
            drift_ppm: stats.drift_ppm,
            encoding: crate::view::describe(source.info.format),
            send: self.fader(Fader::Send(id)),
        })
    }
}
