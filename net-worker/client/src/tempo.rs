//! Between an instance's callback and the session: where the DAW's transport is, and along with whom the metronome clicks.
//!
//! The step before is `NetEnd` (the DAW's transport) and the session (who leads); the step after is the other one of the two.

use std::time::{Duration, Instant};

use backline_bridge::{MetronomeLead, NetEnd, Transport, TransportAt};
use backline_session::{Conducted, Session};
use backline_wire::{Bpm, Meter, SongPosition, Tempo, TransportMark};

/// A worker that was away tells nobody of what is so long past.
const STALE: Duration = Duration::from_secs(1);
/// The metronome hears of a path that has become longer or shorter by more than this.
const WORTH_TELLING: Duration = Duration::from_micros(200);

/// No beat that comes later is waited for: whoever says so lies about when they played.
const AHEAD_MAX: Duration = Duration::from_secs(4);

/// What one callback was told last.
#[derive(Debug, Default)]
pub(crate) struct Beat {
    told: Option<Told>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Told {
    Lead(MetronomeLead),
    Mark { number: u64, at: Instant },
}

impl Beat {
    /// Tells the session of the DAW; of the last moment only.
    pub fn capture(&mut self, net: &mut NetEnd, session: &mut Session, now: Instant) {
        let last = std::iter::from_fn(|| net.take_transport()).last();
        let fresh = last.filter(|last| now.saturating_duration_since(last.at) < STALE);
        let mark = fresh.and_then(|TransportAt { at, transport }| Some((at, to_mark(&transport)?)));
        if let Some((at, mark)) = mark {
            session.daw_moves(now, at, mark);
        }
    }

    /// Tells the callback who leads.
    pub fn conduct(&mut self, net: &mut NetEnd, session: &Session, now: Instant) {
        let (lead, told) = match session.conducted(now) {
            Conducted::Nobody => plain(MetronomeLead::Nobody),
            Conducted::OwnDaw => plain(MetronomeLead::OwnHost),
            Conducted::Mark { number, at, mark, whose } => {
                // The latency ends where a block begins, and the last sample of a block is heard a block later than its first.
                let path = whose.and_then(|peer| session.heard_after(peer, now));
                let path = path.map_or(Duration::ZERO, |path| path + net.block_time());
                let Some(transport) = to_transport(&mark) else { return };
                match heard_at(at, path, now) {
                    Some(at) => {
                        (MetronomeLead::Remote(TransportAt { at, transport }), Told::Mark { number, at })
                    }
                    None => plain(MetronomeLead::Nobody),
                }
            }
        };
        if self.is_news(told, now) && net.lead_metronome(lead) {
            self.told = Some(told);
        }
    }

    fn is_news(&self, next: Told, now: Instant) -> bool {
        match (self.told, next) {
            (Some(Told::Mark { number: before, at: told_at }), Told::Mark { number, at })
                if number == before =>
            {
                let apart = at.max(told_at).saturating_duration_since(at.min(told_at));
                // What is still to come is reached first.
                told_at <= now && apart > WORTH_TELLING
            }
            (told, next) => told != Some(next),
        }
    }
}

/// When what its owner plays at a moment is heard here, `path` later; none where nobody waits for it.
fn heard_at(at: Instant, path: Duration, now: Instant) -> Option<Instant> {
    at.checked_add(path).filter(|at| at.saturating_duration_since(now) <= AHEAD_MAX)
}

fn plain(lead: MetronomeLead) -> (MetronomeLead, Told) {
    (lead, Told::Lead(lead))
}

/// As others are told; none where a DAW says what is no music.
fn to_mark(transport: &Transport) -> Option<TransportMark> {
    let (beats, unit) = transport.meter();
    Some(TransportMark {
        at_us: 0,
        position: SongPosition::from_quarters(transport.position_quarters())?,
        bar_start: SongPosition::from_quarters(transport.bar_start_quarters())?,
        tempo: Tempo { bpm: Bpm::new(transport.bpm()).ok()?, meter: Meter::new(beats, unit).ok()? },
        is_rolling: transport.is_rolling(),
        is_recording: transport.is_recording(),
        by_hand: false,
    })
}

fn to_transport(mark: &TransportMark) -> Option<Transport> {
    let meter = (mark.tempo.meter.beats(), mark.tempo.meter.unit());
    let (position, bar_start) = (mark.position.quarters(), mark.bar_start.quarters());
    let transport = Transport::new(position, bar_start, mark.tempo.bpm.get(), meter)?;
    Some(if mark.is_rolling { transport.rolling(mark.is_recording) } else { transport.standing() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_is_heard_later_by_the_path_and_none_is_waited_for_that_is_hours_ahead() {
        let now = Instant::now();
        let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3_600));
        assert_eq!(heard_at(now, second, now), Some(now + second));
        assert_eq!(heard_at(now, hour, now), None);
        assert_eq!(heard_at(now, Duration::MAX, now), None);
        // A clock that was set back is in both and cancels out.
        let before = now.checked_sub(hour);
        assert_eq!(before.and_then(|at| heard_at(at, hour + second, now)), before.map(|_| now + second));
    }
}
