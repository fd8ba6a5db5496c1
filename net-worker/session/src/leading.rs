//! Whose transport the session follows: the DAW of its leader, or what a person has started by hand.
//!
//! Everybody tells when their DAW starts, stops or records; the leader also where it is, once a second while it rolls. What a person
//! starts and stops by hand is told by them, and counts for everybody, themselves included, when the host passes it on: so all agree
//! which of two was later. The step before is `session/tempo.rs`; the step after is the metronome and the view.

use std::time::{Duration, Instant};

use backline_wire::{PeerId, SongPosition, Tempo, TransportMark};

/// A transport that rolls is told again so often.
const PERIOD: Duration = Duration::from_secs(1);
/// One that jumps all the time is not told more often.
const SPACING: Duration = Duration::from_millis(150);
/// A leader that rolls and says nothing for so long does not roll for us any more.
const SILENT_AFTER: Duration = Duration::from_secs(5);
/// What is started by hand begins so much later, so that it begins on time for those who learn of it last.
const STARTS_IN: Duration = Duration::from_millis(300);
/// A position that is further off was jumped to, in quarter notes.
const JUMP_QUARTERS: f64 = 5e-3;

/// What was said last by whom we follow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Heard {
    /// Who.
    pub peer: PeerId,
    /// What.
    pub mark: TransportMark,
    /// Counts what was heard.
    pub number: u64,
    at: Instant,
}

/// All that is known of transports, in this session.
#[derive(Debug, Default)]
pub(crate) struct Leading {
    own: Option<TransportMark>,
    told: Option<(TransportMark, Instant)>,
    heard: Option<Heard>,
    count: u64,
    /// We have started it, and tell again until somebody stops it.
    by_hand: Option<(TransportMark, Instant)>,
}

impl Leading {
    /// Where our DAW is. Returns what is to be told, if anything is.
    pub fn daw_moves(&mut self, now: Instant, mark: TransportMark, leads: bool) -> Option<TransportMark> {
        self.own = Some(mark);
        let flags = |mark: &TransportMark| (mark.is_rolling, mark.is_recording);
        let is_news = match &self.told {
            None => leads || flags(&mark) != (false, false),
            Some((told, _)) if flags(told) != flags(&mark) => true,
            Some((told, at)) if leads => {
                let since = now.saturating_duration_since(*at);
                let has_moved = told.tempo != mark.tempo || has_jumped(told, &mark);
                (has_moved && since >= SPACING) || (mark.is_rolling && since >= PERIOD)
            }
            Some(_) => false,
        };
        is_news.then(|| self.told.insert((mark, now)).0)
    }

    /// Where our DAW was last.
    pub fn own(&self) -> Option<&TransportMark> {
        self.own.as_ref()
    }

    /// Somebody new is here who knows of no transport.
    pub fn tell_again(&mut self) {
        self.told = None;
        if let Some((_, told_at)) = &mut self.by_hand {
            *told_at = told_at.checked_sub(PERIOD).unwrap_or(*told_at);
        }
    }

    /// A DAW leads: what we have started by hand is not ours to tell any more.
    pub fn drop_by_hand(&mut self) {
        self.by_hand = None;
    }

    /// Somebody is gone, or follows us no more.
    pub fn forget(&mut self, peer: PeerId) {
        self.heard = self.heard.filter(|heard| heard.peer != peer);
    }

    /// Whom we follow says where they are.
    pub fn hear(&mut self, now: Instant, peer: PeerId, mark: TransportMark, is_own: bool) {
        if !is_own {
            self.by_hand = None;
        }
        self.count += u64::from(self.heard.is_none_or(|heard| (heard.peer, heard.mark) != (peer, mark)));
        self.heard = Some(Heard { peer, mark, number: self.count, at: now });
    }

    /// What counts now.
    pub fn heard(&self, now: Instant) -> Option<&Heard> {
        let is_silent = |heard: &Heard| now.saturating_duration_since(heard.at) >= SILENT_AFTER;
        self.heard.as_ref().filter(|heard| !(heard.mark.is_rolling && is_silent(heard)))
    }

    /// Starts by hand, `bars` before the song. Returns what is to be told; `now_us` is the wall clock at `now`.
    pub fn start(&mut self, (now, now_us): (Instant, u64), tempo: Tempo, bars: u8) -> TransportMark {
        let mark = TransportMark {
            at_us: now_us + STARTS_IN.as_micros() as u64,
            position: position(-f64::from(bars) * tempo.meter.bar_quarters()),
            bar_start: SongPosition::default(),
            tempo,
            is_rolling: true,
            is_recording: false,
            by_hand: true,
        };
        self.by_hand = Some((mark, now));
        mark
    }

    /// Stops what `rolls`, which somebody started by hand (at a moment of our clock).
    pub fn stop(&mut self, now_us: u64, rolls: &TransportMark) -> TransportMark {
        self.by_hand = None;
        let position = position_at(rolls, now_us);
        TransportMark { at_us: now_us, position, is_rolling: false, ..*rolls }
    }

    /// Time passed: what is to be told again of what we have started, in the session's tempo.
    pub fn tell_by_hand(&mut self, (now, now_us): (Instant, u64), tempo: Tempo) -> Option<TransportMark> {
        let (mark, told_at) = self.by_hand.as_mut()?;
        if mark.tempo != tempo {
            let at_us = mark.at_us.max(now_us + STARTS_IN.as_micros() as u64 / 2);
            let position = position_at(mark, at_us);
            let bars = mark.tempo.meter.bar_quarters();
            let into_bar = (position.quarters() - mark.bar_start.quarters()).rem_euclid(bars);
            let bar_start = self::position(position.quarters() - into_bar);
            *mark = TransportMark { at_us, position, bar_start, tempo, ..*mark };
        } else if now.saturating_duration_since(*told_at) < PERIOD {
            return None;
        }
        *told_at = now;
        Some(*mark)
    }
}

/// Where a transport is at another moment of the same clock; before it has begun, where it begins.
pub(crate) fn position_at(mark: &TransportMark, at_us: u64) -> SongPosition {
    let seconds = if mark.is_rolling { at_us.saturating_sub(mark.at_us) as f64 / 1e6 } else { 0.0 };
    position(mark.position.quarters() + seconds * mark.tempo.bpm.per_second())
}

fn position(quarters: f64) -> SongPosition {
    SongPosition::from_quarters(quarters).unwrap_or_default()
}

/// Whether a transport is not where it would have come to, or its bars are not.
fn has_jumped(told: &TransportMark, mark: &TransportMark) -> bool {
    let expected = position_at(told, mark.at_us).quarters();
    let bars = mark.tempo.meter.bar_quarters();
    let into_bar = (mark.bar_start.quarters() - told.bar_start.quarters()).rem_euclid(bars);
    let is_off = (mark.position.quarters() - expected).abs() > JUMP_QUARTERS;
    is_off || into_bar.min(bars - into_bar) > JUMP_QUARTERS
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests may look at the clock")]
mod tests {
    use super::*;
    use backline_wire::{Bpm, Meter};

    const SECOND_US: u64 = 1_000_000;

    fn daw(at_us: u64, quarters: f64) -> TransportMark {
        TransportMark {
            at_us,
            position: position(quarters),
            bar_start: SongPosition::default(),
            tempo: Tempo::default(),
            is_rolling: true,
            is_recording: false,
            by_hand: false,
        }
    }

    #[test]
    fn a_leader_tells_changes_and_once_a_second() {
        let (mut leading, start) = (Leading::default(), Instant::now());
        let at = |ms: u64| (start + Duration::from_millis(ms), daw(1_000 * ms, ms as f64 * 2e-3));
        let told: Vec<u64> = (0..3_000)
            .step_by(250)
            .filter(|ms| {
                let (now, mark) = at(*ms);
                leading.daw_moves(now, mark, true).is_some()
            })
            .collect();
        assert_eq!(told, [0, 1_000, 2_000]);
        let (now, mark) = at(3_100);
        let jumped = TransportMark { position: position(64.0), ..mark };
        assert_eq!(leading.daw_moves(now, jumped, true), Some(jumped));
        let again = TransportMark { position: position(0.0), ..mark };
        assert_eq!(leading.daw_moves(now, again, true), None, "not at any rate");
        let stopped = TransportMark { is_rolling: false, ..again };
        assert_eq!(leading.daw_moves(now, stopped, true), Some(stopped), "a stop at once");
        assert_eq!(leading.daw_moves(now + PERIOD * 9, stopped, true), None);
        leading.tell_again();
        assert_eq!(leading.daw_moves(now, stopped, true), Some(stopped));
    }

    #[test]
    fn who_does_not_lead_tells_only_that_they_roll_or_record() {
        let (mut leading, now) = (Leading::default(), Instant::now());
        let stands = TransportMark { is_rolling: false, ..daw(0, 0.0) };
        assert_eq!(leading.daw_moves(now, stands, false), None);
        let records = TransportMark { is_recording: true, ..daw(0, 0.0) };
        assert_eq!(leading.daw_moves(now, records, false), Some(records));
        assert_eq!(leading.daw_moves(now + PERIOD, daw(0, 99.0), false), Some(daw(0, 99.0)));
        assert_eq!(leading.daw_moves(now + PERIOD * 5, daw(0, 5.0), false), None);
    }

    #[test]
    fn a_leader_that_falls_silent_rolls_no_more() {
        let (mut leading, now) = (Leading::default(), Instant::now());
        leading.hear(now, PeerId(3), daw(0, 0.0), false);
        assert!(leading.heard(now + SILENT_AFTER / 2).is_some());
        assert!(leading.heard(now + SILENT_AFTER).is_none());
        let stands = TransportMark { is_rolling: false, ..daw(0, 0.0) };
        leading.hear(now, PeerId(3), stands, false);
        assert_eq!(leading.heard(now + SILENT_AFTER).map(|heard| heard.number), Some(2));
        leading.forget(PeerId(3));
        assert!(leading.heard(now).is_none());
    }

    #[test]
    fn what_is_started_by_hand_counts_in_and_follows_the_tempo() {
        let (mut leading, now) = (Leading::default(), Instant::now());
        let waltz = Tempo { bpm: Bpm::new(180.0).unwrap(), meter: Meter::new(3, 4).unwrap() };
        let mark = leading.start((now, SECOND_US), waltz, 2);
        assert_eq!((mark.at_us, mark.position.quarters()), (1_300_000, -6.0));
        assert_eq!(position_at(&mark, SECOND_US).quarters(), -6.0, "before it begins");
        assert_eq!(position_at(&mark, 3_300_000).quarters(), 0.0);
        let later = |seconds: u64| (now + Duration::from_secs(seconds), (1 + seconds) * SECOND_US);
        assert_eq!(leading.tell_by_hand(later(0), waltz), None);
        assert_eq!(leading.tell_by_hand(later(1), waltz), Some(mark));
        let slower = Tempo { bpm: Bpm::new(90.0).unwrap(), ..waltz };
        let slowed = leading.tell_by_hand(later(5), slower).unwrap();
        let at = position_at(&mark, slowed.at_us);
        assert_eq!((slowed.tempo, slowed.position), (slower, at), "it goes on from where it is");
        assert!(at.quarters() - slowed.bar_start.quarters() < 3.0);
        let stopped = leading.stop(9 * SECOND_US, &slowed);
        assert!(!stopped.is_rolling && leading.tell_by_hand(later(20), slower).is_none());
    }

    #[test]
    fn who_comes_later_hears_of_what_was_started_before() {
        let (mut leading, now) = (Leading::default(), Instant::now());
        let mark = leading.start((now, 0), Tempo::default(), 0);
        leading.hear(now, PeerId(1), mark, true);
        leading.tell_again();
        assert_eq!(leading.tell_by_hand((now, 0), Tempo::default()), Some(mark));
        leading.hear(now, PeerId(2), TransportMark { is_rolling: false, ..mark }, false);
        assert_eq!(
            leading.tell_by_hand((now + PERIOD, 0), Tempo::default()),
            None,
            "somebody else stopped it"
        );
    }
}
