//! The live project state of one instance: between the host's save and load, the editor, and the client.
//!
//! Everything that a person chooses and that is no parameter goes through [`Project::send`] or
//! [`Project::update`], so that the project keeps it; what the client finds out by itself (which source took
//! which slot, who we are) is fetched from its snapshots when the host saves.
//! The format is `state.rs`. The audio thread reads nothing here but the slots' buses, which are atomics.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use backline_bridge::BusChoice;
use backline_client::{Client, Command, Connection, DEPTH_CEILING_MAX, ReturnChoice, Severity, Snapshot};

use crate::kind::Kind;
use crate::live_instances::LiveInstance;
use crate::servers::ServerFields;
use crate::slot_buses::SlotBuses;
use crate::state::{LastSession, ProjectState, Role, Saved, StateError};

/// The live project state of one instance. All methods are [main-thread] unless they say otherwise.
pub struct Project {
    client: Arc<Client>,
    inner: Mutex<Inner>,
    buses: Arc<SlotBuses>,
    changed: AtomicBool,
    kind: Kind,
}

struct Inner {
    saved: Saved,
    /// Never in the project: whoever gets a copy of it must not get the account.
    turn_password: String,
    /// The session that the person has left last: snapshots of before may still show it.
    left: Option<String>,
    live: LiveInstance,
}

impl Project {
    /// A fresh project state around a client that has the id of `live`.
    pub fn new(client: Arc<Client>, live: LiveInstance, kind: Kind) -> Self {
        let mut saved = Saved::default();
        saved.state.instance = live.id();
        if !kind.can_send() {
            saved.state.sends = false;
            // Whoever adds a Return wants the mix there, not where it was until now.
            saved.state.returns = ReturnChoice::Mix;
            client.send(Command::SetSends(false));
            client.send(Command::SetReturns(ReturnChoice::Mix));
        }
        Self {
            client,
            inner: Mutex::new(Inner { saved, turn_password: String::new(), left: None, live }),
            buses: Arc::default(),
            changed: AtomicBool::new(false),
            kind,
        }
    }

    /// The worker's front.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// The class.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where each slot plays, for those who go by it without the project; its listener (`Client::set_listener`) is told when one is moved.
    pub fn buses(&self) -> &Arc<SlotBuses> {
        &self.buses
    }

    /// The state now.
    pub fn state(&self) -> ProjectState {
        self.lock().saved.state.clone()
    }

    /// Changes something that only the project keeps (editor size, for instance).
    pub fn update(&self, change: impl FnOnce(&mut ProjectState)) {
        let mut inner = self.lock();
        let before = inner.saved.state.clone();
        change(&mut inner.saved.state);
        if inner.saved.state != before {
            inner.saved.supersede_kept();
            self.changed.store(true, Ordering::Relaxed);
        }
    }

    /// Sends a command to the worker, and keeps in the project what it means for next time. Never waits.
    pub fn send(&self, command: Command) {
        if command == Command::Leave {
            self.lock().left = self.client.snapshot().invite.clone();
        } else if matches!(command, Command::Join { .. } | Command::HostAgain { .. }) {
            self.lock().left = None;
        }
        self.update(|state| keep(state, &command));
        self.client.send(command);
    }

    /// The link of the session that this instance joined last; none where it hosted last, or was in none.
    pub fn last_joined(&self) -> Option<String> {
        let inner = self.lock();
        let last = inner.saved.state.session.as_ref().filter(|last| last.role == Role::Joined)?;
        Some(last.link.clone())
    }

    /// The link of the session that this instance hosted last, as long as it was not ended; none where it joined last, or was in none.
    pub fn last_hosted(&self) -> Option<String> {
        let inner = self.lock();
        let last = inner.saved.state.session.as_ref().filter(|last| last.role == Role::Hosted)?;
        Some(last.link.clone())
    }

    /// The servers as the editor shows them, with the password as long as it is in memory.
    pub fn servers(&self) -> ServerFields {
        let inner = self.lock();
        ServerFields::new(&inner.saved.state.servers, &inner.turn_password)
    }

    /// Takes servers from the editor: the project keeps all but the password, the worker gets those that can be used.
    pub fn set_servers(&self, servers: &ServerFields) {
        self.lock().turn_password.clone_from(&servers.turn_password);
        self.update(|state| state.servers = servers.kept());
        self.client.send(servers.command());
    }

    /// Where a slot plays. [any-thread, audio-thread too]
    pub fn bus(&self, slot: usize) -> BusChoice {
        self.buses.get(slot)
    }

    /// Plays a slot elsewhere; a slot or bus that does not exist changes nothing.
    pub fn set_bus(&self, slot: usize, bus: BusChoice) {
        if self.buses.set(slot, bus) {
            self.update(|state| state.slots[slot].bus = bus);
            self.client.tell_listener();
        }
    }

    /// True once after every change that the host has not been told of.
    pub fn take_changed(&self) -> bool {
        let snapshot = self.client.snapshot();
        let left = self.lock().left.clone();
        self.update(|state| fetch(state, &snapshot, left.as_ref()));
        self.changed.swap(false, Ordering::Relaxed)
    }

    /// What the host's project file gets.
    pub fn save(&self) -> BTreeMap<String, String> {
        let snapshot = self.client.snapshot();
        let mut inner = self.lock();
        let (before, left) = (inner.saved.state.clone(), inner.left.clone());
        fetch(&mut inner.saved.state, &snapshot, left.as_ref());
        if inner.saved.state != before {
            inner.saved.supersede_kept();
        }
        inner.saved.write()
    }

    /// What came from the host's project file. A session that runs goes on; no session starts.
    pub fn load(&self, fields: &BTreeMap<String, String>) {
        let (saved, error) = Saved::read(fields);
        let (state, before) = {
            let mut inner = self.lock();
            let before = std::mem::replace(&mut inner.saved, saved).state.servers;
            // The project may be one of a class that sends.
            inner.saved.state.sends &= self.kind.can_send();
            self.choose_instance(&mut inner);
            (inner.saved.state.clone(), before)
        };
        for (index, slot) in state.slots.iter().enumerate() {
            self.buses.set(index, slot.bus);
        }
        self.client.tell_listener();
        self.changed.store(false, Ordering::Relaxed);
        self.tell_client(&state);
        // Servers of the environment stay where the project names none.
        if state.servers != before {
            self.tell_servers();
        }
        if let Some(error) = error {
            self.notify(&error);
        }
    }

    /// The project's id, unless it is another living instance's, or others know this one by its id already.
    fn choose_instance(&self, inner: &mut Inner) {
        let wanted = inner.saved.state.instance;
        if wanted.0 != 0 && wanted != inner.live.id() {
            let claimed = LiveInstance::claim(wanted).filter(|live| self.client.set_instance(live.id()));
            if let Some(live) = claimed {
                inner.live = live;
            }
        }
        inner.saved.state.instance = inner.live.id();
    }

    fn tell_client(&self, state: &ProjectState) {
        let client = &self.client;
        if let Some(name) = &state.name {
            client.send(Command::SetName(name.clone()));
        }
        if let Some(colour) = state.colour {
            client.send(Command::SetColour(colour));
        }
        client.send(Command::SetSourceName(state.source_name.clone()));
        client.send(Command::SetSends(state.sends));
        client.send(Command::SetReturns(state.returns.clone()));
        client.send(Command::SetQuality(state.quality));
        client.send(Command::SetAutomatic(state.automatic));
        client.send(Command::SetDepthCeiling(state.depth_ceiling()));
        client.send(Command::SetHostAddress(state.host_address.clone()));
        client.send(Command::SetOpenToLan(state.open_to_lan));
        client.send(Command::SetHearOwn(state.hear_own));
        client.send(Command::SetSlots(state.bindings()));
    }

    fn tell_servers(&self) {
        let servers = self.servers();
        if servers.account_problem().is_some() {
            let text = "This project names a TURN server. Its password is not kept in projects.".to_owned();
            let advice =
                "Where nobody finds a way to you, open Network beside Host and Join, and type it again.";
            self.client.send(Command::Notify { severity: Severity::Info, text, advice: advice.to_owned() });
        }
        self.client.send(servers.command());
    }

    fn notify(&self, error: &StateError) {
        tracing::warn!("{error}");
        let (text, advice) = (error.to_string(), error.advice().to_owned());
        self.client.send(Command::Notify { severity: Severity::Warning, text, advice });
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while it was held leaves a state that is still whole: every change is one assignment.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a command means for next time.
fn keep(state: &mut ProjectState, command: &Command) {
    match command {
        Command::SetName(name) => state.name = Some(name.clone()),
        Command::SetSourceName(name) => state.source_name = name.clone(),
        Command::SetColour(colour) => state.colour = Some(*colour),
        Command::SetSends(sends) => state.sends = *sends,
        Command::SetReturns(returns) => state.returns = returns.clone(),
        Command::SetQuality(quality) => state.quality = *quality,
        Command::SetAutomatic(automatic) => state.automatic = *automatic,
        Command::SetDepthCeiling(depth) => {
            let depth = (*depth).min(DEPTH_CEILING_MAX);
            state.playout_depth_us = depth.as_micros() as u32;
        }
        Command::SetSlots(sources) => {
            state.slots.iter_mut().zip(sources).for_each(|(slot, source)| slot.source = *source);
        }
        Command::SetHostAddress(address) => state.host_address = address.clone(),
        Command::SetOpenToLan(is_open) => state.open_to_lan = *is_open,
        Command::SetHearOwn(hear_own) => state.hear_own = *hear_own,
        Command::Join { link } => {
            state.session = Some(LastSession { role: Role::Joined, link: link.trim().to_owned() });
        }
        // Whoever leaves the session that they host ends it, or leaves it to the other tracks, which keep it.
        Command::Leave => state.session = state.session.take().filter(|last| last.role == Role::Joined),
        // The link of a session that is hosted here comes with a snapshot. Leaving one that was joined keeps it, to offer it again.
        // Servers come by `Project::set_servers`: the password is not for a project file that is passed around.
        Command::Host
        | Command::HostAgain { .. }
        | Command::CarryOn
        | Command::SetServers { .. }
        // What is agreed in a session is kept by the session.
        | Command::MoveFader { .. }
        | Command::Permit { .. }
        | Command::Say(_)
        | Command::SetTempo(_)
        | Command::Lead(_)
        | Command::StartTransport { .. }
        | Command::StopTransport
        | Command::SyncNow
        | Command::DiscardWaiting
        | Command::DiscardLeftBehind
        | Command::Notify { .. }
        | Command::DismissNotice(_) => {}
    }
}

/// What the client found out by itself.
fn fetch(state: &mut ProjectState, snapshot: &Snapshot, left: Option<&String>) {
    if let Some(participant) = snapshot.you.participant {
        state.participant = Some(participant);
    }
    if let Some(link) = snapshot.invite.as_ref().filter(|link| Some(*link) != left) {
        state.session = Some(LastSession { role: Role::Hosted, link: link.clone() });
    }
    if snapshot.connection != Connection::Idle {
        for (slot, view) in state.slots.iter_mut().zip(&snapshot.slots) {
            slot.source = view.as_ref().map(|view| view.source);
        }
    }
}

#[cfg(test)]
mod tests;
