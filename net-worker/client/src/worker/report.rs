//! What the worker tells: events as notices, and the snapshots, one for each instance.

use std::net::IpAddr;

use backline_relay::RelayEvent;
use backline_session::{SessionEvent, SessionState};
use backline_transport::ReachEvent;
use backline_wire::{Fader, InviteLink, Scope};

use super::words::{QUALITY_TOPIC, ROUTE_TOPIC, log_of, words_of_conflict, words_of_move, words_of_route};
use super::*;
use crate::api::{Connection, Snapshot};
use crate::engine::EngineEvent;
use crate::notices::Notices;

impl Worker {
    pub(super) fn handle_events(&mut self, now: Instant) {
        while let Some(event) = self.open.as_mut().and_then(|open| open.engine.poll_event()) {
            match event {
                EngineEvent::Session(event) => self.handle_session_event(event),
                EngineEvent::Relay(event) => self.handle_relay_event(&event),
                EngineEvent::Reach(event) => self.handle_reach_event(event),
            }
            self.snapshot_at = now;
        }
    }

    fn handle_session_event(&mut self, event: SessionEvent) {
        let failure = self.open.as_ref().and_then(|open| match open.engine.session().state() {
            SessionState::Failed(error) => Some(error.to_string()),
            _ => None,
        });
        match event {
            SessionEvent::StateChanged => {
                if let Some(text) = failure {
                    tracing::info!(text, "the session is over");
                    self.fail(&text);
                }
            }
            SessionEvent::Joined(name) => tracing::debug!(%name, "joined"),
            SessionEvent::Left(name, reason) => tracing::debug!(%name, %reason, "gone"),
            SessionEvent::Moved(instance, moved) => {
                let (severity, text, advice) = words_of_move(&moved);
                tracing::info!(text, "moved");
                if let Some(notices) = self.notices_of(instance) {
                    notices.supersede(QUALITY_TOPIC, severity, text, advice);
                }
            }
            SessionEvent::Conflict(conflict) => {
                let session = self.open.as_ref().map(|open| open.engine.session());
                let words = session.and_then(|session| words_of_conflict(session, &conflict));
                if let Some(((text, advice), guest)) = words.zip(self.guests.first_mut()) {
                    guest.own.notices.add(Severity::Info, text, advice);
                }
            }
            SessionEvent::RouteChanged(route) => {
                tracing::info!(%route, "media travels in another way");
                let (text, advice) = words_of_route(route);
                if let Some(guest) = self.guests.first_mut() {
                    guest.own.notices.supersede(ROUTE_TOPIC, Severity::Info, text, advice);
                }
            }
            SessionEvent::Warned(limit, time) => {
                let (why, advice) = sentences(&limit.to_string());
                self.warn_all(&format!("{why} In {} seconds it disconnects you.", time.as_secs()), &advice);
            }
            SessionEvent::NoSlot(instance, name) => {
                if let Some(notices) = self.notices_of(instance) {
                    let text = format!("“{name}” is here, but all 16 slots are taken.");
                    notices.add(Severity::Warning, text, "Somebody has to leave before it can be heard.");
                }
            }
        }
    }

    fn handle_relay_event(&mut self, event: &RelayEvent) {
        match event {
            RelayEvent::Stranger(address) => {
                tracing::debug!(%address, "an unknown link");
                let text = "Somebody tried to join with an old or wrong invite link.";
                self.warn_all(text, "Send them the link that is shown here now.");
            }
            RelayEvent::Refused(name, reason) => {
                let who = if name.is_empty() { "Somebody" } else { name.as_str() };
                let text = format!("{who} was not let in. They were told: {reason}");
                self.warn_all(&text, "");
            }
            RelayEvent::CameLocally(name) => {
                let who = if name.is_empty() { "Somebody" } else { name.as_str() };
                let text = format!("{who} came in from your local network, without a link.");
                if let Some(guest) = self.guests.first_mut() {
                    guest.own.notices.add(Severity::Info, text, "");
                }
            }
            RelayEvent::TooManyJoins(address) => {
                tracing::warn!(%address, "too many attempts to join from there");
            }
            // The list of people shows it.
            RelayEvent::Joined(..) | RelayEvent::Left(..) => {}
            RelayEvent::Warned(_, name, limit) => {
                tracing::warn!(%name, limit = limit.name(), "over a limit");
                self.warn_all(&format!("{name} sends more than one person may, and was told so."), "");
            }
            RelayEvent::Disconnected(_, name, limit) => {
                tracing::warn!(%name, limit = limit.name(), "disconnected");
                self.warn_all(&format!("{name} was disconnected: they sent too much for too long."), "");
            }
            RelayEvent::Failed(_, why) => {
                let text = "What one of the others sent made Backline fail. They are disconnected; the session goes on.";
                self.warn_all(text, &format!("Please report it: {why}"));
            }
        }
    }

    fn handle_reach_event(&mut self, event: ReachEvent) {
        match event {
            ReachEvent::Reflexive(address) => tracing::debug!(%address, "the internet sees us here"),
            ReachEvent::Relayed(address) => tracing::debug!(%address, "a server passes datagrams on to us"),
            ReachEvent::RelayLost(address) => tracing::debug!(%address, "the server passes on no more"),
            ReachEvent::Failed(error) => {
                let (text, advice) = sentences(&error.to_string());
                self.warn_all(&text, &advice);
            }
        }
    }

    fn notices_of(&mut self, instance: InstanceId) -> Option<&mut Notices> {
        let guest = self.guests.iter_mut().find(|guest| guest.id() == instance);
        guest.map(|guest| &mut guest.own.notices)
    }

    /// What concerns the session is told at every instance: nobody knows which editor is open.
    fn warn_all(&mut self, text: &str, advice: &str) {
        for guest in &mut self.guests {
            guest.own.notices.add(Severity::Warning, text, advice);
        }
    }

    pub(super) fn publish(&mut self) {
        self.view.cpu_time = clock::thread_cpu_time();
        self.view.raised_priority = self.is_raised;
        let (Some(open), Some(person)) = (&self.open, &self.person) else { return };
        let now = clock::now();
        self.view.datagrams_refused = open.engine.datagrams_refused();
        self.view.running_for = now.saturating_duration_since(self.started);
        let (invite, problem) = invite(person, open);
        if let Some(link) = &invite {
            self.house.is_session(link);
        }
        let invite = invite.map(|link| link.to_text());
        for guest in &mut self.guests {
            if let Some(problem) = &problem {
                let advice = "Write it as 203.0.113.7 or 203.0.113.7:4464.";
                guest.own.notices.add(Severity::Warning, problem, advice);
            }
            let mut snapshot = guest.own.idle_snapshot();
            snapshot.invite.clone_from(&invite);
            snapshot.worker = self.view;
            fill(&mut snapshot, open, guest.id(), now);
            guest.own.historian.note(now, &snapshot.sources);
            snapshot.histories = guest.own.historian.histories();
            guest.shared.show(snapshot);
        }
    }
}

fn fill(snapshot: &mut Snapshot, open: &Open, instance: InstanceId, now: Instant) {
    let session = open.engine.session();
    snapshot.connection = match session.state() {
        SessionState::Joining => Connection::Joining,
        SessionState::Joined => Connection::Joined,
        SessionState::Reconnecting => Connection::Reconnecting,
        SessionState::Hosting => Connection::Hosting,
        SessionState::Failed(error) => Connection::Failed { text: error.to_string() },
    };
    snapshot.participants = session.participants();
    snapshot.instances = session.instances();
    snapshot.send = session.send_view(instance);
    let source = session.source_of(instance);
    snapshot.send_fader = session.fader(Fader::Send(source));
    snapshot.send_access = session.access(Scope::Send(source));
    snapshot.mix_access = session.access(Scope::Monitor(session.participant()));
    snapshot.people = session.people();
    snapshot.mixes = session.mixes();
    snapshot.waiting = session.waiting_view(now);
    snapshot.left_behind = session.left_behind(now);
    snapshot.changes = session.outbox_stats();
    snapshot.operations = open.engine.operations(now);
    snapshot.sources = session.source_views(instance, now);
    snapshot.slots = session.slot_views(instance);
    snapshot.is_mixed = session.is_mixed();
    snapshot.chat = session.chat();
    snapshot.tempo = session.tempo_view(now);
    snapshot.log = log_of(session, now);
    snapshot.local_port = Some(open.port.number());
}

/// The link for others, and what is wrong with the address that the person named.
fn invite(person: &Person, open: &Open) -> (Option<InviteLink>, Option<String>) {
    let named = person.host_address.as_deref().map(|text| parse_address(text, open.port.number()));
    let (address, problem) = match named {
        Some(Ok(address)) => (Some(address), None),
        Some(Err(problem)) => (None, Some(problem)),
        None => (None, None),
    };
    (open.engine.invite(address.as_slice()).and_then(Result::ok), problem)
}

fn parse_address(text: &str, port: u16) -> Result<SocketAddr, String> {
    let text = text.trim();
    let bare = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, port));
    text.parse::<SocketAddr>()
        .or(bare)
        .map_err(|_| format!("“{text}” is not an internet address; it is left out of the link."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_address_is_taken_with_and_without_a_port() {
        assert_eq!(parse_address(" 203.0.113.7 ", 4464), Ok(([203, 0, 113, 7], 4464).into()));
        assert_eq!(parse_address("203.0.113.7:99", 4464), Ok(([203, 0, 113, 7], 99).into()));
        assert!(parse_address("my computer", 4464).is_err());
    }
}
