//! Faders, knobs, switches and menus.

use super::*;

#[test]
fn mute_and_solo_move_the_right_parameter_as_one_gesture() {
    let mut editor = open(MadeUpSession::band());
    for (label, control) in [
        ("Drums, Ben: mute", Control::SlotMute(1)),
        ("Room mics, Ben: solo", Control::SlotSolo(2)),
        ("Mute send", Control::SendMute),
    ] {
        editor.state_mut().session.asked.clear();
        assert!(!toggled(&editor.get_by_label(label)));
        click(&mut editor, label);
        assert_eq!(
            editor.state().session.asked,
            [Asked::Begin(control), Asked::Set(control, 1.0), Asked::End(control)]
        );
        assert!(toggled(&editor.get_by_label(label)));
        click(&mut editor, label);
        assert!(!toggled(&editor.get_by_label(label)));
    }
}

#[test]
fn dragging_a_fader_is_one_gesture_on_its_own_parameter() {
    let mut editor = open(MadeUpSession::band());
    drag(&mut editor, "Drums, Ben: gain", vec2(0.0, 30.0), Modifiers::NONE);
    let asked = &editor.state().session.asked;
    let control = Control::SlotGain(1);
    assert_eq!(asked.first(), Some(&Asked::Begin(control)));
    assert_eq!(asked.last(), Some(&Asked::End(control)));
    assert!(asked.len() > 2);
    assert!(
        asked[1..asked.len() - 1]
            .iter()
            .all(|asked| matches!(asked, Asked::Set(moved, _) if *moved == control))
    );
    assert!(editor.state().session.values.slots[1].gain_db < 1.5, "down is softer");
    assert_eq!(editor.state().session.values.slots[0].gain_db, -3.2, "nobody else is moved");
}

#[test]
fn a_fine_drag_moves_a_tenth() {
    let moved = |modifiers| {
        let mut editor = open(MadeUpSession::band());
        drag(&mut editor, "Send gain", vec2(0.0, 30.0), modifiers);
        -editor.state().session.values.send_gain_db
    };
    let (plain, fine, ctrl) = (moved(Modifiers::NONE), moved(Modifiers::SHIFT), moved(Modifiers::CTRL));
    assert!(plain > 3.0 && fine > 0.0 && fine < plain / 5.0, "{plain} dB and {fine} dB");
    assert_eq!(fine, ctrl);
}

#[test]
fn a_control_shows_the_hand_while_the_host_lags() {
    let mut editor = open(MadeUpSession::band());
    editor.state_mut().session.host_lags = true;
    drag(&mut editor, "Drums, Ben: gain", vec2(0.0, 30.0), Modifiers::NONE);
    let set = |asked: &Asked| if let Asked::Set(_, gain_db) = asked { Some(*gain_db) } else { None };
    let dragged = editor.state().session.asked.iter().rev().find_map(set).unwrap();
    assert!(dragged < 1.0);
    let shown = editor.get_by_label("Drums, Ben: gain").accesskit_node().numeric_value().unwrap();
    assert!((shown - f64::from(dragged)).abs() < 0.01, "shows {shown}, the hand left it at {dragged}");
    for _ in 0..12 {
        editor.step();
    }
    let shown = editor.get_by_label("Drums, Ben: gain").accesskit_node().numeric_value().unwrap();
    assert!((shown - 1.5).abs() < 0.01, "in the end the parameter is right: {shown}");
}

#[test]
fn a_double_click_resets() {
    let mut editor = open(MadeUpSession::band());
    for (label, control, value) in [
        ("Guitar, Ada: gain", Control::SlotGain(0), 0.0),
        ("Drums, Ben: pan", Control::SlotPan(1), 0.0),
        ("Monitor", Control::MonitorGain, f32::NEG_INFINITY),
    ] {
        editor.state_mut().session.asked.clear();
        editor.run_steps(30);
        editor.get_by_label(label).click();
        editor.get_by_label(label).click();
        editor.step();
        editor.run();
        assert!(
            editor.state().session.asked.contains(&Asked::Set(control, value)),
            "{label}: {:?}",
            editor.state().session.asked
        );
    }
}

#[test]
fn the_wheel_moves_one_decibel() {
    let mut editor = open(MadeUpSession::band());
    editor.get_by_label("Guitar, Ada: gain").hover();
    editor.step();
    let wheel = Event::MouseWheel {
        unit: MouseWheelUnit::Line,
        delta: vec2(0.0, 1.0),
        modifiers: Modifiers::NONE,
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
    };
    editor.event(wheel);
    editor.run_steps(10);
    let gain_db = editor.state().session.values.slots[0].gain_db;
    assert!((gain_db + 2.2).abs() < 1e-4, "{gain_db}");
}

#[test]
fn a_screen_reader_moves_faders_too() {
    let mut editor = open(MadeUpSession::band());
    assert_eq!(editor.get_by_label("Guitar, Ada: gain").accesskit_node().role(), Role::Slider);
    editor.get_by_label("Guitar, Ada: gain").set_value_accesskit(-12.0);
    editor.step();
    editor.run();
    assert_eq!(editor.state().session.values.slots[0].gain_db, -12.0);
    editor.get_by_label("Guitar, Ada: gain").increment_accesskit();
    editor.step();
    editor.run();
    assert_eq!(editor.state().session.values.slots[0].gain_db, -11.0);
}

#[test]
fn a_typed_value_is_set_and_nonsense_is_not() {
    let mut editor = open(MadeUpSession::band());
    for (typed, gain_db) in [("-7.5 dB", -7.5), ("loud", -7.5), ("mute", f32::NEG_INFINITY)] {
        type_value(&mut editor, "Drums, Ben: gain, typed", typed);
        assert_eq!(editor.state().session.values.slots[1].gain_db, gain_db, "{typed}");
    }
}

#[test]
fn the_quality_menu_has_four_sentences_and_sends_the_choice() {
    let mut editor = open(MadeUpSession::hosting());
    click(&mut editor, "Quality");
    for quality in Quality::ALL {
        editor.get_by(|node| {
            node.role() == Role::MenuItemRadio && node.label().as_deref() == Some(quality.name())
        });
    }
    click(&mut editor, "Lossless");
    assert_eq!(editor.state().session.commands(), [Command::SetQuality(Quality::Lossless)]);
}

#[test]
fn the_quality_may_be_told_to_stay() {
    let mut editor = open(MadeUpSession::hosting());
    click(&mut editor, "Automatic quality");
    click(&mut editor, "Automatic quality");
    assert_eq!(
        editor.state().session.commands(),
        [Command::SetAutomatic(false), Command::SetAutomatic(true)]
    );
}

#[test]
fn who_is_mixed_for_by_a_server_may_hear_themselves_there() {
    const LABEL: &str = "Hear myself in the mix";
    let mut editor = open(MadeUpSession::band());
    assert!(editor.query_by_label(LABEL).is_none(), "no server mixes");
    editor.state_mut().session.snapshot.is_mixed = true;
    editor.run();
    assert!(!toggled(&editor.get_by_label(LABEL)));
    click(&mut editor, LABEL);
    assert!(toggled(&editor.get_by_label(LABEL)));
    click(&mut editor, LABEL);
    assert_eq!(editor.state().session.commands(), [Command::SetHearOwn(true), Command::SetHearOwn(false)]);
    editor.state_mut().session.snapshot.is_mixed = false;
    editor.run();
    assert!(editor.query_by_label(LABEL).is_none());
}

#[test]
fn names_are_sent_when_done_typing() {
    let mut editor = open(MadeUpSession::band());
    editor.get_by_label("Name of this track").focus();
    editor.step();
    editor.key_press_modifiers(Modifiers::COMMAND, Key::A);
    editor.get_by_label("Name of this track").type_text("Rhodes");
    editor.step();
    assert_eq!(editor.state().session.commands(), [], "not while typing");
    editor.key_press(Key::Enter);
    editor.run();
    assert_eq!(editor.state().session.commands(), [Command::SetSourceName("Rhodes".into())]);
}

#[test]
fn the_playout_depth_is_a_command() {
    let mut editor = open(MadeUpSession::band());
    editor.get_by_label("Playout ≤").set_value_accesskit(12.0);
    editor.step();
    editor.run();
    let commands = editor.state().session.commands();
    assert_eq!(commands, [Command::SetDepthCeiling(std::time::Duration::from_millis(12))]);
}

#[test]
fn a_bus_is_chosen_in_the_multi_output_class() {
    let mut session = MadeUpSession::band();
    session.values.has_aux_buses = true;
    let mut editor = open(session);
    click(&mut editor, "Drums, Ben: bus");
    click(&mut editor, "Aux 3");
    assert_eq!(editor.state().session.values.slots[1].bus, 3);
    let editor = open(MadeUpSession::band());
    assert!(editor.query_by_label("Drums, Ben: bus").is_none(), "the plain class has no buses");
}

#[test]
fn every_fader_and_knob_has_a_menu_by_the_right_button_and_by_enter() {
    let mut editor = open(MadeUpSession::band());
    editor.run();
    let open_menu = |editor: &mut Harness<'_, Editor>, label: &str| {
        editor.get_by_label(label).click_secondary();
        editor.run();
    };
    open_menu(&mut editor, "Guitar, Ada: gain");
    click(&mut editor, "Reset to 0.0 dB");
    assert_eq!(editor.state().session.values.slots[0].gain_db, 0.0);
    assert!(editor.query_by_label("Reset to 0.0 dB").is_none(), "it closes");

    // Typed at once: the field has the keyboard. Nonsense changes nothing.
    for (typed, pan) in [("R30", 0.6), ("loud", 0.6), ("20L", -0.4)] {
        open_menu(&mut editor, "Drums, Ben: pan");
        editor.get_by_label("Drums, Ben: pan, value").type_text(typed);
        editor.step();
        editor.key_press(Key::Enter);
        editor.run();
        assert_eq!(editor.state().session.values.slots[1].pan, pan, "{typed}");
        editor.key_press(Key::Escape);
        editor.run();
    }
    open_menu(&mut editor, "Drums, Ben: gain");
    editor.get_by_label("Copy +1.5 dB").click();
    assert_eq!(copied_soon(&mut editor).as_deref(), Some("+1.5 dB"));

    editor.get_by_label("Playout ≤").focus();
    editor.step();
    editor.key_press(Key::Enter);
    editor.run();
    editor.get_by_label("Playout ≤, value").type_text("12.5 ms");
    editor.step();
    editor.key_press(Key::Enter);
    editor.run();
    let depth = Command::SetDepthCeiling(std::time::Duration::from_micros(12_500));
    assert_eq!(editor.state().session.commands(), [depth]);
}
