//! The door for people in the host's local network, who found the session there and have no link.
//!
//! What opens it is announced to everybody in that network (`wire::Announcement`), so it proves nothing. It counts only while
//! the host leaves it open, and only for checks that come from an address of a local network. The step before is a stranger's
//! datagram in `relay/incoming.rs`; the step after is a path like any other.

use std::net::SocketAddr;

use backline_transport::LocalAddresses;
use backline_transport::demux::{self, Datagram, Stun};
use backline_wire::announcement::is_local;
use backline_wire::{Fingerprint, IceCredentials, SessionSecret};

/// The local door of one session.
pub(crate) struct LocalDoor {
    secret: SessionSecret,
    credentials: IceCredentials,
    /// As the host wants it.
    pub is_open: bool,
}

impl LocalDoor {
    /// Closed.
    pub fn new(fingerprint: &Fingerprint) -> Self {
        let secret = SessionSecret::of_local_network(fingerprint);
        Self { credentials: secret.ice_credentials_host(), secret, is_open: false }
    }

    /// What stands in for the session's secret at this door.
    pub fn secret(&self) -> &SessionSecret {
        &self.secret
    }

    /// Whether a check is for this door.
    pub fn is_named(&self, local_ufrag: &str) -> bool {
        local_ufrag == self.credentials.ufrag
    }

    /// Whether a datagram is a check for this door that comes from elsewhere than the local network: from another kind of
    /// address, or by a TURN server, where the sender's address is one of the server's surroundings. Such a check is never
    /// believed, also not for a path that was begun from a local address: that one may have been forged.
    pub fn is_from_afar(
        &self,
        source: SocketAddr,
        local: SocketAddr,
        ours: &LocalAddresses,
        datagram: &[u8],
    ) -> bool {
        let Datagram::Stun(Stun { local_ufrag: Some(ufrag), .. }) = demux::classify(datagram) else {
            return false;
        };
        self.is_named(ufrag) && (!is_local(source.ip()) || ours.relayed.contains(&local))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINGERPRINT: Fingerprint = Fingerprint([7; 32]);

    /// A binding request with a user name and nothing else (RFC 8489 sections 5 and 14.3).
    fn check(user_name: &str) -> Vec<u8> {
        let padded = user_name.len().next_multiple_of(4);
        let mut datagram = vec![0, 1, 0, 4 + padded as u8, 0x21, 0x12, 0xA4, 0x42];
        datagram.extend([9; 12]);
        datagram.extend([0, 6, 0, user_name.len() as u8]);
        datagram.extend(user_name.bytes());
        datagram.resize(24 + padded, 0);
        datagram
    }

    #[test]
    fn a_check_for_the_local_door_counts_only_from_a_local_address() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (door, here) = (LocalDoor::new(&FINGERPRINT), address("192.168.1.2:4464"));
        let relayed = address("198.51.100.1:50000");
        let ours = LocalAddresses { host: vec![here], reflexive: vec![], relayed: vec![relayed] };
        let named = check(&format!(
            "{}:abcd",
            SessionSecret::of_local_network(&FINGERPRINT).ice_credentials_host().ufrag
        ));
        let is_from_afar =
            |source: &str, local, datagram: &[u8]| door.is_from_afar(address(source), local, &ours, datagram);
        for near in ["192.168.1.7:9", "127.0.0.1:9", "[fe80::7]:9", "[::ffff:10.0.0.1]:9"] {
            assert!(!is_from_afar(near, here, &named), "{near}");
        }
        for far in ["203.0.113.7:9", "[2001:db8::7]:9"] {
            assert!(is_from_afar(far, here, &named), "{far}");
        }
        assert!(is_from_afar("192.168.1.7:9", relayed, &named), "that is the network of the TURN server");
        assert!(!is_from_afar("203.0.113.7:9", here, &check("somebody:abcd")), "for another door");
        assert!(!is_from_afar("203.0.113.7:9", here, &[0x80; 40]), "no check at all");
    }
}
