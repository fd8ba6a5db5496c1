//! What everybody gets of our source, moved by two hands: the host's parameters in the callback, and others in the session.
//!
//! The last move wins. A parameter that moves is told to the session; a move in the session holds in the callback until the parameter moves
//! again. On coming in, the session's counts where there is one, else ours is told. The step before is `NetEnd` (moves of parameters) and the
//! session (moves of others); the step after is the other one of the two.

use std::time::Instant;

use backline_audio::{Db, Gain};
use backline_bridge::NetEnd;
use backline_session::Session;
use backline_wire::{Fader, GainValue, Setting, SettingKind, SourceId};

/// Where both sides stood last.
#[derive(Debug)]
pub(crate) struct SendFader {
    gain: Hands<GainValue>,
    muted: Hands<bool>,
}

/// One control.
#[derive(Debug)]
struct Hands<T> {
    /// Where the callback has it.
    heard: Option<T>,
    /// The parameter has moved, and the session was not told.
    has_moved: bool,
    /// Both have met in this session.
    has_met: bool,
}

impl<T> Default for Hands<T> {
    fn default() -> Self {
        Self { heard: None, has_moved: false, has_met: false }
    }
}

/// Who must be told of a control, and what.
#[derive(Debug, PartialEq)]
enum Tell<T> {
    Nobody,
    Session(T),
    Callback(T),
}

impl<T: Copy + PartialEq> Hands<T> {
    fn parameter_moved(&mut self, value: T) {
        (self.heard, self.has_moved) = (Some(value), true);
    }

    /// `of_session` is none where nobody has moved it there: then it rests at `rest`.
    fn tell(&mut self, of_session: Option<T>, rest: T) -> Tell<T> {
        let ours_counts = if self.has_met { self.has_moved } else { of_session.is_none() };
        let Some(heard) = self.heard else { return Tell::Nobody };
        (self.has_met, self.has_moved) = (true, false);
        let of_session = of_session.unwrap_or(rest);
        if heard == of_session {
            return Tell::Nobody;
        }
        if ours_counts {
            return Tell::Session(heard);
        }
        self.heard = Some(of_session);
        Tell::Callback(of_session)
    }
}

impl SendFader {
    /// For an end of the rings, in a session that has not met it yet.
    pub fn new(net: &NetEnd) -> Self {
        let standing = net.send_standing();
        Self {
            gain: Hands { heard: standing.gain.map(gain_value), ..Hands::default() },
            muted: Hands { heard: standing.muted, ..Hands::default() },
        }
    }

    /// Carries moves both ways.
    pub fn run(&mut self, net: &mut NetEnd, session: &mut Session, source: SourceId, now: Instant) {
        let moves = net.take_send_moves();
        moves.gain.into_iter().for_each(|gain| self.gain.parameter_moved(gain_value(gain)));
        moves.muted.into_iter().for_each(|muted| self.muted.parameter_moved(muted));
        if !session.knows_session() {
            return;
        }
        let fader = Fader::Send(source);
        match self.gain.tell(gain_of(session, fader), GainValue::UNITY) {
            Tell::Nobody => {}
            Tell::Session(gain) => drop(session.move_fader(now, fader, Setting::Gain(gain))),
            Tell::Callback(gain) => net.set_send_gain(Db::new(gain.db()).to_gain()),
        }
        match self.muted.tell(mute_of(session, fader), false) {
            Tell::Nobody => {}
            Tell::Session(muted) => drop(session.move_fader(now, fader, Setting::Mute(muted))),
            Tell::Callback(muted) => net.set_send_muted(muted),
        }
    }
}

fn gain_of(session: &Session, fader: Fader) -> Option<GainValue> {
    match session.setting(fader, SettingKind::Gain) {
        Some(Setting::Gain(gain)) => Some(gain),
        _ => None,
    }
}

fn mute_of(session: &Session, fader: Fader) -> Option<bool> {
    match session.setting(fader, SettingKind::Mute) {
        Some(Setting::Mute(muted)) => Some(muted),
        _ => None,
    }
}

fn gain_value(gain: Gain) -> GainValue {
    let db = gain.to_db();
    if db.is_silent() { GainValue::SILENT } else { GainValue::from_db(db.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hands(heard: i32) -> Hands<i32> {
        let mut hands = Hands::default();
        hands.parameter_moved(heard);
        hands
    }

    #[test]
    fn on_coming_in_the_sessions_counts_where_there_is_one() {
        assert_eq!(hands(5).tell(Some(9), 0), Tell::Callback(9));
        assert_eq!(hands(5).tell(None, 0), Tell::Session(5));
        assert_eq!(hands(0).tell(None, 0), Tell::Nobody);
    }

    #[test]
    fn afterwards_the_last_move_counts() {
        let mut hands = hands(5);
        assert_eq!(hands.tell(Some(5), 0), Tell::Nobody);
        hands.parameter_moved(6);
        assert_eq!(hands.tell(Some(5), 0), Tell::Session(6));
        assert_eq!(hands.tell(Some(6), 0), Tell::Nobody);
        assert_eq!(hands.tell(Some(9), 0), Tell::Callback(9));
        assert_eq!(hands.tell(Some(9), 0), Tell::Nobody);
        hands.parameter_moved(9);
        assert_eq!(hands.tell(Some(9), 0), Tell::Nobody, "an editor that follows");
    }
}
