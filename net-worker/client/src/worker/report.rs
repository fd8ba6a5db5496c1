//! What the worker tells: events as notices, and the snapshots, one for each instance.

use std::net::IpAddr;

use backline_audio::Db;
use backline_media::automatic::{Move, Reason};
use backline_relay::RelayEvent;
use backline_session::document::Conflict;
use backline_session::{Session, SessionEvent, SessionState};
use backline_transport::ReachEvent;
use backline_wire::{Change, Fader, InviteLink, Outcome, Route, Scope, Setting, Tempo};

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
            fill(&mut snapshot, open, (guest.id(), guest.own.net_end.as_deref()), now);
            guest.shared.snapshot.store(Arc::new(snapshot));
        }
    }
}

/// Of the notices that tell how we send, only the last is true.
const QUALITY_TOPIC: &str = "You send ";

const ROUTE_TOPIC: &str = "The server ";

/// How media travels from now on, and what that means for a person.
fn words_of_route(route: Route) -> (String, &'static str) {
    match route {
        Route::Mesh => (
            format!("{ROUTE_TOPIC}lets everybody reach each other directly now."),
            "Who cannot be reached directly comes through the server.",
        ),
        Route::Forward => (
            format!("{ROUTE_TOPIC}passes everybody on now: nobody is reached directly any more."),
            "You send once, whatever the number of listeners, and nobody learns your address.",
        ),
        Route::Mix => (
            format!("{ROUTE_TOPIC}mixes for you now: everybody comes in one stream, on the strip “Mix”."),
            "Your faders, pans, mutes and solos move that mix. What you send to an output of its own still comes by itself.",
        ),
    }
}

/// What happened to our sending, why, and what a person may do.
fn words_of_move(moved: &Move) -> (Severity, String, &'static str) {
    let to = moved.to;
    match moved.reason {
        Reason::Loss(share) => (
            Severity::Warning,
            format!("{QUALITY_TOPIC}{to} now: {:.0} % of your packets get lost on the way.", 100.0 * share),
            "A cable instead of Wi-Fi helps. It goes back by itself when the network is calm.",
        ),
        Reason::Jitter => (
            Severity::Warning,
            format!("{QUALITY_TOPIC}{to} now: your packets come too unevenly."),
            "A cable instead of Wi-Fi helps, or a higher “Playout ≤” at those who listen.",
        ),
        Reason::Narrow(bps) => (
            Severity::Warning,
            format!(
                "{QUALITY_TOPIC}{to} now: only about {:.0} kbit/s get through to each listener.",
                bps / 1e3
            ),
            "Other programs may be using the network. It goes back by itself when there is room.",
        ),
        Reason::Calm(_) => (Severity::Info, format!("{QUALITY_TOPIC}{to} again: the network is calm."), ""),
    }
}

/// What has become of a change of ours, and what a person may do.
fn words_of_conflict(session: &Session, conflict: &Conflict) -> Option<(String, String)> {
    let what = match &conflict.wanted {
        Change::Fader { fader: Fader::Send(source), .. } => {
            format!("how loud everyone gets {}", session.words_for_source(*source))
        }
        Change::Fader { fader: Fader::Monitor { listener, source }, .. } => {
            format!("what {} hears of {}", session.words_for(*listener), session.words_for_source(*source))
        }
        Change::Permission { .. } => "who may move your faders".to_owned(),
        Change::Tempo(_) => "the tempo".to_owned(),
        Change::Leader(_) => "whose DAW leads".to_owned(),
        Change::Person { .. } => return None,
    };
    match &conflict.outcome {
        Outcome::Accepted { .. } => None,
        Outcome::Superseded { by } => {
            let (who, value) = (session.words_for(by.author), words_of_change(session, &by.change));
            let text = format!("You changed {what}; {who} changed it after you, to {value}. That counts.");
            Some((text, "Set it again if you want it otherwise.".to_owned()))
        }
        Outcome::Refused { reason } => {
            let (reason, advice) = sentences(&reason.to_string());
            Some((format!("You can't change {what}: {reason}"), advice))
        }
    }
}

fn words_of_change(session: &Session, change: &Change) -> String {
    match change {
        Change::Fader { setting: Setting::Gain(gain), .. } => Db::new(gain.db()).to_string(),
        Change::Fader { setting: Setting::Pan(pan), .. } => format!("pan {:+.0} %", 100.0 * pan.get()),
        Change::Fader { setting: Setting::Mute(true), .. } => "muted".to_owned(),
        Change::Fader { setting: Setting::Mute(false), .. } => "not muted".to_owned(),
        Change::Fader { setting: Setting::Solo(true), .. } => "solo".to_owned(),
        Change::Fader { setting: Setting::Solo(false), .. } => "not solo".to_owned(),
        Change::Fader { setting: Setting::Bus(_), .. } => "another output".to_owned(),
        Change::Permission { allowed: true, .. } => "allowed".to_owned(),
        Change::Permission { allowed: false, .. } => "not allowed".to_owned(),
        Change::Person { name, .. } => name.to_string(),
        Change::Tempo(Tempo { bpm, meter }) => format!("{bpm} bpm, {meter}"),
        Change::Leader(None) => "nobody".to_owned(),
        Change::Leader(Some(leader)) => session.words_for(*leader),
    }
}

fn fill(
    snapshot: &mut Snapshot,
    open: &Open,
    (instance, net_end): (InstanceId, Option<&NetEnd>),
    now: Instant,
) {
    let session = open.engine.session();
    let return_delay = net_end.map_or(Duration::ZERO, |net| open.engine.return_delay(instance, net));
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
    snapshot.sources = session.source_views(instance, now, return_delay);
    snapshot.slots = session.slot_views(instance);
    snapshot.is_mixed = session.is_mixed();
    snapshot.chat = session.chat();
    snapshot.tempo = session.tempo_view(return_delay, now);
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
