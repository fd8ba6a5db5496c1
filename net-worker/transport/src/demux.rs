//! What is this datagram, before anybody has said who sent it (RFC 7983)?
//!
//! Reads without allocating, never panics, believes nothing: that a message *looks* like a check for a
//! session proves nothing until a [`crate::Path`] has verified it. The step before is the socket; the
//! step after is the path that a table of user names and addresses points to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;

use str0m::ice::StunMessage;

/// What a datagram looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datagram<'a> {
    /// A STUN message (RFC 8489).
    Stun(Stun<'a>),
    /// A DTLS record (first byte 20 to 63).
    Dtls,
    /// An RTP packet, encrypted but for its header.
    Rtp {
        /// Of the header.
        ssrc: u32,
    },
    /// An RTCP packet, encrypted but for its header.
    Rtcp,
    /// None of these: to be dropped.
    Unknown,
}

/// A STUN message whose header and attributes are well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stun<'a> {
    /// Request, response or error.
    pub kind: StunKind,
    /// Which request, and which response to it.
    pub transaction: [u8; 12],
    /// For whom: the receiver's user name fragment; requests only.
    pub local_ufrag: Option<&'a str>,
    /// From whom: the sender's user name fragment; requests only.
    pub remote_ufrag: Option<&'a str>,
    /// Whether the sender wants to use this pair (RFC 8445 section 7.1.2).
    pub use_candidate: bool,
    /// The address that a response says its request came from (RFC 8489 section 14.2).
    pub mapped: Option<SocketAddr>,
}

/// What a STUN message is. Only binding is used; all else is [`StunKind::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StunKind {
    /// Binding request.
    Request,
    /// Binding success response.
    Response,
    /// Binding error response, with its code.
    Error {
        /// 401, 487 …; 0 when it has none.
        code: u16,
    },
    /// Indications and other methods.
    Other,
}

/// Tells by the first bytes, and for STUN by the whole structure.
pub fn classify(datagram: &[u8]) -> Datagram<'_> {
    match datagram {
        [0..=1, ..] => parse_stun(datagram).map_or(Datagram::Unknown, Datagram::Stun),
        [20..=63, ..] if datagram.len() >= DTLS_HEADER_BYTES => Datagram::Dtls,
        [128..=191, second, ..] if datagram.len() >= RTP_HEADER_BYTES => {
            // RFC 5761 section 4: with the marker bit, 64 to 95 are RTCP packet types 192 to 223.
            if (64..96).contains(&(second & 0x7F)) {
                Datagram::Rtcp
            } else {
                Datagram::Rtp {
                    ssrc: u32::from_be_bytes([datagram[8], datagram[9], datagram[10], datagram[11]]),
                }
            }
        }
        [128..=191, second, ..] if datagram.len() >= 8 && (64..96).contains(&(second & 0x7F)) => {
            Datagram::Rtcp
        }
        _ => Datagram::Unknown,
    }
}

/// Builds the answer to a binding request whose user name is not ours: error 401 (RFC 8489 section
/// 9.1.3), so that somebody with an old link learns it at once. Clears `out`; false, and nothing to be
/// sent, unless `request` is a binding request. Never longer than the request.
pub fn stun_unauthorised(request: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    let Datagram::Stun(stun) = classify(request) else { return false };
    if stun.kind != StunKind::Request || request.len() < UNAUTHORISED_BYTES {
        return false;
    }
    out.extend_from_slice(&BINDING_ERROR.to_be_bytes());
    out.extend_from_slice(&((UNAUTHORISED_BYTES - STUN_HEADER_BYTES) as u16).to_be_bytes());
    out.extend_from_slice(&MAGIC_COOKIE);
    out.extend_from_slice(&stun.transaction);
    out.extend_from_slice(&ERROR_CODE.to_be_bytes());
    out.extend_from_slice(&[0, 4, 0, 0, 4, 1]);
    true
}

/// Whether a STUN message proves to know the password (RFC 8489 section 9.1.3.1). To be asked before
/// anything is made for a stranger: it costs one HMAC and no memory that stays.
pub fn stun_is_proven(datagram: &[u8], password: &str) -> bool {
    let Datagram::Stun(_) = classify(datagram) else { return false };
    let hmac = str0m::crypto::from_feature_flags().sha1_hmac_provider;
    StunMessage::parse(datagram)
        .is_ok_and(|message| message.verify(password.as_bytes(), |key, parts| hmac.sha1_hmac(key, parts)))
}

/// Whether this is such an answer. It is not authenticated: it may explain why no connection comes
/// about, and must never end one.
pub fn is_unauthorised_response(datagram: &[u8]) -> bool {
    matches!(classify(datagram), Datagram::Stun(Stun { kind: UNAUTHORISED, .. }))
}

fn parse_stun(datagram: &[u8]) -> Option<Stun<'_>> {
    let (header, body) = datagram.split_first_chunk::<STUN_HEADER_BYTES>()?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if length != body.len() || length % 4 != 0 || header[4..8] != MAGIC_COOKIE {
        return None;
    }
    let mut transaction = [0; 12];
    transaction.copy_from_slice(&header[8..]);
    let attributes = Attributes::read(body)?;
    let kind = match u16::from_be_bytes([header[0], header[1]]) {
        BINDING_REQUEST => StunKind::Request,
        BINDING_SUCCESS => StunKind::Response,
        BINDING_ERROR => StunKind::Error { code: attributes.error_code },
        _ => StunKind::Other,
    };
    let names = match (kind, attributes.username) {
        (StunKind::Request, Some(name)) => {
            std::str::from_utf8(name).ok().and_then(|name| name.split_once(':'))
        }
        _ => None,
    };
    Some(Stun {
        kind,
        transaction,
        local_ufrag: names.map(|(local, _)| local),
        remote_ufrag: names.map(|(_, remote)| remote),
        use_candidate: attributes.use_candidate,
        mapped: attributes.mapped.and_then(|value| mapped_address(value, &transaction)),
    })
}

/// The attributes that matter here (RFC 8489 section 14); of repeated ones the first counts.
#[derive(Default)]
struct Attributes<'a> {
    username: Option<&'a [u8]>,
    mapped: Option<&'a [u8]>,
    use_candidate: bool,
    error_code: u16,
}

impl<'a> Attributes<'a> {
    fn read(mut body: &'a [u8]) -> Option<Self> {
        let mut found = Attributes::default();
        while let Some((head, rest)) = body.split_first_chunk::<4>() {
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let value = rest.get(..length)?;
            body = rest.get(length.next_multiple_of(4)..)?;
            match u16::from_be_bytes([head[0], head[1]]) {
                USERNAME if found.username.is_none() => found.username = Some(value),
                XOR_MAPPED_ADDRESS if found.mapped.is_none() => found.mapped = Some(value),
                USE_CANDIDATE => found.use_candidate = true,
                ERROR_CODE => found.error_code = error_code(value),
                // What follows it is not authenticated (RFC 8489 section 14.5).
                MESSAGE_INTEGRITY => break,
                _ => {}
            }
        }
        Some(found)
    }
}

fn mapped_address(value: &[u8], transaction: &[u8; 12]) -> Option<SocketAddr> {
    let (head, address) = value.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([head[2] ^ MAGIC_COOKIE[0], head[3] ^ MAGIC_COOKIE[1]]);
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&MAGIC_COOKIE);
    mask[4..].copy_from_slice(transaction);
    let ip = match (head[1], address.len()) {
        (1, 4) => IpAddr::V4(Ipv4Addr::from(std::array::from_fn::<u8, 4, _>(|i| address[i] ^ mask[i]))),
        (2, 16) => IpAddr::V6(Ipv6Addr::from(std::array::from_fn::<u8, 16, _>(|i| address[i] ^ mask[i]))),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn error_code(value: &[u8]) -> u16 {
    match value {
        [_, _, class, number, ..] => u16::from(class & 7) * 100 + u16::from(*number),
        _ => 0,
    }
}

/// The answer to somebody whose link is not ours.
pub(crate) const UNAUTHORISED: StunKind = StunKind::Error { code: 401 };
/// First byte of STUN, of DTLS, and of RTP and RTCP (RFC 7983 section 7).
pub const FIRST_BYTES: [Range<u8>; 3] = [0..2, 20..64, 128..192];

const STUN_HEADER_BYTES: usize = 20;
const DTLS_HEADER_BYTES: usize = 13;
const RTP_HEADER_BYTES: usize = 12;
const UNAUTHORISED_BYTES: usize = STUN_HEADER_BYTES + 8;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const USE_CANDIDATE: u16 = 0x0025;

#[cfg(test)]
mod tests;
