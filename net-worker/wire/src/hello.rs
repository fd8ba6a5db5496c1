//! The first message of a joiner: who it is, and the proof that it was invited.
//!
//! DTLS proves the host's certificate to the joiner (its fingerprint is in the link). The `Hello`
//! proves the joiner to the host: that it knows the secret, over *this* DTLS session (both
//! fingerprints are in the transcript, so a proof cannot be replayed on another connection), and
//! that it holds the participant's key. The step before is `transport` (`Connected`), the step after
//! is `relay`'s admission.

use std::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::control::SourceInfo;
use crate::credentials::{Fingerprint, SessionSecret};
use crate::ids::{Generation, InstanceId, ParticipantId};
use crate::limits::SOURCES_PER_PARTICIPANT_MAX;
use crate::name::Name;

/// Who wants to join. The host checks version, proof and signature, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`crate::limits::PROTOCOL_VERSION`] of the joiner.
    pub protocol_version: u16,
    /// Program and version, for the host's log and bug reports: "Backline 0.1.0".
    pub app: Name,
    /// The participant's name.
    pub name: Name,
    /// The participant's colour: red, green, blue.
    pub colour: [u8; 3],
    /// The participant's public key.
    pub participant: ParticipantId,
    /// The instance that opened the connection; it names the connection also when that instance is gone and others
    /// of its process still use it.
    pub instance: InstanceId,
    /// Of the connection: the same as before when only the path was lost, so that its streams go on; a later one
    /// after a restart.
    pub generation: Generation,
    /// Ed25519 over the transcript (see [`HelloTranscript::sign`]).
    #[serde(with = "signature_halves")]
    pub signature: [u8; 64],
    /// HMAC-SHA256 of the transcript (see [`HelloTranscript::proof`]).
    pub proof: [u8; 32],
    /// What the participant publishes already; at most [`SOURCES_PER_PARTICIPANT_MAX`].
    #[serde(deserialize_with = "sources_within_limit")]
    pub sources: Vec<SourceInfo>,
}

/// What proof and signature are made over: both ends' certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelloTranscript([u8; 64]);

impl HelloTranscript {
    /// Of the connection between these two certificates.
    pub fn new(host: &Fingerprint, joiner: &Fingerprint) -> Self {
        let mut both = [0; 64];
        both[..32].copy_from_slice(&host.0);
        both[32..].copy_from_slice(&joiner.0);
        HelloTranscript(both)
    }

    /// That the joiner knows the session's secret.
    pub fn proof(&self, secret: &SessionSecret) -> [u8; 32] {
        secret.mac(LABEL, &self.0)
    }

    /// Compares in constant time.
    pub fn proof_is_valid(&self, secret: &SessionSecret, proof: &[u8; 32]) -> bool {
        secret.mac_matches(LABEL, &self.0, proof)
    }

    /// That the joiner is the participant it says.
    pub fn sign(&self, key: &IdentityKey) -> [u8; 64] {
        key.0.sign(&self.labelled()).to_bytes()
    }

    /// Strict: a key of small order or a malleable signature is refused (RFC 8032 section 5.1.7).
    pub fn signature_is_valid(&self, participant: &ParticipantId, signature: &[u8; 64]) -> bool {
        VerifyingKey::from_bytes(&participant.0)
            .is_ok_and(|key| key.verify_strict(&self.labelled(), &Signature::from_bytes(signature)).is_ok())
    }

    fn labelled(&self) -> [u8; LABEL.len() + 1 + 64] {
        let mut message = [0; LABEL.len() + 1 + 64];
        message[..LABEL.len()].copy_from_slice(LABEL);
        message[LABEL.len() + 1..].copy_from_slice(&self.0);
        message
    }
}

/// A participant's Ed25519 key pair, kept in the user's config folder. `Debug` hides it.
#[derive(Clone)]
pub struct IdentityKey(SigningKey);

impl IdentityKey {
    /// From 32 random (or stored) bytes.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        IdentityKey(SigningKey::from_bytes(&seed))
    }

    /// The bytes to store; secret.
    pub fn to_seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half, by which others know the participant.
    pub fn participant_id(&self) -> ParticipantId {
        ParticipantId(self.0.verifying_key().to_bytes())
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityKey({:?}, hidden)", self.participant_id())
    }
}

fn sources_within_limit<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<SourceInfo>, D::Error> {
    crate::control::bounded::deserialize::<D, SourceInfo, SOURCES_PER_PARTICIPANT_MAX>(from)
}

/// serde knows arrays of up to 32 bytes; the wire form is the 64 bytes without a length.
mod signature_halves {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(signature: &[u8; 64], serializer: S) -> Result<S::Ok, S::Error> {
        let (mut r, mut s) = ([0u8; 32], [0u8; 32]);
        r.copy_from_slice(&signature[..32]);
        s.copy_from_slice(&signature[32..]);
        (r, s).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 64], D::Error> {
        let (r, s) = <([u8; 32], [u8; 32])>::deserialize(deserializer)?;
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r);
        signature[32..].copy_from_slice(&s);
        Ok(signature)
    }
}

const LABEL: &[u8] = b"backline hello";

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: Fingerprint = Fingerprint([1; 32]);
    const JOINER: Fingerprint = Fingerprint([2; 32]);

    #[test]
    fn a_proof_holds_for_its_secret_and_its_connection_only() {
        let (secret, transcript) = (SessionSecret([7; 16]), HelloTranscript::new(&HOST, &JOINER));
        let proof = transcript.proof(&secret);
        assert!(transcript.proof_is_valid(&secret, &proof));
        assert!(!transcript.proof_is_valid(&SessionSecret([8; 16]), &proof));
        assert!(!HelloTranscript::new(&JOINER, &HOST).proof_is_valid(&secret, &proof));
        assert!(!HelloTranscript::new(&HOST, &HOST).proof_is_valid(&secret, &proof));
    }

    #[test]
    fn a_signature_holds_for_its_participant_and_its_connection_only() {
        let (key, transcript) = (IdentityKey::from_seed([3; 32]), HelloTranscript::new(&HOST, &JOINER));
        let signature = transcript.sign(&key);
        assert!(transcript.signature_is_valid(&key.participant_id(), &signature));
        let somebody = IdentityKey::from_seed([4; 32]).participant_id();
        assert!(!transcript.signature_is_valid(&somebody, &signature));
        assert!(!HelloTranscript::new(&JOINER, &HOST).signature_is_valid(&key.participant_id(), &signature));
        assert!(!transcript.signature_is_valid(&ParticipantId([0; 32]), &signature));
        assert!(!transcript.signature_is_valid(&key.participant_id(), &[0xFF; 64]));
    }

    #[test]
    fn a_key_survives_storage_and_stays_out_of_logs() {
        let key = IdentityKey::from_seed([9; 32]);
        assert_eq!(IdentityKey::from_seed(key.to_seed()).participant_id(), key.participant_id());
        assert!(!format!("{key:?}").contains("090909"));
    }
}
