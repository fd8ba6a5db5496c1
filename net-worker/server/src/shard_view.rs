//! What a shard looks like from outside: a snapshot that its thread replaces five times a second and that everybody reads without a lock.
//!
//! The step before is `shard_thread/driver.rs`; the steps after are `api.rs`, `metrics.rs` and `page.rs`.

use std::time::Duration;

use backline_relay::{PoolStats, SessionView, ShardStats, Spread, Totals};

/// A shard as it was a moment ago.
#[derive(Debug, Clone, Default)]
pub struct ShardView {
    /// Its UDP port.
    pub port: u16,
    /// Its sessions.
    pub sessions: Vec<SessionView>,
    /// What was counted since the server's start.
    pub counts: ShardCounts,
    /// When this was so, since the thread's start.
    pub at: Duration,
}

/// What a shard has counted. A shard that was started again goes on counting where the one before it was.
#[derive(Debug, Clone, Default)]
pub struct ShardCounts {
    /// Beside its sessions.
    pub stats: ShardStats,
    /// For sessions that it does not carry any more.
    pub ended: Totals,
    /// Turns of its thread.
    pub turns: u64,
    /// Those that began over 1 ms after they were due, or took longer than 2.5 ms.
    pub late_turns: u64,
    /// Processor time of its thread.
    pub cpu_time: Duration,
    /// Datagrams that the system did not take.
    pub send_failures: u64,
    /// Times that the disk could not keep a session.
    pub store_failures: u64,
    /// Datagrams that were dropped since the system took none for too long.
    pub send_dropped: u64,
    /// Buffers of datagrams on their way out.
    pub pool: PoolStats,
    /// System calls that sent datagrams.
    pub send_calls: u64,
    /// Messages that they had: several datagrams to one address may be one.
    pub send_messages: u64,
    /// How long a turn took.
    pub turn_time: Spread,
    /// How long it took from reading datagrams to the last one that they caused.
    pub fan_out_time: Spread,
    /// How long an order of the API waited.
    pub order_wait: Spread,
    /// How long it took until something was kept on the disk.
    pub store_wait: Spread,
}

impl ShardView {
    /// What was counted for all sessions that there ever were.
    pub fn totals(&self) -> Totals {
        let mut all = self.counts.ended;
        self.sessions.iter().for_each(|session| all += session.totals);
        all
    }

    /// Connections of people who are in.
    pub fn participants(&self) -> usize {
        self.sessions.iter().map(|session| session.participants.len()).sum()
    }

    /// What a shard that takes the place of this one goes on from.
    pub fn handed_on(&self) -> ShardCounts {
        ShardCounts { ended: self.totals(), ..self.counts.clone() }
    }
}

impl ShardCounts {
    /// Together with what was counted by the shard before.
    pub fn after(mut self, before: &Self) -> Self {
        self.stats += before.stats;
        self.ended += before.ended;
        self.turns += before.turns;
        self.late_turns += before.late_turns;
        self.cpu_time += before.cpu_time;
        self.send_failures += before.send_failures;
        self.store_failures += before.store_failures;
        self.send_dropped += before.send_dropped;
        self.pool = self.pool.after(before.pool);
        self.send_calls += before.send_calls;
        self.send_messages += before.send_messages;
        self.turn_time += &before.turn_time;
        self.fan_out_time += &before.fan_out_time;
        self.order_wait += &before.order_wait;
        self.store_wait += &before.store_wait;
        self
    }
}
