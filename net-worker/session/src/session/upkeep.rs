//! What a session does without being asked: calls, pings, which way media comes, who is gone.

use super::*;

impl Session {
    pub(super) fn upkeep(&mut self, now: Instant) {
        if matches!(self.state, SessionState::Failed(_)) {
            return;
        }
        self.call_host(now);
        self.chat.doubt_old(now);
        self.tell_transport_again(now);
        if let Some(me) = self.me.filter(|me| *me != PeerId::HOST) {
            self.run_mesh(me, now);
            self.choose_ways(now);
        }
        self.drop_unconfirmed(now);
        self.network.listeners = self.roster.peers.len();
        let is_whole = matches!(self.state, SessionState::Joined | SessionState::Hosting);
        if is_whole && self.welcomed_at.is_none() {
            self.listening.bind_waiting(now);
        }
        self.measure_round_trips(now);
        self.move_as_paths_allow(now);
        self.listening.measure(now);
    }

    fn call_host(&mut self, now: Instant) {
        let Some(caller) = &mut self.caller else { return };
        if let Err(error) = caller.run(&mut self.network, now) {
            return self.fail(now, error);
        }
        let heard = caller.is_heard(&self.network, now);
        match (heard, caller.ever_joined()) {
            (true, _) => self.set_state(SessionState::Joined),
            (false, true) => {
                self.set_state(SessionState::Reconnecting);
                self.outbox.disconnected();
                self.listening.vanish_silent(PEER_VANISHED_AFTER, now);
            }
            (false, false) => {}
        }
    }

    /// Who was not named again after a reconnect is gone.
    fn drop_unconfirmed(&mut self, now: Instant) {
        let over =
            self.welcomed_at.is_some_and(|at| now.saturating_duration_since(at) >= PEER_VANISHED_AFTER);
        if !over {
            return;
        }
        self.welcomed_at = None;
        let gone: Vec<PeerId> =
            self.roster.peers.iter().filter(|(_, peer)| !peer.confirmed).map(|(id, _)| *id).collect();
        for peer in gone {
            if let Some(info) = self.forget(peer) {
                self.tell(SessionEvent::Left(info.name, LeaveReason::Vanished));
            }
        }
    }

    /// Sends in another way when the reports of the listeners say so.
    fn move_as_paths_allow(&mut self, now: Instant) {
        let moves: Vec<(InstanceId, Move)> = self
            .publishing
            .iter_mut()
            .filter_map(|source| source.sending.poll_automatic(now).map(|moved| (source.instance, moved)))
            .collect();
        for (instance, moved) in moves {
            self.publish(now, instance);
            self.tell(SessionEvent::Moved(instance, moved));
        }
    }

    /// Tells everybody who is heard how they arrive.
    pub(super) fn report_reception(&mut self, now: Instant) {
        let ceilings: Vec<(InstanceId, Duration)> = self
            .listening
            .listeners()
            .iter()
            .map(|listener| (listener.instance, listener.depth_ceiling))
            .collect();
        let latencies: Vec<Option<Duration>> =
            self.listening.sources.values().map(|source| self.latency(source, now)).collect();
        let sources = self.listening.sources.values_mut().zip(latencies);
        let mut reports = Vec::new();
        for (source, latency) in sources.filter(|(source, _)| source.present) {
            let owner = ceilings.iter().find(|(instance, _)| Some(*instance) == source.owner);
            let Some((_, ceiling)) = owner else { continue };
            let queueing_us = source.stages.take_queueing_us();
            let stats = source.playout.stats();
            let report = source.reception.report(source.ssrc, &stats, *ceiling, queueing_us, latency);
            reports.extend(report.map(|reception| (source.peer, reception)));
        }
        for (peer, reception) in reports {
            self.say_to_peer(now, peer, Control::Reception { peer, reception });
        }
    }

    /// Straight where there is a straight path, and through the host else.
    fn say_to_peer(&mut self, now: Instant, peer: PeerId, message: Control) {
        if self.mesh.is_connected(peer) {
            self.network.say(LinkKey::Peer(peer), now, &message);
        } else {
            self.network.say_to_host(now, message);
        }
    }

    pub(super) fn ping_everybody(&mut self, now: Instant) {
        let now_us = self.now_us(now);
        // A server is in no list of people, and is asked like them: an answer says that the way to it stands.
        let is_with_server = self.me.is_some_and(|me| me != PeerId::HOST);
        let server = is_with_server && !self.roster.peers.contains_key(&PeerId::HOST);
        let server = server.then_some(PeerId::HOST);
        let peers: Vec<PeerId> = self.roster.peers.keys().copied().chain(server).collect();
        for peer in peers {
            let Some(ping) = self.roster.ping(peer, now_us) else { continue };
            self.say_to_peer(now, peer, ping);
        }
    }
}
