//! What a shard's sessions look like from outside: plain numbers, copied out for people.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use backline_session::document::OperationCounts;
use backline_transport::PathStats;
use backline_wire::{Name, ParticipantId, PeerId, PublishedSource, Route};

use super::SessionId;
use crate::counts::{ErrorCounts, OverLimitCounts};
use crate::{MixStats, Relay, Totals};

/// Counters of a shard that belong to no session. Since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShardStats {
    /// Datagrams handed in.
    pub datagrams_in: u64,
    /// Datagrams to be sent.
    pub datagrams_out: u64,
    /// Datagrams that are nobody's.
    pub datagrams_refused: u64,
    /// Datagrams of people who are not in, beyond what their address may send.
    pub stranger_flood: u64,
    /// Attempts to join with a link that leads to no session here.
    pub strangers: u64,
    /// Sessions that made the program fail, and were opened again.
    pub sessions_failed: u64,
}

impl std::ops::AddAssign for ShardStats {
    fn add_assign(&mut self, other: Self) {
        self.datagrams_in += other.datagrams_in;
        self.datagrams_out += other.datagrams_out;
        self.datagrams_refused += other.datagrams_refused;
        self.stranger_flood += other.stranger_flood;
        self.strangers += other.strangers;
        self.sessions_failed += other.sessions_failed;
    }
}

/// One session.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// Which.
    pub id: SessionId,
    /// As whoever made it called it.
    pub name: String,
    /// Who is in.
    pub participants: Vec<ParticipantView>,
    /// What was counted, also for those who are gone.
    pub totals: Totals,
    /// How media travels.
    pub route: Route,
    /// What mixing costs; none where nothing is mixed.
    pub mix: Option<MixStats>,
}

/// One connection of a participant: one process of theirs.
#[derive(Debug, Clone)]
pub struct ParticipantView {
    /// What they are called in this session.
    pub peer: PeerId,
    /// Who they are.
    pub participant: ParticipantId,
    /// Their name.
    pub name: Name,
    /// Where their path leads, if it is up.
    pub address: Option<SocketAddr>,
    /// What they publish.
    pub sources: Vec<SourceView>,
    /// How long they are in.
    pub since: Duration,
    /// Of their path's last check.
    pub round_trip: Option<Duration>,
    /// Counters of their path, and of those that they had before it.
    pub path: PathStats,
    /// What was dropped since they were over a limit.
    pub over_limit: OverLimitCounts,
    /// What went wrong beside what the path drops.
    pub errors: ErrorCounts,
    /// What became of what they wanted to change in the document.
    pub operations: OperationCounts,
}

/// One source.
#[derive(Debug, Clone)]
pub struct SourceView {
    /// As its publisher describes it, and its stream.
    pub published: PublishedSource,
}

/// A session as it is now.
pub(super) fn of(id: SessionId, name: &str, relay: &Relay, now: Instant) -> SessionView {
    SessionView {
        id,
        name: name.to_owned(),
        participants: relay.participants(now),
        totals: relay.totals(),
        route: relay.route(),
        mix: relay.mix_stats(),
    }
}
