//! How str0m is set up: everything that a session of musicians does not need is off.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backline_wire::limits::CONTROL_BYTES_MAX;
use backline_wire::limits::{ICE_PASSWORD_BYTES_MAX, ICE_UFRAG_BYTES_MAX};
use backline_wire::{Fingerprint, IceCredentials};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::config::Fingerprint as DtlsFingerprint;
use str0m::rtp::ExtensionMap;
use str0m::{IceCreds, Rtc, RtcConfig};

use super::{PathConfig, PathError, Role};
use crate::dtls::{self, Tap};

/// Refuses what would make str0m or the peer refuse later, with less to say.
pub(super) fn check(config: &PathConfig<'_>) -> Result<(), PathError> {
    for credentials in [&config.local, &config.remote] {
        let ufrag = (4..=ICE_UFRAG_BYTES_MAX).contains(&credentials.ufrag.len());
        let password = (22..=ICE_PASSWORD_BYTES_MAX).contains(&credentials.password.len());
        if !ufrag || !password || !credentials.ufrag.bytes().all(is_ice_char) {
            return Err(PathError::Credentials);
        }
    }
    let nowhere = config.role == Role::Dialer && config.remote_candidates.is_empty();
    if config.local_addresses.is_empty() || nowhere { Err(PathError::NoAddress) } else { Ok(()) }
}

/// Builds the `Rtc` and starts DTLS, SCTP and the control channel on it. The tap is its DTLS's.
pub(super) fn start(config: &PathConfig<'_>, now: Instant) -> Result<(Rtc, ChannelId, Arc<Tap>), PathError> {
    let (mut rtc, tap) = dtls::tapped(|| rtc_config(config).build(now));
    let tap = tap.ok_or(PathError::Encryption)?;
    let dialer = config.role == Role::Dialer;
    let mut api = rtc.direct_api();
    api.set_ice_controlling(dialer);
    api.set_remote_ice_credentials(ice_creds(&config.remote));
    // str0m wants one even when told not to verify; the path verifies by itself, because str0m
    // would end without telling the peer.
    api.set_remote_fingerprint(dtls_fingerprint(&config.remote_fingerprint.unwrap_or(Fingerprint([0; 32]))));
    api.start_dtls(dialer).map_err(|_| PathError::Encryption)?;
    api.start_sctp(dialer);
    let channel = api.create_data_channel(ChannelConfig {
        label: "backline".to_owned(),
        ordered: true,
        reliability: Reliability::Reliable,
        negotiated: Some(CONTROL_STREAM),
        protocol: String::new(),
    });
    Ok((rtc, channel, tap))
}

fn rtc_config(config: &PathConfig<'_>) -> RtcConfig {
    let mut rtc = RtcConfig::new()
        .set_crypto_provider(config.certificate.provider())
        .set_dtls_cert(config.certificate.dtls())
        .set_local_ice_credentials(ice_creds(&config.local))
        .set_fingerprint_verification(false)
        .set_rtp_mode(true)
        .clear_codecs()
        .set_extension_map(ExtensionMap::empty())
        .set_stats_interval(None)
        .enable_bwe(None)
        .set_sctp_max_message_size(CONTROL_BYTES_MAX as u32);
    rtc.set_initial_stun_rto(STUN_FIRST_RETRY);
    rtc.set_max_stun_rto(STUN_INTERVAL);
    rtc.set_max_stun_retransmits(STUN_RETRIES);
    rtc
}

fn is_ice_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

fn ice_creds(credentials: &IceCredentials) -> IceCreds {
    IceCreds { ufrag: credentials.ufrag.clone(), pass: credentials.password.clone() }
}

fn dtls_fingerprint(fingerprint: &Fingerprint) -> DtlsFingerprint {
    DtlsFingerprint { hash_func: "sha-256".to_owned(), bytes: fingerprint.0.to_vec() }
}

/// Of the pre-negotiated data channel (RFC 8832 is not used).
const CONTROL_STREAM: u16 = 0;
/// RFC 8445 section 14.3 asks for 500 ms; musicians wait for the first check on paths with loss.
const STUN_FIRST_RETRY: Duration = Duration::from_millis(100);
/// How often a pair in use is checked: the upper bound of `last_heard`, and of noticing a new address.
const STUN_INTERVAL: Duration = Duration::from_millis(400);
/// About ten seconds, which is when the path itself gives up.
const STUN_RETRIES: usize = 26;
