//! How deep the queue is, how deep it should be, and what to do about the difference.
//!
//! # The model
//! Everything is in ticks (sample frames of 48 kHz). Each packet has an *arrival offset*: its tick less the
//! listener's time at which it came. The lower edge of these offsets (an [`Envelope`]) belongs to the latest
//! packets: jitter, and the bursts of the sender's block. Each pull has a *pull offset*: sample frames taken
//! so far less the time; its upper edge belongs to the earliest and largest pulls: the listener's block.
//! The *slack* is the difference of the two edges less how far the play position is ahead of the pulls: the
//! time that passes between the latest arrival and the earliest need, whatever the phase between sender and
//! listener. It is held at the target. Both edges are measured open loop, so the controller cannot disturb
//! what it measures, and their slopes together are the drift between the two sound cards.
//!
//! The ceiling is about what the fastest packets wait: where the spread of arrivals alone (less the sender's block, if that is
//! known) is more than the ceiling, the target goes below zero, and what comes later than the ceiling is lost.
//!
//! While the slack stays where play began, the ratio is exactly 1 (bit-exact). Once it has moved, the
//! resampler follows the drift, until there has been nothing to follow for a while. A target that wavers with the jitter moves
//! nothing, as long as no packet comes too late and none waits for nothing. Neither repairs nor plays: that is the
//! [voice](super::voice).

use super::envelope::Envelope;
use super::margin::{Limits, Margin};

use backline_audio::MAX_CORRECTION_PPM;

/// Speed at which a slightly wrong depth is worked off, in ppm for each tick that is wrong (time constant 4 s): what is
/// measured is uncertain by some ticks, and that must not be heard as a wavering pitch.
const PPM_PER_TICK: f64 = 5.0;
/// Error in ticks that is more than uncertainty.
const CERTAIN_TICKS: f64 = 10.0;
/// The same for what is beyond it: latency that nobody needs is soon gone, at up to 1100 ppm (1.9 cent).
const PPM_PER_CERTAIN_TICK: f64 = 40.0;
/// The slack may move this far from where it began before the ratio leaves 1: half a frame, within these.
const STEADY_TICKS_MIN: f64 = 24.0;
const STEADY_TICKS_MAX: f64 = 60.0;
/// Bursts in a measurement by which the pattern of blocks cut into frames has shown itself.
const BURSTS_SEEN: u32 = 15;
/// Deeper than the target by more than this (5 ms) and two frames, for two measurements, is left out instead of worked off.
const SKIP_TICKS: f64 = 240.0;
/// Nearer to the target than this (0.5 ms) a gap is not used to get there.
const STRETCH_TICKS_MIN: f64 = 24.0;
/// Less than this (10 ms) is not made up for in gaps at any price.
const DEEPEN_TICKS: u64 = 480;
/// What the ceiling leaves is measured this exactly (0.5 ms).
const CAP_TICKS: f64 = 24.0;
/// A drift below this is no drift (ppm).
const STILL_PPM: f64 = 3.0;
/// Measurements (4 a second) without drift or error after which the ratio returns to exactly 1.
const CALM_UPDATES: u32 = 24;
/// Error in ticks that counts as none, on average.
const CALM_TICKS: f64 = 6.0;
/// Measurements that the average goes back by (2 s).
const MEAN_UPDATES: f64 = 8.0;
/// A packet that was too late is reason to become deeper for so long (16 s).
const LATENESS_TICKS: f64 = 768_000.0;
/// The target may fall so far (0.5 ms) below what is held without anything being done.
const SPARE_TICKS: f64 = 24.0;

/// What the controller wants done now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Correction {
    /// Nothing.
    Keep,
    /// Consume the source so many ppm faster.
    Ppm(f64),
    /// Leave out so many ticks at once, across a cross-fade.
    Skip(u64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mode {
    /// Ratio exactly 1; the slack at which it is held, once known.
    Hold(Option<f64>),
    /// Following the drift.
    Follow(Following),
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Following {
    /// Measurements in which there was nothing to follow.
    calm: u32,
    /// Of the latest errors.
    mean_error_ticks: f64,
}

/// Measures and controls the depth of one playout.
#[derive(Debug, Clone)]
pub struct Depth {
    /// What it is held at; follows the margin's.
    target_ticks: f64,
    margin: Margin,
    arrivals: Envelope,
    /// Of the negated arrival offsets: the fastest packets.
    fastest: Envelope,
    /// What the sender's blocks and frames spread arrivals by; none while that is not known.
    block_spread_ticks: Option<f64>,
    /// The most that the ceiling leaves for the target.
    cap_ticks: f64,
    /// Of the negated pull offsets, so that its lower edge is their upper one.
    pulls: Envelope,
    pulled_ticks: f64,
    frame_ticks: f64,
    bursts: Bursts,
    mode: Mode,
    /// How far below the target the slack is held, because the phase of two equal clocks allows it.
    borrowed_ticks: f64,
    drift_ppm: f64,
    deep_updates: u32,
    /// When a packet came too late to be played.
    too_late: Option<f64>,
}

impl Depth {
    /// Nothing measured yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            target_ticks: limits.floor_ticks,
            margin: Margin::new(limits),
            arrivals: Envelope::robust(),
            fastest: Envelope::new(),
            block_spread_ticks: None,
            cap_ticks: f64::INFINITY,
            pulls: Envelope::new(),
            pulled_ticks: 0.0,
            frame_ticks: 0.0,
            bursts: Bursts::default(),
            mode: Mode::Hold(None),
            borrowed_ticks: 0.0,
            drift_ppm: 0.0,
            deep_updates: 0,
            too_late: None,
        }
    }

    /// A packet for tick `at` had been lost, was asked for, and came.
    pub fn arrived_again(&mut self, now: f64, at: u64) {
        if let Some(edge) = self.arrivals.at(now) {
            self.margin.arrived_again(edge - (at as f64 - now));
        }
    }

    /// Whether so much is lost that what is sent again is waited for.
    pub fn wait_for_answers(&mut self, worth: bool) {
        self.margin.wait_for_answers(worth);
    }

    /// Length of the newest packet in ticks.
    pub fn frame_ticks(&self) -> f64 {
        self.frame_ticks
    }

    /// The most that the target may be, in ticks.
    pub fn ceiling_ticks(&self) -> f64 {
        self.margin.ceiling_ticks()
    }

    /// By how many ticks the target may still grow.
    pub fn deeper_ticks(&self) -> f64 {
        self.margin.deeper_ticks()
    }

    /// A packet for tick `at` arrived, on time or late. Where the `listener_is_late` itself, that the packet was says nothing.
    pub fn arrived(&mut self, now: f64, at: u64, frame_ticks: u32, listener_is_late: bool) {
        self.frame_ticks = f64::from(frame_ticks);
        let offset = at as f64 - now;
        let edge = self.arrivals.at(now);
        if let Some(edge) = edge
            && !listener_is_late
        {
            self.margin.arrived(edge - offset);
        }
        self.fastest.add(now, -offset);
        if self.arrivals.add(now, offset) {
            self.margin.forget();
            if let (Some(before), Some(after)) = (edge, self.arrivals.at(now))
                && before - after > self.arrivals.wander()
            {
                self.margin.edge_fell(before - after);
            }
            self.arrivals.set_wander(if self.bursts.hide_their_pattern() { self.frame_ticks } else { 0.0 });
            self.bursts = Bursts::default();
        }
        self.bursts.arrived(now, self.frame_ticks);
    }

    /// The listener takes `frames`; returns whether a measurement is due ([`update`](Self::update)).
    pub fn pulled(&mut self, now: f64, frames: usize) -> bool {
        self.pulled_ticks += frames as f64;
        self.pulls.add(now, now - self.pulled_ticks)
    }

    /// Forgets when packets came: the source was away, or is another one.
    pub fn forget_arrivals(&mut self) {
        self.arrivals = Envelope::robust();
        self.forget_spread();
    }

    /// Forgets how far arrivals are spread: nothing is played, and what will be begins with what arrives then.
    pub fn forget_spread(&mut self) {
        self.fastest = Envelope::new();
        self.cap_ticks = f64::INFINITY;
        self.follow_margin();
    }

    /// The sender's block in ticks, if it has said it.
    pub fn set_source_block(&mut self, block_ticks: Option<f64>) {
        self.block_spread_ticks = block_ticks;
    }

    /// So many ticks short of the target, each gap is worth getting deeper, also where it is not sure that this would have helped:
    /// playing slower takes a second for each millisecond. Not where what the ceiling leaves is unknown.
    pub fn is_far_too_shallow(&self, missing_ticks: u64) -> bool {
        self.block_spread_ticks.is_some() && missing_ticks > DEEPEN_TICKS
    }

    /// Arrivals are spread by more than the ceiling allows to wait.
    pub fn is_capped(&self) -> bool {
        self.cap_ticks < self.margin.target_ticks()
    }

    /// Forgets the packets and how late some of them were: the path has become another one.
    pub fn forget_path(&mut self) {
        self.forget_arrivals();
        self.margin.clear();
    }

    /// Forgets the pulls: the listener was away.
    pub fn forget_pulls(&mut self) {
        self.pulls = Envelope::new();
    }

    /// Changes what the target may be.
    pub fn set_limits(&mut self, limits: Limits) {
        self.margin.set_limits(limits);
        self.follow_margin();
    }

    /// How many ticks a gap may be used to get deeper by, with `position` as in [`slack`](Self::slack).
    pub fn missing_ticks(&mut self, now: f64, position: u64) -> u64 {
        self.measure_cap(now);
        self.follow_margin();
        let slack = self.slack(now, position).unwrap_or(self.target_ticks);
        let missing = self.target_ticks - slack;
        if missing < STRETCH_TICKS_MIN { 0 } else { missing as u64 }
    }

    fn follow_margin(&mut self) {
        let target_ticks = self.margin.target_ticks().min(self.cap_ticks);
        let change = if self.is_capped() { CAP_TICKS } else { 1.0 };
        if (target_ticks - self.target_ticks).abs() < change {
            return;
        }
        self.target_ticks = target_ticks;
        if matches!(self.mode, Mode::Hold(_)) && !self.may_hold() {
            self.mode = Mode::Follow(Following::default());
            self.borrowed_ticks = 0.0;
        }
    }

    /// Whether what is held is as good as the target.
    fn may_hold(&self) -> bool {
        let Mode::Hold(Some(reference)) = self.mode else { return false };
        let spare = reference - self.target_ticks;
        spare <= self.steady_ticks() && (spare >= 0.0 || self.too_late.is_none())
    }

    /// A packet came too late to be played.
    pub fn came_too_late(&mut self, now: f64) {
        self.too_late = Some(now);
    }

    /// The target in ticks.
    pub fn target_ticks(&self) -> f64 {
        self.target_ticks
    }

    /// The drift in ppm, positive when the source's clock is faster than the listener's.
    pub fn drift_ppm(&self) -> f64 {
        self.drift_ppm
    }

    /// The tick after the last one that the pull just noted should take, if play began with it.
    pub fn first_end(&self, now: f64, arrival_edge: f64) -> Option<f64> {
        Some(arrival_edge + self.pulls.at(now)? + self.pulled_ticks - self.target_ticks)
    }

    /// Play may begin `ticks` nearer to the newest packet than the target: returns how many of them it does.
    pub fn borrow(&mut self, ticks: u64) -> u64 {
        let granted = if self.is_drifting() { 0 } else { ticks };
        self.borrowed_ticks = granted as f64;
        granted
    }

    /// Play begins. `certain` says that it begins exactly at the target. From now on arrivals are measured against
    /// `arrival_edge`: what was held back on the way and is not played says nothing about those to come.
    pub fn begin(&mut self, now: f64, arrival_edge: f64, certain: bool) -> Correction {
        self.deep_updates = 0;
        self.forget_arrivals();
        self.arrivals.add(now, arrival_edge);
        if self.is_drifting() {
            self.mode = Mode::Follow(Following::default());
            return Correction::Ppm(self.drift_ppm);
        }
        self.hold(certain.then_some(self.target_ticks));
        Correction::Keep
    }

    /// The slack with the play position (end of the last pull) at tick `position`; what is borrowed counts as slack.
    pub fn slack(&self, now: f64, position: u64) -> Option<f64> {
        let lead = position as f64 - self.pulled_ticks;
        // A pull that came earlier is a fact at once: so early will packets be needed. One packet that came late is none.
        Some(self.arrivals.at(now)? + self.pulls.lowest_at(now)? - lead + self.borrowed_ticks)
    }

    /// Compares slack and target, four times a second.
    pub fn update(&mut self, now: f64, position: u64) -> Correction {
        let Some(slack) = self.slack(now, position) else { return Correction::Keep };
        let settled = self.arrivals.is_settled() && self.pulls.is_settled();
        self.measure_cap(now);
        self.too_late = self.too_late.filter(|at| now < at + LATENESS_TICKS);
        if settled {
            self.drift_ppm = (self.arrivals.slope() + self.pulls.slope()) * 1e6;
        }
        let error = slack - self.target_ticks;
        if let Some(ticks) = self.too_deep(error) {
            // One of the edges has stepped; a line through both sides of a step means nothing.
            self.forget_arrivals();
            self.forget_pulls();
            return Correction::Skip(ticks);
        }
        match self.mode {
            Mode::Hold(None) if settled => {
                self.hold(Some(slack));
                Correction::Keep
            }
            Mode::Hold(Some(reference)) if self.has_moved(slack, reference, error, settled) => {
                let error = error - std::mem::take(&mut self.borrowed_ticks);
                self.follow(error, Following::default())
            }
            Mode::Hold(_) => Correction::Keep,
            Mode::Follow(following) => self.follow(error, following),
        }
    }

    fn hold(&mut self, reference: Option<f64>) {
        self.mode = Mode::Hold(reference);
        self.too_late = None;
    }

    /// What the ceiling leaves when the spread of arrivals has taken its part.
    fn measure_cap(&mut self, now: f64) {
        let edges = self.fastest.at(now).zip(self.arrivals.at(now));
        let Some(((fastest, slowest), block)) = edges.zip(self.block_spread_ticks) else { return };
        let spread = (-fastest - slowest - block.max(self.frame_ticks) - self.frame_ticks).max(0.0);
        self.cap_ticks = self.margin.ceiling_ticks() - spread;
    }

    fn is_drifting(&self) -> bool {
        self.drift_ppm.abs() > STILL_PPM
    }

    fn too_deep(&mut self, error: f64) -> Option<u64> {
        let far = SKIP_TICKS.max(2.0 * self.frame_ticks);
        self.deep_updates = if error > far { self.deep_updates + 1 } else { 0 };
        if self.deep_updates < 2 {
            return None;
        }
        self.deep_updates = 0;
        Some(error as u64)
    }

    fn has_moved(&self, slack: f64, reference: f64, error: f64, settled: bool) -> bool {
        let frame = self.frame_ticks.max(STEADY_TICKS_MAX);
        let fits = (0.0..=SPARE_TICKS).contains(&error) && self.too_late.is_none();
        // Gaps that are used to get deeper hold the slack where it is: then only the drift itself shows.
        let drifts_into_gaps = self.is_drifting() && self.too_late.is_some();
        settled && ((slack - reference).abs() > self.steady_ticks() && !fits || drifts_into_gaps)
            || error.abs() > frame + STEADY_TICKS_MIN
    }

    /// How far the slack may be off without anything being wrong.
    fn steady_ticks(&self) -> f64 {
        let frame = self.frame_ticks.max(STEADY_TICKS_MAX);
        let wander = self.arrivals.wander() + self.pulls.wander();
        (self.frame_ticks / 2.0).clamp(STEADY_TICKS_MIN, STEADY_TICKS_MAX).max(wander.min(frame))
    }

    fn follow(&mut self, error: f64, following: Following) -> Correction {
        let mean = following.mean_error_ticks;
        let uncertain = error.clamp(-STEADY_TICKS_MAX, STEADY_TICKS_MAX);
        let mean_error_ticks = mean + (uncertain - mean) / MEAN_UPDATES;
        let still = !self.is_drifting() && mean_error_ticks.abs() < CALM_TICKS.max(self.steady_ticks() / 4.0);
        let calm = if still { following.calm + 1 } else { 0 };
        if calm >= CALM_UPDATES {
            self.hold(Some(self.target_ticks + mean_error_ticks));
            return Correction::Ppm(0.0);
        }
        self.mode = Mode::Follow(Following { calm, mean_error_ticks });
        let certain = error - error.clamp(-CERTAIN_TICKS, CERTAIN_TICKS);
        let ppm = self.drift_ppm + PPM_PER_TICK * error + PPM_PER_CERTAIN_TICK * certain;
        Correction::Ppm(ppm.clamp(-MAX_CORRECTION_PPM, MAX_CORRECTION_PPM))
    }
}

/// The packets of one measurement: how many, in how many bursts.
///
/// A large block that is no multiple of the frame is cut differently each time, so that the edge of its bursts
/// wanders by up to a frame over many blocks, without any drift.
#[derive(Debug, Clone, Copy, Default)]
struct Bursts {
    packets: u32,
    bursts: u32,
    last: f64,
}

impl Bursts {
    fn arrived(&mut self, now: f64, frame_ticks: f64) {
        self.packets += 1;
        if self.bursts == 0 || now - self.last >= frame_ticks / 4.0 {
            self.bursts += 1;
        }
        self.last = now;
    }

    fn hide_their_pattern(self) -> bool {
        self.bursts < BURSTS_SEEN && self.packets > self.bursts + self.bursts / 2
    }
}
