//! What others may move, what they have moved, and what waits for them.

use super::*;

#[test]
fn somebodys_level_for_everyone_moves_only_where_they_let_us() {
    let mut editor = open(MadeUpSession::band());
    let source = editor.state().session.snapshot.sources[0].source;
    editor.get_by_label("Guitar, Ada: level for everyone").set_value_accesskit(-6.0);
    editor.run();
    let setting = Setting::Gain(GainValue::from_db(-6.0));
    assert_eq!(
        editor.state().session.commands(),
        [Command::MoveFader { fader: Fader::Send(source), setting }]
    );
    let others = editor.get_by_label("Drums, Ben: level for everyone");
    assert_eq!(others.accesskit_node().role(), Role::Status, "a level to read, nothing to move");
}

fn access_shown(editor: &Harness<'_, Editor>, label: &str) -> Option<String> {
    editor.get_by_label(label).accesskit_node().value()
}

#[test]
fn chosen_people_may_be_let_to_move_ones_level() {
    let mut session = MadeUpSession::band();
    let participant = ParticipantId([9; 32]);
    session.snapshot.you.participant = Some(participant);
    let source = SourceId { participant, instance: session.snapshot.you.instance };
    let (ada, ben) = (session.snapshot.people[0].participant, session.snapshot.people[1].participant);
    let mut editor = open(session);
    let level = "Others may move this level";
    assert_eq!(access_shown(&editor, level).as_deref(), Some("nobody"));
    assert_eq!(editor.get_by_label(level).accesskit_node().role(), Role::ComboBox);
    editor.get_by_label(level).focus();
    editor.step();
    editor.key_press(Key::Space);
    editor.run();
    assert_eq!(editor.get_by_label("Ada · Guitar").accesskit_node().role(), Role::MenuItemCheckBox);
    click(&mut editor, "Ada · Guitar");
    click(&mut editor, "Ben · Drums, Room mics");
    assert_eq!(access_shown(&editor, level).as_deref(), Some("2 people"));
    click(&mut editor, "Ada · Guitar");
    assert!(
        toggled(&editor.get_by_label("Ben · Drums, Room mics"))
            && !toggled(&editor.get_by_label("Ada · Guitar"))
    );
    click(&mut editor, "Everyone");
    assert_eq!(access_shown(&editor, level).as_deref(), Some("everyone"));
    click(&mut editor, "Nobody");
    assert_eq!(access_shown(&editor, level).as_deref(), Some("nobody"));
    editor.key_press(Key::Escape);
    editor.run();
    assert!(editor.query_by_label("Everyone").is_none(), "closed");
    let permit = |grantee, allowed| Command::Permit { scope: Scope::Send(source), grantee, allowed };
    let expected = [
        permit(Grantee::Participant(ada), true),
        permit(Grantee::Participant(ben), true),
        permit(Grantee::Participant(ada), false),
        permit(Grantee::Everyone, true),
        permit(Grantee::Participant(ben), false),
        permit(Grantee::Everyone, false),
    ];
    assert_eq!(editor.state().session.commands(), expected);
    assert!(open(MadeUpSession::idle()).query_by_label(level).is_none());
}

#[test]
fn what_others_have_set_moves_the_daws_parameter_once() {
    let mut editor = open(MadeUpSession::band());
    let fader = FaderView {
        gain: GainValue::from_db(-6.0),
        moved_by: Some("Ben".to_owned()),
        ..FaderView::default()
    };
    editor.state_mut().session.snapshot.send_fader = fader;
    editor.run();
    let gesture =
        [Asked::Begin(Control::SendGain), Asked::Set(Control::SendGain, -6.0), Asked::End(Control::SendGain)];
    assert_eq!(editor.state().session.asked, gesture);
    editor.state_mut().session.values.send_gain_db = -3.0;
    editor.run();
    assert_eq!(editor.state().session.asked, gesture, "whoever moves it afterwards is left alone");
}

#[test]
fn what_others_set_in_ones_ears_moves_the_strips_parameters_once() {
    let mut editor = open(MadeUpSession::band());
    let monitor = FaderView {
        gain: GainValue::from_db(-9.0),
        mute: true,
        moved_by: Some("Ben".to_owned()),
        ..FaderView::default()
    };
    editor.state_mut().session.snapshot.slots[2].as_mut().unwrap().monitor = monitor;
    editor.run();
    let moved: Vec<Control> = editor
        .state()
        .session
        .asked
        .iter()
        .filter_map(|asked| if let Asked::Set(control, _) = asked { Some(*control) } else { None })
        .collect();
    assert_eq!(moved, [Control::SlotGain(2), Control::SlotPan(2), Control::SlotMute(2)]);
    let values = editor.state().session.values.slots[2];
    assert_eq!((values.gain_db, values.pan, values.muted), (-9.0, 0.0, true));
    editor.state_mut().session.values.slots[2].gain_db = 0.0;
    editor.run();
    assert_eq!(
        editor.state().session.values.slots[2].gain_db,
        0.0,
        "whoever moves it afterwards is left alone"
    );
}

#[test]
fn somebody_elses_mix_is_set_where_they_let_us() {
    let mut session = MadeUpSession::band();
    assert!(open(MadeUpSession::band()).query_by_label("My mix").is_none(), "nobody lets us");
    session.open_first_mix();
    let mix = session.snapshot.mixes[0].clone();
    let mut editor = open(session);
    assert!(editor.query_by_label("Guitar, Ada: gain").is_some());
    click(&mut editor, "Ada’s mix");
    assert!(editor.query_by_label("Guitar, Ada: gain").is_none(), "one's own strips make room");
    editor.get_by_label("Piano, Clara: gain in their mix").set_value_accesskit(-6.0);
    editor.run();
    click(&mut editor, "Drums, Ben: mute in their mix");
    let fader = |index: usize| Fader::Monitor { listener: mix.listener, source: mix.strips[index].source };
    let gain = Setting::Gain(GainValue::from_db(-6.0));
    let expected = [
        Command::MoveFader { fader: fader(0), setting: gain },
        Command::MoveFader { fader: fader(1), setting: Setting::Mute(true) },
    ];
    assert_eq!(editor.state().session.commands(), expected);
    assert!(editor.state().session.asked.iter().all(|asked| matches!(asked, Asked::Command(_))));
    editor.state_mut().session.snapshot.mixes.clear();
    editor.run();
    assert!(editor.query_by_label("Guitar, Ada: gain").is_some(), "they let us no longer");
}

#[test]
fn others_may_be_let_to_set_ones_mix() {
    let mut session = MadeUpSession::hosting();
    let participant = ParticipantId([9; 32]);
    session.snapshot.you.participant = Some(participant);
    let mut editor = open(session);
    click(&mut editor, "Others may set what I hear");
    click(&mut editor, "Everyone");
    assert_eq!(access_shown(&editor, "Others may set what I hear").as_deref(), Some("everyone"));
    let (scope, grantee) = (Scope::Monitor(participant), Grantee::Everyone);
    let commands = editor.state().session.commands();
    assert_eq!(commands, [Command::Permit { scope, grantee, allowed: true }]);
}

#[test]
fn changes_that_wait_can_be_given_up() {
    let mut session = MadeUpSession::band();
    let since = std::time::Duration::from_secs(5);
    session.snapshot.waiting = WaitingView { changes: 3, failed: 3, since };
    let mut editor = open(session);
    click(&mut editor, "Discard");
    assert_eq!(editor.state().session.commands(), [Command::DiscardWaiting]);
}

#[test]
fn changes_of_a_session_that_was_left_can_be_given_up() {
    let mut session = MadeUpSession::band();
    let since = std::time::Duration::from_secs(3 * 24 * 60 * 60);
    session.snapshot.left_behind = LeftBehindView { changes: 3, sessions: 1, since };
    let mut editor = open(session);
    editor.get_by_label("3 changes wait for another session; the first was made 3 days ago.");
    click(&mut editor, "Discard");
    assert_eq!(editor.state().session.commands(), [Command::DiscardLeftBehind]);
    assert!(editor.query_by_label_contains("another session").is_none());
}

#[test]
fn changes_that_wait_are_counted_and_can_be_sent_now() {
    let mut session = MadeUpSession::band();
    let since = std::time::Duration::from_secs(5);
    session.snapshot.waiting = WaitingView { changes: 3, failed: 0, since };
    let mut editor = open(session);
    editor.get_by_label("3 changes wait for the host.");
    click(&mut editor, "Sync now");
    assert_eq!(editor.state().session.commands(), [Command::SyncNow]);
    assert!(editor.query_by_label("Sync now").is_none());
}
