//! How many operations of one participant came to the host of late, and what became of them.
//!
//! The last second is counted in slices, so that a rate is a sum and nothing is divided: without operations it is 0.

use std::time::{Duration, Instant};

use backline_wire::Outcome;

/// A second is counted in so many slices.
const SLICES: usize = 8;
const SLICE: Duration = Duration::from_millis(125);
const _: () = assert!(SLICE.as_millis() * SLICES as u128 == 1_000);

/// What became of operations, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OperationCounts {
    /// In the document.
    pub accepted: u64,
    /// Somebody had changed the same later.
    pub superseded: u64,
    /// Not allowed, or no room.
    pub refused: u64,
    /// Came once more, and were answered as before.
    pub repeated: u64,
    /// Beyond their author's budget and unanswered; they come again.
    pub dropped: u64,
}

/// What one participant wanted to change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OperationTraffic {
    /// In the last second, as of the last eighth of a second.
    pub last_second: OperationCounts,
    /// Since the host has opened the session, or has forgotten a participant who was away for long.
    pub total: OperationCounts,
}

/// What became of an operation that has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// For the first time.
    New(Outcome),
    /// As it was answered before.
    Again(Outcome),
    /// It is beyond a limit.
    None,
}

/// The count of one participant.
#[derive(Debug, Clone, Default)]
pub(super) struct Traffic {
    /// The slice that is being counted, and those of the second before it; a slice is at its number modulo their number.
    slices: [OperationCounts; SLICES + 1],
    /// The number of the slice that is being counted, from the first operation on.
    number: u64,
    began: Option<Instant>,
    total: OperationCounts,
}

impl OperationCounts {
    /// All that came.
    pub fn received(&self) -> u64 {
        self.accepted + self.superseded + self.refused + self.repeated + self.dropped
    }

    pub(super) fn count(&mut self, answer: &Answer) {
        let counter = match answer {
            Answer::New(Outcome::Accepted { .. }) => &mut self.accepted,
            Answer::New(Outcome::Superseded { .. }) => &mut self.superseded,
            Answer::New(Outcome::Refused { .. }) => &mut self.refused,
            Answer::Again(_) => &mut self.repeated,
            Answer::None => &mut self.dropped,
        };
        *counter += 1;
    }
}

impl std::ops::AddAssign for OperationCounts {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.superseded += other.superseded;
        self.refused += other.refused;
        self.repeated += other.repeated;
        self.dropped += other.dropped;
    }
}

impl Traffic {
    /// An operation came and was answered so.
    pub fn count(&mut self, now: Instant, answer: &Answer) {
        let number = self.number_at(now);
        self.began.get_or_insert(now);
        // What was counted a second ago makes room.
        for outdated in (self.number + 1..=number).take(SLICES + 1) {
            self.slices[place(outdated)] = OperationCounts::default();
        }
        self.number = number;
        self.slices[place(number)].count(answer);
        self.total.count(answer);
    }

    /// How it stands.
    pub fn view(&self, now: Instant) -> OperationTraffic {
        let current = self.number_at(now);
        let mut last_second = OperationCounts::default();
        for number in current.saturating_sub(SLICES as u64)..current.min(self.number + 1) {
            last_second += self.slices[place(number)];
        }
        OperationTraffic { last_second, total: self.total }
    }

    fn number_at(&self, now: Instant) -> u64 {
        let elapsed = self.began.map_or(Duration::ZERO, |began| now.saturating_duration_since(began));
        (elapsed.as_millis() / SLICE.as_millis()) as u64
    }
}

fn place(number: u64) -> usize {
    (number % (SLICES as u64 + 1)) as usize
}

#[cfg(test)]
mod tests {
    use super::super::tests::Clock;
    use super::*;
    use backline_wire::Revision;
    use proptest::prelude::*;

    fn accepted() -> Answer {
        Answer::New(Outcome::Accepted { revision: Revision(1) })
    }

    #[test]
    fn a_rate_without_operations_is_nothing() {
        let mut clock = Clock::new();
        let mut traffic = Traffic::default();
        assert_eq!(traffic.view(clock.now()), OperationTraffic::default());
        traffic.count(clock.now(), &accepted());
        traffic.count(clock.now(), &Answer::None);
        clock.advance_ms(125);
        let view = traffic.view(clock.now());
        assert_eq!((view.last_second.accepted, view.last_second.dropped), (1, 1));
        assert_eq!(view.last_second.received(), 2);
        clock.advance_ms(1_000);
        let view = traffic.view(clock.now());
        assert_eq!((view.last_second, view.total.received()), (OperationCounts::default(), 2));
        clock.advance_ms(86_400_000);
        assert_eq!(traffic.view(clock.now()).last_second, OperationCounts::default());
    }

    #[test]
    fn a_steady_stream_reads_as_what_comes_in_a_second() {
        let mut clock = Clock::new();
        let mut traffic = Traffic::default();
        for _ in 0..500 {
            traffic.count(clock.now(), &accepted());
            clock.advance_ms(20);
        }
        let rate = traffic.view(clock.now()).last_second.accepted;
        assert!((48..=52).contains(&rate), "{rate}");
    }

    proptest! {
        #[test]
        fn the_last_second_is_what_came_in_the_last_whole_slices(
            pauses in prop::collection::vec(0..700_u64, 1..60), after in 0..3_000_u64,
        ) {
            let mut clock = Clock::new();
            let mut traffic = Traffic::default();
            let mut came_at = Vec::new();
            let mut at = 0;
            for (index, pause) in pauses.into_iter().enumerate() {
                // Counted from the first operation on.
                let pause = if index == 0 { 0 } else { pause };
                clock.advance_ms(pause);
                at += pause;
                came_at.push(at / 125);
                traffic.count(clock.now(), &accepted());
            }
            clock.advance_ms(after);
            let current = (at + after) / 125;
            let expected = came_at.iter().filter(|slice| **slice < current && **slice + 8 >= current).count();
            prop_assert_eq!(traffic.view(clock.now()).last_second.accepted, expected as u64);
        }
    }
}
