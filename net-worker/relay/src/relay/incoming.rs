//! What comes in: strangers, hellos, messages and media of members.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use backline_transport::demux::{self, Datagram, Stun, StunKind};
use backline_transport::{MediaHead, PathConfig, PathEvent, Role};
use backline_wire::{Hello, PathOffer, SourceId, SourceInfo, Ssrc};

use super::*;
use crate::admission::{Door, check};

impl Relay {
    /// A datagram of a path that is there. Whatever goes wrong with it is its sender's alone.
    pub(super) fn handle_known(
        &mut self,
        now: Instant,
        link: LinkId,
        (source, local): (SocketAddr, SocketAddr),
        datagram: &[u8],
    ) {
        let bytes = datagram.len();
        let may = match self.members.by_link(link) {
            Some(peer) => self.has_left(now, peer, |usage, limits| usage.datagram(limits, bytes, now)),
            None => self.strangers.datagram(&self.config.limits, source.ip(), now),
        };
        if !may {
            return;
        }
        // What is left half done by a failure belongs to this member, and goes with it.
        let handled = catch_unwind(AssertUnwindSafe(|| {
            if let Some(path) = self.links.get_mut(link) {
                path.handle_datagram(now, source, local, datagram);
            }
            self.handle_path_events(now);
        }));
        if let Err(panic) = handled {
            self.path_failed(now, link, crate::panic_text(&*panic));
        }
    }

    /// Somebody whom no path knows: a joiner's first check, or a link that is old or wrong.
    pub(super) fn handle_stranger(
        &mut self,
        now: Instant,
        source: SocketAddr,
        local: SocketAddr,
        datagram: &[u8],
    ) -> bool {
        let Datagram::Stun(Stun { kind: StunKind::Request, local_ufrag, remote_ufrag, .. }) =
            demux::classify(datagram)
        else {
            return false;
        };
        let (Some(local_ufrag), Some(remote_ufrag)) = (local_ufrag, remote_ufrag) else { return false };
        let is_local = self.local_door.is_named(local_ufrag);
        let secret = self.secret_at(is_local);
        let ours = secret.ice_credentials_host();
        if local_ufrag != ours.ufrag || (is_local && !self.local_door.is_open) {
            self.refuse_stranger(source, local, datagram);
            return true;
        }
        // Only who knows the secret can sign a check for us: nobody else costs us a path.
        if !self.has_room_for_knocking(is_local) || !demux::stun_is_proven(datagram, &ours.password) {
            return false;
        }
        if !self.strangers.join(&self.config.limits, source.ip(), now) {
            self.stats.over_limit.over(counts::Exceeded::Joins);
            self.tell(RelayEvent::TooManyJoins(source));
            return true;
        }
        let theirs = secret.ice_credentials_joiner(remote_ufrag);
        let ufrag = theirs.ufrag.clone();
        let config = PathConfig {
            role: Role::Acceptor,
            local: ours,
            remote: theirs,
            remote_fingerprint: None,
            certificate: &self.config.certificate,
            local_addresses: &self.config.addresses.host,
            remote_candidates: &[],
        };
        let mut path = match Path::new(config, now) {
            Ok(path) => path,
            Err(error) => {
                tracing::warn!(%error, "a path for a joiner could not be set up");
                return false;
            }
        };
        path.add_local_addresses(&self.config.addresses);
        path.handle_datagram(now, source, local, datagram);
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.links.insert(link, path);
        self.knocking.insert(link, Knocking { since: now, ufrag, fingerprint: None, is_local });
        true
    }

    fn secret_at(&self, is_local: bool) -> SessionSecret {
        if is_local { *self.local_door.secret() } else { self.config.secret }
    }

    fn has_room_for_knocking(&self, is_local: bool) -> bool {
        let locally = self.knocking.values().filter(|knocking| knocking.is_local).count();
        self.knocking.len() < KNOCKING_MAX && (!is_local || locally < KNOCKING_LOCALLY_MAX)
    }

    pub(super) fn refuse_stranger(&mut self, source: SocketAddr, local: SocketAddr, datagram: &[u8]) {
        self.stats.strangers += 1;
        let mut reply = Vec::new();
        if self.replies.len() < KNOCKING_MAX && demux::stun_unauthorised(datagram, &mut reply) {
            self.replies.push_back((Transmit { destination: source, source: local }, reply));
        }
        self.tell(RelayEvent::Stranger(source));
    }

    pub(super) fn handle_path_events(&mut self, now: Instant) {
        while let Some((link, event)) = self.links.poll_event() {
            match event {
                PathEvent::Connected { remote_fingerprint } => {
                    if let Some(knocking) = self.knocking.get_mut(&link) {
                        knocking.fingerprint = Some(remote_fingerprint);
                    }
                }
                PathEvent::Control(bytes) => self.path_says(now, link, &bytes),
                PathEvent::Media(packet) => {
                    if let Some(peer) = self.members.by_link(link) {
                        self.member_plays(now, peer, packet.ssrc, &packet.head, &packet.payload);
                    }
                }
                PathEvent::Feedback { about, bytes } => self.path_misses(now, link, about, &bytes),
                PathEvent::Closed { .. } => self.path_closed(now, link),
            }
        }
    }

    /// Whether a member may use what `spend` takes; if not, it is told or leaves.
    fn has_left(
        &mut self,
        now: Instant,
        peer: PeerId,
        spend: impl FnOnce(&mut Usage, &Limits) -> Result<(), Over>,
    ) -> bool {
        let Some(member) = self.members.get_mut(peer) else { return false };
        let before = member.usage.dropped;
        let Err(over) = spend(&mut member.usage, &self.config.limits) else { return true };
        self.stats.over_limit += member.usage.dropped.since(before);
        let (participant, name) = (member.info.participant, member.info.name.clone());
        match over {
            Over::Dropped => {}
            Over::Told(limit, disconnected_in) => {
                let disconnected_in_s = disconnected_in.as_secs() as u16;
                self.say(now, peer, &Control::Warning { limit, disconnected_in_s });
                self.tell(RelayEvent::Warned(participant, name, limit));
            }
            Over::Leaves(limit) => {
                if let Some(link) = self.members.set_link(peer, None) {
                    self.end(now, link, &Control::Goodbye { reason: GoodbyeReason::OverLimit(limit) });
                }
                self.remove_member(now, peer, LeaveReason::Disconnected);
                self.tell(RelayEvent::Disconnected(participant, name, limit));
            }
        }
        false
    }

    /// Somebody's data made this program fail: their path and what they publish go, and come again when they do.
    pub(super) fn path_failed(&mut self, now: Instant, link: LinkId, why: &str) {
        let peer = self.members.by_link(link);
        self.wrong(peer, Wrong::Failure);
        let participant = peer.and_then(|peer| self.members.get(peer));
        let participant = participant.map(|member| member.info.participant);
        tracing::error!(
            ?participant,
            why,
            "a participant's data made Backline fail; only they are disconnected"
        );
        self.path_closed(now, link);
        self.tell(RelayEvent::Failed(participant, why.to_owned()));
    }

    fn path_closed(&mut self, now: Instant, link: LinkId) {
        self.drop_path(link);
        self.knocking.remove(&link);
        self.ending.remove(&link);
        if let Some(peer) = self.members.by_link(link) {
            self.remove_member(now, peer, LeaveReason::Vanished);
        }
    }

    pub(super) fn path_says(&mut self, now: Instant, link: LinkId, bytes: &[u8]) {
        let message = match Control::decode(bytes) {
            Ok(message) => message,
            Err(error) => {
                tracing::debug!(?link, %error, "a control message was dropped");
                self.wrong(self.members.by_link(link), Wrong::ControlNotUnderstood);
                if self.knocking.contains_key(&link) {
                    self.refuse(now, link, Name::default(), RefusalReason::NotUnderstood);
                }
                return;
            }
        };
        if let Some(peer) = self.members.by_link(link) {
            if self.has_left(now, peer, |usage, limits| usage.control(limits, &message, now)) {
                self.member_says(now, peer, message);
            }
        } else if let Some(knocking) = self.knocking.get(&link) {
            match (message, knocking.fingerprint) {
                (Control::Hello(hello), Some(fingerprint)) => self.admit(now, link, &fingerprint, *hello),
                _ => self.refuse(now, link, Name::default(), RefusalReason::NotUnderstood),
            }
        }
    }

    fn admit(&mut self, now: Instant, link: LinkId, fingerprint: &Fingerprint, hello: Hello) {
        let is_same = |member: &Member| {
            member.info.participant == hello.participant && member.instance == hello.instance
        };
        let others = self.members.iter().filter(|(_, member)| !is_same(member)).count();
        let ours = self.config.certificate.fingerprint();
        let is_local = self.knocking.get(&link).is_some_and(|knocking| knocking.is_local);
        let secret = self.secret_at(is_local);
        let is_open = !is_local || self.local_door.is_open;
        let Limits { participants, sources, .. } = self.config.limits;
        let door = Door { secret: &secret, is_open, fingerprint: &ours, others, participants, sources };
        if let Err(reason) = check(&door, fingerprint, &hello) {
            return self.refuse(now, link, hello.name, reason);
        }
        self.knocking.remove(&link);
        if is_local {
            self.tell(RelayEvent::CameLocally(hello.name.clone()));
        }
        let peer = self.members.id_of(hello.participant, hello.instance);
        self.replace(now, peer, hello.generation);
        let observed = self.links.get(link).and_then(Path::remote_address);
        let info = PeerInfo { peer, participant: hello.participant, name: hello.name, colour: hello.colour };
        self.ledger.introduce(info.participant, info.name.clone(), info.colour, now);
        if let Some(known) = self.members.get_mut(peer) {
            (known.info, known.following) = (info.clone(), None);
            self.members.set_link(peer, Some(link));
        } else {
            let usage = Usage::new(&self.config.limits, now);
            let connection = (hello.instance, hello.generation);
            self.members.insert(Member::new(info.clone(), connection, Some(link), usage, now));
        }
        self.stats.joins += 1;
        self.welcome(peer, observed.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0))), now);
        self.tell(RelayEvent::Joined(info.participant, info.name.clone()));
        self.say_to_others(now, peer, &Control::Joined(info));
        self.unpublish_others(now, peer, &hello.sources);
        hello.sources.into_iter().for_each(|info| self.publish(now, peer, info));
    }

    /// What a member does not name any more when it comes again: it said so on a path that was lost.
    fn unpublish_others(&mut self, now: Instant, peer: PeerId, named: &[SourceInfo]) {
        let Some(member) = self.members.get(peer) else { return };
        let is_named = |source: &SourceId| named.iter().any(|info| info.source == *source);
        let others: Vec<SourceId> =
            member.sources.keys().filter(|source| !is_named(source)).copied().collect();
        others.into_iter().for_each(|source| self.unpublish(now, peer, source));
    }

    /// Somebody who is still here comes again: over a new path with the same streams, or after a restart.
    fn replace(&mut self, now: Instant, peer: PeerId, generation: Generation) {
        let Some(member) = self.members.get_mut(peer) else { return };
        member.direct.clear();
        member.separate.clear();
        let restarted = member.generation != generation;
        let old = self.members.set_link(peer, None);
        match old {
            // Only the connection was lost: its successor goes on where it was, without a word on the old one.
            Some(old) if !restarted => {
                if let Some(path) = self.links.remove(old) {
                    self.paths_gone += path.stats();
                    if let Some(member) = self.members.get_mut(peer) {
                        member.counts.paths_before += path.stats();
                    }
                }
            }
            Some(old) => self.end(now, old, &Control::Goodbye { reason: GoodbyeReason::Replaced }),
            None => {}
        }
        if restarted {
            self.remove_member(now, peer, LeaveReason::Replaced);
        }
    }

    pub(super) fn member_says(&mut self, now: Instant, peer: PeerId, message: Control) {
        match message {
            Control::Publish(info) => self.publish(now, peer, info),
            Control::Unpublish { source } => self.unpublish(now, peer, source),
            Control::Rename { name, colour } => {
                let Some(member) = self.members.get_mut(peer) else { return };
                self.ledger.introduce(member.info.participant, name.clone(), colour, now);
                (member.info.name, member.info.colour) = (name, colour);
                let joined = Control::Joined(member.info.clone());
                self.say_to_others(now, peer, &joined);
            }
            Control::Forward { source, on } => self.forward(peer, source, on),
            Control::Listen { mix, own } => self.listens(now, peer, Listens { mix, own }),
            Control::Ping { peer: PeerId::HOST, id, sent_at_us }
                if self.members.get(PeerId::HOST).is_none() =>
            {
                self.answer_ping(now, peer, (id, sent_at_us));
            }
            Control::PathOffer(offer) => {
                let to = offer.peer;
                self.say(now, to, &Control::PathOffer(self.with_observed(peer, offer)));
            }
            Control::Candidate { peer: to, at } => self.say(now, to, &Control::Candidate { peer, at }),
            Control::Ping { peer: to, id, sent_at_us } => {
                self.say(now, to, &Control::Ping { peer, id, sent_at_us });
            }
            Control::Pong { peer: to, id, sent_at_us, received_at_us, replied_at_us } => {
                self.say(now, to, &Control::Pong { peer, id, sent_at_us, received_at_us, replied_at_us });
            }
            Control::Reception { peer: to, reception } => {
                self.say(now, to, &Control::Reception { peer, reception });
            }
            Control::Follow { document, revision } => self.member_follows(now, peer, document, revision),
            Control::Operate { outbox, settled, operations } => {
                self.member_operates(now, peer, (outbox, settled), operations);
            }
            Control::Chat { line, .. } => self.pass_line_on(now, peer, line),
            Control::Transport { mark, .. } => self.say_to_all(now, &Control::Transport { peer, mark }),
            Control::Goodbye { .. } => self.remove_member(now, peer, LeaveReason::Left),
            other => {
                tracing::debug!(%peer, ?other, "a member may not say that");
                self.wrong(Some(peer), Wrong::ControlNotAllowed);
            }
        }
    }

    pub(super) fn member_plays(
        &mut self,
        now: Instant,
        peer: PeerId,
        ssrc: Ssrc,
        head: &MediaHead,
        payload: &Arc<[u8]>,
    ) {
        let Some(source) = self.members.source_of(peer, ssrc) else {
            self.wrong(Some(peer), Wrong::StreamNotTheirs);
            return;
        };
        self.stats.packets_in += 1;
        if let Some(fault) = &mut self.fault {
            fault(source.participant);
        }
        self.mixing.packet(ssrc, head, payload, (now, self.ledger.unix_time(now)));
        let route = self.mixing.route();
        if route == Route::Mix && !self.members.anybody_separately() {
            return;
        }
        self.recent.remember(ssrc, head, payload);
        let limits = &self.config.limits;
        for (listener, member) in self.members.iter_mut() {
            let gets_it = match route {
                Route::Mix => member.separate.contains(&source),
                Route::Mesh | Route::Forward => !member.direct.contains(&source),
            };
            if listener == peer || !gets_it {
                continue;
            }
            match member.link {
                None => {
                    self.to_local.push_back(LocalMessage::Media {
                        ssrc,
                        head: *head,
                        payload: Arc::clone(payload),
                    });
                }
                Some(link) => {
                    if !member.usage.media_out(limits, payload.len(), now) {
                        self.stats.over_limit.over(counts::Exceeded::BytesOut);
                        continue;
                    }
                    let path = self.links.get_to_send(link);
                    let sent = path.is_some_and(|path| path.send_media(now, ssrc, *head, payload).is_ok());
                    self.stats.packets_out += u64::from(sent);
                    if !sent {
                        self.stats.errors.error(Wrong::MediaNotSent);
                        member.counts.errors.error(Wrong::MediaNotSent);
                    }
                }
            }
        }
    }

    /// A listener wants a source passed on, or no longer.
    fn forward(&mut self, listener: PeerId, source: SourceId, on: bool) {
        let exists = self.members.iter().any(|(_, member)| member.sources.contains_key(&source));
        if self.mixing.route() == Route::Mix {
            return self.take_separately(listener, source, on && exists);
        }
        if let Some(member) = self.members.get_mut(listener) {
            if on || !exists {
                member.direct.remove(&source);
            } else {
                member.direct.insert(source);
            }
        }
    }

    /// An offer with the address that we see its sender at: behind a router, the one that others can reach.
    fn with_observed(&self, from: PeerId, mut offer: PathOffer) -> PathOffer {
        offer.peer = from;
        let link = self.members.get(from).and_then(|member| member.link);
        let observed = link.and_then(|link| self.links.get(link)).and_then(Path::remote_address);
        if let Some(observed) =
            observed.filter(|at| offer.candidates.iter().all(|known| known.address != *at))
        {
            offer.candidates.truncate(backline_wire::limits::CANDIDATES_MAX - 1);
            offer.candidates.push(observed.into());
        }
        offer
    }
}
