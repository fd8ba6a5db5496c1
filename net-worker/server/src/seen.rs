//! When each person of a session was there last, and when anybody was: what is not used for long is retired.
//!
//! People are remembered by the wall clock, since that outlives the server; that nobody is there is timed by the clock that does not jump, so that a wrong date
//! ends no session. The step before is `shard_thread/orders.rs`; the step after is a note in the session's file.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use backline_io::clock::Clock;
use backline_wire::ParticipantId;

/// Of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When anybody was there last, or the session was opened.
    used_at: Instant,
    /// In seconds since 1970.
    people: BTreeMap<ParticipantId, u64>,
    is_news: bool,
}

/// A participant, and a time in seconds.
const ROW_BYTES: usize = 32 + 8;

impl Seen {
    /// Nobody was there yet.
    pub fn new(now: Instant) -> Self {
        Self { used_at: now, people: BTreeMap::new(), is_news: false }
    }

    /// As it was kept; what cannot be read is not there.
    pub fn from_bytes(bytes: &[u8], now: Instant) -> Self {
        let row = |row: &[u8]| {
            let (who, at) = row.split_first_chunk::<32>()?;
            Some((ParticipantId(*who), u64::from_be_bytes(at.try_into().ok()?)))
        };
        Self { people: bytes.chunks_exact(ROW_BYTES).filter_map(row).collect(), ..Self::new(now) }
    }

    /// To be kept; none where nothing is new.
    pub fn poll_bytes(&mut self) -> Option<Vec<u8>> {
        let row = |(who, at): (&ParticipantId, &u64)| [who.0.as_slice(), &at.to_be_bytes()].concat();
        std::mem::take(&mut self.is_news).then(|| self.people.iter().flat_map(row).collect())
    }

    /// Somebody is there, or has just gone.
    pub fn saw(&mut self, who: ParticipantId, now: Clock) {
        self.used_at = self.used_at.max(now.now);
        self.people.insert(who, now.unix_time.as_secs());
        self.is_news = true;
    }

    /// For how long nobody was there.
    pub fn unused_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.used_at)
    }

    /// Who of these people, and of those who were seen, was away for longer; they are forgotten here. Of whom nothing is known yet counts as seen now.
    pub fn retire(
        &mut self,
        known: impl IntoIterator<Item = ParticipantId>,
        unix_time: Duration,
        age: Duration,
    ) -> BTreeSet<ParticipantId> {
        let now = unix_time.as_secs();
        for who in known {
            self.people.entry(who).or_insert_with(|| {
                self.is_news = true;
                now
            });
        }
        let is_gone = |at: u64| now.saturating_sub(at) > age.as_secs();
        let gone: BTreeSet<ParticipantId> =
            self.people.iter().filter(|(_, at)| is_gone(**at)).map(|(who, _)| *who).collect();
        self.people.retain(|who, _| !gone.contains(who));
        self.is_news |= !gone.is_empty();
        gone
    }

    /// For tests: as if nobody had been there for so much longer.
    #[cfg(test)]
    pub(crate) fn age(&mut self, time: Duration) {
        self.used_at = self.used_at.checked_sub(time).unwrap_or(self.used_at);
        self.people.values_mut().for_each(|at| *at = at.saturating_sub(time.as_secs()));
        self.is_news = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn at(now: Instant, days: u32) -> Clock {
        Clock { now: now + days * DAY, unix_time: (20_000 + days) * DAY }
    }

    #[test]
    fn who_is_away_for_long_is_forgotten_and_who_comes_is_not() {
        let start = backline_io::clock::now();
        let [ada, bob, cleo] = [1, 2, 3].map(|number| ParticipantId([number; 32]));
        let mut seen = Seen::new(start);
        seen.saw(ada, at(start, 0));
        seen.saw(bob, at(start, 80));
        let bytes = seen.poll_bytes().unwrap();
        assert_eq!(seen.poll_bytes(), None);
        let later = at(start, 100);
        let mut again = Seen::from_bytes(&bytes, later.now);
        let gone = again.retire([ada, bob, cleo], later.unix_time, 90 * DAY);
        assert_eq!(gone, BTreeSet::from([ada]), "nobody knows since when Cleo is away");
        assert_eq!(again.people.keys().copied().collect::<Vec<_>>(), [bob, cleo]);
        assert!(again.poll_bytes().is_some());
    }

    #[test]
    fn a_wrong_date_ends_no_session_and_a_session_that_is_used_goes_on() {
        let start = backline_io::clock::now();
        let mut seen = Seen::new(start);
        seen.saw(ParticipantId([1; 32]), Clock { now: start + DAY, unix_time: 90_000 * DAY });
        assert_eq!(seen.unused_for(start + 2 * DAY), DAY);
        seen.saw(ParticipantId([1; 32]), Clock { now: start + 2 * DAY, unix_time: DAY });
        assert_eq!(seen.unused_for(start + 2 * DAY), Duration::ZERO);
    }

    #[test]
    fn what_was_kept_broken_is_read_as_far_as_it_goes() {
        let now = backline_io::clock::now();
        assert_eq!(Seen::from_bytes(&[7; 39], now), Seen::new(now));
        assert_eq!(Seen::from_bytes(&[7; 41], now).people.len(), 1);
    }
}
