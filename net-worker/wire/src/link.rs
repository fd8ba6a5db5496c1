//! The invite link: everything that a joiner needs, in one line of text that survives chat programs.
//!
//! `backline://join/` and base64url (RFC 4648 section 5, no padding) of: version (1 byte), length of
//! all that follows (1), secret (16), fingerprint (32), addresses (4 or 6, the address, the port,
//! big-endian), CRC-32 of all before it (4). The length lets trailing text be ignored and tells a
//! truncated link from a damaged one; the CRC finds every damage to a single character. The step
//! before is a clipboard; the step after is `session`, which dials.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use thiserror::Error;

use crate::credentials::{Fingerprint, SessionSecret};
use crate::limits::LINK_ADDRESSES_MAX;

/// An invitation to one session. Whoever reads its text can join, so `Debug` hides the secret and
/// there is no `Display`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteLink {
    version: u8,
    addresses: Vec<SocketAddr>,
    secret: SessionSecret,
    fingerprint: Fingerprint,
}

impl InviteLink {
    /// Addresses that nobody can reach (unspecified, port 0) and repetitions are left out, and all
    /// beyond the first [`LINK_ADDRESSES_MAX`]: give the best first.
    ///
    /// # Errors
    /// [`LinkError::NoAddress`] when none is left.
    pub fn new(
        addresses: &[SocketAddr],
        secret: SessionSecret,
        fingerprint: Fingerprint,
    ) -> Result<Self, LinkError> {
        let mut kept: Vec<SocketAddr> = Vec::new();
        for address in addresses.iter().map(plain) {
            if is_reachable(&address) && !kept.contains(&address) && kept.len() < LINK_ADDRESSES_MAX {
                kept.push(address);
            }
        }
        if kept.is_empty() {
            return Err(LinkError::NoAddress);
        }
        Ok(InviteLink { version: VERSION, addresses: kept, secret, fingerprint })
    }

    /// Reads a link from whatever a person pasted: text around it, white space and quotation marks in
    /// it and the case of `backline` do not matter.
    ///
    /// # Errors
    /// See [`LinkError`]; each text says what to do.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let encoded = find_body(text)?;
        let body = decode_body(&encoded)?;
        let (content, crc) = body.split_at(body.len() - CRC_BYTES);
        if crc != crc32(content).to_be_bytes() {
            return Err(LinkError::Damaged);
        }
        if content[0] != VERSION {
            return Err(LinkError::OtherVersion { version: content[0] });
        }
        read_content(&content[2..])
    }

    /// The text to share.
    pub fn to_text(&self) -> String {
        let mut body = vec![self.version, 0];
        body.extend_from_slice(&self.secret.0);
        body.extend_from_slice(&self.fingerprint.0);
        for address in &self.addresses {
            write_address(&mut body, address);
        }
        // A compile-time check in `limits` keeps this within a byte.
        body[1] = (body.len() - 2 + CRC_BYTES) as u8;
        body.extend_from_slice(&crc32(&body).to_be_bytes());
        format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&body))
    }

    /// Version of the link's form.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// Where the host may be reached, best first; at least one, at most [`LINK_ADDRESSES_MAX`].
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The session's secret.
    pub fn secret(&self) -> &SessionSecret {
        &self.secret
    }

    /// Of the host's certificate.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
}

impl FromStr for InviteLink {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        InviteLink::parse(text)
    }
}

/// Why a text is no invitation, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LinkError {
    /// There is no `backline://join/` in it.
    #[error(
        "this is not an invite link: a link starts with {PREFIX}; ask the host to press Copy link, and paste what you get"
    )]
    NotALink,
    /// Its end is missing.
    #[error(
        "the end of this invite link is missing: copy the whole link (it is one long word) and paste it again"
    )]
    Truncated,
    /// Some character of it is wrong.
    #[error(
        "this invite link is damaged (a character was changed on the way): ask the host to send it again, and copy it rather than type it"
    )]
    Damaged,
    /// Made by another version of Backline.
    #[error(
        "this invite link was made by another version of Backline (link version {version}; this one reads {VERSION}): update Backline on both computers"
    )]
    OtherVersion {
        /// Of the link.
        version: u8,
    },
    /// It names no address that can be reached.
    #[error("this invite link names no address: ask the host to connect to a network and press Host again")]
    NoAddress,
}

/// The base64url characters after the prefix, without what people and programs put between them.
fn find_body(text: &str) -> Result<Vec<u8>, LinkError> {
    let lower = text.to_ascii_lowercase();
    let at = lower.find(PREFIX).ok_or(LinkError::NotALink)?;
    let body = text[at + PREFIX.len()..]
        .chars()
        .filter(|c| !is_ignored(*c))
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .take(MAX_TEXT_BYTES)
        .map(|c| c as u8)
        .collect();
    Ok(body)
}

/// Exactly the bytes that the link's own length byte names.
fn decode_body(encoded: &[u8]) -> Result<Vec<u8>, LinkError> {
    let head = encoded.get(..4).ok_or(LinkError::Truncated)?;
    let head = BASE64URL_NOPAD.decode(head).map_err(|_| LinkError::Damaged)?;
    let length = 2 + usize::from(head[1]);
    if length < 2 + FIXED_BYTES + CRC_BYTES {
        return Err(LinkError::Damaged);
    }
    let characters = (length * 8).div_ceil(6);
    let encoded = encoded.get(..characters).ok_or(LinkError::Truncated)?;
    BASE64URL_NOPAD.decode(encoded).map_err(|_| LinkError::Damaged)
}

fn read_content(content: &[u8]) -> Result<InviteLink, LinkError> {
    let (secret, rest) = content.split_first_chunk::<16>().ok_or(LinkError::Damaged)?;
    let (fingerprint, mut rest) = rest.split_first_chunk::<32>().ok_or(LinkError::Damaged)?;
    let mut addresses = Vec::with_capacity(LINK_ADDRESSES_MAX);
    while !rest.is_empty() {
        if addresses.len() == LINK_ADDRESSES_MAX {
            return Err(LinkError::Damaged);
        }
        addresses.push(read_address(&mut rest).ok_or(LinkError::Damaged)?);
    }
    InviteLink::new(&addresses, SessionSecret(*secret), Fingerprint(*fingerprint))
}

fn read_address(rest: &mut &[u8]) -> Option<SocketAddr> {
    let (kind, after) = rest.split_first()?;
    let (ip, after) = match kind {
        4 => after.split_first_chunk::<4>().map(|(ip, after)| (IpAddr::from(*ip), after))?,
        6 => after.split_first_chunk::<16>().map(|(ip, after)| (IpAddr::from(*ip), after))?,
        _ => return None,
    };
    let (port, after) = after.split_first_chunk::<2>()?;
    *rest = after;
    Some(SocketAddr::new(ip, u16::from_be_bytes(*port)))
}

fn write_address(body: &mut Vec<u8>, address: &SocketAddr) {
    match address.ip() {
        IpAddr::V4(ip) => {
            body.push(4);
            body.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            body.push(6);
            body.extend_from_slice(&ip.octets());
        }
    }
    body.extend_from_slice(&address.port().to_be_bytes());
}

/// Without scope and flow, which mean nothing on another machine; a mapped IPv4 address is an IPv4 one.
fn plain(address: &SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn is_reachable(address: &SocketAddr) -> bool {
    let ip = address.ip();
    address.port() != 0
        && !ip.is_unspecified()
        && !ip.is_multicast()
        && ip != IpAddr::V4(Ipv4Addr::BROADCAST)
        && ip != IpAddr::V6(Ipv6Addr::UNSPECIFIED)
}

/// What mail and chat programs, and people, put into long words.
fn is_ignored(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '"' | '\'' | '`' | '<' | '>' | '=' | '«' | '»' | '‘'..='‟')
        || matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}')
}

/// CRC-32 of ISO 3309 (the one of zip and Ethernet), bit by bit: a link has about a hundred bytes.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

const PREFIX: &str = "backline://join/";
const VERSION: u8 = 1;
const CRC_BYTES: usize = 4;
/// Secret and fingerprint.
const FIXED_BYTES: usize = 48;
/// Base64 of two bytes and 255 more.
const MAX_TEXT_BYTES: usize = 343;

#[cfg(test)]
mod tests;
