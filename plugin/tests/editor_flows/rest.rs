//! An editor draws 60 frames a second while meters move, and none while nothing does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use backline::editor::backend::Readings;
use backline::editor::watch::Watchman;

use super::*;
use crate::made_up_session::paced::{FRAMES_PER_S, Paced};
use crate::made_up_session::scenes::scene;

const MINUTE: Duration = Duration::from_secs(60);

/// A session of 16 in which nobody plays, and which has been looked at.
fn resting() -> Paced {
    let mut session = scene("full");
    session.readings = Readings::default();
    let mut editor = Paced::open(session);
    editor.run(Duration::from_secs(10), |_, _| {});
    editor.frames = 0;
    editor
}

#[test]
fn nothing_is_drawn_while_nothing_moves() {
    let mut editor = resting();
    editor.run(MINUTE, |session, _| session.snapshot.worker.turns += 1);
    assert_eq!(editor.frames, 0, "though the worker works on, and tells so 20 times a second");
}

#[test]
fn a_figure_that_changes_is_one_frame() {
    let mut editor = resting();
    editor.session.snapshot.sources[3].latency = Some(Duration::from_millis(33));
    editor.run(MINUTE, |_, _| {});
    assert_eq!(editor.frames, 1);
}

#[test]
fn what_a_host_automates_is_seen_soon() {
    let mut editor = resting();
    editor.session.values.slots[2].gain_db = -7.5;
    editor.run(Duration::from_millis(70), |_, _| {});
    assert_eq!(editor.frames, 1);
}

#[test]
fn a_fader_that_others_move_is_followed_though_nothing_else_shows_it() {
    let mut session = scene("moved");
    session.readings = Readings::default();
    let mut editor = Paced::open(session);
    editor.run(MINUTE, |_, _| {});
    if let Some(slot) = &mut editor.session.snapshot.slots[0] {
        slot.monitor.gain = GainValue::from_db(-21.0);
    }
    editor.run(Duration::from_millis(70), |_, _| {});
    assert!((editor.session.values.slots[0].gain_db + 21.0).abs() < 0.1);
}

#[test]
fn meters_that_move_are_drawn_60_times_a_second_until_they_have_fallen() {
    let mut editor = resting();
    editor.run(Duration::from_secs(10), |session, time| session.play(time.as_secs_f32()));
    let wanted = 10 * FRAMES_PER_S;
    assert!((wanted - 4..=wanted + 1).contains(&editor.frames), "{} frames", editor.frames);
    editor.session.readings = Readings::default();
    editor.run(Duration::from_secs(10), |_, _| {});
    editor.frames = 0;
    editor.run(MINUTE, |_, _| {});
    assert_eq!(editor.frames, 0, "all have fallen");
}

#[test]
fn a_lamp_that_may_show_better_again_does_so_by_itself() {
    let mut editor = resting();
    editor.session.snapshot.sources[3].lost = 0.2;
    editor.run(Duration::from_secs(1), |_, _| {});
    editor.session.snapshot.sources[3].lost = 0.0;
    editor.run(Duration::from_millis(100), |_, _| {});
    editor.frames = 0;
    editor.run(MINUTE, |_, _| {});
    assert_eq!(editor.frames, 1, "when it has been better for a while");
}

#[test]
fn nobody_looks_once_the_window_is_closed() {
    let looks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&looks);
    let watchman = Watchman::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    while looks.load(Ordering::Relaxed) < 2 {
        std::thread::yield_now();
    }
    drop(watchman);
    assert_eq!(Arc::strong_count(&looks), 1, "the thread has ended, and nothing of it is left");
}
