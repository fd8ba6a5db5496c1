//! How media travels: changing it while the session runs, and each listener's mix where the route is *mix*.
//!
//! A listener's mix follows their monitor faders in the session document, whoever moved them. The step before is whoever runs the session (a
//! route), members (faders, what they want) and packets; inside is [`Mixer`]; the step after is each listener's path.

use backline_media::{PacketHead, ReceivedHead};
use backline_session::{media_head, received_head};
use backline_transport::MediaHead;
use backline_wire::limits::MIX_TIMES_MAX;
use backline_wire::{
    Change, Fader, GainValue, Levels, Missing, MissingRun, MixTime, MixTimes, PanValue, PublishedSource,
    Reception, Register, Revision, Setting, SettingKind, SourceId, SourceInfo, Ssrc, StreamFormat,
    mix_source,
};

use super::mix_news::DueNews;
use super::*;
use crate::mix::{Mix, MixStats, MixStrip, Mixer};

/// Playouts are filled for so long before a mix takes the place of what is passed on.
const LEAD_IN: Duration = Duration::from_millis(100);

/// What the relay knows of its route.
pub(super) struct Mixing {
    route: Route,
    generation: Generation,
    config: MixConfig,
    mixer: Option<Mixer>,
    /// When a mixer that is filling takes over.
    live_at: Option<Instant>,
    /// Faders were looked at up to here.
    seen: Revision,
    due_news: DueNews,
}

impl Mixing {
    pub fn new(route: Route, config: MixConfig, now: Instant) -> Self {
        let mixer = (route == Route::Mix).then(|| Mixer::new(config, now));
        let (generation, seen) = (Generation(0), Revision::default());
        Self { route, generation, config, mixer, live_at: None, seen, due_news: DueNews::new(now) }
    }

    pub fn route(&self) -> Route {
        self.route
    }

    pub fn due(&self) -> Option<Instant> {
        self.mixer.as_ref().and_then(Mixer::due).into_iter().chain(self.live_at).min()
    }

    pub fn packet(
        &mut self,
        stream: Ssrc,
        head: &MediaHead,
        payload: &[u8],
        (now, unix_time): (Instant, Duration),
    ) {
        if let Some(mixer) = &mut self.mixer {
            let head: ReceivedHead = received_head(head);
            mixer.packet(stream, &head, payload, (now, unix_time));
        }
    }

    pub fn set_source(&mut self, stream: Ssrc, format: StreamFormat) {
        if let Some(mixer) = &mut self.mixer {
            mixer.set_source(stream, format);
        }
    }

    pub fn remove_source(&mut self, stream: Ssrc) {
        if let Some(mixer) = &mut self.mixer {
            mixer.remove_source(stream);
        }
    }

    pub fn remove_listener(&mut self, peer: PeerId) {
        if let Some(mixer) = &mut self.mixer {
            mixer.remove_listener(peer);
        }
    }

    /// Mixes are sent, not only prepared.
    fn is_live(&self) -> bool {
        self.route == Route::Mix && self.mixer.is_some()
    }

    /// How publishers arrive; nothing while that is not to be told.
    pub fn take_receptions(&mut self, now: Instant) -> Vec<Reception> {
        let is_due = self.is_live() && self.due_news.is_reception_due(now);
        self.mixer.iter_mut().filter(|_| is_due).flat_map(Mixer::receptions).collect()
    }

    /// When everybody is in the mix, a message each so many; nothing while that is not to be told.
    pub fn take_times(&mut self, now: Instant) -> Vec<MixTimes> {
        let is_due = self.is_live() && self.due_news.are_times_due(now);
        let times: Vec<MixTime> = self.mixer.iter().filter(|_| is_due).flat_map(Mixer::times).collect();
        times.chunks(MIX_TIMES_MAX).map(|sources| MixTimes { sources: sources.to_vec() }).collect()
    }

    /// How loud everybody is; none while that is not to be told.
    pub fn take_levels(&mut self, now: Instant) -> Option<Levels> {
        let is_due = self.is_live() && self.due_news.is_level_due(now);
        self.mixer.as_mut().filter(|_| is_due)?.take_levels()
    }
}

impl Relay {
    /// How media travels now.
    pub fn route(&self) -> Route {
        self.mixing.route
    }

    /// What mixing costs; none where nothing is mixed.
    pub fn mix_stats(&self) -> Option<MixStats> {
        self.mixing.mixer.as_ref().map(Mixer::stats)
    }

    /// Lets media travel in another way from now on; everybody who is in is told. A mix takes over once its playouts are filled.
    pub fn set_route(&mut self, now: Instant, route: Route) {
        if route == self.mixing.route {
            self.mixing.live_at = None;
            self.mixing.mixer.take_if(|_| route != Route::Mix);
            return;
        }
        if route == Route::Mix {
            if self.mixing.live_at.is_none() {
                self.mixing.mixer = Some(Mixer::new(self.mixing.config, now));
                self.mixing.live_at = Some(now + LEAD_IN);
                self.mix_everything();
            }
            return;
        }
        let peers: Vec<PeerId> = self.members.iter().map(|(peer, _)| peer).collect();
        peers.iter().for_each(|peer| self.take_mix(now, *peer));
        self.mixing.mixer = None;
        self.mixing.live_at = None;
        self.change_route(now, route);
    }

    /// Tells who has just come how media travels, where that is not what they expect.
    pub(super) fn tell_route(&mut self, now: Instant, peer: PeerId) {
        let (route, generation) = (self.mixing.route, self.mixing.generation);
        if route != Route::default() || generation != Generation(0) {
            self.say(now, peer, &Control::Route { route, generation });
        }
    }

    /// A listener gets their mix, on a stream of their own.
    pub(super) fn give_mix(&mut self, now: Instant, peer: PeerId) {
        if !self.mixing.is_live() {
            return;
        }
        let host = self.config.certificate.fingerprint();
        let fresh = self.members.next_stream();
        let Some(member) = self.members.get_mut(peer).filter(|member| member.listens.mix) else { return };
        let Some(link) = member.link else { return };
        // Over another path the stream goes on.
        let ssrc = *member.mix_stream.get_or_insert(fresh);
        let opened = self.links.get_mut(link).map(|path| path.open_stream(ssrc));
        if let Some(Err(error)) = opened {
            tracing::debug!(%peer, %error, "the stream of a mix could not be opened");
            self.wrong(Some(peer), Wrong::StreamNotOpened);
        }
        let info = SourceInfo {
            source: mix_source(&host),
            name: Name::new("Mix"),
            colour: [0x9a, 0x9a, 0x9a],
            format: self.mixing.config.format(),
            generation: self.mixing.generation,
        };
        self.say(now, peer, &Control::Published(PublishedSource { peer: PeerId::HOST, info, ssrc }));
        self.refresh_mix(peer);
    }

    fn take_mix(&mut self, now: Instant, peer: PeerId) {
        let source = mix_source(&self.config.certificate.fingerprint());
        let Some(member) = self.members.get_mut(peer) else { return };
        let Some(ssrc) = member.mix_stream.take() else { return };
        if let Some(path) = member.link.and_then(|link| self.links.get_mut(link)) {
            path.close_stream(ssrc);
        }
        self.mixing.remove_listener(peer);
        self.say(now, peer, &Control::Unpublished { source });
    }

    /// A listener wants something else of the mix.
    pub(super) fn listens(&mut self, now: Instant, peer: PeerId, listens: Listens) {
        let Some(member) = self.members.get_mut(peer) else { return };
        let before = std::mem::replace(&mut member.listens, listens);
        match (before.mix, listens.mix) {
            (true, false) => self.take_mix(now, peer),
            (false, true) => self.give_mix(now, peer),
            _ => self.refresh_mix(peer),
        }
    }

    /// A listener takes a source by itself, and not in the mix, or no longer.
    pub(super) fn take_separately(&mut self, listener: PeerId, source: SourceId, on: bool) {
        let Some(member) = self.members.get_mut(listener) else { return };
        if on {
            member.separate.insert(source);
        } else {
            member.separate.remove(&source);
        }
        self.refresh_mix(listener);
    }

    /// Sources came, went, or are somebody else's: everybody's mix is looked at again.
    pub(super) fn refresh_mixes(&mut self) {
        if self.mixing.is_live() {
            let peers: Vec<PeerId> = self.members.iter().map(|(peer, _)| peer).collect();
            peers.into_iter().for_each(|peer| self.refresh_mix(peer));
        }
    }

    /// Faders were moved: mixes follow them, before it is kept and told.
    pub(super) fn mix_as_documented(&mut self) {
        let revision = self.document().revision();
        let seen = std::mem::replace(&mut self.mixing.seen, revision);
        if !self.mixing.is_live() {
            return;
        }
        let moved: BTreeSet<ParticipantId> = self.document().since(seen).filter_map(listener_of).collect();
        let is_theirs = |member: &Member| moved.contains(&member.info.participant);
        let peers: Vec<PeerId> =
            self.members.iter().filter(|(_, member)| is_theirs(member)).map(|(peer, _)| peer).collect();
        peers.into_iter().for_each(|peer| self.refresh_mix(peer));
    }

    /// Makes and sends the frames that are due.
    pub(super) fn mix(&mut self, now: Instant) {
        if self.mixing.live_at.is_some_and(|at| at <= now) {
            self.mixing.live_at = None;
            self.change_route(now, Route::Mix);
            let peers: Vec<PeerId> = self.members.iter().map(|(peer, _)| peer).collect();
            peers.into_iter().for_each(|peer| self.give_mix(now, peer));
        }
        let Some(mut mixer) = self.mixing.mixer.take_if(|mixer| mixer.due().is_some_and(|at| at <= now))
        else {
            return;
        };
        let unix_time = self.ledger.unix_time(now);
        let failed = mixer.tick(now, unix_time, |peer, ssrc, head, payload| {
            self.send_mix(now, (peer, ssrc), head, payload);
        });
        mixer.poll_missing(now, |ssrc, timestamp, ticks| self.ask_for_missing(now, ssrc, timestamp, ticks));
        self.mixing.mixer = Some(mixer);
        self.tell_listeners(now);
        for (ssrc, why) in failed {
            let publisher = self.members.publisher_of(ssrc).and_then(|peer| self.members.get(peer));
            if let Some(link) = publisher.and_then(|member| member.link) {
                self.path_failed(now, link, &why);
            }
        }
    }

    /// Now and then: equal mixes become one, round trips are told to who asks for packets again, and publishers are told how they arrive.
    pub(super) fn keep_mixes(&mut self, now: Instant) {
        let Some(mixer) = &mut self.mixing.mixer else { return };
        mixer.merge();
        for (_, member) in self.members.iter() {
            let round_trip =
                member.link.and_then(|link| self.links.get(link)).and_then(|path| path.round_trip());
            member.sources.values().for_each(|source| mixer.set_round_trip(source.ssrc, round_trip));
        }
        self.tell_publishers(now);
    }

    /// A listener misses packets of their mix.
    pub(super) fn mix_again(&mut self, now: Instant, listener: PeerId, ssrc: Ssrc, missing: &Missing) {
        let Some(mixer) = &self.mixing.mixer else { return };
        let ticks = mixer.stats().ticks;
        let Some(member) = self.members.get_mut(listener) else { return };
        let budget = member.repairs.entry(ssrc).or_default();
        let Some(path) = member.link.and_then(|link| self.links.get_mut(link)) else { return };
        for run in &missing.runs {
            for (head, payload) in mixer.again(listener, run.timestamp, run.ticks.into()) {
                if !budget.spend(ticks) {
                    return;
                }
                let again = path.send_media(now, ssrc, media_head(&head), payload).is_ok();
                self.stats.packets_again += u64::from(again);
            }
        }
    }

    /// The answer of a server, which is in no list of people.
    pub(super) fn answer_ping(&mut self, now: Instant, peer: PeerId, (id, sent_at_us): (u32, u64)) {
        let now_us = self.ledger.unix_time(now).as_micros() as u64;
        let (received_at_us, replied_at_us) = (now_us, now_us);
        self.say(
            now,
            peer,
            &Control::Pong { peer: PeerId::HOST, id, sent_at_us, received_at_us, replied_at_us },
        );
    }

    fn change_route(&mut self, now: Instant, route: Route) {
        self.mixing.route = route;
        self.mixing.generation = self.mixing.generation.next();
        for (_, member) in self.members.iter_mut() {
            member.direct.clear();
            member.separate.clear();
        }
        let generation = self.mixing.generation;
        tracing::info!(%route, "media travels in another way");
        self.say_to_all(now, &Control::Route { route, generation });
    }

    /// A new mixer has every source that is there.
    fn mix_everything(&mut self) {
        for (_, member) in self.members.iter() {
            for source in member.sources.values() {
                self.mixing.set_source(source.ssrc, source.info.format);
            }
        }
    }

    fn refresh_mix(&mut self, peer: PeerId) {
        let Some(ssrc) = self.members.get(peer).and_then(|member| member.mix_stream) else { return };
        let mix = self.mix_of(peer);
        if let Some(mixer) = &mut self.mixing.mixer {
            mixer.set_listener(peer, ssrc, mix);
        }
    }

    /// What a listener wants to hear, by their monitor faders. Of their solos those count whose sources are here.
    fn mix_of(&self, peer: PeerId) -> Mix {
        let Some(listener) = self.members.get(peer) else { return Mix::new() };
        let me = listener.info.participant;
        let setting = |source, kind| {
            let register = Register::Fader(Fader::Monitor { listener: me, source }, kind);
            match self.document().get(&register).map(|entry| &entry.change) {
                Some(Change::Fader { setting, .. }) => Some(*setting),
                _ => None,
            }
        };
        let is_on =
            |source, kind| matches!(setting(source, kind), Some(Setting::Mute(true) | Setting::Solo(true)));
        let sources = || self.members.iter().flat_map(|(_, member)| member.sources.values());
        let any_soloed = sources().any(|source| is_on(source.info.source, SettingKind::Solo));
        let strip = |source: SourceId| {
            let is_own = source.participant == me && !listener.listens.own;
            let is_left_out = is_own || listener.separate.contains(&source);
            let is_out_of_solo = any_soloed && !is_on(source, SettingKind::Solo);
            if is_left_out || is_out_of_solo || is_on(source, SettingKind::Mute) {
                return MixStrip::SILENT;
            }
            let gain = match setting(source, SettingKind::Gain) {
                Some(Setting::Gain(gain)) => gain,
                _ => GainValue::UNITY,
            };
            let pan = match setting(source, SettingKind::Pan) {
                Some(Setting::Pan(pan)) => pan,
                _ => PanValue::CENTRE,
            };
            MixStrip { gain, pan }
        };
        let strips = sources().map(|source| (source.ssrc, strip(source.info.source)));
        strips.filter(|(_, strip)| *strip != MixStrip::REST).collect()
    }

    fn send_mix(&mut self, now: Instant, (peer, ssrc): (PeerId, Ssrc), head: &PacketHead, payload: &[u8]) {
        let Some(member) = self.members.get_mut(peer).filter(|_| !payload.is_empty()) else { return };
        let Some(link) = member.link else { return };
        if !member.usage.media_out(&self.config.limits, payload.len(), now) {
            self.stats.over_limit.over(counts::Exceeded::BytesOut);
            return;
        }
        let path = self.links.get_mut(link);
        let sent = path.is_some_and(|path| path.send_media(now, ssrc, media_head(head), payload).is_ok());
        self.stats.packets_out += u64::from(sent);
        if !sent {
            self.wrong(Some(peer), Wrong::MediaNotSent);
        }
    }

    fn ask_for_missing(&mut self, now: Instant, ssrc: Ssrc, timestamp: u32, ticks: u32) {
        let publisher = self.members.publisher_of(ssrc).and_then(|peer| self.members.get(peer));
        let Some(link) = publisher.and_then(|member| member.link) else { return };
        let run = MissingRun { timestamp, ticks: u16::try_from(ticks).unwrap_or(u16::MAX) };
        let missing = Missing { runs: vec![run] };
        let path = self.links.get_mut(link);
        if let Some(Err(error)) = path.map(|path| path.send_feedback(now, ssrc, &missing.encode())) {
            tracing::debug!(%ssrc, %error, "missing packets could not be asked for");
            self.wrong(self.members.publisher_of(ssrc), Wrong::FeedbackNotSent);
        }
    }
}

/// Whose monitor mix an entry is about.
fn listener_of(entry: &backline_wire::Entry) -> Option<ParticipantId> {
    match &entry.change {
        Change::Fader { fader: Fader::Monitor { listener, .. }, .. } => Some(*listener),
        _ => None,
    }
}
