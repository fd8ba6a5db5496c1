//! What a session does without being asked: calls, pings, which way media comes, who is gone.

use super::*;

impl Session {
    pub(super) fn upkeep(&mut self, now: Instant) {
        if matches!(self.state, SessionState::Failed(_)) {
            return;
        }
        self.call_host(now);
        if let Some(me) = self.me.filter(|me| *me != PeerId::HOST) {
            self.mesh.run(&mut self.network, me, now);
            self.choose_ways(now);
        }
        self.drop_unconfirmed(now);
        self.network.listeners = self.roster.peers.len();
        let is_whole = matches!(self.state, SessionState::Joined | SessionState::Hosting);
        if is_whole && self.welcomed_at.is_none() {
            self.listening.bind_waiting(now);
        }
        self.measure_round_trips();
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
                self.listening.vanish_silent(PEER_VANISHED_AFTER, now);
            }
            (false, false) => {}
        }
    }

    /// Asks the host to pass on what does not come straight, and no more than that.
    fn choose_ways(&mut self, now: Instant) {
        let mut changes = Vec::new();
        for (id, source) in &mut self.listening.sources {
            if !source.present || source.peer == PeerId::HOST {
                continue;
            }
            let is_direct = self.mesh.is_connected(source.peer) && source.is_direct(now);
            if source.forward_asked == is_direct {
                source.forward_asked = !is_direct;
                changes.push(Control::Forward { source: *id, on: !is_direct });
            }
        }
        for change in changes {
            self.network.say_to_host(now, change);
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

    pub(super) fn ping_everybody(&mut self, now: Instant) {
        let now_us = self.now_us(now);
        let peers: Vec<PeerId> = self.roster.peers.keys().copied().collect();
        for peer in peers {
            let Some(ping) = self.roster.ping(peer, now_us) else { continue };
            if self.mesh.is_connected(peer) {
                self.network.say(LinkKey::Peer(peer), now, &ping);
            } else {
                self.network.say_to_host(now, ping);
            }
        }
    }
}
