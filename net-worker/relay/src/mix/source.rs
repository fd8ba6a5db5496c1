//! One source of a mix: its playout, how it arrives, and how loud it is.
//!
//! The step before is `mix.rs` (packets, ticks); inside is [`Playout`]; the step after are the groups, which mix its block, and what
//! publishers and listeners are told of it.

use std::time::{Duration, Instant};

use backline_audio::meter::MeterReading;
use backline_media::{Playout, ReceivedHead};
use backline_session::{Queueing, ReceptionMeter, playout_config};
use backline_wire::limits::NETWORK_RATE_HZ;
use backline_wire::{PeakLevel, Reception, SourceLevel, Ssrc, StreamFormat};

use super::CHANNELS;

/// What is below −94 dBFS is silence: a decoder leaves as much (−96) of what was before.
const QUIET: f32 = 2e-5;
/// A source that is silent for so long (100 ms) rests.
const RESTS_AFTER_FRAMES: u64 = 4_800;

/// What a source does that it did not do before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It has been silent for a while.
    Rests,
    /// It sounds after a rest, from this frame on.
    Sounds,
}

pub(super) struct MixedSource {
    format: StreamFormat,
    pub playout: Playout,
    queueing: Queueing,
    reception: ReceptionMeter,
    /// What it plays in this tick, and whether that is anything.
    pub block: Vec<f32>,
    pub sounds: bool,
    /// It has been silent for a while, and still is: to whom it belongs hears what everybody hears.
    pub rests: bool,
    /// Sample frames of silence that came last.
    silent_frames: u64,
    /// The largest magnitudes, left and right, since they were told.
    peaks: [f32; 2],
}

impl MixedSource {
    /// One of which nothing has come yet; none where it cannot be played. `frames` is the length of a tick.
    pub fn new(stream: Ssrc, format: StreamFormat, depth_max: Duration, frames: usize) -> Option<Self> {
        let mut playout = Playout::new(playout_config(format, depth_max))
            .inspect_err(|error| tracing::error!(%stream, %error, "a source can't be mixed"))
            .ok()?;
        playout.set_source_block(format.block_frames.into());
        Some(Self {
            format,
            playout,
            queueing: Queueing::new(format),
            reception: ReceptionMeter::default(),
            block: vec![0.0; frames * CHANNELS],
            sounds: false,
            rests: false,
            silent_frames: 0,
            peaks: [0.0; 2],
        })
    }

    /// It is coded in another way from now on, or as before.
    pub fn set_format(&mut self, format: StreamFormat, depth_max: Duration) {
        self.playout.set_depth(playout_config(format, depth_max));
        self.playout.set_source_block(format.block_frames.into());
        if self.format != format {
            // What a packet of another length takes is another time.
            self.queueing = Queueing::new(format);
            self.format = format;
        }
    }

    /// A packet came; `unix_time` is the wall clock at `now`.
    pub fn packet(&mut self, head: &ReceivedHead, payload: &[u8], (now, unix_time): (Instant, Duration)) {
        if let Some(captured_at) = head.captured_at {
            let elapsed_us = (unix_time.as_micros() as i64).saturating_sub(captured_at.as_micros() as i64);
            self.queueing.arrived(now, elapsed_us);
        }
        self.playout.insert(head, payload, now);
    }

    /// Plays the next frame into the block.
    pub fn pull(&mut self, now: Instant) -> Option<Turn> {
        self.playout.pull(&mut self.block, now);
        let peaks = MeterReading::of_interleaved(&self.block).map(|channel| channel.peak);
        self.sounds = peaks.iter().any(|peak| *peak > QUIET);
        self.peaks.iter_mut().zip(peaks).for_each(|(most, peak)| *most = most.max(peak));
        let frames = (self.block.len() / CHANNELS) as u64;
        self.silent_frames = if self.sounds { 0 } else { self.silent_frames + frames };
        let rested = std::mem::replace(&mut self.rests, self.silent_frames >= RESTS_AFTER_FRAMES);
        match (rested, self.rests) {
            (false, true) => Some(Turn::Rests),
            (true, false) => Some(Turn::Sounds),
            _ => None,
        }
    }

    /// How loud it was since the last call; none where it was silent.
    pub fn take_level(&mut self, ssrc: Ssrc) -> Option<SourceLevel> {
        let [left, right] = std::mem::take(&mut self.peaks);
        let sounded = left.max(right) > QUIET;
        let (left, right) = (PeakLevel::from_linear(left), PeakLevel::from_linear(right));
        sounded.then_some(SourceLevel { ssrc, left, right })
    }

    /// When what is played now is in the mix on our clock, of which the frame begins at `made_at`, less when it was captured on its sender's
    /// clock, in µs; none while nothing is played.
    pub fn in_mix_after_us(&self, made_at: Duration) -> Option<i64> {
        let captured_at = self.playout.stats().played?.captured_at?;
        // Known of the last sample frame that was pulled.
        let into_frame =
            Duration::from_secs_f64((self.block.len() / CHANNELS) as f64 / f64::from(NETWORK_RATE_HZ));
        let us = |time: Duration| time.as_micros() as i64;
        Some(us(made_at + into_frame).saturating_sub(us(captured_at)))
    }

    /// How it has arrived since the last call; none while nothing of it is played.
    pub fn report(&mut self, stream: Ssrc, depth_max: Duration) -> Option<Reception> {
        let queueing_us = self.queueing.take_us();
        self.reception.report(stream, &self.playout.stats(), depth_max, queueing_us, None)
    }
}

pub(super) fn is_sounding(samples: &[f32]) -> bool {
    samples.iter().any(|sample| sample.abs() > QUIET)
}
