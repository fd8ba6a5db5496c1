//! The pace, in simulated time: what counts as real time and what does not, and how soon.

#![allow(clippy::unwrap_used, reason = "a test's helper: a panic is a failure")]

use std::time::{Duration, Instant};

use backline_audio::SampleRate;
use backline_bridge::{Pace, PaceMeter};

const RATES_HZ: [u32; 5] = [44_100, 48_000, 88_200, 96_000, 192_000];
const BLOCKS: [usize; 8] = [1, 17, 64, 256, 480, 1024, 4096, 8192];

#[expect(clippy::disallowed_methods, reason = "the origin of virtual time")]
fn origin() -> Instant {
    Instant::now()
}

struct Host {
    meter: PaceMeter,
    rate_hz: f64,
    origin: Instant,
    /// Seconds since the origin at which the next call is due, without jitter.
    due_s: f64,
    seed: u64,
    audio_s: f64,
    /// Audio that was let through since the last `forget`.
    passed_s: f64,
}

impl Host {
    fn new(rate_hz: u32) -> Self {
        let meter = PaceMeter::new(SampleRate::new(rate_hz).unwrap());
        let rate_hz = f64::from(rate_hz);
        Self { meter, rate_hz, origin: origin(), due_s: 1.0, seed: 7, audio_s: 0.0, passed_s: 0.0 }
    }

    fn random(&mut self) -> f64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 11) as f64 / (1_u64 << 53) as f64 * 2.0 - 1.0
    }

    /// A call at `speed` times real time; `jitter` is the share of a block by which it comes early or late.
    fn call(&mut self, frames: usize, speed: f64, jitter: f64) -> Pace {
        let block_s = frames as f64 / self.rate_hz;
        let at_s = self.due_s + self.random() * jitter * block_s / speed;
        let pace = self.meter.block(self.origin + Duration::from_secs_f64(at_s), frames).pace;
        self.due_s += block_s / speed;
        self.audio_s += block_s;
        if pace == Pace::RealTime {
            self.passed_s += block_s;
        }
        pace
    }

    fn forget(&mut self) {
        self.passed_s = 0.0;
        self.audio_s = 0.0;
    }

    /// Runs for so much audio; says which paces were seen.
    fn run(&mut self, audio_s: f64, frames: usize, speed: f64, jitter: f64) -> Vec<Pace> {
        let mut seen = Vec::new();
        let end_s = self.audio_s + audio_s;
        while self.audio_s < end_s {
            let pace = self.call(frames, speed, jitter);
            if seen.last() != Some(&pace) {
                seen.push(pace);
            }
        }
        seen
    }
}

fn everywhere(mut test: impl FnMut(Host, usize)) {
    for rate_hz in RATES_HZ {
        for frames in BLOCKS {
            test(Host::new(rate_hz), frames);
        }
    }
}

#[test]
fn real_time_with_jitter_stays_real_time() {
    everywhere(|mut host, frames| {
        let rate_hz = host.rate_hz;
        assert_eq!(
            host.run(20.0, frames, 1.0, 0.3),
            [Pace::Measuring, Pace::RealTime],
            "{frames} at {rate_hz}"
        );
    });
}

#[test]
fn a_clock_that_is_off_stays_real_time() {
    for speed in [0.95, 0.999, 1.001, 1.01] {
        let mut host = Host::new(48_000);
        assert_eq!(host.run(600.0, 256, speed, 0.3), [Pace::Measuring, Pace::RealTime], "{speed}");
    }
}

#[test]
fn measuring_takes_about_a_tenth_of_a_second() {
    everywhere(|mut host, frames| {
        let block_s = frames as f64 / host.rate_hz;
        let mut calls = 0;
        while host.call(frames, 1.0, 0.0) != Pace::RealTime {
            calls += 1;
        }
        let measured_s = f64::from(calls) * block_s;
        assert!(
            (0.09..0.1 + 2.0 * block_s).contains(&measured_s),
            "{frames} at {}: {measured_s}",
            host.rate_hz
        );
    });
}

#[test]
fn a_bounce_after_real_time_is_cut_within_600_ms_of_audio() {
    everywhere(|mut host, frames| {
        for speed in [5.0, 20.0, 1000.0] {
            host.run(3.0, frames, 1.0, 0.3);
            while host.call(frames, 1.0, 0.0) != Pace::RealTime {}
            host.forget();
            let seen = host.run(10.0, frames, speed, 0.3);
            assert_eq!(seen.last(), Some(&Pace::Faster), "{frames} at {}, {speed}x", host.rate_hz);
            let limit_s = if speed >= 20.0 { 0.6 } else { 0.8 };
            assert!(host.passed_s <= limit_s, "{frames} at {}, {speed}x: {} s", host.rate_hz, host.passed_s);
            // Back to real time, for the next round.
            host.run(6.0, frames, 1.0, 0.3);
        }
    });
}

#[test]
fn a_bounce_from_the_start_never_passes() {
    everywhere(|mut host, frames| {
        let seen = host.run(30.0, frames, 20.0, 0.3);
        assert!(!seen.contains(&Pace::RealTime), "{frames} at {}: {seen:?}", host.rate_hz);
        assert_eq!(seen.last(), Some(&Pace::Faster));
    });
}

#[test]
fn half_speed_becomes_slower() {
    everywhere(|mut host, frames| {
        let seen = host.run(6.0, frames, 0.5, 0.1);
        assert_eq!(seen.last(), Some(&Pace::Slower), "{frames} at {}: {seen:?}", host.rate_hz);
        host.run(3.0, frames, 1.0, 0.1);
        assert_eq!(host.meter.pace(), Pace::RealTime, "{frames} at {}", host.rate_hz);
        let seen = host.run(4.0, frames, 0.5, 0.1);
        assert_eq!(seen.last(), Some(&Pace::Slower), "{frames} at {}: {seen:?}", host.rate_hz);
    });
}

#[test]
fn recovers_after_a_bounce_within_two_seconds() {
    everywhere(|mut host, frames| {
        host.run(20.0, frames, 20.0, 0.1);
        assert_eq!(host.meter.pace(), Pace::Faster);
        host.run(2.0, frames, 1.0, 0.3);
        assert_eq!(host.meter.pace(), Pace::RealTime, "{frames} at {}", host.rate_hz);
        assert_eq!(host.run(10.0, frames, 1.0, 0.3), [Pace::RealTime]);
    });
}

#[test]
fn a_bounce_hardly_faster_than_life_does_not_flap() {
    let mut host = Host::new(48_000);
    let seen = host.run(60.0, 512, 1.5, 0.1);
    assert_eq!(seen.last(), Some(&Pace::Faster));
    assert!(seen.len() <= 3, "{seen:?}");
}

#[test]
fn prefetching_up_to_400_ms_is_real_time() {
    let mut host = Host::new(48_000);
    host.run(2.0, 64, 1.0, 0.0);
    for _ in 0..20 {
        // 400 ms of audio in a burst, then the host waits until it is due again.
        assert_eq!(host.run(0.4, 64, 100.0, 0.0), [Pace::RealTime]);
        host.due_s += 0.4 * 0.99;
    }
    // At the very start, too: the burst comes first, then real time.
    let mut host = Host::new(48_000);
    host.run(0.4, 64, 100.0, 0.0);
    let seen = host.run(5.0, 64, 1.0, 0.0);
    assert_eq!(seen, [Pace::Measuring, Pace::RealTime]);
}

#[test]
fn stalls_and_bursts_that_make_up_for_them_are_forgiven() {
    let mut host = Host::new(48_000);
    host.run(1.0, 128, 1.0, 0.1);
    for _ in 0..10 {
        host.due_s += 0.2;
        assert_eq!(host.run(0.2, 128, 50.0, 0.0), [Pace::RealTime]);
        assert_eq!(host.run(1.0, 128, 1.0, 0.1), [Pace::RealTime]);
    }
    // One that nobody makes up for.
    host.due_s += 0.2;
    assert_eq!(host.run(10.0, 128, 1.0, 0.1), [Pace::RealTime]);
}

#[test]
fn a_gap_measures_anew() {
    everywhere(|mut host, frames| {
        host.run(3.0, frames, 1.0, 0.0);
        assert_eq!(host.meter.pace(), Pace::RealTime);
        host.due_s += 0.3;
        let at = host.origin + Duration::from_secs_f64(host.due_s);
        let reading = host.meter.block(at, frames);
        assert_eq!(
            (reading.pace, reading.restarted),
            (Pace::Measuring, true),
            "{frames} at {}",
            host.rate_hz
        );
    });
}

#[test]
fn changing_block_sizes_stay_real_time() {
    let mut host = Host::new(44_100);
    host.run(1.0, 512, 1.0, 0.0);
    for round in 0..4_000_usize {
        let frames = BLOCKS[round * 7 % BLOCKS.len()];
        assert_eq!(host.call(frames, 1.0, 0.1), Pace::RealTime, "round {round}");
    }
}

#[test]
fn restart_is_a_first_call() {
    let mut host = Host::new(48_000);
    host.run(1.0, 64, 1.0, 0.0);
    host.meter.restart();
    let now = host.origin + Duration::from_secs_f64(host.due_s);
    assert!(host.meter.block(now, 64).restarted);
}

/// Host sequences that nobody thought of: never a panic, and never audio before a measurement.
#[test]
fn clocks_that_stand_or_jump() {
    let mut meter = PaceMeter::new(SampleRate::NETWORK);
    let start = origin();
    for n in 0..10_000_u64 {
        // The same instant over and over.
        assert_ne!(meter.block(start, (n % 9000) as usize).pace, Pace::RealTime);
    }
    assert!(meter.block(start + Duration::from_secs(1 << 30), 8192).restarted);
    assert!(!meter.block(start, 8192).restarted, "time that runs backwards counts as none");
}
