//! What one participant, and one address, may use of a server. Over it, what comes is dropped and counted; who stays over it is told, and
//! then leaves.
//!
//! A participant's datagrams are known by the address that their path has proven; all others are strangers', and share what their IP address has.
//! So whoever sends a flood from elsewhere takes nothing from people who are in. The step before is a datagram in `shard.rs` or a message in
//! `relay/incoming.rs`; the step after is the same.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use backline_transport::{Allowance, Rate};
use backline_wire::limits::{
    CHAT_LINES_PER_SECOND, PARTICIPANTS_MAX, SOURCES_PER_PARTICIPANT_MAX, TRANSPORT_MARKS_PER_SECOND,
};
use backline_wire::{Control, Limit};

use crate::counts::{Exceeded, OverLimitCounts};

/// What a server allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Datagrams a second from one participant.
    pub packets_per_second: f64,
    /// Bytes a second from one participant, without IP and UDP headers.
    pub bytes_in_per_second: f64,
    /// Bytes of media a second to one participant.
    pub bytes_out_per_second: f64,
    /// Control messages a second from one participant.
    pub control_per_second: f64,
    /// Attempts to join a minute from one IP address.
    pub joins_per_minute: f64,
    /// Datagrams a second from one IP address that belong to nobody who is in.
    pub stranger_packets_per_second: f64,
    /// Sources of one participant.
    pub sources: usize,
    /// Participants of one session.
    pub participants: usize,
}

impl Default for Limits {
    /// Three times what somebody with as many sources as there may be, of the shortest PCM frames, needs in a full session.
    fn default() -> Self {
        Self {
            packets_per_second: 20_000.0,
            bytes_in_per_second: 16_000_000.0,
            bytes_out_per_second: 40_000_000.0,
            control_per_second: 5_000.0,
            joins_per_minute: 60.0,
            stranger_packets_per_second: 200.0,
            sources: SOURCES_PER_PARTICIPANT_MAX,
            participants: PARTICIPANTS_MAX,
        }
    }
}

/// Who is over a limit so often, for so long, is disconnected.
const TOLERATED: Duration = Duration::from_secs(10);
/// Who was within all limits for so long has a clean record.
const FORGIVEN_AFTER: Duration = Duration::from_secs(5);
/// What is there at once: DAWs send in bursts, and networks hold packets back.
const BURST: Duration = Duration::from_secs(1);
/// Lines of the chat. They are counted as the control messages that they are.
const LINES: Rate = Rate { per_second: CHAT_LINES_PER_SECOND, burst: 2.0 * CHAT_LINES_PER_SECOND };
/// Words about a transport. They are counted as the control messages that they are.
const MARKS: Rate = Rate { per_second: TRANSPORT_MARKS_PER_SECOND, burst: 2.0 * TRANSPORT_MARKS_PER_SECOND };
/// Addresses whose attempts are remembered; beyond it those go first that have been quiet.
const ADDRESSES_MAX: usize = 4_096;

/// What has to be said to somebody who is over a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// Only what came is dropped: they know already.
    Dropped,
    /// For the first time: they are told how long they have.
    Told(Limit, Duration),
    /// They were told, and went on: they have to leave.
    Leaves(Limit),
}

/// What one participant has left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    packets: Allowance,
    bytes_in: Allowance,
    bytes_out: Allowance,
    control: Allowance,
    chat: Allowance,
    marks: Allowance,
    /// Since when they are over, and when they were last.
    over: Option<(Instant, Instant)>,
    /// What was dropped for it, in and out.
    pub dropped: OverLimitCounts,
}

impl Usage {
    pub fn new(limits: &Limits, now: Instant) -> Self {
        let full = |per_second| Allowance::full(rate(per_second), now);
        Self {
            packets: full(limits.packets_per_second),
            bytes_in: full(limits.bytes_in_per_second),
            bytes_out: full(limits.bytes_out_per_second),
            control: full(limits.control_per_second),
            chat: Allowance::full(LINES, now),
            marks: Allowance::full(MARKS, now),
            over: None,
            dropped: OverLimitCounts::default(),
        }
    }

    /// A datagram of so many bytes comes.
    pub fn datagram(&mut self, limits: &Limits, bytes: usize, now: Instant) -> Result<(), Over> {
        if !self.packets.spend(rate(limits.packets_per_second), 1.0, now) {
            return Err(self.over(Limit::Packets, now));
        }
        if !self.bytes_in.spend(rate(limits.bytes_in_per_second), bytes as f64, now) {
            return Err(self.over(Limit::BytesIn, now));
        }
        Ok(())
    }

    /// A control message comes; of those that go to everybody few are enough.
    pub fn control(&mut self, limits: &Limits, message: &Control, now: Instant) -> Result<(), Over> {
        let is_there = self.control.spend(rate(limits.control_per_second), 1.0, now)
            && match message {
                Control::Chat { .. } => self.chat.spend(LINES, 1.0, now),
                Control::Transport { .. } => self.marks.spend(MARKS, 1.0, now),
                _ => true,
            };
        if is_there { Ok(()) } else { Err(self.over(Limit::Control, now)) }
    }

    /// A packet of so many bytes would go to them. Nobody leaves for what others send.
    pub fn media_out(&mut self, limits: &Limits, bytes: usize, now: Instant) -> bool {
        let is_there = self.bytes_out.spend(rate(limits.bytes_out_per_second), bytes as f64, now);
        if !is_there {
            self.dropped.over(Exceeded::BytesOut);
        }
        is_there
    }

    fn over(&mut self, limit: Limit, now: Instant) -> Over {
        self.dropped.over(Exceeded::Sent(limit));
        let is_recent = |last: Instant| now.saturating_duration_since(last) < FORGIVEN_AFTER;
        match self.over.filter(|(_, last)| is_recent(*last)) {
            None => {
                self.over = Some((now, now));
                Over::Told(limit, TOLERATED)
            }
            Some((since, _)) => {
                self.over = Some((since, now));
                let is_long = now.saturating_duration_since(since) >= TOLERATED;
                if is_long { Over::Leaves(limit) } else { Over::Dropped }
            }
        }
    }
}

/// What people who are not in have left, by IP address.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    addresses: BTreeMap<IpAddr, Stranger>,
}

#[derive(Debug)]
struct Stranger {
    packets: Allowance,
    joins: Allowance,
}

impl Strangers {
    /// Of how many addresses something is remembered.
    pub fn len(&self) -> usize {
        self.addresses.len()
    }

    /// A datagram of somebody who is not in.
    pub fn datagram(&mut self, limits: &Limits, from: IpAddr, now: Instant) -> bool {
        let packets = rate(limits.stranger_packets_per_second);
        self.stranger(limits, from, now).is_none_or(|stranger| stranger.packets.spend(packets, 1.0, now))
    }

    /// Somebody begins to join.
    pub fn join(&mut self, limits: &Limits, from: IpAddr, now: Instant) -> bool {
        let joins = joins(limits);
        self.stranger(limits, from, now).is_some_and(|stranger| stranger.joins.spend(joins, 1.0, now))
    }

    /// None when so many others have come that nobody can be remembered.
    fn stranger(&mut self, limits: &Limits, from: IpAddr, now: Instant) -> Option<&mut Stranger> {
        if !self.addresses.contains_key(&from) && self.addresses.len() >= ADDRESSES_MAX {
            let packets = rate(limits.stranger_packets_per_second);
            self.addresses.retain(|_, stranger| {
                !(stranger.packets.is_full(packets, now) && stranger.joins.is_full(joins(limits), now))
            });
            if self.addresses.len() >= ADDRESSES_MAX {
                return None;
            }
        }
        Some(self.addresses.entry(from).or_insert_with(|| Stranger {
            packets: Allowance::full(rate(limits.stranger_packets_per_second), now),
            joins: Allowance::full(joins(limits), now),
        }))
    }
}

fn rate(per_second: f64) -> Rate {
    Rate::over(per_second, BURST)
}

fn joins(limits: &Limits) -> Rate {
    Rate { per_second: limits.joins_per_minute / 60.0, burst: limits.joins_per_minute.max(1.0) }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests may look at the clock")]
mod tests {
    use super::*;
    use backline_wire::{ChatLine, DocumentId, PeerId, Revision};

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> Limits {
        Limits { packets_per_second: 100.0, joins_per_minute: 6.0, ..Limits::default() }
    }

    #[test]
    fn who_floods_is_told_once_and_leaves_ten_seconds_later() {
        let (limits, start) = (limits(), Instant::now());
        let mut usage = Usage::new(&limits, start);
        let mut said = Vec::new();
        for millisecond in 0..12_000 {
            let now = start + Duration::from_millis(millisecond);
            match usage.datagram(&limits, 100, now) {
                Ok(()) | Err(Over::Dropped) => {}
                Err(over) => said.push((millisecond, over)),
            }
        }
        assert!(matches!(said.first(), Some((at, Over::Told(Limit::Packets, TOLERATED))) if *at < 200));
        assert!(matches!(said.get(1), Some((at, Over::Leaves(Limit::Packets))) if *at >= 10_000), "{said:?}");
    }

    #[test]
    fn a_burst_now_and_then_is_forgiven() {
        let (limits, start) = (limits(), Instant::now());
        let mut usage = Usage::new(&limits, start);
        for minute in 0..60 {
            for _ in 0..150 {
                let outcome = usage.datagram(&limits, 100, start + minute * 60 * SECOND);
                assert!(!matches!(outcome, Err(Over::Leaves(_))));
            }
        }
        assert!(usage.dropped.total() > 2_000, "all the same they are dropped");
    }

    #[test]
    fn a_flood_of_lines_is_limited_and_takes_nothing_from_other_messages() {
        let (limits, start) = (limits(), Instant::now());
        let mut usage = Usage::new(&limits, start);
        let line = Control::Chat { peer: PeerId(1), line: ChatLine::new("x").unwrap() };
        let other = Control::Follow { document: DocumentId([0; 16]), revision: Revision(0) };
        let taken = (0..1_000).filter(|_| usage.control(&limits, &line, start).is_ok()).count();
        assert_eq!(taken, 2 * CHAT_LINES_PER_SECOND as usize);
        assert_eq!(usage.control(&limits, &other, start), Ok(()));
        assert_eq!(usage.dropped.total(), 1_000 - taken as u64);
        let later = (0..600).filter(|tenth: &u32| {
            usage.control(&limits, &line, start + SECOND + *tenth * SECOND / 10).is_ok()
        });
        let expected = 61 * CHAT_LINES_PER_SECOND as usize;
        assert!(later.count().abs_diff(expected) < 3, "as many as people write");
    }

    #[test]
    fn an_address_may_try_so_often_and_others_as_well() {
        let (limits, start) = (limits(), Instant::now());
        let mut strangers = Strangers::default();
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let tries = |strangers: &mut Strangers, from, now| {
            (0..20).filter(|_| strangers.join(&limits, from, now)).count()
        };
        assert_eq!(tries(&mut strangers, one, start), 6);
        assert_eq!(tries(&mut strangers, other, start), 6);
        assert_eq!(tries(&mut strangers, one, start + 20 * SECOND), 2);
    }

    #[test]
    fn so_many_addresses_as_anybody_can_make_up_fill_nothing() {
        let (limits, start) = (limits(), Instant::now());
        let mut strangers = Strangers::default();
        for number in 0..100_000_u32 {
            let now = start + Duration::from_millis(u64::from(number));
            strangers.join(&limits, IpAddr::from(number.to_be_bytes()), now);
        }
        assert!(strangers.addresses.len() <= ADDRESSES_MAX);
        assert!(
            strangers.join(&limits, IpAddr::from([1; 4]), start + 300 * SECOND),
            "and somebody comes in later"
        );
    }
}
