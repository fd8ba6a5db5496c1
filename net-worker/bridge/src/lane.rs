//! One slot's way from the worker to the callback: a ring, and what the callback makes of it when it is empty, stale or full again.
//!
//! Not gains (that is `strips.rs`). Step before: the worker's playout, through `NetEnd::write_return`. Step after: the slot's strip.

use std::sync::Arc;

use backline_audio::SampleRate;
use rtrb::{Consumer, Producer, RingBuffer};

use crate::harmless::copy_harmless;
use crate::lane_state::{LaneLife, LaneState};
use crate::tail::{Tail, fade_in_window};

/// Makes a slot's ring, `capacity_frames` long.
pub(crate) fn return_ring(sample_rate: SampleRate, capacity_frames: usize) -> (LaneWriter, LaneReader) {
    let (producer, consumer) = RingBuffer::new(2 * capacity_frames);
    let writer = LaneWriter {
        ring: producer,
        capacity_frames,
        written_frames: 0,
        start_frames: 0,
        known_missed_frames: 0,
        is_live: false,
    };
    (writer, LaneReader::new(sample_rate, consumer))
}

/// The worker's end. [worker-thread]
pub(crate) struct LaneWriter {
    ring: Producer<f32>,
    capacity_frames: usize,
    written_frames: u64,
    start_frames: u64,
    /// Of the sample frames that the callback had to do without, those that the worker knows of.
    known_missed_frames: u64,
    is_live: bool,
}

impl LaneWriter {
    pub(crate) fn set_live(&mut self, live: bool, state: &LaneState) {
        if live && !self.is_live {
            self.start_frames = self.written_frames;
            state.begin(self.written_frames);
        } else if !live {
            state.end();
        }
        self.is_live = live;
    }

    /// The sample frames missed since last time, `missed_frames` being all that ever were.
    pub(crate) fn take_missed(&mut self, missed_frames: u64) -> usize {
        let news = missed_frames - self.known_missed_frames;
        self.known_missed_frames = missed_frames;
        if self.is_live { news as usize } else { 0 }
    }

    /// Sample frames missing to a level of `fill_frames`.
    pub(crate) fn wanted_frames(&self, fill_frames: usize) -> usize {
        if !self.is_live {
            return 0;
        }
        let free_frames = self.ring.slots() / 2;
        let queued_frames = (self.capacity_frames - free_frames) as u64;
        // What an earlier life left in the ring will be skipped: it does not count.
        let own_frames = queued_frames.min(self.written_frames - self.start_frames) as usize;
        fill_frames.saturating_sub(own_frames).min(free_frames)
    }

    /// Writes what fits, whole sample frames. Returns the sample frames taken and the samples that had to be made harmless.
    pub(crate) fn write(&mut self, samples: &[f32]) -> (usize, usize) {
        if !self.is_live {
            return (0, 0);
        }
        let frames = (samples.len() / 2).min(self.ring.slots() / 2);
        let Ok(mut chunk) = self.ring.write_chunk(2 * frames) else {
            return (0, 0);
        };
        let (first, second) = chunk.as_mut_slices();
        let (head, rest) = samples[..2 * frames].split_at(first.len());
        let bad = copy_harmless(head, first) + copy_harmless(rest, second);
        chunk.commit_all();
        self.written_frames += frames as u64;
        (frames, bad)
    }
}

/// What a pull brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pulled {
    /// There is something to mix.
    pub(crate) is_sounding: bool,
    /// Sample frames that a live slot should have had and had not, from the first one that it had on.
    pub(crate) missing_frames: usize,
    /// A live slot ran empty in this very pull.
    pub(crate) ran_empty: bool,
}

/// The callback's end. [audio-thread]
pub(crate) struct LaneReader {
    ring: Consumer<f32>,
    read_frames: u64,
    life: LaneLife,
    /// Where the life began of which something was heard.
    heard_life: Option<u64>,
    is_playing: bool,
    /// Sample frames of the fade in that are over.
    faded_frames: usize,
    fade_in: Arc<[f32]>,
    tail: Tail,
}

impl LaneReader {
    fn new(sample_rate: SampleRate, ring: Consumer<f32>) -> Self {
        Self {
            ring,
            read_frames: 0,
            life: LaneLife { is_live: false, start_frames: 0 },
            heard_life: None,
            is_playing: false,
            faded_frames: 0,
            fade_in: fade_in_window(sample_rate).into(),
            tail: Tail::new(sample_rate),
        }
    }

    /// To be called once a block, before the first pull. Returns whether a pull is worth it.
    pub(crate) fn update(&mut self, state: &LaneState) -> bool {
        self.life = state.load();
        let stale_frames = self.life.start_frames.saturating_sub(self.read_frames);
        if self.life.is_live && stale_frames > 0 {
            self.skip(stale_frames as usize);
        }
        self.life.is_live || self.is_active()
    }

    /// Whether something may still be heard.
    pub(crate) fn is_active(&self) -> bool {
        self.is_playing || self.tail.is_sounding()
    }

    /// Throws away what is queued; what was sounding fades out.
    pub(crate) fn flush(&mut self) {
        self.heard_life = None;
        self.skip(self.ring.slots() / 2);
    }

    /// Fills `out` (interleaved) with what is to be heard now; silence where there is nothing.
    pub(crate) fn pull(&mut self, out: &mut [f32]) -> Pulled {
        let got_frames = self.read(out);
        let (got, missing) = out.split_at_mut(2 * got_frames);
        missing.fill(0.0);
        if got_frames > 0 && !self.is_playing {
            self.is_playing = true;
            self.faded_frames = 0;
            self.heard_life = Some(self.life.start_frames);
        }
        self.fade(got);
        self.tail.add_to(got);
        let mut is_sounding = got_frames > 0 || self.tail.is_sounding();
        self.tail.remember(got);
        let was_heard = self.life.is_live && self.heard_life == Some(self.life.start_frames);
        let missing_frames = if was_heard { missing.len() / 2 } else { 0 };
        let ran_empty = self.is_playing && missing_frames > 0;
        if self.is_playing && !missing.is_empty() {
            self.stop();
            is_sounding = true;
        }
        self.tail.add_to(missing);
        if is_sounding {
            self.tail.remember(missing);
        }
        Pulled { is_sounding, missing_frames, ran_empty }
    }

    fn read(&mut self, out: &mut [f32]) -> usize {
        let samples = self.ring.slots().min(out.len()) & !1;
        let Ok(chunk) = self.ring.read_chunk(samples) else {
            return 0;
        };
        let (first, second) = chunk.as_slices();
        out[..first.len()].copy_from_slice(first);
        out[first.len()..samples].copy_from_slice(second);
        chunk.commit_all();
        self.read_frames += (samples / 2) as u64;
        samples / 2
    }

    fn skip(&mut self, frames: usize) {
        let samples = (2 * frames).min(self.ring.slots());
        if let Ok(chunk) = self.ring.read_chunk(samples) {
            chunk.commit_all();
            self.read_frames += (samples / 2) as u64;
        }
        if self.is_playing {
            self.stop();
        }
    }

    fn stop(&mut self) {
        self.is_playing = false;
        self.tail.begin(&self.fade_in);
    }

    fn fade(&mut self, samples: &mut [f32]) {
        let window = &self.fade_in[self.faded_frames..];
        if window.is_empty() {
            return;
        }
        for (frame, gain) in samples.chunks_exact_mut(2).zip(window) {
            frame[0] *= gain;
            frame[1] *= gain;
        }
        self.faded_frames += window.len().min(samples.len() / 2);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    struct Rig {
        writer: LaneWriter,
        reader: LaneReader,
        state: LaneState,
    }

    impl Rig {
        fn new() -> Self {
            let (writer, reader) = return_ring(SampleRate::NETWORK, 1024);
            Self { writer, reader, state: LaneState::new() }
        }

        fn pull(&mut self, frames: usize) -> (Vec<f32>, Pulled) {
            let mut out = vec![9.0; 2 * frames];
            self.reader.update(&self.state);
            let pulled = self.reader.pull(&mut out);
            (out, pulled)
        }
    }

    #[test]
    fn an_idle_lane_is_silent_and_no_underrun() {
        let mut rig = Rig::new();
        assert!(!rig.reader.update(&rig.state));
        let (out, pulled) = rig.pull(64);
        assert_eq!(out, [0.0; 128]);
        assert_eq!(pulled, Pulled { is_sounding: false, missing_frames: 0, ran_empty: false });
    }

    #[test]
    fn after_its_fade_in_it_passes_bit_for_bit() {
        let mut rig = Rig::new();
        rig.writer.set_live(true, &rig.state);
        let sent: Vec<f32> = (0..400).map(|n| (n as f32 * 0.37).sin()).collect();
        assert_eq!(rig.writer.write(&sent), (200, 0));
        let (out, pulled) = rig.pull(200);
        assert_eq!(out[96..], sent[96..]);
        assert_eq!(pulled, Pulled { is_sounding: true, missing_frames: 0, ran_empty: false });
    }

    #[test]
    fn running_empty_fades_and_every_missing_sample_frame_is_told_once() {
        let mut rig = Rig::new();
        rig.writer.set_live(true, &rig.state);
        rig.writer.write(&[0.5; 400]);
        let (out, pulled) = rig.pull(230);
        assert_eq!(pulled, Pulled { is_sounding: true, missing_frames: 30, ran_empty: true });
        assert!(out.windows(4).skip(120).all(|w| (w[2] - w[0]).abs() < 0.03), "{out:?}");
        assert_eq!(rig.pull(64).1, Pulled { is_sounding: true, missing_frames: 64, ran_empty: false });
        assert_eq!(rig.pull(64).1, Pulled { is_sounding: false, missing_frames: 64, ran_empty: false });
        assert_eq!(rig.writer.take_missed(158), 158);
        assert_eq!(rig.writer.take_missed(160), 2);
        rig.writer.set_live(false, &rig.state);
        assert_eq!(rig.pull(64).1.missing_frames, 0);
        assert_eq!(rig.writer.take_missed(170), 0, "nobody plays");
        rig.writer.set_live(true, &rig.state);
        assert_eq!(rig.pull(64).1.missing_frames, 0, "a new life has missed nothing yet");
        assert_eq!(rig.writer.take_missed(170), 0);
    }

    #[test]
    fn an_ended_life_is_played_out_and_is_no_underrun() {
        let mut rig = Rig::new();
        rig.writer.set_live(true, &rig.state);
        rig.writer.write(&[0.5; 200]);
        rig.pull(10);
        rig.writer.set_live(false, &rig.state);
        assert_eq!(rig.writer.write(&[0.5; 200]), (0, 0));
        let (out, pulled) = rig.pull(100);
        assert_eq!(out[100], 0.5);
        assert_eq!(pulled, Pulled { is_sounding: true, missing_frames: 0, ran_empty: false });
    }

    #[test]
    fn a_new_life_never_plays_what_an_old_one_left() {
        let mut rig = Rig::new();
        rig.writer.set_live(true, &rig.state);
        rig.writer.write(&[0.5; 400]);
        rig.writer.set_live(false, &rig.state);
        rig.writer.set_live(true, &rig.state);
        assert_eq!(rig.writer.wanted_frames(64), 64);
        rig.writer.write(&[-0.5; 400]);
        assert_eq!(rig.writer.wanted_frames(64), 0);
        let (out, _) = rig.pull(150);
        assert!(out.iter().all(|x| *x <= 0.0));
        assert_eq!(out[200], -0.5);
    }
}
