//! Operations on the session document: what a participant changes, where, and what comes of it.
//!
//! The document is a set of registers, each with the value that was written last (SPEC section 6). A
//! [`Change`] names its [`Register`] by itself, so that a value can never land in a register of another
//! kind. Ids are of participants and sources, never places in a list: moving N moves N. The step before is
//! `session`'s outbox, the step after is the host's authority, and back.

mod setting;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::{ParticipantId, SourceId};
use crate::name::Name;
use crate::tempo::Tempo;

pub use setting::{Bus, GainValue, PanValue, Setting, SettingError, SettingKind};

/// One history of one session's document. The first 8 bytes are the session's, for as long as anybody carries it on; the last 8 are the
/// history's: another one begins each time that a host opens the session, so that revisions of two hosts are never taken for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DocumentId(pub [u8; 16]);

/// Which accepted change: the host counts them from 1. Zero is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Revision(pub u64);

/// The durable queue that an operation comes from, at random. A participant has one for each process that
/// runs at a time, and a new one where the old was lost, so that no id is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OutboxId(pub u64);

/// Which operation; with its author's participant id and outbox it is the only one in the world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Counter(pub u64);

/// A strip that can be moved: there are two kinds, never to be confused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fader {
    /// What everyone gets of a source.
    Send(SourceId),
    /// What one listener hears of a source.
    Monitor {
        /// Whose monitor mix.
        listener: ParticipantId,
        /// Of which source.
        source: SourceId,
    },
}

/// Which faders a permission is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// The send level of one source.
    Send(SourceId),
    /// The whole monitor mix of one listener.
    Monitor(ParticipantId),
}

/// Who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grantee {
    /// All who are in the session.
    Everyone,
    /// One participant.
    Participant(ParticipantId),
}

/// What a change writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Moves one thing on one fader.
    Fader {
        /// Which.
        fader: Fader,
        /// What, and to where.
        setting: Setting,
    },
    /// Lets somebody move the owner's faders, or no longer.
    Permission {
        /// Which faders.
        scope: Scope,
        /// Who.
        grantee: Grantee,
        /// Whether they may.
        allowed: bool,
    },
    /// What a participant is called, also while they are away.
    Person {
        /// Who.
        participant: ParticipantId,
        /// Their name.
        name: Name,
        /// Their colour: red, green, blue.
        colour: [u8; 3],
    },
    /// How fast the session plays while no DAW leads it.
    Tempo(Tempo),
    /// Whose DAW leads the session's transport; nobody's: whoever presses Start does.
    Leader(Option<ParticipantId>),
}

/// A place in the document; holds one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Register {
    /// Of [`Change::Fader`].
    Fader(Fader, SettingKind),
    /// Of [`Change::Permission`].
    Permission(Scope, Grantee),
    /// Of [`Change::Person`].
    Person(ParticipantId),
    /// Of [`Change::Tempo`].
    Tempo,
    /// Of [`Change::Leader`].
    Leader,
}

/// A value of the document, and how it came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What was written.
    pub change: Change,
    /// By which accepted change.
    pub revision: Revision,
    /// By whom.
    pub author: ParticipantId,
    /// By which of their operations; zeros where the host wrote it by itself.
    pub operation: (OutboxId, Counter),
    /// When it was made, in ms since 1970 of the host's clock, as well as the host can tell.
    pub made_at_ms: u64,
}

/// A change on its way to the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Rises from operation to operation of its outbox.
    pub counter: Counter,
    /// How long ago the change was made when this is sent, in ms: what was changed while disconnected is
    /// older than what others have changed since.
    pub age_ms: u64,
    /// What.
    pub change: Change,
}

/// What became of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It is in the document.
    Accepted {
        /// As this.
        revision: Revision,
    },
    /// Somebody changed the same thing later.
    Superseded {
        /// By whom, and to what.
        by: Entry,
    },
    /// It is not done.
    Refused {
        /// Why.
        reason: OperationRefusal,
    },
}

/// Why an operation is refused. New reasons are added at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum OperationRefusal {
    /// The owner has not allowed it.
    #[error("its owner has not let you move it: ask them to")]
    NotAllowed,
    /// Only its owner may.
    #[error("only its owner may change that")]
    NotYours,
    /// The document is full.
    #[error(
        "the session holds as many settings as it can: ask somebody who is away for long to be forgotten"
    )]
    DocumentFull,
    /// The host has forgotten what it answered to this one before.
    #[error("it is too old: set it again")]
    TooOld,
}

impl DocumentId {
    /// Whether both are of one session, in whichever history: changes made in one may be sent to the other.
    pub fn is_same_session(&self, other: &Self) -> bool {
        self.session() == other.session()
    }

    /// The session's part, the same in all of its histories.
    pub fn session(&self) -> [u8; 8] {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        [a, b, c, d, e, f, g, h]
    }

    /// The same session in a history of its own; `history` must be random.
    pub fn in_history(self, history: [u8; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = self.session();
        let [i, j, k, l, m, n, o, p] = history;
        Self([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
    }
}

impl Change {
    /// Where it is written.
    pub fn register(&self) -> Register {
        match self {
            Change::Fader { fader, setting } => Register::Fader(*fader, setting.kind()),
            Change::Permission { scope, grantee, .. } => Register::Permission(*scope, *grantee),
            Change::Person { participant, .. } => Register::Person(*participant),
            Change::Tempo(_) => Register::Tempo,
            Change::Leader(_) => Register::Leader,
        }
    }
}

impl Register {
    /// Whose it is; none where it is everybody's.
    pub fn owner(&self) -> Option<ParticipantId> {
        match self {
            Register::Fader(fader, _) => Some(fader.scope().owner()),
            Register::Permission(scope, _) => Some(scope.owner()),
            Register::Person(participant) => Some(*participant),
            Register::Tempo | Register::Leader => None,
        }
    }

    /// Whether `participant` may change it whatever anybody lets them: it is theirs, or everybody's.
    pub fn is_open_to(&self, participant: ParticipantId) -> bool {
        self.owner().is_none_or(|owner| owner == participant)
    }
}

impl Fader {
    /// Which permission lets others move it.
    pub fn scope(&self) -> Scope {
        match self {
            Fader::Send(source) => Scope::Send(*source),
            Fader::Monitor { listener, .. } => Scope::Monitor(*listener),
        }
    }
}

impl Scope {
    /// Who gives the permission.
    pub fn owner(&self) -> ParticipantId {
        match self {
            Scope::Send(source) => source.participant,
            Scope::Monitor(listener) => *listener,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::InstanceId;
    use crate::limits::{ENTRIES_PER_MESSAGE_MAX, NAME_BYTES_MAX, OPERATIONS_PER_MESSAGE_MAX};

    fn longest_changes() -> [Change; 3] {
        let participant = ParticipantId([0xFF; 32]);
        let source = SourceId { participant, instance: InstanceId(u64::MAX) };
        let fader = Fader::Monitor { listener: participant, source };
        [
            Change::Fader { fader, setting: Setting::Gain(GainValue::SILENT) },
            Change::Permission {
                scope: Scope::Send(source),
                grantee: Grantee::Participant(participant),
                allowed: true,
            },
            Change::Person { participant, name: Name::new(&"x".repeat(NAME_BYTES_MAX)), colour: [255; 3] },
        ]
    }

    #[test]
    fn full_messages_are_within_the_limit() {
        use crate::Control;
        use crate::limits::CONTROL_BYTES_MAX;
        for change in longest_changes() {
            let entry = Entry {
                change: change.clone(),
                revision: Revision(u64::MAX),
                author: ParticipantId([0xFF; 32]),
                operation: (OutboxId(u64::MAX), Counter(u64::MAX)),
                made_at_ms: u64::MAX,
            };
            let operation = Operation { counter: Counter(u64::MAX), age_ms: u64::MAX, change };
            let by = Outcome::Superseded { by: entry.clone() };
            let messages = [
                Control::Operate {
                    outbox: OutboxId(u64::MAX),
                    settled: Counter(u64::MAX),
                    operations: vec![operation; OPERATIONS_PER_MESSAGE_MAX],
                },
                Control::Outcomes {
                    outbox: OutboxId(u64::MAX),
                    outcomes: vec![(Counter(u64::MAX), by); ENTRIES_PER_MESSAGE_MAX],
                },
                Control::Changes {
                    document: DocumentId([0xFF; 16]),
                    head: Revision(u64::MAX),
                    entries: vec![entry; ENTRIES_PER_MESSAGE_MAX],
                },
            ];
            for message in messages {
                let bytes = message.encode();
                assert!(bytes.len() <= CONTROL_BYTES_MAX, "{} bytes", bytes.len());
                assert_eq!(Control::decode(&bytes), Ok(message));
            }
        }
    }

    #[test]
    fn a_session_that_is_carried_on_has_another_history() {
        let first = DocumentId([7; 16]);
        let second = first.in_history([8; 8]);
        assert!(first != second && first.is_same_session(&second));
        assert_eq!(second.0[8..], [8; 8]);
        assert!(!first.is_same_session(&DocumentId([8; 16])));
    }

    #[test]
    fn a_fader_belongs_to_who_is_heard_or_hears() {
        let (ada, bob) = (ParticipantId([1; 32]), ParticipantId([2; 32]));
        let guitar = SourceId { participant: ada, instance: InstanceId(1) };
        let setting = Setting::Mute(true);
        let owner = |fader| Change::Fader { fader, setting }.register().owner();
        assert_eq!(owner(Fader::Send(guitar)), Some(ada));
        assert_eq!(owner(Fader::Monitor { listener: bob, source: guitar }), Some(bob));
        assert!(Register::Tempo.is_open_to(ada) && Register::Leader.is_open_to(bob));
    }

    #[test]
    fn each_setting_of_a_fader_is_a_register_of_its_own() {
        let source = SourceId { participant: ParticipantId([1; 32]), instance: InstanceId(1) };
        let fader = Fader::Send(source);
        let gain = Change::Fader { fader, setting: Setting::Gain(GainValue::from_db(-6.0)) };
        let louder = Change::Fader { fader, setting: Setting::Gain(GainValue::from_db(0.0)) };
        let mute = Change::Fader { fader, setting: Setting::Mute(true) };
        assert_eq!(gain.register(), louder.register());
        assert_ne!(gain.register(), mute.register());
    }
}
