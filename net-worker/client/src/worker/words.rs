//! What happens in a session, in words for people.

use std::time::{Duration, Instant};

use backline_audio::Db;
use backline_media::automatic::{Move, Reason};
use backline_session::Session;
use backline_session::document::Conflict;
use backline_wire::{Change, Entry, Fader, Grantee, Outcome, Route, Scope, Setting, Tempo};

use crate::api::{LogLine, Severity};
use crate::sentences::sentences;

/// Lines of the log that are shown.
const LOG_LINES: usize = 40;

/// Of the notices that tell how we send, only the last is true.
pub const QUALITY_TOPIC: &str = "You send ";

/// The same of how media travels.
pub const ROUTE_TOPIC: &str = "The server ";

/// How media travels from now on, and what that means for a person.
pub fn words_of_route(route: Route) -> (String, &'static str) {
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
pub fn words_of_move(moved: &Move) -> (Severity, String, &'static str) {
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
pub fn words_of_conflict(session: &Session, conflict: &Conflict) -> Option<(String, String)> {
    let what = subject(session, &conflict.wanted)?;
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

/// What was changed in the session of late, the last change first.
pub fn log_of(session: &Session, now: Instant) -> Vec<LogLine> {
    let line = |(entry, age): (&Entry, Duration)| {
        Some(LogLine { text: words_of_entry(session, entry)?, age: coarse(age) })
    };
    session.latest_changes(now).filter_map(line).take(LOG_LINES).collect()
}

/// “Ben set how loud everyone gets your “Guitar” to −3.0 dB.” None of names, which are told otherwise.
fn words_of_entry(session: &Session, entry: &Entry) -> Option<String> {
    let who = session.words_for(entry.author);
    let who = if who == "you" { "You".to_owned() } else { who };
    match &entry.change {
        Change::Permission { scope, grantee, allowed } => {
            let grantee = match grantee {
                Grantee::Everyone => "everyone".to_owned(),
                Grantee::Participant(participant) => session.words_for(*participant),
            };
            let what = match scope {
                Scope::Send(source) => {
                    format!("how loud everyone gets {}", session.words_for_source(*source))
                }
                Scope::Monitor(listener) => format!("what {} hears", session.words_for(*listener)),
            };
            let lets = match (who.as_str(), *allowed) {
                ("You", true) => "let",
                (_, true) => "lets",
                ("You", false) => "no longer let",
                (_, false) => "no longer lets",
            };
            Some(format!("{who} {lets} {grantee} set {what}."))
        }
        change => {
            let (what, value) = (subject(session, change)?, words_of_change(session, change));
            Some(format!("{who} set {what} to {value}."))
        }
    }
}

/// What a change is about, to be set to something.
fn subject(session: &Session, change: &Change) -> Option<String> {
    Some(match change {
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
    })
}

/// In steps that nobody sees move: so a log that rests is the same from one look to the next.
fn coarse(age: Duration) -> Duration {
    let step_s = if age < Duration::from_secs(60) { 10 } else { 60 };
    Duration::from_secs(age.as_secs() / step_s * step_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_stand_still_for_a_while() {
        let coarse = |seconds| coarse(Duration::from_secs(seconds)).as_secs();
        assert_eq!([0, 9, 10, 59, 60, 119, 7_205].map(coarse), [0, 0, 10, 50, 60, 60, 7_200]);
    }
}
