//! The host's input on its way to the worker: a ring of samples and a ring of marks that say when they were captured.
//!
//! The gate opens and closes with fades, so that what others hear never starts, stops or skips with a click.
//! Step before: `AudioEnd::process`. Step after: `NetEnd::read_capture`, then framing in `backline_media`.

use std::time::{Duration, Instant};

use backline_audio::{Gain, Ramp, SampleRate};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::WAKE_FRAMES;
use crate::tail::fade_frames;

/// When a run of captured samples was handed over by the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptureStamp {
    /// The first sample frame: the start of the host's cycle that brought it, plus its place in that block. All instances
    /// that were called in that cycle have the same start. The latency of the device before it is not in it.
    pub at: Instant,
    /// Something is missing between the run before and this one.
    pub discontinuity: bool,
}

/// At `position_frames` (of all ever captured) the time was `at`.
#[derive(Debug, Clone, Copy)]
struct Mark {
    position_frames: u64,
    at: Instant,
    discontinuity: bool,
}

/// Makes the capture ring, `capacity_frames` long.
pub(crate) fn capture_ring(
    sample_rate: SampleRate,
    capacity_frames: usize,
) -> (CaptureWriter, CaptureReader) {
    let (sample_writer, sample_reader) = RingBuffer::new(2 * capacity_frames);
    let (mark_writer, mark_reader) = RingBuffer::new(capacity_frames / WAKE_FRAMES + 16);
    let writer = CaptureWriter {
        samples: sample_writer,
        marks: mark_writer,
        capacity_frames,
        position_frames: 0,
        unmarked_frames: 0,
        gain: Ramp::new(Gain::SILENT),
        is_open: false,
        is_overrun: false,
        ramp_frames: sample_rate.hz() / 100,
        fade_frames: fade_frames(sample_rate),
    };
    let reader = CaptureReader {
        samples: sample_reader,
        marks: mark_reader,
        position_frames: 0,
        reference: None,
        is_interrupted: false,
        rate_hz: sample_rate.hz(),
    };
    (writer, reader)
}

/// What became of a run of input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Captured {
    /// Something is in the ring that was not there before.
    pub(crate) has_written: bool,
    /// The ring was full just now (told once for each time).
    pub(crate) has_overrun: bool,
    /// Sample frames that should have been captured and were not.
    pub(crate) lost_frames: usize,
}

/// The callback's end. [audio-thread]
pub(crate) struct CaptureWriter {
    samples: Producer<f32>,
    marks: Producer<Mark>,
    capacity_frames: usize,
    position_frames: u64,
    unmarked_frames: usize,
    gain: Ramp,
    is_open: bool,
    is_overrun: bool,
    ramp_frames: u32,
    fade_frames: usize,
}

impl CaptureWriter {
    /// Captures a planar run that was handed over at `at`, with `gain` (reached by a ramp), or lets the gate close: `None`.
    pub(crate) fn write(&mut self, at: Instant, run: [&[f32]; 2], gain: Option<Gain>) -> Captured {
        let frames = run[0].len();
        if !self.is_open && !self.open(at, gain) {
            let is_lost = gain.is_some() && self.is_overrun;
            return Captured { lost_frames: if is_lost { frames } else { 0 }, ..Captured::default() };
        }
        self.gain.set_target(gain.unwrap_or(Gain::SILENT), self.ramp_frames);
        // Room for a fade is always kept, so that what is in the ring never ends in mid-air.
        if self.samples.slots() / 2 < frames + self.fade_frames {
            return self.overrun(at, run);
        }
        self.append(at, run);
        if gain.is_none() && self.gain.is_silent() {
            self.is_open = false;
        }
        Captured { has_written: true, ..Captured::default() }
    }

    /// What comes next does not follow on what came before (the host paused).
    pub(crate) fn interrupt(&mut self) {
        self.is_open = false;
    }

    /// Opens the gate when it is wanted and there is room; the first sample frame is marked.
    fn open(&mut self, at: Instant, gain: Option<Gain>) -> bool {
        let has_room = 2 * (self.samples.slots() / 2) >= self.capacity_frames;
        if gain.is_none() || !has_room {
            return false;
        }
        let mark = Mark { position_frames: self.position_frames, at, discontinuity: true };
        self.is_open = self.marks.push(mark).is_ok();
        self.is_overrun &= !self.is_open;
        self.unmarked_frames = 0;
        self.gain.jump(Gain::SILENT);
        self.is_open
    }

    /// Ends what is in the ring with a fade, and closes the gate until the worker has caught up.
    fn overrun(&mut self, at: Instant, [left, right]: [&[f32]; 2]) -> Captured {
        let frames = left.len().min(self.fade_frames);
        let mut fade = Ramp::new(Gain::new(self.gain.current()));
        fade.set_target(Gain::SILENT, frames as u32);
        self.gain = fade;
        self.append(at, [&left[..frames], &right[..frames]]);
        self.is_open = false;
        self.is_overrun = true;
        Captured { has_written: true, has_overrun: true, lost_frames: left.len() - frames }
    }

    fn append(&mut self, at: Instant, [left, right]: [&[f32]; 2]) {
        let frames = left.len();
        if self.unmarked_frames >= WAKE_FRAMES {
            let mark = Mark { position_frames: self.position_frames, at, discontinuity: false };
            // A mark that finds no room is only a time stamp less: the reader counts on from the one before.
            if self.marks.push(mark).is_ok() {
                self.unmarked_frames = 0;
            }
        }
        // Marks before samples: a reader that sees the samples sees their mark.
        let Ok(mut chunk) = self.samples.write_chunk(2 * frames) else {
            return;
        };
        let (first, second) = chunk.as_mut_slices();
        let (left_head, left_rest) = left.split_at(first.len() / 2);
        let (right_head, right_rest) = right.split_at(first.len() / 2);
        interleave([left_head, right_head], first, &mut self.gain);
        interleave([left_rest, right_rest], second, &mut self.gain);
        chunk.commit_all();
        self.position_frames += frames as u64;
        self.unmarked_frames += frames;
    }
}

/// Planar to interleaved with a gain; bit for bit when it has settled at unity. The lengths fit.
fn interleave([left, right]: [&[f32]; 2], out: &mut [f32], gain: &mut Ramp) {
    for ((frame, left), right) in out.chunks_exact_mut(2).zip(left).zip(right) {
        frame[0] = *left;
        frame[1] = *right;
    }
    gain.apply_interleaved(out);
}

/// The worker's end. [worker-thread]
pub(crate) struct CaptureReader {
    samples: Consumer<f32>,
    marks: Consumer<Mark>,
    position_frames: u64,
    reference: Option<Mark>,
    is_interrupted: bool,
    rate_hz: u32,
}

impl CaptureReader {
    /// Takes everything up to the next mark, or, where there is none, everything.
    pub(crate) fn read(&mut self, out: &mut Vec<f32>) -> Option<CaptureStamp> {
        out.clear();
        let ready_frames = (self.samples.slots() / 2) as u64;
        if ready_frames == 0 {
            return None;
        }
        let (stamp, frames) = self.stamp(ready_frames)?;
        let chunk = self.samples.read_chunk(2 * frames as usize).ok()?;
        let (first, second) = chunk.as_slices();
        out.extend_from_slice(first);
        out.extend_from_slice(second);
        chunk.commit_all();
        self.position_frames += frames;
        Some(stamp)
    }

    /// Throws away everything; the next run is a discontinuity.
    pub(crate) fn discard(&mut self) {
        let samples = self.samples.slots() & !1;
        if let Ok(chunk) = self.samples.read_chunk(samples) {
            chunk.commit_all();
            self.position_frames += (samples / 2) as u64;
        }
        self.is_interrupted = true;
    }

    /// The time of the next sample frame, and how many follow up to the next mark: each mark's own time counts, so that two
    /// instances that were called together are told the same however late either is read.
    fn stamp(&mut self, ready_frames: u64) -> Option<(CaptureStamp, u64)> {
        let mut discontinuity = std::mem::take(&mut self.is_interrupted);
        while let Some(mark) = self.mark_before(self.position_frames + 1) {
            discontinuity |= mark.discontinuity;
            self.reference = Some(mark);
        }
        let reference = self.reference?;
        let since = self.position_frames - reference.position_frames;
        let at = reference.at + Duration::from_nanos(since * 1_000_000_000 / u64::from(self.rate_hz));
        let mut end_frames = self.position_frames + ready_frames;
        if let Ok(mark) = self.marks.peek() {
            end_frames = end_frames.min(mark.position_frames);
        }
        Some((CaptureStamp { at, discontinuity }, end_frames - self.position_frames))
    }

    fn mark_before(&mut self, position_frames: u64) -> Option<Mark> {
        if self.marks.peek().ok()?.position_frames >= position_frames {
            return None;
        }
        self.marks.pop().ok()
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use std::sync::Arc;

    use loom::thread;

    use crate::sync::{AtomicU64, Ordering};

    /// The order that `append` and `read` rely on, with two counters for the tails of the two rings (each published with
    /// Release and read with Acquire, as rtrb does): who sees the samples sees their mark.
    #[test]
    fn loom_samples_are_seen_with_their_mark() {
        loom::model(|| {
            let (marks, samples) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
            let audio = {
                let (marks, samples) = (Arc::clone(&marks), Arc::clone(&samples));
                thread::spawn(move || {
                    for n in 1..=2 {
                        marks.store(n, Ordering::Release);
                        samples.store(n, Ordering::Release);
                    }
                })
            };
            let seen = samples.load(Ordering::Acquire);
            assert!(marks.load(Ordering::Acquire) >= seen);
            audio.join().unwrap();
        });
    }
}
