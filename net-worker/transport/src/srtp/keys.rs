//! From what DTLS exports to the keys that encrypt (RFC 5764 section 4.2, RFC 3711 section 4.3, RFC 7714 section 11).

use str0m::crypto::{CryptoProvider, SrtpProvider};

/// A key and a salt.
pub(super) type Pair = ([u8; KEY_BYTES], [u8; SALT_BYTES]);

/// One direction's master key and salt.
pub(super) struct MasterKeys {
    key: [u8; KEY_BYTES],
    salt: [u8; SALT_BYTES],
}

/// One direction's keys: those of RTP, and those of RTCP.
pub(super) struct SessionKeys {
    pub(super) rtp: Pair,
    pub(super) rtcp: Pair,
}

impl MasterKeys {
    /// The DTLS client's and the DTLS server's: both keys come first, then both salts. `None` for another length.
    pub(super) fn split(material: &[u8]) -> Option<(Self, Self)> {
        let (client_key, rest) = material.split_first_chunk()?;
        let (server_key, rest) = rest.split_first_chunk()?;
        let (client_salt, rest) = rest.split_first_chunk()?;
        let server_salt = rest.try_into().ok()?;
        let client = MasterKeys { key: *client_key, salt: *client_salt };
        Some((client, MasterKeys { key: *server_key, salt: server_salt }))
    }

    pub(super) fn session_keys(&self, provider: &CryptoProvider) -> SessionKeys {
        let pair = |key_label, salt_label| {
            let mut pair: Pair = ([0; KEY_BYTES], [0; SALT_BYTES]);
            derive(provider.srtp_provider, &self.key, &self.salt, key_label, &mut pair.0);
            derive(provider.srtp_provider, &self.key, &self.salt, salt_label, &mut pair.1);
            pair
        };
        SessionKeys { rtp: pair(RTP_KEY, RTP_SALT), rtcp: pair(RTCP_KEY, RTCP_SALT) }
    }
}

/// AES in counter mode over the salt and a label (RFC 3711 section 4.3.3, RFC 6188 section 3). The key derivation rate is
/// zero: each label gives one key for the whole session. Salts shorter than 14 bytes end in zeros (RFC 7714 section 11).
fn derive(provider: &dyn SrtpProvider, key: &[u8; KEY_BYTES], salt: &[u8], label: u8, out: &mut [u8]) {
    let mut input = [0; BLOCK_BYTES];
    input[..salt.len()].copy_from_slice(salt);
    input[7] ^= label;
    for (counter, part) in out.chunks_mut(BLOCK_BYTES).enumerate() {
        input[BLOCK_BYTES - 2..].copy_from_slice(&(counter as u16).to_be_bytes());
        // Some providers want room for a block of padding.
        let mut block = [0; 2 * BLOCK_BYTES];
        provider.srtp_aes_256_ecb_round(key, &input, &mut block);
        part.copy_from_slice(&block[..part.len()]);
    }
}

/// Of AES-256.
pub(super) const KEY_BYTES: usize = 32;
/// Of GCM's nonce.
pub(super) const SALT_BYTES: usize = 12;
const BLOCK_BYTES: usize = 16;
/// RFC 3711 section 4.3.1; labels 1 and 4 are authentication keys, which GCM does not have.
const RTP_KEY: u8 = 0;
const RTP_SALT: u8 = 2;
const RTCP_KEY: u8 = 3;
const RTCP_SALT: u8 = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::srtp::tests::bytes;

    /// RFC 6188 section 7.2: key derivation of AES-256 counter mode.
    #[test]
    fn keys_are_those_of_the_rfc() {
        let provider = str0m::crypto::from_feature_flags().srtp_provider;
        let key = bytes("f0f04914b513f2763a1b1fa130f10e29 98f6f6e43e4309d1e622a0e332b9f1b6");
        let key = key.try_into().expect("32 bytes");
        let salt = bytes("3b04803de51ee7c96423ab5b78d2");
        let expected = [
            (0, "5ba1064e30ec51613cad926c5a28ef73 1ec7fb397f70a960653caf06554cd8c4"),
            (1, "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"),
            (2, "fa31791685ca444a9e07c6c64e93"),
        ];
        for (label, expected) in expected {
            let expected = bytes(expected);
            let mut derived = vec![0; expected.len()];
            derive(provider, &key, &salt, label, &mut derived);
            assert_eq!(derived, expected, "label {label}");
        }
    }

    #[test]
    fn material_of_another_length_is_refused() {
        assert!(MasterKeys::split(&[0; 87]).is_none() && MasterKeys::split(&[0; 89]).is_none());
        let material: Vec<u8> = (0..88).collect();
        let (client, server) = MasterKeys::split(&material).expect("the right length");
        assert_eq!((client.key[0], server.key[0], client.salt[0], server.salt[0]), (0, 32, 64, 76));
    }
}
