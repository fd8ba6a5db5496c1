//! The addresses that this machine has now.

use std::net::{IpAddr, Ipv6Addr};

/// Addresses that a peer could use, best first: the local network's, then loopback (two DAWs on one machine).
/// Empty where the system does not tell.
pub fn addresses() -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces.iter().map(if_addrs::Interface::ip).filter(usable).collect(),
        Err(error) => {
            tracing::warn!(%error, "the network interfaces can't be listed");
            Vec::new()
        }
    };
    found.sort_by_key(|address| (address.is_loopback(), address.is_ipv6(), *address));
    found.dedup();
    found
}

/// Link-local IPv6 needs a zone that a link cannot carry, and loopback is enough once.
fn usable(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_unspecified() && !v4.is_link_local(),
        IpAddr::V6(v6) => !v6.is_unspecified() && !v6.is_unicast_link_local() && *v6 != Ipv6Addr::LOCALHOST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_comes_last() {
        let addresses = addresses();
        assert!(!addresses.is_empty());
        assert!(addresses.iter().position(IpAddr::is_loopback).is_none_or(|at| at + 1 == addresses.len()));
    }
}
