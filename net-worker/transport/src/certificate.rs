//! The DTLS certificate of this process: who knows its fingerprint knows whom it talks to.
//!
//! Self-signed, never shown to people, made anew for each session; the step after is an invite link
//! (which holds its fingerprint) and every [`crate::Path`].

use std::fmt;
use std::sync::Arc;

use backline_wire::Fingerprint;
use str0m::config::{CryptoProvider, DtlsCert};
use thiserror::Error;

/// A certificate with its private key. Cheap to clone; `Debug` shows the fingerprint only.
#[derive(Clone)]
pub struct Certificate {
    provider: Arc<CryptoProvider>,
    certificate: DtlsCert,
    fingerprint: Fingerprint,
}

impl Certificate {
    /// Makes a new key (ECDSA P-256) and signs itself. Takes about a millisecond.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn generate() -> Result<Self, CertificateError> {
        let provider = Arc::new(crate::dtls::provider());
        let certificate = provider.dtls_provider.generate_certificate().ok_or(CertificateError::NoKey)?;
        let fingerprint = Fingerprint(provider.sha256_provider.sha256(&certificate.certificate));
        Ok(Certificate { provider, certificate, fingerprint })
    }

    /// SHA-256 of the certificate in DER.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    pub(crate) fn dtls(&self) -> DtlsCert {
        self.certificate.clone()
    }

    pub(crate) fn provider(&self) -> Arc<CryptoProvider> {
        Arc::clone(&self.provider)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate").field(&self.fingerprint).finish()
    }
}

/// Why there is no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// Key generation failed.
    #[error(
        "no encryption key could be made (the system gives no random numbers): restart the computer and try again"
    )]
    NoKey,
}
