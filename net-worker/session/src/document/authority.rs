//! The one that decides: gives accepted changes their revisions, and answers each operation once and for all.
//!
//! Last writer wins, by when a change was *made*: what somebody changed while they were away does not undo what others have changed since.
//! The step before is the relay (operations of members), the step after is the relay again (outcomes to the author, changes to all who
//! follow).

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use backline_transport::{Allowance, Rate};
use backline_wire::limits::{
    DOCUMENT_ENTRIES_MAX, ENTRIES_PER_AUTHOR_MAX, OPERATIONS_IN_FLIGHT_MAX, OPERATIONS_PER_SECOND_MAX,
    PARTICIPANTS_MAX,
};
use backline_wire::{
    Change, Counter, Entry, Name, Operation, OperationRefusal, OutboxId, Outcome, ParticipantId, Register,
    Revision,
};

use super::Document;
use super::traffic::{Answer, OperationCounts, OperationTraffic, Traffic};
use super::{KeptDocument, LedgerWrite};

/// What one participant may have carried out.
const OPERATIONS: Rate =
    Rate { per_second: OPERATIONS_PER_SECOND_MAX as f64, burst: OPERATIONS_PER_SECOND_MAX as f64 };
/// Outboxes whose answers are remembered; beyond it those that were silent for longest are forgotten.
const OUTBOXES_MAX: usize = 256;
/// What waits for the store; beyond it operations come again later, so that a slow disk makes nothing grow.
const STORE_WAITING_MAX: usize = 2 * STORE_WAITING_OF_AUTHOR_MAX;
/// Of one participant: a flood by one leaves room for the others, also where the disk is slow.
const STORE_WAITING_OF_AUTHOR_MAX: usize = 2 * OPERATIONS_IN_FLIGHT_MAX;
/// Participants whose operations are counted and limited; beyond it those that were silent for longest are forgotten. More than can be in
/// the session: nobody who is in is ever forgotten for somebody else.
const AUTHORS_MAX: usize = 256;
const _: () = assert!(AUTHORS_MAX > PARTICIPANTS_MAX);
/// Of one participant: who makes up outboxes pushes out no answers but their own.
const OUTBOXES_PER_AUTHOR_MAX: usize = 8;

/// The document with the right to change it.
///
/// Nothing is told before it is kept: with a store, [`Authority::kept`] lags behind the document until the store has confirmed, so that
/// a host that crashes never forgets what somebody else was told. Which operations were applied is kept with what they wrote, until
/// their author has settled them: whatever is sent again after a crash is answered again and not done again.
#[derive(Debug, Clone)]
pub struct Authority {
    document: Document,
    has_store: bool,
    to_store: VecDeque<LedgerWrite>,
    kept: Revision,
    outboxes: BTreeMap<(ParticipantId, OutboxId), Answers>,
    authors: BTreeMap<ParticipantId, Author>,
    by_author: BTreeMap<ParticipantId, usize>,
    /// Never runs back, also where the wall clock does.
    latest_ms: u64,
    stats: OperationCounts,
}

/// One who has ever wanted something changed.
#[derive(Debug, Clone)]
struct Author {
    /// Of operations.
    budget: Allowance,
    traffic: Traffic,
    /// Of their changes, those that the store has not been asked for.
    to_store: usize,
    heard_at: Instant,
}

/// What was answered to one outbox.
#[derive(Debug, Clone, Default)]
struct Answers {
    given: BTreeMap<Counter, Outcome>,
    /// All before it are settled.
    settled: Counter,
    heard_at: Option<Instant>,
}

impl Authority {
    /// For a document, new or as it was kept. With `has_store`, poll [`Authority::poll_store`] and confirm.
    pub fn new(kept: KeptDocument, has_store: bool) -> Self {
        let document = Document::restore(kept.id, kept.entries().cloned());
        let mut by_author = BTreeMap::new();
        let mut latest_ms = 0;
        for entry in document.entries() {
            *by_author.entry(entry.author).or_insert(0) += 1;
            latest_ms = latest_ms.max(entry.made_at_ms);
        }
        let outboxes = kept.outboxes().map(|(key, outbox)| {
            let accepted = |(counter, revision): (&Counter, &Revision)| {
                (*counter, Outcome::Accepted { revision: *revision })
            };
            let given = outbox.applied.iter().map(accepted).collect();
            (*key, Answers { given, settled: outbox.settled, heard_at: None })
        });
        Self {
            outboxes: outboxes.collect(),
            kept: document.revision(),
            document,
            has_store,
            to_store: VecDeque::new(),
            authors: BTreeMap::new(),
            by_author,
            latest_ms,
            stats: OperationCounts::default(),
        }
    }

    /// What everybody agrees on.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Up to which revision everything may be told.
    pub fn kept(&self) -> Revision {
        if self.has_store { self.kept } else { self.document.revision() }
    }

    /// What the store must do next.
    pub fn poll_store(&mut self) -> Option<LedgerWrite> {
        let write = self.to_store.pop_front();
        let author = write.as_ref().and_then(|write| self.authors.get_mut(&write.author()));
        author.into_iter().for_each(|author| author.to_store = author.to_store.saturating_sub(1));
        write
    }

    /// The store has everything up to this revision.
    pub fn handle_stored(&mut self, revision: Revision) {
        self.kept = self.kept.max(revision);
    }

    /// The store cannot keep anything now: the session goes on from memory.
    pub fn handle_store_failed(&mut self) {
        self.has_store = false;
        self.to_store.clear();
        self.authors.values_mut().for_each(|author| author.to_store = 0);
    }

    /// What was counted.
    pub fn stats(&self) -> OperationCounts {
        self.stats
    }

    /// The number of entries of everything that could grow, for tests that nothing does.
    #[doc(hidden)]
    pub fn holdings(&self) -> [(&'static str, usize); 5] {
        [
            ("document entries", self.document.entries().count()),
            ("waiting for the store", self.to_store.len()),
            ("outboxes", self.outboxes.len()),
            ("answers", self.outboxes.values().map(|answers| answers.given.len()).sum()),
            ("authors", self.authors.len()),
        ]
    }

    /// A participant wants something changed. None when it is beyond their budget: unanswered, it comes again.
    pub fn operate(
        &mut self,
        author: ParticipantId,
        outbox: (OutboxId, Counter),
        operation: Operation,
        (now, unix_time): (Instant, Duration),
    ) -> Option<Outcome> {
        let answer = if self.has_room_for(author, now) {
            self.answer(author, outbox, operation, (now, unix_time))
        } else {
            Answer::None
        };
        self.stats.count(&answer);
        self.author(author, now).traffic.count(now, &answer);
        match answer {
            Answer::New(outcome) | Answer::Again(outcome) => Some(outcome),
            Answer::None => None,
        }
    }

    /// What a participant wanted to change, of late and in all.
    pub fn traffic(&self, participant: ParticipantId, now: Instant) -> OperationTraffic {
        self.authors.get(&participant).map(|author| author.traffic.view(now)).unwrap_or_default()
    }

    /// Somebody is in, or has another name or colour: said by the relay, which knows who they are.
    pub fn introduce(
        &mut self,
        participant: ParticipantId,
        name: Name,
        colour: [u8; 3],
        unix_time: Duration,
    ) {
        let change = Change::Person { participant, name, colour };
        let known = self.document.get(&change.register());
        let has_room = self.to_store.len() < STORE_WAITING_MAX;
        if has_room && known.is_none_or(|known| known.change != change) {
            let made_at_ms = self.clock_ms(unix_time);
            // A document without room for names goes on without them.
            let _ = self.write((participant, OutboxId(0), Counter(0)), change, made_at_ms);
        }
    }

    /// Whether one more operation of theirs is within their limits: of what comes, and of what waits for the store.
    fn has_room_for(&mut self, author: ParticipantId, now: Instant) -> bool {
        let is_full = self.to_store.len() >= STORE_WAITING_MAX;
        let author = self.author(author, now);
        !is_full && author.to_store < STORE_WAITING_OF_AUTHOR_MAX && author.budget.spend(OPERATIONS, 1.0, now)
    }

    fn answer(
        &mut self,
        author: ParticipantId,
        (outbox, settled): (OutboxId, Counter),
        operation: Operation,
        (now, unix_time): (Instant, Duration),
    ) -> Answer {
        let answers = self.answers(author, outbox, now);
        let forgotten = answers.settle(settled);
        let (answer, settled) = (answers.given.get(&operation.counter).cloned(), answers.settled);
        if let Some(forget) = forgotten {
            self.ask(LedgerWrite::Settled { author, outbox, settled, forget });
        }
        if let Some(outcome) = answer {
            return Answer::Again(outcome);
        }
        if operation.counter < settled {
            return Answer::New(Outcome::Refused { reason: OperationRefusal::TooOld });
        }
        let forget = self.answers(author, outbox, now).make_room();
        if !forget.is_empty() {
            self.ask(LedgerWrite::Settled { author, outbox, settled, forget });
        }
        let counter = operation.counter;
        let answer = self.decide(author, outbox, operation, unix_time);
        if let Answer::New(outcome) | Answer::Again(outcome) = &answer {
            self.answers(author, outbox, now).given.insert(counter, outcome.clone());
        }
        answer
    }

    fn decide(
        &mut self,
        author: ParticipantId,
        outbox: OutboxId,
        operation: Operation,
        unix_time: Duration,
    ) -> Answer {
        let register = operation.change.register();
        if !self.document.may(author, &register) {
            let reason = match register {
                Register::Fader(..) => OperationRefusal::NotAllowed,
                Register::Permission(..) | Register::Person(_) | Register::Tempo | Register::Leader => {
                    OperationRefusal::NotYours
                }
            };
            return Answer::New(Outcome::Refused { reason });
        }
        let made_at_ms = self.clock_ms(unix_time).saturating_sub(operation.age_ms);
        let written = self
            .document
            .get(&register)
            .filter(|known| (known.author, known.operation) == (author, (outbox, operation.counter)));
        if let Some(known) = written {
            return Answer::Again(Outcome::Accepted { revision: known.revision });
        }
        // How long operations were on their way is not known, so that of one outbox the time says less than the counter.
        let is_older = |known: &&Entry| {
            if (known.author, known.operation.0) == (author, outbox) {
                known.operation.1 > operation.counter
            } else {
                known.made_at_ms > made_at_ms
            }
        };
        if let Some(by) = self.document.get(&register).filter(is_older) {
            return Answer::New(Outcome::Superseded { by: by.clone() });
        }
        let outcome = match self.write((author, outbox, operation.counter), operation.change, made_at_ms) {
            Ok(revision) => Outcome::Accepted { revision },
            Err(reason) => Outcome::Refused { reason },
        };
        Answer::New(outcome)
    }

    fn write(
        &mut self,
        (author, outbox, counter): (ParticipantId, OutboxId, Counter),
        change: Change,
        made_at_ms: u64,
    ) -> Result<Revision, OperationRefusal> {
        let before = self.document.get(&change.register()).map(|entry| entry.author);
        let written = self.by_author.get(&author).copied().unwrap_or_default();
        let is_new = before.is_none() && self.document.len() >= DOCUMENT_ENTRIES_MAX;
        if is_new || (before != Some(author) && written >= ENTRIES_PER_AUTHOR_MAX) {
            return Err(OperationRefusal::DocumentFull);
        }
        if before != Some(author) {
            *self.by_author.entry(author).or_insert(0) += 1;
            if let Some(count) = before.and_then(|before| self.by_author.get_mut(&before)) {
                *count = count.saturating_sub(1);
            }
        }
        let revision = Revision(self.document.revision().0 + 1);
        let entry = Entry { change, revision, author, operation: (outbox, counter), made_at_ms };
        self.ask(LedgerWrite::Entry(entry.clone()));
        self.document.put(entry);
        Ok(revision)
    }

    fn ask(&mut self, write: LedgerWrite) {
        if self.has_store {
            let author = self.authors.get_mut(&write.author());
            author.into_iter().for_each(|author| author.to_store += 1);
            self.to_store.push_back(write);
        }
    }

    fn author(&mut self, participant: ParticipantId, now: Instant) -> &mut Author {
        if self.authors.len() >= AUTHORS_MAX && !self.authors.contains_key(&participant) {
            let silent = self.authors.iter().min_by_key(|(_, author)| author.heard_at);
            let silent = silent.map(|(participant, _)| *participant);
            silent.and_then(|silent| self.authors.remove(&silent));
        }
        let author = self.authors.entry(participant).or_insert_with(|| Author {
            budget: Allowance::full(OPERATIONS, now),
            traffic: Traffic::default(),
            to_store: 0,
            heard_at: now,
        });
        author.heard_at = now;
        author
    }

    fn clock_ms(&mut self, unix_time: Duration) -> u64 {
        self.latest_ms = self.latest_ms.max(unix_time.as_millis() as u64);
        self.latest_ms
    }

    fn answers(&mut self, author: ParticipantId, outbox: OutboxId, now: Instant) -> &mut Answers {
        let key = (author, outbox);
        if !self.outboxes.contains_key(&key) {
            let own = self.outboxes.keys().filter(|(other, _)| *other == author).count();
            if own >= OUTBOXES_PER_AUTHOR_MAX {
                self.forget_silent(|other| other == author);
            } else if self.outboxes.len() >= OUTBOXES_MAX {
                self.forget_silent(|_| true);
            }
        }
        let answers = self.outboxes.entry(key).or_default();
        answers.heard_at = Some(now);
        answers
    }

    /// Forgets the answers to whichever outbox was silent for longest, of those authors.
    fn forget_silent(&mut self, is_meant: impl Fn(ParticipantId) -> bool) {
        let meant = self.outboxes.iter().filter(|((author, _), _)| is_meant(*author));
        let silent = meant.min_by_key(|(_, answers)| answers.heard_at).map(|(key, _)| *key);
        let Some((author, outbox)) = silent else { return };
        if let Some(mut answers) = self.outboxes.remove(&(author, outbox)) {
            let forget = applied(std::mem::take(&mut answers.given));
            self.ask(LedgerWrite::Forgotten { author, outbox, forget });
        }
    }
}

impl Answers {
    /// Forgets what its author has heard; returns the applied operations among it, where this is news.
    fn settle(&mut self, settled: Counter) -> Option<Vec<Counter>> {
        if settled <= self.settled {
            return None;
        }
        self.settled = settled;
        let still_given = self.given.split_off(&settled);
        Some(applied(std::mem::replace(&mut self.given, still_given)))
    }

    /// Twice as many as are ever on the way are remembered. What waits for ever at its author (for a person, or another session) settles
    /// nothing; the oldest answers go then, and the document itself knows its last writers.
    fn make_room(&mut self) -> Vec<Counter> {
        let mut gone = BTreeMap::new();
        while self.given.len() >= 2 * OPERATIONS_IN_FLIGHT_MAX {
            gone.extend(self.given.pop_first());
        }
        applied(gone)
    }
}

/// Which of these were applied: the others the store never had.
fn applied(given: BTreeMap<Counter, Outcome>) -> Vec<Counter> {
    let is_applied = |outcome: &Outcome| matches!(outcome, Outcome::Accepted { .. });
    given.into_iter().filter(|(_, outcome)| is_applied(outcome)).map(|(counter, _)| counter).collect()
}
