//! What Backline's peers say to each other: bytes to types and back.
//!
//! It is: ids, the invite link, the announcement in the local network, ICE credentials derived from the session's secret, the hello
//! proof, the control messages, the lines of the chat, tempo and transport, the operations on the session document, and every limit of the project. It is not: a socket, a clock, a codec or a
//! connection; it knows no samples. The step before is `session` (which decides what to say), the
//! step after is `transport` (which carries the bytes encrypted). The wire is described in
//! `docs/PROTOCOL.md`, which changes together with this crate.

pub mod announcement;
pub mod chat;
pub mod control;
pub mod credentials;
pub mod feedback;
pub mod hello;
pub mod ids;
pub mod levels;
pub mod limits;
pub mod link;
mod mix_times;
pub mod name;
pub mod operation;
pub mod route;
pub mod tempo;

pub use announcement::Announcement;
pub use chat::{ChatLine, ChatLineError};
pub use control::{
    Candidate, Control, ControlError, GoodbyeReason, LeaveReason, Limit, PathOffer, PeerInfo,
    PublishedSource, Reception, RefusalReason, SourceInfo, StreamFormat, Welcome,
};
pub use credentials::{Fingerprint, IceCredentials, SessionSecret};
pub use feedback::{Feedback, FeedbackError, Missing, MissingRun};
pub use hello::{Hello, HelloTranscript, IdentityKey};
pub use ids::{Generation, IdError, InstanceId, ParticipantId, PeerId, SourceId, Ssrc};
pub use levels::{Levels, PeakLevel, SourceLevel};
pub use link::{InviteLink, LinkError};
pub use mix_times::{MixTime, MixTimes};
pub use name::Name;
pub use operation::{
    Bus, Change, Counter, DocumentId, Entry, Fader, GainValue, Grantee, Operation, OperationRefusal,
    OutboxId, Outcome, PanValue, Register, Revision, Scope, Setting, SettingKind,
};
pub use route::{Route, RouteError, mix_source};
pub use tempo::{Bpm, Meter, SongPosition, Tempo, TempoError, TransportMark};
