//! STUN and TURN servers as a person writes them: what is wrong with them, in words, and what the worker is told.
//!
//! Not the servers themselves (`backline_client`). The step before is the editor's Network section or a loaded project;
//! the step after is [`crate::project::Project::set_servers`], which keeps all but the password.

use backline_client::{Command, TurnServer, is_server_address};

use crate::state::ServerState;

/// What stands in the fields; empty where no server is wanted. `Debug` shows neither user name nor password.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ServerFields {
    /// `203.0.113.7:3478`, or without the port.
    pub stun: String,
    /// `203.0.113.7:3478`, or without the port.
    pub turn: String,
    /// The user name on the TURN server.
    pub turn_user: String,
    /// The password there; in memory only.
    pub turn_password: String,
}

/// What is wrong with a STUN or TURN server's address.
pub const NO_ADDRESS: &str = "This is not an IP address. Write it as 203.0.113.7:3478";
/// What is wrong with a TURN server without an account.
pub const NO_ACCOUNT: &str = "A TURN server needs user name and password: ask who runs it";
/// What is wrong with a TURN server of a loaded project.
pub const NO_PASSWORD: &str = "The password is missing: projects do not keep it. Type it again";

impl ServerFields {
    /// What a project keeps, and the password that only memory does.
    pub fn new(kept: &ServerState, turn_password: &str) -> Self {
        Self {
            stun: kept.stun.clone(),
            turn: kept.turn.clone(),
            turn_user: kept.turn_user.clone(),
            turn_password: turn_password.to_owned(),
        }
    }

    /// What a project keeps: no password.
    pub fn kept(&self) -> ServerState {
        ServerState {
            stun: self.stun.trim().to_owned(),
            turn: self.turn.trim().to_owned(),
            turn_user: self.turn_user.trim().to_owned(),
        }
    }

    /// Why the STUN server cannot be used; none where it can, or where there is none.
    pub fn stun_problem(&self) -> Option<&'static str> {
        address_problem(&self.stun)
    }

    /// Why the TURN server's address cannot be used.
    pub fn turn_problem(&self) -> Option<&'static str> {
        address_problem(&self.turn)
    }

    /// What a TURN server is missing of its account.
    pub fn account_problem(&self) -> Option<&'static str> {
        let has_user = !self.turn_user.trim().is_empty();
        match (self.turn.trim().is_empty(), has_user, self.turn_password.is_empty()) {
            (true, _, _) | (false, true, false) => None,
            (false, true, true) => Some(NO_PASSWORD),
            (false, false, _) => Some(NO_ACCOUNT),
        }
    }

    /// For the worker: those that can be used.
    pub fn command(&self) -> Command {
        let usable = |address: &str| is_server_address(address).then(|| address.trim().to_owned());
        let turn = usable(&self.turn).filter(|_| self.account_problem().is_none());
        let account = |address| TurnServer {
            address,
            user: self.turn_user.trim().to_owned(),
            password: self.turn_password.clone(),
        };
        Command::SetServers { stun: usable(&self.stun), turn: turn.map(account) }
    }
}

impl std::fmt::Debug for ServerFields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut fields = f.debug_struct("ServerFields");
        fields.field("stun", &self.stun).field("turn", &self.turn).finish_non_exhaustive()
    }
}

fn address_problem(address: &str) -> Option<&'static str> {
    let is_fine = address.trim().is_empty() || is_server_address(address);
    (!is_fine).then_some(NO_ADDRESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(stun: &str, turn: &str, user: &str, password: &str) -> ServerFields {
        ServerFields {
            stun: stun.to_owned(),
            turn: turn.to_owned(),
            turn_user: user.to_owned(),
            turn_password: password.to_owned(),
        }
    }

    #[test]
    fn what_can_be_used_is_used_and_what_cannot_is_said() {
        let whole = fields(" 203.0.113.7 ", "203.0.113.9:99", "ada", "h@s:h");
        assert_eq!((whole.stun_problem(), whole.turn_problem(), whole.account_problem()), (None, None, None));
        let turn = TurnServer {
            address: "203.0.113.9:99".to_owned(),
            user: "ada".to_owned(),
            password: "h@s:h".to_owned(),
        };
        let stun = Some("203.0.113.7".to_owned());
        assert_eq!(whole.command(), Command::SetServers { stun: stun.clone(), turn: Some(turn) });

        let named = fields("stun.example.org", "203.0.113.9", "ada", "");
        assert_eq!(named.stun_problem(), Some(NO_ADDRESS));
        assert_eq!(named.account_problem(), Some(NO_PASSWORD));
        assert_eq!(named.command(), Command::SetServers { stun: None, turn: None });

        let no_user = fields("203.0.113.7", "203.0.113.9", "", "secret");
        assert_eq!(no_user.account_problem(), Some(NO_ACCOUNT));
        assert_eq!(no_user.command(), Command::SetServers { stun, turn: None });
    }

    #[test]
    fn empty_fields_are_no_mistake() {
        let nothing = ServerFields::default();
        let problems = [nothing.stun_problem(), nothing.turn_problem(), nothing.account_problem()];
        assert_eq!(problems, [None; 3]);
        assert_eq!(nothing.command(), Command::SetServers { stun: None, turn: None });
    }

    #[test]
    fn the_password_is_neither_kept_nor_printed() {
        let whole = fields("", "203.0.113.9", "ada", "hush");
        let kept = serde_json::to_string(&whole.kept()).unwrap();
        let shown = format!("{whole:?}{kept}");
        assert!(kept.contains("ada") && !shown.contains("hush"), "{shown}");
    }
}
