//! The bottom line: what needs attention, worst first, or that all is well.

use std::time::Duration;

use backline_client::{Connection, LeftBehindView, Notice, Severity, Snapshot, SourceView, WaitingView};

use super::words;
use crate::editor::backend::HostPace;
use crate::editor::theme::Tone;

/// What waits for less long is on its way.
const WAITS_FROM: Duration = Duration::from_secs(2);

/// The bottom line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusLine {
    /// What needs attention, worst first; of equals the newest first.
    pub messages: Vec<Message>,
    /// What to say where there is nothing.
    pub calm: String,
}

/// One thing that needs attention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The notice to dismiss; none where the message goes with its cause.
    pub dismiss: Option<u64>,
    /// How bad.
    pub tone: Tone,
    /// What happened.
    pub text: String,
    /// What to do; may be empty.
    pub advice: String,
    /// What can be done about it with one click.
    pub offer: Option<Offer>,
}

/// A button of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// Send what waits now.
    Sync,
    /// Host the session whose host is gone.
    CarryOn,
    /// Give up what waits for other sessions.
    DiscardLeftBehind,
}

impl Offer {
    /// What stands on it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Sync => "Sync now",
            Self::CarryOn => "Carry on as host",
            Self::DiscardLeftBehind => "Discard",
        }
    }
}

impl Message {
    fn warning(text: &str, advice: &str) -> Self {
        Self {
            dismiss: None,
            tone: Tone::Warning,
            text: text.to_owned(),
            advice: advice.to_owned(),
            offer: None,
        }
    }
}

impl StatusLine {
    pub(super) fn new(snapshot: &Snapshot, pace: HostPace) -> Self {
        let mut notices: Vec<&Notice> = snapshot.notices.iter().rev().collect();
        notices.sort_by_key(|notice| rank(notice.severity));
        let own = [
            pace_message(pace),
            waiting_message(&snapshot.waiting),
            connection_message(&snapshot.connection),
            unplaced_message(snapshot),
        ];
        let messages = own.into_iter().flatten().chain(notices.into_iter().map(message));
        let messages = messages.chain(left_behind_message(&snapshot.left_behind)).collect();
        Self { messages, calm: calm(&snapshot.connection).to_owned() }
    }
}

/// Why nothing is sent, where the host's pace is the reason.
fn pace_message(pace: HostPace) -> Option<Message> {
    let (text, advice) = match pace {
        HostPace::Faster => (
            "The DAW renders faster than real time: nothing is sent, and the others are silent.",
            "Live audio comes back by itself when the render is over. To record the others, play in real time.",
        ),
        HostPace::Slower => (
            "The DAW runs slower than real time: nothing is sent, and the others are silent.",
            "Make the audio buffer larger or take load off the DAW.",
        ),
        HostPace::RealTime | HostPace::Measuring | HostPace::Stopped => return None,
    };
    Some(Message::warning(text, advice))
}

/// What happens while the host does not answer.
fn connection_message(connection: &Connection) -> Option<Message> {
    (*connection == Connection::Reconnecting).then(|| {
        let message = Message::warning(
            "The host does not answer. Backline keeps calling: everything comes back by itself.",
            "Only if the host is gone for good: carry on as host, and send the others the new link.",
        );
        Message { offer: Some(Offer::CarryOn), ..message }
    })
}

/// Sources that no strip is left for.
fn unplaced_message(snapshot: &Snapshot) -> Option<Message> {
    let here = Some(snapshot.you.instance);
    let is_unplaced =
        |source: &&SourceView| source.present && source.slot.is_none() && source.returned_by == here;
    let unplaced = snapshot.sources.iter().filter(is_unplaced).count();
    (unplaced > 0).then(|| {
        let advice = "Free the strip of somebody who is away: the cross at its top.";
        Message::warning(&words::unplaced(unplaced), advice)
    })
}

/// Changes that the host has not answered for longer than a round trip takes.
fn waiting_message(waiting: &WaitingView) -> Option<Message> {
    if waiting.changes == 0 || waiting.since < WAITS_FROM {
        return None;
    }
    let changes = words::changes(waiting.changes);
    let message = if waiting.failed > 0 {
        Message::warning(&format!("{changes}: the host has not answered."), "They are kept.")
    } else {
        Message::warning(
            &format!("{changes} for the host."),
            "Sent by themselves as soon as it answers; kept until then, also when the DAW is closed.",
        )
    };
    Some(Message { offer: Some(Offer::Sync), ..message })
}

/// Changes that their session was left with: it may never come back, and only a person knows that.
fn left_behind_message(left: &LeftBehindView) -> Option<Message> {
    (left.changes > 0).then(|| Message {
        dismiss: None,
        tone: Tone::Busy,
        text: words::left_behind(left),
        advice: "They are sent when you are in that session again. Discard them if it is over for good."
            .to_owned(),
        offer: Some(Offer::DiscardLeftBehind),
    })
}

fn message(notice: &Notice) -> Message {
    Message {
        dismiss: Some(notice.id),
        tone: match notice.severity {
            Severity::Info => Tone::Busy,
            Severity::Warning => Tone::Warning,
            Severity::Error => Tone::Bad,
        },
        text: notice.text.clone(),
        advice: notice.advice.clone(),
        offer: None,
    }
}

fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Error => 0,
        Severity::Warning => 1,
        Severity::Info => 2,
    }
}

fn calm(connection: &Connection) -> &'static str {
    match connection {
        Connection::Idle | Connection::Failed { .. } => {
            "Host a session, or join one with its link. No account, nothing to set up."
        }
        Connection::Joining => "One moment…",
        Connection::Hosting | Connection::Joined | Connection::Reconnecting => {
            "Shift: fine moves. Right button: more."
        }
    }
}
