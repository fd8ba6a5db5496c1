//! What an instance says to its worker, and what it sees of it: commands in, snapshots out.
//!
//! Nothing here waits. The step before is the editor or the plugin; the step after is `worker.rs`.

use std::time::Duration;

use backline_codec::Quality;
use backline_wire::{InstanceId, ParticipantId, SourceId};

/// Automatable strips of an instance.
pub use backline_bridge::SLOTS;

/// What a person asks of their instance. Handled in the order sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Open a session in this plugin; the invite link is in the next snapshots.
    Host,
    /// Join the session that an invite link leads to.
    Join { link: String },
    /// Leave the session (or close it for everybody, where it is hosted here).
    Leave,
    /// The participant's name, at most 64 bytes; longer ones are cut at a character.
    SetName(String),
    /// The name of what this instance sends ("Guitar"), at most 64 bytes.
    SetSourceName(String),
    /// The participant's colour, sRGB.
    SetColour([u8; 3]),
    /// How this instance sends.
    SetQuality(Quality),
    /// How much every playout holds back, 0 to 250 ms.
    SetPlayoutDepth(Duration),
    /// Which source each slot is bound to (from the DAW project).
    SetSlots([Option<SourceId>; SLOTS]),
    /// An address ("host:port" or "address") under which the internet reaches this machine, for the invite link.
    SetHostAddress(Option<String>),
    /// Show a message that arose outside the worker (unreadable state, for instance).
    Notify { severity: Severity, text: String, advice: String },
    /// The person has read a notice.
    DismissNotice(u64),
}

/// Where this instance stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Connection {
    /// No session: no thread, no socket.
    #[default]
    Idle,
    /// Opening the port for a session of one's own.
    Opening,
    /// The session lives here.
    Hosting,
    /// Calling the host for the first time.
    Joining,
    /// In the session.
    Joined,
    /// The host does not answer; calling again by itself.
    Reconnecting,
    /// It did not work; `text` says why and what to do.
    Failed { text: String },
}

/// How a source reaches this instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Route {
    /// Straight from the other participant.
    Direct,
    /// Passed on by the host.
    ThroughHost,
    /// Nothing has come yet, or the source is away.
    #[default]
    Waiting,
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

/// One remote source as the listener sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceView {
    /// Who and which instance.
    pub source: SourceId,
    /// The slot it plays on; none where all 16 are taken.
    pub slot: Option<usize>,
    /// The participant's name.
    pub participant_name: String,
    /// The source's name.
    pub source_name: String,
    /// The participant's colour, sRGB.
    pub colour: [u8; 3],
    /// In the session now.
    pub present: bool,
    /// How it reaches us.
    pub route: Route,
    /// DTLS-SRTP is up on the path it comes by.
    pub encrypted: bool,
    /// From their capture to our playout, measured by time stamps and clock offset.
    pub latency: Option<Duration>,
    /// Round trip to the participant (direct) or the host.
    pub round_trip: Option<Duration>,
    /// Share of frames of the last seconds that were concealed, 0 to 1.
    pub loss: f32,
    /// Concealed sample frames since it joined.
    pub concealed_frames: u64,
    /// Sample frames brought back from redundancy since it joined.
    pub recovered_frames: u64,
    /// What the playout holds now.
    pub depth: Duration,
    /// Their clock against ours, parts per million.
    pub drift_ppm: f32,
    /// In words: "PCM 16 bit, 1.25 ms".
    pub encoding: String,
}

/// A slot and what it is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotView {
    /// What it is bound to, also while that is away.
    pub source: SourceId,
    /// The last known name, "Ada · Guitar".
    pub name: String,
    /// The source is in the session.
    pub present: bool,
}

/// What this instance sends.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SendView {
    /// In words: "Opus 256 kbit/s, 2.5 ms".
    pub encoding: String,
    /// To all peers together, over the last second.
    pub packets_per_second: f32,
    /// To all peers together, over the last second, on the wire without UDP and IP headers.
    pub bits_per_second: f32,
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

/// What the worker costs and how it keeps up.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct WorkerView {
    /// Processor time of the worker thread since it started.
    pub cpu_time: Duration,
    /// Since it started.
    pub running_for: Duration,
    /// Turns of its loop.
    pub turns: u64,
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
    /// The link that others paste, while hosting.
    pub invite: Option<String>,
    /// Participants in the session, this one included; 0 without a session.
    pub participants: usize,
    /// Who this instance is.
    pub you: Identity,
    /// What it sends.
    pub send: SendView,
    /// The quality that the person chose.
    pub quality: Quality,
    /// The playout depth that the person chose.
    pub playout_depth: Duration,
    /// Every remote source of this session, in slot order, then those without a slot.
    pub sources: Vec<SourceView>,
    /// All 16 slots.
    pub slots: [Option<SlotView>; SLOTS],
    /// Messages, oldest first, at most 8.
    pub notices: Vec<Notice>,
    /// The UDP port in use.
    pub local_port: Option<u16>,
    /// What the worker costs.
    pub worker: WorkerView,
}
