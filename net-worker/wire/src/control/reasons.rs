//! Why somebody was refused, left or said goodbye: closed lists, each with a text for people.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a host does not let a joiner in. New reasons are added at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum RefusalReason {
    /// Another protocol version than the host's.
    #[error(
        "the host runs another version of Backline (its protocol is {ours}): update Backline on both computers"
    )]
    OtherVersion {
        /// The host's.
        ours: u16,
    },
    /// The proof does not fit the session's secret.
    #[error("this invite link is not valid for the host's session any more: ask the host for a new link")]
    WrongSecret,
    /// The signature does not fit the participant's key.
    #[error(
        "your identity could not be proven to the host: restart Backline; if it happens again, move the identity file in its config folder away, and a new one is made"
    )]
    WrongIdentity,
    /// As many participants as allowed are in.
    #[error("the session is full ({participants} participants): ask somebody to leave")]
    SessionFull {
        /// How many are in.
        participants: u8,
    },
    /// More sources than one participant may publish.
    #[error("you send more sources than the session allows ({sources}): remove Backline from some tracks")]
    TooManySources {
        /// How many may be published.
        sources: u8,
    },
    /// The first message was no hello.
    #[error("the host did not understand this Backline: update Backline on both computers")]
    NotUnderstood,
}

/// Why a participant is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum LeaveReason {
    /// Said goodbye.
    #[error("left")]
    Left,
    /// Was not heard any more.
    #[error("lost the connection")]
    Vanished,
    /// Joined again over another connection.
    #[error("joined again")]
    Replaced,
    /// Was over a limit for too long.
    #[error("was disconnected by the server")]
    Disconnected,
}

/// Why one side ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum GoodbyeReason {
    /// The user pressed Leave, or removed the plugin.
    #[error("left the session")]
    Leaving,
    /// The host ended the session.
    #[error("the host has ended the session")]
    SessionEnded,
    /// The same participant came back over another connection.
    #[error("you have joined from another connection")]
    Replaced,
    /// Over a limit for too long, after a [`Control::Warning`](crate::Control::Warning).
    #[error("{0}")]
    OverLimit(Limit),
}

/// What one participant may use of a server only so much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Error)]
pub enum Limit {
    /// Packets a second to the server.
    #[error(
        "you send more packets a second than the server allows: send fewer sources, or choose a quality with longer frames"
    )]
    Packets,
    /// Bytes a second to the server.
    #[error(
        "you send more bytes a second than the server allows: choose a quality that needs less, or send fewer sources"
    )]
    BytesIn,
    /// Control messages a second.
    #[error("you change more things a second than the server allows: stop what moves faders by itself")]
    Control,
}

impl Limit {
    /// For metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Limit::Packets => "packets",
            Limit::BytesIn => "bytes_in",
            Limit::Control => "control",
        }
    }
}
