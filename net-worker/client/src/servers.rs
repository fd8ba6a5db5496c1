//! STUN and TURN servers as a person names them, and as `transport::reach` wants them.
//!
//! The step before is a command; the step after is [`crate::Engine::set_servers`]. Names are not looked up: that would
//! wait for another server, and the worker never waits.

use std::net::{IpAddr, SocketAddr};

use backline_transport::{ReachConfig, TurnServer as Turn};

use crate::api::TurnServer;

/// The port of STUN and TURN (RFC 8489 section 14.1) where none is named.
const USUAL_PORT: u16 = 3478;

/// What a person set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Servers {
    pub stun: Option<String>,
    pub turn: Option<TurnServer>,
}

impl Servers {
    /// Those that can be used, and what is wrong with the others.
    pub fn config(&self) -> (ReachConfig, Vec<String>) {
        let mut problems = Vec::new();
        let mut address = |kind: &str, text: &str| {
            let address = parse(text);
            if address.is_none() {
                problems.push(format!(
                    "The {kind} server “{text}” is left out: it is not named by an IP address."
                ));
            }
            address
        };
        let stun = self.stun.as_deref().and_then(|text| address("STUN", text));
        let turn = self.turn.as_ref().and_then(|turn| {
            let address = address("TURN", &turn.address)?;
            Some(Turn { address, user: turn.user.clone(), password: turn.password.clone() })
        });
        (ReachConfig { stun, turn }, problems)
    }
}

/// What to do about a problem of [`Servers::config`].
pub(crate) const ADVICE: &str = "Write the server as 203.0.113.7:3478 or [2001:db8::7]:3478.";

/// Whether a STUN or TURN server can be reached under what a person wrote: an IP address, with a port or without.
/// [any-thread]
pub fn is_server_address(text: &str) -> bool {
    parse(text).is_some()
}

fn parse(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    let bare = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, USUAL_PORT));
    let address = text.parse::<SocketAddr>().or(bare).ok()?;
    (address.port() != 0 && !address.ip().is_unspecified() && !address.ip().is_multicast()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(address: &str) -> TurnServer {
        TurnServer { address: address.to_owned(), user: "ada".to_owned(), password: "hush".to_owned() }
    }

    #[test]
    fn servers_are_named_by_address_with_and_without_a_port() {
        let servers =
            Servers { stun: Some(" 203.0.113.7 ".to_owned()), turn: Some(turn("[2001:db8::7]:99")) };
        let (config, problems) = servers.config();
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(config.stun, Some(([203, 0, 113, 7], 3478).into()));
        assert_eq!(config.turn.map(|turn| turn.address.to_string()).as_deref(), Some("[2001:db8::7]:99"));
    }

    #[test]
    fn other_forms_are_explained_and_the_rest_is_used() {
        for name in
            ["turn.example.org:3478", "turn:203.0.113.7", "203.0.113.7:0", "0.0.0.0", "", "203.0.113.7:70000"]
        {
            let servers = Servers { stun: Some("203.0.113.7".to_owned()), turn: Some(turn(name)) };
            let (config, problems) = servers.config();
            assert!(config.stun.is_some() && config.turn.is_none(), "{name}");
            assert!(problems[0].contains(name) && problems[0].contains("TURN"), "{problems:?}");
            assert!(!is_server_address(name), "{name}");
        }
    }

    #[test]
    fn no_password_is_ever_printed() {
        let servers = Servers { stun: None, turn: Some(turn("203.0.113.7")) };
        let command = crate::Command::SetServers { stun: None, turn: servers.turn.clone() };
        let shown = format!("{servers:?} {:?} {command:?}", servers.config());
        assert!(!shown.contains("hush"), "{shown}");
    }
}
