//! The chat of the session: what we write goes to the host, and comes back from there like everybody's.

use backline_wire::ChatLine;

use super::*;
use crate::chat::Writer;
use crate::view::ChatLineView;

impl Session {
    /// Writes a line to everybody in the session. False while there is no way to the host: nothing is kept for later, because whoever
    /// is back after a minute is asked something else.
    pub fn say(&mut self, now: Instant, line: ChatLine) -> bool {
        let is_in = matches!(self.state, SessionState::Joined | SessionState::Hosting);
        let chat = Control::Chat { peer: self.me.unwrap_or(PeerId::HOST), line: line.clone() };
        let is_sent = is_in && self.network.say_to_host(now, chat);
        if is_sent {
            self.chat.sent(now, self.as_writer(), line);
        }
        is_sent
    }

    /// The last lines, oldest first.
    pub fn chat(&self) -> Arc<Vec<ChatLineView>> {
        self.chat.lines()
    }

    /// The host passes a line on.
    pub(super) fn somebody_writes(&mut self, peer: PeerId, line: ChatLine) {
        if self.me == Some(peer) {
            return self.chat.arrived(self.as_writer(), line);
        }
        let Some(info) = self.roster.peers.get(&peer).map(|peer| &peer.info) else {
            return tracing::debug!(%peer, "somebody unknown writes");
        };
        let writer = Writer { name: info.name.clone(), colour: info.colour, is_own: false };
        self.chat.arrived(writer, line);
    }

    fn as_writer(&self) -> Writer {
        Writer { name: self.config.name.clone(), colour: self.config.colour, is_own: true }
    }
}
