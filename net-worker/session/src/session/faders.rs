//! Faders and permissions: what we change, what the host answers, what is shown of both kinds of fader.
//!
//! A change is shown at once, waits in the outbox until the host has answered, and goes back only where somebody else's won. The step
//! before is `client` (a person or the DAW moves a fader); inside is [`crate::document`]; the step after is the host.

use std::collections::{BTreeMap, BTreeSet};

use backline_wire::{
    Change, Counter, DocumentId, Entry, Fader, GainValue, Grantee, Outcome, PanValue, ParticipantId,
    Register, Revision, Scope, Setting, SettingKind,
};

use super::*;
use crate::document::{Document, OperationState, OutboxStats, QueuedOperation, StoreRequest};
use crate::roster::Peer;
use crate::view::{AccessView, FaderView, LeftBehindView, PersonView, WaitingView};

impl Session {
    /// Goes on from what was kept of an earlier run; before anything is changed.
    pub fn set_outbox(&mut self, outbox: Outbox) {
        self.outbox = outbox;
    }

    /// Gives what waits to be sent to the participant's next session; this one goes on without a store.
    pub fn take_outbox(&mut self) -> Outbox {
        let fresh = OutboxId(u64::from_be_bytes(self.network.random()));
        let fresh = Outbox::in_memory(fresh, self.network.random());
        let mut outbox = std::mem::replace(&mut self.outbox, fresh);
        outbox.disconnected();
        outbox
    }

    /// Changes something of the session: it is shown at once, and sent as soon as there is a way. False before the first time that
    /// the host has told us of the session: nothing is known then that could be changed.
    pub fn change(&mut self, now: Instant, change: Change) -> bool {
        let Some(document) = self.replica.id() else { return false };
        let unix_time = self.network.unix_time(now);
        self.outbox.make(document, change, unix_time);
        self.send_operations(now);
        true
    }

    /// Moves one thing on a fader.
    pub fn move_fader(&mut self, now: Instant, fader: Fader, setting: Setting) -> bool {
        self.change(now, Change::Fader { fader, setting })
    }

    /// Lets somebody move some of our faders, or no longer.
    pub fn permit(&mut self, now: Instant, scope: Scope, grantee: Grantee, allowed: bool) -> bool {
        self.change(now, Change::Permission { scope, grantee, allowed })
    }

    /// How a fader stands: as we want it, else as everybody has it, else at rest.
    pub fn fader(&self, fader: Fader) -> FaderView {
        let value = |kind| self.value(&Register::Fader(fader, kind));
        let setting = |kind| match value(kind) {
            Some(Change::Fader { setting, .. }) => Some(*setting),
            _ => None,
        };
        let mut view = FaderView::default();
        for kind in SettingKind::ALL {
            match setting(kind) {
                Some(Setting::Gain(gain)) => view.gain = gain,
                Some(Setting::Pan(pan)) => view.pan = pan,
                Some(Setting::Mute(mute)) => view.mute = mute,
                Some(Setting::Solo(solo)) => view.solo = solo,
                Some(Setting::Bus(bus)) => view.bus = bus,
                None => {}
            }
            view.waiting |= self.wants(&Register::Fader(fader, kind));
        }
        let me = self.participant();
        view.may_move = self.replica.may(me, &Register::Fader(fader, SettingKind::Gain));
        view.moved_by = self.replica.last_author(fader).map(|author| self.words_for(author));
        view
    }

    /// Where one thing on a fader stands; none where nobody has moved it, or the host has not told us everything yet.
    pub fn setting(&self, fader: Fader, kind: SettingKind) -> Option<Setting> {
        match self.value(&Register::Fader(fader, kind)) {
            Some(Change::Fader { setting, .. }) if self.knows_session() => Some(*setting),
            _ => None,
        }
    }

    /// Whether the host has told us everything that was there when we came.
    pub fn knows_session(&self) -> bool {
        self.replica.is_up_to_date()
    }

    /// Whether somebody may move the faders of a scope, as far as we know.
    pub fn is_permitted(&self, scope: Scope, grantee: Grantee) -> bool {
        matches!(
            self.value(&Register::Permission(scope, grantee)),
            Some(Change::Permission { allowed: true, .. })
        )
    }

    /// Whether anybody else may move the faders of a scope, as far as we know.
    pub fn is_open(&self, scope: Scope) -> bool {
        let is_let = |peer: &Peer| self.is_permitted(scope, Grantee::Participant(peer.info.participant));
        self.is_permitted(scope, Grantee::Everyone)
            || self.document().is_some_and(|document| document.is_open(scope))
            || self.roster.peers.values().any(is_let)
    }

    /// Who else may move the faders of a scope, as far as we know.
    pub fn access(&self, scope: Scope) -> AccessView {
        let people = self.people().into_iter().map(|person| person.participant);
        let is_let =
            |participant: &ParticipantId| self.is_permitted(scope, Grantee::Participant(*participant));
        AccessView {
            everyone: self.is_permitted(scope, Grantee::Everyone),
            people: people.filter(is_let).collect(),
        }
    }

    /// All others who are in the session or have been, each once, in the order of ids.
    pub fn people(&self) -> Vec<PersonView> {
        let known = self.replica.whole_copy().into_iter().flat_map(Document::people);
        let away = known.map(|(participant, name, colour)| (participant, name, colour, false));
        let here = self.roster.peers.values().map(|peer| &peer.info);
        let here = here.map(|info| (info.participant, &info.name, info.colour, true));
        let me = self.participant();
        let people = away.chain(here).filter(|(participant, ..)| *participant != me);
        let people = people.map(|(participant, name, colour, is_here)| {
            (participant, PersonView { participant, name: name.to_string(), colour, is_here })
        });
        people.collect::<BTreeMap<_, _>>().into_values().collect()
    }

    pub(super) fn may_set_mix_of(&self, listener: ParticipantId) -> bool {
        let scope = Scope::Monitor(listener);
        self.is_permitted(scope, Grantee::Everyone)
            || self.is_permitted(scope, Grantee::Participant(self.participant()))
    }

    /// Who we are, in every session.
    pub fn participant(&self) -> ParticipantId {
        self.config.identity.participant_id()
    }

    /// What an instance of ours publishes.
    pub fn source_of(&self, instance: InstanceId) -> SourceId {
        SourceId { participant: self.participant(), instance }
    }

    /// What a participant is called, also while they are away.
    pub fn name_of(&self, participant: ParticipantId) -> Option<Name> {
        match self.value(&Register::Person(participant)) {
            Some(Change::Person { name, .. }) => Some(name.clone()),
            _ => None,
        }
    }

    /// "you", or a participant's name.
    pub fn words_for(&self, participant: ParticipantId) -> String {
        if participant == self.participant() {
            return "you".to_owned();
        }
        self.name_of(participant).map_or_else(|| "somebody".to_owned(), |name| name.to_string())
    }

    /// "your “Guitar”", or "Ada's “Guitar”"; "Ada's track" where it has no name.
    pub fn words_for_source(&self, source: SourceId) -> String {
        let is_own = source.participant == self.participant();
        let own = self.publishing.get(source.instance).filter(|_| is_own).map(|own| &own.name);
        let known = self.listening.sources.get(&source).map(|known| &known.info.name);
        let name = own.or(known).map(Name::as_str).filter(|name| !name.is_empty());
        let track = name.map_or_else(|| "track".to_owned(), |name| format!("“{name}”"));
        let whose =
            if is_own { "your".to_owned() } else { format!("{}'s", self.words_for(source.participant)) };
        format!("{whose} {track}")
    }

    /// Our copy of what everybody agrees on; none before the host has told us.
    pub fn document(&self) -> Option<&Document> {
        self.replica.document()
    }

    /// The last whole copy: what the session can be carried on from where the host is gone.
    pub fn whole_copy(&self) -> Option<&Document> {
        self.replica.whole_copy()
    }

    /// What everybody agrees on, what was changed last first, and how long ago that was, as well as the host could tell.
    pub fn latest_changes(&self, now: Instant) -> impl Iterator<Item = (&Entry, Duration)> {
        let unix_time = self.network.unix_time(now);
        let hosts_clock = self.roster.clock(PeerId::HOST);
        let age = move |entry: &Entry| {
            let made_at = Duration::from_millis(entry.made_at_ms);
            let on_ours = hosts_clock.and_then(|clock| clock.to_ours(made_at));
            unix_time.saturating_sub(on_ours.unwrap_or(made_at))
        };
        let latest = self.whole_copy().into_iter().flat_map(Document::latest);
        latest.map(move |entry| (entry, age(entry)))
    }

    /// What we have changed and the host has not answered, in order.
    pub fn waiting(&self) -> impl Iterator<Item = &QueuedOperation> {
        self.outbox.waiting()
    }

    /// What became of our changes.
    pub fn outbox_stats(&self) -> OutboxStats {
        self.outbox.stats()
    }

    /// *Sync now*: tries everything that waits at once, also what has failed.
    pub fn sync_now(&mut self, now: Instant) {
        self.outbox.retry();
        self.send_operations(now);
    }

    /// Gives up everything that waits in this session and is not on its way; what everybody has is shown again.
    pub fn discard_all(&mut self) {
        self.discard(Self::is_of_session);
    }

    /// What waits in this session, in numbers.
    pub fn waiting_view(&self, now: Instant) -> WaitingView {
        let of_session = || self.outbox.waiting().filter(|operation| self.is_of_session(operation));
        let first = of_session().next().map(|operation| Duration::from_millis(operation.made_at_ms));
        WaitingView {
            changes: of_session().count(),
            failed: of_session().filter(|operation| operation.state == OperationState::Failed).count(),
            since: first.map_or(Duration::ZERO, |at| self.network.unix_time(now).saturating_sub(at)),
        }
    }

    /// What waits for sessions that we are not in, while we are in one.
    pub fn left_behind(&self, now: Instant) -> LeftBehindView {
        let of_others = || self.outbox.waiting().filter(|operation| self.is_of_another_session(operation));
        let first = of_others().map(|operation| Duration::from_millis(operation.made_at_ms)).min();
        let sessions: BTreeSet<[u8; 8]> = of_others().map(|operation| operation.document.session()).collect();
        LeftBehindView {
            changes: of_others().count(),
            sessions: sessions.len(),
            since: first.map_or(Duration::ZERO, |at| self.network.unix_time(now).saturating_sub(at)),
        }
    }

    /// Gives up everything that waits for sessions that we are not in.
    pub fn discard_left_behind(&mut self) {
        self.discard(Self::is_of_another_session);
    }

    /// What the store must do next for our outbox.
    pub fn poll_store(&mut self) -> Option<StoreRequest> {
        self.outbox.poll_store()
    }

    /// The store has done everything up to this ticket.
    pub fn handle_stored(&mut self, now: Instant, ticket: u64) {
        self.outbox.handle_stored(ticket);
        self.send_operations(now);
    }

    /// The store cannot keep anything now: changes wait in memory.
    pub fn handle_store_failed(&mut self, now: Instant) {
        let fresh = OutboxId(u64::from_be_bytes(self.network.random()));
        self.outbox.handle_store_failed(fresh);
        self.send_operations(now);
    }

    pub(super) fn host_has_changes(
        &mut self,
        now: Instant,
        (document, head): (DocumentId, Revision),
        entries: Vec<Entry>,
    ) {
        self.replica.handle_changes(document, head, entries);
        if let Some(follow) = self.replica.follow() {
            self.network.say_to_host(now, follow);
        }
        self.send_operations(now);
    }

    pub(super) fn host_has_answered(
        &mut self,
        now: Instant,
        outbox: OutboxId,
        outcomes: Vec<(Counter, Outcome)>,
    ) {
        let me = self.participant();
        for (counter, outcome) in outcomes {
            let settled = self.outbox.handle_outcome(outbox, counter, outcome);
            let conflict = settled.and_then(|settled| self.replica.handle_settled(settled, me));
            if let Some(conflict) = conflict {
                self.tell(SessionEvent::Conflict(Box::new(conflict)));
            }
        }
        self.send_operations(now);
    }

    pub(super) fn send_operations(&mut self, now: Instant) {
        let Some(document) = self.connected_document() else { return };
        self.outbox.handle_timeout(now);
        let unix_time = self.network.unix_time(now);
        while let Some(message) = self.outbox.poll_message(document, now, unix_time) {
            if !self.network.say_to_host(now, message) {
                return self.outbox.disconnected();
            }
        }
    }

    pub(super) fn operations_due(&self) -> Option<Instant> {
        self.connected_document().and_then(|document| self.outbox.poll_timeout(document))
    }

    fn connected_document(&self) -> Option<DocumentId> {
        let is_connected = matches!(self.state, SessionState::Joined | SessionState::Hosting);
        self.replica.id().filter(|_| is_connected)
    }

    /// Not before we know which session we are in.
    fn is_of_another_session(&self, operation: &QueuedOperation) -> bool {
        self.replica.id().is_some_and(|id| !id.is_same_session(&operation.document))
    }

    fn wants(&self, register: &Register) -> bool {
        self.replica.id().is_some_and(|id| self.outbox.wanted(id, register).is_some())
    }

    fn discard(&mut self, is_meant: fn(&Self, &QueuedOperation) -> bool) {
        let meant = self.outbox.waiting().filter(|operation| is_meant(self, operation));
        let meant: Vec<Counter> = meant.map(|operation| operation.counter).collect();
        for counter in meant {
            self.outbox.discard(counter);
        }
    }

    fn is_of_session(&self, operation: &QueuedOperation) -> bool {
        self.replica.id().is_some_and(|id| id.is_same_session(&operation.document))
    }

    pub(super) fn value(&self, register: &Register) -> Option<&Change> {
        self.replica.value(&self.outbox, register)
    }
}

impl Default for FaderView {
    /// As a fader is that nobody has moved.
    fn default() -> Self {
        Self {
            gain: GainValue::UNITY,
            pan: PanValue::CENTRE,
            mute: false,
            solo: false,
            bus: backline_wire::Bus::MAIN,
            waiting: false,
            may_move: false,
            moved_by: None,
        }
    }
}
