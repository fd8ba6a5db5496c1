//! What the paths and the host say, and what follows from it.

use backline_wire::Reception;

use super::*;
use crate::publishing::OwnSource;

impl Session {
    pub(super) fn handle_path_events(&mut self, now: Instant) {
        while let Some((key, event)) = self.network.links.poll_event() {
            if self.network.uplink == Uplink::Path(key)
                && let Some(caller) = &mut self.caller
            {
                caller.heard(now);
            }
            match event {
                PathEvent::Connected { remote_fingerprint } => {
                    self.path_connected(now, key, &remote_fingerprint)
                }
                PathEvent::Control(bytes) => self.path_says(now, key, &bytes),
                PathEvent::Media(packet) => self.path_plays(now, key, &packet),
                PathEvent::Feedback { about, bytes } => self.path_feeds_back(now, key, about, &bytes),
                PathEvent::Closed { reason } => self.path_closed(now, key, reason),
            }
        }
        self.ask_for_missing(now);
    }

    fn path_connected(&mut self, now: Instant, key: LinkKey, remote: &Fingerprint) {
        match key {
            LinkKey::Host(_) => {
                let hello = self.hello(remote);
                self.network.say(key, now, &hello);
            }
            LinkKey::Peer(peer) => {
                self.mesh.connected(peer);
                self.everybody_listens(peer);
                self.open_streams(key);
            }
        }
    }

    fn hello(&self, host: &Fingerprint) -> Control {
        let transcript = HelloTranscript::new(host, &self.network.certificate.fingerprint());
        let secret = self.caller.as_ref().map(|caller| caller.link().secret());
        Control::Hello(Box::new(Hello {
            protocol_version: PROTOCOL_VERSION,
            app: self.config.app.clone(),
            name: self.config.name.clone(),
            colour: self.config.colour,
            participant: self.config.identity.participant_id(),
            instance: self.config.connection,
            generation: self.config.generation,
            signature: transcript.sign(&self.config.identity),
            proof: secret.map_or([0; 32], |secret| transcript.proof(secret)),
            sources: self.source_infos(),
        }))
    }

    /// Our streams out and theirs in, on a path that has just come up.
    fn open_streams(&mut self, key: LinkKey) {
        let theirs: Vec<_> = self
            .listening
            .sources
            .values()
            .filter(|source| {
                source.present && (key == LinkKey::Peer(source.peer) || matches!(key, LinkKey::Host(_)))
            })
            .map(|source| source.ssrc)
            .collect();
        theirs.into_iter().for_each(|ssrc| self.network.expect_stream(key, ssrc));
        for ssrc in self.publishing.iter().filter_map(|source| source.sending.ssrc) {
            self.network.open_stream(ssrc);
        }
    }

    fn path_says(&mut self, now: Instant, key: LinkKey, bytes: &[u8]) {
        let message = match Control::decode(bytes) {
            Ok(message) => message,
            Err(error) => return tracing::debug!(?key, %error, "a control message was dropped"),
        };
        match (key, message) {
            (LinkKey::Host(_), Control::Welcome(welcome)) => self.welcomed(now, key, &welcome),
            (LinkKey::Host(_), Control::Refused { reason }) => self.fail(now, reason.into()),
            (LinkKey::Host(_), message) if self.network.uplink == Uplink::Path(key) => {
                self.handle_host_says(now, message);
            }
            (LinkKey::Host(_), _) => {}
            (LinkKey::Peer(peer), Control::Ping { id, sent_at_us, .. }) => {
                let pong = self.pong(now, peer, id, sent_at_us);
                self.network.say(key, now, &pong);
            }
            (LinkKey::Peer(peer), Control::Pong { id, sent_at_us, received_at_us, replied_at_us, .. }) => {
                let pong = Control::Pong { peer, id, sent_at_us, received_at_us, replied_at_us };
                self.roster.pong(&pong, self.now_us(now));
            }
            (LinkKey::Peer(peer), Control::Forward { source, on }) => self.is_wanted(peer, source, on),
            (LinkKey::Peer(peer), Control::Reception { reception, .. }) => {
                self.is_heard(now, peer, reception);
            }
            // What is started by hand counts in the host's order.
            (LinkKey::Peer(peer), Control::Transport { mark, .. }) if !mark.by_hand => {
                self.hear_transport(now, peer, mark);
            }
            (LinkKey::Peer(peer), message) => tracing::debug!(%peer, ?message, "a peer may not say that"),
        }
    }

    fn path_plays(&mut self, now: Instant, key: LinkKey, packet: &MediaPacket) {
        let from = match key {
            LinkKey::Peer(peer) => (Way::Direct, peer),
            // The host's own source comes straight, all others are passed on.
            LinkKey::Host(_) if self.listening.peer_of(packet.ssrc) == Some(PeerId::HOST) => {
                (Way::Direct, PeerId::HOST)
            }
            LinkKey::Host(_) => (Way::ThroughHost, PeerId::HOST),
        };
        let times = (now, self.network.unix_time(now));
        self.listening.packet(from, packet.ssrc, &packet.head, &packet.payload, times);
    }

    fn path_closed(&mut self, now: Instant, key: LinkKey, reason: CloseReason) {
        tracing::debug!(?key, ?reason, "a path closed");
        match key {
            LinkKey::Peer(peer) => self.mesh.closed(&mut self.network, peer, now),
            LinkKey::Host(_) => {
                if let Some(caller) = &mut self.caller {
                    caller.closed(&mut self.network, key);
                }
                match reason {
                    CloseReason::FingerprintMismatch => self.fail(now, JoinError::WrongHost),
                    CloseReason::NotInvited => self.fail(now, JoinError::UnknownSession),
                    _ => {}
                }
            }
        }
    }

    fn welcomed(&mut self, now: Instant, key: LinkKey, welcome: &Welcome) {
        let Some(caller) = &mut self.caller else { return };
        caller.welcomed(&mut self.network, key, now);
        if self.me.is_some_and(|me| me != welcome.peer) {
            self.forget_everybody();
        }
        self.me = Some(welcome.peer);
        self.roster.doubt_all();
        self.welcomed_at = Some(now);
        self.forget_route();
        self.network.observed = Some(welcome.observed);
        self.open_streams(key);
        self.outbox.disconnected();
        self.set_state(SessionState::Joined);
    }

    /// The session goes on under another id of ours: whatever was built on the old one is gone.
    fn forget_everybody(&mut self) {
        let peers: Vec<PeerId> = self.roster.peers.keys().copied().collect();
        peers.into_iter().for_each(|peer| drop(self.forget(peer)));
    }

    pub(super) fn forget(&mut self, peer: PeerId) -> Option<PeerInfo> {
        self.mesh.peer_left(&mut self.network, peer);
        self.leading.forget(peer);
        self.listening.peer_left(peer);
        self.publishing.iter_mut().for_each(|source| source.sending.gone(peer));
        self.roster.peers.remove(&peer).map(|peer| peer.info)
    }

    pub(super) fn handle_host_says(&mut self, now: Instant, message: Control) {
        match message {
            Control::Welcome(welcome) => {
                self.me = Some(welcome.peer);
                self.publish_all(now);
            }
            Control::Joined(info) => self.peer_joined(now, info),
            Control::Left { peer, reason } => {
                if let Some(info) = self.forget(peer) {
                    self.tell(SessionEvent::Left(info.name, reason));
                }
            }
            Control::Published(published) => self.published(published),
            Control::Unpublished { source } => self.unpublished(source),
            Control::PathOffer(offer) => {
                let is_known = self.is_mesh() && self.roster.peers.contains_key(&offer.peer);
                if let Some(me) = self.me.filter(|_| is_known) {
                    self.mesh.offered(&mut self.network, me, &offer, now);
                }
            }
            Control::Candidate { peer, at } => Mesh::candidate(&mut self.network, peer, at),
            Control::Ping { peer, id, sent_at_us } => {
                let pong = self.pong(now, peer, id, sent_at_us);
                self.network.say_to_host(now, pong);
            }
            Control::Pong { .. } => self.roster.pong(&message, self.now_us(now)),
            Control::Reception { peer, reception } => self.is_heard(now, peer, reception),
            Control::Changes { document, head, entries } => {
                self.host_has_changes(now, (document, head), entries);
            }
            Control::Outcomes { outbox, outcomes } => self.host_has_answered(now, outbox, outcomes),
            Control::Chat { peer, line } => self.somebody_writes(peer, line),
            Control::Transport { peer, mark } => self.hear_transport(now, peer, mark),
            Control::Goodbye { reason } => self.fail(now, reason.into()),
            Control::Route { route, .. } => self.set_route(now, route),
            Control::Warning { limit, disconnected_in_s } => {
                let time = Duration::from_secs(disconnected_in_s.into());
                self.tell(SessionEvent::Warned(limit, time));
            }
            other => tracing::debug!(?other, "the host may not say that"),
        }
    }

    fn peer_joined(&mut self, now: Instant, info: PeerInfo) {
        let Some(me) = self.me.filter(|me| *me != info.peer) else { return };
        if self.roster.peers.len() >= PARTICIPANTS_MAX {
            return;
        }
        let (peer, name) = (info.peer, info.name.clone());
        // A host that was opened again may give an id to somebody else: nothing of who had it is theirs.
        let known = self.roster.peers.get(&peer).map(|known| known.info.participant);
        if known.is_some_and(|known| known != info.participant) {
            self.forget(peer);
        }
        self.listening.renamed(peer, &name);
        if self.roster.joined(info) {
            self.leading.tell_again();
            self.tell(SessionEvent::Joined(name));
        }
        if self.is_mesh() && me != PeerId::HOST && peer != PeerId::HOST {
            self.mesh.peer_joined(&mut self.network, me, peer, now);
        }
    }

    fn published(&mut self, published: backline_wire::PublishedSource) {
        let (ssrc, peer) = (published.ssrc, published.peer);
        if Some(peer) == self.me {
            return self.have_stream(&published);
        }
        let (id, name) = (published.info.source, published.info.name.clone());
        let participant_name = self.roster.peers.get(&peer).map(|peer| peer.info.name.clone());
        let of_server = || if peer == PeerId::HOST { Name::new("Server") } else { Name::default() };
        self.listening.published(published, participant_name.unwrap_or_else(of_server));
        if let Uplink::Path(key) = self.network.uplink {
            self.network.expect_stream(key, ssrc);
        }
        self.network.expect_stream(LinkKey::Peer(peer), ssrc);
        let source = self.listening.sources.get(&id).filter(|source| source.slot.is_none());
        if let Some(owner) = source.and_then(|source| source.owner) {
            self.tell(SessionEvent::NoSlot(owner, name));
        }
    }

    /// The host has given a source of ours its stream.
    fn have_stream(&mut self, published: &backline_wire::PublishedSource) {
        let source = self.publishing.get_mut(published.info.source.instance);
        let is_current = |source: &&mut OwnSource| {
            source.is_published && source.sending.generation == published.info.generation
        };
        if let Some(source) = source.filter(is_current) {
            let before = source.sending.ssrc.replace(published.ssrc);
            if let Some(before) = before.filter(|before| *before != published.ssrc) {
                self.network.close_stream(before);
            }
            self.network.open_stream(published.ssrc);
        }
    }

    /// A source is gone: somebody else's, or one of ours, which another connection of this participant may have taken over.
    fn unpublished(&mut self, source: SourceId) {
        if source.participant == self.config.identity.participant_id()
            && let Some(ssrc) = self.publishing.get_mut(source.instance).and_then(|own| own.sending.stop())
        {
            self.network.close_stream(ssrc);
        }
        if let Some(ssrc) = self.listening.unpublished(source) {
            self.network.forget_stream(ssrc);
        }
    }

    /// A listener tells how a stream of ours arrives.
    fn is_heard(&mut self, now: Instant, listener: PeerId, reception: Reception) {
        if let Some(source) = self.publishing.of_stream(reception.ssrc) {
            source.sending.heard(listener, reception, now);
        }
    }

    pub(super) fn fail(&mut self, now: Instant, error: JoinError) {
        for (_, path) in self.network.links.iter_mut() {
            path.close(now);
        }
        self.forget_everybody();
        self.caller = None;
        self.network.uplink = Uplink::Down;
        self.set_state(SessionState::Failed(error));
    }

    pub(super) fn set_state(&mut self, state: SessionState) {
        if self.state != state {
            self.state = state;
            self.tell(SessionEvent::StateChanged);
        }
    }

    pub(super) fn tell(&mut self, event: SessionEvent) {
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    fn pong(&self, now: Instant, peer: PeerId, id: u32, sent_at_us: u64) -> Control {
        let now_us = self.now_us(now);
        Control::Pong { peer, id, sent_at_us, received_at_us: now_us, replied_at_us: now_us }
    }

    pub(super) fn now_us(&self, now: Instant) -> u64 {
        self.network.unix_time(now).as_micros() as u64
    }
}
