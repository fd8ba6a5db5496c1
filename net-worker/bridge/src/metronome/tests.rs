#![expect(clippy::disallowed_methods, reason = "an Instant has no other origin")]

use super::*;
use proptest::prelude::*;

const RATE_HZ: f64 = 48_000.0;

struct Rig {
    metronome: Metronome,
    worker: LeadWriter,
    start: Instant,
    frames: usize,
    sound: Vec<f32>,
}

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn rolling(position: f64, bpm: f64, meter: (u8, u8)) -> Transport {
    Transport::new(position, 0.0, bpm, meter).unwrap().rolling(false)
}

impl Rig {
    fn new() -> Self {
        let (mut metronome, worker) = metronome(SampleRate::NETWORK);
        metronome.set_level(Gain::UNITY);
        metronome.level.jump(Gain::UNITY);
        Self { metronome, worker, start: Instant::now(), frames: 0, sound: Vec::new() }
    }

    fn at(&self, seconds: f64) -> Instant {
        self.start + Duration::from_secs_f64(seconds)
    }

    fn lead(&mut self, seconds: f64, transport: Transport) {
        assert!(self.worker.push(MetronomeLead::Remote(TransportAt { at: self.at(seconds), transport })));
    }

    /// One block that the host calls so much too late.
    fn block(&mut self, frames: usize, late_s: f64, own: Option<Transport>) {
        let (mut left, mut right) = (vec![0.0; frames], vec![0.0; frames]);
        let now = self.at(self.frames as f64 / RATE_HZ + late_s);
        self.metronome.render(now, own, [&mut left, &mut right]);
        assert_eq!(left, right);
        self.sound.extend(left);
        self.frames += frames;
    }

    fn run(&mut self, seconds: f64) {
        (0..(seconds * RATE_HZ) as usize / 64).for_each(|_| self.block(64, 0.0, None));
    }

    /// Where clicks begin, in seconds, and whether each is the first of a bar.
    fn clicks(&self) -> Vec<(f64, bool)> {
        let mut clicks = Vec::new();
        let mut index = 0;
        while let Some(found) = self.sound[index..].iter().position(|sample| *sample != 0.0) {
            let begin = index + found;
            let crossing = self.sound[begin..].iter().position(|sample| *sample < 0.0).unwrap_or(0);
            // The first sample of a sine is zero. A half wave of 1760 Hz is 13.6 samples long, of 1175 Hz 20.4.
            clicks.push(((begin - 1) as f64 / RATE_HZ, crossing < 17));
            index = (begin + 2_500).min(self.sound.len());
        }
        clicks
    }
}

fn assert_at(clicks: &[(f64, bool)], expected: &[(f64, bool)]) {
    assert_eq!(clicks.len(), expected.len(), "{clicks:?}");
    for ((at, is_first), (expected_at, expected_first)) in clicks.iter().zip(expected) {
        let is_there = (at - expected_at).abs() < 1.6 / RATE_HZ && is_first == expected_first;
        assert!(is_there, "{clicks:?}, not {expected:?}");
    }
}

#[test]
fn it_clicks_where_the_leader_is_from_the_first_beat_on() {
    let mut rig = Rig::new();
    rig.lead(0.25, rolling(0.0, 120.0, (3, 4)));
    rig.run(2.5);
    let expected = [(0.25, true), (0.75, false), (1.25, false), (1.75, true), (2.25, false)];
    assert_at(&rig.clicks(), &expected);
}

#[test]
fn a_count_in_comes_before_the_song() {
    let mut rig = Rig::new();
    rig.lead(0.1, rolling(-2.0, 120.0, (2, 4)));
    rig.run(1.7);
    assert_at(&rig.clicks(), &[(0.1, true), (0.6, false), (1.1, true), (1.6, false)]);
}

#[test]
fn it_stops_when_the_leader_has_stopped_and_not_before() {
    let mut rig = Rig::new();
    rig.lead(0.0, rolling(0.0, 120.0, (4, 4)));
    rig.lead(0.51, rolling(1.02, 120.0, (4, 4)).standing());
    rig.lead(2.01, rolling(7.5, 60.0, (4, 4)));
    rig.run(3.0);
    assert_at(&rig.clicks(), &[(0.0, true), (0.5, false), (2.51, true)]);
}

#[test]
fn eighths_and_other_tempos() {
    let mut rig = Rig::new();
    rig.lead(0.0, rolling(0.25, 90.0, (6, 8)));
    rig.run(1.4);
    let eighth = 60.0 / 90.0 / 2.0;
    let expected: Vec<(f64, bool)> = (0..4).map(|n| ((f64::from(n) + 0.5) * eighth, false)).collect();
    assert_at(&rig.clicks(), &expected);
}

#[test]
fn a_host_that_calls_unevenly_hears_no_beat_twice_and_none_late() {
    let mut rig = Rig::new();
    rig.lead(0.0, rolling(0.0, 240.0, (4, 4)));
    for block in 0..2_990 {
        let late_s = if block % 7 == 0 { 4e-3 } else { 0.0 };
        rig.block(128, late_s, None);
    }
    let clicks = rig.clicks();
    assert_eq!(clicks.len(), 32, "8 s");
    for (index, (at, _)) in clicks.iter().enumerate() {
        let within = if index < 8 { 4e-3 } else { 1e-3 };
        assert!((at - index as f64 * 0.25).abs() < within, "{clicks:?}");
    }
}

#[test]
fn where_a_leader_was_a_little_off_is_made_good_without_a_jump() {
    let mut rig = Rig::new();
    rig.lead(0.0, rolling(0.0, 120.0, (4, 4)));
    rig.lead(1.0, rolling(2.0 + 0.02, 120.0, (4, 4)));
    rig.run(8.0);
    let clicks = rig.clicks();
    let between: Vec<f64> = clicks.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!(between.iter().all(|time| (0.4970..0.5005).contains(time)), "{between:?}");
    let last = clicks.last().map(|(at, _)| at % 0.5).unwrap_or_default();
    assert!((last - 0.49).abs() < 1e-3, "10 ms earlier by then: {clicks:?}");
}

#[test]
fn a_start_that_is_heard_of_late_has_its_first_beat_if_that_is_just_past() {
    for (late_s, first) in [(0.008, 0.008), (0.012, 0.5)] {
        let mut rig = Rig::new();
        rig.run(late_s);
        rig.lead(0.0, rolling(0.0, 120.0, (4, 4)));
        rig.run(0.6);
        let clicks = rig.clicks();
        assert!((clicks[0].0 - first).abs() < 2e-3, "{clicks:?}");
    }
}

#[test]
fn along_with_its_own_host_it_is_on_the_sample() {
    let mut rig = Rig::new();
    assert!(rig.worker.push(MetronomeLead::OwnHost));
    for block in 0..800 {
        let position = f64::from(block) * 100.0 / RATE_HZ * 2.0;
        rig.block(100, 0.0, Some(rolling(position, 120.0, (4, 4))));
    }
    assert_at(&rig.clicks(), &[(0.0, true), (0.5, false), (1.0, false), (1.5, false)]);
}

#[test]
fn nobody_leads_and_nothing_sounds() {
    let mut rig = Rig::new();
    rig.block(4_800, 0.0, Some(rolling(0.0, 120.0, (4, 4))));
    rig.lead(0.1, rolling(0.0, 120.0, (4, 4)));
    assert!(rig.worker.push(MetronomeLead::Nobody));
    rig.run(1.0);
    assert_eq!(rig.clicks(), []);
}

proptest! {
    /// However the host cuts its blocks: each beat once, on its sample.
    #[test]
    fn every_beat_sounds_once(
        bpm in 30.0..300.0_f64,
        begin in -20.0..20.0_f64,
        blocks in prop::collection::vec(1_usize..3_000, 1..60),
    ) {
        let mut rig = Rig::new();
        rig.lead(0.0, rolling(begin, bpm, (4, 4)));
        blocks.iter().for_each(|frames| rig.block(*frames, 0.0, None));
        rig.block(600, 0.0, None);
        let end = rig.frames as f64 / RATE_HZ;
        let first = (begin - LATE_S * bpm / 60.0).ceil();
        let expected: Vec<f64> = (0..).map(|n| ((first + f64::from(n) - begin) * 60.0 / bpm).max(0.0))
            .take_while(|at| *at < end - 2e-3).collect();
        let clicks = rig.clicks();
        prop_assert!(clicks.len() == expected.len() || clicks.len() == expected.len() + 1, "{:?} {:?}", clicks, expected);
        for ((at, _), expected) in clicks.iter().zip(&expected) {
            prop_assert!((at - expected).abs() < 2.1 / RATE_HZ, "{:?} {:?}", clicks, expected);
        }
    }
}
