//! Real DAWs as processes, each with a home folder of its own, so that nobody's settings are read or written.

pub mod ardour;

/// A class of the bundle, as DAWs list it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// One stereo output.
    Backline,
    /// Eight auxiliary outputs more.
    Multi,
    /// No input.
    Return,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Backline, Self::Multi, Self::Return];

    /// The name that musicians see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Backline => "Backline",
            Self::Multi => "Backline Multi",
            Self::Return => "Backline Return",
        }
    }

    /// The class of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}
