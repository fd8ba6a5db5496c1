//! A bounded pool of buffers for datagrams on their way to the system, used again and again.
//!
//! A [`Ticket`] stands for one buffer. It may be used until it is given back; whoever uses it, or gives it back, once more, gets an error, in every build: a
//! buffer's number of uses is part of its ticket. In debug builds a buffer that is given back is overwritten, and one that somebody has written to since is
//! found when it is taken. The step before and after is `outbound.rs`.

use thiserror::Error;

/// What a returned buffer is filled with in debug builds.
const POISON: u8 = 0xDB;

/// The right to use one buffer, until it is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    slot: u32,
    /// The how-manieth use of the buffer this is.
    uses: u32,
}

/// A buffer was not used as it may be: a bug of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Misuse {
    /// It has been given back before.
    #[error("a buffer was used, or given back, after it had been given back")]
    NotTaken,
}

/// What a pool counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// How many buffers there may be.
    pub buffers: u64,
    /// How many are in use.
    pub in_use: u64,
    /// How many were in use at the most.
    pub high_water: u64,
    /// How often one was taken.
    pub taken: u64,
    /// How often there was none.
    pub full: u64,
    /// How often one was used or given back that had been given back before, or written to afterwards.
    pub misused: u64,
}

impl PoolStats {
    /// Together with what another pool had counted, in whose place this one is.
    pub fn after(self, before: Self) -> Self {
        Self {
            high_water: self.high_water.max(before.high_water),
            taken: self.taken + before.taken,
            full: self.full + before.full,
            misused: self.misused + before.misused,
            ..self
        }
    }
}

/// Buffers.
pub struct Pool {
    slots: Vec<Slot>,
    free: Vec<u32>,
    buffers_max: usize,
    stats: PoolStats,
}

struct Slot {
    buffer: Vec<u8>,
    uses: u32,
    is_taken: bool,
}

impl Pool {
    /// Of at most so many buffers. Each is made when it is wanted for the first time, and then stays.
    pub fn new(buffers_max: usize) -> Self {
        let buffers_max = buffers_max.min(u32::MAX as usize);
        Self {
            slots: Vec::with_capacity(buffers_max),
            free: Vec::with_capacity(buffers_max),
            buffers_max,
            stats: PoolStats { buffers: buffers_max as u64, ..PoolStats::default() },
        }
    }

    /// An empty buffer; none when all are in use.
    pub fn take(&mut self) -> Option<Ticket> {
        let Some(slot) = self.free.pop().or_else(|| self.grow()) else {
            self.stats.full += 1;
            return None;
        };
        let Slot { buffer, uses, is_taken } = self.slots.get_mut(slot as usize)?;
        if cfg!(debug_assertions) && buffer.iter().any(|byte| *byte != POISON) {
            self.stats.misused += 1;
            tracing::error!(slot, "a buffer was written to after it had been given back");
        }
        buffer.clear();
        *is_taken = true;
        self.stats.taken += 1;
        self.stats.in_use += 1;
        self.stats.high_water = self.stats.high_water.max(self.stats.in_use);
        Some(Ticket { slot, uses: *uses })
    }

    /// What is in a buffer.
    ///
    /// # Errors
    /// [`Misuse`] when it was given back.
    pub fn get(&self, ticket: Ticket) -> Result<&[u8], Misuse> {
        match self.slots.get(ticket.slot as usize) {
            Some(slot) if slot.is_of(ticket) => Ok(&slot.buffer),
            _ => Err(Misuse::NotTaken),
        }
    }

    /// A buffer, to be written to. (Another vector may be put in its place: the pool keeps that one then.)
    ///
    /// # Errors
    /// [`Misuse`] when it was given back; counted.
    pub fn get_mut(&mut self, ticket: Ticket) -> Result<&mut Vec<u8>, Misuse> {
        match self.slots.get_mut(ticket.slot as usize) {
            Some(slot) if slot.is_of(ticket) => Ok(&mut slot.buffer),
            _ => {
                self.stats.misused += 1;
                Err(Misuse::NotTaken)
            }
        }
    }

    /// Gives a buffer back.
    ///
    /// # Errors
    /// [`Misuse`] when it was given back before; counted.
    pub fn give_back(&mut self, ticket: Ticket) -> Result<(), Misuse> {
        let Some(slot) = self.slots.get_mut(ticket.slot as usize).filter(|slot| slot.is_of(ticket)) else {
            self.stats.misused += 1;
            tracing::error!(?ticket, "a buffer was given back twice");
            return Err(Misuse::NotTaken);
        };
        slot.is_taken = false;
        slot.uses = slot.uses.wrapping_add(1);
        if cfg!(debug_assertions) {
            slot.buffer.fill(POISON);
        }
        self.free.push(ticket.slot);
        self.stats.in_use -= 1;
        Ok(())
    }

    /// Lets somebody fill a buffer. What they answer with comes back with the ticket; where they have nothing, or fail by a panic, the buffer has been given
    /// back before anybody hears of it. None when they had nothing, or all buffers are in use.
    pub fn fill<T>(&mut self, fill: impl FnOnce(&mut Vec<u8>) -> Option<T>) -> Option<(T, Ticket)> {
        let ticket = self.take()?;
        let mut lent = Lent { pool: self, ticket, is_kept: false };
        let outcome = lent.pool.get_mut(ticket).ok().and_then(fill)?;
        lent.is_kept = true;
        drop(lent);
        Some((outcome, ticket))
    }

    /// Whether all are in use.
    pub fn is_full(&self) -> bool {
        self.free.is_empty() && self.slots.len() >= self.buffers_max
    }

    /// Somebody found it full without asking for a buffer.
    pub fn count_full(&mut self) {
        self.stats.full += 1;
    }

    /// What was counted.
    pub fn stats(&self) -> PoolStats {
        self.stats
    }

    fn grow(&mut self) -> Option<u32> {
        if self.slots.len() >= self.buffers_max {
            return None;
        }
        self.slots.push(Slot { buffer: Vec::new(), uses: 0, is_taken: false });
        Some(self.slots.len() as u32 - 1)
    }
}

impl Slot {
    fn is_of(&self, ticket: Ticket) -> bool {
        self.is_taken && self.uses == ticket.uses
    }
}

/// Gives the buffer back unless it is kept, also where the one who fills it panics.
struct Lent<'a> {
    pool: &'a mut Pool,
    ticket: Ticket,
    is_kept: bool,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            // It was taken just before, and nobody else has its ticket.
            let _ = self.pool.give_back(self.ticket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn what_was_given_back_is_nobodys() {
        let mut pool = Pool::new(2);
        let ticket = pool.take().unwrap();
        pool.get_mut(ticket).unwrap().extend_from_slice(b"music");
        assert_eq!(pool.get(ticket), Ok(&b"music"[..]));
        assert_eq!(pool.give_back(ticket), Ok(()));
        assert_eq!(pool.get(ticket), Err(Misuse::NotTaken));
        assert_eq!(pool.get_mut(ticket), Err(Misuse::NotTaken));
        assert_eq!(pool.give_back(ticket), Err(Misuse::NotTaken));
        let again = pool.take().unwrap();
        assert_eq!(pool.get(again), Ok(&b""[..]), "the same buffer, empty");
        assert_eq!(pool.give_back(ticket), Err(Misuse::NotTaken), "an old ticket is not the new one");
        assert_eq!((pool.stats().misused, pool.stats().in_use), (3, 1));
    }

    #[test]
    #[cfg(debug_assertions)]
    fn who_writes_to_a_buffer_that_was_given_back_is_found() {
        let mut pool = Pool::new(1);
        let ticket = pool.take().unwrap();
        pool.get_mut(ticket).unwrap().extend_from_slice(b"music");
        pool.give_back(ticket).unwrap();
        assert!(pool.slots[0].buffer.iter().all(|byte| *byte == POISON), "nobody reads old music from it");
        pool.slots[0].buffer[2] = 0;
        pool.take().unwrap();
        assert_eq!(pool.stats().misused, 1);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Fill(u8),
        FillNothing,
        FillPanics,
        GiveBack(usize),
        GiveBackAgain(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => any::<u8>().prop_map(Step::Fill),
            1 => Just(Step::FillNothing),
            1 => Just(Step::FillPanics),
            3 => any::<usize>().prop_map(Step::GiveBack),
            1 => any::<usize>().prop_map(Step::GiveBackAgain),
        ];
        proptest::collection::vec(step, 0..200)
    }

    proptest! {
        #[test]
        fn nothing_leaks_whatever_happens(steps in steps()) {
            const BUFFERS: usize = 8;
            let mut pool = Pool::new(BUFFERS);
            let (mut held, mut old, mut misused) = (Vec::new(), Vec::new(), 0);
            for step in steps {
                match step {
                    Step::Fill(byte) => match pool.fill(|buffer| { buffer.push(byte); Some(byte) }) {
                        Some(filled) => held.push(filled),
                        None => prop_assert_eq!(held.len(), BUFFERS),
                    },
                    Step::FillNothing => prop_assert!(pool.fill(|_| None::<u8>).is_none()),
                    Step::FillPanics => {
                        let failed = catch_unwind(AssertUnwindSafe(|| {
                            pool.fill(|buffer| -> Option<u8> { buffer.push(1); std::panic::resume_unwind(Box::new(())) })
                        }));
                        prop_assert!(failed.is_err() || held.len() == BUFFERS);
                    }
                    Step::GiveBack(which) if !held.is_empty() => {
                        let (byte, ticket): (u8, Ticket) = held.swap_remove(which % held.len());
                        prop_assert_eq!(pool.get(ticket), Ok(&[byte][..]));
                        prop_assert_eq!(pool.give_back(ticket), Ok(()));
                        old.push(ticket);
                    }
                    Step::GiveBackAgain(which) if !old.is_empty() => {
                        misused += 1;
                        prop_assert_eq!(pool.give_back(old[which % old.len()]), Err(Misuse::NotTaken));
                    }
                    Step::GiveBack(_) | Step::GiveBackAgain(_) => {}
                }
                prop_assert_eq!(pool.stats().in_use, held.len() as u64);
                prop_assert_eq!(pool.is_full(), held.len() == BUFFERS);
            }
            for (byte, ticket) in held {
                prop_assert_eq!(pool.get(ticket), Ok(&[byte][..]), "nobody else has written to it");
                pool.give_back(ticket).unwrap();
            }
            let stats = pool.stats();
            prop_assert_eq!((stats.in_use, stats.misused), (0, misused));
            prop_assert!(stats.high_water <= BUFFERS as u64);
        }
    }
}
