//! What can go wrong while a host is prepared, with what to do about it.

use std::path::PathBuf;

/// Why a host could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// No bundle where one was expected.
    #[error("there is no bundle at {}: build it with `cargo xtask bundle backline --release`, or set BACKLINE_BUNDLES to the folder that holds it", .0.display())]
    NoBundle(PathBuf),
    /// A tool or a package of the test hosts is not installed.
    #[error("{0} is missing: `cargo xtask test` installs what the test hosts need")]
    Missing(String),
    /// The bundle does not hold the class that was asked for.
    #[error("{} holds no plugin {id:?}; it holds {found:?}", bundle.display())]
    NoSuchClass {
        /// The bundle that was searched.
        bundle: PathBuf,
        /// The class that was asked for.
        id: String,
        /// The classes that are there.
        found: Vec<String>,
    },
    /// The plugin lacks a parameter that was asked for.
    #[error("the plugin has no parameter {0:?}")]
    NoSuchParameter(String),
    /// The plugin refused what the host asked for.
    #[error("the plugin failed to {what}: {why}")]
    Plugin {
        /// What the host wanted.
        what: &'static str,
        /// What the plugin or the host library said.
        why: String,
    },
    /// An audio file could not be read or written.
    #[error("{}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A host process ended early or stopped answering.
    #[error("host {host}: {why}")]
    Host {
        /// Which of the hosts: `a` or `b`.
        host: String,
        /// What happened, with the end of what it printed.
        why: String,
    },
    /// The two plugins did not find each other.
    #[error("the two plugins did not connect within {waited_s} s; last seen: {seen}")]
    NotConnected {
        /// How long they were given, in seconds.
        waited_s: u64,
        /// The states that the two reported last.
        seen: String,
    },
}

impl HostError {
    /// A file error with its path.
    pub fn file(path: impl Into<PathBuf>, why: impl ToString) -> Self {
        Self::File { path: path.into(), why: why.to_string() }
    }

    /// A refusal of the plugin.
    pub fn plugin(what: &'static str, why: impl ToString) -> Self {
        Self::Plugin { what, why: why.to_string() }
    }

    /// Trouble with one of the host processes.
    pub fn host(host: impl Into<String>, why: impl ToString) -> Self {
        Self::Host { host: host.into(), why: why.to_string() }
    }
}
