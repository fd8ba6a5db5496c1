//! Sending only while one talks.

use super::*;

#[test]
fn talk_is_held_with_the_mouse_or_the_space_bar_and_one_gesture_lasts_as_long() {
    let mut editor = open(MadeUpSession::band());
    assert!(editor.query_by_label("Talk").is_none(), "without talkback nothing is there to hold");
    click(&mut editor, "Talkback");
    assert!(toggled(&editor.get_by_label("Talkback")));
    editor.get_by_label("Hold Talk to speak");
    let gestures = |editor: &Harness<'_, Editor>| -> Vec<Asked> {
        let is_talk = |asked: &&Asked| {
            matches!(
                asked,
                Asked::Begin(Control::Talk) | Asked::Set(Control::Talk, _) | Asked::End(Control::Talk)
            )
        };
        editor.state().session.asked.iter().filter(is_talk).cloned().collect()
    };
    let down = [Asked::Begin(Control::Talk), Asked::Set(Control::Talk, 1.0)];
    let up = [Asked::Set(Control::Talk, 0.0), Asked::End(Control::Talk)];
    let centre = editor.get_by_label("Talk").rect().center();
    editor.drag_at(centre);
    for _ in 0..5 {
        editor.step();
    }
    assert_eq!(gestures(&editor), down);
    editor.get_by_label("On air");
    editor.drop_at(centre);
    editor.run();
    assert_eq!(gestures(&editor), [down.clone(), up.clone()].concat());
    editor.get_by_label("Hold Talk to speak");
    editor.state_mut().session.asked.clear();
    editor.get_by_label("Talk").focus();
    editor.step();
    editor.key_down(Key::Space);
    for _ in 0..5 {
        editor.step();
    }
    assert_eq!(gestures(&editor), down);
    editor.key_up(Key::Space);
    editor.run();
    assert_eq!(gestures(&editor), [down, up].concat());
}

#[test]
fn who_closes_the_window_while_talking_does_not_talk_on() {
    let mut editor = open(MadeUpSession::band());
    click(&mut editor, "Talkback");
    let centre = editor.get_by_label("Talk").rect().center();
    editor.drag_at(centre);
    editor.step();
    editor.step();
    assert!(editor.state().session.values.talks);
    let Editor { session, view, .. } = editor.state_mut();
    view.let_go(session);
    view.let_go(session);
    assert!(!session.values.talks);
    assert_eq!(session.asked.iter().filter(|asked| **asked == Asked::End(Control::Talk)).count(), 1);
}

#[test]
fn who_cannot_hold_it_switches_it_on_and_off() {
    let mut editor = open(MadeUpSession::band());
    click(&mut editor, "Talkback");
    let gestures = |editor: &Harness<'_, Editor>| -> Vec<Asked> {
        let is_end =
            |asked: &&Asked| matches!(asked, Asked::Set(Control::Talk, _) | Asked::End(Control::Talk));
        editor.state().session.asked.iter().filter(is_end).cloned().collect()
    };
    let on = [Asked::Set(Control::Talk, 1.0)];
    let off = [Asked::Set(Control::Talk, 0.0), Asked::End(Control::Talk)];

    // A screen reader clicks.
    editor.get_by_label("Talk").click_accesskit();
    editor.run_steps(10);
    assert_eq!(gestures(&editor), on, "it stays on");
    assert!(toggled(&editor.get_by_label("Talk")));
    editor.get_by_label("Talk").click_accesskit();
    editor.run_steps(3);
    assert_eq!(gestures(&editor)[1..], off);
    assert!(!toggled(&editor.get_by_label("Talk")));

    // Enter does the same.
    editor.state_mut().session.asked.clear();
    editor.get_by_label("Talk").focus();
    editor.step();
    editor.key_press(Key::Enter);
    editor.run_steps(10);
    assert_eq!(gestures(&editor), on);

    // A hand that presses takes it over.
    let centre = editor.get_by_label("Talk").rect().center();
    editor.drag_at(centre);
    editor.run_steps(3);
    assert_eq!(gestures(&editor), on);
    editor.drop_at(centre);
    editor.run_steps(3);
    assert_eq!(gestures(&editor)[1..], off);
}
