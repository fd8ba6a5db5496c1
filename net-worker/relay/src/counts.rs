//! What a session counts, each by a closed list of reasons, so that sums never fall: what was counted for somebody who left stays in the session's,
//! and what was counted for a session that ended stays in its shard's.
//!
//! The step before is whatever goes wrong or well in `relay`; the step after is a view ([`crate::SessionView`]) for people.

use std::ops::AddAssign;

use backline_session::document::OperationCounts;
use backline_transport::PathStats;
use backline_wire::{LeaveReason, Limit, RefusalReason};

/// One counter for each entry of a list of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally<const N: usize>([u64; N]);

impl<const N: usize> Default for Tally<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Tally<N> {
    /// All together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Each counter with its name.
    pub fn named<'a>(
        &'a self,
        names: &'a [&'static str; N],
    ) -> impl Iterator<Item = (&'static str, u64)> + 'a {
        names.iter().copied().zip(self.0.iter().copied())
    }

    /// What was counted after it stood like this.
    pub(crate) fn since(self, before: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at].saturating_sub(before.0[at])))
    }

    fn count(&mut self, at: usize) {
        if let Some(counter) = self.0.get_mut(at) {
            *counter += 1;
        }
    }
}

impl<const N: usize> AddAssign for Tally<N> {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum += more);
    }
}

/// What somebody was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exceeded {
    /// What they send, and for how long may be told.
    Sent(Limit),
    /// Bytes of media to them: what others send.
    BytesOut,
    /// Attempts to join from one address.
    Joins,
}

/// What was dropped since somebody was over a limit.
pub type OverLimitCounts = Tally<5>;

/// The names of [`OverLimitCounts`].
pub const LIMITS: [&str; 5] = ["packets", "bytes_in", "control", "bytes_out", "joins"];

impl OverLimitCounts {
    pub(crate) fn over(&mut self, what: Exceeded) {
        self.count(match what {
            Exceeded::Sent(Limit::Packets) => 0,
            Exceeded::Sent(Limit::BytesIn) => 1,
            Exceeded::Sent(Limit::Control) => 2,
            Exceeded::BytesOut => 3,
            Exceeded::Joins => 4,
        });
    }
}

/// Who left, by why.
pub type LeaveCounts = Tally<4>;

/// The names of [`LeaveCounts`].
pub const LEAVES: [&str; 4] = ["left", "vanished", "replaced", "disconnected"];

impl LeaveCounts {
    pub(crate) fn leave(&mut self, reason: LeaveReason) {
        self.count(match reason {
            LeaveReason::Left => 0,
            LeaveReason::Vanished => 1,
            LeaveReason::Replaced => 2,
            LeaveReason::Disconnected => 3,
        });
    }
}

/// Who was not let in, by why.
pub type RefusalCounts = Tally<6>;

/// The names of [`RefusalCounts`].
pub const REFUSALS: [&str; 6] =
    ["other_version", "wrong_secret", "wrong_identity", "session_full", "too_many_sources", "not_understood"];

impl RefusalCounts {
    pub(crate) fn refuse(&mut self, reason: RefusalReason) {
        self.count(match reason {
            RefusalReason::OtherVersion { .. } => 0,
            RefusalReason::WrongSecret => 1,
            RefusalReason::WrongIdentity => 2,
            RefusalReason::SessionFull { .. } => 3,
            RefusalReason::TooManySources { .. } => 4,
            RefusalReason::NotUnderstood => 5,
        });
    }
}

/// What went wrong with somebody, beside what their path drops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// A control message that is none.
    ControlNotUnderstood,
    /// A control message that a member may not send, or about what is not theirs.
    ControlNotAllowed,
    /// A control message that could not be sent to them.
    ControlNotSent,
    /// Feedback that is none.
    FeedbackNotUnderstood,
    /// Feedback that could not be sent to them.
    FeedbackNotSent,
    /// Media of a stream that they do not publish.
    StreamNotTheirs,
    /// Media that could not be sent to them.
    MediaNotSent,
    /// A stream for which their path has no room.
    StreamNotOpened,
    /// Their data made this program fail.
    Failure,
}

/// What went wrong, by what.
pub type ErrorCounts = Tally<9>;

/// The names of [`ErrorCounts`].
pub const ERRORS: [&str; 9] = [
    "control_not_understood",
    "control_not_allowed",
    "control_not_sent",
    "feedback_not_understood",
    "feedback_not_sent",
    "stream_not_theirs",
    "media_not_sent",
    "stream_not_opened",
    "failure",
];

impl ErrorCounts {
    pub(crate) fn error(&mut self, what: Wrong) {
        self.count(what as usize);
    }
}

/// What a relay counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RelayStats {
    /// Packets of streams that came in.
    pub packets_in: u64,
    /// Packets that were passed on, counted for each listener.
    pub packets_out: u64,
    /// Packets that were sent again to a listener who had missed them.
    pub packets_again: u64,
    /// Attempts to join with a link that is old or wrong.
    pub strangers: u64,
    /// People who came in; who comes again over another connection comes in again.
    pub joins: u64,
    /// People who went, by why.
    pub leaves: LeaveCounts,
    /// Hellos that were refused, by why.
    pub refusals: RefusalCounts,
    /// Datagrams, messages and packets that were dropped since their participant was over a limit.
    pub over_limit: OverLimitCounts,
    /// What went wrong with participants.
    pub errors: ErrorCounts,
}

impl AddAssign for RelayStats {
    fn add_assign(&mut self, other: Self) {
        self.packets_in += other.packets_in;
        self.packets_out += other.packets_out;
        self.packets_again += other.packets_again;
        self.strangers += other.strangers;
        self.joins += other.joins;
        self.leaves += other.leaves;
        self.refusals += other.refusals;
        self.over_limit += other.over_limit;
        self.errors += other.errors;
    }
}

/// Everything that was counted of a session, or of several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// By the relay.
    pub relay: RelayStats,
    /// By all paths that there were.
    pub paths: PathStats,
    /// What became of operations on the document.
    pub operations: OperationCounts,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.relay += other.relay;
        self.paths += other.paths;
        self.operations += other.operations;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_counter_and_a_name_of_its_own() {
        let mut errors = ErrorCounts::default();
        errors.error(Wrong::Failure);
        errors.error(Wrong::ControlNotUnderstood);
        let named: Vec<(&str, u64)> = errors.named(&ERRORS).filter(|(_, count)| *count > 0).collect();
        assert_eq!(named, [("control_not_understood", 1), ("failure", 1)]);
        let mut limits = OverLimitCounts::default();
        for limit in [Limit::Packets, Limit::BytesIn, Limit::Control] {
            limits.over(Exceeded::Sent(limit));
            assert_eq!(limits.named(&LIMITS).find(|(name, _)| *name == limit.name()).unwrap().1, 1);
        }
        assert_eq!(limits.total(), 3);
    }

    #[test]
    fn sums_hold_every_part() {
        let mut stats = RelayStats { packets_in: 1, packets_out: 2, joins: 3, ..RelayStats::default() };
        stats.refusals.refuse(RefusalReason::NotUnderstood);
        stats.leaves.leave(LeaveReason::Vanished);
        let mut sum = Totals { relay: stats, ..Totals::default() };
        sum += sum;
        assert_eq!((sum.relay.packets_in, sum.relay.packets_out, sum.relay.joins), (2, 4, 6));
        assert_eq!((sum.relay.refusals.total(), sum.relay.leaves.total()), (2, 2));
    }
}
