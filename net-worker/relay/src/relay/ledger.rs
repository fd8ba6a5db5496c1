//! The session document at the host: operations of members in, outcomes to their authors and changes to all out.
//!
//! What changes is told at most every 20 ms, the last value of each register: a fader that is dragged costs its listeners 50 messages a
//! second at the most, and who is behind catches up by the same way. The step before is a member's control message; inside is
//! [`Authority`]; the step after is each member's path.

use std::collections::BTreeMap;

use backline_wire::limits::{CHANGES_IN_FLIGHT_MAX, ENTRIES_PER_MESSAGE_MAX};
use backline_wire::{Counter, Entry, Operation, OutboxId, Outcome, Revision};

use super::*;
use crate::members::Following;

/// Between two times that members are told of changes.
const TELL_EVERY: Duration = Duration::from_millis(20);

/// What one participant wanted to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberOperations {
    /// Who.
    pub participant: ParticipantId,
    /// Their name.
    pub name: Name,
    /// How much, and what became of it.
    pub traffic: OperationTraffic,
}

/// The document and what has to be said of it.
pub(super) struct Ledger {
    authority: Authority,
    /// Answers that wait until what they say is kept.
    outcomes: BTreeMap<(PeerId, OutboxId), Vec<(Counter, Outcome)>>,
    /// Something is to be said, from then on.
    due: Option<Instant>,
    told_at: Instant,
    started: (Instant, Duration),
}

impl Ledger {
    pub fn new(authority: Authority, started: (Instant, Duration)) -> Self {
        Self { authority, outcomes: BTreeMap::new(), due: None, told_at: started.0, started }
    }

    /// When [`Relay::tell_document`] has something to do.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Somebody is in, or has another name or colour.
    pub fn introduce(&mut self, participant: ParticipantId, name: Name, colour: [u8; 3], now: Instant) {
        let unix_time = self.unix_time(now);
        self.authority.introduce(participant, name, colour, unix_time);
        self.wake(now);
    }

    /// What the document and its answers take.
    pub fn holdings(&self) -> Vec<(&'static str, usize)> {
        let waiting = self.outcomes.values().map(Vec::len).sum();
        std::iter::once(("answers that wait", waiting)).chain(self.authority.holdings()).collect()
    }

    fn wake(&mut self, now: Instant) {
        self.due.get_or_insert(now.max(self.told_at + TELL_EVERY));
    }

    pub fn unix_time(&self, now: Instant) -> Duration {
        self.started.1 + now.saturating_duration_since(self.started.0)
    }
}

impl Relay {
    /// What everybody agrees on.
    pub fn document(&self) -> &Document {
        self.ledger.authority.document()
    }

    /// What became of the operations of all members together.
    pub fn document_stats(&self) -> OperationCounts {
        self.ledger.authority.stats()
    }

    /// What a participant wanted to change, in all.
    pub(super) fn operations_of(&self, participant: ParticipantId, now: Instant) -> OperationCounts {
        self.ledger.authority.traffic(participant, now).total
    }

    /// What each participant who is in wanted to change, of late and in all; each once, in the order of ids.
    pub fn operations(&self, now: Instant) -> Vec<MemberOperations> {
        let members = self.members.iter().map(|(_, member)| (member.info.participant, &member.info.name));
        let members: BTreeMap<ParticipantId, &Name> = members.collect();
        let view = |(participant, name): (ParticipantId, &Name)| MemberOperations {
            participant,
            name: name.clone(),
            traffic: self.ledger.authority.traffic(participant, now),
        };
        members.into_iter().map(view).collect()
    }

    /// What the store must do next; only with a store. Nobody is told of an entry before it is kept.
    pub fn poll_store(&mut self) -> Option<LedgerWrite> {
        self.ledger.authority.poll_store()
    }

    /// The store has everything up to this revision.
    pub fn handle_stored(&mut self, now: Instant, revision: Revision) {
        self.ledger.authority.handle_stored(revision);
        self.ledger.wake(now);
        self.tell_document(now);
    }

    /// The store cannot keep anything now: the session goes on from memory.
    pub fn handle_store_failed(&mut self, now: Instant) {
        self.ledger.authority.handle_store_failed();
        self.ledger.wake(now);
        self.tell_document(now);
    }

    /// Tells who has just come in which document there is; they say how much of it they have.
    pub(super) fn offer_document(&mut self, now: Instant, peer: PeerId) {
        let document = self.document().id();
        let head = self.ledger.authority.kept();
        self.say(now, peer, &Control::Changes { document, head, entries: Vec::new() });
    }

    /// A member has the document up to a revision, or none of it yet.
    pub(super) fn member_follows(
        &mut self,
        now: Instant,
        peer: PeerId,
        document: DocumentId,
        revision: Revision,
    ) {
        let is_ours = document == self.document().id();
        let Some(member) = self.members.get_mut(peer) else { return };
        match &mut member.following {
            Some(following) => following.in_flight = following.in_flight.saturating_sub(1),
            following => {
                let told = if is_ours { revision } else { Revision::default() };
                *following = Some(Following { told, in_flight: 0 });
            }
        }
        self.tell_changes(now, peer);
    }

    /// A member wants something changed.
    pub(super) fn member_operates(
        &mut self,
        now: Instant,
        peer: PeerId,
        outbox: (OutboxId, Counter),
        operations: Vec<Operation>,
    ) {
        let Some(author) = self.members.get(peer).map(|member| member.info.participant) else { return };
        let clock = (now, self.ledger.unix_time(now));
        for operation in operations {
            let counter = operation.counter;
            if let Some(outcome) = self.ledger.authority.operate(author, outbox, operation, clock) {
                self.ledger.outcomes.entry((peer, outbox.0)).or_default().push((counter, outcome));
            }
        }
        self.ledger.wake(now);
    }

    /// Says what is due: outcomes first, so that nobody sees a change of their own before its answer.
    pub(super) fn tell_document(&mut self, now: Instant) {
        if self.ledger.due.is_none_or(|due| due > now) {
            return;
        }
        self.ledger.due = None;
        self.ledger.told_at = now;
        self.tell_outcomes(now);
        self.mix_as_documented();
        let followers: Vec<PeerId> = self.members.iter().map(|(peer, _)| peer).collect();
        for peer in followers {
            self.tell_changes(now, peer);
        }
    }

    fn tell_outcomes(&mut self, now: Instant) {
        let kept = self.ledger.authority.kept();
        let may_be_told = |outcome: &Outcome| match outcome {
            Outcome::Accepted { revision } => *revision <= kept,
            Outcome::Superseded { by } => by.revision <= kept,
            Outcome::Refused { .. } => true,
        };
        for ((peer, outbox), waiting) in std::mem::take(&mut self.ledger.outcomes) {
            let (ready, unkept): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|(_, outcome)| may_be_told(outcome));
            for outcomes in ready.chunks(ENTRIES_PER_MESSAGE_MAX) {
                self.say(now, peer, &Control::Outcomes { outbox, outcomes: outcomes.to_vec() });
            }
            if !unkept.is_empty() && self.members.get(peer).is_some() {
                self.ledger.outcomes.insert((peer, outbox), unkept);
            }
        }
    }

    fn tell_changes(&mut self, now: Instant, peer: PeerId) {
        let kept = self.ledger.authority.kept();
        while let Some(following) = self.members.get(peer).and_then(|member| member.following) {
            if following.in_flight >= CHANGES_IN_FLIGHT_MAX {
                return;
            }
            let document = self.document();
            let id = document.id();
            let entries: Vec<Entry> = document
                .since(following.told)
                .take_while(|entry| entry.revision <= kept)
                .take(ENTRIES_PER_MESSAGE_MAX)
                .cloned()
                .collect();
            let Some(told) = entries.last().map(|entry| entry.revision) else { return };
            self.say(now, peer, &Control::Changes { document: id, head: kept, entries });
            if let Some(member) = self.members.get_mut(peer) {
                member.following = Some(Following { told, in_flight: following.in_flight + 1 });
            }
        }
    }
}
