//! The test vectors of RFC 7714 (section 16.2 and 17.2: AEAD_AES_256_GCM), and what must not be taken.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure here is a failed test")]

use super::*;
use crate::rtp;

/// Hexadecimal digits, with spaces.
pub(super) fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

const RTP_PLAIN: &str =
    "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070
    61727465 73207472 6573";
const RTP_PROTECTED: &str =
    "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02
    76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13";
const RTCP_PLAIN: &str =
    "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef
    deadbeef deadbeef deadbeef";
const RTCP_PROTECTED: &str =
    "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be
    8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4";
const RTCP_INDEX: u32 = 0x5d4;

/// The vectors name session keys, the same in both directions and for RTP and RTCP.
fn with_the_rfcs_keys() -> Srtp {
    let keys = || {
        let pair = (std::array::from_fn(|at| at as u8), *b"Quid pro quo");
        SessionKeys { rtp: pair, rtcp: pair }
    };
    Srtp::from_session_keys(&str0m::crypto::from_feature_flags(), keys(), keys())
}

/// Two ends that DTLS gave the same material.
fn pair() -> (Srtp, Srtp) {
    let provider = str0m::crypto::from_feature_flags();
    let material = KeyingMaterial::new(&(0..88).collect::<Vec<u8>>());
    [true, false]
        .map(|is_client| Srtp::new(&provider, SrtpProfile::AEAD_AES_256_GCM, &material, is_client).unwrap())
        .into()
}

#[test]
fn rtp_is_protected_as_in_the_rfc() {
    let mut srtp = with_the_rfcs_keys();
    let (plain, protected) = (bytes(RTP_PLAIN), bytes(RTP_PROTECTED));
    let mut packet = plain[..12].to_vec();
    srtp.protect_rtp(&mut packet, &plain[12..], Ssrc(0x5501_a0b2), 0xf17b).unwrap();
    assert_eq!(packet, protected);
    let header = rtp::read(&protected).unwrap();
    assert_eq!(srtp.unprotect_rtp(&protected, &header, 0xf17b), Ok(&plain[12..]));
    assert_eq!(srtp.unprotect_rtp(&protected, &header, 0x1_f17b), Err(SrtpError::NotAuthentic));
}

#[test]
fn rtcp_is_protected_as_in_the_rfc() {
    let mut srtp = with_the_rfcs_keys();
    srtp.rtcp_next = RTCP_INDEX;
    let mut packet = bytes(RTCP_PLAIN);
    srtp.protect_rtcp(&mut packet).unwrap();
    assert_eq!(packet, bytes(RTCP_PROTECTED));
    let mut plain = Vec::new();
    srtp.unprotect_rtcp(&packet, &mut plain).unwrap();
    assert_eq!(plain, bytes(RTCP_PLAIN));
    assert_eq!(srtp.unprotect_rtcp(&packet, &mut plain), Err(SrtpError::Replayed));
}

#[test]
fn every_changed_bit_and_every_cut_is_found() {
    let (mut ours, mut theirs) = pair();
    let mut packet = bytes(RTCP_PLAIN);
    ours.protect_rtcp(&mut packet).unwrap();
    let mut plain = Vec::new();
    for at in 0..packet.len() * 8 {
        let mut forged = packet.clone();
        forged[at / 8] ^= 1 << (at % 8);
        assert!(theirs.unprotect_rtcp(&forged, &mut plain).is_err(), "bit {at}");
    }
    for length in 0..packet.len() {
        assert!(theirs.unprotect_rtcp(&packet[..length], &mut plain).is_err(), "{length} bytes");
    }
    assert_eq!(theirs.unprotect_rtcp(&packet, &mut plain), Ok(()), "none of those was remembered");

    let mut packet = bytes(RTP_PLAIN)[..12].to_vec();
    ours.protect_rtp(&mut packet, b"payload", Ssrc(0x5501_a0b2), 0xf17b).unwrap();
    let header = rtp::read(&packet).unwrap();
    for at in 0..packet.len() * 8 {
        let mut forged = packet.clone();
        forged[at / 8] ^= 1 << (at % 8);
        assert!(theirs.unprotect_rtp(&forged, &header, 0xf17b).is_err(), "bit {at}");
    }
    for length in 0..packet.len() {
        assert!(theirs.unprotect_rtp(&packet[..length], &header, 0xf17b).is_err(), "{length} bytes");
    }
    assert_eq!(theirs.unprotect_rtp(&packet, &header, 0xf17b), Ok(&b"payload"[..]));
    assert!(ours.unprotect_rtp(&packet, &header, 0xf17b).is_err(), "each direction has a key of its own");
}

#[test]
fn other_profiles_and_lengths_are_refused() {
    let provider = str0m::crypto::from_feature_flags();
    let new = |profile, bytes: usize| {
        Srtp::new(&provider, profile, &KeyingMaterial::new(&vec![0; bytes]), true).err()
    };
    for profile in [SrtpProfile::AES128_CM_SHA1_80, SrtpProfile::AEAD_AES_128_GCM] {
        assert_eq!(new(profile, profile.keying_material_len()), Some(SrtpError::Profile(profile)));
    }
    assert_eq!(new(SrtpProfile::AEAD_AES_256_GCM, 56), Some(SrtpError::Material(56)));
}

#[test]
fn keys_end_before_an_index_comes_twice() {
    let (mut ours, mut theirs) = pair();
    ours.rtcp_next = ENCRYPTED_FLAG - 1;
    let mut packet = bytes(RTCP_PLAIN);
    ours.protect_rtcp(&mut packet).unwrap();
    theirs.unprotect_rtcp(&packet, &mut Vec::new()).unwrap();
    assert_eq!(ours.protect_rtcp(&mut bytes(RTCP_PLAIN)), Err(SrtpError::Exhausted));
}

#[test]
fn rtcp_without_encryption_is_not_taken() {
    let (mut ours, mut theirs) = pair();
    let mut packet = bytes(RTCP_PLAIN);
    ours.protect_rtcp(&mut packet).unwrap();
    let flag = packet.len() - 4;
    packet[flag] &= 0x7F;
    assert_eq!(theirs.unprotect_rtcp(&packet, &mut Vec::new()), Err(SrtpError::NotEncrypted));
}
