//! What a host keeps of its session's document, so that it can go on after a crash: the entries, and which operations were applied.
//!
//! [`LedgerWrite`] is what [`Authority`](super::Authority) asks of the store, in order; [`KeptDocument`] is what a store holds that has
//! done these. It knows no disk: the client writes the same as bytes, simulations use it as it is.

use std::collections::{BTreeMap, BTreeSet};

use backline_wire::{
    Counter, DocumentId, Entry, Fader, Grantee, OutboxId, ParticipantId, Register, Revision, Scope,
};

use super::Document;

/// What the store of a host must do, in this order. Each is done wholly or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerWrite {
    /// Keep this entry in place of what is there for its register, and that its operation was applied.
    Entry(Entry),
    /// The author has settled everything before `settled`: these operations need not be remembered any more.
    Settled {
        /// Whose.
        author: ParticipantId,
        /// Of which outbox.
        outbox: OutboxId,
        /// The first that they have not settled.
        settled: Counter,
        /// Applied operations that are there and before it.
        forget: Vec<Counter>,
    },
    /// An outbox is not remembered any more.
    Forgotten {
        /// Whose.
        author: ParticipantId,
        /// Which outbox.
        outbox: OutboxId,
        /// Applied operations of it that are there.
        forget: Vec<Counter>,
    },
}

impl LedgerWrite {
    /// Whose operation it comes from.
    pub fn author(&self) -> ParticipantId {
        match self {
            LedgerWrite::Entry(entry) => entry.author,
            LedgerWrite::Settled { author, .. } | LedgerWrite::Forgotten { author, .. } => *author,
        }
    }
}

/// What is remembered of one outbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptOutbox {
    /// All before it are settled.
    pub settled: Counter,
    /// Operations that were applied, and as which revision.
    pub applied: BTreeMap<Counter, Revision>,
}

/// A document with all that its authority must not forget.
///
/// Budgets are not in it: they are full again after a second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptDocument {
    /// Which.
    pub id: DocumentId,
    entries: BTreeMap<Register, Entry>,
    outboxes: BTreeMap<(ParticipantId, OutboxId), KeptOutbox>,
}

impl KeptDocument {
    /// With nothing in it.
    pub fn new(id: DocumentId) -> Self {
        Self { id, entries: BTreeMap::new(), outboxes: BTreeMap::new() }
    }

    /// A participant's copy, to go on from. What was applied is known of the last writer of each register.
    pub fn of_copy(copy: &Document) -> Self {
        let mut kept = Self::new(copy.id());
        copy.entries().for_each(|entry| kept.apply(&LedgerWrite::Entry(entry.clone())));
        kept
    }

    /// As a store has it.
    pub fn from_parts(
        id: DocumentId,
        entries: impl IntoIterator<Item = Entry>,
        outboxes: BTreeMap<(ParticipantId, OutboxId), KeptOutbox>,
    ) -> Self {
        let entries = entries.into_iter().map(|entry| (entry.change.register(), entry)).collect();
        Self { id, entries, outboxes }
    }

    /// The same session in a history of its own, which begins with what is here; `history` must be random.
    pub fn in_history(self, history: [u8; 8]) -> Self {
        Self { id: self.id.in_history(history), ..self }
    }

    /// Does what the authority asks of a store.
    pub fn apply(&mut self, write: &LedgerWrite) {
        match write {
            LedgerWrite::Entry(entry) => {
                if let Some((outbox, counter)) = operation_of(entry) {
                    let kept = self.outboxes.entry((entry.author, outbox)).or_default();
                    kept.applied.insert(counter, entry.revision);
                }
                self.entries.insert(entry.change.register(), entry.clone());
            }
            LedgerWrite::Settled { author, outbox, settled, forget } => {
                let kept = self.outboxes.entry((*author, *outbox)).or_default();
                kept.settled = kept.settled.max(*settled);
                kept.applied.retain(|counter, _| !forget.contains(counter));
            }
            LedgerWrite::Forgotten { author, outbox, .. } => {
                self.outboxes.remove(&(*author, *outbox));
            }
        }
    }

    /// Every register's value.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Everybody of whom something is kept.
    pub fn participants(&self) -> BTreeSet<ParticipantId> {
        let authors = self.outboxes.keys().map(|(author, _)| *author);
        self.entries.keys().flat_map(|register| people_of(*register)).flatten().chain(authors).collect()
    }

    /// Forgets people with all that is theirs or about them: name, faders, permissions, outboxes. What the store must do for it, too. Only before the
    /// document gets a history of its own: copies of the one that it has keep what they have.
    pub fn forget(&mut self, gone: &BTreeSet<ParticipantId>) -> (Vec<Register>, Vec<LedgerWrite>) {
        let is_gone =
            |register: &Register| people_of(*register).into_iter().flatten().any(|who| gone.contains(&who));
        let registers: Vec<Register> =
            self.entries.keys().filter(|register| is_gone(register)).copied().collect();
        registers.iter().for_each(|register| drop(self.entries.remove(register)));
        let outboxes = self.outboxes.iter().filter(|((author, _), _)| gone.contains(author));
        let forgotten: Vec<LedgerWrite> = outboxes
            .map(|((author, outbox), kept)| LedgerWrite::Forgotten {
                author: *author,
                outbox: *outbox,
                forget: kept.applied.keys().copied().collect(),
            })
            .collect();
        forgotten.iter().for_each(|write| self.apply(write));
        (registers, forgotten)
    }

    /// What is remembered of each outbox.
    pub fn outboxes(&self) -> impl Iterator<Item = (&(ParticipantId, OutboxId), &KeptOutbox)> {
        self.outboxes.iter()
    }
}

/// Whose a register is, and about whom.
fn people_of(register: Register) -> [Option<ParticipantId>; 2] {
    let of_scope = |scope| match scope {
        Scope::Send(source) => source.participant,
        Scope::Monitor(listener) => listener,
    };
    match register {
        Register::Fader(Fader::Send(source), _) => [Some(source.participant), None],
        Register::Fader(Fader::Monitor { listener, source }, _) => [Some(listener), Some(source.participant)],
        Register::Permission(scope, Grantee::Everyone) => [Some(of_scope(scope)), None],
        Register::Permission(scope, Grantee::Participant(grantee)) => [Some(of_scope(scope)), Some(grantee)],
        Register::Person(participant) => [Some(participant), None],
        Register::Tempo | Register::Leader => [None, None],
    }
}

/// By which operation an entry was written; none where the host wrote it by itself.
pub fn operation_of(entry: &Entry) -> Option<(OutboxId, Counter)> {
    Some(entry.operation).filter(|operation| *operation != (OutboxId(0), Counter(0)))
}
