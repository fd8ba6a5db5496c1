//! The DTLS certificate of this process: who knows its fingerprint knows whom it talks to.
//!
//! Self-signed, never shown to people, made anew for each session, and kept by a host that goes on with its session; the step after is an invite link
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

    /// One that was kept, by [`Certificate::to_der`].
    ///
    /// # Errors
    /// When that is no private key: nothing later could say so.
    pub fn from_der(certificate: Vec<u8>, private_key: Vec<u8>) -> Result<Self, CertificateError> {
        let keys = dimpl::crypto::aws_lc_rs::default_provider().key_provider;
        keys.load_private_key(&private_key).map_err(|_| CertificateError::NotAKey)?;
        let provider = Arc::new(crate::dtls::provider());
        let fingerprint = Fingerprint(provider.sha256_provider.sha256(&certificate));
        Ok(Certificate { provider, certificate: DtlsCert { certificate, private_key }, fingerprint })
    }

    /// The certificate and its private key, in DER: only for a place that only its owner reads.
    pub fn to_der(&self) -> (Vec<u8>, Vec<u8>) {
        (self.certificate.certificate.clone(), self.certificate.private_key.clone())
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
    /// What was kept is no private key.
    #[error("the encryption key that was kept is damaged: press Host for a new session")]
    NotAKey,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_was_kept_is_the_same() {
        let certificate = Certificate::generate().unwrap();
        let (der, key) = certificate.to_der();
        let again = Certificate::from_der(der, key).unwrap();
        assert_eq!(again.fingerprint(), certificate.fingerprint());
        assert_eq!(again.to_der(), certificate.to_der());
    }

    #[test]
    fn what_is_no_key_is_said_to_be_none() {
        let (der, key) = Certificate::generate().unwrap().to_der();
        for damaged in [Vec::new(), key[..key.len() / 2].to_vec(), vec![7; key.len()]] {
            let error = Certificate::from_der(der.clone(), damaged).unwrap_err();
            assert_eq!(error, CertificateError::NotAKey);
        }
    }
}
