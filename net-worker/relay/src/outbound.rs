//! Datagrams between the shard and the system: gathered into the buffers of a [`Pool`], sent many at a time, given back.
//!
//! It is bounded: where the system takes nothing for a while, the oldest media goes first, and is counted; what keeps paths alive stays as long as there is room. The
//! step before is [`crate::Shard::poll_transmit`], the step after is the port.

use std::collections::VecDeque;
use std::net::SocketAddr;

use backline_transport::Transmit;
use backline_transport::demux::{self, Datagram};

use crate::pool::{Pool, PoolStats, Ticket};

/// Buffers of one shard.
const BUFFERS_MAX: usize = 1_024;
/// Datagrams that are gathered before the system is asked to take them. The rest of the buffers is for times when it does not.
const GATHERED_MAX: usize = 256;
/// So many of the oldest are looked through for media to drop, when there is no room.
const DROPPED_AT_ONCE: usize = BUFFERS_MAX / 8;
const _: () = assert!(GATHERED_MAX < BUFFERS_MAX && DROPPED_AT_ONCE > 0);

/// Datagrams that wait for the system, oldest first.
pub struct Outbound {
    pool: Pool,
    waiting: VecDeque<(Transmit, Ticket)>,
    dropped: u64,
}

impl Outbound {
    /// With nothing in it.
    pub fn new() -> Self {
        Self { pool: Pool::new(BUFFERS_MAX), waiting: VecDeque::with_capacity(BUFFERS_MAX), dropped: 0 }
    }

    /// Takes in what `poll` gives, up to as much as should be sent at once. True when there may be more.
    pub fn gather(&mut self, mut poll: impl FnMut(&mut Vec<u8>) -> Option<Transmit>) -> bool {
        if self.pool.is_full() {
            self.pool.count_full();
            self.drop_oldest();
        }
        for _ in 0..GATHERED_MAX {
            if self.pool.is_full() {
                return true;
            }
            let Some(queued) = self.pool.fill(&mut poll) else { return false };
            self.put(queued);
        }
        true
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The `number`th of those that wait, and where it goes; nothing to nobody beyond the last.
    pub fn datagram(&self, number: usize) -> (SocketAddr, &[u8]) {
        let nobody = SocketAddr::from(([0; 4], 0));
        self.waiting.get(number).map_or((nobody, &[][..]), |(head, ticket)| {
            (head.destination, self.pool.get(*ticket).unwrap_or_default())
        })
    }

    /// The system has taken, or refused for ever, so many of the oldest.
    pub fn done(&mut self, count: usize) {
        for (_, ticket) in self.waiting.drain(..count.min(self.waiting.len())) {
            // The pool counts what cannot be.
            let _ = self.pool.give_back(ticket);
        }
    }

    /// Of the buffers.
    pub fn pool(&self) -> PoolStats {
        self.pool.stats()
    }

    /// Datagrams that were dropped since the system took none.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Of two datagrams to one address the longer goes first, where they are of different streams: the system takes them as one message then.
    fn put(&mut self, (head, ticket): (Transmit, Ticket)) {
        let goes_before = |(last, of_last): &(Transmit, Ticket)| {
            let bytes = |ticket: Ticket| self.pool.get(ticket).unwrap_or_default();
            let (new, old) = (bytes(ticket), bytes(*of_last));
            let streams = (demux::classify(new), demux::classify(old));
            let differ =
                matches!(streams, (Datagram::Rtp { ssrc: new }, Datagram::Rtp { ssrc: old }) if new != old);
            last.destination == head.destination && new.len() > old.len() && differ
        };
        let before_last = self.waiting.back().is_some_and(goes_before);
        let at = self.waiting.len() - usize::from(before_last);
        self.waiting.insert(at, (head, ticket));
    }

    /// Makes room: the media among the oldest goes; where there is none among them, the oldest of all.
    fn drop_oldest(&mut self) {
        let oldest = DROPPED_AT_ONCE.min(self.waiting.len());
        let Self { pool, waiting, dropped } = self;
        let is_media = |ticket: &Ticket| {
            pool.get(*ticket).is_ok_and(|bytes| matches!(demux::classify(bytes), Datagram::Rtp { .. }))
        };
        let (media, others): (Vec<_>, Vec<_>) =
            waiting.drain(..oldest).partition(|(_, ticket)| is_media(ticket));
        let (gone, kept) = if media.is_empty() { (others, media) } else { (media, others) };
        kept.into_iter().rev().for_each(|queued| waiting.push_front(queued));
        *dropped += gone.len() as u64;
        for (_, ticket) in gone {
            // The pool counts what cannot be.
            let _ = pool.give_back(ticket);
        }
    }
}

impl Default for Outbound {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD_OF_RTP: [u8; 12] = [0x80, 111, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];

    fn head(port: u16) -> Transmit {
        let at = SocketAddr::from(([127, 0, 0, 1], port));
        Transmit { destination: at, source: at }
    }

    /// Gives so many datagrams, each to a port of its own.
    fn source(count: u16, bytes: &'static [u8]) -> impl FnMut(&mut Vec<u8>) -> Option<Transmit> {
        let mut next = 0;
        move |buffer| {
            buffer.extend_from_slice(bytes);
            next += 1;
            (next <= count).then(|| head(next))
        }
    }

    #[test]
    fn all_are_sent_in_order_and_every_buffer_comes_back() {
        let mut outbound = Outbound::new();
        let mut poll = source(600, &HEAD_OF_RTP);
        let mut sent = Vec::new();
        loop {
            let more = outbound.gather(&mut poll);
            sent.extend((0..outbound.len()).map(|number| outbound.datagram(number).0.port()));
            outbound.done(outbound.len());
            if !more {
                break;
            }
        }
        assert!(sent.into_iter().eq(1..=600));
        let pool = outbound.pool();
        assert_eq!((pool.in_use, pool.misused, pool.high_water), (0, 0, GATHERED_MAX as u64));
    }

    #[test]
    fn the_longer_goes_first_to_one_address_but_never_within_a_stream() {
        let order = |list: &'static [(u16, u8, usize)]| {
            let mut outbound = Outbound::new();
            let mut next = list.iter();
            outbound.gather(|buffer| {
                let (port, ssrc, bytes) = next.next()?;
                buffer.extend_from_slice(&HEAD_OF_RTP);
                buffer[11] = *ssrc;
                buffer.resize(*bytes, 0);
                Some(head(*port))
            });
            (0..outbound.len()).map(|number| outbound.datagram(number).1.len()).collect::<Vec<_>>()
        };
        assert_eq!(order(&[(1, 1, 100), (1, 2, 120), (2, 1, 130)]), [120, 100, 130]);
        assert_eq!(order(&[(1, 1, 100), (1, 1, 120)]), [100, 120]);
        assert_eq!(order(&[(1, 1, 100), (2, 2, 120)]), [100, 120]);
    }

    #[test]
    fn where_the_system_takes_nothing_the_oldest_media_goes_and_the_rest_stays() {
        let mut outbound = Outbound::new();
        assert!(!outbound.gather(source(1, &[0, 1, 0, 0])), "a check");
        let mut poll = source(5_000, &HEAD_OF_RTP);
        while outbound.gather(&mut poll) {
            assert!(outbound.len() <= BUFFERS_MAX);
        }
        assert_eq!(outbound.datagram(0).1, [0, 1, 0, 0], "what keeps the path alive");
        assert_eq!(outbound.dropped() + outbound.len() as u64, 5_001);
        let ports: Vec<u16> = (1..outbound.len()).map(|number| outbound.datagram(number).0.port()).collect();
        assert!(ports.is_sorted() && ports.last() == Some(&5_000), "the latest is there");
        outbound.done(usize::MAX);
        assert_eq!((outbound.pool().in_use, outbound.pool().misused), (0, 0));
        assert!(outbound.pool().full >= 1);
    }

    #[test]
    fn who_fails_while_it_gives_a_datagram_keeps_no_buffer() {
        let mut outbound = Outbound::new();
        outbound.gather(source(3, &HEAD_OF_RTP));
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            outbound.gather(|_| -> Option<Transmit> { std::panic::resume_unwind(Box::new(())) })
        }));
        assert!(failed.is_err());
        assert_eq!((outbound.len(), outbound.pool().in_use), (3, 3));
    }
}
