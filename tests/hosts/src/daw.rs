//! Real DAWs as processes, each with a home folder of its own, so that nobody's settings are read or written.

pub mod ardour;
pub mod own_track;
pub mod qtractor;

use std::path::Path;
use std::process::Command;

/// One of the DAWs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Daw {
    /// With the VST3 bundle.
    Ardour,
    /// With the CLAP bundle.
    Qtractor,
}

impl Daw {
    /// What it is called, on the command line of `daw_host` too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ardour => "ardour",
            Self::Qtractor => "qtractor",
        }
    }
}

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

fn at_home(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("HOME", home);
    for (variable, folder) in
        [("XDG_CONFIG_HOME", "settings"), ("XDG_CACHE_HOME", "cache"), ("XDG_DATA_HOME", "data")]
    {
        command.env(variable, home.join(folder));
    }
    // Tests tell the network nothing.
    command.env("BACKLINE_CONFIG_DIR", home.join("backline")).env("BACKLINE_LOCAL_NETWORK", "off");
    command
}
