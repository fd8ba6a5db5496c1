//! What a host tells its local network of its session: texts for a DNS-SD TXT record (RFC 6763 section 6).
//!
//! Nothing in it is secret: whoever is in the network reads it. With the addresses that it comes with it makes a link that
//! opens the host's local door and no other. The step before is the host's worker, or `io::discovery` at the other end; the
//! step after is the other one of the two.

use std::net::{IpAddr, SocketAddr};

use data_encoding::HEXLOWER;

use crate::credentials::{Fingerprint, SessionSecret};
use crate::limits::PROTOCOL_VERSION;
use crate::link::{InviteLink, LinkError};
use crate::name::Name;

/// A session as its host announces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// [`PROTOCOL_VERSION`] of the host. Another one is shown all the same: who joins is told what to do.
    pub protocol_version: u16,
    /// The host's name.
    pub host: Name,
    /// How many are in, the host included.
    pub participants: u8,
    /// Of the host's certificate.
    pub fingerprint: Fingerprint,
}

impl Announcement {
    /// Of a session of this Backline.
    pub fn new(host: Name, participants: u8, fingerprint: Fingerprint) -> Self {
        Self { protocol_version: PROTOCOL_VERSION, host, participants, fingerprint }
    }

    /// A short name of the session, for the record's own name: 16 hexadecimal digits.
    pub fn id(&self) -> String {
        HEXLOWER.encode(&self.fingerprint.0[..8])
    }

    /// The texts, by key.
    pub fn to_texts(&self) -> [(&'static str, String); 4] {
        [
            (VERSION_KEY, self.protocol_version.to_string()),
            (HOST_KEY, self.host.to_string()),
            (PARTICIPANTS_KEY, self.participants.to_string()),
            (FINGERPRINT_KEY, self.fingerprint.to_string()),
        ]
    }

    /// Reads the texts. None where one is missing or is not what it should be; others are left alone.
    pub fn from_texts<'a>(text: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let digits = text(FINGERPRINT_KEY)?.to_ascii_lowercase();
        let fingerprint = HEXLOWER.decode(digits.as_bytes()).ok()?;
        Some(Self {
            protocol_version: text(VERSION_KEY)?.parse().ok()?,
            host: Name::new(text(HOST_KEY)?),
            participants: text(PARTICIPANTS_KEY)?.parse().ok()?,
            fingerprint: Fingerprint(fingerprint.try_into().ok()?),
        })
    }

    /// A link by which somebody in the same network joins: with what opens the local door in place of the secret.
    ///
    /// # Errors
    /// [`LinkError::NoAddress`] when none of `addresses` is one of a local network.
    pub fn link(&self, addresses: &[SocketAddr]) -> Result<InviteLink, LinkError> {
        let local: Vec<SocketAddr> =
            addresses.iter().filter(|address| is_local(address.ip())).copied().collect();
        InviteLink::new(&local, SessionSecret::of_local_network(&self.fingerprint), self.fingerprint)
    }
}

/// Whether an address is of a local network, or of this machine: loopback, private (RFC 1918), link-local (RFC 3927,
/// RFC 4291), unique local (RFC 4193). Routers do not carry these across the internet.
pub fn is_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unique_local(),
    }
}

const VERSION_KEY: &str = "v";
const HOST_KEY: &str = "host";
const PARTICIPANTS_KEY: &str = "people";
const FINGERPRINT_KEY: &str = "cert";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn announcement() -> Announcement {
        Announcement::new(Name::new("Ada Löv"), 3, Fingerprint([0xA5; 32]))
    }

    fn read(texts: &[(&str, String)]) -> Option<Announcement> {
        Announcement::from_texts(|key| {
            texts.iter().find(|(known, _)| *known == key).map(|(_, text)| text.as_str())
        })
    }

    #[test]
    fn the_texts_are_what_protocol_md_says_and_read_back() {
        let texts = announcement().to_texts();
        let expected = [("v", "1"), ("host", "Ada Löv"), ("people", "3"), ("cert", &"a5".repeat(32))];
        assert_eq!(texts.each_ref().map(|(key, text)| (*key, text.as_str())), expected);
        assert_eq!(read(&texts), Some(announcement()));
        assert_eq!(announcement().id(), "a5a5a5a5a5a5a5a5");
    }

    #[test]
    fn a_record_that_lacks_something_is_no_announcement() {
        for missing in 0..4 {
            let mut texts = announcement().to_texts().to_vec();
            texts.remove(missing);
            assert_eq!(read(&texts), None);
        }
        for (at, text) in [(0, "-1"), (2, "many"), (2, "256"), (3, "a5"), (3, "zz")] {
            let mut texts = announcement().to_texts();
            texts[at].1 = text.to_owned();
            assert_eq!(read(&texts), None, "{text}");
        }
    }

    #[test]
    fn the_link_leads_to_local_addresses_and_holds_no_secret_of_the_session() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (near, far) = (address("192.168.1.7:4464"), address("203.0.113.7:4464"));
        let link = announcement().link(&[far, near]).unwrap();
        assert_eq!(link.addresses(), [near]);
        assert_eq!(link.fingerprint(), &Fingerprint([0xA5; 32]));
        assert!(*link.secret() == SessionSecret::of_local_network(&Fingerprint([0xA5; 32])));
        assert_eq!(announcement().link(&[far]), Err(LinkError::NoAddress));
    }

    #[test]
    fn local_addresses_are_told_from_those_of_the_internet() {
        for local in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.254",
            "192.168.178.20",
            "169.254.7.7",
            "::1",
            "fe80::1",
            "fd12:3456::1",
            "::ffff:192.168.1.2",
        ] {
            assert!(is_local(local.parse().unwrap()), "{local}");
        }
        for far in [
            "8.8.8.8",
            "172.32.0.1",
            "100.64.0.1",
            "192.169.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.251",
            "2001:db8::1",
            "ff02::fb",
            "::",
            "::ffff:203.0.113.7",
        ] {
            assert!(!is_local(far.parse().unwrap()), "{far}");
        }
    }

    proptest! {
        #[test]
        fn no_text_of_a_stranger_does_harm(v in ".{0,10}", host in ".{0,300}", people in ".{0,10}", cert in ".{0,80}") {
            let read = read(&[("v", v), ("host", host), ("people", people), ("cert", cert)]);
            prop_assert!(read.is_none_or(|read| read.host.len() <= 64));
        }
    }
}
