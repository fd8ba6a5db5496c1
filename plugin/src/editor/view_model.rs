//! What is shown, in words and numbers: a pure function of a snapshot and the parameters.
//!
//! No egui type and no clock in here, so every sentence of the editor is tested without a window. Levels are not
//! part of it (they move sixty times as often; see `ballistics.rs`). The step before is `backend.rs`; the step
//! after is the panels, which only draw what they find here.

pub mod access;
pub mod chat;
pub mod link;
pub mod mixes;
pub mod path;
pub mod plot;
pub mod recording;
pub mod returns;
pub mod send;
pub mod sound;
pub mod status;
pub mod strips;
pub mod tempo;
pub mod words;

use backline_client::{Command, Connection, FoundSession, MemberOperations, Snapshot};

use super::backend::{HostPace, Values};
use super::theme::Tone;
pub use access::{Access, AccessOption};
pub use chat::{Chat, ChatRow};
pub use link::{Link, LinkLamps};
pub use mixes::{Mix, MixStripPanel};
pub use path::{PathTest, PersonPath};
pub use plot::{Past, Plot};
pub use recording::RecordingOffset;
pub use returns::Returns;
pub use send::SendPanel;
pub use sound::SoundPanel;
pub use status::{Message, Offer, StatusLine};
pub use strips::{BoundStrip, RouteBadge, Strip};
pub use tempo::TempoPanel;

/// Everything a frame shows.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewModel {
    /// The top line.
    pub header: Header,
    /// The middle.
    pub stage: Stage,
    /// The panel on the left.
    pub send: SendPanel,
    /// All slots in order; a strip never moves to another place.
    pub strips: Vec<Strip>,
    /// What others hear who let us set it.
    pub mixes: Vec<Mix>,
    /// What people write; none without a session.
    pub chat: Option<Chat>,
    /// The bottom line.
    pub status: StatusLine,
    /// Whether one can play together with who is there; none without a session.
    pub path: Option<PathTest>,
    /// Tempo and transport; none without a session.
    pub tempo: Option<TempoPanel>,
}

/// The top line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Colour of the lamp.
    pub tone: Tone,
    /// "Hosting", "Not in a session".
    pub state: String,
    /// "3 participants · UDP 50123"; empty without a session.
    pub detail: String,
    /// The link that others paste; none where somebody else hosts.
    pub invite: Option<String>,
    /// What each participant moves in the session, by name; only for the host.
    pub operations: Vec<(String, String)>,
    /// "Leave" or "End session"; none without a session.
    pub leave: Option<&'static str>,
    /// What that does.
    pub leave_help: &'static str,
}

/// What the middle is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// The choice between Host and Join.
    Connect(ConnectPanel),
    /// The strips of the session.
    Session(Session),
}

/// The choice between Host and Join.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectPanel {
    /// "Joining the session…": the choices wait meanwhile.
    pub busy: Option<String>,
    /// Why the last try did not work, and what to do.
    pub failure: Option<String>,
    /// The session that other tracks of this project are in, or else the one that was joined last.
    pub again: Option<JoinOffer>,
    /// Those in the local network.
    pub found: Vec<JoinOffer>,
    /// The local network hears of a session that is hosted here.
    pub open_to_lan: bool,
}

/// A session that is joined with one click.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinOffer {
    /// "Join again: 203.0.113.7", "Join Ada (3 people)".
    pub text: String,
    /// Why that is offered.
    pub sentence: &'static str,
    /// Leads there.
    pub link: String,
    /// It was hosted here: not joined, but opened again.
    pub is_own: bool,
}

impl JoinOffer {
    /// What it asks for.
    pub fn command(&self) -> Command {
        let link = self.link.clone();
        if self.is_own { Command::HostAgain { link } } else { Command::Join { link } }
    }
}

impl ConnectPanel {
    /// Offers to go on with the session of `link`, which was hosted here, unless this project is in one.
    pub fn offer_to_host_again(&mut self, link: Option<String>) {
        let offer = |link: String| JoinOffer {
            text: "Go on with your session".to_owned(),
            sentence: "You host it again, with all that was set. Or paste an invite link.",
            link,
            is_own: true,
        };
        self.again = self.again.take().or_else(|| link.map(offer));
    }

    /// Offers the session of `link` again, unless this project is in one; a link that leads nowhere is not offered.
    pub fn offer_again(&mut self, link: Option<String>) {
        let offer = |link: String| {
            let address = backline_client::link_address(&link)?;
            let sentence = "Back to the last session with one click; or paste another invite link.";
            Some(JoinOffer { text: format!("Join again: {address}"), sentence, link, is_own: false })
        };
        self.again = self.again.take().or_else(|| link.and_then(offer));
    }

    /// Offers the sessions that were found in the local network.
    pub fn offer_found(&mut self, found: Vec<FoundSession>) {
        let offer = |session: FoundSession| {
            let text = words::join_found(&session.host, session.participants);
            JoinOffer { text, sentence: "In your local network", link: session.link, is_own: false }
        };
        self.found = found.into_iter().map(offer).collect();
    }
}

/// The strips of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// What to do while nobody else is here: a title and a sentence.
    pub empty: Option<(String, String)>,
    /// Whether one's own sources are in the mix that the server makes; none where it makes none.
    pub hear_own: Option<bool>,
}

impl ViewModel {
    /// What `snapshot` and `values` look like at this `pace`.
    pub fn new(snapshot: &Snapshot, values: &Values, pace: HostPace) -> Self {
        Self {
            header: header(snapshot),
            stage: stage(snapshot),
            send: SendPanel::new(snapshot, values, pace),
            strips: strips::strips(snapshot, values),
            mixes: mixes::mixes(snapshot),
            chat: Chat::new(snapshot),
            status: StatusLine::new(snapshot, pace),
            path: PathTest::new(snapshot),
            tempo: TempoPanel::new(snapshot, values),
        }
    }
}

fn header(snapshot: &Snapshot) -> Header {
    let has_others = snapshot.instances.len() > 1;
    let (tone, state, leave) = match &snapshot.connection {
        Connection::Idle => (Tone::Quiet, "Not in a session", None),
        Connection::Hosting if has_others => (Tone::Good, "Hosting", Some("Leave")),
        Connection::Hosting => (Tone::Good, "Hosting", Some("End session")),
        Connection::Joining => (Tone::Busy, "Joining…", None),
        Connection::Joined => (Tone::Good, "In session", Some("Leave")),
        Connection::Reconnecting => (Tone::Warning, "Reconnecting…", Some("Leave")),
        Connection::Failed { .. } => (Tone::Bad, "Not connected", None),
    };
    let detail = if in_session(&snapshot.connection) { detail(snapshot) } else { String::new() };
    let invite = snapshot.invite.clone().filter(|_| snapshot.connection == Connection::Hosting);
    let leave_help = match snapshot.connection {
        _ if has_others => "Takes this track out of the session; the other tracks of this project stay in",
        Connection::Hosting => "Ends the session for everybody: it runs in this plugin",
        _ => "Takes you out of the session; the others play on",
    };
    let operations = operations(snapshot);
    Header { tone, state: state.to_owned(), detail, invite, operations, leave, leave_help }
}

/// Who moves how much, also of those who send nothing and have no strip.
fn operations(snapshot: &Snapshot) -> Vec<(String, String)> {
    let row = |member: &MemberOperations| {
        (words::or(member.name.as_str(), "Participant"), words::operations(&member.traffic.last_second))
    };
    snapshot.operations.iter().map(row).collect()
}

fn detail(snapshot: &Snapshot) -> String {
    let participants = words::participants(snapshot.participants);
    match snapshot.local_port {
        Some(port) => format!("{participants} · UDP {port}"),
        None => participants,
    }
}

fn stage(snapshot: &Snapshot) -> Stage {
    let connect = |busy: Option<&str>, failure: Option<&str>| {
        let (busy, failure) = (busy.map(str::to_owned), failure.map(str::to_owned));
        let again = snapshot.here.as_ref().map(|here| JoinOffer {
            text: "Join the session of this project".to_owned(),
            sentence: "Another track of this project is in a session: this one becomes a source of its own there.",
            link: here.link.clone(),
            is_own: false,
        });
        let open_to_lan = snapshot.open_to_lan;
        Stage::Connect(ConnectPanel { busy, failure, again, open_to_lan, found: Vec::new() })
    };
    match &snapshot.connection {
        Connection::Idle => connect(None, None),
        Connection::Joining => connect(Some("Calling the host: a few seconds at most."), None),
        Connection::Failed { text } => connect(None, Some(text)),
        Connection::Hosting | Connection::Joined | Connection::Reconnecting => {
            Stage::Session(session(snapshot))
        }
    }
}

fn session(snapshot: &Snapshot) -> Session {
    let nobody =
        snapshot.slots.iter().all(Option::is_none) && !snapshot.sources.iter().any(|source| source.present);
    Session {
        empty: nobody.then(|| empty_state(snapshot.connection == Connection::Hosting)),
        hear_own: snapshot.is_mixed.then_some(snapshot.hear_own),
    }
}

fn empty_state(hosting: bool) -> (String, String) {
    let sentence = if hosting {
        "Send the invite link to the others. They put Backline on a track, choose Join and paste it: \
         each of them appears here with a fader."
    } else {
        "Nobody else sends anything yet. As soon as somebody does, they appear here with a fader."
    };
    ("Nobody else is here yet".to_owned(), sentence.to_owned())
}

/// A session is there, or comes back by itself.
pub fn in_session(connection: &Connection) -> bool {
    matches!(connection, Connection::Hosting | Connection::Joined | Connection::Reconnecting)
}

#[cfg(test)]
pub(crate) mod tests;
