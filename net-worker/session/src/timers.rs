//! When a session does something without being asked.

use std::time::{Duration, Instant};

/// Deadlines of a [`crate::Session`], each with its period; the table is the whole of its time-driven policy
/// (paths have their own).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// Calls, direct paths, forwarding, figures.
    Upkeep,
    /// Pings to everybody.
    Ping,
    /// Reports to those who are heard.
    Report,
}

impl Timer {
    pub(crate) const ALL: [Timer; 3] = [Timer::Upkeep, Timer::Ping, Timer::Report];

    pub(crate) const fn period(self) -> Duration {
        Duration::from_millis(match self {
            Timer::Upkeep => 100,
            Timer::Ping => 400,
            Timer::Report => 1_000,
        })
    }
}

/// When each timer fires next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timers([Instant; Timer::ALL.len()]);

impl Timers {
    pub fn new(now: Instant) -> Self {
        Self([now; Timer::ALL.len()])
    }

    /// The next timer that is due, wound up again.
    pub fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let timer = Timer::ALL.into_iter().find(|timer| self.0[*timer as usize] <= now)?;
        self.0[timer as usize] = now + timer.period();
        Some(timer)
    }

    /// The earliest deadline, and what it is for.
    pub fn next(&self) -> (Instant, Timer) {
        let first = (self.0[Timer::Upkeep as usize], Timer::Upkeep);
        let others = Timer::ALL.into_iter().map(|timer| (self.0[timer as usize], timer));
        others.fold(first, |earliest, one| if one.0 < earliest.0 { one } else { earliest })
    }
}
