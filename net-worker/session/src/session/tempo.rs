//! Tempo and transport of the session: who leads, what is told of our DAW, and where the beat is for us.
//!
//! The step before is `client` (our DAW's transport, what a person asks) and the host (others' transports); inside is
//! [`crate::leading`]; the step after is the host, the metronome in the callback, and the view.

use backline_wire::{Change, ParticipantId, Register, Tempo, TransportMark};

use super::*;
use crate::leading::Heard;
use crate::listening::RemoteSource;
use crate::view::{LeaderView, TempoView, TransportView};

/// A moment that is further ahead is not believed.
const AHEAD_MAX: Duration = Duration::from_secs(2);

/// Along with what the metronomes of our instances click.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Conducted {
    /// Nobody leads, and nobody has started anything.
    Nobody,
    /// Our own DAW.
    OwnDaw,
    /// A transport that others hear of as well.
    Mark {
        /// Counts what was heard.
        number: u64,
        /// When it is where the mark says, for those who hear its owner without delay.
        at: Instant,
        /// Where, and how it goes on.
        mark: TransportMark,
        /// Whose it is; none if it is ours.
        whose: Option<PeerId>,
    },
}

impl Session {
    /// Another tempo for the session, for as long as no DAW leads it. False as with [`Session::change`].
    pub fn set_tempo(&mut self, now: Instant, tempo: Tempo) -> bool {
        self.change(now, Change::Tempo(tempo))
    }

    /// From now on our DAW leads the session's transport, or nobody's. False as with [`Session::change`].
    pub fn lead(&mut self, now: Instant, leads: bool) -> bool {
        let leader = leads.then(|| self.participant());
        let is_changed = self.change(now, Change::Leader(leader));
        self.leading.tell_again();
        is_changed
    }

    /// Where our DAW's transport was at a moment; the mark's own time is not looked at.
    pub fn daw_moves(&mut self, now: Instant, at: Instant, mark: TransportMark) {
        let at_us = self.network.unix_time(at).as_micros() as u64;
        let leads = self.leader() == Some(self.participant());
        if let Some(mark) =
            self.leading.daw_moves(now, TransportMark { at_us, by_hand: false, ..mark }, leads)
        {
            self.tell_transport(now, mark);
        }
    }

    /// Starts the session's beat by hand, for everybody, after so many bars that are counted in. False while a DAW leads, or where there
    /// is no way to the host.
    pub fn start_transport(&mut self, now: Instant, count_in_bars: u8) -> bool {
        if self.leader().is_some() {
            return false;
        }
        let mark = self.leading.start((now, self.now_us(now)), self.tempo(), count_in_bars);
        self.tell_transport(now, mark)
    }

    /// Stops what was started by hand. False while a DAW leads, where nothing rolls, or where there is no way to the host.
    pub fn stop_transport(&mut self, now: Instant) -> bool {
        let Conducted::Mark { at, mark, .. } = self.conducted(now) else { return false };
        if !mark.by_hand || !mark.is_rolling {
            return false;
        }
        let on_our_clock = TransportMark { at_us: self.now_us(at), ..mark };
        let mark = self.leading.stop(self.now_us(now), &on_our_clock);
        self.tell_transport(now, mark)
    }

    /// Along with what our metronomes click.
    pub fn conducted(&self, now: Instant) -> Conducted {
        let leader = self.leader();
        if leader == Some(self.participant()) {
            return Conducted::OwnDaw;
        }
        let heard = self.leading.heard(now).filter(|heard| self.counts(leader, heard.peer, &heard.mark));
        heard.and_then(|heard| self.believed(heard, now)).unwrap_or(Conducted::Nobody)
    }

    /// A mark on our clock; none before that is known. Who tells of a moment that is far ahead (a lie, or a clock that has jumped) leads
    /// nobody: a metronome would wait for it.
    fn believed(&self, heard: &Heard, now: Instant) -> Option<Conducted> {
        let whose = Some(heard.peer).filter(|peer| self.me != Some(*peer));
        let at = Duration::from_micros(heard.mark.at_us);
        let at = match whose {
            Some(peer) => self.roster.clock(peer)?.to_ours(at)?,
            None => at,
        };
        let at = self.network.instant(at);
        let is_near = at.saturating_duration_since(now) <= AHEAD_MAX;
        is_near.then_some(Conducted::Mark { number: heard.number, at, mark: heard.mark, whose })
    }

    /// How much later than they play we hear somebody, by themselves or in a mix; none where that is not known.
    pub fn heard_after(&self, peer: PeerId, now: Instant) -> Option<Duration> {
        let is_theirs = |source: &&RemoteSource| source.peer == peer && source.present;
        let theirs = self.listening.sources.values().filter(is_theirs);
        theirs.filter_map(|source| self.latency(source, now)).max()
    }

    /// Tempo and transport as they are shown.
    pub fn tempo_view(&self, now: Instant) -> TempoView {
        let me = self.participant();
        let leader = match self.value(&Register::Leader) {
            Some(Change::Leader(Some(leader))) => Some(LeaderView {
                name: self.words_for(*leader),
                is_own: *leader == me,
                is_here: self.leader() == Some(*leader),
            }),
            _ => None,
        };
        let (transport, path) = match self.conducted(now) {
            Conducted::Nobody => (None, None),
            Conducted::OwnDaw => {
                let own = self.leading.own();
                (own.map(|own| (self.network.instant(Duration::from_micros(own.at_us)), *own)), None)
            }
            Conducted::Mark { at, mark, whose, .. } => {
                let whose = whose.filter(|_| mark.is_rolling);
                let path = whose.and_then(|peer| self.heard_after(peer, now));
                (Some((at + path.unwrap_or_default(), mark)), path)
            }
        };
        let recording = self.roster.peers.values().filter(|peer| peer.is_recording);
        TempoView {
            tempo: transport.map_or(self.tempo(), |(_, mark)| mark.tempo),
            leader,
            transport: transport.map(|(at, mark)| TransportView {
                at,
                position_quarters: mark.position.quarters(),
                bar_start_quarters: mark.bar_start.quarters(),
                is_rolling: mark.is_rolling,
                by_hand: mark.by_hand,
            }),
            path,
            daw_tells: self.leading.own().is_some(),
            records: self.leading.own().is_some_and(|own| own.is_recording),
            others_record: recording.map(|peer| peer.info.name.to_string()).collect(),
        }
    }

    pub(super) fn hear_transport(&mut self, now: Instant, peer: PeerId, mark: TransportMark) {
        if let Some(known) = self.roster.peers.get_mut(&peer).filter(|_| !mark.by_hand) {
            if !known.tells_of(mark.at_us, now) {
                return;
            }
            known.is_recording = mark.is_recording;
        }
        if self.counts(self.leader(), peer, &mark) {
            self.leading.hear(now, peer, mark, self.me == Some(peer));
        }
    }

    /// Whether what somebody says of a transport is about the session's.
    fn counts(&self, leader: Option<ParticipantId>, peer: PeerId, mark: &TransportMark) -> bool {
        let is_own = self.me == Some(peer);
        match (leader, self.roster.peers.get(&peer)) {
            (Some(leader), Some(known)) => leader == known.info.participant && !mark.by_hand,
            (None, known) => mark.by_hand && (is_own || known.is_some()),
            (Some(_), None) => false,
        }
    }

    /// Time passed.
    pub(super) fn tell_transport_again(&mut self, now: Instant) {
        if self.leader().is_some() {
            return self.leading.drop_by_hand();
        }
        let tempo = self.tempo();
        if let Some(mark) = self.leading.tell_by_hand((now, self.now_us(now)), tempo) {
            self.tell_transport(now, mark);
        }
    }

    /// Whose DAW leads; nobody's while they are away.
    fn leader(&self) -> Option<ParticipantId> {
        let Some(Change::Leader(Some(leader))) = self.value(&Register::Leader) else { return None };
        let is_here = *leader == self.participant()
            || self.roster.peers.values().any(|peer| peer.info.participant == *leader);
        is_here.then_some(*leader)
    }

    fn tempo(&self) -> Tempo {
        match self.value(&Register::Tempo) {
            Some(Change::Tempo(tempo)) => *tempo,
            _ => Tempo::default(),
        }
    }

    /// Where a DAW is also goes straight to whom there is a straight path: by the host it may come after its sound.
    fn tell_transport(&mut self, now: Instant, mark: TransportMark) -> bool {
        let peer = self.me.unwrap_or(PeerId::HOST);
        let message = Control::Transport { peer, mark };
        if !mark.by_hand {
            for peer in self.roster.peers.keys().filter(|peer| self.mesh.is_connected(**peer)) {
                self.network.say(LinkKey::Peer(*peer), now, &message);
            }
        }
        self.network.say_to_host(now, message)
    }
}
