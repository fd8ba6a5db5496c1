//! How loud each source in the host's mix is, as the host told last.
//!
//! The mix is one stream, of which nobody can tell afterwards who plays in it. The step before is
//! [feedback](backline_wire::Levels) from the host; the step after is the meters of the slots whose sources are in the mix.

use std::time::{Duration, Instant};

use backline_wire::{Levels, Ssrc};

/// The host tells 20 times a second: what is older than some that were lost says nothing of now.
const FRESH: Duration = Duration::from_millis(200);

/// Nothing before the first message.
#[derive(Debug, Default)]
pub(crate) struct MixLevels(Option<(Instant, Levels)>);

impl MixLevels {
    /// The host tells.
    pub fn told(&mut self, now: Instant, levels: Levels) {
        self.0 = Some((now, levels));
    }

    /// There is another mix from now on, or none.
    pub fn forget(&mut self) {
        self.0 = None;
    }

    /// The largest magnitudes of a stream, left and right, of late, before any fader; silence where it was not named.
    pub fn of(&self, stream: Ssrc, now: Instant) -> [f32; 2] {
        let fresh = self.0.as_ref().filter(|(at, _)| now.saturating_duration_since(*at) < FRESH);
        let level = fresh.and_then(|(_, levels)| levels.sources.iter().find(|level| level.ssrc == stream));
        level.map_or([0.0; 2], |level| [level.left.linear(), level.right.linear()])
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an Instant has no other origin")]
mod tests {
    use super::*;
    use backline_wire::{PeakLevel, SourceLevel};

    #[test]
    fn what_is_told_holds_until_the_next_or_a_moment() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let (left, right) = (PeakLevel::from_linear(1.0), PeakLevel::SILENT);
        let loud = Levels { sources: vec![SourceLevel { ssrc: Ssrc(7), left, right }] };
        let mut levels = MixLevels::default();
        assert_eq!(levels.of(Ssrc(7), start), [0.0; 2]);
        levels.told(start, loud.clone());
        assert_eq!(levels.of(Ssrc(7), after(199)), [1.0, 0.0]);
        assert_eq!(levels.of(Ssrc(8), after(1)), [0.0; 2]);
        assert_eq!(levels.of(Ssrc(7), after(200)), [0.0; 2], "it says nothing of now");
        levels.told(after(300), loud.clone());
        levels.told(after(350), Levels::default());
        assert_eq!(levels.of(Ssrc(7), after(351)), [0.0; 2]);
        levels.told(after(400), loud);
        levels.forget();
        assert_eq!(levels.of(Ssrc(7), after(401)), [0.0; 2]);
    }
}
