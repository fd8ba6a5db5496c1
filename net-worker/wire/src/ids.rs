//! Ids: who, which instance, which source, which connection, which stream.
//!
//! Participants, instances and sources outlive a session (they are kept in projects and files, as
//! text); peers, streams and generations live within one session and are given by its host.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER_PERMISSIVE;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A person on a machine: an Ed25519 public key. Text form: 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ParticipantId(pub [u8; 32]);

/// One plugin in a DAW, or the standalone; random, kept in the project. Text form: 16 digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InstanceId(pub u64);

/// A stream that an instance publishes; kept in the DAW project, never an index.
/// Text form: the participant's, a hyphen, the instance's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceId {
    /// Whose it is.
    pub participant: ParticipantId,
    /// Which of their instances sends it.
    pub instance: InstanceId,
}

/// One connection in a session, given by the host; [`PeerId::HOST`] is the host's own participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeerId(pub u16);

/// The RTP stream of a source, unique within a session, given by the host (RFC 3550 section 3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ssrc(pub u32);

/// Rises whenever a source restarts; media of an older one is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Generation(pub u32);

impl PeerId {
    /// The host's own participant.
    pub const HOST: PeerId = PeerId(0);
}

impl Generation {
    /// The next generation; wraps after four thousand million restarts.
    pub fn next(self) -> Self {
        Generation(self.0.wrapping_add(1))
    }
}

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for ParticipantId {
    /// The first eight digits are enough to tell participants apart in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Participant(")?;
        write_hex(f, &self.0[..4])?;
        f.write_str("…)")
    }
}

impl FromStr for ParticipantId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut bytes = [0; 32];
        parse_hex(text, &mut bytes)?;
        Ok(ParticipantId(bytes))
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instance({self})")
    }
}

impl FromStr for InstanceId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut bytes = [0; 8];
        parse_hex(text, &mut bytes)?;
        Ok(InstanceId(u64::from_be_bytes(bytes)))
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.participant, self.instance)
    }
}

impl fmt::Debug for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({:?}, {})", self.participant, self.instance)
    }
}

impl FromStr for SourceId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (participant, instance) = text.trim().split_once('-').ok_or(IdError::NotAnId)?;
        Ok(SourceId { participant: participant.parse()?, instance: instance.parse()? })
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Ssrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for Ssrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ssrc({self})")
    }
}

/// Why a text is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IdError {
    /// Wrong length, or a character that is no hexadecimal digit.
    #[error("this is not a Backline id: the project or settings file that it comes from is damaged")]
    NotAnId,
}

pub(crate) fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

fn parse_hex(text: &str, bytes: &mut [u8]) -> Result<(), IdError> {
    let text = text.trim().as_bytes();
    if text.len() != bytes.len() * 2 {
        return Err(IdError::NotAnId);
    }
    HEXLOWER_PERMISSIVE.decode_mut(text, bytes).map(drop).map_err(|_| IdError::NotAnId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_survive_their_text_form() {
        let source = SourceId { participant: ParticipantId([0xA5; 32]), instance: InstanceId(7) };
        assert_eq!(source.to_string().len(), 64 + 1 + 16);
        assert_eq!(source.to_string().parse(), Ok(source));
        assert_eq!(source.to_string().to_uppercase().parse(), Ok(source));
    }

    #[test]
    fn damaged_ids_are_refused() {
        for text in ["", "-", "zz", "0123456789abcde", "0123456789abcdefg", "0123456789abcdé"] {
            assert_eq!(text.parse::<InstanceId>(), Err(IdError::NotAnId), "{text}");
            assert_eq!(text.parse::<SourceId>(), Err(IdError::NotAnId), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_an_id_panic(text in ".*") {
            let _ = (text.parse::<ParticipantId>(), text.parse::<InstanceId>(), text.parse::<SourceId>());
        }

        #[test]
        fn every_source_id_round_trips(participant: [u8; 32], instance: u64) {
            let source = SourceId { participant: ParticipantId(participant), instance: InstanceId(instance) };
            prop_assert_eq!(source.to_string().parse::<SourceId>(), Ok(source));
        }
    }
}
