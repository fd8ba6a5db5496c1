//! Who is in the session, what they publish, and who wants what passed on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use backline_session::RepairBudget;
use backline_transport::PathStats;
use backline_wire::limits::{PARTICIPANTS_MAX, SOURCES_PER_PARTICIPANT_MAX};
use backline_wire::{
    Generation, InstanceId, ParticipantId, PeerId, PeerInfo, PublishedSource, Revision, SourceId, SourceInfo,
    Ssrc,
};

use crate::counts::ErrorCounts;
use crate::limits::Usage;

/// Connections whose ids are kept for their return; beyond it the oldest absent ones are forgotten.
const KNOWN_MAX: usize = 256;
const _: () = assert!(KNOWN_MAX > PARTICIPANTS_MAX);

/// Which path of the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkId(pub u64);

/// One participant in the session.
pub(crate) struct Member {
    pub info: PeerInfo,
    pub instance: InstanceId,
    /// Of the connection.
    pub generation: Generation,
    /// None for the participant of this process.
    pub link: Option<LinkId>,
    pub sources: BTreeMap<SourceId, PublishedSource>,
    /// Sources that reach this member directly, so that they are not passed on to it.
    pub direct: BTreeSet<SourceId>,
    /// What may still be sent to it again, for each stream.
    pub repairs: BTreeMap<Ssrc, RepairBudget>,
    /// How far it has been told of the session document; none before it asks.
    pub following: Option<Following>,
    /// What it may still use.
    pub usage: Usage,
    /// What was counted of it.
    pub counts: MemberCounts,
    pub joined_at: Instant,
    /// What they want of the mix, where there is one.
    pub listens: Listens,
    /// Sources that they take separately, where there is a mix.
    pub separate: BTreeSet<SourceId>,
    /// The stream of their mix, where there is one.
    pub mix_stream: Option<Ssrc>,
}

/// What a listener wants of the mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listens {
    /// Anything.
    pub mix: bool,
    /// Their own sources, too.
    pub own: bool,
}

impl Default for Listens {
    fn default() -> Self {
        Self { mix: true, own: false }
    }
}

impl Member {
    /// One who has just come, over this path; none for the participant of this process.
    pub fn new(
        info: PeerInfo,
        (instance, generation): (InstanceId, Generation),
        link: Option<LinkId>,
        usage: Usage,
        joined_at: Instant,
    ) -> Self {
        Self {
            info,
            instance,
            generation,
            link,
            sources: BTreeMap::new(),
            direct: BTreeSet::new(),
            repairs: BTreeMap::new(),
            following: None,
            usage,
            counts: MemberCounts::default(),
            joined_at,
            listens: Listens::default(),
            separate: BTreeSet::new(),
            mix_stream: None,
        }
    }
}

/// What was counted of a member since it came in, beside what its path counts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MemberCounts {
    /// By the paths that it had before.
    pub paths_before: PathStats,
    pub errors: ErrorCounts,
}

/// What a member knows of the session document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Following {
    /// It was sent everything up to here.
    pub told: Revision,
    /// Messages of which it has not said yet that they are there.
    pub in_flight: usize,
}

/// All members, and the ids that the session has given away.
#[derive(Default)]
pub(crate) struct Members {
    present: BTreeMap<PeerId, Member>,
    by_link: BTreeMap<LinkId, PeerId>,
    known: BTreeMap<(ParticipantId, InstanceId), PeerId>,
    known_order: Vec<(ParticipantId, InstanceId)>,
    streams: BTreeMap<Ssrc, SourceId>,
    next_ssrc: u32,
}

impl Members {
    /// `first_ssrc` should not be guessable (RFC 3550 section 8).
    pub fn new(first_ssrc: u32) -> Self {
        Self { next_ssrc: first_ssrc, ..Self::default() }
    }

    pub fn len(&self) -> usize {
        self.present.len()
    }

    /// What is remembered, of those who are in and of others.
    pub fn holdings(&self) -> [(&'static str, usize); 3] {
        [
            ("members by link", self.by_link.len()),
            ("known connections", self.known.len().max(self.known_order.len())),
            ("streams", self.streams.len()),
        ]
    }

    pub fn get(&self, peer: PeerId) -> Option<&Member> {
        self.present.get(&peer)
    }

    pub fn get_mut(&mut self, peer: PeerId) -> Option<&mut Member> {
        self.present.get_mut(&peer)
    }

    pub fn iter(&self) -> impl Iterator<Item = (PeerId, &Member)> {
        self.present.iter().map(|(peer, member)| (*peer, member))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (PeerId, &mut Member)> {
        self.present.iter_mut().map(|(peer, member)| (*peer, member))
    }

    pub fn by_link(&self, link: LinkId) -> Option<PeerId> {
        self.by_link.get(&link).copied()
    }

    /// A member has another path from now on, or none; returns the one of before.
    pub fn set_link(&mut self, peer: PeerId, link: Option<LinkId>) -> Option<LinkId> {
        let member = self.present.get_mut(&peer)?;
        let before = std::mem::replace(&mut member.link, link);
        before.and_then(|before| self.by_link.remove(&before));
        link.and_then(|link| self.by_link.insert(link, peer));
        before
    }

    /// The id of a connection: the one it had before, or a new one. It follows from who it is, so that a host that is opened again
    /// gives the same ones, and those who reach each other directly need not find each other anew.
    pub fn id_of(&mut self, participant: ParticipantId, instance: InstanceId) -> PeerId {
        let key = (participant, instance);
        if let Some(peer) = self.known.get(&key) {
            return *peer;
        }
        self.forget_oldest();
        let mut peer = usual_id(participant, instance);
        while self.known.values().any(|known| *known == peer) {
            peer = PeerId(peer.0.wrapping_add(1).max(1));
        }
        self.known.insert(key, peer);
        self.known_order.push(key);
        peer
    }

    pub fn insert(&mut self, member: Member) {
        if let Some(link) = member.link {
            self.by_link.insert(link, member.info.peer);
        }
        self.present.insert(member.info.peer, member);
    }

    /// Takes a member out; its streams are nobody's from now on.
    pub fn remove(&mut self, peer: PeerId) -> Option<Member> {
        let member = self.present.remove(&peer)?;
        member.link.and_then(|link| self.by_link.remove(&link));
        for source in member.sources.values() {
            self.forget_stream(source.ssrc);
            self.forget_ways(source.info.source);
        }
        Some(member)
    }

    /// A member publishes a source, or says something new about it; a source of a new generation gets another stream, and
    /// is to be unpublished before: see [`Members::outdated`]. None when it may not: it is somebody else's, or one too many.
    pub fn publish(&mut self, peer: PeerId, info: SourceInfo) -> Option<PublishedSource> {
        let member = self.present.get(&peer)?;
        let known = member.sources.get(&info.source);
        if info.source.participant != member.info.participant
            || (known.is_none() && member.sources.len() >= SOURCES_PER_PARTICIPANT_MAX)
        {
            return None;
        }
        let ssrc = match known.filter(|known| known.info.generation == info.generation) {
            Some(known) => known.ssrc,
            None => self.next_stream(),
        };
        let member = self.present.get_mut(&peer)?;
        let published = PublishedSource { peer, info, ssrc };
        self.streams.insert(ssrc, published.info.source);
        member.sources.insert(published.info.source, published.clone());
        Some(published)
    }

    /// A stream that nobody has had.
    pub fn next_stream(&mut self) -> Ssrc {
        self.next_ssrc = self.next_ssrc.wrapping_add(1).max(1);
        Ssrc(self.next_ssrc)
    }

    /// Who must stop to publish a source before `peer` may publish it as `info` says: another connection of the same
    /// participant, or `peer` itself where it did so in an earlier generation.
    pub fn outdated(&self, peer: PeerId, info: &SourceInfo) -> Option<PeerId> {
        let is_outdated = |(other, member): &(&PeerId, &Member)| {
            let known = member.sources.get(&info.source);
            known.is_some_and(|known| **other != peer || known.info.generation != info.generation)
        };
        let is_theirs = |member: &Member| member.info.participant == info.source.participant;
        self.present.get(&peer).filter(|member| is_theirs(member))?;
        self.present.iter().find(is_outdated).map(|(other, _)| *other)
    }

    /// A member no longer publishes a source; returns its stream.
    pub fn unpublish(&mut self, peer: PeerId, source: SourceId) -> Option<Ssrc> {
        let removed = self.present.get_mut(&peer).and_then(|member| member.sources.remove(&source));
        self.forget_ways(source);
        let ssrc = removed?.ssrc;
        self.forget_stream(ssrc);
        Some(ssrc)
    }

    /// Who publishes a stream.
    pub fn publisher_of(&self, ssrc: Ssrc) -> Option<PeerId> {
        let source = self.streams.get(&ssrc)?;
        let is_theirs = |member: &Member| member.sources.contains_key(source);
        self.present.iter().find(|(_, member)| is_theirs(member)).map(|(peer, _)| *peer)
    }

    /// The source of a stream, if `peer` is who publishes it.
    pub fn source_of(&self, peer: PeerId, ssrc: Ssrc) -> Option<SourceId> {
        let source = *self.streams.get(&ssrc)?;
        self.present.get(&peer)?.sources.contains_key(&source).then_some(source)
    }

    /// Whether anybody takes a source by itself where there is a mix.
    pub fn anybody_separately(&self) -> bool {
        self.present.values().any(|member| !member.separate.is_empty())
    }

    /// Nobody is reached directly by a source that is gone.
    fn forget_ways(&mut self, source: SourceId) {
        self.present.values_mut().for_each(|member| {
            member.direct.remove(&source);
            member.separate.remove(&source);
        });
    }

    /// Nobody is sent packets of a stream again that is gone.
    fn forget_stream(&mut self, ssrc: Ssrc) {
        self.streams.remove(&ssrc);
        for member in self.present.values_mut() {
            member.repairs.remove(&ssrc);
        }
    }

    fn forget_oldest(&mut self) {
        if self.known.len() < KNOWN_MAX {
            return;
        }
        let absent = |key: &(ParticipantId, InstanceId)| {
            self.known.get(key).is_none_or(|peer| !self.present.contains_key(peer))
        };
        if let Some(at) = self.known_order.iter().position(absent) {
            let key = self.known_order.remove(at);
            self.known.remove(&key);
        }
    }
}

/// The id of a connection where nobody else has it: any but the host's.
fn usual_id(participant: ParticipantId, instance: InstanceId) -> PeerId {
    let mixed = participant.0[..8].iter().fold(instance.0, |mixed, byte| {
        // FNV-1a: any even spread does.
        (mixed ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    PeerId(((mixed >> 32) as u16).max(1))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests may look at the clock")]
mod tests {
    use super::*;
    use crate::Limits;
    use backline_wire::{Name, StreamFormat};

    fn member(members: &mut Members, number: u8, now: Instant) -> PeerId {
        let participant = ParticipantId([number; 32]);
        let peer = members.id_of(participant, InstanceId(1));
        let info = PeerInfo { peer, participant, name: Name::new("Ada"), colour: [0; 3] };
        let usage = Usage::new(&Limits::default(), now);
        let link = Some(LinkId(u64::from(number)));
        members.insert(Member::new(info, (InstanceId(1), Generation(1)), link, usage, now));
        peer
    }

    fn source(number: u8, instance: u64) -> SourceInfo {
        SourceInfo {
            source: SourceId { participant: ParticipantId([number; 32]), instance: InstanceId(instance) },
            name: Name::new("Guitar"),
            colour: [0; 3],
            format: StreamFormat {
                payload_type: 96,
                frame_frames: 60,
                bitrate_bps: 0,
                redundancy: 0,
                copy_distance: 1,
                block_frames: 64,
            },
            generation: Generation(1),
        }
    }

    #[test]
    fn who_returns_has_the_same_id() {
        let mut members = Members::new(7);
        let now = Instant::now();
        let first = member(&mut members, 1, now);
        let other = member(&mut members, 2, now);
        members.remove(first);
        assert_eq!(member(&mut members, 1, now), first);
        assert_ne!(first, other);
    }

    #[test]
    fn a_host_that_is_opened_again_gives_the_same_ids_in_any_order() {
        let ids = |order: [u8; 3]| {
            let mut members = Members::new(7);
            let id = |number: u8| (number, members.id_of(ParticipantId([number; 32]), InstanceId(1)));
            order.map(id).into_iter().collect::<BTreeMap<u8, PeerId>>()
        };
        let first = ids([1, 2, 3]);
        assert_eq!(ids([3, 1, 2]), first);
        assert!(first.values().all(|peer| *peer != PeerId::HOST));
        assert_eq!(first.values().collect::<BTreeSet<_>>().len(), 3);
    }

    #[test]
    fn nobody_publishes_for_somebody_else() {
        let mut members = Members::new(7);
        let now = Instant::now();
        let (ada, bob) = (member(&mut members, 1, now), member(&mut members, 2, now));
        assert!(members.publish(ada, source(2, 1)).is_none());
        let published = members.publish(bob, source(2, 1)).unwrap();
        assert_eq!(members.source_of(ada, published.ssrc), None);
        assert_eq!(members.source_of(bob, published.ssrc), Some(published.info.source));
    }

    #[test]
    fn a_new_name_keeps_the_stream() {
        let mut members = Members::new(7);
        let ada = member(&mut members, 1, Instant::now());
        let first = members.publish(ada, source(1, 1)).unwrap();
        assert_eq!(members.publish(ada, source(1, 1)).unwrap().ssrc, first.ssrc);
        assert_ne!(members.publish(ada, source(1, 2)).unwrap().ssrc, first.ssrc);
    }

    #[test]
    fn a_restart_of_one_source_gives_another_stream_to_it_alone() {
        let mut members = Members::new(7);
        let ada = member(&mut members, 1, Instant::now());
        let (guitar, voice) = (source(1, 1), source(1, 2));
        let first = members.publish(ada, guitar.clone()).unwrap();
        let other = members.publish(ada, voice.clone()).unwrap();
        let again = SourceInfo { generation: Generation(2), ..guitar };
        assert_eq!(members.outdated(ada, &again), Some(ada));
        assert_eq!(members.unpublish(ada, again.source), Some(first.ssrc));
        assert_eq!(members.outdated(ada, &again), None);
        assert_ne!(members.publish(ada, again).unwrap().ssrc, first.ssrc);
        assert_eq!(members.publish(ada, voice).unwrap().ssrc, other.ssrc);
    }

    #[test]
    fn a_source_that_moves_to_another_connection_leaves_the_one_before() {
        let mut members = Members::new(7);
        let now = Instant::now();
        let ada = member(&mut members, 1, now);
        members.publish(ada, source(1, 2)).unwrap();
        let again = PeerId(99);
        let info = PeerInfo { peer: again, ..members.get(ada).unwrap().info.clone() };
        let usage = Usage::new(&Limits::default(), now);
        members.insert(Member::new(info, (InstanceId(2), Generation(1)), Some(LinkId(99)), usage, now));
        assert_eq!(members.outdated(again, &source(1, 2)), Some(ada));
        assert_eq!(members.outdated(again, &source(2, 2)), None, "it is not theirs to say");
    }

    #[test]
    fn strangers_who_come_and_go_fill_nothing() {
        let mut members = Members::new(7);
        for number in 0..10_000_u64 {
            members.id_of(ParticipantId([1; 32]), InstanceId(number));
        }
        assert!(members.known.len() <= KNOWN_MAX && members.known_order.len() <= KNOWN_MAX);
    }
}
