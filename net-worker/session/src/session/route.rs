//! How media travels: as the host or server wants it, by which way each source comes, and what we do not listen to.
//!
//! On a mesh a source comes straight where there is a path and through the host else; forwarded, always through the host; mixed, in the host's
//! mix, but for those that need a way of their own. What no instance of this process returns is asked of nobody.

use backline_wire::Route as MediaWay;

use super::*;

/// Straight paths stay for so long after the host has begun to pass everything on: nothing is missed.
const MESH_ENDS_AFTER: Duration = Duration::from_millis(500);

/// What the host said last, and what it was told.
pub(super) struct MediaRoute {
    way: MediaWay,
    /// When the straight paths end.
    mesh_ends_at: Option<Instant>,
    /// What it knows of our wish for its mix: any, and with our own sources.
    told: (bool, bool),
    /// Whether our own sources are to be in it.
    hear_own: bool,
}

impl Default for MediaRoute {
    fn default() -> Self {
        Self { way: MediaWay::default(), mesh_ends_at: None, told: (true, false), hear_own: false }
    }
}

impl Session {
    /// How media travels.
    pub fn route(&self) -> MediaWay {
        self.media.way
    }

    /// Whether sources come in the host's mix.
    pub fn is_mixed(&self) -> bool {
        self.media.way == MediaWay::Mix
    }

    /// The slot of an instance on which the host's mix plays.
    pub fn mix_slot(&self, instance: InstanceId) -> Option<usize> {
        let mix = self.listening.mix_source.and_then(|id| self.listening.sources.get(&id))?;
        mix.slot.filter(|_| mix.owner == Some(instance))
    }

    /// Whether a source is the host's mix.
    pub fn is_mix(&self, source: SourceId) -> bool {
        self.listening.mix_source == Some(source)
    }

    /// How loud what a slot of an instance would return is in the host's mix: the largest magnitudes of late, left and right, before its
    /// fader; silence where it is not in a mix.
    pub fn mixed_peaks(&self, slot: (InstanceId, usize), now: Instant) -> [f32; 2] {
        self.listening.mixed_peaks(slot, now)
    }

    /// Whether our own sources are in the mix that the host makes for us.
    pub fn set_hear_own(&mut self, hear_own: bool) {
        self.media.hear_own = hear_own;
    }

    /// The slots of an instance, a bit each, that are heard on an auxiliary output: those need a way of their own.
    pub fn set_aux_slots(&mut self, instance: InstanceId, slots: u16) {
        self.listening.set_aux_slots(instance, slots);
    }

    /// What an instance's return ring and rate conversion add after a playout now, for the last sample frame of a pull.
    pub fn set_return_delay(&mut self, instance: InstanceId, delay: Duration) {
        self.listening.set_return_delay(instance, delay);
    }

    pub(super) fn is_mesh(&self) -> bool {
        self.media.way == MediaWay::Mesh
    }

    pub(super) fn is_in_mix(&self, source: SourceId) -> bool {
        self.listening.is_in_mix(source)
    }

    /// The host says how media travels.
    pub(super) fn set_route(&mut self, now: Instant, way: MediaWay) {
        if self.media.way == way {
            return;
        }
        self.media.way = way;
        self.media.mesh_ends_at = None;
        self.listening.set_mixed(way == MediaWay::Mix);
        match way {
            MediaWay::Mesh => self.dial_everybody(now),
            MediaWay::Forward => self.media.mesh_ends_at = Some(now + MESH_ENDS_AFTER),
            MediaWay::Mix => self.mesh.end(&mut self.network),
        }
        self.tell(SessionEvent::RouteChanged(way));
    }

    /// After a reconnect the host says again what is not as usual.
    pub(super) fn forget_route(&mut self) {
        self.media.way = MediaWay::default();
        self.media.told = (true, false);
        self.listening.set_mixed(false);
    }

    fn dial_everybody(&mut self, now: Instant) {
        let Some(me) = self.me else { return };
        let peers: Vec<PeerId> =
            self.roster.peers.keys().copied().filter(|peer| *peer != PeerId::HOST).collect();
        peers.into_iter().for_each(|peer| self.mesh.peer_joined(&mut self.network, me, peer, now));
    }

    pub(super) fn run_mesh(&mut self, me: PeerId, now: Instant) {
        if self.is_mesh() {
            self.mesh.run(&mut self.network, me, now);
        } else if self.media.mesh_ends_at.take_if(|at| *at <= now).is_some() {
            self.mesh.end(&mut self.network);
        }
    }

    /// Asks the host to pass on what is listened to and does not come otherwise, and peers to spare us what is not.
    pub(super) fn choose_ways(&mut self, now: Instant) {
        let mut to_host = Vec::new();
        let mut to_peers = Vec::new();
        let separate: BTreeSet<SourceId> = self
            .listening
            .sources
            .iter()
            .filter(|(_, source)| self.listening.is_wanted_separately(source))
            .map(|(id, _)| *id)
            .collect();
        for (id, source) in &mut self.listening.sources {
            if !source.present || self.listening.mix_source == Some(*id) {
                continue;
            }
            let is_listened_to = source.owner.is_some();
            let is_connected = self.mesh.is_connected(source.peer);
            let is_forward_wanted = match self.media.way {
                MediaWay::Mesh => is_listened_to && !(is_connected && source.is_direct(now)),
                MediaWay::Forward => is_listened_to,
                MediaWay::Mix => separate.contains(id),
            };
            if source.forward_asked != is_forward_wanted {
                source.forward_asked = is_forward_wanted;
                to_host.push(Control::Forward { source: *id, on: is_forward_wanted });
            }
            if is_connected && source.direct_asked != is_listened_to {
                source.direct_asked = is_listened_to;
                to_peers.push((source.peer, Control::Forward { source: *id, on: is_listened_to }));
            }
        }
        let wish = (self.listening.returns_mix().is_some(), self.media.hear_own);
        if self.media.told != wish {
            self.media.told = wish;
            to_host.push(Control::Listen { mix: wish.0, own: wish.1 });
        }
        for message in to_host {
            self.network.say_to_host(now, message);
        }
        for (peer, message) in to_peers {
            self.network.say(LinkKey::Peer(peer), now, &message);
        }
    }

    /// A straight path came up: before anything is said over it, each listens to all of the other.
    pub(super) fn everybody_listens(&mut self, peer: PeerId) {
        for source in self.publishing.iter_mut() {
            source.sending.unwanted_by.remove(&peer);
        }
        let theirs = self.listening.sources.values_mut().filter(|source| source.peer == peer);
        theirs.for_each(|source| source.direct_asked = true);
    }

    /// A peer that is reached straight listens to a source of ours, or not.
    pub(super) fn is_wanted(&mut self, peer: PeerId, source: SourceId, on: bool) {
        let is_ours = source.participant == self.config.identity.participant_id();
        let Some(own) = self.publishing.get_mut(source.instance).filter(|_| is_ours) else { return };
        if on {
            own.sending.unwanted_by.remove(&peer);
        } else {
            own.sending.unwanted_by.insert(peer);
        }
    }
}
