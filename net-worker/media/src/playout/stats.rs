//! What a playout has done, as plain numbers; how they look is the editor's.

use std::time::Duration;

/// How one sample frame came about. Closed: every sample frame that leaves is one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// From its own packet.
    Normal,
    /// From a copy in a later packet.
    Recover,
    /// Made up: the packet did not come in time.
    Conceal,
    /// Cross-faded between made up and real.
    Merge,
    /// Made up while the source's time stood still: a gap that was used to get deeper.
    Stretch,
    /// Cross-faded to a later place of the source: a queue that was too deep.
    Accelerate,
    /// Silence: no source, not yet, or no more.
    Silence,
}

impl Operation {
    /// All of them.
    pub const ALL: [Operation; OPERATIONS] = [
        Operation::Normal,
        Operation::Recover,
        Operation::Conceal,
        Operation::Merge,
        Operation::Stretch,
        Operation::Accelerate,
        Operation::Silence,
    ];
}

/// Why a packet, or a copy in it, was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// Its place had been played already.
    Late,
    /// It was there already.
    Duplicate,
    /// Its size or its structure is impossible.
    Malformed,
    /// It is of no known payload type.
    UnknownPayload,
    /// Its timestamp belongs nowhere near.
    Stray,
    /// The queue was full (nobody pulls), so the oldest went.
    Overflow,
    /// The codec refused it.
    Undecodable,
}

/// Number of [`DropReason`]s.
pub const DROP_REASONS: usize = DropReason::Undecodable as usize + 1;
const OPERATIONS: usize = Operation::Silence as usize + 1;

/// What a playout is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlayoutState {
    /// Nothing arrives: silence.
    #[default]
    Silent,
    /// Packets arrive and are measured; still silence.
    Filling,
    /// Audio.
    Playing,
    /// The next packet is missing, and its audio is made up.
    Concealing,
}

/// Counts since the playout was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    frames: [u64; OPERATIONS],
    drops: [u64; DROP_REASONS],
}

impl Tally {
    /// Counts sample frames.
    pub fn made(&mut self, operation: Operation, frames: usize) {
        self.frames[operation as usize] += frames as u64;
    }

    /// Counts a drop.
    pub fn dropped(&mut self, reason: DropReason) {
        self.drops[reason as usize] += 1;
    }

    /// Sample frames that came about in this way.
    pub fn frames(&self, operation: Operation) -> u64 {
        self.frames[operation as usize]
    }

    /// Drops for this reason.
    pub fn drops(&self, reason: DropReason) -> u64 {
        self.drops[reason as usize]
    }
}

/// The sample frame that left last, in the sender's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Played {
    /// Its RTP timestamp.
    pub timestamp: u32,
    /// Unix time (sender's clock) at which it was captured, if its packets said so.
    pub captured_at: Option<Duration>,
}

/// A snapshot of one playout.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlayoutStats {
    /// What it is doing.
    pub state: PlayoutState,
    /// Packets given to it.
    pub received: u64,
    /// Sample frames by how they came about, and drops by reason.
    pub tally: Tally,
    /// Times that play began.
    pub starts: u64,
    /// Requests made for packets that were missing.
    pub requests: u64,
    /// Packets that had been lost, were asked for and came in time.
    pub repaired: u64,
    /// Packets that were lost on the way, however they were replaced.
    pub lost_packets: u64,
    /// The share of packets that were lost on the way of late, 0 to 1, however they were replaced afterwards.
    pub lost_share: f32,
    /// Sample frames left out because the queue was far too deep.
    pub skipped_frames: u64,
    /// The depth that is held.
    pub target: Duration,
    /// Time between the latest arrival and the earliest need, in ms; negative when packets come too late.
    pub slack_ms: Option<f32>,
    /// Audio that is queued at this moment.
    pub queued: Duration,
    /// Source's clock against the listener's, in ppm; positive when the source's is faster.
    pub drift_ppm: f32,
    /// How much faster than its own clock the source is being consumed, in ppm.
    pub correction_ppm: f32,
    /// The sample frame that left last; `None` in silence.
    pub played: Option<Played>,
}

impl PlayoutStats {
    /// Sample frames that were made up, cross-fades not counted.
    pub fn concealed_frames(&self) -> u64 {
        self.tally.frames(Operation::Conceal) + self.tally.frames(Operation::Stretch)
    }

    /// Sample frames played from redundant copies.
    pub fn recovered_frames(&self) -> u64 {
        self.tally.frames(Operation::Recover)
    }

    /// Packets that came after their time.
    pub fn late(&self) -> u64 {
        self.tally.drops(DropReason::Late)
    }

    /// Packets that were there already.
    pub fn duplicates(&self) -> u64 {
        self.tally.drops(DropReason::Duplicate)
    }
}
