//! What the worker tells: events as notices, and the snapshot.

use std::net::IpAddr;

use backline_media::automatic::{Move, Reason};
use backline_relay::RelayEvent;
use backline_session::{SessionEvent, SessionState};
use backline_transport::ReachEvent;

use super::*;
use crate::api::{Connection, Severity, Snapshot};
use crate::client::idle_snapshot;
use crate::engine::EngineEvent;
use crate::sentences::sentences;

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
                    self.fail(text);
                }
            }
            SessionEvent::Joined(name) => tracing::debug!(%name, "joined"),
            SessionEvent::Left(name, reason) => tracing::debug!(%name, %reason, "gone"),
            SessionEvent::Moved(moved) => {
                let (severity, text, advice) = words_of_move(&moved);
                tracing::info!(text, "moved");
                self.parked.notices.supersede(QUALITY_TOPIC, severity, text, advice);
            }
            SessionEvent::NoSlot(name) => {
                let text = format!("“{name}” is here, but all 16 slots are taken.");
                self.parked.notices.add(
                    Severity::Warning,
                    text,
                    "Somebody has to leave before it can be heard.",
                );
            }
        }
    }

    fn handle_relay_event(&mut self, event: &RelayEvent) {
        match event {
            RelayEvent::Stranger(address) => {
                tracing::debug!(%address, "an unknown link");
                let text = "Somebody tried to join with an old or wrong invite link.";
                self.parked.notices.add(
                    Severity::Warning,
                    text,
                    "Send them the link that is shown here now.",
                );
            }
            RelayEvent::Refused(name, reason) => {
                let who = if name.is_empty() { "Somebody" } else { name.as_str() };
                let text = format!("{who} was not let in. They were told: {reason}");
                self.parked.notices.add(Severity::Warning, text, "");
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
                self.parked.notices.add(Severity::Warning, text, advice);
            }
        }
    }

    pub(super) fn publish(&mut self) {
        self.view.cpu_time = clock::thread_cpu_time();
        self.view.raised_priority = self.is_raised;
        let mut snapshot = idle_snapshot(&self.settings, &self.parked);
        if let Some(open) = &self.open {
            let now = clock::now();
            self.view.datagrams_refused = open.engine.datagrams_refused();
            self.view.running_for = now.saturating_duration_since(self.started);
            let (invite, problem) = invite(&self.settings, open);
            if let Some(problem) = problem {
                self.parked.notices.add(
                    Severity::Warning,
                    problem,
                    "Write it as 203.0.113.7 or 203.0.113.7:4464.",
                );
            }
            snapshot.invite = invite;
            fill(&mut snapshot, open, self.parked.net_end.as_deref(), now);
            snapshot.notices = self.parked.notices.list();
        }
        snapshot.worker = self.view;
        self.shared.snapshot.store(Arc::new(snapshot));
    }
}

/// Of the notices that tell how we send, only the last is true.
const QUALITY_TOPIC: &str = "You send ";

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

fn fill(snapshot: &mut Snapshot, open: &Open, net_end: Option<&NetEnd>, now: Instant) {
    let session = open.engine.session();
    let return_delay = net_end.map_or(Duration::ZERO, |net| open.engine.return_delay(net));
    snapshot.connection = match session.state() {
        SessionState::Joining => Connection::Joining,
        SessionState::Joined => Connection::Joined,
        SessionState::Reconnecting => Connection::Reconnecting,
        SessionState::Hosting => Connection::Hosting,
        SessionState::Failed(error) => Connection::Failed { text: error.to_string() },
    };
    snapshot.participants = session.participants();
    snapshot.send = session.send_view();
    snapshot.sources = session.source_views(now, return_delay);
    snapshot.slots = session.slot_views();
    snapshot.local_port = Some(open.port.number());
}

/// The link for others, and what is wrong with the address that the person named.
fn invite(settings: &Settings, open: &Open) -> (Option<String>, Option<String>) {
    let named = settings.host_address.as_deref().map(|text| parse_address(text, open.port.number()));
    let (address, problem) = match named {
        Some(Ok(address)) => (Some(address), None),
        Some(Err(problem)) => (None, Some(problem)),
        None => (None, None),
    };
    let link = open.engine.invite(address.as_slice()).and_then(Result::ok);
    (link.map(|link| link.to_text()), problem)
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
