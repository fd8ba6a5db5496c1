//! What everybody gets of our source, and what we hear of each other source: moved by two hands, the host's parameters in the callback and
//! others in the session.
//!
//! The last move wins. A parameter that moves is told to the session; a move in the session holds in the callback until the parameter moves
//! again. On coming in, the session's counts where there is one, else ours is told. What we hear is nobody's business until we let others
//! move it: only then the session is told, first of all where everything stands. The step before is `NetEnd` (moves of parameters) and the
//! session (moves of others); the step after is the other one of the two.

use std::time::Instant;

use backline_audio::{Db, Gain, Pan};
use backline_bridge::{FaderMoves, NetEnd, Strip};
use backline_session::Session;
use backline_wire::limits::SLOTS;
use backline_wire::{Fader, GainValue, InstanceId, PanValue, Scope, Setting, SettingKind, SourceId};

/// All strips of an instance that others may move.
#[derive(Debug)]
pub(crate) struct Faders {
    send: StripFader,
    slots: [StripFader; SLOTS],
    /// What each slot returned last; none where nothing.
    sources: [Option<SourceId>; SLOTS],
    /// Whether others could move what we hear, when that was last known.
    mix_was_open: Option<bool>,
}

/// Where both sides of one strip stood last.
#[derive(Debug, Default)]
struct StripFader {
    gain: Hands<GainValue>,
    pan: Hands<PanValue>,
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

    fn insist(&mut self) {
        (self.has_met, self.has_moved) = (true, true);
    }
}

impl Faders {
    /// For an end of the rings, in a session that has not met it yet.
    pub fn new(net: &NetEnd) -> Self {
        let mut send = StripFader::default();
        send.stands(net.standing(Strip::Send));
        Self {
            send,
            slots: std::array::from_fn(|_| StripFader::default()),
            sources: [None; SLOTS],
            mix_was_open: None,
        }
    }

    /// Carries moves both ways.
    pub fn run(&mut self, net: &mut NetEnd, session: &mut Session, instance: InstanceId, now: Instant) {
        self.send.moved(net.take_moves(Strip::Send));
        let knows_session = session.knows_session();
        if knows_session {
            let fader = Fader::Send(session.source_of(instance));
            self.send.meet(net, Strip::Send, session, fader, now);
        }
        let listener = session.participant();
        // Who lets the host mix tells it what they want to hear, as who lets others move it does.
        let is_mixed = session.is_mixed();
        let is_open = knows_session && (is_mixed || session.is_open(Scope::Monitor(listener)));
        for (slot, (strip, met)) in self.slots.iter_mut().zip(&mut self.sources).enumerate() {
            strip.moved(net.take_moves(Strip::Slot(slot)));
            let source = session.source_on((instance, slot), now).filter(|source| !session.is_mix(*source));
            if source != *met || !is_open {
                strip.part();
                *met = source;
            }
            let Some(source) = source.filter(|_| is_open) else { continue };
            if self.mix_was_open == Some(false) {
                strip.insist();
            }
            let fader = Fader::Monitor { listener, source };
            strip.meet(net, Strip::Slot(slot), session, fader, now);
            if is_mixed {
                tell_solo(session, fader, net.soloed_slots() >> slot & 1 == 1, now);
            }
        }
        if knows_session {
            self.mix_was_open = Some(is_open);
        }
    }
}

impl StripFader {
    fn stands(&mut self, standing: FaderMoves) {
        self.gain.heard = standing.gain.map(gain_value);
        self.pan.heard = standing.pan.map(pan_value);
        self.muted.heard = standing.muted;
    }

    fn moved(&mut self, moves: FaderMoves) {
        moves.gain.into_iter().for_each(|gain| self.gain.parameter_moved(gain_value(gain)));
        moves.pan.into_iter().for_each(|pan| self.pan.parameter_moved(pan_value(pan)));
        moves.muted.into_iter().for_each(|muted| self.muted.parameter_moved(muted));
    }

    /// What the session knows of it is no longer what is heard.
    fn part(&mut self) {
        self.gain.has_met = false;
        self.pan.has_met = false;
        self.muted.has_met = false;
    }

    /// Where it stands counts, whatever the session knew of it.
    fn insist(&mut self) {
        self.gain.insist();
        self.pan.insist();
        self.muted.insist();
    }

    fn meet(&mut self, net: &mut NetEnd, strip: Strip, session: &mut Session, fader: Fader, now: Instant) {
        let gain = match session.setting(fader, SettingKind::Gain) {
            Some(Setting::Gain(gain)) => Some(gain),
            _ => None,
        };
        match self.gain.tell(gain, GainValue::UNITY) {
            Tell::Nobody => {}
            Tell::Session(gain) => drop(session.move_fader(now, fader, Setting::Gain(gain))),
            Tell::Callback(gain) => {
                let gain = Some(Db::new(gain.db()).to_gain());
                net.set_fader(strip, FaderMoves { gain, ..FaderMoves::default() });
            }
        }
        let muted = match session.setting(fader, SettingKind::Mute) {
            Some(Setting::Mute(muted)) => Some(muted),
            _ => None,
        };
        match self.muted.tell(muted, false) {
            Tell::Nobody => {}
            Tell::Session(muted) => drop(session.move_fader(now, fader, Setting::Mute(muted))),
            Tell::Callback(muted) => {
                net.set_fader(strip, FaderMoves { muted: Some(muted), ..FaderMoves::default() });
            }
        }
        if strip == Strip::Send {
            return;
        }
        let pan = match session.setting(fader, SettingKind::Pan) {
            Some(Setting::Pan(pan)) => Some(pan),
            _ => None,
        };
        match self.pan.tell(pan, PanValue::CENTRE) {
            Tell::Nobody => {}
            Tell::Session(pan) => drop(session.move_fader(now, fader, Setting::Pan(pan))),
            Tell::Callback(pan) => {
                let pan = Some(Pan::new(pan.get()));
                net.set_fader(strip, FaderMoves { pan, ..FaderMoves::default() });
            }
        }
    }
}

/// Solo is the listener's own parameter alone: only who mixes for them must know it.
fn tell_solo(session: &mut Session, fader: Fader, is_soloed: bool, now: Instant) {
    let known = session.setting(fader, SettingKind::Solo) == Some(Setting::Solo(true));
    if known != is_soloed {
        session.move_fader(now, fader, Setting::Solo(is_soloed));
    }
}

fn gain_value(gain: Gain) -> GainValue {
    let db = gain.to_db();
    if db.is_silent() { GainValue::SILENT } else { GainValue::from_db(db.0) }
}

fn pan_value(pan: Pan) -> PanValue {
    PanValue::new(pan.position())
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
    fn what_is_opened_to_others_begins_where_it_stands() {
        let mut hands = hands(5);
        hands.insist();
        assert_eq!(hands.tell(Some(9), 0), Tell::Session(5));
        assert_eq!(hands.tell(Some(5), 0), Tell::Nobody);
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
