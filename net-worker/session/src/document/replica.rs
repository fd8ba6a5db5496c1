//! A participant's copy of the document, with what they want on top of it until that is answered.
//!
//! So a fader stays where it was put: neither an older value that is still on the way nor the answer itself moves it. The step before is the
//! control channel, the step after is what the person sees and hears.

use std::collections::BTreeMap;

use backline_wire::{
    Change, Control, DocumentId, Entry, Fader, Outcome, ParticipantId, Register, Revision, SettingKind,
};

use super::{Document, Outbox, Settled};

/// Somebody else's later change won over one of ours, or the host refused ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// What we wanted.
    pub wanted: Change,
    /// What became of it.
    pub outcome: Outcome,
}

/// The copy.
#[derive(Debug, Clone, Default)]
pub struct Replica {
    document: Option<Document>,
    /// Of the same session in the history before, until this one is up to date: nothing flickers when a host comes back.
    before: Option<Document>,
    /// What the host had when it first told us of the document.
    head: Revision,
    /// Answered as accepted, and not told by the host yet: what we want goes on being shown until then.
    accepted: BTreeMap<Register, (Revision, Change)>,
}

impl Replica {
    /// The copy itself, without what we want on top; none before the host has told us its document.
    pub fn document(&self) -> Option<&Document> {
        self.document.as_ref()
    }

    /// The copy to go on from where the host is gone: the last that was whole.
    pub fn whole_copy(&self) -> Option<&Document> {
        self.before.as_ref().or(self.document.as_ref())
    }

    /// Whether everything has come that the host had when it first told us.
    pub fn is_up_to_date(&self) -> bool {
        self.document.as_ref().is_some_and(|document| document.revision() >= self.head)
    }

    /// Which document.
    pub fn id(&self) -> Option<DocumentId> {
        self.document.as_ref().map(Document::id)
    }

    /// What a register holds for us: what we want, else what everybody agrees on.
    pub fn value<'a>(&'a self, outbox: &'a Outbox, register: &Register) -> Option<&'a Change> {
        let accepted = || self.accepted.get(register).map(|(_, change)| change);
        let agreed = || self.whole_copy()?.get(register).map(|entry| &entry.change);
        let wanted = || outbox.wanted(self.id()?, register);
        wanted().or_else(accepted).or_else(agreed)
    }

    /// Who moved a fader last, as everybody agrees.
    pub fn last_author(&self, fader: Fader) -> Option<ParticipantId> {
        let document = self.whole_copy()?;
        let entries = SettingKind::ALL.iter().filter_map(|kind| document.get(&Register::Fader(fader, *kind)));
        entries.max_by_key(|entry| entry.revision).map(|entry| entry.author)
    }

    /// Whether `participant` may write there, as far as we know.
    pub fn may(&self, participant: ParticipantId, register: &Register) -> bool {
        match self.whole_copy() {
            Some(document) => document.may(participant, register),
            None => register.is_open_to(participant),
        }
    }

    /// What was written since. Entries of another document, or of another history of the same, replace everything.
    pub fn handle_changes(&mut self, id: DocumentId, head: Revision, entries: Vec<Entry>) {
        let document = match &mut self.document {
            Some(document) if document.id() == id => document,
            other => {
                self.accepted.clear();
                self.head = head;
                let whole = self.before.take().or_else(|| other.take());
                self.before = whole.filter(|whole| whole.id().is_same_session(&id));
                other.insert(Document::new(id))
            }
        };
        for entry in entries {
            document.put(entry);
        }
        let revision = document.revision();
        self.accepted.retain(|_, (accepted, _)| *accepted > revision);
        if revision >= self.head {
            self.before = None;
        }
    }

    /// One of ours was answered. A conflict is for the person; who overtook themselves needs not hear of it.
    pub fn handle_settled(&mut self, settled: Settled, me: ParticipantId) -> Option<Conflict> {
        let Settled { change, outcome } = settled;
        match &outcome {
            Outcome::Accepted { revision } => {
                let told = self.document.as_ref().map_or(Revision::default(), Document::revision);
                if *revision > told {
                    self.accepted.insert(change.register(), (*revision, change));
                }
                None
            }
            Outcome::Superseded { by } if by.author == me => None,
            Outcome::Superseded { .. } | Outcome::Refused { .. } => {
                Some(Conflict { wanted: change, outcome })
            }
        }
    }

    /// How far we are, for the host: none before we know its document.
    pub fn follow(&self) -> Option<Control> {
        let document = self.document.as_ref()?;
        Some(Control::Follow { document: document.id(), revision: document.revision() })
    }
}
