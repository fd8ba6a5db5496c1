//! RTP timestamps, 32 bits that wrap, to one timeline of 64 bits.
//!
//! Order is by timestamp and never by sequence number: a packet may come over two paths.
//! Before it is the head of a packet; after it everything in the playout counts in 64 bits.

/// How far from the newest timestamp a packet may be, in ticks (2 s): farther is another timeline.
const NEAR_TICKS: i64 = 96_000;
/// So many packets in a row on another timeline, near each other, prove that the source jumped there.
const PROOF_PACKETS: u32 = 8;
/// Where a timeline begins, so that reordered packets before the first one stay above zero.
const ORIGIN: u64 = 1 << 32;

/// Where a packet's timestamp belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On the current timeline, at this tick.
    At(u64),
    /// Too far away to be this stream's; to be dropped.
    Stray,
    /// The source has moved to another timeline: everything older is void, and this is its first tick.
    Moved(u64),
}

/// Extends timestamps, and follows a source that jumps.
#[derive(Debug, Clone, Default)]
pub struct Extender {
    newest: Option<u64>,
    stray: Option<u32>,
    strays: u32,
}

impl Extender {
    /// Places one packet's timestamp.
    pub fn place(&mut self, timestamp: u32) -> Place {
        let Some(newest) = self.newest else {
            return Place::At(self.begin(timestamp));
        };
        let delta = i64::from(timestamp.wrapping_sub(newest as u32).cast_signed());
        if delta.abs() <= NEAR_TICKS {
            let at = newest.saturating_add_signed(delta);
            self.newest = Some(newest.max(at));
            self.stray = None;
            return Place::At(at);
        }
        if self.proves_a_jump(timestamp) { Place::Moved(self.begin(timestamp)) } else { Place::Stray }
    }

    fn begin(&mut self, timestamp: u32) -> u64 {
        let at = ORIGIN + u64::from(timestamp);
        *self = Self { newest: Some(at), stray: None, strays: 0 };
        at
    }

    fn proves_a_jump(&mut self, timestamp: u32) -> bool {
        let near = self
            .stray
            .is_some_and(|last| i64::from(timestamp.wrapping_sub(last).cast_signed()).abs() <= NEAR_TICKS);
        self.strays = if near { self.strays + 1 } else { 1 };
        self.stray = Some(timestamp);
        self.strays >= PROOF_PACKETS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_and_reorders() {
        let mut extender = Extender::default();
        let first = ORIGIN + u64::from(u32::MAX - 59);
        assert_eq!(extender.place(u32::MAX - 59), Place::At(first));
        assert_eq!(extender.place(60), Place::At(first + 120));
        assert_eq!(extender.place(0), Place::At(first + 60));
    }

    #[test]
    fn one_stray_is_dropped_and_a_jump_is_followed() {
        let mut extender = Extender::default();
        extender.place(1000);
        assert_eq!(extender.place(50_000_000), Place::Stray);
        assert_eq!(extender.place(1060), Place::At(ORIGIN + 1060));
        for step in 0..PROOF_PACKETS - 1 {
            assert_eq!(extender.place(90_000_000 + step * 60), Place::Stray);
        }
        assert_eq!(extender.place(90_000_420), Place::Moved(ORIGIN + 90_000_420));
        assert_eq!(extender.place(90_000_480), Place::At(ORIGIN + 90_000_480));
    }
}
