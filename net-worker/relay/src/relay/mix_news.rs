//! What people are told of the sources in a mix: publishers once a second how they arrive, and listeners, who get all sources as one
//! stream, how loud each is, and how long after its capture it is there.
//!
//! The step before is `mixing.rs` (a tick, or upkeep); the step after is the publisher's [automatic](backline_media::Automatic), and
//! the listener's meters and latency.

use super::*;

/// As often as listeners tell publishers how they arrive.
const RECEPTION_INTERVAL: Duration = Duration::from_secs(1);
/// A meter that is looked at 20 times a second misses nothing.
const LEVEL_INTERVAL: Duration = Duration::from_millis(50);
/// A playout that gets to another depth takes longer than that.
const TIMES_INTERVAL: Duration = Duration::from_secs(1);

/// When what is told next.
pub(super) struct DueNews {
    reception_at: Instant,
    level_at: Instant,
    times_at: Instant,
}

impl DueNews {
    /// Nothing at once.
    pub fn new(now: Instant) -> Self {
        let (level_at, times_at) = (now + LEVEL_INTERVAL, now + LEVEL_INTERVAL);
        Self { reception_at: now + RECEPTION_INTERVAL, level_at, times_at }
    }

    /// Publishers should hear now; asked once.
    pub fn is_reception_due(&mut self, now: Instant) -> bool {
        take_due(&mut self.reception_at, now, RECEPTION_INTERVAL)
    }

    /// Listeners should hear now; asked once.
    pub fn is_level_due(&mut self, now: Instant) -> bool {
        take_due(&mut self.level_at, now, LEVEL_INTERVAL)
    }

    /// Listeners should hear when sources are in the mix; asked once.
    pub fn are_times_due(&mut self, now: Instant) -> bool {
        take_due(&mut self.times_at, now, TIMES_INTERVAL)
    }
}

fn take_due(at: &mut Instant, now: Instant, interval: Duration) -> bool {
    let is_due = *at <= now;
    if is_due {
        *at = now + interval;
    }
    is_due
}

impl Relay {
    /// In a mix the playouts here are who listens: their reports are the host's.
    pub(super) fn tell_publishers(&mut self, now: Instant) {
        for reception in self.mixing.take_receptions(now) {
            let Some(publisher) = self.members.publisher_of(reception.ssrc) else { continue };
            self.say(now, publisher, &Control::Reception { peer: PeerId::HOST, reception });
        }
    }

    /// The same for all: levels are those before anybody's fader.
    pub(super) fn tell_listeners(&mut self, now: Instant) {
        if let Some(levels) = self.mixing.take_levels(now) {
            self.feed_back_to_listeners(now, &levels.encode());
        }
        for times in self.mixing.take_times(now) {
            self.feed_back_to_listeners(now, &times.encode());
        }
    }

    fn feed_back_to_listeners(&mut self, now: Instant, bytes: &[u8]) {
        for (peer, member) in self.members.iter_mut() {
            let path = member.link.and_then(|link| self.links.get_to_send(link));
            let Some((path, ssrc)) = path.zip(member.mix_stream) else { continue };
            if let Err(error) = path.send_feedback(now, ssrc, bytes) {
                tracing::debug!(%peer, %error, "what is in the mix could not be told");
                self.stats.errors.error(Wrong::FeedbackNotSent);
                member.counts.errors.error(Wrong::FeedbackNotSent);
            }
        }
    }
}
