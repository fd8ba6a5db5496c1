//! Nothing clicks, nothing is lost uncounted, and whatever the order of events, the output is finite.
//!
//! The measure of a click is the second difference (`rig::second_difference`). Half a full scale of a 300 Hz sine has
//! 0.000 8 of it; fades of a millisecond add 0.004 for each sound that starts or ends; a jump to zero would have up to 0.5.

mod rig;

use backline_audio::{Gain, Pan};
use backline_bridge::{BusChoice, FaderMoves, Strip};
use proptest::prelude::*;
use rig::{Frame, Rig, Sine, second_difference};

const CLICK: f32 = 0.03;

fn left(frames: &[Frame]) -> impl Iterator<Item = f32> {
    frames.iter().map(|frame| frame[0])
}

#[test]
fn the_measure_sees_a_jump() {
    let mut sine = Sine::new(300.0, 0.5, 48_000);
    let mut samples: Vec<f32> = (0..400).map(|_| sine.next_frame()[0]).collect();
    assert!(second_difference(samples.iter().copied()) < 0.001);
    samples[200..].fill(0.0);
    assert!(second_difference(samples.into_iter()) > 0.1);
}

/// Plays a sine through slot 0 while `event` does something at each block; returns all that was heard.
fn play(blocks: usize, mut event: impl FnMut(&mut Rig, usize) -> bool) -> Vec<Frame> {
    let mut rig = Rig::running(48_000, 64);
    rig.net.set_slot_live(0, true);
    let mut sine = Sine::new(300.0, 0.5, 48_000);
    let mut input = Sine::new(300.0, 0.5, 48_000);
    let mut heard = Vec::new();
    for block in 0..blocks {
        if event(&mut rig, block) {
            rig.fill(0, || sine.next_frame());
        }
        let block: Vec<Frame> = (0..64).map(|_| input.next_frame()).collect();
        heard.extend(rig.call(&block));
    }
    heard
}

fn assert_no_click(heard: &[Frame], what: &str) {
    let worst = second_difference(left(heard));
    assert!(worst < CLICK, "{what}: {worst}");
    assert!(heard.iter().any(|frame| frame[0].abs() > 0.4), "{what}: something was heard");
}

#[test]
fn an_underrun_does_not_click() {
    for late in [7, 11, 50, 51] {
        assert_no_click(&play(300, |_, block| block % late != 0), "late now and then");
    }
    assert_no_click(&play(300, |_, block| block / 20 % 2 == 0), "away for a long time");
}

#[test]
fn a_source_that_comes_and_goes_does_not_click() {
    let heard = play(300, |rig, block| {
        if block % 20 == 10 {
            rig.net.set_slot_live(0, block % 40 == 10);
        }
        true
    });
    assert_no_click(&heard, "comes and goes");
    let heard = play(300, |rig, block| {
        if block % 20 == 10 {
            rig.net.set_slot_live(0, false);
            rig.net.set_slot_live(0, true);
        }
        true
    });
    assert_no_click(&heard, "goes and comes between two blocks");
}

#[test]
fn controls_do_not_click() {
    type Turn = fn(&mut Rig, bool);
    let turns: [(&str, Turn); 8] = [
        ("mute", |rig, on| rig.controls.slots[0].muted = on),
        ("solo", |rig, on| rig.controls.slots[1].soloed = on),
        ("gain", |rig, on| rig.controls.slots[0].gain = Gain::new(if on { 2.0 } else { 0.1 })),
        ("pan", |rig, on| rig.controls.slots[0].pan = Pan::new(if on { 1.0 } else { -1.0 })),
        ("bypass", |rig, on| rig.controls.bypassed = on),
        ("monitor", |rig, on| rig.controls.monitor_gain = Gain::new(if on { 1.0 } else { 0.0 })),
        ("return", |rig, on| rig.controls.return_gain = Gain::new(if on { 1.0 } else { 0.0 })),
        ("bus", |rig, on| rig.controls.slots[0].bus = if on { BusChoice::Aux(1) } else { BusChoice::Main }),
    ];
    for (what, turn) in turns {
        let heard = play(300, |rig, block| {
            turn(rig, block / 15 % 2 == 1);
            true
        });
        assert_no_click(&heard, what);
    }
}

#[test]
fn a_change_of_bus_does_not_click_on_either() {
    let mut rig = Rig::running(48_000, 64);
    rig.net.set_slot_live(0, true);
    let mut sine = Sine::new(300.0, 0.5, 48_000);
    let (mut on_main, mut on_aux) = (Vec::new(), Vec::new());
    for block in 0..300 {
        rig.controls.slots[0].bus = if block / 30 % 2 == 1 { BusChoice::Aux(1) } else { BusChoice::Main };
        rig.fill(0, || sine.next_frame());
        let (main, aux) = rig.call_multi(&[[0.0; 2]; 64], [true; 8]);
        on_main.extend(main);
        on_aux.extend_from_slice(&aux[1]);
    }
    assert_no_click(&on_main, "main");
    assert_no_click(&on_aux, "aux");
}

#[test]
fn what_is_sent_does_not_click() {
    for what in ["mute", "talkback", "bypass", "stop", "full"] {
        let mut rig = Rig::running(48_000, 64);
        let mut sine = Sine::new(300.0, 0.5, 48_000);
        for block in 0..3000_usize {
            let on = block / 30 % 2 == 1;
            match what {
                "mute" => rig.controls.send_muted = on,
                "talkback" => rig.controls.talkback_closed = on,
                "bypass" => rig.controls.bypassed = on,
                _ => {}
            }
            let input: Vec<Frame> = (0..64).map(|_| sine.next_frame()).collect();
            rig.call(&input);
            match (what, on) {
                ("stop", true) => rig.net.stop_capture(),
                ("full", _) if block % 1400 != 1399 => {}
                _ => rig.capture(),
            }
        }
        // A stopped capture forgets its fade out: only what follows on each other is compared.
        let mut starts: Vec<usize> =
            rig.stamps.iter().filter(|(_, s)| s.discontinuity).map(|(at, _)| *at).collect();
        starts.retain(|_| what == "stop");
        starts.push(rig.captured.len() / 2);
        let mut from = 0;
        for to in starts {
            let run = rig.captured[2 * from..2 * to].chunks(2).map(|frame| frame[0]);
            let worst = second_difference(run);
            assert!(worst < CLICK, "{what}: {worst}");
            from = to;
        }
        assert!(rig.captured.iter().any(|x| x.abs() > 0.4), "{what}: something was sent");
    }
}

#[test]
fn a_closed_talkback_sends_silence_and_no_hand_in_the_session_opens_it() {
    let mut rig = Rig::running(48_000, 64);
    let mut sine = Sine::new(300.0, 0.5, 48_000);
    rig.controls.talkback_closed = true;
    for block in 0..100 {
        if block == 50 {
            rig.net.set_fader(Strip::Send, FaderMoves { muted: Some(false), ..FaderMoves::default() });
        }
        let input: Vec<Frame> = (0..64).map(|_| sine.next_frame()).collect();
        rig.call(&input);
        rig.capture();
    }
    // At the very start the gain is yet on its way down.
    assert!(rig.captured[2 * 64 * 10..].iter().all(|sample| *sample == 0.0));
}

#[derive(Debug, Clone)]
enum Step {
    Call(usize),
    CallAgain,
    Serve(usize),
    ServePart(usize, usize),
    Live(usize, bool),
    Capture,
    Turn(usize, u8),
    Reset,
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop_oneof![Just(64), Just(480), 0..300_usize, Just(1), Just(2000)].prop_map(Step::Call),
        8 => Just(Step::CallAgain),
        8 => (0..3_usize).prop_map(Step::Serve),
        2 => (0..3_usize, 0..100_usize).prop_map(|(slot, frames)| Step::ServePart(slot, frames)),
        2 => (0..3_usize, any::<bool>()).prop_map(|(slot, live)| Step::Live(slot, live)),
        8 => Just(Step::Capture),
        2 => (0..3_usize, any::<u8>()).prop_map(|(slot, knob)| Step::Turn(slot, knob)),
        1 => Just(Step::Reset),
        1 => (0..600_u16).prop_map(Step::Wait),
    ]
}

fn turn(rig: &mut Rig, slot: usize, knob: u8) {
    let strip = &mut rig.controls.slots[slot];
    match knob % 6 {
        0 => strip.muted = !strip.muted,
        1 => strip.soloed = !strip.soloed,
        2 => strip.gain = Gain::new(f32::from(knob) / 255.0),
        3 => rig.controls.bypassed = !rig.controls.bypassed,
        4 => rig.controls.monitor_gain = Gain::new(f32::from(knob) / 255.0),
        _ => strip.pan = Pan::new(f32::from(knob) / 127.5 - 1.0),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Three sources, an input, knobs, gaps, resets and a worker of any tardiness: no click, nothing infinite.
    #[test]
    fn any_order_of_events_is_smooth(steps in prop::collection::vec(step(), 1..300)) {
        let mut rig = Rig::running(48_000, 64);
        let mut sines = [150.0, 300.0, 410.0].map(|hz| Sine::new(hz, 0.3, 48_000));
        let mut input = Sine::new(220.0, 0.3, 48_000);
        let mut heard = vec![[0.0; 2]; 2];
        let mut block_frames = 64;
        for step in steps {
            match step {
                Step::Call(frames) => block_frames = frames,
                Step::Serve(slot) => {
                    rig.fill(slot, || sines[slot].next_frame());
                }
                Step::ServePart(slot, frames) => {
                    let samples: Vec<f32> = (0..frames).flat_map(|_| sines[slot].next_frame()).collect();
                    rig.net.write_return(slot, &samples);
                }
                Step::Live(slot, live) => rig.net.set_slot_live(slot, live),
                Step::Capture => rig.capture(),
                Step::Turn(slot, knob) => turn(&mut rig, slot, knob),
                Step::Reset => rig.audio.reset(),
                Step::Wait(ms) => rig.wait(std::time::Duration::from_millis(u64::from(ms))),
                Step::CallAgain => {}
            }
            if matches!(step, Step::Call(_) | Step::CallAgain) {
                let block: Vec<Frame> = (0..block_frames).map(|_| input.next_frame()).collect();
                heard.extend(rig.call(&block));
            }
        }
        prop_assert!(heard.iter().flatten().all(|x| x.is_finite() && x.abs() < 4.0));
        let worst = second_difference(left(&heard));
        prop_assert!(worst < CLICK, "{}", worst);
    }

    /// Every sample frame that went in is either captured, in order, or counted; marks say where something is missing.
    #[test]
    fn capture_is_complete_and_in_order(
        blocks in prop::collection::vec((1..3000_usize, 0..12_u8), 1..200),
    ) {
        let mut rig = Rig::running(48_000, 64);
        let (mut n, mut given) = (0_u32, 0);
        for (frames, drain) in blocks {
            // 24 bits count exactly in an f32.
            let input: Vec<Frame> = (0..frames).map(|_| { n += 1; let x = n as f32 / (1 << 20) as f32; [x, -x] }).collect();
            rig.call(&input);
            given += frames as u64;
            if drain == 0 {
                rig.capture();
            }
        }
        rig.capture();
        let faults = rig.audio.meters().faults();
        prop_assert_eq!((rig.captured.len() / 2) as u64 + faults.overrun_frames, given);
        if faults.overruns == 0 {
            let whole: Vec<f32> = (1..=n).flat_map(|n| { let x = n as f32 / (1 << 20) as f32; [x, -x] }).collect();
            prop_assert_eq!(&rig.captured, &whole);
        }
        let marked = rig.stamps.iter().filter(|(_, stamp)| stamp.discontinuity).count() as u64;
        prop_assert!(marked <= faults.overruns);
    }

    /// What a slot plays is what was written, in order, whole, for any block sizes and any filling, while nothing is missing.
    #[test]
    fn return_is_complete_and_in_order(
        blocks in prop::collection::vec((1..400_usize, 0..400_usize), 1..200),
    ) {
        let mut rig = Rig::running(48_000, 64);
        rig.net.set_slot_live(0, true);
        let (mut n, mut written, mut heard) = (0_u32, 0_usize, Vec::new());
        for (frames, extra) in blocks {
            let fill = (heard.len() + frames + extra).saturating_sub(written);
            let samples: Vec<f32> = (0..fill).flat_map(|_| { n += 1; let x = n as f32 / (1 << 20) as f32; [x, -x] }).collect();
            written += rig.net.write_return(0, &samples);
            heard.extend(rig.call(&vec![[0.0; 2]; frames]));
        }
        prop_assert_eq!(rig.audio.meters().faults().underruns, 0);
        for (n, frame) in heard.iter().enumerate().skip(48) {
            let x = (n + 1) as f32 / (1 << 20) as f32;
            prop_assert_eq!(*frame, [x, -x]);
        }
    }
}
