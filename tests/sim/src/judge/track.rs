//! Where in what was sent each moment of what is heard belongs, to a small part of a sample, and which moments belong nowhere.
//!
//! Works on any sound and any two clocks: each 10 ms of what is heard is held against what was sent at the expected place, the place
//! is moved to where the difference is smallest (Gauss and Newton), and what still differs was made up, faded or left out.
//! For equal clocks and unchanged delay there is [`exact`](super::exact). Left sides only.

use super::interpolate::{Interpolator, REACH};

/// What is looked at together, in sample frames heard (10 ms).
const BLOCK_FRAMES: usize = 480;
/// What is the same or is not, in sample frames (0.5 ms).
const CHUNK_FRAMES: usize = 24;
const CHUNKS: usize = BLOCK_FRAMES / CHUNK_FRAMES;
/// So many chunks that are the same say that a block is where it is thought to be.
const CHUNKS_MIN: usize = CHUNKS / 4;
/// What is quieter than this is not judged: power of a sample, -70 dB of full scale.
const QUIET: f64 = 1e-7;
/// The speeds that are followed lie this far around the nominal one.
const SPEED_RANGE: f64 = 3e-3;
/// How much of the newest measurement of the speed is believed.
const SPEED_SHARE: f64 = 0.3;
const STEPS_MAX: usize = 5;

/// What to expect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// Sample frames sent in the time of one sample frame heard: 1 and the drift between the two sound cards.
    pub speed: f64,
    /// The longest delay that is looked for, in sample frames.
    pub delay_frames_max: usize,
    /// What is so much quieter than the sound, in dB, is no difference.
    pub same_db: f64,
}

/// A moment whose place is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Sample frames heard before it.
    pub heard: f64,
    /// Sample frames sent before what is heard then.
    pub sent: f64,
}

/// A stretch of what is heard that is nowhere in what was sent: made up, cross-faded, silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The sample frame heard with which it begins.
    pub begin: u64,
    /// Its length; multiples of 24.
    pub frames: u64,
}

/// Follows one source through what a listener hears.
#[derive(Debug, Clone)]
pub struct Track {
    expected: Expected,
    interpolator: Interpolator,
    sent: Vec<f32>,
    /// Sample frames sent before the first of `sent`.
    sent_begin: u64,
    heard: Vec<f32>,
    heard_begin: u64,
    /// Where the next block belongs, in sample frames sent.
    next: Option<f64>,
    speed: f64,
    places: Vec<Place>,
    stretches: Vec<Stretch>,
    judged_frames: u64,
}

/// One block at one place.
struct Attempt {
    at: f64,
    /// Of each chunk, whether it is the same as what was sent.
    same: [bool; CHUNKS],
    /// Chunks that are.
    same_count: usize,
    /// Whether there is enough to hear to say where it is.
    is_certain: bool,
}

impl Track {
    /// Nothing heard yet.
    pub fn new(expected: Expected) -> Self {
        Self {
            expected,
            interpolator: Interpolator::new(),
            sent: Vec::new(),
            sent_begin: 0,
            heard: Vec::new(),
            heard_begin: 0,
            next: None,
            speed: expected.speed,
            places: Vec::new(),
            stretches: Vec::new(),
            judged_frames: 0,
        }
    }

    /// Begins to count at these sample frames, for sounds that were played before anybody listened.
    #[must_use]
    pub fn from(mut self, sent_begin: u64, heard_begin: u64) -> Self {
        (self.sent_begin, self.heard_begin) = (sent_begin, heard_begin);
        self
    }

    /// What was sent and heard since the last call.
    pub fn feed(&mut self, sent: &[[f32; 2]], heard: &[[f32; 2]]) {
        self.sent.extend(sent.iter().map(|frame| frame[0]));
        self.heard.extend(heard.iter().map(|frame| frame[0]));
        let mut done = 0;
        // What is heard was sent before: a block more of it is there but for a moment at the beginning.
        while self.heard.len() - done >= BLOCK_FRAMES && self.has_sent_until(done) {
            let mut block = [0.0; BLOCK_FRAMES];
            block.copy_from_slice(&self.heard[done..done + BLOCK_FRAMES]);
            self.block(&block, self.heard_begin + done as u64);
            done += BLOCK_FRAMES;
        }
        self.heard.drain(..done);
        self.heard_begin += done as u64;
        let keep = 2 * (self.expected.delay_frames_max + BLOCK_FRAMES + REACH) + self.heard.len();
        // What was sent may be known long before what is heard of it.
        let place = self.next.unwrap_or(self.heard_begin as f64 * self.expected.speed);
        let unneeded = place - self.sent_begin as f64 - keep as f64;
        let excess = self.sent.len().saturating_sub(keep + 48_000).min(unneeded.max(0.0) as usize);
        self.sent.drain(..excess);
        self.sent_begin += excess as u64;
    }

    /// Moments every 10 ms, where there was enough to hear to know their place.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// What belongs nowhere, in order.
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// Sample frames heard since the place was first known.
    pub fn judged_frames(&self) -> u64 {
        self.judged_frames
    }

    /// Sample frames that belong nowhere, from the one on that is named.
    pub fn foreign_frames(&self, from: u64) -> u64 {
        self.stretches.iter().filter(|stretch| stretch.begin >= from).map(|stretch| stretch.frames).sum()
    }

    fn has_sent_until(&self, done: usize) -> bool {
        let from_start = (self.heard_begin + done as u64 + BLOCK_FRAMES as u64) as f64 * self.expected.speed;
        let end = self.next.map_or(from_start, |next| next + self.speed * (BLOCK_FRAMES + REACH + 2) as f64);
        self.sent_begin as f64 + self.sent.len() as f64 >= end
    }

    fn block(&mut self, heard: &[f32; BLOCK_FRAMES], heard_at: u64) {
        let power = heard.iter().map(|sample| f64::from(sample * sample)).sum::<f64>() / BLOCK_FRAMES as f64;
        let expected = self.next.map(|at| self.refine(heard, at));
        let found = match expected {
            Some(attempt) if attempt.same_count >= CHUNKS_MIN => Some(attempt),
            other if power > QUIET => self.search(heard, heard_at).or(other),
            other => other,
        };
        let Some(attempt) = found else { return };
        // The first one is where it is found; its speed is not known yet.
        if self.next.is_some() {
            self.judged_frames += BLOCK_FRAMES as u64;
            self.note_stretches(&attempt, heard_at);
        }
        let is_there = attempt.same_count >= CHUNKS_MIN;
        if is_there && attempt.is_certain {
            self.learn_speed(attempt.at, heard_at);
            self.places.push(Place { heard: heard_at as f64, sent: attempt.at });
        }
        let at = if is_there { attempt.at } else { self.next.unwrap_or(attempt.at) };
        self.next = Some(at + self.speed * BLOCK_FRAMES as f64);
    }

    fn learn_speed(&mut self, at: f64, heard_at: u64) {
        let Some(last) = self.places.last().filter(|last| heard_at as f64 - last.heard <= 4_800.0) else {
            return;
        };
        let speed = (at - last.sent) / (heard_at as f64 - last.heard);
        if (speed - self.expected.speed).abs() < SPEED_RANGE {
            self.speed += SPEED_SHARE * (speed - self.speed);
        }
    }

    /// Moves the place, and the speed within the block, to where the difference is smallest.
    fn refine(&self, heard: &[f32; BLOCK_FRAMES], mut at: f64) -> Attempt {
        let mut sent = [0.0; BLOCK_FRAMES + 2];
        let mut speed = self.speed;
        for step in 0.. {
            let begin = at - self.sent_begin as f64 - speed;
            self.interpolator.fill(&self.sent, begin, speed, &mut sent);
            let attempt = self.attempt(heard, &sent, at);
            let (move_by, faster_by) = correction(heard, &sent, &attempt);
            if !attempt.is_certain || move_by.abs() < 1e-4 && faster_by.abs() < 1e-7 || step == STEPS_MAX {
                return attempt;
            }
            let range = self.expected.speed - SPEED_RANGE..=self.expected.speed + SPEED_RANGE;
            let faster = (speed + faster_by).clamp(*range.start(), *range.end());
            // The place is that of the beginning, the speed turns around the middle.
            at += move_by - (faster - speed) * BLOCK_FRAMES as f64 / 2.0;
            speed = faster;
        }
        unreachable!("the loop returns after some steps")
    }

    /// Holds a block against what was sent, which begins and ends a sample frame earlier and later.
    fn attempt(&self, heard: &[f32; BLOCK_FRAMES], sent: &[f32; BLOCK_FRAMES + 2], at: f64) -> Attempt {
        let sent = &sent[1..=BLOCK_FRAMES];
        let power = |samples: &[f32]| samples.iter().map(|sample| f64::from(sample * sample)).sum::<f64>();
        let mean = power(sent) / CHUNKS as f64;
        let least = QUIET * CHUNK_FRAMES as f64;
        let share = 10.0_f64.powf(-self.expected.same_db / 10.0);
        let mut same = [false; CHUNKS];
        for (chunk, is_same) in same.iter_mut().enumerate() {
            let range = chunk * CHUNK_FRAMES..(chunk + 1) * CHUNK_FRAMES;
            let pairs = heard[range.clone()].iter().zip(&sent[range.clone()]);
            let difference = pairs.map(|(one, other)| f64::from(one - other).powi(2)).sum::<f64>();
            let loud = power(&sent[range]).max(mean);
            *is_same = difference <= share * loud || difference <= least && loud <= least;
        }
        let same_count = same.iter().filter(|same| **same).count();
        Attempt { at, same, same_count, is_certain: mean > least }
    }

    /// Looks for a block everywhere.
    fn search(&self, heard: &[f32; BLOCK_FRAMES], heard_at: u64) -> Option<Attempt> {
        let newest = self.next.unwrap_or(heard_at as f64 * self.expected.speed) - self.sent_begin as f64;
        let newest = (newest as i64 + self.expected.delay_frames_max as i64 / 2)
            .min(self.sent.len() as i64 - BLOCK_FRAMES as i64 - REACH as i64);
        let oldest = (newest - 3 * self.expected.delay_frames_max as i64 / 2).max(REACH as i64);
        let likeness = |begin: &i64| {
            let sent = &self.sent[*begin as usize..*begin as usize + BLOCK_FRAMES];
            let (mut product, mut power) = (0.0_f32, 1e-9_f32);
            for (one, other) in heard.iter().zip(sent) {
                product += one * other;
                power += other * other;
            }
            product * product.abs() / power
        };
        let best = (oldest..newest)
            .map(|begin| (begin, likeness(&begin)))
            .max_by(|one, other| one.1.total_cmp(&other.1))?;
        let attempt = self.refine(heard, self.sent_begin as f64 + best.0 as f64);
        (attempt.is_certain && attempt.same_count >= CHUNKS_MIN).then_some(attempt)
    }

    fn note_stretches(&mut self, attempt: &Attempt, heard_at: u64) {
        for (chunk, is_same) in attempt.same.iter().enumerate() {
            let begin = heard_at + (chunk * CHUNK_FRAMES) as u64;
            match self.stretches.last_mut() {
                _ if *is_same => {}
                Some(last) if last.begin + last.frames == begin => last.frames += CHUNK_FRAMES as u64,
                _ => self.stretches.push(Stretch { begin, frames: CHUNK_FRAMES as u64 }),
            }
        }
    }
}

/// By how much a block should be moved in its middle, and how much faster it should be, by least squares over what is the same
/// already; over everything where too little is.
fn correction(heard: &[f32; BLOCK_FRAMES], sent: &[f32; BLOCK_FRAMES + 2], attempt: &Attempt) -> (f64, f64) {
    let only_same = attempt.same_count >= CHUNKS_MIN;
    let (mut steep, mut steep_along, mut steep_apart) = (1e-12_f64, 0.0_f64, 1e-9_f64);
    let (mut wrong, mut wrong_along) = (0.0_f64, 0.0_f64);
    for (index, sample) in heard.iter().enumerate() {
        if only_same && !attempt.same[index / CHUNK_FRAMES] {
            continue;
        }
        let slope = f64::from(sent[index + 2] - sent[index]) / 2.0;
        let along = index as f64 - BLOCK_FRAMES as f64 / 2.0;
        let difference = f64::from(sample - sent[index + 1]);
        steep += slope * slope;
        steep_along += slope * slope * along;
        steep_apart += slope * slope * along * along;
        wrong += slope * difference;
        wrong_along += slope * difference * along;
    }
    let determinant = steep * steep_apart - steep_along * steep_along;
    // A single click says where it is, but nothing of the speed.
    if attempt.same_count < CHUNKS / 2 || determinant < 1e-3 * steep * steep_apart {
        return ((wrong / steep).clamp(-1.0, 1.0), 0.0);
    }
    let move_by = (wrong * steep_apart - wrong_along * steep_along) / determinant;
    let faster_by = (steep * wrong_along - steep_along * wrong) / determinant;
    (move_by.clamp(-1.0, 1.0), faster_by.clamp(-1e-3, 1e-3))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sound with something everywhere below 8 kHz that never repeats.
    fn sound(at: f64) -> f32 {
        let tones = [97.3, 211.9, 503.1, 1_234.5, 3_456.7, 7_111.3];
        let wander = (at / 48_000.0 * 3.1).sin() * 7.0;
        let value: f64 =
            tones.iter().map(|hz| (std::f64::consts::TAU * hz * at / 48_000.0 + wander).sin()).sum();
        (value / 10.0) as f32
    }

    fn sent(frames: usize) -> Vec<[f32; 2]> {
        (0..frames).map(|at| [sound(at as f64); 2]).collect()
    }

    fn follow(speed: f64, heard: &[[f32; 2]]) -> Track {
        let expected = Expected { speed, delay_frames_max: 4_800, same_db: 40.0 };
        let mut track = Track::new(expected);
        for (sent, heard) in sent(heard.len() + 200).chunks(4_800).zip(heard.chunks(4_800)) {
            track.feed(sent, heard);
        }
        track
    }

    #[test]
    fn a_sound_on_another_clock_is_followed_to_a_thousandth_of_a_sample() {
        let place = |at: f64| at * 1.0003 - 1_000.25;
        let heard: Vec<[f32; 2]> = (0..96_000).map(|at| [sound(place(f64::from(at)).max(0.0)); 2]).collect();
        let track = follow(1.0, &heard);
        assert!(track.places().len() > 150);
        for known in track.places().iter().filter(|known| known.heard > 20_000.0) {
            assert!((known.sent - place(known.heard)).abs() < 2e-3, "{known:?}");
        }
        assert_eq!(track.foreign_frames(20_000), 0);
    }

    #[test]
    fn what_was_sent_may_be_known_long_before_it_is_heard() {
        let heard: Vec<[f32; 2]> = [vec![[0.0; 2]; 1_000], sent(480_000)].concat();
        let mut track = Track::new(Expected { speed: 1.0, delay_frames_max: 4_800, same_db: 40.0 });
        let mut whole = sent(480_000);
        for heard in heard.chunks(24_000) {
            track.feed(&std::mem::take(&mut whole), heard);
        }
        let lost = track.places().windows(2).filter(|pair| pair[1].heard - pair[0].heard > 480.0).count();
        assert_eq!(lost, 0);
        assert!(track.places().len() > 900);
    }

    #[test]
    fn a_speed_that_steps_is_no_gap() {
        let mut at = -1_000.0;
        let heard: Vec<[f32; 2]> = (0..96_000)
            .map(|frame| {
                at += if frame % 24_000 < 12_000 { 1.001 } else { 0.999 };
                [sound(f64::max(at, 0.0)); 2]
            })
            .collect();
        let track = follow(1.0, &heard);
        assert!(track.foreign_frames(20_000) <= 480, "{:?}", track.stretches());
    }

    #[test]
    fn a_gap_and_a_jump_are_found_where_they_are() {
        let sent = sent(96_000);
        let mut heard = [vec![[0.0; 2]; 500], sent].concat();
        heard[48_000..48_240].fill([0.0; 2]);
        heard.drain(72_000..72_300);
        let track = follow(1.0, &heard[..95_000]);
        let gaps: Vec<&Stretch> = track.stretches().iter().filter(|gap| gap.begin > 9_600).collect();
        assert_eq!(gaps[0], &Stretch { begin: 48_000, frames: 240 });
        assert!(gaps.iter().map(|gap| gap.frames).sum::<u64>() < 240 + 400, "{gaps:?}");
        let last = track.places().last().map(|known| known.heard - known.sent);
        assert!(last.is_some_and(|delay| (delay - 200.0).abs() < 1e-2), "{last:?}");
    }
}
