//! What a participant has changed and the host has not answered yet: kept until it is, replayed in order, never twice.
//!
//! ```text
//! pending ──stored, its turn──> sending ──> accepted | superseded | refused   (settled: gone from here and from the store)
//!    ^                             │
//!    └── no answer, connection lost┘  after so many times without an answer: failed, until a person retries or discards it
//! ```
//!
//! An operation leaves only once it is in the store, so that no crash makes another one of the same id. A pending one that the host cannot have seen
//! is overwritten by the next change of the same register. The step before is the session; the step after is the control channel and the
//! store.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use backline_wire::limits::{
    FADER_MESSAGES_PER_SECOND, OPERATIONS_IN_FLIGHT_MAX, OPERATIONS_PER_MESSAGE_MAX,
};
use backline_wire::{Change, Control, Counter, DocumentId, Operation, OutboxId, Outcome, Register};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// How long an answer may take before the operation is sent again.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(3);
/// The longest wait before the second attempt; it doubles from attempt to attempt up to the last. The wait itself is random
/// (full jitter), so that many participants who come back at once do not come back together each time.
const BACK_OFF_FIRST: Duration = Duration::from_millis(250);
const BACK_OFF_LAST: Duration = Duration::from_secs(8);
/// Attempts without an answer before a person is asked.
const ATTEMPTS_MAX: u8 = 8;
/// One fader is sent so far apart while it is dragged.
const SAME_FADER_APART: Duration = Duration::from_millis(1_000 / FADER_MESSAGES_PER_SECOND as u64);

/// Where an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationState {
    /// Waits for the store, the connection, or its turn.
    Pending,
    /// On the way; not answered yet.
    Sending,
    /// Not answered in spite of all attempts; waits for a person.
    Failed,
}

/// One change on its way; also what the store keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedOperation {
    /// Which, in this outbox.
    pub counter: Counter,
    /// Of which session.
    pub document: DocumentId,
    /// What.
    pub change: Change,
    /// When, in ms since 1970 of this machine's clock.
    pub made_at_ms: u64,
    /// Attempts that had no answer.
    pub attempts: u8,
    /// In the store never [`OperationState::Sending`]: after a crash nobody knows.
    pub state: OperationState,
}

/// What the store must do, in this order. Each is confirmed by [`Outbox::handle_stored`] or [`Outbox::handle_store_failed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreRequest {
    /// Keep this, in place of what is there under its counter.
    Put {
        /// For the confirmation.
        ticket: u64,
        /// What to keep.
        operation: QueuedOperation,
    },
    /// It is settled.
    Remove {
        /// For the confirmation.
        ticket: u64,
        /// Which.
        counter: Counter,
    },
}

/// An operation that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// What it was.
    pub change: Change,
    /// What became of it.
    pub outcome: Outcome,
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboxStats {
    /// Changes that were made.
    pub made: u64,
    /// Of these, those that a later one overwrote before they were sent.
    pub coalesced: u64,
    /// Operations that were sent, each attempt counted.
    pub sent: u64,
    /// Answers: it is in the document.
    pub accepted: u64,
    /// Answers: somebody changed the same later.
    pub superseded: u64,
    /// Answers: not allowed, or no room.
    pub refused: u64,
    /// Attempts that had no answer.
    pub unanswered: u64,
    /// Given up until a person retries.
    pub failed: u64,
    /// The most that ever waited.
    pub waiting_max: usize,
}

/// The queue.
///
/// Polling order: `poll_store` until none, then `poll_message` until none, then `poll_timeout`.
pub struct Outbox {
    id: OutboxId,
    next: Counter,
    queue: BTreeMap<Counter, Waiting>,
    /// The newest operation of each register that is waiting, session by session: what waits for one is nothing to another.
    newest: BTreeMap<Place, Counter>,
    last_sent: BTreeMap<Register, Instant>,
    has_store: bool,
    store: VecDeque<StoreRequest>,
    last_ticket: u64,
    /// The store has done everything up to here.
    stored: u64,
    in_flight: usize,
    random: ChaCha20Rng,
    stats: OutboxStats,
}

/// A register of a session.
type Place = ([u8; 8], Register);

struct Waiting {
    operation: QueuedOperation,
    /// The request to the store that must be done before this may be sent; 0 where there is none.
    ticket: u64,
    /// The host may have seen it: it is not overwritten any more.
    may_be_known: bool,
    sent_at: Option<Instant>,
    retry_at: Option<Instant>,
}

impl Outbox {
    /// Without a store: what waits is lost with the process. `id` must be new.
    pub fn in_memory(id: OutboxId, seed: [u8; 32]) -> Self {
        Self {
            id,
            next: Counter(1),
            queue: BTreeMap::new(),
            newest: BTreeMap::new(),
            last_sent: BTreeMap::new(),
            has_store: false,
            store: VecDeque::new(),
            last_ticket: 0,
            stored: 0,
            in_flight: 0,
            random: ChaCha20Rng::from_seed(seed),
            stats: OutboxStats::default(),
        }
    }

    /// With a store and what it had kept: poll [`Outbox::poll_store`] and confirm. `next` is the first counter that was never given.
    pub fn with_store(
        id: OutboxId,
        next: Counter,
        kept: impl IntoIterator<Item = QueuedOperation>,
        seed: [u8; 32],
    ) -> Self {
        let mut outbox = Self { has_store: true, next: next.max(Counter(1)), ..Self::in_memory(id, seed) };
        for mut operation in kept {
            if operation.state == OperationState::Sending {
                operation.state = OperationState::Pending;
            }
            outbox.next = outbox.next.max(Counter(operation.counter.0.saturating_add(1)));
            outbox.newest.insert(place_of(&operation), operation.counter);
            let waiting = Waiting { operation, ticket: 0, may_be_known: true, sent_at: None, retry_at: None };
            outbox.queue.insert(waiting.operation.counter, waiting);
        }
        outbox
    }

    /// Which queue this is.
    pub fn id(&self) -> OutboxId {
        self.id
    }

    /// The first counter that no operation has had; the store keeps it, for all may be settled at a crash.
    pub fn next_counter(&self) -> Counter {
        self.next
    }

    /// The participant changes something.
    pub fn make(&mut self, document: DocumentId, change: Change, unix_time: Duration) {
        self.stats.made += 1;
        let place = (document.session(), change.register());
        let made_at_ms = unix_time.as_millis() as u64;
        let unseen = self.newest.get(&place).copied().filter(|counter| {
            let waiting = self.queue.get(counter);
            waiting.is_some_and(|waiting| !waiting.may_be_known && waiting.operation.document == document)
        });
        let counter = unseen.unwrap_or(self.next);
        if unseen.is_some() {
            self.stats.coalesced += 1;
        } else {
            self.next = Counter(self.next.0 + 1);
        }
        let state = OperationState::Pending;
        let operation = QueuedOperation { counter, document, change, made_at_ms, attempts: 0, state };
        let ticket = self.put(&operation);
        self.newest.insert(place, counter);
        self.queue.insert(
            counter,
            Waiting { operation, ticket, may_be_known: false, sent_at: None, retry_at: None },
        );
        self.stats.waiting_max = self.stats.waiting_max.max(self.queue.len());
    }

    /// What the participant wants a register of a session to hold, as long as that is not answered.
    pub fn wanted(&self, document: DocumentId, register: &Register) -> Option<&Change> {
        let counter = self.newest.get(&(document.session(), *register))?;
        self.queue.get(counter).map(|waiting| &waiting.operation.change)
    }

    /// The store has done what was asked.
    pub fn handle_stored(&mut self, ticket: u64) {
        self.stored = self.stored.max(ticket);
    }

    /// The store cannot keep anything now (a full disk): what is made goes on from memory, in an outbox that nobody has seen.
    pub fn handle_store_failed(&mut self, fresh: OutboxId) {
        self.has_store = false;
        self.store.clear();
        self.stored = self.last_ticket;
        self.id = fresh;
        self.disconnected();
    }

    /// The host has answered. None for what is settled already.
    pub fn handle_outcome(
        &mut self,
        outbox: OutboxId,
        counter: Counter,
        outcome: Outcome,
    ) -> Option<Settled> {
        if outbox != self.id {
            return None;
        }
        let waiting = self.take(counter)?;
        match &outcome {
            Outcome::Accepted { .. } => self.stats.accepted += 1,
            Outcome::Superseded { .. } => self.stats.superseded += 1,
            Outcome::Refused { .. } => self.stats.refused += 1,
        }
        Some(Settled { change: waiting.operation.change, outcome })
    }

    /// The connection to the host is lost: what is on the way has to be sent again. Not an attempt that failed.
    pub fn disconnected(&mut self) {
        self.in_flight = 0;
        for waiting in self.queue.values_mut() {
            waiting.sent_at = None;
            waiting.retry_at = None;
            if waiting.operation.state == OperationState::Sending {
                waiting.operation.state = OperationState::Pending;
            }
        }
    }

    /// What has not been answered in time is sent again later, or failed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let late = |waiting: &Waiting| {
            waiting.sent_at.is_some_and(|at| now.saturating_duration_since(at) >= ANSWER_TIME_MAX)
        };
        let late: Vec<Counter> =
            self.queue.iter().filter(|(_, waiting)| late(waiting)).map(|(counter, _)| *counter).collect();
        for counter in late {
            self.unanswered(counter, now);
        }
    }

    /// The next message for the host of `document`, when it is connected: what was changed in this session, in whichever history.
    pub fn poll_message(
        &mut self,
        document: DocumentId,
        now: Instant,
        unix_time: Duration,
    ) -> Option<Control> {
        let now_ms = unix_time.as_millis() as u64;
        let mut operations = Vec::new();
        for (counter, waiting) in &mut self.queue {
            if operations.len() == OPERATIONS_PER_MESSAGE_MAX || self.in_flight == OPERATIONS_IN_FLIGHT_MAX {
                break;
            }
            if !waiting.operation.document.is_same_session(&document)
                || waiting.operation.state == OperationState::Failed
            {
                continue;
            }
            let waits = waiting.retry_at.is_some_and(|at| at > now);
            if waits || waiting.ticket > self.stored {
                // Whatever is behind it waits as well: they are replayed in order.
                break;
            }
            let register = waiting.operation.change.register();
            let is_dragged = self
                .last_sent
                .get(&register)
                .is_some_and(|at| now.saturating_duration_since(*at) < SAME_FADER_APART);
            if waiting.sent_at.is_some() || is_dragged {
                continue;
            }
            (waiting.sent_at, waiting.may_be_known) = (Some(now), true);
            waiting.operation.state = OperationState::Sending;
            self.last_sent.insert(register, now);
            self.in_flight += 1;
            operations.push(Operation {
                counter: *counter,
                age_ms: now_ms.saturating_sub(waiting.operation.made_at_ms),
                change: waiting.operation.change.clone(),
            });
        }
        if operations.is_empty() {
            return None;
        }
        self.stats.sent += operations.len() as u64;
        // Registers that nobody drags any more are not remembered.
        self.last_sent.retain(|_, at| now.saturating_duration_since(*at) < SAME_FADER_APART);
        let is_of_session = |waiting: &Waiting| waiting.operation.document.is_same_session(&document);
        let of_document = self.queue.iter().find(|(_, waiting)| is_of_session(waiting));
        let settled = of_document.map_or(self.next, |(counter, _)| *counter);
        Some(Control::Operate { outbox: self.id, settled, operations })
    }

    /// What the store must do next.
    pub fn poll_store(&mut self) -> Option<StoreRequest> {
        self.store.pop_front()
    }

    /// When `handle_timeout` or `poll_message` has something to do by the time alone, connected to the host of `document`; what can be
    /// done at once was done by the last `poll_message`.
    pub fn poll_timeout(&self, document: DocumentId) -> Option<Instant> {
        let is_of_session = |waiting: &&Waiting| waiting.operation.document.is_same_session(&document);
        // Behind those that are on the way, nothing is due before one of them is.
        let front = self.queue.values().filter(is_of_session).take(OPERATIONS_IN_FLIGHT_MAX + 1);
        let due = |waiting: &Waiting| match waiting.operation.state {
            OperationState::Failed => None,
            OperationState::Sending => waiting.sent_at.map(|at| at + ANSWER_TIME_MAX),
            OperationState::Pending => {
                let dragged = self.last_sent.get(&waiting.operation.change.register());
                waiting.retry_at.or(dragged.map(|at| *at + SAME_FADER_APART))
            }
        };
        front.filter_map(due).min()
    }

    /// Everything that waits, in order: for the banner and for a person who looks closer.
    pub fn waiting(&self) -> impl Iterator<Item = &QueuedOperation> {
        self.queue.values().map(|waiting| &waiting.operation)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether all is settled.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// A person wants everything tried again now (*Sync now*), also what has failed.
    pub fn retry(&mut self) {
        let counters: Vec<Counter> = self.queue.keys().copied().collect();
        for counter in counters {
            let Some(waiting) = self.queue.get_mut(&counter) else { continue };
            waiting.retry_at = None;
            if waiting.operation.state == OperationState::Failed {
                (waiting.operation.state, waiting.operation.attempts) = (OperationState::Pending, 0);
                let operation = waiting.operation.clone();
                self.put(&operation);
            }
        }
    }

    /// A person gives one up. None when it is not there, or on its way: then only its answer tells.
    pub fn discard(&mut self, counter: Counter) -> Option<Change> {
        let is_sending = |waiting: &Waiting| waiting.operation.state == OperationState::Sending;
        if self.queue.get(&counter).is_none_or(is_sending) {
            return None;
        }
        self.take(counter).map(|waiting| waiting.operation.change)
    }

    /// What was counted.
    pub fn stats(&self) -> OutboxStats {
        self.stats
    }

    fn take(&mut self, counter: Counter) -> Option<Waiting> {
        let waiting = self.queue.remove(&counter)?;
        if waiting.sent_at.is_some() {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
        let place = place_of(&waiting.operation);
        if self.newest.get(&place) == Some(&counter) {
            self.newest.remove(&place);
        }
        if self.has_store {
            self.last_ticket += 1;
            self.store.push_back(StoreRequest::Remove { ticket: self.last_ticket, counter });
        }
        Some(waiting)
    }

    fn unanswered(&mut self, counter: Counter, now: Instant) {
        let Some(waiting) = self.queue.get_mut(&counter) else { return };
        self.stats.unanswered += 1;
        self.in_flight = self.in_flight.saturating_sub(1);
        waiting.sent_at = None;
        waiting.operation.attempts = waiting.operation.attempts.saturating_add(1);
        if waiting.operation.attempts >= ATTEMPTS_MAX {
            waiting.operation.state = OperationState::Failed;
            self.stats.failed += 1;
        } else {
            waiting.operation.state = OperationState::Pending;
            let doublings = u32::from(waiting.operation.attempts - 1).min(16);
            let longest = BACK_OFF_FIRST.saturating_mul(1 << doublings).min(BACK_OFF_LAST);
            let share = f64::from(self.random.next_u32()) / f64::from(u32::MAX);
            waiting.retry_at = Some(now + longest.mul_f64(share));
        }
        let operation = waiting.operation.clone();
        self.put(&operation);
    }

    /// Asks the store to keep it, and returns the request's ticket; 0 without a store.
    fn put(&mut self, operation: &QueuedOperation) -> u64 {
        if !self.has_store {
            return 0;
        }
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        self.store.push_back(StoreRequest::Put { ticket, operation: operation.clone() });
        ticket
    }
}

fn place_of(operation: &QueuedOperation) -> Place {
    (operation.document.session(), operation.change.register())
}
