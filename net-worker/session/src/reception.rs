//! How one source arrives, as its sender is told once a second.
//!
//! The step before is the playout's counts and the [queueing](crate::Queueing), of a listener or of a relay that mixes; the step
//! after is `Control::Reception`, by which the sender's [automatic](backline_media::Automatic) decides.

use backline_media::{Operation, PlayoutState, PlayoutStats};
use backline_wire::{Reception, Ssrc};
use std::time::Duration;

/// So near to the ceiling the depth counts as there.
const AT_CEILING: f64 = 0.9;

/// What was told last.
#[derive(Debug, Default)]
pub struct ReceptionMeter {
    received: u64,
    lost: u64,
    made_up_frames: u64,
    played_frames: u64,
    queueing_us: Option<u32>,
}

impl ReceptionMeter {
    /// What has happened since the last call; none while nothing is played. `ceiling` is the most that the playout may hold back, `latency`
    /// how long after its capture the source is heard, where that is known.
    pub fn report(
        &mut self,
        ssrc: Ssrc,
        stats: &PlayoutStats,
        ceiling: Duration,
        queueing_us: Option<u32>,
        latency: Option<Duration>,
    ) -> Option<Reception> {
        let silent = stats.tally.frames(Operation::Silence);
        let all = Operation::ALL.iter().map(|operation| stats.tally.frames(*operation)).sum::<u64>();
        let since = |now: u64, before: &mut u64| now.saturating_sub(std::mem::replace(before, now));
        let received = since(stats.received, &mut self.received);
        let lost = since(stats.lost_packets, &mut self.lost);
        let made_up = since(stats.concealed_frames(), &mut self.made_up_frames);
        let played = since(all - silent, &mut self.played_frames);
        let before_us = std::mem::replace(&mut self.queueing_us, queueing_us);
        let is_heard = matches!(stats.state, PlayoutState::Playing | PlayoutState::Concealing) && played > 0;
        let queueing_us = queueing_us.filter(|_| is_heard)?;
        let change = i64::from(queueing_us) - i64::from(before_us.unwrap_or(queueing_us));
        Some(Reception {
            ssrc,
            lost: per_ten_thousand(lost, lost + received),
            made_up: per_ten_thousand(made_up, played),
            queueing_us,
            queueing_change_us: i32::try_from(change).unwrap_or(i32::MAX),
            at_ceiling: stats.target.as_secs_f64() >= AT_CEILING * ceiling.as_secs_f64(),
            latency_us: latency.and_then(|latency| u32::try_from(latency.as_micros()).ok()),
        })
    }
}

fn per_ten_thousand(part: u64, whole: u64) -> u16 {
    (10_000 * part / whole.max(1)).min(10_000) as u16
}
