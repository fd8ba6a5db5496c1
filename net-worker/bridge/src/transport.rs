//! The host's transport on its way to the worker: where the song is, told when it starts, stops, jumps or changes its tempo, and
//! every quarter of a second while it rolls.
//!
//! Step before: `BlockControls`, once a block. Step after: `NetEnd::take_transport`, then the session, which tells others.

use std::time::{Duration, Instant};

use backline_audio::SampleRate;
use rtrb::{Consumer, Producer, RingBuffer};

/// Where the song is at a moment, and how it goes on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transport {
    position_quarters: f64,
    bar_start_quarters: f64,
    bpm: f64,
    beats_per_bar: u8,
    beat_unit: u8,
    is_rolling: bool,
    is_recording: bool,
}

/// A transport, and when it is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TransportAt {
    /// The moment.
    pub at: Instant,
    /// Where it is then.
    pub transport: Transport,
}

impl Transport {
    /// One that stands at a place, in quarter notes from the beginning of the song, in a bar that begins at another; `bpm` are quarter
    /// notes a minute, a bar has `beats_per_bar` of `beat_unit`-th notes. None where that is no music: not a number, or beyond what any
    /// song has (10 to 999 bpm, bars of 1 to 64 beats, ten million quarter notes). [any-thread]
    pub fn new(
        position_quarters: f64,
        bar_start_quarters: f64,
        bpm: f64,
        (beats_per_bar, beat_unit): (u8, u8),
    ) -> Option<Self> {
        const PLACES: std::ops::RangeInclusive<f64> = -1e7..=1e7;
        let is_music = PLACES.contains(&position_quarters)
            && PLACES.contains(&bar_start_quarters)
            && (10.0..=999.0).contains(&bpm)
            && (1..=64).contains(&beats_per_bar)
            && (1..=32).contains(&beat_unit);
        is_music.then_some(Self {
            position_quarters,
            bar_start_quarters,
            bpm,
            beats_per_bar,
            beat_unit,
            is_rolling: false,
            is_recording: false,
        })
    }

    /// In quarter notes from the beginning of the song; negative before it.
    pub fn position_quarters(&self) -> f64 {
        self.position_quarters
    }

    /// Where a bar begins; all others lie whole bars away.
    pub fn bar_start_quarters(&self) -> f64 {
        self.bar_start_quarters
    }

    /// Quarter notes a minute.
    pub fn bpm(&self) -> f64 {
        self.bpm
    }

    /// Beats of a bar, and which note is a beat.
    pub fn meter(&self) -> (u8, u8) {
        (self.beats_per_bar, self.beat_unit)
    }

    /// Whether it goes on; else it stands there.
    pub fn is_rolling(&self) -> bool {
        self.is_rolling
    }

    /// Whether the host records.
    pub fn is_recording(&self) -> bool {
        self.is_recording
    }

    /// Length of a beat in quarter notes.
    pub fn beat_quarters(&self) -> f64 {
        4.0 / f64::from(self.beat_unit)
    }

    /// Where it is `seconds` later; where it is now, if it does not roll.
    pub fn after(&self, seconds: f64) -> Self {
        let quarters = if self.is_rolling { seconds * self.bpm / 60.0 } else { 0.0 };
        Self { position_quarters: self.position_quarters + quarters, ..*self }
    }

    /// The same, going on from there, recorded or not.
    pub fn rolling(self, is_recording: bool) -> Self {
        Self { is_rolling: true, is_recording, ..self }
    }

    /// The same, standing there.
    pub fn standing(self) -> Self {
        Self { is_rolling: false, is_recording: false, ..self }
    }

    /// Whether both go on alike, but for where they are.
    fn is_like(&self, other: &Self) -> bool {
        let bar_quarters = f64::from(self.beats_per_bar) * self.beat_quarters();
        let bars_apart = (self.bar_start_quarters - other.bar_start_quarters) / bar_quarters;
        let same_bars = (bars_apart - bars_apart.round()).abs() < 1e-6;
        let rest = |of: &Self| Self { position_quarters: 0.0, bar_start_quarters: 0.0, ..*of };
        same_bars && rest(self) == rest(other)
    }
}

/// So much may a host's position differ from where it was expected, in quarter notes, before it has jumped.
const JUMP_QUARTERS: f64 = 1e-3;
/// While nothing changes it is told again so often.
const ROLLING_PERIOD: Duration = Duration::from_millis(250);
const STANDING_PERIOD: Duration = Duration::from_secs(1);
/// Room for two seconds of a worker that does nothing.
const CAPACITY: usize = 32;

/// Makes both ends.
pub(crate) fn transport_ring(sample_rate: SampleRate) -> (TransportWriter, TransportReader) {
    let (marks, reader) = RingBuffer::new(CAPACITY);
    let rate_hz = f64::from(sample_rate.hz());
    (TransportWriter { marks, told: None, since_frames: 0, rate_hz }, TransportReader(reader))
}

/// The callback's end. [audio-thread]
pub(crate) struct TransportWriter {
    marks: Producer<TransportAt>,
    told: Option<Transport>,
    since_frames: usize,
    rate_hz: f64,
}

impl TransportWriter {
    /// Where the host's transport is at the beginning of a block. True when the worker has news.
    pub fn block(&mut self, at: Instant, transport: Option<Transport>, frames: usize) -> bool {
        let since_s = self.since_frames as f64 / self.rate_hz;
        self.since_frames += frames;
        let Some(transport) = transport else { return false };
        let is_news = self.told.is_none_or(|told| {
            let period = if transport.is_rolling { ROLLING_PERIOD } else { STANDING_PERIOD };
            let off_quarters = transport.position_quarters - told.after(since_s).position_quarters;
            off_quarters.abs() > JUMP_QUARTERS || !told.is_like(&transport) || since_s >= period.as_secs_f64()
        });
        let is_told = is_news && self.marks.push(TransportAt { at, transport }).is_ok();
        if is_told {
            (self.told, self.since_frames) = (Some(transport), frames);
        }
        is_told
    }
}

/// The worker's end. [worker-thread]
pub(crate) struct TransportReader(Consumer<TransportAt>);

impl TransportReader {
    /// The next thing that was told.
    pub fn take(&mut self) -> Option<TransportAt> {
        self.0.pop().ok()
    }
}

#[cfg(all(test, not(loom)))]
#[expect(clippy::disallowed_methods, reason = "an Instant has no other origin")]
mod tests {
    use super::*;

    const BLOCK: usize = 480;

    #[expect(clippy::unwrap_used, reason = "a helper of tests")]
    fn at(position: f64) -> Transport {
        Transport::new(position, 0.0, 120.0, (4, 4)).unwrap().rolling(false)
    }

    fn told(reader: &mut TransportReader) -> Vec<Transport> {
        std::iter::from_fn(|| reader.take()).map(|mark| mark.transport).collect()
    }

    #[test]
    fn only_music_is_a_transport() {
        for (position, bar, bpm, meter) in [
            (f64::NAN, 0.0, 120.0, (4, 4)),
            (0.0, f64::INFINITY, 120.0, (4, 4)),
            (0.0, 0.0, 0.0, (4, 4)),
            (0.0, 0.0, f64::NAN, (4, 4)),
            (0.0, 0.0, 120.0, (0, 4)),
            (0.0, 0.0, 120.0, (4, 0)),
        ] {
            assert_eq!(Transport::new(position, bar, bpm, meter), None);
        }
    }

    #[test]
    fn a_start_a_jump_a_tempo_and_a_stop_are_told_and_little_else() {
        let (mut writer, mut reader) = transport_ring(SampleRate::NETWORK);
        let now = Instant::now();
        let per_block = BLOCK as f64 / 48_000.0 * 2.0;
        for block in 0..100 {
            writer.block(now, Some(at(f64::from(block) * per_block)), BLOCK);
        }
        assert_eq!(told(&mut reader).len(), 4, "a second");
        assert!(writer.block(now, Some(at(40.0)), BLOCK), "a jump");
        let faster = Transport { bpm: 121.0, ..at(40.0 + per_block) };
        assert!(writer.block(now, Some(faster), BLOCK));
        let in_the_next_bar = Transport { bar_start_quarters: 44.0, ..faster.after(0.01) };
        assert!(!writer.block(now, Some(in_the_next_bar), BLOCK), "bars go on");
        let elsewhere = Transport { bar_start_quarters: 45.0, ..faster.after(0.02) };
        assert!(writer.block(now, Some(elsewhere), BLOCK), "bars that begin elsewhere");
        let stopped = faster.after(0.03).standing();
        assert!(writer.block(now, Some(stopped), BLOCK));
        assert!(!writer.block(now, Some(stopped), BLOCK));
        assert!(!writer.block(now, None, BLOCK), "a host without a transport");
        assert_eq!(told(&mut reader), [at(40.0), faster, elsewhere, stopped]);
    }

    #[test]
    fn a_worker_that_sleeps_hears_the_truth_when_it_wakes() {
        let (mut writer, mut reader) = transport_ring(SampleRate::NETWORK);
        let now = Instant::now();
        let taken = (0..1_000).filter(|jump| writer.block(now, Some(at(f64::from(*jump))), BLOCK));
        assert_eq!(taken.count(), CAPACITY);
        assert_eq!(told(&mut reader).len(), CAPACITY);
        assert!(writer.block(now, Some(at(7.0)), BLOCK));
        assert_eq!(told(&mut reader), [at(7.0)]);
    }
}
