//! Who else is in the session, and what their clocks say.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use backline_wire::{Control, PeerId, PeerInfo};

use crate::clock_offset::{ClockOffset, Exchange};

/// No way is longer than another by more.
const OVERTAKEN_MAX: Duration = Duration::from_secs(3);

/// The others, by peer id; the host is [`PeerId::HOST`].
#[derive(Default)]
pub(crate) struct Roster {
    pub peers: BTreeMap<PeerId, Peer>,
    /// A server, which is in no list of people.
    server: Asked,
    pings_sent: u32,
}

/// One other participant.
pub(crate) struct Peer {
    pub info: PeerInfo,
    /// Told to us by the host of the standing uplink; after a reconnect all have to be told again.
    pub confirmed: bool,
    /// Their DAW records.
    pub is_recording: bool,
    /// What they told last of their DAW: of which moment of their clock (µs since 1970), and when.
    told_of: Option<(u64, Instant)>,
    asked: Asked,
}

impl Peer {
    /// Whether what they tell of their DAW is not older than what they have told: it comes by two ways. An older moment is news
    /// again when nothing else has come for a while: their clock was set back.
    pub fn tells_of(&mut self, at_us: u64, now: Instant) -> bool {
        let is_old = |(told_us, told_at): (u64, Instant)| {
            at_us < told_us && now.saturating_duration_since(told_at) < OVERTAKEN_MAX
        };
        let is_news = !self.told_of.is_some_and(is_old);
        if is_news {
            self.told_of = Some((at_us, now));
        }
        is_news
    }
}

/// Somebody whose clock we ask for.
#[derive(Default)]
struct Asked {
    clock: ClockOffset,
    ping: Option<(u32, u64)>,
}

impl Roster {
    /// Somebody is here, or has another name. True when they are new.
    pub fn joined(&mut self, info: PeerInfo) -> bool {
        if let Some(known) = self.peers.get_mut(&info.peer) {
            (known.info, known.confirmed) = (info, true);
            return false;
        }
        let (is_recording, told_of, asked) = (false, None, Asked::default());
        let peer = Peer { info, confirmed: true, is_recording, told_of, asked };
        self.peers.insert(peer.info.peer, peer);
        true
    }

    /// What is known of somebody's clock, or of the server's.
    pub fn clock(&self, peer: PeerId) -> Option<&ClockOffset> {
        let of_server = (peer == PeerId::HOST).then_some(&self.server);
        self.peers.get(&peer).map(|peer| &peer.asked).or(of_server).map(|asked| &asked.clock)
    }

    fn asked_mut(&mut self, peer: PeerId) -> Option<&mut Asked> {
        let of_server = (peer == PeerId::HOST).then_some(&mut self.server);
        self.peers.get_mut(&peer).map(|peer| &mut peer.asked).or(of_server)
    }

    /// After a reconnect: all have to be told again.
    pub fn doubt_all(&mut self) {
        self.peers.values_mut().for_each(|peer| peer.confirmed = false);
    }

    /// The next ping for a peer; the time is ours, in µs since 1970.
    pub fn ping(&mut self, peer: PeerId, now_us: u64) -> Option<Control> {
        self.pings_sent = self.pings_sent.wrapping_add(1);
        let id = self.pings_sent;
        self.asked_mut(peer)?.ping = Some((id, now_us));
        Some(Control::Ping { peer, id, sent_at_us: now_us })
    }

    /// An answer; one that was not asked for is ignored.
    pub fn pong(&mut self, pong: &Control, now_us: u64) {
        let Control::Pong { peer, id, sent_at_us, received_at_us, replied_at_us } = *pong else { return };
        let Some(asked) = self.asked_mut(peer) else { return };
        if asked.ping == Some((id, sent_at_us)) {
            asked.ping = None;
            asked.clock.add(Exchange { sent_at_us, received_at_us, replied_at_us, returned_at_us: now_us });
        }
    }
}
