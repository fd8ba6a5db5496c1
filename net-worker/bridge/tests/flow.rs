//! What goes in comes out: bit for bit, on the right bus, with nothing stale and nothing lost uncounted.

mod rig;

use std::sync::atomic::Ordering;
use std::time::Duration;

use backline_audio::{Gain, Pan};
use backline_bridge::{BlockIo, BusChoice, Pace, SLOTS};
use rig::{Frame, Rig, Sine};

/// A block of numbers that are all different, exact in `f32`, and small.
fn numbered(from: usize, frames: usize) -> Vec<Frame> {
    (from..from + frames)
        .map(|n| [(n % 65_521) as f32 / 65_536.0, -((n % 65_521) as f32) / 131_072.0])
        .collect()
}

fn flat(frames: &[Frame]) -> Vec<f32> {
    frames.iter().flatten().copied().collect()
}

#[test]
fn capture_is_bit_exact_at_unity_for_every_block_size() {
    for block_frames in [1, 17, 64, 480, 512, 8192] {
        let mut rig = Rig::running(48_000, block_frames);
        let mut sent = Vec::new();
        for block in 0..(20_000 / block_frames).max(5) {
            let input = numbered(block * block_frames, block_frames);
            rig.call(&input);
            sent.extend(flat(&input));
            rig.capture();
        }
        assert_eq!(rig.captured, sent, "block {block_frames}");
        assert!(rig.stamps.iter().all(|(_, stamp)| !stamp.discontinuity));
    }
}

#[test]
fn return_is_bit_exact_at_unity_for_every_block_size() {
    for block_frames in [1, 17, 64, 480, 512, 8192] {
        let mut rig = Rig::running(48_000, block_frames);
        rig.net.set_slot_live(3, true);
        let mut n = 0;
        let mut heard = Vec::new();
        for _ in 0..(20_000 / block_frames).max(5) {
            rig.fill(3, || {
                n += 1;
                numbered(n, 1)[0]
            });
            heard.extend(rig.call(&vec![[0.5, 0.5]; block_frames]));
        }
        let expected = numbered(1, heard.len());
        assert_eq!(heard[48..], expected[48..], "block {block_frames}");
        assert_eq!(rig.audio.meters().faults().underruns, 0);
    }
}

#[test]
fn the_return_ring_holds_hardly_more_than_a_block() {
    for (rate_hz, block_frames) in [(48_000, 64), (48_000, 480), (44_100, 8192), (192_000, 256)] {
        let mut rig = Rig::running(rate_hz, block_frames);
        rig.net.set_slot_live(0, true);
        let first = rig.fill(0, || [0.0; 2]);
        assert!(
            (block_frames..=block_frames + rate_hz as usize / 1000).contains(&first),
            "{first} for {block_frames}"
        );
        for _ in 0..20 {
            rig.call(&vec![[0.0; 2]; block_frames]);
            assert_eq!(rig.fill(0, || [0.0; 2]), block_frames);
        }
    }
}

#[test]
fn mono_goes_to_both_sides_and_mono_out_is_the_mean() {
    let mut rig = Rig::running(48_000, 64);
    let mut channel: Vec<f32> = (0..64).map(|n| n as f32 / 64.0).collect();
    let sent = channel.clone();
    rig.controls.monitor_gain = Gain::UNITY;
    for _ in 0..20 {
        channel.copy_from_slice(&sent);
        let mut main = [&mut channel[..]];
        rig.audio.process(rig.now, BlockIo::main_only(&mut main, 1), &rig.controls);
        rig.wait(Duration::from_micros(1333));
    }
    assert_eq!(channel, sent, "the monitor, settled at unity");
    rig.capture();
    let last = &rig.captured[rig.captured.len() - 128..];
    assert_eq!(last, sent.iter().flat_map(|x| [*x, *x]).collect::<Vec<_>>());
}

#[test]
fn an_output_without_input_is_silent_in_and_sounds_out() {
    let mut rig = Rig::running(48_000, 64);
    let (mut left, mut right) = ([9.0_f32; 64], [9.0_f32; 64]);
    rig.controls.monitor_gain = Gain::UNITY;
    rig.audio.process(rig.now, BlockIo::main_only(&mut [&mut left, &mut right], 0), &rig.controls);
    assert_eq!((left, right), ([0.0; 64], [0.0; 64]));
    rig.capture();
    assert!(rig.captured.iter().all(|x| *x == 0.0));
}

/// Lets slot 0 play a constant until its strip has settled.
fn settled(rig: &mut Rig, given: [bool; 8]) -> (Frame, Vec<Frame>) {
    let mut last = ([0.0; 2], vec![[0.0; 2]; 8]);
    for _ in 0..30 {
        rig.fill(0, || [0.5, 0.25]);
        let (main, aux) = rig.call_multi(&[[0.0; 2]; 64], given);
        last = (main[63], aux.iter().map(|bus| bus[63]).collect());
    }
    last
}

#[test]
fn gain_pan_mute_solo_and_return_gain() {
    let mut rig = Rig::running(48_000, 64);
    rig.net.set_slot_live(0, true);
    let none = [false; 8];
    assert_eq!(settled(&mut rig, none).0, [0.5, 0.25]);
    rig.controls.slots[0].gain = Gain::new(0.5);
    rig.controls.slots[0].pan = Pan::new(1.0);
    assert_eq!(settled(&mut rig, none).0, [0.0, 0.125]);
    rig.controls.return_gain = Gain::new(2.0);
    assert_eq!(settled(&mut rig, none).0, [0.0, 0.25]);
    rig.controls.slots[5].soloed = true;
    assert_eq!(settled(&mut rig, none).0, [0.0; 2], "another slot is soloed");
    rig.net.set_solo_safe(Some(0));
    assert_eq!(settled(&mut rig, none).0, [0.0, 0.25], "it carries who is soloed elsewhere");
    rig.net.set_solo_safe(None);
    assert_eq!((rig.net.soloed_slots(), rig.net.aux_slots()), (1 << 5, 0));
    rig.controls.slots[0].soloed = true;
    assert_eq!(settled(&mut rig, none).0, [0.0, 0.25]);
    rig.controls.slots[0].muted = true;
    assert_eq!(settled(&mut rig, none).0, [0.0; 2], "mute wins over solo");
    assert_eq!(rig.audio.meters().slot(0).left, 0.5, "the slot's meter is before the fader");
}

#[test]
fn a_slot_is_heard_on_its_bus_or_on_main_never_nowhere() {
    let mut rig = Rig::running(48_000, 64);
    rig.net.set_slot_live(0, true);
    rig.controls.slots[0].bus = BusChoice::Aux(2);
    settled(&mut rig, [true; 8]);
    assert_eq!((rig.net.soloed_slots(), rig.net.aux_slots()), (0, 1));
    let (main, aux) = settled(&mut rig, [true; 8]);
    assert_eq!((main, aux[2]), ([0.0; 2], [0.5, 0.25]));
    assert!(aux.iter().enumerate().all(|(bus, frame)| bus == 2 || *frame == [0.0; 2]));
    let mut without = [true; 8];
    without[2] = false;
    assert_eq!(settled(&mut rig, without).0, [0.5, 0.25], "the host took the bus away");
    assert_eq!(settled(&mut rig, [true; 8]).1[2], [0.5, 0.25], "and gave it back");
    rig.controls.slots[0].bus = BusChoice::Aux(77);
    assert_eq!(settled(&mut rig, [true; 8]).0, [0.5, 0.25], "a bus that does not exist");
}

#[test]
fn a_bus_shorter_than_the_block_is_silenced_and_not_used() {
    let mut rig = Rig::running(48_000, 64);
    rig.net.set_slot_live(0, true);
    rig.controls.slots[0].bus = BusChoice::Aux(0);
    settled(&mut rig, [false; 8]);
    rig.fill(0, || [0.5, 0.25]);
    let (mut l, mut r, mut al, mut ar) = ([0.0; 64], [0.0; 64], [9.0; 63], [9.0; 64]);
    let mut main = [&mut l[..], &mut r[..]];
    let mut io = BlockIo::main_only(&mut main, 2);
    let mut channels = [&mut al[..], &mut ar[..]];
    io.aux[0] = backline_bridge::StereoBus::from_channels(&mut channels);
    assert!(io.aux[0].is_some());
    rig.audio.process(rig.now, io, &rig.controls);
    assert_eq!((l[63], al, ar), (0.5, [0.0; 63], [0.0; 64]));
}

#[test]
fn bypass_passes_the_input_bit_for_bit_and_sends_nothing() {
    let mut rig = Rig::running(48_000, 64);
    rig.net.set_slot_live(0, true);
    settled(&mut rig, [false; 8]);
    rig.controls.bypassed = true;
    for block in 0..40 {
        rig.fill(0, || [0.5, 0.25]);
        let input = numbered(block * 64, 64);
        let out = rig.call(&input);
        rig.capture();
        if block >= 8 {
            assert_eq!(out, input, "block {block}");
            rig.captured.clear();
        }
        if block == 20 {
            assert!(rig.captured.is_empty());
            assert_eq!(rig.audio.meters().send().left, 0.0);
        }
    }
    assert!(rig.captured.is_empty());
    rig.controls.bypassed = false;
    rig.stamps.clear();
    for block in 0..20 {
        rig.fill(0, || [0.5, 0.25]);
        let out = rig.call(&numbered(block * 64, 64));
        if block >= 8 {
            assert_eq!(out[63], [0.5, 0.25]);
        }
    }
    rig.capture();
    assert!(rig.stamps[0].1.discontinuity, "the pause is told");
    assert_eq!(rig.captured.len(), 2 * 20 * 64);
}

#[test]
fn bad_input_is_harmless_and_counted() {
    let mut rig = Rig::running(48_000, 64);
    rig.controls.monitor_gain = Gain::UNITY;
    let mut input = vec![[0.25, 0.25]; 64];
    input[3] = [f32::NAN, 1e30];
    input[9] = [f32::INFINITY, f32::NEG_INFINITY];
    for _ in 0..10 {
        let out = rig.call(&input);
        assert!(out.iter().flatten().all(|x| x.is_finite() && x.abs() <= 16.0));
    }
    rig.capture();
    assert!(rig.captured.iter().all(|x| x.is_finite() && x.abs() <= 16.0));
    assert_eq!(rig.audio.meters().faults().bad_input_samples, 40);
    rig.net.set_slot_live(1, true);
    assert_eq!(rig.net.write_return(1, &[f32::NAN, 0.5, f32::NEG_INFINITY, 99.0]), 2);
    assert_eq!(rig.audio.meters().faults().bad_return_samples, 3);
}

#[test]
fn a_block_longer_than_announced_goes_through_whole() {
    let mut rig = Rig::new(48_000, 64);
    rig.capture();
    for _ in 0..20 {
        rig.call(&[[0.0; 2]; 8192]);
        rig.capture();
    }
    rig.captured.clear();
    rig.net.set_slot_live(0, true);
    let mut n = 0;
    for _ in 0..3 {
        rig.fill(0, || {
            n += 1;
            numbered(n, 1)[0]
        });
        let input = numbered(50_000, 8192);
        let heard = rig.call(&input);
        rig.capture();
        assert_eq!(rig.captured, flat(&input));
        rig.captured.clear();
        assert_eq!(heard[100..], numbered(n - rig.net.meters().return_fill_frames() + 1, 8192)[100..]);
    }
    assert_eq!(rig.audio.meters().faults(), backline_bridge::Faults { restarts: 1, ..Default::default() });
}

#[test]
fn empty_blocks_and_missing_channels_do_nothing() {
    let mut rig = Rig::running(48_000, 64);
    assert!(rig.call(&[]).is_empty());
    rig.audio.process(rig.now, BlockIo::main_only(&mut [], 2), &rig.controls);
    let (mut long, mut short, mut third) = ([1.0; 64], [1.0; 10], [1.0; 20]);
    let mut main = [&mut long[..], &mut short[..], &mut third[..]];
    rig.audio.process(rig.now, BlockIo::main_only(&mut main, 2), &rig.controls);
    assert_eq!(
        (&long[10..], third),
        (&[0.0; 54][..], [0.0; 20]),
        "what the block does not cover is silenced"
    );
}

#[test]
fn stamps_tell_when_each_run_was_handed_over() {
    let mut rig = Rig::running(44_100, 64);
    let began = rig.now;
    for _ in 0..200 {
        rig.call(&[[0.1; 2]; 64]);
        rig.capture();
    }
    rig.capture();
    for (frames, stamp) in &rig.stamps {
        let expected = Duration::from_secs_f64(*frames as f64 / 44_100.0);
        let told = stamp.at - began;
        assert!(told.abs_diff(expected) < Duration::from_micros(2), "{frames}: {told:?}, not {expected:?}");
    }
    assert_eq!(rig.stamps.len(), 200);
}

#[test]
fn nothing_flows_before_the_pace_is_known() {
    let mut rig = Rig::new(48_000, 512);
    rig.net.set_slot_live(0, true);
    rig.capture();
    let mut calls = 0;
    while rig.pace() != Pace::RealTime {
        assert_eq!(rig.net.return_wanted(0), 0);
        assert_eq!(rig.call(&[[0.5; 2]; 512]), [[0.0; 2]; 512]);
        calls += 1;
        if rig.pace() != Pace::RealTime {
            rig.capture();
            assert!(rig.captured.is_empty());
        }
    }
    assert!((9..=12).contains(&calls), "{calls}");
    assert!(rig.net.return_wanted(0) > 0);
}

#[test]
fn after_a_gap_or_a_reset_nothing_old_is_heard() {
    for is_reset in [false, true] {
        let mut rig = Rig::running(48_000, 64);
        rig.net.set_slot_live(0, true);
        settled(&mut rig, [false; 8]);
        rig.fill(0, || [0.5, 0.25]);
        if is_reset {
            rig.audio.reset();
        } else {
            rig.wait(Duration::from_millis(400));
        }
        let first = rig.call(&[[0.0; 2]; 64]);
        assert_eq!(rig.pace(), Pace::Measuring);
        assert!(first[48..].iter().all(|frame| *frame == [0.0; 2]), "a tail of 1 ms, then silence");
        while rig.pace() != Pace::RealTime {
            rig.fill(0, || [-0.5, -0.25]);
            assert_eq!(rig.call(&[[0.0; 2]; 64]), [[0.0; 2]; 64]);
        }
        for _ in 0..10 {
            rig.fill(0, || [-0.5, -0.25]);
            assert!(rig.call(&[[0.0; 2]; 64]).iter().flatten().all(|x| *x <= 0.0));
        }
    }
}

#[test]
fn a_bounce_sends_and_returns_nothing() {
    let mut rig = Rig::running(48_000, 512);
    rig.net.set_slot_live(0, true);
    let mut sent_frames = 0;
    for _ in 0..2000 {
        rig.fill(0, || [0.5, 0.5]);
        rig.call_now(&[[0.5; 2]; 512]);
        rig.wait(Duration::from_micros(533));
        rig.capture();
        sent_frames += rig.captured.len() / 2;
        rig.captured.clear();
    }
    assert_eq!(rig.pace(), Pace::Faster);
    assert_eq!(rig.net.return_wanted(0), 0);
    assert!(sent_frames <= 28_800 + 1024, "{sent_frames}: at most 0.6 s and a fade");
    assert_eq!(rig.call_now(&[[0.5; 2]; 512]), [[0.0; 2]; 512]);
    assert_eq!(rig.audio.meters().send().left, 0.0);
}

#[test]
fn a_full_capture_ring_drops_counts_and_comes_back_marked() {
    let mut rig = Rig::running(48_000, 64);
    for _ in 0..2000 {
        rig.call(&[[0.5; 2]; 64]);
    }
    let faults = rig.audio.meters().faults();
    assert_eq!(faults.overruns, 1);
    rig.capture();
    let kept_frames = rig.captured.len() / 2;
    assert_eq!(
        kept_frames as u64 + faults.overrun_frames,
        2000 * 64,
        "every sample frame is captured or counted"
    );
    assert_eq!(rig.captured[rig.captured.len() - 1], 0.0, "it ends with a fade");
    let seen_stamps = rig.stamps.len();
    rig.call(&[[0.5; 2]; 64]);
    rig.capture();
    assert!(rig.stamps[seen_stamps].1.discontinuity);
    assert_eq!(rig.audio.meters().faults().overrun_frames, faults.overrun_frames);
}

#[test]
fn without_a_reader_nothing_is_captured_and_nothing_counted() {
    let mut rig = Rig::running(48_000, 64);
    rig.net.stop_capture();
    for _ in 0..3000 {
        rig.call(&[[0.5; 2]; 64]);
    }
    assert_eq!(rig.audio.meters().faults().overruns, 0);
    rig.capture();
    assert!(rig.captured.is_empty(), "the fade out from before is old by now");
    rig.call(&[[0.5; 2]; 64]);
    rig.capture();
    assert_eq!(rig.captured.len(), 128);
    assert!(rig.stamps[0].1.discontinuity);
}

#[test]
fn a_worker_that_is_gone_leaves_silence() {
    let mut rig = Rig::running(48_000, 64);
    for slot in 0..SLOTS {
        rig.net.set_slot_live(slot, true);
        rig.fill(slot, || [0.01, 0.01]);
    }
    let Rig { mut audio, net, mut now, controls, .. } = rig;
    drop(net);
    let mut last = [1.0; 64];
    for _ in 0..100 {
        let (mut left, mut right) = ([0.5; 64], [0.5; 64]);
        audio.process(now, BlockIo::main_only(&mut [&mut left, &mut right], 2), &controls);
        now += Duration::from_micros(1333);
        last = left;
    }
    assert_eq!(last, [0.0; 64]);
    assert_eq!((audio.meters().faults().underruns, audio.meters().faults().overruns), (0, 0));
}

#[test]
fn the_bell_is_rung_once_a_block_or_every_32_frames() {
    for (block_frames, calls) in [(64, 1), (32, 1), (17, 2), (1, 32)] {
        let mut rig = Rig::running(48_000, block_frames);
        while !rig.bell.silence() {
            rig.call(&vec![[0.0; 2]; block_frames]);
        }
        // In step now: the last call has rung.
        let before = rig.woken.0.load(Ordering::Relaxed);
        let mut rung = 0;
        for _ in 0..calls * 100 {
            rig.call(&vec![[0.0; 2]; block_frames]);
            rung += u64::from(rig.bell.silence());
        }
        assert_eq!(rung, 100, "block {block_frames}");
        assert_eq!(rig.woken.0.load(Ordering::Relaxed) - before, 100);
    }
}

#[test]
fn an_instance_nobody_works_for_wakes_nobody() {
    let mut rig = Rig::new(48_000, 64);
    for _ in 0..1000 {
        rig.call(&[[0.5; 2]; 64]);
    }
    assert!(rig.woken.0.load(Ordering::Relaxed) <= 1, "only the change of pace is told");
}

#[test]
fn processing_is_seen_and_its_end_too() {
    let mut rig = Rig::running(48_000, 64);
    assert!(rig.net.is_processing(rig.now));
    rig.wait(Duration::from_millis(200));
    assert!(rig.net.is_processing(rig.now));
    rig.wait(Duration::from_millis(100));
    assert!(!rig.net.is_processing(rig.now));
    assert_eq!(rig.pace(), Pace::Stopped);
    rig.call(&[[0.0; 2]; 64]);
    assert!(rig.net.is_processing(rig.now));
    assert_eq!(rig.pace(), Pace::Measuring);
}

#[test]
fn meters_read_what_passes() {
    let mut rig = Rig::running(48_000, 64);
    rig.controls.send_gain = Gain::new(0.5);
    rig.controls.monitor_gain = Gain::UNITY;
    for _ in 0..60 {
        rig.call(&[[0.5, 0.25]; 64]);
    }
    let meters = rig.audio.meters();
    assert_eq!((meters.send().left, meters.send().right), (0.25, 0.125));
    assert_eq!((meters.main().left, meters.main().right), (0.5, 0.25));
    assert_eq!(meters.block_frames(), 64);
    rig.audio.record_cost(Duration::from_micros(3));
    assert_eq!(rig.net.meters().callback_cost().last, Duration::from_micros(3));
}

#[test]
fn late_return_audio_deepens_the_ring_and_calm_shrinks_it() {
    let mut rig = Rig::running(48_000, 64);
    rig.net.set_slot_live(0, true);
    let mut sine = Sine::new(440.0, 0.5, 48_000);
    let before = rig.net.meters().return_fill_frames();
    for block in 0..3000 {
        // A worker that is late every 100th time.
        if block % 100 != 0 {
            rig.fill(0, || sine.next_frame());
        }
        rig.call(&[[0.0; 2]; 64]);
    }
    let deep = rig.net.meters().return_fill_frames();
    assert!(deep >= 128, "{deep}: two blocks");
    let underruns = rig.audio.meters().faults().underruns;
    assert!(underruns < 20, "{underruns}: once deep enough a late worker is not heard");
    for _ in 0..300_000 {
        rig.fill(0, || sine.next_frame());
        rig.call(&[[0.0; 2]; 64]);
    }
    assert_eq!(rig.audio.meters().faults().underruns, underruns);
    assert!(rig.net.meters().return_fill_frames() <= before + 1);
}
