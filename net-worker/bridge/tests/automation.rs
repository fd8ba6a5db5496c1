//! Controls that change within a block: every ramp begins at its sample frame, and the host's call stays one call.

mod rig;

use std::time::Duration;

use backline_audio::{Gain, Pan};
use backline_bridge::{BlockControls, BlockIo, BlockPart, Pace};
use rig::{Frame, Rig};

const BLOCK: usize = 512;
const PLACES: [usize; 5] = [1, 17, 100, 480, 511];
/// What the slots play and the input has.
const SAMPLE: f32 = 0.5;

/// A change of a control, and the controls before it.
type Change = (&'static str, BlockControls, fn(&mut BlockControls));

fn with(change: impl FnOnce(&mut BlockControls)) -> BlockControls {
    let mut controls = BlockControls::default();
    change(&mut controls);
    controls
}

/// Where a signal that was constant leaves its value.
fn leaves_at(frames: &[Frame]) -> Option<usize> {
    frames.iter().position(|frame| *frame != frames[0])
}

/// Slot 0 plays a constant until everything has settled on these controls.
fn settled(controls: &BlockControls) -> Rig {
    let mut rig = Rig::running(48_000, BLOCK);
    rig.controls = controls.clone();
    rig.net.set_slot_live(0, true);
    for _ in 0..20 {
        play(&mut rig, &[]);
        rig.capture();
    }
    rig.captured.clear();
    rig
}

fn play(rig: &mut Rig, cuts: &[(usize, BlockControls)]) -> Vec<Frame> {
    rig.fill(0, || [SAMPLE; 2]);
    rig.call_cut(&[[SAMPLE; 2]; BLOCK], cuts)
}

#[test]
fn what_is_heard_begins_to_change_at_its_sample_frame() {
    let base = BlockControls::default();
    let monitored = with(|controls| controls.monitor_gain = Gain::UNITY);
    let changes: [Change; 7] = [
        ("slot gain", base.clone(), |controls| controls.slots[0].gain = Gain::new(0.25)),
        ("slot pan", base.clone(), |controls| controls.slots[0].pan = Pan::new(0.5)),
        ("slot mute", base.clone(), |controls| controls.slots[0].muted = true),
        ("solo of another", base.clone(), |controls| controls.slots[1].soloed = true),
        ("return gain", base.clone(), |controls| controls.return_gain = Gain::new(0.5)),
        ("bypass", base, |controls| controls.bypassed = true),
        ("monitor gain", monitored, |controls| controls.monitor_gain = Gain::SILENT),
    ];
    for (what, before, change) in changes {
        let mut rig = settled(&before);
        // Bypassed, the input is heard: it has to differ from the mix.
        let input = if what == "bypass" { 0.25 } else { SAMPLE };
        for at in PLACES {
            let after = {
                let mut after = before.clone();
                change(&mut after);
                after
            };
            rig.fill(0, || [SAMPLE; 2]);
            let heard = rig.call_cut(&[[input; 2]; BLOCK], &[(at, after)]);
            assert_eq!(leaves_at(&heard), Some(at), "{what}");
            rig.controls = before.clone();
            for _ in 0..3 {
                play(&mut rig, &[]);
            }
        }
    }
}

#[test]
fn what_is_sent_begins_to_change_at_its_sample_frame() {
    let base = BlockControls::default();
    let closed = with(|controls| controls.talkback_closed = true);
    let changes: [Change; 4] = [
        ("send gain", base.clone(), |controls| controls.send_gain = Gain::new(0.5)),
        ("send mute", base.clone(), |controls| controls.send_muted = true),
        ("talk ends", base, |controls| controls.talkback_closed = true),
        ("talk", closed, |controls| controls.talkback_closed = false),
    ];
    for (what, before, change) in changes {
        let mut rig = settled(&before);
        for at in PLACES {
            let after = {
                let mut after = before.clone();
                change(&mut after);
                after
            };
            play(&mut rig, &[(at, after)]);
            rig.capture();
            let sent: Vec<Frame> = rig.captured.chunks_exact(2).map(|frame| [frame[0], frame[1]]).collect();
            assert_eq!((sent.len(), leaves_at(&sent)), (BLOCK, Some(at)), "{what}");
            rig.controls = before.clone();
            for _ in 0..3 {
                play(&mut rig, &[]);
            }
            rig.capture();
            rig.captured.clear();
        }
    }
}

#[test]
fn a_ramp_takes_ten_milliseconds_from_where_it_begins_also_over_further_cuts() {
    let mut rig = settled(&with(|controls| controls.monitor_gain = Gain::UNITY));
    rig.net.set_slot_live(0, false);
    for _ in 0..20 {
        rig.call(&[[SAMPLE; 2]; BLOCK]);
    }
    let silent = BlockControls::default();
    let heard =
        rig.call_cut(&[[SAMPLE; 2]; BLOCK], &[(20, silent.clone()), (21, silent.clone()), (333, silent)]);
    assert_eq!(leaves_at(&heard), Some(20));
    assert!(heard[498][0] > 0.0 && heard[500..].iter().all(|frame| *frame == [0.0; 2]));
    let steps = heard.windows(2).map(|pair| (pair[0][0] - pair[1][0]).abs());
    assert!(steps.fold(0.0, f32::max) < 2.0 * SAMPLE / 480.0);
}

/// A block in a hundred parts is the same to the pace, the times of capture, the meters and to what is sent and heard.
#[test]
fn the_hosts_call_stays_one_call_however_often_it_is_cut() {
    let (mut whole, mut cut) = (Rig::new(48_000, BLOCK), Rig::new(48_000, BLOCK));
    cut.now = whole.now;
    for rig in [&mut whole, &mut cut] {
        rig.net.set_slot_live(0, true);
    }
    for block in 0..100 {
        let frames = [BLOCK, 64, 480][block % 3];
        let input: Vec<Frame> = (0..frames).map(|n| [(n as f32 * 0.05).sin(), 0.25]).collect();
        let cuts: Vec<_> = (1..frames).step_by(5).map(|at| (at, BlockControls::default())).collect();
        for rig in [&mut whole, &mut cut] {
            let mut n = block;
            rig.fill(0, || {
                n += 1;
                [n as f32 / 65_536.0; 2]
            });
        }
        assert_eq!(whole.call_cut(&input, &[]), cut.call_cut(&input, &cuts), "block {block}");
        for rig in [&mut whole, &mut cut] {
            rig.capture();
        }
        let meters = |rig: &Rig| {
            let meters = rig.audio.meters();
            (meters.pace(), meters.block_frames(), meters.frames(), meters.faults().underruns)
        };
        assert_eq!(meters(&whole), meters(&cut), "block {block}");
    }
    assert_eq!(cut.pace(), Pace::RealTime);
    assert!(!cut.captured.is_empty() && cut.captured == whole.captured);
    for (at_frame, stamp) in &cut.stamps {
        let before = whole.stamps.iter().rev().find(|(begin, _)| begin <= at_frame);
        let (begin, of_block) = before.expect("the first run of both begins at 0");
        let expected = of_block.at + Duration::from_secs_f64((at_frame - begin) as f64 / 48_000.0);
        let off = expected.max(stamp.at) - expected.min(stamp.at);
        assert!(off < Duration::from_nanos(100), "{off:?} at {at_frame}");
        assert_eq!(stamp.discontinuity, *at_frame == 0);
    }
}

/// A host that breaks off in a block, or begins in the middle of one.
#[test]
fn a_block_that_is_never_ended_or_never_begun_is_harmless() {
    let mut rig = Rig::running(48_000, BLOCK);
    for (begin, frames) in [(0, 100), (0, 100), (100, 100), (500, 12), (300, 212), (0, 512)] {
        let (mut left, mut right) = (vec![SAMPLE; frames], vec![SAMPLE; frames]);
        let mut main = [&mut left[..], &mut right[..]];
        let part = BlockPart::new(begin, frames, BLOCK).expect("it is within the block");
        rig.audio.process_part(rig.now, BlockIo::main_only(&mut main, 2), &rig.controls, part);
    }
    assert_eq!(rig.pace(), Pace::RealTime);
    assert_eq!(BlockPart::new(500, 13, BLOCK), None);
    assert_eq!(BlockPart::new(usize::MAX, 2, BLOCK), None);
}
