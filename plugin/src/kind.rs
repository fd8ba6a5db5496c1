//! What tells the classes of the plugin apart, for everything behind the framework's traits.
//!
//! Names, ids and ports of each class are in `plugin.rs`.

/// What an instance can do, by its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// *Backline*, and the standalone: sends its track and returns the others.
    #[default]
    Track,
    /// *Backline Multi*: the same, with auxiliary outputs.
    Multi,
    /// *Backline Return*: returns the others and has nothing to send.
    Return,
}

impl Kind {
    /// A slot can play on a bus of its own.
    pub fn has_aux_buses(self) -> bool {
        self == Self::Multi
    }

    /// It has an input, which others may hear.
    pub fn can_send(self) -> bool {
        self != Self::Return
    }
}
