//! How good the link of a source is, at one glance: good, strained or bad, and why.
//!
//! It is about what comes, not about when: the latency has a tone of its own. Worse is shown at once, better only after it
//! has been better for a while, so that the lamp of a link at the edge does not flicker. The step before is `strips.rs`,
//! which judges one instant; the editor's view keeps the [`LinkLamps`] from frame to frame.

use std::collections::BTreeMap;
use std::time::Duration;

use backline_client::{Route, Snapshot, SourceId, SourceView};

use super::strips::{LOSS_SEEN, Strip, loss_tone};
use super::words;
use crate::editor::theme::Tone;

/// Packets that the network loses from here on are waited for (`backline-session`), which is latency; as a share.
const LOST_SEEN: f32 = 0.005;
/// From here on packets that usually come late make the playout hold back what would be felt.
const JITTER_SEEN: Duration = Duration::from_millis(10);
/// Of the most that a playout may hold back: from here on there is nothing left.
const AT_CEILING: f64 = 0.95;
/// For so long a link has to be better before it is shown so, in seconds.
const BETTER_AFTER_S: f64 = 4.0;
/// A little later than that, so that it is over then.
const AGAIN_AFTER: Duration = Duration::from_millis(1);

/// How good a link is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// [`Tone::Good`], [`Tone::Warning`] (strained), [`Tone::Bad`]; [`Tone::Quiet`] where nothing has come yet.
    pub tone: Tone,
    /// Why, one after the other; empty where it is good.
    pub reasons: String,
}

impl Link {
    /// "Good", "Strained", "Bad", "Waiting".
    pub fn word(&self) -> &'static str {
        match self.tone {
            Tone::Good => "Good",
            Tone::Warning => "Strained",
            Tone::Bad => "Bad",
            Tone::Quiet | Tone::Busy => "Waiting",
        }
    }

    /// "Link strained: 1.2 % made up".
    pub fn text(&self) -> String {
        match self.tone {
            Tone::Quiet | Tone::Busy => "Link: nothing has come yet".to_owned(),
            _ if self.reasons.is_empty() => format!("Link {}", self.word().to_lowercase()),
            _ => format!("Link {}: {}", self.word().to_lowercase(), self.reasons),
        }
    }

    /// The link of `source` as it is now.
    pub(super) fn new(snapshot: &Snapshot, source: &SourceView) -> Self {
        if source.route == Route::Waiting {
            return Self { tone: Tone::Quiet, reasons: String::new() };
        }
        let jitter = source.stages.map(|stages| stages.network.p99.saturating_sub(stages.network.median));
        let jitter = jitter.filter(|jitter| *jitter >= JITTER_SEEN);
        let made_up = source.loss >= LOSS_SEEN;
        let ceiling = snapshot.depth_ceiling;
        let reasons = [
            made_up
                .then(|| format!("{} made up, because it did not come in time", words::share(source.loss))),
            (source.lost >= LOST_SEEN).then(|| format!("the network loses {}", words::share(source.lost))),
            jitter.map(|jitter| format!("packets come up to {} late", words::time(Some(jitter)))),
            // The most that was allowed is trouble only where it is not enough.
            (made_up && source.depth >= ceiling.mul_f64(AT_CEILING))
                .then(|| format!("more than Playout ≤ {} would be needed", words::time(Some(ceiling)))),
        ];
        let reasons: Vec<String> = reasons.into_iter().flatten().collect();
        let tone = match loss_tone(source.loss) {
            Tone::Good if !reasons.is_empty() => Tone::Warning,
            tone => tone,
        };
        Self { tone, reasons: reasons.join("; ") }
    }
}

/// What the lamps show, by source.
#[derive(Default)]
pub struct LinkLamps {
    shown: BTreeMap<SourceId, Lamp>,
}

struct Lamp {
    link: Link,
    /// When it was last as bad as it is shown, in seconds.
    justified_at_s: f64,
}

impl LinkLamps {
    /// Replaces what is true at this instant by what is to be shown. `now_s` runs as the frames do. Says when a lamp is
    /// to be looked at again, because it may then show better; none where all show what is true.
    pub fn settle(&mut self, strips: &mut [Strip], now_s: f64) -> Option<Duration> {
        let mut again_s: Option<f64> = None;
        let links = || strips.iter().filter_map(|strip| strip.bound.as_ref());
        let is_there =
            |source: &SourceId| links().any(|bound| bound.source == *source && bound.link.is_some());
        self.shown.retain(|source, _| is_there(source));
        for bound in strips.iter_mut().filter_map(|strip| strip.bound.as_mut()) {
            let Some(link) = &mut bound.link else { continue };
            let lamp = self.shown.entry(bound.source);
            let lamp = lamp.or_insert_with(|| Lamp { link: link.clone(), justified_at_s: now_s });
            let is_better = link.tone != Tone::Quiet && rank(link.tone) < rank(lamp.link.tone);
            if is_better && now_s - lamp.justified_at_s < BETTER_AFTER_S {
                link.clone_from(&lamp.link);
                let left_s = lamp.justified_at_s + BETTER_AFTER_S - now_s;
                again_s = Some(again_s.map_or(left_s, |soonest_s| soonest_s.min(left_s)));
            } else {
                *lamp = Lamp { link: link.clone(), justified_at_s: now_s };
            }
        }
        again_s.map(|left_s| Duration::from_secs_f64(left_s.max(0.0)) + AGAIN_AFTER)
    }
}

fn rank(tone: Tone) -> u8 {
    match tone {
        Tone::Quiet | Tone::Busy => 0,
        Tone::Good => 1,
        Tone::Warning => 2,
        Tone::Bad => 3,
    }
}

#[cfg(test)]
mod tests {
    use backline_client::{Connection, LatencyStages, Stage};

    use super::*;
    use crate::editor::view_model::tests::{shown, snapshot, source, with_ada};

    fn link(change: impl FnOnce(&mut SourceView)) -> Link {
        let mut source = source(7, Some(0));
        change(&mut source);
        Link::new(&snapshot(Connection::Hosting), &source)
    }

    fn with_jitter(ms: u64) -> Option<LatencyStages> {
        let median = Duration::from_millis(4);
        let network = Stage { median, p99: median + Duration::from_millis(ms) };
        Some(LatencyStages { network, ..LatencyStages::default() })
    }

    #[test]
    fn a_link_is_judged_by_what_comes_and_says_why() {
        let calm = link(|_| {});
        assert_eq!((calm.word(), calm.text().as_str()), ("Good", "Link good"));
        let waiting = link(|source| source.route = Route::Waiting);
        assert_eq!((waiting.tone, waiting.word()), (Tone::Quiet, "Waiting"));
        let strained = |change: fn(&mut SourceView)| {
            let link = link(change);
            assert_eq!((link.tone, link.word()), (Tone::Warning, "Strained"), "{link:?}");
            link.reasons
        };
        assert_eq!(strained(|source| source.lost = 0.03), "the network loses 3.0 %");
        assert_eq!(strained(|source| source.stages = with_jitter(12)), "packets come up to 12.0 ms late");
        let made_up = |source: &mut SourceView| {
            source.loss = 0.01;
            source.depth = Duration::from_millis(1);
        };
        assert_eq!(strained(made_up), "1.0 % made up, because it did not come in time");
        let bad = link(|source| source.loss = 0.05);
        assert_eq!(bad.word(), "Bad");
        let text = "Link bad: 5.0 % made up, because it did not come in time; more than Playout ≤ 5.0 ms would be needed";
        assert_eq!(bad.text(), text, "nothing is left of what was allowed");
    }

    #[test]
    fn small_troubles_and_a_full_depth_that_is_enough_are_none() {
        assert_eq!(link(|source| source.lost = 0.004).tone, Tone::Good);
        assert_eq!(link(|source| source.stages = with_jitter(9)).tone, Tone::Good);
        assert_eq!(link(|source| source.depth = Duration::from_millis(5)).tone, Tone::Good);
        assert_eq!(link(|source| source.latency = Some(Duration::from_millis(90))).tone, Tone::Good);
    }

    #[test]
    fn worse_is_shown_at_once_and_better_after_a_while() {
        let mut lamps = LinkLamps::default();
        let mut look = |loss: f32, now_s: f64| {
            let mut snapshot = with_ada(0);
            snapshot.sources[0].loss = loss;
            let mut strips = shown(&snapshot).strips;
            lamps.settle(&mut strips, now_s);
            strips[0].bound.as_ref().and_then(|bound| bound.link.as_ref()).map(|link| link.tone)
        };
        assert_eq!(look(0.0, 0.0), Some(Tone::Good));
        assert_eq!(look(0.05, 0.1), Some(Tone::Bad), "at once");
        assert_eq!(look(0.0, 0.2), Some(Tone::Bad));
        assert_eq!(look(0.0, 4.0), Some(Tone::Bad), "not yet");
        assert_eq!(look(0.03, 4.05), Some(Tone::Bad), "again: the while begins anew");
        assert_eq!(look(0.0, 8.0), Some(Tone::Bad));
        assert_eq!(look(0.0, 8.1), Some(Tone::Good));
        let edge: Vec<_> = (0..200)
            .map(|frame| look(0.0009 + 0.0002 * (frame % 2) as f32, 9.0 + f64::from(frame) / 30.0))
            .collect();
        let changes = edge.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert_eq!(changes, 1, "a link at the edge does not flicker");
    }

    #[test]
    fn whoever_comes_back_starts_anew() {
        let mut lamps = LinkLamps::default();
        let mut snapshot = with_ada(0);
        snapshot.sources[0].loss = 0.05;
        lamps.settle(&mut shown(&snapshot).strips, 0.0);
        snapshot.sources[0].loss = 0.0;
        snapshot.sources[0].present = false;
        lamps.settle(&mut shown(&snapshot).strips, 0.1);
        snapshot.sources[0].present = true;
        let mut strips = shown(&snapshot).strips;
        lamps.settle(&mut strips, 0.2);
        assert_eq!(strips[0].bound.as_ref().unwrap().link.as_ref().unwrap().tone, Tone::Good);
    }
}
