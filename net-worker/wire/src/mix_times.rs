//! When each source of a mix is in it, as its host tells listeners, who get all of them as one stream.
//!
//! The host knows its own clock and the time stamps of the packets; a listener compares clocks with both, and so knows how long the way of
//! each source into the mix is. It travels as [feedback](crate::feedback), once a second. The step before is `relay`'s mix; the step
//! after is each listener's latency.

use serde::{Deserialize, Serialize};

use crate::control::bounded;
use crate::ids::Ssrc;
use crate::limits::MIX_TIMES_MAX;

/// When one source is in the mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MixTime {
    /// Its stream.
    pub ssrc: Ssrc,
    /// When it is in the mix, on the host's clock, less when it was captured, on its sender's, in µs: as wrong as these clocks are
    /// apart.
    pub after_us: i64,
}

/// When sources are in the mix. One that is not named is there as it was told last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MixTimes {
    /// At most [`MIX_TIMES_MAX`].
    #[serde(deserialize_with = "bounded::deserialize::<_, MixTime, MIX_TIMES_MAX>")]
    pub sources: Vec<MixTime>,
}
