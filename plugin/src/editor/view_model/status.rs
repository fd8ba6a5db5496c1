//! The bottom line: what needs attention, worst first, or that all is well.

use backline_client::{Connection, Notice, Severity, Snapshot};

use super::words;
use crate::editor::backend::HostPace;
use crate::editor::theme::Tone;

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
}

impl StatusLine {
    pub(super) fn new(snapshot: &Snapshot, pace: HostPace) -> Self {
        let mut notices: Vec<&Notice> = snapshot.notices.iter().rev().collect();
        notices.sort_by_key(|notice| rank(notice.severity));
        let own = [pace_message(pace), connection_message(&snapshot.connection), unplaced_message(snapshot)];
        let messages = own.into_iter().flatten().chain(notices.into_iter().map(message)).collect();
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
    Some(Message { dismiss: None, tone: Tone::Warning, text: text.to_owned(), advice: advice.to_owned() })
}

/// What happens while the host does not answer.
fn connection_message(connection: &Connection) -> Option<Message> {
    (*connection == Connection::Reconnecting).then(|| Message {
        dismiss: None,
        tone: Tone::Warning,
        text: "The host does not answer. Backline keeps calling.".to_owned(),
        advice: "Everything comes back by itself: same strips, same levels. Leave to stop trying.".to_owned(),
    })
}

/// Sources that no strip is left for.
fn unplaced_message(snapshot: &Snapshot) -> Option<Message> {
    let unplaced = snapshot.sources.iter().filter(|source| source.present && source.slot.is_none()).count();
    (unplaced > 0).then(|| Message {
        dismiss: None,
        tone: Tone::Warning,
        text: words::unplaced(unplaced),
        advice: "Free the strip of somebody who is away: the cross at its top.".to_owned(),
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
            "Drag to move, Shift for fine moves, double-click to reset, click a number to type."
        }
    }
}
