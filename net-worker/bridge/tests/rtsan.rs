//! RealtimeSanitizer on the callback. It sees malloc, free and system calls, in whatever the callback calls.
//!
//! ```sh
//! RUSTC_BOOTSTRAP=1 RUSTFLAGS="--cfg rtsan -Zsanitizer=realtime" CARGO_TARGET_DIR=target/rtsan \
//!     cargo test -p backline-bridge --test rtsan --target x86_64-unknown-linux-gnu
//! ```
//! Without that cfg the same stress runs without the sanitizer (and the twin, which must fail, is not built).
#![cfg_attr(rtsan, feature(sanitize))]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use backline_audio::{Gain, Pan, SampleRate};
use backline_bridge::{
    AudioEnd, BlockControls, BlockIo, BridgeConfig, BusChoice, CycleClock, Doorbell, MetronomeLead, NetEnd,
    Pace, SLOTS, StereoBus, Transport, TransportAt, Wake, bridge,
};

/// Wakes by one write system call that never blocks, as the eventfd of `backline_io` does.
struct Pipe(UnixStream);

impl Wake for Pipe {
    fn wake(&self) {
        let _ = (&self.0).write(&[1]);
    }
}

/// The host's callback.
#[cfg_attr(rtsan, sanitize(realtime = "nonblocking"))]
fn callback(audio: &mut AudioEnd, now: Instant, io: BlockIo<'_, '_>, controls: &BlockControls) {
    audio.process(now, io, controls);
    audio.record_cost(Duration::from_nanos(1));
}

#[cfg_attr(rtsan, sanitize(realtime = "nonblocking"))]
fn callback_reset(audio: &mut AudioEnd) {
    audio.reset();
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// The worker: drains and fills, is late or away at times, and lets peers come and go.
fn work(mut net: NetEnd, bell: &Doorbell, stop: &AtomicBool, started: Instant) {
    let mut random = Random(5);
    let mut captured = Vec::new();
    let audio: Vec<f32> = (0..40_000).map(|n| (n as f32 * 0.01).sin()).collect();
    let mut is_live = [false; SLOTS];
    while !stop.load(Ordering::Relaxed) {
        bell.silence();
        match random.below(50) {
            0 => {
                let slot = random.below(SLOTS);
                is_live[slot] = !is_live[slot];
                net.set_slot_live(slot, is_live[slot]);
            }
            1 => net.stop_capture(),
            4 => while net.take_transport().is_some() {},
            5 => {
                let transport = song(&mut random);
                let at = started + Duration::from_micros(random.below(2_000_000) as u64);
                let remote = transport.map(|transport| MetronomeLead::Remote(TransportAt { at, transport }));
                let leads = [MetronomeLead::Nobody, MetronomeLead::OwnHost, remote.unwrap_or_default()];
                net.lead_metronome(leads[random.below(3)]);
            }
            // Away: return rings run empty, the capture ring may run full.
            2 => std::thread::yield_now(),
            3 => {
                for slot in 0..SLOTS {
                    net.write_return(slot, &audio);
                }
            }
            _ => {
                while net.read_capture(&mut captured).is_some() {}
                for slot in 0..SLOTS {
                    let wanted = net.return_wanted(slot);
                    net.write_return(slot, &audio[..2 * wanted.min(20_000)]);
                }
            }
        }
    }
}

/// Somewhere in a song, at some tempo, standing or rolling.
fn song(random: &mut Random) -> Option<Transport> {
    let position = random.below(4_000) as f64 / 100.0 - 8.0;
    let meter = (1 + random.below(8) as u8, [1, 4, 8, 32][random.below(4)]);
    let song = Transport::new(position, 0.0, 10.0 + random.below(980) as f64, meter)?;
    Some(if random.below(4) == 0 { song.standing() } else { song.rolling(false) })
}

fn turn_knobs(controls: &mut BlockControls, random: &mut Random) {
    let slot = &mut controls.slots[random.below(SLOTS)];
    match random.below(10) {
        7 => controls.metronome_gain = Gain::new(random.below(2) as f32),
        8 => controls.transport = song(random),
        0 => slot.gain = Gain::new(random.below(100) as f32 / 50.0),
        1 => slot.pan = Pan::new(random.below(100) as f32 / 50.0 - 1.0),
        2 => slot.muted = !slot.muted,
        3 => slot.soloed = !slot.soloed,
        4 => {
            slot.bus =
                if random.below(2) == 0 { BusChoice::Main } else { BusChoice::Aux(random.below(9) as u8) }
        }
        5 => controls.bypassed = random.below(8) == 0,
        6 => controls.send_muted = !controls.send_muted,
        _ => controls.monitor_gain = Gain::new(random.below(2) as f32),
    }
}

/// So many blocks of changing length, mostly in real time, sometimes in a burst or after a gap.
/// Returns how many of them were at the pace of real time.
fn perform(audio: &mut AudioEnd, mut now: Instant, blocks: usize, random: &mut Random) -> usize {
    let rate_hz = f64::from(audio.config().sample_rate.hz());
    let mut controls = BlockControls::default();
    let mut channels = vec![vec![0.0_f32; 20_000]; 18];
    let mut usual_frames = 64;
    let mut owed = Duration::ZERO;
    let mut real_time_blocks = 0;
    for _ in 0..blocks {
        if random.below(200) == 0 {
            usual_frames = [1, 17, 64, 480, 512, 8192, 20_000][random.below(7)];
        }
        let frames = if random.below(10) == 0 { random.below(300) } else { usual_frames };
        if random.below(4) == 0 {
            turn_knobs(&mut controls, random);
        }
        channels[0][..frames].fill(if random.below(100) == 0 { f32::NAN } else { 0.5 });
        let mut slices = channels.iter_mut().map(|channel| &mut channel[..frames]);
        let mut main: Vec<&mut [f32]> = slices.by_ref().take(1 + random.below(2)).collect();
        let mut io = BlockIo::main_only(&mut main, random.below(3));
        for bus in &mut io.aux {
            if let (true, Some(left), Some(right)) = (random.below(8) > 0, slices.next(), slices.next()) {
                *bus = Some(StereoBus { left, right });
            }
        }
        callback(audio, now, io, &controls);
        real_time_blocks += usize::from(audio.meters().pace() == Pace::RealTime);
        owed += Duration::from_secs_f64(frames as f64 / rate_hz);
        match random.below(2_000) {
            0 => now += Duration::from_millis(900),
            1 => callback_reset(audio),
            // Another block at once: the host makes up for it later.
            2..200 => continue,
            _ => {}
        }
        now += std::mem::take(&mut owed);
    }
    real_time_blocks
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the origin of virtual time; a worker thread beside the callback"
)]
fn the_callback_is_clean_under_stress() {
    let (pipe, _other_end) = UnixStream::pair().unwrap();
    pipe.set_nonblocking(true).unwrap();
    let bell = Arc::new(Doorbell::new(Arc::new(Pipe(pipe))));
    let mut random = Random(1);
    let (mut underruns, mut real_time_blocks) = (0, 0);
    for rate_hz in [44_100, 48_000, 96_000, 192_000, 48_000] {
        let sample_rate = SampleRate::new(rate_hz).unwrap();
        let (mut audio, mut net) = bridge(
            BridgeConfig { sample_rate, max_block_frames: 512 },
            Arc::clone(&bell),
            Arc::new(CycleClock::new(Instant::now())),
        );
        // A worker that wants the input and then does nothing: the capture ring runs full.
        net.read_capture(&mut Vec::new());
        let fills = (0..50).any(|_| {
            perform(&mut audio, Instant::now(), 1_000, &mut random);
            audio.meters().faults().overruns > 0
        });
        assert!(fills, "whatever the dice say");
        let stop = Arc::new(AtomicBool::new(false));
        let worker = {
            let (bell, stop) = (Arc::clone(&bell), Arc::clone(&stop));
            std::thread::spawn(move || work(net, &bell, &stop, Instant::now()))
        };
        real_time_blocks +=
            perform(&mut audio, Instant::now() + Duration::from_secs(50_000), 4_000, &mut random);
        stop.store(true, Ordering::Relaxed);
        worker.join().unwrap();
        // The worker is gone; the callback goes on.
        perform(&mut audio, Instant::now() + Duration::from_secs(100_000), 500, &mut random);
        let more = audio.meters().faults();
        underruns += more.underruns;
        assert!(more.restarts > 2 && more.bad_input_samples > 0);
    }
    assert!(underruns > 0, "return rings ran empty");
    assert!(real_time_blocks > 10_000, "{real_time_blocks} of 20,000: audio flowed most of the time");
}

/// Proof that the sanitizer is on: the same function with an allocation in it must end the process.
#[cfg(rtsan)]
mod twin {
    use super::*;

    const ENV: &str = "BACKLINE_RTSAN_TWIN";

    #[sanitize(realtime = "nonblocking")]
    fn callback_that_allocates() -> usize {
        std::hint::black_box(vec![1_u8; 64]).len()
    }

    #[sanitize(realtime = "nonblocking")]
    fn callback_that_writes(wake: &dyn Wake) {
        wake.wake();
    }

    /// Not a test of its own: what the twins run in a process of theirs.
    #[test]
    fn in_a_process_of_its_own() {
        match std::env::var(ENV).as_deref() {
            Ok("allocate") => assert_eq!(callback_that_allocates(), 64),
            Ok("write") => callback_that_writes(&Pipe(UnixStream::pair().unwrap().0)),
            _ => {}
        }
    }

    fn must_be_caught(what: &str) {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "twin::in_a_process_of_its_own", "--nocapture"])
            .env(ENV, what)
            .output()
            .unwrap();
        let report = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "the sanitizer is not on");
        assert!(report.contains("RealtimeSanitizer: unsafe-library-call"), "{report}");
    }

    #[test]
    fn an_allocation_is_caught() {
        must_be_caught("allocate");
    }

    /// Why the doorbell has a scope in which the sanitizer is off.
    #[test]
    fn a_write_outside_the_doorbell_is_caught() {
        must_be_caught("write");
    }
}
