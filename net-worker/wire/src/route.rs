//! How media travels in a session: one word for everybody in it, which the host or node decides.
//!
//! The step before is whoever runs the session; the step after is `relay`, which carries media that way, and each participant, who sends and
//! listens that way.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::credentials::Fingerprint;
use crate::ids::{InstanceId, ParticipantId, SourceId};

/// How media travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Route {
    /// Straight from each to each, and by the host where no straight path is there.
    #[default]
    Mesh,
    /// By the host, unmixed. Nobody learns anybody's address, and each sends once.
    Forward,
    /// To the host, which sends everybody a mix of their own. Each sends once and gets one stream.
    Mix,
}

impl Route {
    /// All of them.
    pub const ALL: [Route; 3] = [Route::Mesh, Route::Forward, Route::Mix];

    /// In one word, as it is configured.
    pub fn name(self) -> &'static str {
        match self {
            Route::Mesh => "mesh",
            Route::Forward => "forward",
            Route::Mix => "mix",
        }
    }
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The id of the mixes that a host makes, each listener's of their own: nobody's key pair has the host's fingerprint as its public key.
pub fn mix_source(host: &Fingerprint) -> SourceId {
    SourceId { participant: ParticipantId(host.0), instance: InstanceId(0) }
}

/// A word that is no route.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("“{0}” is no route: choose mesh, forward or mix")]
pub struct RouteError(String);

impl std::str::FromStr for Route {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        Self::ALL.into_iter().find(|route| route.name() == text).ok_or_else(|| RouteError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_reads_back_and_nothing_else_does() {
        for route in Route::ALL {
            assert_eq!(route.to_string().parse(), Ok(route));
        }
        let error = "Mix".parse::<Route>().unwrap_err();
        assert!(error.to_string().contains("choose mesh, forward or mix"), "{error}");
    }
}
