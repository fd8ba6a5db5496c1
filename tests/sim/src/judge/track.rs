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
/// So many chunks that are the same say that a block is where it is thought to be,
const CHUNKS_MIN: usize = CHUNKS / 4;
/// if they hold at least this share of its power: the silence around a click is the same everywhere.
const POWER_SHARE_MIN: f64 = 0.25;
/// What is quieter than this is not judged: power of a sample, -70 dB of full scale.
const QUIET: f64 = 1e-7;
/// The same of a chunk.
const QUIET_CHUNK: f64 = QUIET * CHUNK_FRAMES as f64;
/// The speeds that are followed lie this far around the nominal one.
const SPEED_RANGE: f64 = 3e-3;
/// How much of the newest measurement of the speed is believed.
const SPEED_SHARE: f64 = 0.3;
const STEPS_MAX: usize = 5;
/// A chunk may lie this far from where the block says, in sample frames: where the speed changes by 0.1 % within a block, the
/// straight line through it is off by a quarter of one, and more where only a part of the block was the same.
const BEND_FRAMES_MAX: f64 = 0.75;
/// A bright sound is looked for from several places, for its slopes lead the right way only nearby.
const BEND_BEGINS: [f64; 5] = [0.0, -0.25, 0.25, -0.5, 0.5];
/// It is looked at with its neighbours.
const BEND_WINDOW_FRAMES: usize = 3 * CHUNK_FRAMES;

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
    /// Their share of the power of the block, of what was sent or of what was heard, whichever is louder.
    same_power_share: f64,
    /// What was sent, per chunk on average: the sum of its squares.
    chunk_power: f64,
    /// Whether there is enough to hear to say where it is.
    is_certain: bool,
}

impl Attempt {
    fn new(at: f64, same: [bool; CHUNKS], heard: &[f32], sent: &[f32]) -> Self {
        let share = |samples: &[f32]| {
            let all = power(samples);
            let chunks = samples.chunks_exact(CHUNK_FRAMES).zip(&same).filter(|(_, same)| **same);
            let is_quiet = all <= CHUNKS as f64 * QUIET_CHUNK;
            if is_quiet { 1.0 } else { chunks.map(|(chunk, _)| power(chunk)).sum::<f64>() / all }
        };
        let chunk_power = power(sent) / CHUNKS as f64;
        Self {
            at,
            same_count: same.iter().filter(|same| **same).count(),
            same_power_share: share(heard).min(share(sent)),
            same,
            chunk_power,
            is_certain: chunk_power > QUIET_CHUNK,
        }
    }

    fn is_there(&self) -> bool {
        self.same_count >= CHUNKS_MIN && self.same_power_share >= POWER_SHARE_MIN
    }
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
        let is_loud = power(heard) > CHUNKS as f64 * QUIET_CHUNK;
        let expected = self.next.map(|at| self.refine(heard, at));
        let found = match expected {
            Some(attempt) if attempt.is_there() => Some(attempt),
            other if is_loud => self.search(heard, heard_at).or(other),
            other => other,
        };
        let Some(attempt) = found else { return };
        // The first one is where it is found; its speed is not known yet.
        if self.next.is_some() {
            self.judged_frames += BLOCK_FRAMES as u64;
            // Of a sound that a block has only the edge of nobody knows where exactly it belongs.
            if is_loud || attempt.is_certain {
                self.note_stretches(&attempt, heard_at);
            }
        }
        let is_there = attempt.is_there();
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
                return self.bent(heard, &sent, speed, attempt);
            }
            let range = self.expected.speed - SPEED_RANGE..=self.expected.speed + SPEED_RANGE;
            let faster = (speed + faster_by).clamp(*range.start(), *range.end());
            // The place is that of the beginning, the speed turns around the middle.
            at += move_by - (faster - speed) * BLOCK_FRAMES as f64 / 2.0;
            speed = faster;
        }
        unreachable!("the loop returns after some steps")
    }

    /// Chunks are the same, too, where they lie a little off the straight line.
    fn bent(
        &self,
        heard: &[f32; BLOCK_FRAMES],
        sent: &[f32; BLOCK_FRAMES + 2],
        speed: f64,
        attempt: Attempt,
    ) -> Attempt {
        let mut same = attempt.same;
        if attempt.is_certain {
            for (chunk, is_same) in same.iter_mut().enumerate().filter(|(_, is_same)| !**is_same) {
                *is_same = self.is_bent(heard, speed, &attempt, chunk);
            }
        }
        Attempt::new(attempt.at, same, heard, &sent[1..=BLOCK_FRAMES])
    }

    /// Moves a chunk and its neighbours to where the difference is smallest; whether the chunk is the same there.
    fn is_bent(&self, heard: &[f32; BLOCK_FRAMES], speed: f64, attempt: &Attempt, chunk: usize) -> bool {
        let chunk_begin = chunk * CHUNK_FRAMES;
        let begin = chunk_begin.saturating_sub(CHUNK_FRAMES).min(BLOCK_FRAMES - BEND_WINDOW_FRAMES);
        let window = &heard[begin..begin + BEND_WINDOW_FRAMES];
        let own = chunk_begin - begin..chunk_begin - begin + CHUNK_FRAMES;
        let at = attempt.at - self.sent_begin as f64 + (begin as f64 - 1.0) * speed;
        let mut sent = [0.0; BEND_WINDOW_FRAMES + 2];
        BEND_BEGINS.into_iter().any(|mut aside| {
            for _ in 0..STEPS_MAX {
                self.interpolator.fill(&self.sent, at + aside, speed, &mut sent);
                if self.is_same(&window[own.clone()], &sent[1..][own.clone()], attempt.chunk_power) {
                    return true;
                }
                aside += step_aside(window, &sent);
                if aside.abs() > BEND_FRAMES_MAX {
                    return false;
                }
            }
            false
        })
    }

    /// Holds a block against what was sent, which begins and ends a sample frame earlier and later.
    fn attempt(&self, heard: &[f32; BLOCK_FRAMES], sent: &[f32; BLOCK_FRAMES + 2], at: f64) -> Attempt {
        let sent = &sent[1..=BLOCK_FRAMES];
        let chunk_power = power(sent) / CHUNKS as f64;
        let chunks = heard.chunks_exact(CHUNK_FRAMES).zip(sent.chunks_exact(CHUNK_FRAMES));
        let mut same = [false; CHUNKS];
        for (is_same, (heard, sent)) in same.iter_mut().zip(chunks) {
            *is_same = self.is_same(heard, sent, chunk_power);
        }
        Attempt::new(at, same, heard, sent)
    }

    /// Whether a chunk is the same as what was sent, in a block whose chunks have so much power on average.
    fn is_same(&self, heard: &[f32], sent: &[f32], chunk_power: f64) -> bool {
        let share = 10.0_f64.powf(-self.expected.same_db / 10.0);
        let difference =
            heard.iter().zip(sent).map(|(one, other)| f64::from(one - other).powi(2)).sum::<f64>();
        let loud = power(sent).max(chunk_power);
        difference <= share * loud || difference <= QUIET_CHUNK && loud <= QUIET_CHUNK
    }

    /// Looks for a block everywhere.
    fn search(&self, heard: &[f32; BLOCK_FRAMES], heard_at: u64) -> Option<Attempt> {
        // Where it was last thought to be may be wrong: the two counts say what is possible at all.
        let at_once = heard_at as f64 * self.expected.speed;
        let next = self.next.unwrap_or(at_once);
        let since_begin = |at: f64| (at - self.sent_begin as f64) as i64;
        let delay_max = self.expected.delay_frames_max as i64;
        let newest = (since_begin(next.max(at_once)) + delay_max / 2)
            .min(self.sent.len() as i64 - BLOCK_FRAMES as i64 - REACH as i64);
        let oldest = (since_begin(next.min(at_once)) - delay_max).max(REACH as i64);
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
        (attempt.is_certain && attempt.is_there()).then_some(attempt)
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

/// The sum of the squares.
fn power(samples: &[f32]) -> f64 {
    samples.iter().map(|sample| f64::from(sample * sample)).sum()
}

/// By how much what was sent should be moved, by least squares; it begins and ends a sample frame earlier and later.
fn step_aside(heard: &[f32], sent: &[f32]) -> f64 {
    let (mut steep, mut wrong) = (1e-12_f64, 0.0_f64);
    for (around, sample) in sent.windows(3).zip(heard) {
        let slope = f64::from(around[2] - around[0]) / 2.0;
        steep += slope * slope;
        wrong += slope * f64::from(sample - around[1]);
    }
    wrong / steep
}

/// By how much a block should be moved in its middle, and how much faster it should be, by least squares over what is the same
/// already; over everything where too little is.
fn correction(heard: &[f32; BLOCK_FRAMES], sent: &[f32; BLOCK_FRAMES + 2], attempt: &Attempt) -> (f64, f64) {
    let only_same = attempt.is_there();
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
    fn clicks_that_are_late_are_followed_although_the_silence_between_them_is_the_same_everywhere() {
        let click =
            |at: f64| (0.5 * (-((at.rem_euclid(12_000.0) - 6_000.0) / 3.0).powi(2) / 2.0).exp()) as f32;
        let place = |at: f64| if at < 50_000.0 { at - 400.0 } else { at - 440.0 };
        let sent: Vec<[f32; 2]> = (0..200_000).map(|at| [click(f64::from(at)); 2]).collect();
        let heard: Vec<[f32; 2]> = (0..190_000).map(|at| [click(place(f64::from(at))); 2]).collect();
        let mut track = Track::new(Expected { speed: 1.0, delay_frames_max: 4_800, same_db: 30.0 });
        for (sent, heard) in sent.chunks(4_800).zip(heard.chunks(4_800)) {
            track.feed(sent, heard);
        }
        let late = track.places().iter().filter(|known| known.heard > 60_000.0);
        let delays: Vec<f64> = late.map(|known| known.heard - known.sent).collect();
        assert!(delays.len() >= 10, "{delays:?}");
        assert!(delays.iter().all(|delay| (delay - 440.0).abs() < 1e-2), "{delays:?}");
    }

    #[test]
    fn a_sound_that_comes_back_is_found_again_wherever_its_first_moment_seemed_to_be() {
        let sent = sent(144_000);
        let mut heard = [vec![[0.0; 2]; 500], sent.clone()].concat();
        // Half a second of nothing, then a few milliseconds of something long ago, then on as before.
        heard[48_000..72_000].fill([0.0; 2]);
        heard[72_000..72_480].copy_from_slice(&sent[34_000..34_480]);
        let mut track = Track::new(Expected { speed: 1.0, delay_frames_max: 48_000, same_db: 40.0 });
        for (sent, heard) in sent.chunks(4_800).zip(heard.chunks(4_800)) {
            track.feed(sent, heard);
        }
        let after = track.places().iter().filter(|known| known.heard > 73_000.0);
        let delays: Vec<f64> = after.map(|known| known.heard - known.sent).collect();
        assert!(delays.len() > 100, "{}", delays.len());
        assert!(delays.iter().all(|delay| (delay - 500.0).abs() < 1e-2));
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
    fn a_speed_that_steps_under_a_bright_sound_is_no_gap_and_a_hole_in_it_is_one() {
        // A burst of 9 to 11 kHz every 50 ms, as of a cymbal.
        let bright = |at: f64| {
            let fade = (-((at.rem_euclid(2_400.0) - 1_200.0) / 150.0).powi(2)).exp();
            let tones =
                [9_031.0, 9_977.0, 11_003.0].map(|hz| (std::f64::consts::TAU * hz * at / 48_000.0).sin());
            f64::from(sound(at)) / 4.0 + fade * tones.iter().sum::<f64>() / 5.0
        };
        let sent: Vec<[f32; 2]> = (0..96_200).map(|at| [bright(f64::from(at)) as f32; 2]).collect();
        let mut at = -1_000.0;
        let mut heard: Vec<[f32; 2]> = (0..96_000)
            .map(|frame| {
                at += if frame % 1_700 < 850 { 1.0006 } else { 0.9994 };
                [bright(f64::max(at, 0.0)) as f32; 2]
            })
            .collect();
        heard[60_000..60_120].fill([0.0; 2]);
        let mut track = Track::new(Expected { speed: 1.0, delay_frames_max: 4_800, same_db: 30.0 });
        for (sent, heard) in sent.chunks(4_800).zip(heard.chunks(4_800)) {
            track.feed(sent, heard);
        }
        let gaps: Vec<&Stretch> = track.stretches().iter().filter(|gap| gap.begin > 9_600).collect();
        assert_eq!(gaps, [&Stretch { begin: 60_000, frames: 120 }]);
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
