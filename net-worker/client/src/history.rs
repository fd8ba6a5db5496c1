//! What was measured of each source in the last minutes, one point a second: for a plot.
//!
//! It measures nothing itself and keeps no more than it says. It is sans-IO: views of sources come in with the time. The step
//! before is the session's view of a source; the step after is the snapshot, which shares it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use backline_session::view::SourceView;
use backline_wire::SourceId;
use backline_wire::limits::SLOTS;

/// From one point to the next.
pub const POINT_EVERY: Duration = Duration::from_secs(1);
/// So many points are kept: three minutes.
pub const POINTS: usize = 180;
/// Of so many sources at most: those on slots, and as many again that went lately.
pub const SOURCES: usize = 2 * SLOTS;

/// What was measured in one second, in whole units so that it can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HistoryPoint {
    /// Median latency by stage, in microseconds: their block, coding, network, playout, your block.
    pub stages_us: [u32; 5],
    /// How much later than usual the latest of a hundred packets come, in microseconds: of the network's latency, what
    /// only one of a hundred exceeds, less the median.
    pub jitter_us: u32,
    /// What the playout held, in microseconds.
    pub depth_us: u32,
    /// Share that was concealed in the last seconds, in millionths.
    pub concealed_ppm: u32,
    /// Their clock against ours, in thousandths of a millionth.
    pub drift_ppb: i32,
}

/// The last minutes of one source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// Oldest first, one a second, at most [`POINTS`]; none where nothing was measured in that second.
    pub points: VecDeque<Option<HistoryPoint>>,
}

impl History {
    fn add(&mut self, point: Option<HistoryPoint>) {
        if self.points.len() == POINTS {
            self.points.pop_front();
        }
        self.points.push_back(point);
    }

    /// Nothing was ever measured in it.
    fn is_blank(&self) -> bool {
        self.points.iter().all(Option::is_none)
    }
}

/// Those of all sources, by who they are of.
pub type Histories = BTreeMap<SourceId, Arc<History>>;

/// Keeps them while a session lasts.
#[derive(Debug, Default)]
pub struct Historian {
    histories: Histories,
    next_at: Option<Instant>,
}

impl Historian {
    /// Takes a point of each source where one is due; a worker that has stood still leaves a gap. [worker-thread]
    pub fn note(&mut self, now: Instant, sources: &[SourceView]) {
        let next_at = *self.next_at.get_or_insert(now);
        if now < next_at {
            return;
        }
        let missed = (now - next_at).as_nanos() / POINT_EVERY.as_nanos();
        let missed = usize::try_from(missed).unwrap_or(POINTS).min(POINTS);
        self.next_at =
            Some(if missed == POINTS { now } else { next_at + POINT_EVERY * missed as u32 } + POINT_EVERY);
        for source in sources.iter().filter(|source| source.slot.is_some()) {
            if self.histories.len() < SOURCES {
                self.histories.entry(source.source).or_default();
            }
        }
        for (id, history) in &mut self.histories {
            let source = sources.iter().find(|source| source.source == *id);
            // The snapshots before hold what they were made with.
            let history = Arc::make_mut(history);
            (0..missed).for_each(|_| history.add(None));
            history.add(source.and_then(point));
        }
        self.histories.retain(|_, history| !history.is_blank());
    }

    /// What is kept; a copy shares it. [worker-thread]
    pub fn histories(&self) -> Histories {
        self.histories.clone()
    }
}

/// None where nothing comes.
fn point(source: &SourceView) -> Option<HistoryPoint> {
    let stages = source.stages.filter(|_| source.present)?;
    Some(HistoryPoint {
        stages_us: [
            stages.capture_block,
            stages.encode,
            stages.network.median,
            stages.playout.median,
            stages.output_block,
        ]
        .map(micros),
        jitter_us: micros(stages.network.p99.saturating_sub(stages.network.median)),
        depth_us: micros(source.depth),
        concealed_ppm: (source.loss.clamp(0.0, 1.0) * 1e6) as u32,
        drift_ppb: (source.drift_ppm * 1e3) as i32,
    })
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use backline_session::view::Route;
    use backline_session::{LatencyStages, Stage};
    use backline_wire::{InstanceId, ParticipantId};

    fn source(number: u8, network_ms: u64) -> SourceView {
        let ms = Duration::from_millis;
        let network = Stage { median: ms(network_ms), p99: ms(network_ms + 2) };
        let stages = LatencyStages { network, ..LatencyStages::default() };
        SourceView {
            source: SourceId { participant: ParticipantId([number; 32]), instance: InstanceId(1) },
            slot: Some(usize::from(number)),
            returned_by: Some(InstanceId(1)),
            participant_name: String::new(),
            source_name: String::new(),
            colour: [0; 3],
            present: true,
            is_mix: false,
            route: Route::Direct,
            encrypted: true,
            latency: None,
            stages: Some(stages),
            round_trip: None,
            hears_us_after: None,
            loss: 0.01,
            lost: 0.0,
            concealed_frames: 0,
            recovered_frames: 0,
            repaired: 0,
            depth: ms(3),
            drift_ppm: -1.5,
            encoding: String::new(),
            send: Default::default(),
        }
    }

    fn networks_ms(historian: &Historian, source: &SourceView) -> Vec<Option<u32>> {
        let histories = historian.histories();
        let points = histories.get(&source.source).map(|history| history.points.clone()).unwrap_or_default();
        points.into_iter().map(|point| point.map(|point| point.stages_us[2] / 1_000)).collect()
    }

    #[test]
    fn a_point_a_second_is_kept_for_three_minutes() {
        let (mut historian, start) = (Historian::default(), Instant::now());
        for tenth in 0..10 * 200 {
            let now = start + Duration::from_millis(100 * tenth);
            historian.note(now, &[source(1, tenth / 10)]);
        }
        let kept = networks_ms(&historian, &source(1, 0));
        assert_eq!(kept.len(), POINTS);
        assert_eq!((kept[0], kept[POINTS - 1]), (Some(20), Some(199)));
        let last = historian.histories().into_values().next().and_then(|history| history.points[POINTS - 1]);
        let expected = HistoryPoint {
            stages_us: [0, 0, 199_000, 0, 0],
            jitter_us: 2_000,
            depth_us: 3_000,
            concealed_ppm: 10_000,
            drift_ppb: -1_500,
        };
        assert_eq!(last, Some(expected));
    }

    #[test]
    fn a_gap_is_a_gap_and_who_is_gone_for_long_is_forgotten() {
        let (mut historian, start) = (Historian::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let (ada, away) = (source(1, 5), SourceView { present: false, ..source(1, 5) });
        historian.note(at(0), std::slice::from_ref(&ada));
        historian.note(at(3), std::slice::from_ref(&ada));
        historian.note(at(4), std::slice::from_ref(&away));
        assert_eq!(networks_ms(&historian, &ada), [Some(5), None, None, Some(5), None]);
        historian.note(at(5), &[]);
        assert_eq!(historian.histories().len(), 1);
        (6..200).for_each(|second| historian.note(at(second), &[]));
        assert!(historian.histories().is_empty());
    }

    #[test]
    fn however_many_come_and_go_no_more_is_kept_than_is_said() {
        let (mut historian, start) = (Historian::default(), Instant::now());
        for second in 0..250_u8 {
            historian.note(start + Duration::from_secs(second.into()), &[source(second, 5)]);
        }
        assert!(historian.histories().len() <= SOURCES);
        let points = historian.histories().values().map(|history| history.points.len()).max();
        assert!(points.is_some_and(|points| points <= POINTS));
    }
}
