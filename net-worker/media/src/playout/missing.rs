//! Which packets have not come, and when it is worth asking for them again.
//!
//! A gap between what came and what came before is *missing* until it is filled or played over. It is asked for as soon as it is
//! no reordering and no copy will bring it, and again and again, a fifth of a round trip apart, as long as an answer may be in
//! time: an answer that is lost too must not cost a whole round trip more. It asks and counts; how deep the queue becomes
//! for the answers is the [margin](super::margin)'s. Times are in ticks (sample frames of 48 kHz) of the listener.

use std::collections::VecDeque;

/// Gaps that are known at a time; what comes on top is made up without asking.
const GAPS_MAX: usize = 64;
/// A longer gap (a quarter of a second) is no loss but a pause.
const GAP_TICKS_MAX: u64 = 12_000;
/// What was played over is still known for so long (a quarter of a second): while it is not deep enough for answers, it is by the
/// late ones that it learns how deep that is.
const KNOWN_TICKS: f64 = 12_000.0;
/// Requests for one gap, at the most.
const REQUESTS_MAX: u32 = 6;
/// The next request for a gap follows after this part of a round trip.
const REQUESTS_EACH_ROUND_TRIP: f64 = 5.0;
/// Two requests for one gap are at least so far apart (1 ms), also on the shortest path.
const REQUEST_EVERY_TICKS_MIN: f64 = 48.0;
/// A listener needs this long (a quarter of a millisecond) to put an answer in its place.
const ANSWER_TICKS: f64 = 12.0;
/// Reordering is believed for as long as it was seen; it is forgotten by this share with each packet.
const REORDERING_KEPT: f64 = 0.999_9;
/// Time over which the share of lost packets is averaged (3 s).
const SHARE_TICKS: f64 = 144_000.0;
/// From this share of lost packets on they are worth waiting for, and below the other no longer.
const WORTH_WAITING: f64 = 0.005;
const NOT_WORTH_WAITING: f64 = 0.0025;

/// A stretch of the source that has not come.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Gap {
    begin: u64,
    end: u64,
    noticed: f64,
    counted: bool,
    asked: u32,
    first_asked: f64,
    ask_at: f64,
}

/// What the listener can wait for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// What passes between a request and its answer.
    pub round_trip_ticks: f64,
    /// What comes sooner after a request is no answer: it was overtaken, not lost.
    pub soonest_answer_ticks: f64,
    /// When the listener will need the sample frame at tick 0, if it goes on as now.
    pub need_of_tick_zero: f64,
    /// By how much it could still be deeper.
    pub deeper_ticks: f64,
}

/// The gaps of one source.
#[derive(Debug, Clone)]
pub struct Missing {
    newest_end: Option<u64>,
    gaps: VecDeque<Gap>,
    reordering_ticks: f64,
    soonest_answer_ticks: f64,
    copies_ticks: f64,
    lost_share: f64,
    lost_packets: u64,
    is_worth_waiting: bool,
}

impl Missing {
    /// Nothing heard yet.
    pub fn new() -> Self {
        Self {
            newest_end: None,
            gaps: VecDeque::with_capacity(GAPS_MAX + 1),
            reordering_ticks: 0.0,
            soonest_answer_ticks: 0.0,
            copies_ticks: 0.0,
            lost_share: 0.0,
            lost_packets: 0,
            is_worth_waiting: false,
        }
    }

    /// The source begins anew; what was learned about the path stays.
    pub fn clear(&mut self) {
        self.newest_end = None;
        self.gaps.clear();
    }

    /// The frame from tick `at` on came at `now`, in its own packet. Returns whether it was asked for.
    pub fn arrived(&mut self, now: f64, at: u64, frame_ticks: u64) -> bool {
        self.reordering_ticks *= REORDERING_KEPT;
        self.lost_share -= self.lost_share * frame_ticks as f64 / SHARE_TICKS;
        let newest_end = *self.newest_end.get_or_insert(at);
        if at < newest_end {
            return self.fill(now, at, at + frame_ticks, true);
        }
        if at > newest_end && at - newest_end <= GAP_TICKS_MAX {
            self.notice(now, newest_end, at);
        }
        self.newest_end = Some(at + frame_ticks);
        false
    }

    /// The frame from tick `at` on came as a copy in a later packet.
    pub fn copied(&mut self, now: f64, at: u64, frame_ticks: u64) {
        self.fill(now, at, at + frame_ticks, false);
    }

    /// The packets of this source bring copies of frames that are so many ticks older, at the most.
    pub fn expect_copies(&mut self, oldest_ticks: u32) {
        self.copies_ticks = f64::from(oldest_ticks);
    }

    /// Whether so much is lost that it is worth waiting for answers.
    pub fn is_worth_waiting(&self) -> bool {
        self.is_worth_waiting
    }

    /// The share of packets that were lost on the way, 0 to 1, however they were replaced afterwards.
    pub fn lost_share(&self) -> f64 {
        self.lost_share
    }

    /// Packets that were lost on the way, however they were replaced afterwards.
    pub fn lost_packets(&self) -> u64 {
        self.lost_packets
    }

    /// Forgets what was played over long before tick `position`, and calls `ask` with each stretch (begin, end) that should be asked
    /// for now.
    pub fn ask(
        &mut self,
        now: f64,
        position: u64,
        frame_ticks: f64,
        patience: Option<Patience>,
        mut ask: impl FnMut(u64, u64),
    ) {
        while self.gaps.front().is_some_and(|gap| gap.end <= position && now >= gap.noticed + KNOWN_TICKS) {
            if let Some(gap) = self.gaps.pop_front() {
                self.count(gap, frame_ticks);
            }
        }
        self.soonest_answer_ticks = patience.map_or(0.0, |patience| patience.soonest_answer_ticks);
        let wait = self.reordering_ticks
            + if self.copies_ticks > 0.0 { self.copies_ticks + frame_ticks } else { 0.0 };
        for index in 0..self.gaps.len() {
            let gap = self.gaps[index];
            if now < gap.noticed + wait {
                continue;
            }
            self.count(gap, frame_ticks);
            self.gaps[index].counted = true;
            let deeper = if self.is_worth_waiting { 1.0 } else { 0.0 };
            let in_time = patience.is_some_and(|patience| {
                let need = patience.need_of_tick_zero + gap.end as f64 + deeper * patience.deeper_ticks;
                now + patience.round_trip_ticks + ANSWER_TICKS <= need
            });
            if in_time && now >= gap.ask_at && gap.asked < REQUESTS_MAX {
                let part =
                    patience.map_or(0.0, |patience| patience.round_trip_ticks / REQUESTS_EACH_ROUND_TRIP);
                if gap.asked == 0 {
                    self.gaps[index].first_asked = now;
                }
                self.gaps[index].asked += 1;
                self.gaps[index].ask_at = now + part.max(REQUEST_EVERY_TICKS_MIN);
                ask(gap.begin, gap.end);
            }
        }
    }

    fn notice(&mut self, now: f64, begin: u64, end: u64) {
        if self.gaps.len() == GAPS_MAX {
            self.gaps.pop_front();
        }
        self.gaps.push_back(Gap {
            begin,
            end,
            noticed: now,
            counted: false,
            asked: 0,
            first_asked: now,
            ask_at: now,
        });
    }

    /// Takes a stretch out of the gap that holds it; returns whether that was asked for.
    fn fill(&mut self, now: f64, begin: u64, end: u64, own_packet: bool) -> bool {
        let Some(index) = self.gaps.iter().position(|gap| gap.begin <= begin && begin < gap.end) else {
            return false;
        };
        let gap = self.gaps[index];
        let is_answer = gap.asked > 0 && now >= gap.first_asked + self.soonest_answer_ticks;
        if own_packet && !is_answer {
            self.reordering_ticks = self.reordering_ticks.max(now - gap.noticed);
            self.uncount(gap, end - begin);
        }
        let before = (begin > gap.begin).then_some(Gap { end: begin, ..gap });
        let after = (end < gap.end).then_some(Gap { begin: end, ..gap });
        match (before, after) {
            (Some(before), Some(after)) => {
                self.gaps[index] = before;
                if self.gaps.len() < GAPS_MAX {
                    self.gaps.insert(index + 1, after);
                }
            }
            (Some(rest), None) | (None, Some(rest)) => self.gaps[index] = rest,
            (None, None) => drop(self.gaps.remove(index)),
        }
        is_answer
    }

    /// It was not lost after all, only overtaken.
    fn uncount(&mut self, gap: Gap, ticks: u64) {
        if gap.counted {
            self.lost_packets = self.lost_packets.saturating_sub(1);
            self.lost_share = (self.lost_share - ticks as f64 / SHARE_TICKS).max(0.0);
        }
    }

    /// Counts what is lost, once.
    fn count(&mut self, gap: Gap, frame_ticks: f64) {
        if gap.counted {
            return;
        }
        let ticks = gap.end.saturating_sub(gap.begin) as f64;
        self.lost_packets += (ticks / frame_ticks.max(1.0)).round() as u64;
        self.lost_share += ticks / SHARE_TICKS;
        let threshold = if self.is_worth_waiting { NOT_WORTH_WAITING } else { WORTH_WAITING };
        self.is_worth_waiting = self.lost_share >= threshold;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: u64 = 60;

    /// A listener who plays tick n at time n + 1000, and to whom an answer takes `round_trip_ticks`.
    fn patience(round_trip_ticks: f64) -> Option<Patience> {
        Some(Patience {
            round_trip_ticks,
            soonest_answer_ticks: 0.0,
            need_of_tick_zero: 1_000.0,
            deeper_ticks: 0.0,
        })
    }

    fn asked(missing: &mut Missing, now: f64, patience: Option<Patience>) -> Vec<(u64, u64)> {
        let mut runs = Vec::new();
        missing.ask(now, now as u64 - 1_000, FRAME as f64, patience, |begin, end| runs.push((begin, end)));
        runs
    }

    fn arrive(missing: &mut Missing, frames: impl Iterator<Item = u64>) {
        frames.for_each(|frame| {
            assert!(!missing.arrived((frame * FRAME) as f64 + 500.0, frame * FRAME, FRAME))
        });
    }

    #[test]
    fn a_gap_is_asked_for_at_once_and_again_after_a_part_of_a_round_trip() {
        let mut missing = Missing::new();
        arrive(&mut missing, (0..40).chain(42..50));
        assert_eq!(asked(&mut missing, 3_021.0, patience(400.0)), [(2_400, 2_520)]);
        assert_eq!(asked(&mut missing, 3_080.0, patience(400.0)), [], "the answer is on its way");
        assert!(missing.arrived(3_085.0, 2_400, FRAME), "this one was asked for");
        assert_eq!(asked(&mut missing, 3_122.0, patience(300.0)), [(2_460, 2_520)]);
        assert_eq!(asked(&mut missing, 3_300.0, patience(300.0)), [], "too late by now");
    }

    #[test]
    fn an_answer_that_would_be_late_is_not_asked_for_unless_it_is_worth_waiting() {
        let mut missing = Missing::new();
        arrive(&mut missing, (0..40).chain(41..50));
        let far = Some(Patience { deeper_ticks: 1_200.0, ..patience(700.0).unwrap() });
        assert_eq!(asked(&mut missing, 3_440.0, far), []);
        for frame in (50..2_000_u64).filter(|frame| frame % 20 != 0) {
            missing.arrived((frame * FRAME) as f64 + 500.0, frame * FRAME, FRAME);
            asked(&mut missing, (frame * FRAME) as f64 + 520.0 + 1_000.0, None);
        }
        assert!(missing.is_worth_waiting() && (0.02..0.07).contains(&missing.lost_share()));
        arrive(&mut missing, 2_001..2_002);
        assert_eq!(asked(&mut missing, 2_001.0 * 60.0 + 501.0, far).last(), Some(&(120_000, 120_060)));
        assert_eq!(
            asked(&mut missing, 2_001.0 * 60.0 + 900.0, None),
            [],
            "nobody knows how long an answer takes"
        );
    }

    #[test]
    fn what_is_only_late_is_waited_for_the_next_time() {
        let mut missing = Missing::new();
        arrive(&mut missing, (0..40).chain(41..42));
        assert!(!missing.arrived(3_080.0, 2_400, FRAME));
        arrive(&mut missing, (42..50).chain(51..52));
        assert_eq!(asked(&mut missing, 3_565.0, patience(10.0)), [], "the last one came 120 ticks late");
        assert_eq!(asked(&mut missing, 3_700.0, patience(10.0)), [(3_000, 3_060)]);
    }

    #[test]
    fn what_was_overtaken_is_no_loss_although_it_was_asked_for() {
        let mut missing = Missing::new();
        arrive(&mut missing, (0..40).chain(41..50));
        let straight = Some(Patience { soonest_answer_ticks: 180.0, ..patience(200.0).unwrap() });
        assert_eq!(asked(&mut missing, 2_960.0, straight), [(2_400, 2_460)]);
        assert_eq!(missing.lost_packets(), 1);
        assert!(!missing.arrived(3_100.0, 2_400, FRAME), "an answer takes longer");
        assert_eq!(missing.lost_packets(), 0);
    }

    #[test]
    fn copies_come_first() {
        let mut missing = Missing::new();
        missing.expect_copies(120);
        arrive(&mut missing, (0..40).chain(41..42));
        assert_eq!(asked(&mut missing, 2_960.0 + 179.0, patience(10.0)), []);
        missing.copied(3_080.0, 2_400, FRAME);
        assert_eq!(asked(&mut missing, 3_200.0, patience(10.0)), []);
    }

    #[test]
    fn gaps_are_bounded_and_split() {
        let mut missing = Missing::new();
        for frame in (0..1_000).step_by(2) {
            missing.arrived(0.0, frame * FRAME, FRAME);
        }
        assert_eq!(missing.gaps.len(), GAPS_MAX);
        let mut missing = Missing::new();
        missing.arrived(0.0, 0, FRAME);
        missing.arrived(0.0, 600, FRAME);
        missing.arrived(0.0, 300, FRAME);
        let ends: Vec<(u64, u64)> = missing.gaps.iter().map(|gap| (gap.begin, gap.end)).collect();
        assert_eq!(ends, [(60, 300), (360, 600)]);
        missing.arrived(0.0, 1_000_000, FRAME);
        assert_eq!(missing.gaps.len(), 2, "a pause is no loss");
    }
}
