//! Media's encryption: SRTP and SRTCP (RFC 3711) with AEAD_AES_256_GCM (RFC 7714), keys from DTLS (RFC 5764).
//!
//! It is: packets ⇄ their protected form, and the replay list of SRTCP. It is not: what the packets hold
//! ([`crate::rtp`], [`crate::rtcp`]), or which RTP index a packet has ([`ReplayWindow`], kept for each stream by the
//! path). The step before and after is [`crate::Path`]. No other profile is spoken: two ends that are both ours agree on this one.

mod keys;
mod window;

use std::fmt;

use backline_wire::Ssrc;
use backline_wire::limits::DATAGRAM_BYTES_MAX;
use str0m::crypto::dtls::{KeyingMaterial, SrtpProfile};
use str0m::crypto::{AeadAes256GcmCipher, CryptoProvider};
use thiserror::Error;

use crate::rtp::Header;
use keys::{KEY_BYTES, MasterKeys, SALT_BYTES, SessionKeys};

pub(crate) use window::ReplayWindow;

/// Both directions of one path.
pub(crate) struct Srtp {
    rtp_out: Cipher,
    rtp_in: Cipher,
    rtcp_out: Cipher,
    rtcp_in: Cipher,
    /// Of the next SRTCP packet that we send: one count, since all of ours have one SSRC (RFC 3711 section 3.2.3).
    rtcp_next: u32,
    rtcp_seen: ReplayWindow,
    scratch: Box<[u8; DATAGRAM_BYTES_MAX]>,
}

impl Srtp {
    /// Makes both directions' keys of what DTLS exported. The client of DTLS sends with the first key.
    ///
    /// # Errors
    /// When another profile was agreed on, or the material has another length than that profile's.
    pub(crate) fn new(
        provider: &CryptoProvider,
        profile: SrtpProfile,
        material: &KeyingMaterial,
        is_client: bool,
    ) -> Result<Self, SrtpError> {
        if profile != SrtpProfile::AEAD_AES_256_GCM {
            return Err(SrtpError::Profile(profile));
        }
        let (client, server) = MasterKeys::split(material).ok_or(SrtpError::Material(material.len()))?;
        let (ours, theirs) = if is_client { (client, server) } else { (server, client) };
        Ok(Self::from_session_keys(provider, ours.session_keys(provider), theirs.session_keys(provider)))
    }

    fn from_session_keys(provider: &CryptoProvider, ours: SessionKeys, theirs: SessionKeys) -> Self {
        Srtp {
            rtp_out: Cipher::new(provider, ours.rtp, true),
            rtp_in: Cipher::new(provider, theirs.rtp, false),
            rtcp_out: Cipher::new(provider, ours.rtcp, true),
            rtcp_in: Cipher::new(provider, theirs.rtcp, false),
            rtcp_next: 0,
            rtcp_seen: ReplayWindow::default(),
            scratch: Box::new([0; DATAGRAM_BYTES_MAX]),
        }
    }

    /// Appends the encrypted payload and the tag to an RTP header. `index` is the 48-bit packet index, never the same twice
    /// for one `ssrc` (RFC 7714 section 8.1: one nonce for two packets gives the key away).
    ///
    /// # Errors
    /// When the cipher refuses.
    pub(crate) fn protect_rtp(
        &mut self,
        packet: &mut Vec<u8>,
        payload: &[u8],
        ssrc: Ssrc,
        index: u64,
    ) -> Result<(), SrtpError> {
        let header_bytes = packet.len();
        packet.resize(header_bytes + payload.len() + TAG_BYTES, 0);
        let (header, body) = packet.split_at_mut(header_bytes);
        let nonce = self.rtp_out.rtp_nonce(ssrc, index);
        self.rtp_out.cipher.encrypt(&nonce, header, payload, body).map_err(|_| SrtpError::Cipher)
    }

    /// The payload of an RTP packet, padding included.
    ///
    /// # Errors
    /// When it is too short, or not authentic under this `index`.
    pub(crate) fn unprotect_rtp(
        &mut self,
        datagram: &[u8],
        header: &Header,
        index: u64,
    ) -> Result<&[u8], SrtpError> {
        let (head, body) = datagram.split_at_checked(header.bytes).ok_or(SrtpError::Length)?;
        let payload_bytes = body.len().checked_sub(TAG_BYTES).ok_or(SrtpError::Length)?;
        let payload = self.scratch.get_mut(..payload_bytes).ok_or(SrtpError::Length)?;
        let nonce = self.rtp_in.rtp_nonce(header.ssrc, index);
        self.rtp_in.cipher.decrypt(&nonce, &[head], body, payload).map_err(|_| SrtpError::NotAuthentic)?;
        Ok(payload)
    }

    /// Encrypts a compound RTCP packet in place: all but its first eight bytes (RFC 3711 section 3.4).
    ///
    /// # Errors
    /// When it is too short or too long, or the keys have been used as often as they may (2^31 packets).
    pub(crate) fn protect_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        let (head, rest) = packet.split_first_chunk::<RTCP_HEAD_BYTES>().ok_or(SrtpError::Length)?;
        let plain = self.scratch.get_mut(..rest.len()).ok_or(SrtpError::Length)?;
        if self.rtcp_next >= ENCRYPTED_FLAG {
            return Err(SrtpError::Exhausted);
        }
        let index = self.rtcp_next;
        self.rtcp_next += 1;
        plain.copy_from_slice(rest);
        let (nonce, trailer) =
            (self.rtcp_out.rtcp_nonce(head, index), (ENCRYPTED_FLAG | index).to_be_bytes());
        let associated = rtcp_associated(head, trailer);
        packet.resize(RTCP_HEAD_BYTES + plain.len() + TAG_BYTES, 0);
        let body = &mut packet[RTCP_HEAD_BYTES..];
        self.rtcp_out.cipher.encrypt(&nonce, &associated, plain, body).map_err(|_| SrtpError::Cipher)?;
        packet.extend_from_slice(&trailer);
        Ok(())
    }

    /// Decrypts a compound RTCP packet into `plain`, which is cleared before.
    ///
    /// # Errors
    /// When it is too short, came before, is not encrypted, or not authentic.
    pub(crate) fn unprotect_rtcp(&mut self, datagram: &[u8], plain: &mut Vec<u8>) -> Result<(), SrtpError> {
        let (packet, trailer) = datagram.split_last_chunk::<4>().ok_or(SrtpError::Length)?;
        let (head, body) = packet.split_first_chunk::<RTCP_HEAD_BYTES>().ok_or(SrtpError::Length)?;
        let plain_bytes = body.len().checked_sub(TAG_BYTES).ok_or(SrtpError::Length)?;
        let word = u32::from_be_bytes(*trailer);
        let index = word & !ENCRYPTED_FLAG;
        if word & ENCRYPTED_FLAG == 0 {
            return Err(SrtpError::NotEncrypted);
        }
        if !self.rtcp_seen.is_fresh(index.into()) {
            return Err(SrtpError::Replayed);
        }
        let (nonce, associated) = (self.rtcp_in.rtcp_nonce(head, index), rtcp_associated(head, *trailer));
        plain.clear();
        plain.extend_from_slice(head);
        plain.resize(RTCP_HEAD_BYTES + plain_bytes, 0);
        let out = &mut plain[RTCP_HEAD_BYTES..];
        self.rtcp_in
            .cipher
            .decrypt(&nonce, &[&associated], body, out)
            .map_err(|_| SrtpError::NotAuthentic)?;
        self.rtcp_seen.accept(index.into());
        Ok(())
    }
}

/// No key shows up in a log.
impl fmt::Debug for Srtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Srtp").finish_non_exhaustive()
    }
}

/// One direction of RTP or of RTCP.
struct Cipher {
    cipher: Box<dyn AeadAes256GcmCipher>,
    salt: [u8; SALT_BYTES],
}

impl Cipher {
    fn new(
        provider: &CryptoProvider,
        (key, salt): ([u8; KEY_BYTES], [u8; SALT_BYTES]),
        encrypt: bool,
    ) -> Self {
        Cipher { cipher: provider.srtp_provider.aead_aes_256_gcm().create_cipher(key, encrypt), salt }
    }

    /// RFC 7714 section 8.1: two zero bytes, SSRC, rollover counter, sequence number; the salt over it.
    fn rtp_nonce(&self, ssrc: Ssrc, index: u64) -> [u8; SALT_BYTES] {
        let mut nonce = [0; SALT_BYTES];
        nonce[2..6].copy_from_slice(&ssrc.0.to_be_bytes());
        nonce[6..].copy_from_slice(&index.to_be_bytes()[2..]);
        self.salted(nonce)
    }

    /// RFC 7714 section 9.1: two zero bytes, SSRC, two zero bytes, index; the salt over it.
    fn rtcp_nonce(&self, head: &[u8; RTCP_HEAD_BYTES], index: u32) -> [u8; SALT_BYTES] {
        let mut nonce = [0; SALT_BYTES];
        nonce[2..6].copy_from_slice(&head[4..]);
        nonce[8..].copy_from_slice(&index.to_be_bytes());
        self.salted(nonce)
    }

    fn salted(&self, mut nonce: [u8; SALT_BYTES]) -> [u8; SALT_BYTES] {
        nonce.iter_mut().zip(self.salt).for_each(|(byte, salt)| *byte ^= salt);
        nonce
    }
}

/// RFC 7714 section 9.2: the first eight bytes, and the word with the index.
fn rtcp_associated(head: &[u8; RTCP_HEAD_BYTES], trailer: [u8; 4]) -> [u8; RTCP_HEAD_BYTES + 4] {
    let mut associated = [0; RTCP_HEAD_BYTES + 4];
    associated[..RTCP_HEAD_BYTES].copy_from_slice(head);
    associated[RTCP_HEAD_BYTES..].copy_from_slice(&trailer);
    associated
}

/// Why a packet was not protected, or not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum SrtpError {
    /// The peer wants a profile that we do not speak.
    #[error("the SRTP profile {0} is not supported")]
    Profile(SrtpProfile),
    /// DTLS exported another number of bytes than the profile needs.
    #[error("{0} bytes are no SRTP keying material")]
    Material(usize),
    /// Shorter than its parts, or longer than a datagram.
    #[error("the packet has a length that none can have")]
    Length,
    /// SRTCP with the E flag off (RFC 3711 section 3.4).
    #[error("the RTCP packet is not encrypted")]
    NotEncrypted,
    /// Came before, or is too old to be known.
    #[error("the packet came before")]
    Replayed,
    /// Damaged, forged, or of another key.
    #[error("the packet is not authentic")]
    NotAuthentic,
    /// RFC 3711 section 9.2.
    #[error("the keys were used as often as they may")]
    Exhausted,
    /// The library refused to encrypt.
    #[error("the cipher failed")]
    Cipher,
}

/// Of AEAD_AES_256_GCM (RFC 7714 section 12).
pub(crate) const TAG_BYTES: usize = 16;
/// Of an RTCP packet: sent in the clear.
const RTCP_HEAD_BYTES: usize = 8;
/// The E flag of SRTCP, above its index of 31 bits.
const ENCRYPTED_FLAG: u32 = 0x8000_0000;

#[cfg(test)]
mod tests;
