//! The session's secret, a certificate's fingerprint, and the ICE credentials made from the secret.
//!
//! Who knows the invite link can compute both ends' ICE credentials, so a joiner reaches the host
//! without any other service, and a host answers nobody who does not know the link. The step before
//! is [`crate::link`]; the step after is `transport::Path`.

use std::fmt;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::ids::write_hex;

/// What everybody in a session knows and nobody else; part of the invite link. `Debug` hides it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SessionSecret(pub [u8; 16]);

/// SHA-256 of a DTLS certificate in DER (RFC 8122 section 5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fingerprint(pub [u8; 32]);

/// A user name fragment and a password for ICE checks (RFC 8445 section 5.3). `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    /// Sent in the clear in each check; 4 to 32 characters of letters, digits, `+` and `/`.
    pub ufrag: String,
    /// Never sent; authenticates each check.
    pub password: String,
}

impl SessionSecret {
    /// What people in the host's local network use in place of the secret. It is no secret: everybody can compute it from the
    /// fingerprint, which is announced. So it opens nothing but the local door (see `relay`), and the secret does not follow from it.
    pub fn of_local_network(fingerprint: &Fingerprint) -> Self {
        let derived = SessionSecret([0; 16]).mac(b"backline local network", &fingerprint.0);
        SessionSecret(std::array::from_fn(|at| derived[at]))
    }

    /// The host's credentials: the same for every joiner, and the way its demultiplexer knows its session.
    pub fn ice_credentials_host(&self) -> IceCredentials {
        let ufrag = self.mac(b"backline ice host ufrag", b"");
        let password = self.mac(b"backline ice host password", b"");
        IceCredentials { ufrag: HEXLOWER.encode(&ufrag[..8]), password: HEXLOWER.encode(&password[..16]) }
    }

    /// A joiner's credentials: it picks the `ufrag` at random (see [`ufrag_from_random`]), and the host,
    /// which reads it in the first check, computes the same password.
    pub fn ice_credentials_joiner(&self, ufrag: &str) -> IceCredentials {
        let password = self.mac(b"backline ice joiner password", ufrag.as_bytes());
        IceCredentials { ufrag: ufrag.to_owned(), password: HEXLOWER.encode(&password[..16]) }
    }

    /// HMAC-SHA256 over a label, a zero byte and the data: no label's output is another's.
    pub(crate) fn mac(&self, label: &[u8], data: &[u8]) -> [u8; 32] {
        self.keyed(label, data).finalize().into_bytes().into()
    }

    /// Compares in constant time.
    pub(crate) fn mac_matches(&self, label: &[u8], data: &[u8], expected: &[u8; 32]) -> bool {
        self.keyed(label, data).verify_slice(expected).is_ok()
    }

    fn keyed(&self, label: &[u8], data: &[u8]) -> Hmac<Sha256> {
        // A block-sized key is always taken as it is (RFC 2104 section 2), so the only constructor
        // that can fail is not needed.
        let mut block = [0u8; 64];
        block[..16].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(label);
        mac.update(&[0]);
        mac.update(data);
        mac
    }
}

/// A user name fragment of 16 characters from 8 random bytes (64 bits; RFC 8445 asks for 24).
pub fn ufrag_from_random(random: [u8; 8]) -> String {
    HEXLOWER.encode(&random)
}

/// A password of 32 characters from 16 random bytes (128 bits), for paths between joiners.
pub fn password_from_random(random: [u8; 16]) -> String {
    HEXLOWER.encode(&random)
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(hidden)")
    }
}

impl fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IceCredentials({}, hidden)", self.ufrag)
    }
}

impl fmt::Display for Fingerprint {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(")?;
        write_hex(f, &self.0[..4])?;
        f.write_str("…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{ICE_PASSWORD_BYTES_MAX, ICE_UFRAG_BYTES_MAX};

    #[test]
    fn credentials_are_what_protocol_md_says() {
        let secret = SessionSecret(*b"0123456789abcdef");
        let host = secret.ice_credentials_host();
        assert_eq!((host.ufrag.as_str(), host.password.as_str()), HOST_FIXTURE);
        let joiner = secret.ice_credentials_joiner("00112233aabbccdd");
        assert_eq!(joiner.password, JOINER_FIXTURE);
    }

    #[test]
    fn credentials_fit_the_limits_and_differ_for_each_secret_and_joiner() {
        let (one, other) = (SessionSecret([1; 16]), SessionSecret([2; 16]));
        let (a, b) = (one.ice_credentials_host(), other.ice_credentials_host());
        assert!(a.ufrag != b.ufrag && a.password != b.password);
        assert!((4..=ICE_UFRAG_BYTES_MAX).contains(&a.ufrag.len()));
        assert!((22..=ICE_PASSWORD_BYTES_MAX).contains(&a.password.len()));
        let first = one.ice_credentials_joiner(&ufrag_from_random([1; 8]));
        let second = one.ice_credentials_joiner(&ufrag_from_random([2; 8]));
        assert_ne!(first.password, second.password);
        assert_ne!(first.password, a.password);
    }

    #[test]
    fn what_opens_the_local_door_is_made_of_the_fingerprint_alone() {
        let derived = SessionSecret::of_local_network(&Fingerprint([1; 32]));
        assert_eq!(HEXLOWER.encode(&derived.0), LOCAL_FIXTURE);
        assert!(derived != SessionSecret::of_local_network(&Fingerprint([2; 32])));
    }

    #[test]
    fn no_secret_reaches_a_log() {
        let secret = SessionSecret(*b"0123456789abcdef");
        let host = secret.ice_credentials_host();
        let text = format!("{secret:?} {host:?}");
        assert!(!text.contains(&host.password) && !text.contains("0123456789abcdef"), "{text}");
    }

    const HOST_FIXTURE: (&str, &str) = ("fa4757ffbed7a46d", "944c4e046866adfc41e4a380f1f89f62");
    const LOCAL_FIXTURE: &str = "0f2772e82b1378bc6d9760c3271d4dc4";
    const JOINER_FIXTURE: &str = "0eb5d0d6b6c704cf6a7f7b546786cd25";
}
