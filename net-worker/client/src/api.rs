//! What an instance says to its worker, and what it sees of it: commands in, snapshots out.
//!
//! Nothing here waits. The step before is the editor or the plugin; the step after is `guest.rs` or `worker.rs`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::history::Histories;
use backline_codec::Quality;

use backline_wire::{
    ChatLine, Fader, Grantee, InstanceId, InviteLink, ParticipantId, Scope, Setting, SourceId, Tempo,
};

/// The most that a playout may hold back.
pub use backline_media::playout::TARGET_DEPTH_MAX as DEPTH_CEILING_MAX;

/// The most that playouts hold back until the person says otherwise.
pub const DEPTH_CEILING_DEFAULT: Duration = Duration::from_millis(25);
/// What each participant wants to change, as the host counts it.
pub use backline_relay::MemberOperations;
pub use backline_session::document::{OperationCounts, OperationTraffic, OutboxStats};
/// What a listener is shown of each source, each slot and its own send.
pub use backline_session::view::{
    AccessView, ChatLineState, ChatLineView, FaderView, InstanceView, LeaderView, LeftBehindView, MixStrip,
    MixView, PersonView, Route, SendView, SlotView, SourceView, TempoView, TransportView, WaitingView,
};
pub use backline_session::{LatencyStages, ReturnChoice, Stage};
/// Automatable strips of an instance.
pub use backline_wire::limits::SLOTS;

const _: () = assert!(SLOTS == backline_bridge::SLOTS, "the rings and the session count the same slots");

/// What a person asks of their instance. Handled in the order sent.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a few in a minute, and none is kept")]
pub enum Command {
    /// Open a session in this plugin; the invite link is in the next snapshots.
    Host,
    /// Go on with a session that was hosted on this computer before, where it was: after the DAW was closed, or a crash. Where another instance
    /// of this process is in it, they share everything. Others come back under the same link.
    HostAgain {
        /// The link it had.
        link: String,
    },
    /// The host does not answer and is gone for good: this participant hosts the session from now on, as they know it, under a new link.
    /// Only while the host does not answer.
    CarryOn,
    /// Join the session that an invite link leads to. Where another instance of this process is in it, they share everything.
    Join {
        /// As pasted.
        link: String,
    },
    /// Leave the session. With the last instance of this process it ends here (for everybody, where it is hosted here, and for good).
    Leave,
    /// The participant's name, at most 64 bytes; longer ones are cut at a character.
    SetName(String),
    /// The name of what this instance sends ("Guitar"), at most 64 bytes.
    SetSourceName(String),
    /// The participant's colour, sRGB.
    SetColour([u8; 3]),
    /// Whether the others get what this instance plays.
    SetSends(bool),
    /// What this instance returns.
    SetReturns(ReturnChoice),
    /// How this instance sends.
    SetQuality(Quality),
    /// Whether it may send in another way while the paths do not carry that quality.
    SetAutomatic(bool),
    /// The most that a playout may hold back, up to [`DEPTH_CEILING_MAX`]; it finds its depth below that by itself.
    SetDepthCeiling(Duration),
    /// Which source each slot is bound to (from the DAW project).
    SetSlots([Option<SourceId>; SLOTS]),
    /// An IP address, with a port or without, under which the internet reaches this machine, for the invite link.
    SetHostAddress(Option<String>),
    /// Whether the local network hears of a session that is hosted here, and people there get in without a link. A running
    /// session takes it up; who is in stays.
    SetOpenToLan(bool),
    /// Whether this participant's own sources are in the mix that a server makes for them, where it makes one.
    SetHearOwn(bool),
    /// Servers that help to reach others, and to be reached, through routers; `203.0.113.7:3478` or `203.0.113.7`. A running
    /// session takes them up. What is wrong with them is shown as notices.
    SetServers {
        /// A STUN server tells under which address the internet sees this machine.
        stun: Option<String>,
        /// A TURN server passes everything on where no other way works.
        turn: Option<TurnServer>,
    },
    /// Moves one thing on a fader of the session: somebody's send level, or a monitor mix. Shown at once; where its owner does not let
    /// us, it goes back, and a notice says so. Only in a session.
    MoveFader {
        /// Which.
        fader: Fader,
        /// What, and to where.
        setting: Setting,
    },
    /// Lets somebody move our faders, or no longer. Only in a session.
    Permit {
        /// Which faders.
        scope: Scope,
        /// Who.
        grantee: Grantee,
        /// Whether they may.
        allowed: bool,
    },
    /// Writes a line of the chat to everybody. Only in a session, while the host answers; where not, a notice says so.
    Say(ChatLine),
    /// Another tempo for the session, for as long as no DAW leads it. Only in a session.
    SetTempo(Tempo),
    /// From now on this participant's DAW leads tempo and transport of the session, or nobody's. Only in a session.
    Lead(bool),
    /// Starts the beat for everybody by hand, after so many bars that are counted in. Only in a session, while no DAW leads; else a
    /// notice says so.
    StartTransport {
        /// 0 and up.
        count_in_bars: u8,
    },
    /// Stops what was started by hand. Only in a session.
    StopTransport,
    /// Tries everything that waits for the host at once, also what has failed.
    SyncNow,
    /// Gives up everything that waits for the host and is not on its way.
    DiscardWaiting,
    /// Gives up everything that waits for other sessions than the one that this instance is in. Only in a session.
    DiscardLeftBehind,
    /// Show a message that arose outside the worker (unreadable state, for instance).
    Notify {
        /// How loud.
        severity: Severity,
        /// What happened.
        text: String,
        /// What to do; may be empty.
        advice: String,
    },
    /// The person has read a notice.
    DismissNotice(u64),
}

/// Where an invite link leads to, by the address that its host named first; none where it is no invite link.
/// [any-thread]
pub fn link_address(link: &str) -> Option<IpAddr> {
    let link = InviteLink::parse(link).ok()?;
    link.addresses().first().map(|address| address.ip())
}

/// A TURN server and the account there. `Debug` shows neither user name nor password.
#[derive(Clone, PartialEq, Eq)]
pub struct TurnServer {
    /// `203.0.113.7:3478` or `203.0.113.7`.
    pub address: String,
    /// The user name there.
    pub user: String,
    /// The password there.
    pub password: String,
}

impl std::fmt::Debug for TurnServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TurnServer").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Where this instance stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Connection {
    /// No session: no thread, no socket.
    #[default]
    Idle,
    /// The session lives here.
    Hosting,
    /// Calling the host for the first time.
    Joining,
    /// In the session.
    Joined,
    /// The host does not answer; calling again by itself.
    Reconnecting,
    /// It did not work; `text` says why and what to do.
    Failed {
        /// For the person.
        text: String,
    },
}

/// A session in the local network that can be joined without a link from anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSession {
    /// The host's name.
    pub host: String,
    /// How many are in, the host included.
    pub participants: usize,
    /// For [`Command::Join`].
    pub link: String,
}

/// Something that was changed in the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// “Ben set the tempo to 92 bpm, 4/4.”
    pub text: String,
    /// How long ago, in steps of 10 s, from a minute on of a minute.
    pub age: Duration,
}

/// How loud a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Works, but look at it.
    Warning,
    /// Does not work.
    Error,
}

/// A message for a person; stays until dismissed or superseded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// For [`Command::DismissNotice`].
    pub id: u64,
    /// How loud.
    pub severity: Severity,
    /// What happened.
    pub text: String,
    /// What to do; may be empty.
    pub advice: String,
}

/// Who this instance is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// None until the first session (the identity file is not touched by a host's plugin scan).
    pub participant: Option<ParticipantId>,
    /// From the DAW project.
    pub instance: InstanceId,
    /// The participant's name.
    pub name: String,
    /// The source's name.
    pub source_name: String,
    /// sRGB.
    pub colour: [u8; 3],
}

/// A session that other instances of this process are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionHere {
    /// Leads into it.
    pub link: String,
}

/// What the worker costs and how it keeps up.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct WorkerView {
    /// Processor time of the worker thread since it started.
    pub cpu_time: Duration,
    /// Since it started.
    pub running_for: Duration,
    /// Turns of its loop.
    pub turns: u64,
    /// Of these, those that began more than a millisecond after they were due.
    pub late_turns: u64,
    /// Datagrams in.
    pub datagrams_in: u64,
    /// Datagrams out.
    pub datagrams_out: u64,
    /// Datagrams that were dropped because they were not valid.
    pub datagrams_refused: u64,
    /// It runs with raised priority.
    pub raised_priority: bool,
}

/// Everything an editor shows, at one instant. Immutable; a new one replaces it about 20 times a second
/// while a session runs, and only when something changed while none does.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Where this instance stands.
    pub connection: Connection,
    /// While in no session: the one that this process is in.
    pub here: Option<SessionHere>,
    /// The link that others paste, while hosting.
    pub invite: Option<String>,
    /// Participants in the session, this one included; 0 without a session.
    pub participants: usize,
    /// Who this instance is.
    pub you: Identity,
    /// All instances of this process in the session, this one included, in the order in which they came; none without a session.
    pub instances: Vec<InstanceView>,
    /// The person wants the others to get what it plays; whether they do, say `instances`.
    pub sends: bool,
    /// What it was asked to return; who returns the mix, say `instances`.
    pub returns: ReturnChoice,
    /// What it sends.
    pub send: SendView,
    /// How loud everybody gets it: by this instance's parameters, or by who has moved it in the session since.
    pub send_fader: FaderView,
    /// Who else may move that.
    pub send_access: AccessView,
    /// Who else may set what this participant hears.
    pub mix_access: AccessView,
    /// All others who are in the session or have been; none without a session.
    pub people: Vec<PersonView>,
    /// What others hear who let us set it.
    pub mixes: Vec<MixView>,
    /// Changes of ours that the host has not answered.
    pub waiting: WaitingView,
    /// Changes of ours that wait for sessions that this instance is not in; nothing without a session.
    pub left_behind: LeftBehindView,
    /// What has become of all our changes since this process came into the session.
    pub changes: OutboxStats,
    /// What each participant, this one included, has wanted to change, of late and in all; only where the session is hosted here.
    pub operations: Vec<MemberOperations>,
    /// The quality that the person chose.
    pub quality: Quality,
    /// Whether another way of sending is taken while the paths do not carry that.
    pub automatic: bool,
    /// The most that playouts may hold back, as the person chose it.
    pub depth_ceiling: Duration,
    /// Whether the local network hears of a session that is hosted here, as the person chose it.
    pub open_to_lan: bool,
    /// The sources of this session come in a mix that the server makes.
    pub is_mixed: bool,
    /// Whether one's own are in it, as the person chose it.
    pub hear_own: bool,
    /// Every remote source of this session, in slot order, then those without a slot.
    pub sources: Vec<SourceView>,
    /// What was measured of those on slots in the last minutes.
    pub histories: Histories,
    /// All 16 slots.
    pub slots: [Option<SlotView>; SLOTS],
    /// The last lines of the chat since this process came into the session, oldest first, at most 100; none without a session.
    pub chat: Arc<Vec<ChatLineView>>,
    /// What was changed in the session of late, the last change first, at most 40; each thing once.
    pub log: Vec<LogLine>,
    /// Tempo and transport of the session.
    pub tempo: TempoView,
    /// Messages, oldest first, at most 8.
    pub notices: Vec<Notice>,
    /// The UDP port in use.
    pub local_port: Option<u16>,
    /// What the worker costs.
    pub worker: WorkerView,
}
