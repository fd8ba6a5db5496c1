//! Without a mouse: every control is reached by Tab, one after the other as one reads, shows that it has the keyboard, and
//! tells a screen reader its name and its value.

use std::collections::BTreeSet;

use backline::editor::theme::Look;
use egui::accesskit::Role;
use egui::{Key, Modifiers, Rect};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use egui_kittest::{Harness, Node};

use crate::raster::paint_part;
use crate::states::{PICTURED, Shown, State, every};

/// No state has more controls than this.
const CONTROLS_MAX: usize = 400;

/// What a person can do something with.
fn is_control(node: &Node<'_>) -> bool {
    let role = node.accesskit_node().role();
    let is_one = matches!(
        role,
        Role::Button
            | Role::CheckBox
            | Role::ColorWell
            | Role::ComboBox
            | Role::Meter
            | Role::MenuItem
            | Role::MenuItemCheckBox
            | Role::MenuItemRadio
            | Role::Slider
            | Role::TextInput
            | Role::PasswordInput
    );
    is_one && !node.accesskit_node().is_disabled()
}

fn name(node: &Node<'_>) -> String {
    node.accesskit_node().label().unwrap_or_default()
}

/// The names of all controls as Tab comes to them, from the first to the first again.
fn tabbed(editor: &mut Harness<'_, Shown>) -> Vec<String> {
    let mut names = Vec::new();
    let mut places = BTreeSet::new();
    for _ in 0..CONTROLS_MAX {
        editor.key_press(Key::Tab);
        editor.step();
        let Some(node) = focused(editor) else { continue };
        if !places.insert(node.0) {
            break;
        }
        names.push(node.1);
    }
    names
}

/// What has the keyboard: which node it is, and its name.
fn focused(editor: &Harness<'_, Shown>) -> Option<(String, String)> {
    let node = editor.query_all_by(|node| node.is_focused()).find(is_control)?;
    Some((format!("{:?}", node.accesskit_node().id()), name(&node)))
}

#[test]
fn every_control_has_a_name_and_what_can_be_set_a_value() {
    for state in every() {
        let editor = state.open();
        let mut count = 0;
        for node in editor.get_all_by(|_| true).filter(is_control) {
            let (role, place) = (node.accesskit_node().role(), node.rect());
            let name = name(&node);
            assert!(!name.trim().is_empty(), "a nameless {role:?} at {place} in {state:?}");
            let node = node.accesskit_node();
            let has_value = match role {
                Role::Slider => node.numeric_value().is_some(),
                Role::ComboBox | Role::Meter => node.value().is_some(),
                Role::CheckBox => node.toggled().is_some(),
                _ => true,
            };
            assert!(has_value, "“{name}” has no value in {state:?}");
            count += 1;
        }
        assert!(count > 8, "{count} controls in {state:?}");
    }
}

#[test]
fn tab_comes_to_every_control() {
    for state in every().filter(|state| state.done.is_empty() && state.look == Look::Dark) {
        let mut editor = State { scale: 1.0, ..state }.open();
        let wanted: BTreeSet<String> =
            editor.get_all_by(|_| true).filter(is_control).map(|node| name(&node)).collect();
        let reached: BTreeSet<String> = tabbed(&mut editor).into_iter().collect();
        let missed: Vec<&String> = wanted.difference(&reached).collect();
        assert!(missed.is_empty(), "Tab does not come to {missed:?} in {state:?}");
    }
}

#[test]
fn tab_goes_as_one_reads() {
    let mut editor = band(Look::Dark).open();
    let names = tabbed(&mut editor);
    let wanted = [
        "Copy link",
        "End session",
        "Zoom",
        "Colours",
        "Your colour",
        "Name of this track",
        "Your name",
        "Quality",
        "Automatic quality",
        "Returns",
        "Send this track",
        "Talkback",
        "Send gain",
        "Send level",
        "Send gain, typed",
        "Mute send",
        "Monitor",
        "Monitor, typed",
        "Return",
        "Return, typed",
        "Playout ≤",
        "Playout ≤, typed",
        "Others may move this level",
        "Others may set what I hear",
        "Guitar, Ada",
        "Guitar, Ada: pan",
        "Guitar, Ada: level for everyone",
        "Guitar, Ada: gain",
        "Guitar, Ada: level",
        "Guitar, Ada: gain, typed",
        "Guitar, Ada: mute",
        "Guitar, Ada: solo",
        "Drums, Ben",
    ];
    assert_eq!(names[..wanted.len()], wanted);
    assert_eq!(names[names.len() - 3..], ["Test my path", "Tempo", "Chat"]);
}

#[test]
fn what_has_the_keyboard_is_seen_in_both_themes() {
    for look in Look::ALL {
        let mut editor = band(look).open();
        let controls = tabbed(&mut editor).len();
        for _ in 0..controls {
            let (_, was) = focused(&editor).unwrap();
            let focus = editor.get_all_by(|node| node.is_focused()).find(is_control).unwrap();
            let place = focus.rect().expand(4.0);
            let before = in_focus_colour(&editor, look, place);
            editor.key_press(Key::Tab);
            editor.step();
            editor.step();
            let after = in_focus_colour(&editor, look, place);
            assert!(before > after + 12, "the focus on “{was}” is not seen in {look:?}");
        }
    }
}

/// How many pixels there have the colour of what has the keyboard.
fn in_focus_colour(editor: &Harness<'_, Shown>, look: Look, place: Rect) -> usize {
    let picture = paint_part(&editor.ctx, editor.output(), band(look).size, place);
    let [r, g, b, _] = look.palette().focus.to_array();
    picture.pixels.iter().filter(|pixel| **pixel == [r, g, b]).count()
}

#[test]
fn back_tab_goes_back() {
    let mut editor = band(Look::Dark).open();
    for _ in 0..3 {
        editor.key_press(Key::Tab);
        editor.step();
    }
    let (_, third) = focused(&editor).unwrap();
    editor.key_press(Key::Tab);
    editor.step();
    editor.key_press_modifiers(Modifiers::SHIFT, Key::Tab);
    editor.step();
    assert_eq!(focused(&editor).map(|(_, name)| name), Some(third));
}

fn band(look: Look) -> State {
    State { look, ..PICTURED[0] }
}
