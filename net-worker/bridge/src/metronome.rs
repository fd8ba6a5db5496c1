//! The click: rendered in the callback, so that it falls on the sample, along with whoever leads.
//!
//! Who leads somewhere else is told as a place and a moment; between two such words the beat goes on by the samples, and is steered
//! so gently that nobody hears it. It is in what is heard and in nothing that is sent. Step before: `NetEnd::lead_metronome` and
//! `BlockControls`. Step after: the main output in `audio_end.rs`.

use std::f32::consts::TAU;
use std::time::{Duration, Instant};

use backline_audio::{Gain, Ramp, SampleRate};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::transport::{Transport, TransportAt};

/// Along with whom it clicks.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum MetronomeLead {
    /// It is silent.
    #[default]
    Nobody,
    /// This instance's own host.
    OwnHost,
    /// Somebody whose song is there at that moment; moments to come are waited for.
    Remote(TransportAt),
}

/// Words about the lead that the callback has not reached yet.
const CAPACITY: usize = 32;
/// A beat that is further off is put right at once, in seconds.
const JUMP_S: f64 = 0.03;
/// How fast a smaller error goes: by its half in a third of a second, and never by more than half a per cent of the tempo.
const STEER_PER_S: f64 = 2.0;
const STEER_MAX: f64 = 5e-3;
/// Who hears of a start late still gets the beat that it began with, if it is no later than this, in seconds.
const LATE_S: f64 = 0.01;
/// Two beats are never so near to each other; what floating point makes of one beat is.
const EPSILON_QUARTERS: f64 = 1e-7;

/// Makes both ends.
pub(crate) fn metronome(sample_rate: SampleRate) -> (Metronome, LeadWriter) {
    let (writer, leads) = RingBuffer::new(CAPACITY);
    let metronome = Metronome {
        leads,
        lead: MetronomeLead::Nobody,
        position_quarters: None,
        level: Ramp::new(Gain::SILENT),
        voice: Voice::default(),
        rate_hz: sample_rate.hz(),
    };
    (metronome, LeadWriter(writer))
}

/// The worker's end. [worker-thread]
pub(crate) struct LeadWriter(Producer<MetronomeLead>);

impl LeadWriter {
    /// False where the callback has too much to reach yet.
    pub fn push(&mut self, lead: MetronomeLead) -> bool {
        self.0.push(lead).is_ok()
    }
}

/// The callback's end. [audio-thread]
pub(crate) struct Metronome {
    leads: Consumer<MetronomeLead>,
    lead: MetronomeLead,
    /// Where the beat is at the next sample frame; none while it stands.
    position_quarters: Option<f64>,
    level: Ramp,
    voice: Voice,
    rate_hz: u32,
}

impl Metronome {
    /// How loud, from the block that begins now on.
    pub fn set_level(&mut self, level: Gain) {
        self.level.set_target(level, self.rate_hz / 100);
    }

    /// Adds the clicks of a run that begins at `now`; `own` is where this instance's host is then.
    pub fn render(&mut self, now: Instant, own: Option<Transport>, out: [&mut [f32]; 2]) {
        let [left, right] = out;
        let frames = left.len();
        let mut begin = 0;
        while begin < frames {
            let until = self.next_lead(now, begin, frames);
            let offset_s = begin as f64 / f64::from(self.rate_hz);
            let wanted =
                self.wanted(now + Duration::from_secs_f64(offset_s), own.map(|own| own.after(offset_s)));
            self.segment(wanted, [&mut left[begin..until], &mut right[begin..until]]);
            begin = until;
        }
    }

    /// The host does not call at the pace of real time: there is no beat.
    pub fn rest(&mut self) {
        self.position_quarters = None;
        self.voice = Voice::default();
    }

    /// Takes who leads from `begin` on, and returns until when, in frames of the run.
    fn next_lead(&mut self, now: Instant, begin: usize, frames: usize) -> usize {
        while let Ok(next) = self.leads.peek() {
            if let MetronomeLead::Remote(TransportAt { at, .. }) = next {
                let to_come = at.saturating_duration_since(now).as_secs_f64() * f64::from(self.rate_hz);
                let frame = to_come.round() as usize;
                if frame > begin {
                    return frame.min(frames);
                }
            }
            self.lead = self.leads.pop().unwrap_or_default();
        }
        frames
    }

    /// Where the beat ought to be.
    fn wanted(&self, now: Instant, own: Option<Transport>) -> Option<Transport> {
        let transport = match self.lead {
            MetronomeLead::Nobody => None,
            MetronomeLead::OwnHost => own,
            MetronomeLead::Remote(TransportAt { at, transport }) => {
                let behind = at.saturating_duration_since(now).as_secs_f64();
                let since = now.saturating_duration_since(at).as_secs_f64() - behind;
                Some(transport.after(since))
            }
        };
        transport.filter(Transport::is_rolling)
    }

    fn segment(&mut self, wanted: Option<Transport>, [left, right]: [&mut [f32]; 2]) {
        let frames = left.len();
        let Some(wanted) = wanted else {
            self.position_quarters = None;
            return self.sound([left, right]);
        };
        let quarters_per_s = wanted.bpm() / 60.0;
        let error_s = |position: f64| (wanted.position_quarters() - position) / quarters_per_s;
        let known = self.position_quarters.filter(|position| error_s(*position).abs() <= JUMP_S);
        let position = known.unwrap_or(wanted.position_quarters());
        let steer = (error_s(position) * STEER_PER_S).clamp(-STEER_MAX, STEER_MAX);
        let per_frame = quarters_per_s * (1.0 + steer) / f64::from(self.rate_hz);
        let end = position + frames as f64 * per_frame;
        self.position_quarters = Some(end);

        let (beats, _) = wanted.meter();
        let place = |beat: f64| wanted.bar_start_quarters() + beat * wanted.beat_quarters();
        let late = if known.is_none() { LATE_S * quarters_per_s } else { EPSILON_QUARTERS };
        let mut beat = ((position - late - wanted.bar_start_quarters()) / wanted.beat_quarters()).ceil();
        let mut begin = 0;
        while place(beat) < end - EPSILON_QUARTERS {
            // A cast takes what is late to 0.
            let frame = ((place(beat) - position) / per_frame).round() as usize;
            let frame = frame.clamp(begin, frames);
            self.sound([&mut left[begin..frame], &mut right[begin..frame]]);
            self.voice.strike(beat.rem_euclid(f64::from(beats)) == 0.0, self.rate_hz);
            begin = frame;
            beat += 1.0;
        }
        self.sound([&mut left[begin..], &mut right[begin..]]);
    }

    /// Adds what still sounds.
    fn sound(&mut self, [left, right]: [&mut [f32]; 2]) {
        let frames = left.len();
        let is_heard = self.voice.frames_left > 0 && !self.level.is_silent();
        if is_heard {
            for (index, (left, right)) in left.iter_mut().zip(right).enumerate() {
                let sample = self.voice.next() * self.level.gain_at(index);
                *left += sample;
                *right += sample;
            }
        } else {
            self.voice.skip(frames);
        }
        self.level.advance(frames);
    }
}

/// One click: a sine that dies away.
#[derive(Debug, Default)]
struct Voice {
    phase: f32,
    step: f32,
    loudness: f32,
    decay: f32,
    frames_left: usize,
}

impl Voice {
    /// The first beat of a bar is higher than the others.
    fn strike(&mut self, is_first: bool, rate_hz: u32) {
        let pitch_hz = if is_first { 1_760.0 } else { 1_175.0 };
        let rate_hz = rate_hz as f32;
        *self = Self {
            phase: 0.0,
            step: TAU * pitch_hz / rate_hz,
            loudness: 0.5,
            // 60 dB in 50 ms.
            decay: (-6.9 / (0.05 * rate_hz)).exp(),
            frames_left: (0.05 * rate_hz) as usize,
        };
    }

    fn next(&mut self) -> f32 {
        let Some(left) = self.frames_left.checked_sub(1) else { return 0.0 };
        self.frames_left = left;
        let sample = self.loudness * self.phase.sin();
        self.phase = (self.phase + self.step) % TAU;
        self.loudness *= self.decay;
        sample
    }

    /// Time passes unheard; what is left of a click then is not worth beginning in its middle.
    fn skip(&mut self, frames: usize) {
        self.frames_left = if frames > 0 { 0 } else { self.frames_left };
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
