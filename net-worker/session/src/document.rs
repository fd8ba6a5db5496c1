//! The session document: what everybody agrees on, one value for each register, in an order that the host gives.
//!
//! [`Authority`] (beside the relay) decides and counts revisions, [`Outbox`] (beside each participant) keeps what was changed until
//! it is answered, [`Replica`] is a participant's copy with their own changes on top. Sans-IO, all three; they do not know faders
//! on a screen, rings or disks.

mod authority;
mod kept;
mod outbox;
mod replica;
mod traffic;

use std::collections::BTreeMap;

use backline_wire::limits::DOCUMENT_ENTRIES_MAX;
use backline_wire::{Change, DocumentId, Entry, Grantee, Name, ParticipantId, Register, Revision, Scope};

pub use authority::Authority;
pub use kept::{KeptDocument, KeptOutbox, LedgerWrite, operation_of};
pub use outbox::{OperationState, Outbox, OutboxStats, QueuedOperation, Settled, StoreRequest};
pub use replica::{Conflict, Replica};
pub use traffic::{OperationCounts, OperationTraffic};

/// The values, by register and by revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    id: DocumentId,
    entries: BTreeMap<Register, Entry>,
    by_revision: BTreeMap<Revision, Register>,
    revision: Revision,
}

impl Document {
    /// With nothing in it.
    pub fn new(id: DocumentId) -> Self {
        Self { id, entries: BTreeMap::new(), by_revision: BTreeMap::new(), revision: Revision::default() }
    }

    /// As it was kept; of two entries for one register the later counts.
    pub fn restore(id: DocumentId, entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut document = Self::new(id);
        entries.into_iter().for_each(|entry| document.put(entry));
        document
    }

    /// Which.
    pub fn id(&self) -> DocumentId {
        self.id
    }

    /// The last that is in it.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// What a register holds; none before anybody wrote it.
    pub fn get(&self, register: &Register) -> Option<&Entry> {
        self.entries.get(register)
    }

    /// What was written after a revision, in the order of revisions.
    pub fn since(&self, revision: Revision) -> impl Iterator<Item = &Entry> {
        let after = (std::ops::Bound::Excluded(revision), std::ops::Bound::Unbounded);
        self.by_revision.range(after).filter_map(|(_, register)| self.entries.get(register))
    }

    /// Everything, what was written last first.
    pub fn latest(&self) -> impl Iterator<Item = &Entry> {
        self.by_revision.values().rev().filter_map(|register| self.entries.get(register))
    }

    /// Everything, in the order of registers.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// How many registers hold something.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nobody wrote anything.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether `author` may write there: it is theirs, or its owner lets them.
    pub fn may(&self, author: ParticipantId, register: &Register) -> bool {
        if register.is_open_to(author) {
            return true;
        }
        let Register::Fader(fader, _) = register else { return false };
        let lets = |grantee| self.is_granted(fader.scope(), grantee);
        lets(Grantee::Everyone) || lets(Grantee::Participant(author))
    }

    /// Whether the owner of a scope lets anybody move its faders.
    pub fn is_open(&self, scope: Scope) -> bool {
        let of_scope = self.entries.range(Register::Permission(scope, Grantee::Everyone)..);
        let mut grants = of_scope
            .take_while(|(register, _)| matches!(register, Register::Permission(of, _) if *of == scope));
        grants.any(|(_, entry)| matches!(entry.change, Change::Permission { allowed: true, .. }))
    }

    /// Name and colour of all who have ever been in the session.
    pub fn people(&self) -> impl Iterator<Item = (ParticipantId, &Name, [u8; 3])> {
        let people = self.entries.range(Register::Person(ParticipantId([0; 32]))..);
        people.filter_map(|(_, entry)| match &entry.change {
            Change::Person { participant, name, colour } => Some((*participant, name, *colour)),
            _ => None,
        })
    }

    fn is_granted(&self, scope: Scope, grantee: Grantee) -> bool {
        let entry = self.entries.get(&Register::Permission(scope, grantee));
        matches!(entry.map(|entry| &entry.change), Some(Change::Permission { allowed: true, .. }))
    }

    /// Takes an entry with its revision; an older one than the register's is left out, and one beyond what a document may hold.
    fn put(&mut self, entry: Entry) {
        let register = entry.change.register();
        if let Some(known) = self.entries.get(&register) {
            if known.revision >= entry.revision {
                return;
            }
            self.by_revision.remove(&known.revision);
        } else if self.entries.len() >= DOCUMENT_ENTRIES_MAX {
            return;
        }
        self.revision = self.revision.max(entry.revision);
        self.by_revision.insert(entry.revision, register);
        self.entries.insert(register, entry);
    }
}

#[cfg(test)]
mod tests;
