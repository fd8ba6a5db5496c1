//! A host's certificate as bytes, with its private key: without it nobody reaches the session under the link of before.

use backline_transport::Certificate;

use crate::bytes_of;

/// What is kept of it.
pub(crate) fn to_bytes(certificate: &Certificate) -> Option<Vec<u8>> {
    Some(bytes_of(&certificate.to_der()))
}

/// The certificate that was kept; none where these bytes are none.
pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Certificate> {
    let (certificate, key) = postcard::from_bytes(bytes).ok()?;
    Certificate::from_der(certificate, key).ok()
}
