//! One deed of a hand is one gesture, begun and ended, so that a DAW undoes it in one step.

use super::*;

/// What was asked for since the last time, which must be whole gestures; how many.
fn gestures(editor: &mut Harness<'_, Editor>, control: Control) -> usize {
    let asked = std::mem::take(&mut editor.state_mut().session.asked);
    let mut is_open = false;
    let mut count = 0;
    for what in &asked {
        let is_next = match what {
            Asked::Begin(begun) => !std::mem::replace(&mut is_open, true) && *begun == control,
            Asked::Set(set, _) => is_open && *set == control,
            Asked::End(ended) => std::mem::replace(&mut is_open, false) && *ended == control,
            _ => false,
        };
        assert!(is_next, "{what:?} in {asked:?}");
        count += usize::from(matches!(what, Asked::End(_)));
    }
    assert!(!is_open, "{asked:?}");
    count
}

fn wheel(editor: &mut Harness<'_, Editor>, lines: f32) {
    editor.event(Event::MouseWheel {
        unit: MouseWheelUnit::Line,
        delta: vec2(0.0, lines),
        modifiers: Modifiers::NONE,
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
    });
    editor.run_steps(10);
}

const GAIN: Control = Control::SlotGain(1);
const NAME: &str = "Drums, Ben: gain";

#[test]
fn each_step_of_the_wheel_is_one_and_at_the_end_of_the_scale_none() {
    let mut editor = open(MadeUpSession::band());
    editor.get_by_label(NAME).hover();
    editor.step();
    for lines in [1.0, 3.0, -1.0] {
        wheel(&mut editor, lines);
        assert_eq!(gestures(&mut editor, GAIN), 1, "{lines} lines");
    }
    wheel(&mut editor, 100.0);
    assert_eq!(gestures(&mut editor, GAIN), 1);
    wheel(&mut editor, 1.0);
    assert_eq!(gestures(&mut editor, GAIN), 0, "it stands at the top already");
}

#[test]
fn a_drag_is_one_however_long_it_takes_and_goes() {
    let mut editor = open(MadeUpSession::band());
    drag(&mut editor, NAME, vec2(0.0, 30.0), Modifiers::NONE);
    assert_eq!(gestures(&mut editor, GAIN), 1);
    drag(&mut editor, NAME, vec2(0.0, -90.0), Modifiers::SHIFT);
    assert_eq!(gestures(&mut editor, GAIN), 1);
}

#[test]
fn a_reset_is_one() {
    let mut editor = open(MadeUpSession::band());
    editor.get_by_label(NAME).click();
    editor.get_by_label(NAME).click();
    editor.run();
    assert_eq!(gestures(&mut editor, GAIN), 1);
    assert_eq!(editor.state().session.values.slots[1].gain_db, 0.0);
}

#[test]
fn a_typed_value_is_one_and_nonsense_none() {
    let mut editor = open(MadeUpSession::band());
    for (typed, count) in [("-7.5 dB", 1), ("loud", 0), ("mute", 1)] {
        type_value(&mut editor, "Drums, Ben: gain, typed", typed);
        assert_eq!(gestures(&mut editor, GAIN), count, "{typed}");
    }
}

#[test]
fn each_step_of_the_keyboard_and_of_a_screen_reader_is_one() {
    let mut editor = open(MadeUpSession::band());
    editor.get_by_label(NAME).focus();
    editor.run();
    for key in [Key::ArrowUp, Key::ArrowDown, Key::ArrowDown] {
        editor.key_press(key);
        editor.run();
        assert_eq!(gestures(&mut editor, GAIN), 1, "{key:?}");
    }
    editor.get_by_label(NAME).set_value_accesskit(-12.0);
    editor.run();
    assert_eq!(gestures(&mut editor, GAIN), 1);
}

/// Solo is not exclusive: no click moves the parameters of two slots.
#[test]
fn a_click_on_solo_is_one_whoever_else_is_solo() {
    let mut editor = open(MadeUpSession::band());
    click(&mut editor, "Drums, Ben: solo");
    assert_eq!(gestures(&mut editor, Control::SlotSolo(1)), 1);
    click(&mut editor, "Room mics, Ben: solo");
    assert_eq!(gestures(&mut editor, Control::SlotSolo(2)), 1);
    assert!(editor.state().session.values.slots[1].solo, "both are");
}

#[test]
fn with_ctrl_one_is_solo_alone_and_none_where_it_was() {
    let mut editor = open(MadeUpSession::band());
    click(&mut editor, "Drums, Ben: solo");
    click(&mut editor, "Room mics, Ben: solo");
    let solo = |editor: &Harness<'_, Editor>| {
        let slots = editor.state().session.values.slots.iter().enumerate();
        slots.filter(|(_, slot)| slot.solo).map(|(slot, _)| slot).collect::<Vec<_>>()
    };
    assert_eq!(solo(&editor), [1, 2]);
    drag(&mut editor, "Guitar, Ada: solo", Vec2::ZERO, Modifiers::COMMAND);
    assert_eq!(solo(&editor), [0]);
    drag(&mut editor, "Guitar, Ada: solo", Vec2::ZERO, Modifiers::COMMAND);
    assert_eq!(solo(&editor), [0; 0]);
}
