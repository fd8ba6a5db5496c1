//! The audio callback. Read this first.
//!
//! Everything in it is bounded by the block's length and the number of slots: it copies, multiplies, adds, and writes atomics.
//! It never allocates, frees, locks, waits or logs; its only system call is the doorbell's.
//! Step before: the host's `process()`, through the plugin. Step after: the host's buses, and the worker.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backline_audio::{Gain, Pan, Ramp, StereoGain, strip};

use crate::block::{BlockIo, BlockPart};
use crate::capture::CaptureWriter;
use crate::controls::BlockControls;
use crate::cycle::CycleMember;
use crate::depth::ReturnDepth;
use crate::doorbell::Doorbell;
use crate::harmless::copy_harmless;
use crate::lane::LaneReader;
use crate::meters::{Meters, Peak, PeakHold};
use crate::metronome::Metronome;
use crate::moves::{FaderControls, MergedFader};
use crate::pace::{Pace, PaceMeter};
use crate::strips::{Buses, Strips};
use crate::sync::Ordering;
use crate::transport::{Transport, TransportWriter};
use crate::{BridgeConfig, SLOTS, Shared, WAKE_FRAMES};

/// Longest piece that is processed at once; keeps the scratch in the processor's cache.
const PIECE_FRAMES_MAX: usize = 1024;

/// Owned by the audio callback; may move between threads, as hosts do.
pub struct AudioEnd {
    config: BridgeConfig,
    shared: Arc<Shared>,
    doorbell: Arc<Doorbell>,
    cycle: CycleMember,
    pace: PaceMeter,
    last_call: Option<Instant>,
    depth: ReturnDepth,
    capture: CaptureWriter,
    strips: Strips,
    send_fader: MergedFader,
    monitor: StereoGain,
    transport: TransportWriter,
    metronome: Metronome,
    /// 1: the mix is heard; 0: bypassed, the input is heard.
    wet: Ramp,
    scratch: Scratch,
    send_hold: PeakHold,
    main_hold: PeakHold,
    peak_window_frames: usize,
    unrung_frames: usize,
    /// Of the host's block at hand; none between two.
    course: Option<Course>,
}

/// Room for one piece. Planar but for `lane`.
struct Scratch {
    dry: [Box<[f32]>; 2],
    mix: [Box<[f32]>; 2],
    lane: Box<[f32]>,
}

/// What a whole block has in common, however many parts it comes in.
#[derive(Clone, Copy)]
struct Course {
    /// When the host's cycle began; the same for all instances that are called in it.
    captured_at: Instant,
    /// Of the host, at the beginning of the block.
    transport: Option<Transport>,
    /// The pace is that of real time.
    may_flow: bool,
    /// A slot may be heard, or the worker must hear of the transport.
    has_news: bool,
}

/// What the controls of a part of a block say of the input.
#[derive(Clone, Copy)]
struct Sending {
    gain: Option<Gain>,
    peak_gain: Gain,
}

impl AudioEnd {
    pub(crate) fn new(
        config: BridgeConfig,
        shared: Arc<Shared>,
        (doorbell, cycle): (Arc<Doorbell>, CycleMember),
        capture: CaptureWriter,
        lanes: [LaneReader; SLOTS],
        (transport, metronome): (TransportWriter, Metronome),
        fill_max_frames: usize,
    ) -> Self {
        let rate_hz = config.sample_rate.hz();
        let piece_frames = config.max_block_frames.clamp(1, PIECE_FRAMES_MAX);
        Self {
            config,
            shared,
            doorbell,
            cycle,
            pace: PaceMeter::new(config.sample_rate),
            last_call: None,
            depth: ReturnDepth::new(config.sample_rate, fill_max_frames),
            capture,
            strips: Strips::new(lanes, rate_hz),
            send_fader: MergedFader::default(),
            monitor: StereoGain::new(Gain::SILENT, Pan::CENTRE),
            transport,
            metronome,
            wet: Ramp::new(Gain::UNITY),
            scratch: Scratch::new(piece_frames),
            send_hold: PeakHold::default(),
            main_hold: PeakHold::default(),
            peak_window_frames: rate_hz as usize / 40,
            unrung_frames: 0,
            course: None,
        }
    }

    /// One whole block. `now` is the time at which the host called; it may be virtual, but never runs backwards. [audio-thread]
    pub fn process(&mut self, now: Instant, io: BlockIo<'_, '_>, controls: &BlockControls) {
        let part = BlockPart::whole(io.frames());
        self.process_part(now, io, controls, part);
    }

    /// A part of a block, for controls that change within it: their ramps begin with the part. The host's call is one call all the
    /// same: pace, time of capture and length are those of the whole block, read when its first part comes. [audio-thread]
    pub fn process_part(
        &mut self,
        now: Instant,
        mut io: BlockIo<'_, '_>,
        controls: &BlockControls,
        part: BlockPart,
    ) {
        let frames = io.frames();
        if frames == 0 {
            return;
        }
        io.hide_short_buses(frames);
        let begun = self.course.take().filter(|_| !part.is_first());
        let mut course = match begun {
            Some(course) => course,
            None => self.begin_block(now, part.block_frames(), controls),
        };
        let sending = self.take_controls(controls, &mut course);
        let piece_frames = self.scratch.lane.len() / 2;
        let mut begin = 0;
        while begin < frames {
            let end = frames.min(begin + piece_frames);
            self.piece(&mut io, begin..end, part.begin(), (course, sending));
            begin = end;
        }
        silence_rest(&mut io, frames);
        if part.is_last(frames) {
            self.end_block(part.block_frames(), course.has_news);
        } else {
            self.course = Some(course);
        }
    }

    /// Drops what is queued for return and measures the pace anew, as after a pause. [audio-thread]
    pub fn reset(&mut self) {
        self.pace.restart();
        self.last_call = None;
        self.strips.flush();
        self.capture.interrupt();
        self.course = None;
    }

    /// Notes how long the host's whole callback took; the plugin measures, because the bridge reads no clock. [audio-thread]
    pub fn record_cost(&mut self, cost: Duration) {
        self.shared.meters.record_cost(cost);
    }

    /// What the callback reports. [any-thread]
    pub fn meters(&self) -> &Arc<Meters> {
        &self.shared.meters
    }

    /// What it was made for. [any-thread]
    pub fn config(&self) -> BridgeConfig {
        self.config
    }

    fn begin_block(&mut self, now: Instant, frames: usize, controls: &BlockControls) -> Course {
        let reading = self.pace.block(now, frames);
        if reading.restarted {
            self.strips.flush();
            self.capture.interrupt();
            self.shared.meters.restarts.add(1);
        }
        let elapsed = self.last_call.map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        self.last_call = Some(now);
        let captured_at = self.cycle.join(now, self.length(frames));
        self.depth.block(frames, elapsed.as_secs_f64());
        let may_flow = reading.pace == Pace::RealTime;
        let transport = controls.transport.filter(|_| may_flow);
        let has_news = self.transport.block(captured_at, transport, frames);
        Course { captured_at, transport, may_flow, has_news }
    }

    /// Lets every gain move to where the controls say, from the next sample frame on.
    fn take_controls(&mut self, controls: &BlockControls, course: &mut Course) -> Sending {
        self.shared.meters.set_bypassed(controls.bypassed);
        course.has_news |= self.strips.take_controls(&self.shared, controls, course.may_flow);
        self.metronome.set_level(controls.metronome_gain);
        let ramp_frames = self.config.sample_rate.hz() / 100;
        self.monitor.set_target(controls.monitor_gain, Pan::CENTRE, ramp_frames);
        self.wet.set_target(Gain::UNITY.unless_muted(controls.bypassed), ramp_frames);
        let may_send = course.may_flow && !controls.bypassed;
        let gain = self.send_gain(controls);
        let is_wanted = self.shared.capture_wanted.load(Ordering::Acquire);
        Sending { gain: (may_send && is_wanted).then_some(gain), peak_gain: gain.unless_muted(!may_send) }
    }

    fn length(&self, frames: usize) -> Duration {
        Duration::from_secs_f64(frames as f64 / f64::from(self.config.sample_rate.hz()))
    }

    /// What everybody gets, by the parameters or by who in the session has moved it since.
    fn send_gain(&mut self, controls: &BlockControls) -> Gain {
        let parameters =
            FaderControls { gain: controls.send_gain, pan: Pan::CENTRE, muted: controls.send_muted };
        let fader = self.send_fader.merge(&self.shared.send_fader, parameters);
        fader.gain.unless_muted(fader.muted || controls.talkback_closed)
    }

    /// A run of a part that begins `part_begin` sample frames into the host's block.
    fn piece(
        &mut self,
        io: &mut BlockIo<'_, '_>,
        range: Range<usize>,
        part_begin: usize,
        (course, sending): (Course, Sending),
    ) {
        let frames = range.len();
        let since = self.length(part_begin + range.start);
        let bad_samples = take_input(io, &range, &mut self.scratch.dry);
        self.shared.meters.bad_input_samples.add(bad_samples);
        self.capture(frames, course.captured_at + since, sending);

        let Scratch { dry: [dry_left, dry_right], mix: [mix_left, mix_right], lane } = &mut self.scratch;
        let (mix_left, mix_right) = (&mut mix_left[..frames], &mut mix_right[..frames]);
        mix_left.fill(0.0);
        mix_right.fill(0.0);
        for bus in io.aux.iter_mut().flatten() {
            bus.left[range.clone()].fill(0.0);
            bus.right[range.clone()].fill(0.0);
        }
        let mut buses = Buses { main: [mix_left, mix_right], aux: &mut io.aux, piece: range.clone() };
        if self.strips.mix(&mut buses, &mut lane[..2 * frames], &self.shared.meters) {
            self.depth.underrun();
        }
        let [mix_left, mix_right] = buses.main;
        strip::mix_planar(
            [&dry_left[..frames], &dry_right[..frames]],
            mix_left,
            mix_right,
            &mut self.monitor,
        );
        self.click(frames, since, course);
        self.put_output(io, range);
    }

    fn click(&mut self, frames: usize, since: Duration, course: Course) {
        if !course.may_flow {
            return self.metronome.rest();
        }
        let own = course.transport.map(|transport| transport.after(since.as_secs_f64()));
        let [left, right] = &mut self.scratch.mix;
        self.metronome.render(course.captured_at + since, own, [&mut left[..frames], &mut right[..frames]]);
    }

    fn capture(&mut self, frames: usize, at: Instant, sending: Sending) {
        let meters = &*self.shared.meters;
        let dry = [&self.scratch.dry[0][..frames], &self.scratch.dry[1][..frames]];
        let peak = Peak::of_planar(dry[0], dry[1]).scaled(sending.peak_gain);
        meters.set_send(self.send_hold.add(peak, frames, self.peak_window_frames));
        let captured = self.capture.write(at, dry, sending.gain);
        meters.overruns.add(usize::from(captured.has_overrun));
        meters.overrun_frames.add(captured.lost_frames);
    }

    /// Fades between mix and input where bypass says so, and hands both to the host.
    fn put_output(&mut self, io: &mut BlockIo<'_, '_>, range: Range<usize>) {
        let frames = range.len();
        let Scratch { dry, mix, .. } = &mut self.scratch;
        for (mix, dry) in mix.iter_mut().zip(dry) {
            blend(&mut mix[..frames], &dry[..frames], self.wet);
        }
        for bus in io.aux.iter_mut().flatten() {
            // A copy each: every channel goes through the same ramp.
            let (mut left, mut right) = (self.wet, self.wet);
            left.apply(&mut bus.left[range.clone()]);
            right.apply(&mut bus.right[range.clone()]);
        }
        self.wet.advance(frames);
        let (left, right) = (&mix[0][..frames], &mix[1][..frames]);
        self.shared.meters.set_main(self.main_hold.add(
            Peak::of_planar(left, right),
            frames,
            self.peak_window_frames,
        ));
        match io.main {
            [] => {}
            [mono] => {
                for ((out, left), right) in mono[range].iter_mut().zip(left).zip(right) {
                    *out = 0.5 * (left + right);
                }
            }
            [out_left, out_right, ..] => {
                out_left[range.clone()].copy_from_slice(left);
                out_right[range].copy_from_slice(right);
            }
        }
    }

    fn end_block(&mut self, frames: usize, has_news: bool) {
        let meters = &*self.shared.meters;
        let pace = self.pace.pace();
        let has_changed = pace != meters.pace();
        let fill_frames = if pace == Pace::RealTime { self.depth.fill_frames() } else { 0 };
        meters.set_block(frames, fill_frames);
        meters.set_pace(pace);
        meters.frames.add(frames);
        self.unrung_frames = self.unrung_frames.saturating_add(frames);
        let has_news = has_news || has_changed || self.shared.capture_wanted.load(Ordering::Relaxed);
        if has_news && (self.unrung_frames >= WAKE_FRAMES || has_changed) {
            self.unrung_frames = 0;
            self.doorbell.ring();
        }
    }
}

impl Scratch {
    fn new(frames: usize) -> Self {
        let channel = || vec![0.0; frames].into_boxed_slice();
        Self { dry: [channel(), channel()], mix: [channel(), channel()], lane: vec![0.0; 2 * frames].into() }
    }
}

/// Takes a piece of the host's input, made harmless; mono goes to both sides. Returns the samples that were changed.
fn take_input(io: &BlockIo<'_, '_>, range: &Range<usize>, dry: &mut [Box<[f32]>; 2]) -> usize {
    let frames = range.len();
    let [left, right] = dry;
    let (left, right) = (&mut left[..frames], &mut right[..frames]);
    match (io.input_channels, &*io.main) {
        (0, _) | (_, []) => {
            left.fill(0.0);
            right.fill(0.0);
            0
        }
        (1, [mono, ..]) | (_, [mono]) => {
            let bad_samples = copy_harmless(&mono[range.clone()], left);
            right.copy_from_slice(left);
            bad_samples
        }
        (_, [first, second, ..]) => {
            copy_harmless(&first[range.clone()], left) + copy_harmless(&second[range.clone()], right)
        }
    }
}

/// Makes one channel of the mix the output: `wet` of itself and the rest of the input. Bit for bit at either end.
fn blend(mix: &mut [f32], dry: &[f32], wet: Ramp) {
    let moving = wet.moving_frames(mix.len());
    for (index, (mix, dry)) in mix.iter_mut().zip(dry).take(moving).enumerate() {
        let wet = wet.gain_at(index);
        *mix = wet * *mix + (1.0 - wet) * dry;
    }
    if wet.target() == 0.0 {
        mix[moving..].copy_from_slice(&dry[moving..]);
    }
}

/// Silences what the host gave beyond the block and beyond stereo.
fn silence_rest(io: &mut BlockIo<'_, '_>, frames: usize) {
    for (index, channel) in io.main.iter_mut().enumerate() {
        let from = if index < 2 { frames } else { 0 };
        channel[from..].fill(0.0);
    }
    for bus in io.aux.iter_mut().flatten() {
        bus.left[frames..].fill(0.0);
        bus.right[frames..].fill(0.0);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Hosts call from one thread now and another later, and both ends live on different threads.
    #[test]
    fn both_ends_may_move_between_threads() {
        fn is_send<T: Send>() {}
        is_send::<AudioEnd>();
        is_send::<crate::NetEnd>();
    }
}
