//! DTLS as str0m brings it, with shorter timers, and a tap for the media that goes beside str0m.
//!
//! str0m's provider waits a second before it repeats a lost handshake message; a musician who comes
//! back after a network change should not. Everything else (dimpl over aws-lc-rs, no cookie because ICE
//! has proven the address) is the same. The step before is [`crate::certificate`], the step after str0m.
//!
//! The [`Tap`] gives the path two things that str0m keeps to itself: the keys that the handshake agreed on for media, and
//! the pair of addresses that ICE has chosen. For the latter DTLS hands str0m a datagram of one byte; str0m puts the
//! addresses on it, and the path, instead of sending it, reads them.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dimpl::{Config, Dtls};
use str0m::config::CryptoProvider;
use str0m::crypto::CryptoError;
use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, KeyingMaterial,
    ProtocolVersion, SrtpProfile,
};

/// str0m's cryptography with our DTLS timers.
pub(crate) fn provider() -> CryptoProvider {
    CryptoProvider { dtls_provider: &QuickDtls, ..str0m::crypto::from_feature_flags() }
}

/// What `build` makes, and the tap of the DTLS in it, if it made any. str0m makes its DTLS by a provider that is the same for
/// all, so that the tap cannot be handed through: it is left here for the time of the call.
pub(crate) fn tapped<T>(build: impl FnOnce() -> T) -> (T, Option<Arc<Tap>>) {
    LATEST_TAP.take();
    let built = build();
    (built, LATEST_TAP.take())
}

thread_local! {
    static LATEST_TAP: RefCell<Option<Arc<Tap>>> = const { RefCell::new(None) };
}

/// One connection's keys for media, and its question where str0m sends to. Shared by a path and the DTLS inside of its str0m, on one thread.
#[derive(Default)]
pub(crate) struct Tap {
    keys: Mutex<Option<(KeyingMaterial, SrtpProfile)>>,
    /// Asked, and not yet handed to str0m.
    is_wanted: AtomicBool,
    /// Asked, and not yet answered. str0m keeps a question until it knows an address, so there is never more than one.
    is_asked: AtomicBool,
}

impl Tap {
    /// What the handshake agreed on for media; once.
    pub(crate) fn take_keys(&self) -> Option<(KeyingMaterial, SrtpProfile)> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// str0m's next outputs have an answer among them, once it knows one.
    pub(crate) fn ask_for_route(&self) {
        if !self.is_asked.swap(true, Ordering::Relaxed) {
            self.is_wanted.store(true, Ordering::Relaxed);
        }
    }

    /// Whether this datagram only has come to show its addresses. (No other has this length.)
    pub(crate) fn is_answer(&self, datagram: &[u8]) -> bool {
        let is_answer = datagram == ROUTE_QUESTION;
        if is_answer {
            self.is_asked.store(false, Ordering::Relaxed);
        }
        is_answer
    }

    fn put_keys(&self, material: KeyingMaterial, profile: SrtpProfile) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Some((material, profile));
    }
}

impl std::fmt::Debug for Tap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tap")
    }
}

#[derive(Debug)]
struct QuickDtls;

impl DtlsProvider for QuickDtls {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        dimpl::certificate::generate_self_signed_certificate().ok()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        _version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let mut config =
            Config::builder().use_server_cookie(false).flight_start_rto(FIRST_RETRY).flight_retries(RETRIES);
        if let Some(mtu) = mtu {
            config = config.mtu(mtu);
        }
        let config = config.build().map_err(|error| CryptoError::Other(error.to_string()))?;
        let tap = Arc::new(Tap::default());
        LATEST_TAP.set(Some(Arc::clone(&tap)));
        Ok(Box::new(Instance { dtls: Dtls::new_12(Arc::new(config), certificate.clone(), now), tap }))
    }
}

struct Instance {
    dtls: Dtls,
    tap: Arc<Tap>,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Instance")
    }
}

impl DtlsInstance for Instance {
    fn set_active(&mut self, active: bool) {
        self.dtls.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.dtls.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        if self.tap.is_wanted.swap(false, Ordering::Relaxed) {
            return DtlsOutput::Packet(&ROUTE_QUESTION);
        }
        match self.dtls.poll_output(buffer) {
            DtlsOutput::KeyingMaterial(material, profile) => {
                // str0m gets worthless keys: two users of one key would sooner or later use one nonce for two packets.
                let worthless = KeyingMaterial::new(&vec![0; material.len()]);
                self.tap.put_keys(material, profile);
                DtlsOutput::KeyingMaterial(worthless, profile)
            }
            output => output,
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.dtls.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.dtls.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.dtls.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.dtls.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.dtls.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.dtls.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.dtls.close()
    }
}

/// Neither STUN nor DTLS nor RTP: none of them is as short.
const ROUTE_QUESTION: [u8; 1] = [0xFF];
/// RFC 9147 section 5.8.2 allows less than a second where the application knows better.
const FIRST_RETRY: Duration = Duration::from_millis(100);
/// Doubled each time: longer than a path may take to connect.
const RETRIES: usize = 7;
