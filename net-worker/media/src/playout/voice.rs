//! The source as one unbroken signal on its own clock: decoded, recovered, made up, merged, faded.
//!
//! Whatever is missing at the moment it is asked for is made up then and there, and its place is gone: the
//! signal never waits and never has a hole. It does not choose where play begins and does not resample.
//! Before it: the [store](super::store). After it: the drift resampler in [`Playout::pull`](super::Playout::pull).

use std::time::Duration;

use backline_audio::CHANNELS;
use backline_codec::{CodecError, Decoder, MAX_FRAME_FRAMES, PayloadKind};

use super::extrapolate::Extrapolator;
use super::fade::{Fade, smooth};
use super::stats::{DropReason, Operation, Tally};
use super::store::{Store, Stored};

/// Fade at the beginning of play (5 ms).
const FADE_IN_FRAMES: u32 = 240;
/// Fade of a source that has stopped (20 ms), after the gap below.
const FADE_OUT_FRAMES: u32 = 960;
/// Fade of a source that is replaced by a newer generation of itself (5 ms).
const RELEASE_FRAMES: u32 = 240;
/// A gap as long as this (80 ms) is no loss but the end.
const GAP_FRAMES_MAX: u32 = 3840;
/// Made-up PCM is at full level for 10 ms and silent after 40 ms: nobody notices the first, nobody believes the rest.
const HOLD_FRAMES: u32 = 480;
const DECAY_FRAMES: u32 = 1440;
/// Cross-fade from made-up to real audio: 1 ms for PCM, 2 ms for Opus, whose first frame after a gap is not yet right, and 5 ms
/// after a gap that had faded.
const MERGE_FRAMES_PCM: u32 = 48;
const MERGE_FRAMES_OPUS: u32 = 96;
const MERGE_FRAMES_LONG: u32 = 240;
/// Opus (restricted low delay) gives each sample back so much later than it took it.
const OPUS_DELAY_FRAMES: u64 = 120;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Silence, nowhere.
    Idle,
    /// On the timeline.
    Playing,
    /// Fading out on the timeline; real audio may still bring it back.
    Leaving,
    /// Fading out off the timeline: the generation is over.
    Released,
}

/// Some sample frames that the voice can make next.
struct Run {
    frames: usize,
    operation: Operation,
}

/// Makes the signal.
pub struct Voice {
    decoders: Decoders,
    decoded: Vec<f32>,
    /// Tick of the first decoded sample frame, and how the decoded came about.
    decoded_at: u64,
    decoded_by: Operation,
    position: u64,
    kind: Option<PayloadKind>,
    frame_frames: u32,
    extrapolator: Extrapolator,
    /// Length of the gap so far.
    gap_frames: u32,
    merge_total: u32,
    merge_left: u32,
    /// What the cross-fade counts as.
    merge_by: Operation,
    /// For how many more sample frames the source's time may stand still in a gap, and for how many it has in this one.
    stretch_left: u64,
    stretched: u64,
    /// Whether it may do so in a gap with packets behind it, which are then played that much later, and for how many sample
    /// frames it has.
    may_deepen: bool,
    deepened: u64,
    /// How far the made-up signal in use has decayed.
    decay_frames: u32,
    fade: Fade,
    phase: Phase,
    stamp: Option<(u64, Duration)>,
    /// Listener's time of this pull.
    now: f64,
    /// When the packet that was played last came.
    last_arrived: Option<f64>,
    /// The last of those played that came first of their burst: its first tick, and when it came.
    first_of_burst: Option<(u64, f64)>,
}

impl Voice {
    /// A silent voice with decoders for every kind of payload.
    ///
    /// # Errors
    /// When libopus cannot make a decoder.
    pub fn new() -> Result<Self, CodecError> {
        Ok(Self {
            decoders: Decoders::new()?,
            decoded: Vec::with_capacity(MAX_FRAME_FRAMES * CHANNELS),
            decoded_at: 0,
            decoded_by: Operation::Normal,
            position: 0,
            kind: None,
            frame_frames: 0,
            extrapolator: Extrapolator::new(),
            gap_frames: 0,
            merge_total: 0,
            merge_left: 0,
            merge_by: Operation::Merge,
            stretch_left: 0,
            stretched: 0,
            may_deepen: false,
            deepened: 0,
            decay_frames: 0,
            fade: Fade::silent(),
            phase: Phase::Idle,
            stamp: None,
            now: 0.0,
            last_arrived: None,
            first_of_burst: None,
        })
    }

    /// Fades in at tick `position`.
    pub fn start(&mut self, position: u64) {
        self.silence();
        self.position = position;
        self.phase = Phase::Playing;
        self.fade.open(FADE_IN_FRAMES);
    }

    /// Fades out over 5 ms on a made-up signal; nothing more of the store is played.
    pub fn release(&mut self) {
        if self.phase == Phase::Idle {
            return;
        }
        self.extrapolator.begin();
        self.merge_left = 0;
        self.decay_frames = 0;
        self.fade.close(RELEASE_FRAMES);
        self.phase = Phase::Released;
    }

    /// Is silent at once, for a listener who has heard nothing for a while anyway.
    pub fn silence(&mut self) {
        self.phase = Phase::Idle;
        self.fade = Fade::silent();
        self.decoded.clear();
        self.decoders.reset();
        self.extrapolator.clear();
        self.kind = None;
        self.gap_frames = 0;
        self.stretched = 0;
        self.deepened = 0;
        self.merge_left = 0;
        self.stamp = None;
        (self.last_arrived, self.first_of_burst) = (None, None);
    }

    /// Leaves out `frames` of the source, across a cross-fade.
    pub fn skip(&mut self, frames: u64) {
        self.begin_merge(MERGE_FRAMES_LONG, Operation::Accelerate);
        self.position += frames;
    }

    /// In a gap the source's time may stand still for so many sample frames: what comes late is then played, that much later
    /// from then on. Where later packets are there already it does so if it `may_deepen`, and for no longer than a frame in
    /// each gap: made-up audio is made longer by it, and little by little nobody hears that.
    pub fn allow_stretch(&mut self, frames: u64, may_deepen: bool) {
        (self.stretch_left, self.may_deepen) = (frames, may_deepen);
    }

    /// The next tick to be made while the voice is on the timeline.
    pub fn position(&self) -> Option<u64> {
        matches!(self.phase, Phase::Playing | Phase::Leaving).then_some(self.position)
    }

    /// Whether there is nothing to hear, not even the end of a fade.
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    /// Length of the gap that is being concealed, in sample frames; 0 if there is none.
    pub fn gap_frames(&self) -> u32 {
        self.gap_frames
    }

    /// What follows is pulled at `now`, in ticks of the listener.
    pub fn pulled_at(&mut self, now: f64) {
        self.now = now;
    }

    /// See [`Playout::in_hand_us`](super::Playout::in_hand_us), in ticks.
    pub fn in_hand_ticks(&self) -> Option<f64> {
        let (at, arrived) = self.first_of_burst?;
        Some(self.now - arrived - self.position.saturating_sub(at) as f64)
    }

    /// When the sample frame at `tick` was captured, from the newest packet that said so.
    pub fn captured_at(&self, tick: u64) -> Option<Duration> {
        let (stamped, at) = self.stamp?;
        let tick =
            if self.kind == Some(PayloadKind::Opus) { tick.saturating_sub(OPUS_DELAY_FRAMES) } else { tick };
        let apart = Duration::from_secs_f64(stamped.abs_diff(tick) as f64 / 48_000.0);
        if tick >= stamped { at.checked_add(apart) } else { at.checked_sub(apart) }
    }

    /// Fills `out` (interleaved).
    pub fn make(&mut self, store: &mut Store, mut out: &mut [f32], tally: &mut Tally) {
        while !out.is_empty() {
            if self.phase == Phase::Idle {
                out.fill(0.0);
                tally.made(Operation::Silence, out.len() / CHANNELS);
                return;
            }
            let run = self.next_run(store, out.len() / CHANNELS, tally);
            let (part, rest) = std::mem::take(&mut out).split_at_mut(run.frames * CHANNELS);
            self.fill(&run, part);
            self.extrapolator.remember(part);
            self.fade.apply(part);
            tally.made(run.operation, run.frames);
            if run.operation == Operation::Stretch {
                let count = if store.first().is_some() { &mut self.deepened } else { &mut self.stretched };
                *count += run.frames as u64;
                self.stretch_left -= run.frames as u64;
            } else {
                self.position += run.frames as u64;
            }
            self.follow_gap(&run);
            out = rest;
        }
    }

    /// How many sample frames, of `limit` at the most, can be made in one way from here.
    fn next_run(&mut self, store: &mut Store, limit: usize, tally: &mut Tally) -> Run {
        if self.phase == Phase::Released {
            return Run { frames: limit, operation: Operation::Conceal };
        }
        while self.decoded_left() == 0 {
            store.pop_before(self.position);
            match store.first() {
                Some(frame) if frame.at <= self.position => self.decode(store, &frame, tally),
                Some(frame) if self.stretched > 0 => self.give_back(frame.at),
                Some(_) if self.deepen_left() > 0 => return self.stand_still(limit, self.deepen_left()),
                None if self.stretch_left > 0 => return self.stand_still(limit, self.stretch_left),
                ahead => {
                    let missing = ahead.map_or(u64::MAX, |frame| frame.at - self.position);
                    if self.kind != Some(PayloadKind::Opus) {
                        self.begin_gap();
                        let frames = limit.min(usize::try_from(missing).unwrap_or(limit));
                        return Run { frames, operation: Operation::Conceal };
                    }
                    self.conceal_by_codec();
                }
            }
        }
        let frames = limit.min(self.decoded_left());
        if self.merge_left > 0 {
            return Run { frames: frames.min(self.merge_left as usize), operation: self.merge_by };
        }
        Run { frames, operation: self.decoded_by }
    }

    fn deepen_left(&self) -> u64 {
        if !self.may_deepen {
            return 0;
        }
        self.stretch_left.min(u64::from(self.frame_frames).saturating_sub(self.deepened))
    }

    fn stand_still(&mut self, limit: usize, frames: u64) -> Run {
        self.begin_gap();
        Run { frames: limit.min(usize::try_from(frames).unwrap_or(limit)), operation: Operation::Stretch }
    }

    fn decoded_left(&self) -> usize {
        let end = self.decoded_at + (self.decoded.len() / CHANNELS) as u64;
        if self.position < self.decoded_at { 0 } else { end.saturating_sub(self.position) as usize }
    }

    fn decode(&mut self, store: &mut Store, frame: &Stored, tally: &mut Tally) {
        let decoder = self.decoders.of(frame.kind);
        let decoded = decoder.decode(store.payload(frame), &mut self.decoded);
        store.pop();
        if decoded.is_err() {
            self.decoded.clear();
            tally.dropped(DropReason::Undecodable);
            return;
        }
        if self.kind.is_some_and(|kind| kind != frame.kind) {
            self.begin_merge(MERGE_FRAMES_OPUS, Operation::Merge);
        }
        if self.gap_frames > 0 {
            self.end_gap(frame.kind);
        }
        self.gap_frames = 0;
        (self.stretched, self.deepened) = (0, 0);
        if self.phase == Phase::Leaving {
            self.phase = Phase::Playing;
            self.fade.open(FADE_IN_FRAMES);
        }
        self.decoded_at = frame.at;
        self.decoded_by = if frame.copy { Operation::Recover } else { Operation::Normal };
        self.kind = Some(frame.kind);
        self.note_arrival(frame);
        self.frame_frames = frame.frames;
        self.stamp = frame.captured_at.map(|at| (frame.at, at)).or(self.stamp);
    }

    /// Of a burst, as the frames of one block of the sender are, the first packet stands for all: only it left when it was captured.
    fn note_arrival(&mut self, frame: &Stored) {
        let burst_gap = f64::from(frame.frames) / 4.0;
        let gap = self.last_arrived.map(|last| frame.arrived - last);
        self.last_arrived = Some(frame.arrived);
        if gap.is_none_or(|gap| gap >= burst_gap) {
            self.first_of_burst = Some((frame.at, frame.arrived));
        }
    }

    /// The decoder must believe that it has heard every frame, or the next one begins with a click; what it makes
    /// up itself is not used, for it bends far sharper than the signal (measured in `tests/playout/loss.rs`).
    fn conceal_by_codec(&mut self) {
        self.begin_gap();
        self.decoders.opus.conceal(self.frame_frames as usize, &mut self.decoded);
        self.decoded_at = self.position;
        self.decoded_by = Operation::Conceal;
    }

    /// The next packet shows that what was waited for is lost: the time that stood still is made up for at once.
    fn give_back(&mut self, next_at: u64) {
        let frames = self.stretched.min(next_at - self.position);
        if self.kind == Some(PayloadKind::Opus) {
            let mut left = frames;
            while left > 0 && self.frame_frames > 0 {
                self.decoders.opus.conceal(self.frame_frames as usize, &mut self.decoded);
                left = left.saturating_sub(u64::from(self.frame_frames));
            }
            self.decoded.clear();
        }
        self.stretched = 0;
        self.position += frames;
    }

    fn begin_gap(&mut self) {
        if self.gap_frames == 0 {
            self.extrapolator.begin();
            self.merge_left = 0;
            self.decay_frames = 0;
        }
    }

    fn end_gap(&mut self, next: PayloadKind) {
        let faded = self.decay_frames > HOLD_FRAMES;
        self.merge_total = match next {
            _ if faded => MERGE_FRAMES_LONG,
            PayloadKind::Opus => MERGE_FRAMES_OPUS,
            PayloadKind::L16 | PayloadKind::L24 => MERGE_FRAMES_PCM,
        };
        self.merge_left = self.merge_total;
        self.merge_by = Operation::Merge;
    }

    /// The signal so far goes on, made up, while what comes next fades in over it.
    fn begin_merge(&mut self, frames: u32, by: Operation) {
        if self.gap_frames == 0 {
            self.extrapolator.begin();
            self.decay_frames = 0;
        }
        self.merge_total = frames;
        self.merge_left = frames;
        self.merge_by = by;
    }

    fn fill(&mut self, run: &Run, part: &mut [f32]) {
        let from = self.position.saturating_sub(self.decoded_at) as usize * CHANNELS;
        match run.operation {
            Operation::Merge | Operation::Accelerate => self.merge(part, from),
            Operation::Conceal | Operation::Stretch => self.make_up(part),
            _ => match self.decoded.get(from..from + part.len()) {
                Some(samples) => part.copy_from_slice(samples),
                None => part.fill(0.0),
            },
        }
    }

    fn make_up(&mut self, part: &mut [f32]) {
        for frame in part.chunks_exact_mut(CHANNELS) {
            frame.copy_from_slice(&self.next_made_up());
        }
    }

    fn next_made_up(&mut self) -> [f32; CHANNELS] {
        let decayed = self.decay_frames.saturating_sub(HOLD_FRAMES) as f32 / DECAY_FRAMES as f32;
        self.decay_frames = self.decay_frames.saturating_add(1);
        if decayed >= 1.0 {
            return [0.0; CHANNELS];
        }
        let gain = smooth(1.0 - decayed);
        self.extrapolator.next().map(|sample| sample * gain)
    }

    fn merge(&mut self, part: &mut [f32], from: usize) {
        for (index, frame) in part.chunks_exact_mut(CHANNELS).enumerate() {
            let weight = smooth(1.0 - self.merge_left as f32 / (self.merge_total + 1) as f32);
            self.merge_left = self.merge_left.saturating_sub(1);
            let made_up = self.next_made_up();
            for (channel, sample) in frame.iter_mut().enumerate() {
                let real = self.decoded.get(from + index * CHANNELS + channel).copied().unwrap_or_default();
                *sample = weight * real + (1.0 - weight) * made_up[channel];
            }
        }
    }

    fn follow_gap(&mut self, run: &Run) {
        let is_made_up = matches!(run.operation, Operation::Conceal | Operation::Stretch);
        if is_made_up && self.phase != Phase::Released {
            self.gap_frames = self.gap_frames.saturating_add(run.frames as u32);
            if self.gap_frames >= GAP_FRAMES_MAX && self.phase == Phase::Playing {
                self.phase = Phase::Leaving;
                self.fade.close(FADE_OUT_FRAMES);
            }
        }
        if matches!(self.phase, Phase::Leaving | Phase::Released) && self.fade.is_silent() {
            self.silence();
        }
    }
}

struct Decoders {
    opus: Decoder,
    l16: Decoder,
    l24: Decoder,
}

impl Decoders {
    fn new() -> Result<Self, CodecError> {
        Ok(Self {
            opus: Decoder::new(PayloadKind::Opus)?,
            l16: Decoder::new(PayloadKind::L16)?,
            l24: Decoder::new(PayloadKind::L24)?,
        })
    }

    fn of(&mut self, kind: PayloadKind) -> &mut Decoder {
        match kind {
            PayloadKind::Opus => &mut self.opus,
            PayloadKind::L16 => &mut self.l16,
            PayloadKind::L24 => &mut self.l24,
        }
    }

    fn reset(&mut self) {
        self.opus.reset();
    }
}
