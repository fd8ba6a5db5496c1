//! Packets that were lost: asking for them where an answer is in time, and sending ours again to who asks.

use backline_wire::limits::MISSING_RUNS_MAX;
use backline_wire::{Feedback, Missing, MissingRun};

use super::*;
use crate::clock_offset::ClockOffset;
use crate::listening::RemoteSource;

impl Session {
    /// Asks for what is missing and can still be in time. Call it after packets and after playouts; cheap.
    pub fn ask_for_missing(&mut self, now: Instant) {
        let heard = |source: &&mut RemoteSource| source.present && source.owner.is_some();
        for source in self.listening.sources.values_mut().filter(heard) {
            let mut runs = Vec::new();
            source.playout.poll_missing(now, |timestamp, ticks| {
                if runs.len() < MISSING_RUNS_MAX {
                    runs.push(MissingRun { timestamp, ticks: u16::try_from(ticks).unwrap_or(u16::MAX) });
                }
            });
            if !runs.is_empty() {
                let straight = source.is_direct(now).then_some(source.peer);
                self.network.ask_again(now, straight, source.ssrc, &Missing { runs });
            }
        }
    }

    /// How long an answer takes, for each source.
    pub(super) fn measure_round_trips(&mut self, now: Instant) {
        for source in self.listening.sources.values_mut() {
            let clock = self.roster.clock(source.peer);
            let round_trip = clock.and_then(ClockOffset::shortest_round_trip);
            let straight = source.is_direct(now) && !source.is_forwarded(now);
            source.playout.set_round_trip(round_trip, straight);
            let offset_us = clock.and_then(ClockOffset::offset_us);
            if let Some((now_us, before_us)) = offset_us.zip(source.clock_offset_us) {
                source.stages.clock_moved(now_us - before_us);
            }
            source.clock_offset_us = offset_us;
        }
    }

    /// Somebody on a path misses packets of a stream, or tells how loud the sources of a mix are, or how late.
    pub(super) fn path_feeds_back(&mut self, now: Instant, key: LinkKey, about: Ssrc, bytes: &[u8]) {
        match Feedback::decode(bytes) {
            Ok(Feedback::Missing(missing)) => match self.publishing.of_stream(about) {
                Some(source) => source.sending.send_again(&mut self.network, key, &missing, now),
                None => tracing::debug!(?key, %about, "asked for a stream that is not ours"),
            },
            Ok(_) if self.network.uplink != Uplink::Path(key) || !self.listening.is_stream_of_mix(about) => {
                tracing::debug!(?key, %about, "of a mix that we do not hear");
            }
            Ok(Feedback::Levels(levels)) => self.listening.mix_levels.told(now, levels),
            Ok(Feedback::MixTimes(times)) => self.listening.mix_delays.told(&times),
            Err(error) => tracing::debug!(?key, %error, "feedback was dropped"),
        }
    }
}
