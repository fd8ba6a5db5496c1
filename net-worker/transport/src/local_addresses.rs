//! Where this machine can be reached, by kind, and in which order others are told.
//!
//! It is what `reach` and the network interfaces found; it asks nobody by itself. The step before is the driver;
//! the step after are a path (what it may send from) and the offers and links that others read.

use std::net::SocketAddr;

/// Every address of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalAddresses {
    /// Of its own interfaces, with the port, best first.
    pub host: Vec<SocketAddr>,
    /// Of the router before it, as a STUN server saw it: datagrams to it arrive at a host address.
    pub reflexive: Vec<SocketAddr>,
    /// On a TURN server that passes datagrams on; what is sent from one goes out by that server.
    pub relayed: Vec<SocketAddr>,
}

impl LocalAddresses {
    /// A machine that knows only its own interfaces.
    pub fn of_host(host: &[SocketAddr]) -> Self {
        Self { host: host.to_vec(), ..Self::default() }
    }

    /// What others are told: best first, each once, at most `count_max`. A reflexive and a relayed address always find room:
    /// they are the only ones that work from afar. (A peer's checks prefer what comes first.)
    pub fn offered(&self, count_max: usize) -> Vec<SocketAddr> {
        let mut from_afar: Vec<SocketAddr> = Vec::new();
        for address in self.reflexive.iter().chain(&self.relayed) {
            if !self.host.contains(address) && !from_afar.contains(address) && from_afar.len() < count_max {
                from_afar.push(*address);
            }
        }
        let mut offered: Vec<SocketAddr> =
            self.host.iter().copied().take(count_max - from_afar.len()).collect();
        offered.append(&mut from_afar);
        offered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u8) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, number], 4464))
    }

    #[test]
    fn addresses_that_work_from_afar_find_room_among_many_interfaces() {
        let addresses = LocalAddresses {
            host: (0..20).map(address).collect(),
            reflexive: vec![address(100), address(3)],
            relayed: vec![address(200)],
        };
        let offered = addresses.offered(8);
        assert_eq!(offered.len(), 8);
        assert_eq!(offered[..6], addresses.host[..6]);
        assert_eq!(offered[6..], [address(100), address(200)]);
    }

    #[test]
    fn a_machine_without_a_router_offers_each_address_once() {
        let addresses =
            LocalAddresses { host: vec![address(1)], reflexive: vec![address(1)], relayed: vec![] };
        assert_eq!(addresses.offered(8), [address(1)]);
    }
}
