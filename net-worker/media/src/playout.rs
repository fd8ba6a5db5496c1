//! A listener's queue for one source: packets in, an unbroken signal on the listener's clock out.
//!
//! It orders by RTP timestamp, so copies of a packet that came by two paths are one. It does not know where
//! packets come from; which ones should be asked for again it says in [`poll_missing`](Playout::poll_missing). Before it:
//! the transport's media event. After it: the worker, which pulls exactly what a callback needs and puts it into the
//! return ring.
//!
//! ```text
//! insert → timestamp → store ┐                       ┌ depth: how deep, how fast
//!                            └→ voice → resampler → pull
//!                       decode, conceal, merge, fade
//! ```
//!
//! # Latency
//! From the moment a sample enters the sender's [`push`](crate::Sender::push) until it leaves
//! [`pull`](Playout::pull), at 48 kHz in sample frames:
//!
//! `latency = wait + network + target + listener's block + 16`
//!
//! *wait* is the longest time that a sample waits for the packet that carries it: the sender's block, and up to
//! one frame less the greatest common divisor of block and frame (block 64, frame 60: 64 + 56). *network* is the
//! slowest usual packet, *target* the depth, 16 the resampler, and Opus adds its look-ahead of 120. The listener's
//! block pays for the worst phase between the two sides, so that it may change without a gap; while the clocks do
//! not drift, a better phase spares up to that much (`phase.rs`). Counted between two audio callbacks the sender's
//! block falls away (its samples are all there when the callback is), and the return ring adds the listener's
//! block once more: 56 + target + 64 − spared + 16 + 64 for block 64 and frame 60 in one machine.

mod depth;
mod envelope;
mod extend;
mod extrapolate;
mod fade;
mod margin;
mod missing;
mod phase;
mod startup;
mod stats;
mod store;
mod voice;

use std::time::{Duration, Instant};

use backline_audio::{CHANNELS, DriftResampler};
use backline_codec::{CodecError, PAYLOAD_TYPE_RED, PayloadKind};
use thiserror::Error;

use crate::packet::{ReceivedHead, payload_frames};
use crate::red::{self, Block};
use depth::{Correction, Depth};
use extend::{Extender, Place};
use margin::Limits;
use missing::{Missing, Patience};
use phase::Phase;
use startup::Startup;
pub use stats::{DROP_REASONS, DropReason, Operation, Played, PlayoutState, PlayoutStats, Tally};
use store::{Kept, Store, Stored};
use voice::Voice;

/// Depths that a user may ask for.
pub const TARGET_DEPTH_MIN: Duration = Duration::ZERO;
/// Depths that a user may ask for.
pub const TARGET_DEPTH_MAX: Duration = Duration::from_millis(250);

/// Ticks (sample frames) per second.
const TICKS_PER_SECOND: f64 = 48_000.0;
/// Sample frames made at a time.
const CHUNK_FRAMES: usize = 256;
/// What a chunk may take from the source at the largest correction.
const CHUNK_SOURCE_FRAMES: usize = CHUNK_FRAMES + 4;
/// A listener who has not pulled for so long (250 ms) was away; the longest block is 186 ms.
const STALL_TICKS: f64 = 12_000.0;
/// So many more packets late than in time: the path has become slower, and what was measured before says nothing.
const LATE_PACKETS_MAX: u32 = 24;
/// After so long (750 ms) it is clear how much a path spreads its packets.
const PATH_SEEN_TICKS: f64 = 36_000.0;
/// No answer takes less than this part of the shortest round trip.
const ANSWER_SHARE: f64 = 0.9;
/// A listener whose pull is overdue by this much more than a block (1 ms) stands still: what arrives then was not late.
const OVERDUE_TICKS: f64 = 48.0;
/// After so much silence nothing of the past is left in the resampler.
const FLUSHED_FRAMES: usize = 64;
/// Packets whose arrival is remembered, to know a second copy from a late first one.
const SEEN_PACKETS: usize = 1024;
/// No two packets of one stream are closer than the shortest frame.
const SEEN_STEP_TICKS: u64 = 60;

/// What a user or a quality decides about a playout: how long before it is needed the usual latest packet should arrive.
/// Between the two the playout finds its depth by itself. Both are limited to
/// [`TARGET_DEPTH_MIN`]..=[`TARGET_DEPTH_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlayoutConfig {
    /// The least, with which it begins. To recover lost packets from `n` copies it must be at least `n` frames.
    pub floor: Duration,
    /// The most; a ceiling below the floor counts as the floor.
    pub ceiling: Duration,
}

impl PlayoutConfig {
    /// A depth that stays as it is.
    pub fn fixed(depth: Duration) -> Self {
        Self { floor: depth, ceiling: depth }
    }

    fn limits(self) -> Limits {
        let ticks = |depth: Duration| {
            depth.clamp(TARGET_DEPTH_MIN, TARGET_DEPTH_MAX).as_secs_f64() * TICKS_PER_SECOND
        };
        Limits { floor_ticks: ticks(self.floor), ceiling_ticks: ticks(self.ceiling.max(self.floor)) }
    }
}

/// Why a playout could not be made.
#[derive(Debug, Error)]
pub enum PlayoutError {
    /// libopus refused to make a decoder.
    #[error("this source cannot be played: {0}")]
    Codec(#[from] CodecError),
}

/// One source's queue. Call [`insert`](Self::insert) for each packet and [`pull`](Self::pull) for each block, in
/// the order in which they happen; `now` may never matter more than its order allows: a step back counts as none.
///
/// Memory (about 1 MB) is taken by [`new`](Self::new); no other method allocates.
pub struct Playout {
    extender: Extender,
    seen: Box<[u64; SEEN_PACKETS]>,
    store: Store,
    startup: Startup,
    depth: Depth,
    phase: Phase,
    missing: Missing,
    round_trip_ticks: Option<f64>,
    soonest_answer_ticks: f64,
    voice: Voice,
    resampler: DriftResampler,
    source: Vec<f32>,
    clock: Clock,
    last_pull: Option<f64>,
    last_pull_frames: usize,
    quiet_frames: usize,
    starving: bool,
    /// Packets that were late, less those in time since.
    late_packets: u32,
    path_forgotten: f64,
    received: u64,
    starts: u64,
    skipped_frames: u64,
    requests: u64,
    repaired: u64,
    tally: Tally,
}

impl Playout {
    /// A silent playout.
    ///
    /// # Errors
    /// [`PlayoutError`] when libopus cannot make a decoder.
    pub fn new(config: PlayoutConfig) -> Result<Self, PlayoutError> {
        Ok(Self {
            extender: Extender::default(),
            seen: Box::new([0; SEEN_PACKETS]),
            store: Store::new(),
            startup: Startup::default(),
            depth: Depth::new(config.limits()),
            phase: Phase::new(),
            missing: Missing::new(),
            round_trip_ticks: None,
            soonest_answer_ticks: 0.0,
            voice: Voice::new()?,
            resampler: DriftResampler::new(),
            source: vec![0.0; CHUNK_SOURCE_FRAMES * CHANNELS],
            clock: Clock::default(),
            last_pull: None,
            last_pull_frames: 0,
            quiet_frames: FLUSHED_FRAMES,
            starving: false,
            late_packets: 0,
            path_forgotten: f64::NEG_INFINITY,
            received: 0,
            starts: 0,
            skipped_frames: 0,
            requests: 0,
            repaired: 0,
            tally: Tally::default(),
        })
    }

    /// Takes a packet that arrived at `now`. Whatever it holds, it is kept or counted by [`DropReason`].
    pub fn insert(&mut self, head: &ReceivedHead, payload: &[u8], now: Instant) {
        let now = self.clock.ticks(now);
        self.received += 1;
        if head.payload_type != PAYLOAD_TYPE_RED {
            let primary = Block { payload_type: head.payload_type, age_ticks: 0, bytes: payload };
            self.insert_primary(head, &primary, now);
            return;
        }
        let Ok(blocks) = red::read(payload) else {
            return self.tally.dropped(DropReason::Malformed);
        };
        let Some(primary) = blocks.clone().last() else { return };
        let Some(at) = self.insert_primary(head, &primary, now) else { return };
        self.missing.expect_copies(blocks.clone().map(|block| block.age_ticks).max().unwrap_or(0));
        for copy in blocks.filter(|block| block.age_ticks > 0) {
            self.insert_copy(head, at, &copy, now);
        }
    }

    /// Fills all of `out` (interleaved, any even length) with what the listener hears next. It is the listener's
    /// clock: what has not arrived by now is made up now.
    pub fn pull(&mut self, out: &mut [f32], now: Instant) {
        let now = self.clock.ticks(now);
        let frames = out.len() / CHANNELS;
        if frames == 0 {
            return;
        }
        self.notice_stall(now);
        self.last_pull_frames = frames;
        let measured = self.depth.pulled(now, frames);
        self.startup.pulled(now);
        self.phase.pulled(now, frames);
        if self.voice.is_idle() {
            self.depth.forget_spread();
            self.try_to_begin(now, frames);
        }
        let end = self.voice.position().map(|position| position + frames as u64);
        let stretch = end.map_or(0, |end| self.depth.missing_ticks(now, end));
        self.voice.pulled_at(now);
        let may_deepen = self.depth.is_far_too_shallow(stretch) || self.may_wait_for_answers();
        self.voice.allow_stretch(stretch, may_deepen);
        for chunk in out.chunks_mut(CHUNK_FRAMES * CHANNELS) {
            self.make(chunk);
        }
        self.notice_starvation();
        if measured && let Some(position) = self.voice.position() {
            let correction = self.depth.update(now, position);
            self.apply(correction);
        }
    }

    /// Changes how deep it may be; the queue gets there by playing imperceptibly slower or faster.
    pub fn set_depth(&mut self, config: PlayoutConfig) {
        self.depth.set_limits(config.limits());
    }

    /// How many sample frames the sender captures at a time, as it says; 0 where that is not known.
    pub fn set_source_block(&mut self, frames: usize) {
        self.startup.know_block(frames > 0);
        self.depth.set_source_block((frames > 0).then_some(frames as f64));
    }

    /// How long the sender's answer to a request takes, as far as is known; without it nothing is asked for. Somebody on the way
    /// may answer sooner, unless the packets come `straight`.
    pub fn set_round_trip(&mut self, round_trip: Option<Duration>, straight: bool) {
        self.round_trip_ticks = round_trip.map(|time| time.as_secs_f64() * TICKS_PER_SECOND);
        let soonest = self.round_trip_ticks.filter(|_| straight).unwrap_or(0.0);
        self.soonest_answer_ticks = ANSWER_SHARE * soonest;
    }

    /// Calls `ask` with the RTP timestamp and the length in ticks of each stretch that should be asked for now. Cheap; to be
    /// called after packets and after pulls.
    pub fn poll_missing(&mut self, now: Instant, mut ask: impl FnMut(u32, u32)) {
        let (Some(position), Some(last_pull)) = (self.voice.position(), self.last_pull) else { return };
        let now = self.clock.ticks(now);
        let may_wait = self.may_wait_for_answers();
        let patience = self.round_trip_ticks.map(|round_trip_ticks| Patience {
            round_trip_ticks,
            soonest_answer_ticks: self.soonest_answer_ticks,
            need_of_tick_zero: last_pull - position as f64,
            deeper_ticks: if may_wait { self.depth.deeper_ticks() } else { 0.0 },
        });
        let requests = &mut self.requests;
        self.missing.ask(now, position, self.depth.frame_ticks(), patience, |begin, end| {
            *requests += 1;
            ask(begin as u32, (end - begin) as u32);
        });
        self.depth.wait_for_answers(may_wait);
    }

    /// Whether it becomes deeper for the sake of answers: much is lost, and the ceiling covers two round trips, since an answer
    /// may be lost, too. One alone costs as much latency and leaves gaps all the same.
    fn may_wait_for_answers(&self) -> bool {
        let covers = |round_trip| 2.0 * round_trip <= self.depth.ceiling_ticks();
        self.missing.is_worth_waiting() && self.round_trip_ticks.is_some_and(covers)
    }

    /// A new generation of the source begins: what is queued is dropped, what is heard fades out in 5 ms.
    pub fn restart(&mut self) {
        self.extender = Extender::default();
        self.begin_again();
    }

    /// Another listener pulls from now on, on a clock of its own: what the one before has pulled is not heard again, and
    /// this one fades in.
    pub fn change_listener(&mut self) {
        self.forget_listener();
        self.last_pull = None;
    }

    /// What has happened so far and what is happening now.
    pub fn stats(&self) -> PlayoutStats {
        let now = self.clock.latest;
        let position = self.voice.position();
        let queued = position.and_then(|position| Some(self.store.last()?.end().saturating_sub(position)));
        PlayoutStats {
            state: self.state(),
            received: self.received,
            tally: self.tally,
            starts: self.starts,
            skipped_frames: self.skipped_frames,
            requests: self.requests,
            repaired: self.repaired,
            lost_packets: self.missing.lost_packets(),
            lost_share: self.missing.lost_share() as f32,
            target: ticks_duration(self.depth.target_ticks()),
            slack_ms: position.and_then(|at| self.depth.slack(now, at)).map(|ticks| (ticks / 48.0) as f32),
            queued: ticks_duration(queued.unwrap_or(0) as f64),
            drift_ppm: self.depth.drift_ppm() as f32,
            correction_ppm: self.resampler.ppm() as f32,
            played: position.map(|position| self.played(position)),
        }
    }

    /// How long ago the last pull was; nothing before the first.
    pub fn since_pull(&self, now: Instant) -> Duration {
        let elapsed = self.clock.epoch.map(|epoch| now.saturating_duration_since(epoch));
        let pulled_at = self.last_pull.map(ticks_duration);
        elapsed
            .zip(pulled_at)
            .map_or(Duration::ZERO, |(elapsed, pulled_at)| elapsed.saturating_sub(pulled_at))
    }

    /// How much later (µs) what is played now could have come: how long it waits, but for what it waits because many sample frames
    /// are pulled at once; resampling included. Of a burst of packets the first counts. Below zero where a long pull takes one that came
    /// since its first sample frames were due. `None` in silence and for what was made up. Cheap.
    pub fn in_hand_us(&self) -> Option<f64> {
        let ticks = self.voice.in_hand_ticks().filter(|_| self.voice.gap_frames() == 0)?;
        Some((ticks + self.resampler.delay_frames() as f64) * 1e6 / TICKS_PER_SECOND)
    }

    fn state(&self) -> PlayoutState {
        match (self.voice.is_idle(), self.voice.gap_frames() > 0) {
            (false, false) => PlayoutState::Playing,
            (false, true) => PlayoutState::Concealing,
            (true, _) if self.startup.is_hearing(self.clock.latest) => PlayoutState::Filling,
            (true, _) => PlayoutState::Silent,
        }
    }

    fn played(&self, position: u64) -> Played {
        let tick = position.saturating_sub(1 + self.resampler.delay_frames() as u64);
        Played { timestamp: tick as u32, captured_at: self.voice.captured_at(tick) }
    }

    /// Measures and keeps the frame that a packet is about; its tick, unless it is not even to be measured.
    fn insert_primary(&mut self, head: &ReceivedHead, block: &Block<'_>, now: f64) -> Option<u64> {
        let (kind, frames) = self.inspect(block)?;
        let at = match self.extender.place(head.timestamp) {
            Place::At(at) => at,
            Place::Stray => {
                self.tally.dropped(DropReason::Stray);
                return None;
            }
            Place::Moved(at) => {
                self.begin_again();
                at
            }
        };
        let seen = &mut self.seen[(at / SEEN_STEP_TICKS) as usize % SEEN_PACKETS];
        if std::mem::replace(seen, at) == at {
            // By a second path, later: it says nothing about how late the first one is.
            self.tally.dropped(DropReason::Duplicate);
            return None;
        }
        let again = self.missing.arrived(now, at, frames as u64);
        if again {
            self.depth.arrived_again(now, at);
        } else {
            self.depth.arrived(now, at, frames as u32, self.is_listener_late(now));
            self.startup.arrived(now, at, frames as u32);
        }
        let mut frame = Stored::new(at, frames, kind, now);
        frame.captured_at = head.captured_at;
        let is_past = self.is_past(&frame);
        self.notice_slower_path(now, is_past);
        if self.voice.position().is_some_and(|position| at < position) {
            self.depth.came_too_late(now);
        }
        if is_past {
            self.tally.dropped(DropReason::Late);
        } else {
            self.repaired += u64::from(again);
            if self.store.insert(frame, block.bytes) == Kept::InPlaceOfOldest {
                self.tally.dropped(DropReason::Overflow);
            }
        }
        Some(at)
    }

    /// Keeps an older frame from the same packet where its own packet is missing.
    fn insert_copy(&mut self, head: &ReceivedHead, primary_at: u64, block: &Block<'_>, now: f64) {
        let Some((kind, frames)) = self.inspect(block) else { return };
        let at = primary_at.saturating_sub(u64::from(block.age_ticks));
        if self.seen[(at / SEEN_STEP_TICKS) as usize % SEEN_PACKETS] == at {
            return;
        }
        self.missing.copied(now, at, frames as u64);
        let mut frame = Stored::new(at, frames, kind, now);
        frame.copy = true;
        let age = ticks_duration(f64::from(block.age_ticks));
        frame.captured_at = head.captured_at.and_then(|captured_at| captured_at.checked_sub(age));
        if !self.is_past(&frame) && self.store.insert(frame, block.bytes) == Kept::InPlaceOfOldest {
            self.tally.dropped(DropReason::Overflow);
        }
    }

    fn notice_slower_path(&mut self, now: f64, is_late: bool) {
        // It may also be that arrivals are spread by more than the ceiling: that takes a moment to be seen.
        if self.depth.is_capped() || now < self.path_forgotten + PATH_SEEN_TICKS {
            return;
        }
        self.late_packets = if is_late { self.late_packets + 1 } else { self.late_packets.saturating_sub(1) };
        if self.late_packets > LATE_PACKETS_MAX {
            self.late_packets = 0;
            self.path_forgotten = now;
            self.depth.forget_path();
        }
    }

    fn is_listener_late(&self, now: f64) -> bool {
        self.last_pull.is_some_and(|last| now - last > 2.0 * self.last_pull_frames as f64 + OVERDUE_TICKS)
    }

    fn inspect(&mut self, block: &Block<'_>) -> Option<(PayloadKind, usize)> {
        let Some(kind) = PayloadKind::from_payload_type(block.payload_type) else {
            self.tally.dropped(DropReason::UnknownPayload);
            return None;
        };
        let frames = payload_frames(kind, block.bytes);
        if frames.is_none() {
            self.tally.dropped(DropReason::Malformed);
        }
        Some((kind, frames?))
    }

    fn is_past(&self, frame: &Stored) -> bool {
        self.voice.position().is_some_and(|position| frame.end() <= position)
    }

    fn begin_again(&mut self) {
        self.store.clear();
        self.missing.clear();
        self.seen.fill(0);
        self.startup.forget_arrivals();
        self.depth.forget_arrivals();
        self.voice.release();
    }

    /// A host that paused has heard nothing, and what is queued is old: measure anew and fade in.
    fn notice_stall(&mut self, now: f64) {
        let stalled = self.last_pull.is_some_and(|last| now - last > STALL_TICKS);
        self.last_pull = Some(now);
        if stalled {
            self.forget_listener();
        }
    }

    fn forget_listener(&mut self) {
        self.voice.silence();
        self.resampler.reset();
        self.depth.forget_pulls();
        self.startup.forget();
        self.phase = Phase::new();
    }

    /// Play begins where the latest packet will just be `target` early, which leaves out all that is older.
    fn try_to_begin(&mut self, now: f64, frames: usize) {
        if !self.startup.is_ready(now) {
            return;
        }
        let Some(edge) = self.startup.edge() else { return };
        let Some(end) = self.depth.first_end(now, edge) else { return };
        let end = end.floor() as u64;
        let certain = self.startup.is_certain();
        let limit = if certain { frames as u64 } else { 0 };
        let spared = self.phase.spared(&self.store, end, self.depth.target_ticks(), limit);
        let spared = self.depth.borrow(spared);
        let start = (end + spared).saturating_sub(frames as u64);
        if self.store.covering(start).is_none() {
            return;
        }
        self.store.pop_before(start);
        if self.quiet_frames >= FLUSHED_FRAMES {
            self.resampler.reset();
        }
        self.voice.start(start);
        self.startup.begin();
        self.starts += 1;
        self.starving = false;
        let correction = self.depth.begin(now, edge, certain);
        self.apply(correction);
    }

    fn make(&mut self, chunk: &mut [f32]) {
        if self.voice.is_idle() && self.quiet_frames >= FLUSHED_FRAMES {
            chunk.fill(0.0);
            self.tally.made(Operation::Silence, chunk.len() / CHANNELS);
            return;
        }
        let needed = self.resampler.needed_input(chunk.len() / CHANNELS).min(CHUNK_SOURCE_FRAMES);
        let source = &mut self.source[..needed * CHANNELS];
        self.voice.make(&mut self.store, source, &mut self.tally);
        self.resampler.process(source, chunk);
        self.quiet_frames = if self.voice.is_idle() { self.quiet_frames + needed } else { 0 };
    }

    /// From the first missing packet on, arrivals are measured anew, in case play has to begin again.
    fn notice_starvation(&mut self) {
        let starving = self.voice.gap_frames() > 0 && self.store.first().is_none();
        if starving && !self.starving {
            self.startup.forget_arrivals();
        }
        if self.voice.is_idle() && self.starving {
            self.depth.forget_arrivals();
        }
        self.starving = starving;
    }

    fn apply(&mut self, correction: Correction) {
        match correction {
            Correction::Keep => {}
            Correction::Ppm(ppm) => self.resampler.set_ppm(ppm),
            Correction::Skip(ticks) => {
                self.skipped_frames += ticks;
                self.voice.skip(ticks);
            }
        }
    }
}

/// The listener's time in ticks since the first call, never falling.
#[derive(Debug, Clone, Default)]
struct Clock {
    epoch: Option<Instant>,
    latest: f64,
}

impl Clock {
    fn ticks(&mut self, now: Instant) -> f64 {
        let epoch = *self.epoch.get_or_insert(now);
        let ticks = now.saturating_duration_since(epoch).as_secs_f64() * TICKS_PER_SECOND;
        self.latest = self.latest.max(ticks);
        self.latest
    }
}

fn ticks_duration(ticks: f64) -> Duration {
    Duration::try_from_secs_f64(ticks / TICKS_PER_SECOND).unwrap_or_default()
}
