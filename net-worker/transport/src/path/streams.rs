//! Streams of one path: which are expected, which are open, their sequence numbers, and what reports say of them.
//!
//! It is plain bookkeeping: [`super::media`], the step before and after, encrypts and sends. Nothing is forgotten of a stream
//! that was ever here, because a sequence number that comes twice is a replay at the receiver (RFC 3711 section 3.3.2) and
//! gives the key away at the sender (RFC 7714 section 8.1).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use backline_wire::Ssrc;
use backline_wire::limits::{NETWORK_RATE_HZ, STREAMS_PER_PATH_MAX};

use super::PathError;
use crate::rtcp::{ReportBlock, SenderInfo};
use crate::srtp::ReplayWindow;

#[derive(Default)]
pub(super) struct Streams {
    incoming: BTreeMap<Ssrc, Incoming>,
    outgoing: BTreeMap<Ssrc, Outgoing>,
}

impl Streams {
    pub(super) fn expect(&mut self, ssrc: Ssrc) -> Result<(), PathError> {
        let expected = self.incoming.values().filter(|stream| stream.is_expected).count();
        let stream = admit(&mut self.incoming, ssrc, expected, |stream| stream.is_expected)?;
        stream.is_expected = true;
        Ok(())
    }

    pub(super) fn forget(&mut self, ssrc: Ssrc) {
        if let Some(stream) = self.incoming.get_mut(&ssrc) {
            stream.is_expected = false;
        }
    }

    pub(super) fn open(&mut self, ssrc: Ssrc) -> Result<(), PathError> {
        let open = self.outgoing.values().filter(|stream| stream.is_open).count();
        let stream = admit(&mut self.outgoing, ssrc, open, |stream| stream.is_open)?;
        stream.is_open = true;
        Ok(())
    }

    pub(super) fn close(&mut self, ssrc: Ssrc) {
        if let Some(stream) = self.outgoing.get_mut(&ssrc) {
            stream.is_open = false;
        }
    }

    pub(super) fn is_expected(&self, ssrc: Ssrc) -> bool {
        self.incoming.get(&ssrc).is_some_and(|stream| stream.is_expected)
    }

    /// A stream that is expected.
    pub(super) fn incoming(&mut self, ssrc: Ssrc) -> Option<&mut Incoming> {
        self.incoming.get_mut(&ssrc).filter(|stream| stream.is_expected)
    }

    /// A stream that is open.
    pub(super) fn outgoing(&mut self, ssrc: Ssrc) -> Option<&mut Outgoing> {
        self.outgoing.get_mut(&ssrc).filter(|stream| stream.is_open)
    }

    /// What to say of the streams that were heard since this was asked before.
    pub(super) fn reception(&mut self) -> Vec<ReportBlock> {
        self.incoming.iter_mut().filter_map(|(ssrc, stream)| stream.report(*ssrc)).collect()
    }

    /// What to say of the streams that were sent since this was asked before.
    pub(super) fn sent(&mut self, now: Instant, uptime: Duration) -> Vec<SenderInfo> {
        self.outgoing.iter_mut().filter_map(|(ssrc, stream)| stream.report(*ssrc, now, uptime)).collect()
    }
}

/// The stream of that name, if it is among those already or there is room for one more.
fn admit<S: Default>(
    streams: &mut BTreeMap<Ssrc, S>,
    ssrc: Ssrc,
    in_use: usize,
    is_in_use: impl Fn(&S) -> bool,
) -> Result<&mut S, PathError> {
    let known = streams.get(&ssrc);
    let has_room = in_use < STREAMS_PER_PATH_MAX && (known.is_some() || streams.len() < STREAMS_EVER_MAX);
    if ssrc.0 == 0 || !(has_room || known.is_some_and(is_in_use)) {
        return Err(PathError::TooManyStreams);
    }
    Ok(streams.entry(ssrc).or_default())
}

/// One stream that the peer sends.
#[derive(Default)]
pub(super) struct Incoming {
    is_expected: bool,
    window: ReplayWindow,
    first: Option<u64>,
    received: u64,
    /// Packets that should have come, and that did, at the last report.
    reported: (u64, u64),
    transit: Option<u32>,
    /// In sixteenths of a tick.
    jitter: u32,
}

impl Incoming {
    /// Which packet that is; `None` when it came before, or is too old to be known.
    pub(super) fn fresh_index(&self, sequence: u16) -> Option<u64> {
        let index = self.window.index_of(sequence);
        self.window.is_fresh(index).then_some(index)
    }

    /// Remembers an authentic packet that came `since_start` after the path was made. How many more packets should have come than was known before.
    pub(super) fn accept(&mut self, index: u64, timestamp: u32, since_start: Duration) -> u64 {
        let highest = self.window.highest();
        self.window.accept(index);
        self.first.get_or_insert(index);
        self.received += 1;
        // RFC 3550 appendix A.8.
        let transit = ticks(since_start).wrapping_sub(timestamp);
        let before = self.transit.replace(transit).unwrap_or(transit);
        let change = (transit.wrapping_sub(before) as i32).unsigned_abs();
        self.jitter = self.jitter.saturating_add(change).saturating_sub((self.jitter + 8) >> 4);
        highest.map_or(1, |highest| index.saturating_sub(highest))
    }

    fn report(&mut self, ssrc: Ssrc) -> Option<ReportBlock> {
        let highest = self.window.highest()?;
        let expected = (highest + 1).saturating_sub(self.first.unwrap_or(highest));
        let (expected_before, received_before) =
            std::mem::replace(&mut self.reported, (expected, self.received));
        if self.received == received_before {
            return None;
        }
        let lost = expected as i64 - self.received as i64;
        let lost_since = lost - (expected_before as i64 - received_before as i64);
        let expected_since = (expected - expected_before).max(1);
        Some(ReportBlock {
            ssrc,
            fraction_lost: (lost_since.max(0) * 256 / expected_since as i64).min(255) as u8,
            lost: lost.clamp(i32::MIN.into(), i32::MAX.into()) as i32,
            highest: highest as u32,
            jitter: self.jitter >> 4,
        })
    }
}

/// One stream that we send.
pub(super) struct Outgoing {
    is_open: bool,
    next: u64,
    packets: u32,
    octets: u32,
    reported: u32,
    /// Of the last packet: when, and its place on the stream's clock.
    last: Option<(Instant, u32)>,
}

impl Default for Outgoing {
    fn default() -> Self {
        Outgoing { is_open: false, next: FIRST_INDEX, packets: 0, octets: 0, reported: 0, last: None }
    }
}

impl Outgoing {
    /// The index of one more packet: never the same again. 48 bits of them last longer than anybody plays.
    pub(super) fn next_index(&mut self, now: Instant, timestamp: u32, payload_bytes: usize) -> u64 {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload_bytes as u32);
        self.last = Some((now, timestamp));
        self.next += 1;
        self.next - 1
    }

    fn report(&mut self, ssrc: Ssrc, now: Instant, uptime: Duration) -> Option<SenderInfo> {
        let (at, timestamp) = self.last.filter(|_| self.packets != self.reported)?;
        self.reported = self.packets;
        let since = ticks(now.saturating_duration_since(at));
        let fraction = (u64::from(uptime.subsec_nanos()) << 32) / 1_000_000_000;
        Some(SenderInfo {
            ssrc,
            uptime: uptime.as_secs() << 32 | fraction,
            timestamp: timestamp.wrapping_add(since),
            packets: self.packets,
            octets: self.octets,
        })
    }
}

/// On the clock of every stream; wraps as that does.
fn ticks(time: Duration) -> u32 {
    (time.as_micros() * u128::from(NETWORK_RATE_HZ) / 1_000_000) as u32
}

/// Small, so that the receiver's idea of the rollover counter (zero) is right.
const FIRST_INDEX: u64 = 1;
/// Streams that a path remembers in each direction. A session gives out few; who wants more begins a new path.
const STREAMS_EVER_MAX: usize = 32 * STREAMS_PER_PATH_MAX;

#[cfg(test)]
mod tests {
    use super::*;

    const SSRC: Ssrc = Ssrc(7);

    fn streams() -> Streams {
        let mut streams = Streams::default();
        streams.expect(SSRC).expect("room");
        streams
    }

    #[test]
    fn reports_say_what_was_lost_since_the_one_before() {
        let mut streams = streams();
        let stream = streams.incoming(SSRC).expect("expected");
        for index in (1..=100_u64).filter(|index| !index.is_multiple_of(4)) {
            stream.accept(index, index as u32 * 480, Duration::from_millis(10 * index));
        }
        // The hundredth is missing, so 99 were to come.
        let block = streams.reception()[0];
        assert_eq!((block.highest, block.lost, block.jitter), (99, 24, 0));
        assert_eq!(block.fraction_lost, (24 * 256 / 99) as u8);
        assert!(streams.reception().is_empty(), "nothing came since");
        let stream = streams.incoming(SSRC).expect("expected");
        for index in 100..=199 {
            stream.accept(index, 0, Duration::ZERO);
        }
        let block = streams.reception()[0];
        assert_eq!((block.fraction_lost, block.lost), (0, 24));
    }

    #[test]
    fn jitter_is_that_of_the_rfc() {
        let mut streams = streams();
        let stream = streams.incoming(SSRC).expect("expected");
        // Each second packet is 10 ms (480 ticks) late: the estimate goes towards 480.
        for index in 1..=400_u64 {
            let late = Duration::from_millis(10 * (index % 2));
            stream.accept(index, index as u32 * 480, Duration::from_millis(10 * index) + late);
        }
        let jitter = streams.reception()[0].jitter;
        assert!((470..=480).contains(&jitter), "{jitter}");
    }

    #[test]
    fn a_stream_goes_on_where_it_was() {
        let mut streams = streams();
        streams.open(SSRC).expect("room");
        #[allow(clippy::disallowed_methods, reason = "an Instant has no other constructor")]
        let now = Instant::now();
        let next = |streams: &mut Streams| streams.outgoing(SSRC).map(|stream| stream.next_index(now, 0, 10));
        assert_eq!([next(&mut streams), next(&mut streams)], [Some(1), Some(2)]);
        streams.close(SSRC);
        assert_eq!(next(&mut streams), None);
        streams.open(SSRC).expect("room");
        assert_eq!(next(&mut streams), Some(3));
        let info = streams.sent(now + Duration::from_secs(1), Duration::from_millis(2500))[0];
        let uptime = (2 << 32) + (1 << 31);
        let expected = SenderInfo { ssrc: SSRC, uptime, timestamp: 48_000, packets: 3, octets: 30 };
        assert_eq!(info, expected);
        assert!(streams.sent(now, Duration::ZERO).is_empty());

        streams.incoming(SSRC).expect("expected").accept(70_000, 0, Duration::ZERO);
        streams.forget(SSRC);
        assert!(!streams.is_expected(SSRC) && streams.incoming(SSRC).is_none());
        streams.expect(SSRC).expect("room");
        let stream = streams.incoming(SSRC).expect("expected");
        assert_eq!((stream.fresh_index(4464), stream.fresh_index(4465)), (None, Some(70_001)));
    }

    #[test]
    fn no_more_streams_than_allowed_at_a_time_and_ever() {
        let mut streams = Streams::default();
        for number in 1..=STREAMS_EVER_MAX as u32 {
            streams.open(Ssrc(number)).expect("room");
            assert_eq!(streams.open(Ssrc(number)), Ok(()), "twice is once");
            if number >= STREAMS_PER_PATH_MAX as u32 {
                assert_eq!(streams.open(Ssrc(u32::MAX)), Err(PathError::TooManyStreams));
                streams.close(Ssrc(number));
            }
        }
        assert_eq!(streams.open(Ssrc(u32::MAX)), Err(PathError::TooManyStreams));
        assert_eq!(streams.open(Ssrc(STREAMS_EVER_MAX as u32)), Ok(()), "one that was here before");
        assert_eq!(streams.expect(Ssrc(0)), Err(PathError::TooManyStreams));
    }
}
