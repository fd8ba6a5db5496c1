//! The session that an engine hosts: what it is reached by, and what it goes on from.
//!
//! What is kept of it on the disk is `session_file.rs`. The step before is who will carry it (a plugin's worker, a server, a simulation); the step
//! after is a relay.

use backline_session::document::{Document, KeptDocument};
use backline_transport::{Certificate, CertificateError};
use backline_wire::{DocumentId, SessionSecret};

/// What a session's link stands for: whoever has it is the host that the link leads to.
#[derive(Debug, Clone)]
pub struct HostKeys {
    /// In the link; the ICE credentials follow from it.
    pub secret: SessionSecret,
    /// The link has its fingerprint.
    pub certificate: Certificate,
}

/// A session to host.
pub struct Hosted {
    /// By which it is reached.
    pub keys: HostKeys,
    /// What it begins with.
    pub document: KeptDocument,
    /// Whether the driver keeps the document.
    pub has_store: bool,
}

impl HostKeys {
    /// New ones, for a new link.
    ///
    /// # Errors
    /// When no certificate can be made.
    pub fn generate(seed: [u8; 32]) -> Result<Self, CertificateError> {
        let [_, secret, ..] = split_seed(seed);
        Ok(Self { secret: SessionSecret(first_bytes(secret)), certificate: Certificate::generate()? })
    }
}

impl Hosted {
    /// A new session, without a store.
    ///
    /// # Errors
    /// When no certificate can be made.
    pub fn new(seed: [u8; 32]) -> Result<Self, CertificateError> {
        let [_, _, _, document] = split_seed(seed);
        let document = KeptDocument::new(DocumentId(first_bytes(document)));
        Ok(Self { keys: HostKeys::generate(seed)?, document, has_store: false })
    }

    /// A session that was hosted before, as it was kept: in a history of its own from here on, because nobody knows whether all that was
    /// told had been kept.
    pub fn again(keys: HostKeys, kept: KeptDocument, seed: [u8; 32]) -> Self {
        let [_, _, _, history] = split_seed(seed);
        Self { keys, document: kept.in_history(first_bytes(history)), has_store: false }
    }

    /// Somebody else's session, from our copy of its document: under a new link, for we have not the keys of the old one, and in a history
    /// of its own, for its host may come back and go on with theirs.
    ///
    /// # Errors
    /// When no certificate can be made.
    pub fn carry_on(copy: &Document, seed: [u8; 32]) -> Result<Self, CertificateError> {
        Ok(Self::again(HostKeys::generate(seed)?, KeptDocument::of_copy(copy), seed))
    }

    /// The same, with a store that has everything of it already.
    pub fn with_store(self) -> Self {
        Self { has_store: true, ..self }
    }
}

/// Four seeds that tell nothing of each other from one: of the participant, of the secret, of the streams, of the document.
pub fn split_seed(seed: [u8; 32]) -> [[u8; 32]; 4] {
    use rand_chacha::rand_core::{Rng, SeedableRng};
    let mut random = rand_chacha::ChaCha20Rng::from_seed(seed);
    std::array::from_fn(|_| {
        let mut part = [0; 32];
        random.fill_bytes(&mut part);
        part
    })
}

/// As many bytes of it as are wanted.
pub fn first_bytes<const N: usize>(seed: [u8; 32]) -> [u8; N] {
    std::array::from_fn(|at| seed[at])
}
