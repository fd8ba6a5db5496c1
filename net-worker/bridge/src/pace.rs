//! Does the host call at the pace of real time? Decided by what it does, not by what it says.
//!
//! Sans-IO: gets the time and the length of every block. A host may bounce at 20 times real time, render offline at 1×, run
//! slower than life, prefetch, jitter, or stop calling; nothing is sent or returned unless the pace is that of real time.
//! Step before: `AudioEnd::process`. Step after: the capture gate and the lanes, which open and close with the pace.
//!
//! The measure is the *lead*: how far the audio handed over is ahead of the clock. A real-time host's lead stays put.

use std::time::{Duration, Instant};

use backline_audio::SampleRate;

/// How fast the host calls `process()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    /// The host does not call.
    #[default]
    Stopped,
    /// Calls have (re)started; about 100 ms until it is known how fast they are.
    Measuring,
    /// Audio flows.
    RealTime,
    /// Faster than life (a bounce): nothing is sent or returned.
    Faster,
    /// Slower than life: nothing is sent or returned.
    Slower,
}

impl Pace {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Stopped => 0,
            Self::Measuring => 1,
            Self::RealTime => 2,
            Self::Faster => 3,
            Self::Slower => 4,
        }
    }

    pub(crate) fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Measuring,
            2 => Self::RealTime,
            3 => Self::Faster,
            4 => Self::Slower,
            _ => Self::Stopped,
        }
    }
}

/// A pause between calls this much longer than the audio at hand is a restart.
pub const GAP: Duration = Duration::from_millis(250);
/// Shortest stretch of clock time from which a first pace is read.
const MEASURE_S: f64 = 0.1;
/// Shortest stretch in which a host that was too fast or too slow must behave before audio flows again.
const RECOVER_S: f64 = 0.5;
/// A host this far ahead is faster than real time; what prefetching hosts do is less.
const LEAD_MAX_S: f64 = 0.5;
/// At most this much of a bounce may pass for real time, the block at hand included.
const BOUNCE_MAX_S: f64 = 0.56;
/// A host this far behind is slower than real time.
const LAG_MAX_S: f64 = 0.5;
/// Share of the elapsed time by which a lead is forgiven: clocks differ by this much without a fault.
const LEAD_FORGIVEN: f64 = 0.02;
/// The same for a lag: overloaded hosts that drop a block now and then go on being heard.
const LAG_FORGIVEN: f64 = 0.1;
/// Share of a first stretch by which the lead may change; jitter of a block is allowed on top.
const MEASURE_TOLERANCE: f64 = 0.25;
/// The same for recovery, over a longer stretch.
const RECOVER_TOLERANCE: f64 = 0.05;
/// Blocks that a recovery stretch has at least, so that the jitter of single calls does not decide.
const RECOVER_BLOCKS: u32 = 8;

/// A stretch of calls over which a pace is read.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    began: Instant,
    lead_s: f64,
    blocks: u32,
    longest_block_s: f64,
}

/// Reads the pace off the calls. One per bridge. [audio-thread]
#[derive(Debug)]
pub struct PaceMeter {
    seconds_per_frame: f64,
    pace: Pace,
    last: Option<Instant>,
    last_block_s: f64,
    lead_s: f64,
    stretch: Option<Stretch>,
}

/// What a call meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaceReading {
    /// The pace from this block on, this block included.
    pub pace: Pace,
    /// The first call, or the first after a pause: audio of before is stale.
    pub restarted: bool,
}

impl PaceMeter {
    /// A meter that has seen no call. [main-thread]
    pub fn new(sample_rate: SampleRate) -> Self {
        Self {
            seconds_per_frame: 1.0 / f64::from(sample_rate.hz()),
            pace: Pace::Stopped,
            last: None,
            last_block_s: 0.0,
            lead_s: 0.0,
            stretch: None,
        }
    }

    /// Forgets everything: the next call is a first call. [audio-thread]
    pub fn restart(&mut self) {
        self.pace = Pace::Stopped;
        self.last = None;
        self.stretch = None;
    }

    /// A call at `now` that brings `frames` sample frames (device rate). [audio-thread]
    pub fn block(&mut self, now: Instant, frames: usize) -> PaceReading {
        let block_s = frames as f64 * self.seconds_per_frame;
        let restarted = match self.last {
            None => true,
            Some(last) => !self.advance(now.saturating_duration_since(last).as_secs_f64()),
        };
        if restarted {
            self.begin(now, block_s);
        } else {
            self.judge(now, block_s);
        }
        self.last = Some(now);
        self.last_block_s = block_s;
        PaceReading { pace: self.pace, restarted }
    }

    /// The pace as of the last call. [audio-thread]
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// Moves the lead on; false when the pause was so long that this is a new start.
    fn advance(&mut self, elapsed_s: f64) -> bool {
        let audio_at_hand_s = self.last_block_s + self.lead_s.max(0.0);
        if elapsed_s > GAP.as_secs_f64() + audio_at_hand_s {
            return false;
        }
        self.lead_s += self.last_block_s - elapsed_s;
        if self.pace == Pace::RealTime {
            self.lead_s = forgiven(self.lead_s, elapsed_s);
        }
        true
    }

    fn begin(&mut self, now: Instant, block_s: f64) {
        self.pace = Pace::Measuring;
        self.lead_s = 0.0;
        self.open_stretch(now, block_s);
    }

    fn judge(&mut self, now: Instant, block_s: f64) {
        let lead_max_s = LEAD_MAX_S.min(BOUNCE_MAX_S - block_s);
        match self.pace {
            Pace::RealTime if self.lead_s > lead_max_s.max(0.0) => self.leave(Pace::Faster, now, block_s),
            Pace::RealTime if self.lead_s < -(LAG_MAX_S + block_s) => self.leave(Pace::Slower, now, block_s),
            Pace::RealTime => {}
            Pace::Measuring => self.judge_stretch(now, block_s, MEASURE_S, MEASURE_TOLERANCE, 1),
            Pace::Stopped | Pace::Faster | Pace::Slower => {
                self.judge_stretch(now, block_s, RECOVER_S, RECOVER_TOLERANCE, RECOVER_BLOCKS);
            }
        }
    }

    fn leave(&mut self, pace: Pace, now: Instant, block_s: f64) {
        self.pace = pace;
        self.open_stretch(now, block_s);
    }

    fn open_stretch(&mut self, now: Instant, block_s: f64) {
        self.stretch = Some(Stretch { began: now, lead_s: self.lead_s, blocks: 0, longest_block_s: block_s });
    }

    /// At the end of a stretch: real time if the lead stayed put; otherwise what the lead says by now.
    fn judge_stretch(&mut self, now: Instant, block_s: f64, length_s: f64, tolerance: f64, blocks_min: u32) {
        let Some(stretch) = &mut self.stretch else {
            return self.open_stretch(now, block_s);
        };
        stretch.blocks += 1;
        stretch.longest_block_s = stretch.longest_block_s.max(block_s);
        let elapsed_s = now.saturating_duration_since(stretch.began).as_secs_f64();
        if elapsed_s < length_s || stretch.blocks < blocks_min {
            return;
        }
        let change_s = self.lead_s - stretch.lead_s;
        if change_s.abs() <= tolerance * elapsed_s + stretch.longest_block_s {
            self.pace = Pace::RealTime;
            self.lead_s = 0.0;
            self.stretch = None;
            return;
        }
        if self.pace != Pace::Measuring || self.lead_s.abs() > LEAD_MAX_S {
            self.pace = if change_s > 0.0 { Pace::Faster } else { Pace::Slower };
        }
        self.open_stretch(now, block_s);
    }
}

/// A lead that shrinks towards zero as time passes.
fn forgiven(lead_s: f64, elapsed_s: f64) -> f64 {
    if lead_s > 0.0 {
        (lead_s - LEAD_FORGIVEN * elapsed_s).max(0.0)
    } else {
        (lead_s + LAG_FORGIVEN * elapsed_s).min(0.0)
    }
}
