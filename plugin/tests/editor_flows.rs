//! What a person does in the editor, by the accessibility tree, on a made-up session: no window, no network.

mod made_up_session;

use backline::editor::backend::HostPace;
use backline::editor::intent::Control;
use backline::editor::theme;
use backline::editor::view::EditorView;
use backline::servers::{self, ServerFields};
use backline_client::{
    ChatLine, Command, Connection, Fader, FaderView, GainValue, Grantee, LeftBehindView, ParticipantId,
    Quality, ReturnChoice, Scope, SessionHere, Setting, Severity, SourceId, WaitingView,
};
use egui::accesskit::{Role, Toggled};
use egui::{Event, Key, Modifiers, MouseWheelUnit, PointerButton, Vec2, vec2};
use egui_kittest::kittest::{NodeT, Queryable};
use egui_kittest::{Harness, Node};
use made_up_session::{Asked, FOUND_LINK, LINK, MadeUpSession, OLD_ADDRESS, OLD_LINK};

struct Editor {
    session: MadeUpSession,
    view: EditorView,
    /// Repaint delays, to see that a resting editor rests.
    installed: bool,
}

fn open(session: MadeUpSession) -> Harness<'static, Editor> {
    open_sized(session, theme::DEFAULT_SIZE_POINTS)
}

fn open_sized(session: MadeUpSession, size: Vec2) -> Harness<'static, Editor> {
    let editor = Editor { session, view: EditorView::default(), installed: false };
    Harness::builder().with_size(size).with_step_dt(1.0 / 30.0).build_ui_state(
        |ui, editor: &mut Editor| {
            if !std::mem::replace(&mut editor.installed, true) {
                theme::install(ui.ctx());
                return;
            }
            editor.view.show(ui, &mut editor.session);
        },
        editor,
    )
}

fn click(editor: &mut Harness<'_, Editor>, label: &str) {
    editor.get_by_label(label).click();
    editor.run();
}

fn copied(editor: &Harness<'_, Editor>) -> Option<String> {
    editor.output().platform_output.commands.iter().find_map(|command| match command {
        egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    })
}

fn toggled(node: &Node<'_>) -> bool {
    node.accesskit_node().toggled() == Some(Toggled::True)
}

#[test]
fn hosting_copies_the_link_and_says_what_to_do() {
    let mut editor = open(MadeUpSession::idle());
    editor.get_by_label("Host").click();
    let mut clipboard = None;
    for _ in 0..4 {
        editor.step();
        clipboard = clipboard.or_else(|| copied(&editor));
    }
    assert_eq!(editor.state().session.commands(), [Command::SetHostAddress(None), Command::Host]);
    assert_eq!(clipboard.as_deref(), Some(LINK), "Host puts the link into the clipboard");
    editor.run();
    editor.get_by_label("Hosting");
    assert!(editor.get_all_by_label("Copied").count() >= 1, "and says so");
}

#[test]
fn a_session_that_was_hosted_without_the_editor_leaves_the_clipboard_alone() {
    let mut editor = open(MadeUpSession::hosting());
    for _ in 0..3 {
        editor.step();
        assert_eq!(copied(&editor), None);
    }
}

#[test]
fn the_link_can_be_copied_again() {
    let mut editor = open(MadeUpSession::band());
    editor.get_by_label("Copy link").click();
    let mut clipboard = None;
    for _ in 0..4 {
        editor.step();
        clipboard = clipboard.or_else(|| copied(&editor));
    }
    assert_eq!(clipboard.as_deref(), Some(LINK));
    editor.get_by_label("Copied");
}

#[test]
fn a_public_address_goes_along() {
    let mut editor = open(MadeUpSession::idle());
    editor.get_by_label("Public address").focus();
    editor.step();
    editor.get_by_label("Public address").type_text("band.example:50123");
    editor.step();
    click(&mut editor, "Host");
    let address = Command::SetHostAddress(Some("band.example:50123".into()));
    assert_eq!(editor.state().session.commands(), [address, Command::Host]);
}

fn type_into(editor: &mut Harness<'_, Editor>, label: &str, text: &str) {
    editor.get_by_label(label).focus();
    editor.step();
    editor.get_by_label(label).type_text(text);
    editor.step();
}

#[test]
fn servers_are_folded_away_and_taken_when_done_typing() {
    let mut editor = open(MadeUpSession::idle());
    assert!(editor.query_by_label("STUN server").is_none(), "closed by default");
    click(&mut editor, "Network");
    for (label, text) in [
        ("STUN server", "203.0.113.7"),
        ("TURN server", "203.0.113.9:99"),
        ("TURN user name", "ada"),
        ("TURN password", "hush"),
    ] {
        type_into(&mut editor, label, text);
    }
    editor.key_press(Key::Enter);
    editor.run();
    let whole = ServerFields {
        stun: "203.0.113.7".into(),
        turn: "203.0.113.9:99".into(),
        turn_user: "ada".into(),
        turn_password: "hush".into(),
    };
    assert_eq!(editor.state().session.asked.last(), Some(&Asked::Servers(whole)));
    assert_eq!(editor.query_all_by(|node| node.role() == Role::Alert).count(), 0);
    click(&mut editor, "Network");
    assert!(editor.query_by_label("STUN server").is_none());
}

#[test]
fn what_is_wrong_with_a_server_stands_beside_its_field() {
    let mut editor = open(MadeUpSession::idle());
    click(&mut editor, "Network");
    type_into(&mut editor, "STUN server", "stun.example.org");
    assert_eq!(editor.query_all_by(|node| node.role() == Role::Alert).count(), 0, "not while typing");
    type_into(&mut editor, "TURN server", "203.0.113.9");
    editor.key_press(Key::Enter);
    editor.run();
    let beside = |label: &str, problem: &str| {
        let (field, problem) = (editor.get_by_label(label), editor.get_by_label(problem));
        assert_eq!(problem.accesskit_node().role(), Role::Alert);
        assert!(
            problem.rect().left() > field.rect().right()
                && problem.rect().y_range().contains(field.rect().center().y)
        );
    };
    beside("STUN server", servers::NO_ADDRESS);
    beside("TURN user name", servers::NO_ACCOUNT);
}

#[test]
fn servers_that_were_being_typed_come_before_host() {
    let mut editor = open(MadeUpSession::idle());
    click(&mut editor, "Network");
    type_into(&mut editor, "STUN server", "203.0.113.7");
    click(&mut editor, "Host");
    let asked = &editor.state().session.asked;
    assert!(matches!(asked[0], Asked::Servers(_)), "{asked:?}");
    assert_eq!(asked.last(), Some(&Asked::Command(Command::Host)));
}

#[test]
fn pasting_a_link_and_pressing_enter_joins() {
    let mut editor = open(MadeUpSession::idle());
    editor.get_by_label("Invite link").focus();
    editor.step();
    // Pasted from a mail: with a line break and blanks around.
    editor.get_by_label("Invite link").type_text(&format!(" {}\n{} ", &LINK[..40], &LINK[40..]));
    editor.step();
    editor.key_press(Key::Enter);
    editor.run();
    assert_eq!(editor.state().session.commands(), [Command::Join { link: LINK.into() }]);
    editor.get_by_label("In session");
    editor.get_by_label("Guitar, Ada: gain");
}

#[test]
fn join_waits_for_a_link_then_works_by_button() {
    let mut editor = open(MadeUpSession::idle());
    assert!(editor.get_by_label("Join").accesskit_node().is_disabled());
    editor.get_by_label("Invite link").focus();
    editor.step();
    editor.get_by_label("Invite link").type_text(LINK);
    editor.step();
    click(&mut editor, "Join");
    assert_eq!(editor.state().session.commands(), [Command::Join { link: LINK.into() }]);
}

#[test]
fn the_last_session_is_offered_and_joined_with_one_click() {
    let mut session = MadeUpSession::idle();
    session.last_joined = Some(OLD_LINK.into());
    let mut editor = open(session);
    click(&mut editor, &format!("Join again: {OLD_ADDRESS}"));
    assert_eq!(editor.state().session.commands(), [Command::Join { link: OLD_LINK.into() }]);
    editor.get_by_label("In session");
}

#[test]
fn a_session_that_was_hosted_here_goes_on_with_one_click() {
    let mut session = MadeUpSession::idle();
    session.last_hosted = Some(OLD_LINK.into());
    let mut editor = open(session);
    click(&mut editor, "Go on with your session");
    assert_eq!(editor.state().session.commands(), [Command::HostAgain { link: OLD_LINK.into() }]);
    editor.get_by_label("Hosting");
}

#[test]
fn a_session_whose_host_is_gone_is_carried_on_and_its_new_link_copied() {
    let mut session = MadeUpSession::band();
    session.snapshot.invite = None;
    session.snapshot.connection = Connection::Joined;
    let mut editor = open(session);
    editor.run();
    assert!(editor.query_by_label("Carry on as host").is_none(), "not while the host is there");
    editor.state_mut().session.snapshot.connection = Connection::Reconnecting;
    editor.run_steps(10);
    let button = editor.get_by_label("Carry on as host");
    assert_eq!(button.accesskit_node().role(), Role::Button);
    button.click();
    let mut clipboard = None;
    for _ in 0..4 {
        editor.step();
        clipboard = clipboard.or_else(|| copied(&editor));
    }
    assert_eq!(editor.state().session.commands(), [Command::CarryOn]);
    assert_eq!(clipboard.as_deref(), Some(LINK), "the new link is in the clipboard");
    editor.run();
    editor.get_by_label("Hosting");
    assert!(editor.query_by_label("Carry on as host").is_none());
}

#[test]
fn a_session_in_the_local_network_appears_is_joined_with_one_click_and_goes() {
    let mut editor = open(MadeUpSession::idle());
    editor.run();
    assert!(editor.state().session.looks_around);
    let join_card = editor.get_by_label("Join").rect();
    editor.state_mut().session.appear("Ada", 3);
    editor.run_steps(10);
    let offer = editor.get_by_label("Join Ada’s session (3 people)");
    assert_eq!(offer.accesskit_node().role(), Role::Button);
    assert_eq!(editor.get_by_label("Join").rect(), join_card, "nothing moves");
    editor.state_mut().session.around.clear();
    editor.run_steps(10);
    assert!(editor.query_by_label_contains("Ada’s session").is_none());
    editor.state_mut().session.appear("Ada", 4);
    editor.run_steps(10);
    click(&mut editor, "Join Ada’s session (4 people)");
    assert_eq!(editor.state().session.commands(), [Command::Join { link: FOUND_LINK.into() }]);
    editor.get_by_label("In session");
    assert!(!editor.state().session.looks_around, "in a session nobody looks");
}

#[test]
fn many_sessions_in_the_smallest_window_can_all_be_reached() {
    let mut session = MadeUpSession::idle();
    (1..=9).for_each(|number| session.appear("Ada", number));
    let mut editor = open_sized(session, theme::MIN_SIZE_POINTS + Vec2::splat(16.0));
    editor.run();
    let last = editor.get_by_label("Join Ada’s session (9 people)");
    last.scroll_to_me();
    editor.run();
    click(&mut editor, "Join Ada’s session (9 people)");
    assert_eq!(editor.state().session.commands(), [Command::Join { link: FOUND_LINK.into() }]);
}

#[test]
fn the_local_network_may_be_kept_out() {
    let mut editor = open(MadeUpSession::idle());
    assert!(toggled(&editor.get_by_label("Visible in this local network")));
    click(&mut editor, "Visible in this local network");
    assert!(!toggled(&editor.get_by_label("Visible in this local network")));
    click(&mut editor, "Visible in this local network");
    assert_eq!(
        editor.state().session.commands(),
        [Command::SetOpenToLan(false), Command::SetOpenToLan(true)]
    );
}

#[test]
fn another_link_goes_before_the_last_session() {
    let mut session = MadeUpSession::idle();
    session.last_joined = Some(OLD_LINK.into());
    let mut editor = open(session);
    type_into(&mut editor, "Invite link", LINK);
    editor.run();
    assert!(editor.query_by_label_contains("Join again").is_none());
    click(&mut editor, "Join");
    assert_eq!(editor.state().session.commands(), [Command::Join { link: LINK.into() }]);
}

#[test]
fn enter_in_an_empty_field_joins_nothing() {
    let mut session = MadeUpSession::idle();
    session.last_joined = Some(OLD_LINK.into());
    let mut editor = open(session);
    editor.get_by_label("Invite link").focus();
    editor.step();
    editor.key_press(Key::Enter);
    editor.run();
    assert_eq!(editor.state().session.commands(), []);
}

#[test]
fn a_bad_link_says_what_to_do_and_can_be_corrected() {
    let mut editor = open(MadeUpSession::idle());
    editor.get_by_label("Invite link").focus();
    editor.step();
    editor.get_by_label("Invite link").type_text("https://example.org");
    editor.step();
    click(&mut editor, "Join");
    let alert = editor.get_by(|node| node.role() == Role::Alert);
    assert!(alert.accesskit_node().label().unwrap().contains("not an invite link"));
    editor.get_by_label("Host");
    assert_eq!(
        editor.get_by_label("Invite link").value().as_deref(),
        Some("https://example.org"),
        "what was typed stays"
    );
}

#[test]
fn a_call_can_be_cancelled() {
    let mut session = MadeUpSession::idle();
    session.snapshot.connection = Connection::Joining;
    let mut editor = open(session);
    assert!(editor.get_by_label("Host").accesskit_node().is_disabled());
    click(&mut editor, "Cancel");
    assert_eq!(editor.state().session.commands(), [Command::Leave]);
}

#[test]
fn leaving_brings_the_choice_back() {
    let mut editor = open(MadeUpSession::band());
    click(&mut editor, "End session");
    assert_eq!(editor.state().session.commands(), [Command::Leave]);
    editor.get_by_label("Host");
    editor.get_by_label("Not in a session");
}

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

/// Drags from the middle of a control by `delta`, in two moves.
fn drag(editor: &mut Harness<'_, Editor>, label: &str, delta: Vec2, modifiers: Modifiers) {
    let from = editor.get_by_label(label).rect().center();
    let button =
        |pressed, pos| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers };
    editor.event(Event::ModifiersChanged(modifiers));
    editor.event(Event::PointerMoved(from));
    editor.event(button(true, from));
    for share in [0.5, 1.0] {
        editor.event(Event::PointerMoved(from + delta * share));
    }
    editor.event(button(false, from + delta));
    editor.event(Event::ModifiersChanged(Modifiers::NONE));
    editor.step();
    editor.run();
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
        click(&mut editor, "Drums, Ben: gain, typed");
        editor.key_press_modifiers(Modifiers::COMMAND, Key::A);
        editor
            .get_by(|node| {
                node.role() == Role::TextInput && node.label().as_deref() == Some("Drums, Ben: gain, typed")
            })
            .type_text(typed);
        editor.step();
        editor.key_press(Key::Enter);
        editor.run();
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
    click(&mut editor, "Ben · Drums");
    assert_eq!(access_shown(&editor, level).as_deref(), Some("2 people"));
    click(&mut editor, "Ada · Guitar");
    assert!(toggled(&editor.get_by_label("Ben · Drums")) && !toggled(&editor.get_by_label("Ada · Guitar")));
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
fn a_return_shows_what_comes_back_and_no_send() {
    let mut session = MadeUpSession::band();
    session.values.returns_only = true;
    let mut editor = open(session);
    for label in ["Send gain", "Mute send", "Send this track", "Monitor", "Quality", "Send level"] {
        assert!(editor.query_by_label(label).is_none(), "{label} in a plugin that sends nothing");
    }
    for label in ["Return", "Playout ≤", "Your name", "Name of this track"] {
        editor.get_by_label(label);
    }
    click(&mut editor, "Returns");
    assert!(editor.query_by_label("Nothing").is_none(), "it would do nothing at all then");
    click(&mut editor, "Automatic");
    let commands = editor.state().session.commands();
    assert_eq!(commands, [Command::SetReturns(ReturnChoice::Automatic)]);
}

#[test]
fn notices_are_shown_worst_first_and_dismissed_one_by_one() {
    let mut session = MadeUpSession::band();
    session.notice(1, Severity::Info, "Farid joined.", "");
    session.notice(2, Severity::Error, "The port is taken.", "Close the other program.");
    let mut editor = open(session);
    editor.get_by_label("The port is taken.");
    assert!(editor.query_by_label("Farid joined.").is_none());
    click(&mut editor, "Dismiss");
    editor.get_by_label("Farid joined.");
    click(&mut editor, "Dismiss");
    assert_eq!(editor.state().session.commands(), [Command::DismissNotice(2), Command::DismissNotice(1)]);
    assert!(editor.query_by_label("Dismiss").is_none());
}

#[test]
fn all_notices_open_as_a_list() {
    let mut session = MadeUpSession::band();
    session.notice(1, Severity::Info, "Farid joined.", "");
    session.notice(2, Severity::Error, "The port is taken.", "Close the other program.");
    let mut editor = open(session);
    click(&mut editor, "All messages (2)");
    editor.get_by_label("Farid joined.");
}

#[test]
fn an_offline_render_is_said() {
    let mut session = MadeUpSession::band();
    session.readings.pace = HostPace::Faster;
    let editor = open(session);
    editor.get_by_label("Paused: offline render");
    editor.get_by_label_contains("nothing is sent");
}

#[test]
fn whoever_leaves_keeps_the_place_and_nobody_moves() {
    let mut editor = open(MadeUpSession::band());
    let places = |editor: &Harness<'_, Editor>| {
        ["Guitar, Ada: gain", "Drums, Ben: gain", "Voice, Farid: gain"]
            .map(|label| editor.get_by_label(label).rect())
    };
    let before = places(&editor);
    editor.state_mut().session.leave_slot(1);
    editor.run();
    assert_eq!(places(&editor), before);
}

#[test]
fn the_strip_of_somebody_who_is_away_can_be_freed() {
    let mut editor = open(MadeUpSession::band());
    click(&mut editor, "Free the strip of Trumpet, Dario");
    let commands = editor.state().session.commands();
    let [Command::SetSlots(slots)] = commands.as_slice() else { panic!("asked for {commands:?}") };
    assert!(slots[3].is_none());
    assert_eq!(slots.iter().flatten().count(), 5);
}

#[test]
fn nothing_that_a_message_says_moves_a_panel() {
    let mut editor = open(MadeUpSession::band());
    let before = editor.get_by_label("Drums, Ben: gain").rect();
    editor.state_mut().session.notice(1, Severity::Error, &"long ".repeat(200), &"advice ".repeat(200));
    editor.state_mut().session.snapshot.connection = Connection::Reconnecting;
    editor.run();
    assert_eq!(editor.get_by_label("Drums, Ben: gain").rect(), before);
}

#[test]
fn a_resting_editor_asks_for_a_look_and_a_moving_one_for_a_frame() {
    let mut editor = open(MadeUpSession::band());
    for _ in 0..3 {
        editor.step();
    }
    let delay = |editor: &Harness<'_, Editor>| {
        editor.output().viewport_output.values().map(|viewport| viewport.repaint_delay).min().unwrap()
    };
    assert!(delay(&editor).as_millis() > 100, "at rest: {:?}", delay(&editor));
    editor.state_mut().session.readings.send_db = [-6.0; 2];
    editor.step();
    let moving = delay(&editor).as_millis();
    assert!((1..=40).contains(&moving), "moving: {moving} ms");
}

#[test]
fn everything_is_there_in_the_smallest_window_and_below_it_scrolls() {
    for size in [theme::MIN_SIZE_POINTS, vec2(500.0, 300.0)] {
        let mut session = MadeUpSession::band();
        session.values.has_aux_buses = true;
        let editor = open_sized(session, size);
        for label in [
            "Mute send",
            "Playout ≤",
            "Guitar, Ada: mute",
            "Guitar, Ada: bus",
            "Copy link",
            "End session",
            "Zoom",
        ] {
            let found = editor.query_by_label(label).is_some();
            assert!(found || size != theme::MIN_SIZE_POINTS, "{label} is missing at {size}");
        }
    }
}

#[test]
fn a_track_says_who_returns_the_mix_and_may_return_one_musician() {
    let mut session = MadeUpSession::band();
    session.add_track("Drums", true);
    let mut editor = open(session);
    editor.run();
    editor.get_by_label("The mix is returned by “Drums”");
    click(&mut editor, "Returns");
    click(&mut editor, "Ada · Guitar");
    let Some(Command::SetReturns(ReturnChoice::Sources(sources))) = editor.state().session.commands().pop()
    else {
        panic!("{:?}", editor.state().session.commands());
    };
    assert_eq!(sources, [editor.state().session.snapshot.sources[0].source]);
    click(&mut editor, "Send this track");
    assert_eq!(editor.state().session.commands().last(), Some(&Command::SetSends(false)));
}

#[test]
fn the_session_of_this_project_is_one_click_away() {
    let mut session = MadeUpSession::idle();
    session.last_joined = Some(OLD_LINK.into());
    session.snapshot.here = Some(SessionHere { link: LINK.into() });
    let mut editor = open(session);
    editor.run();
    click(&mut editor, "Join the session of this project");
    assert_eq!(editor.state().session.commands(), [Command::Join { link: LINK.into() }]);
}

fn said(editor: &Harness<'_, Editor>) -> Vec<String> {
    let text = |command: Command| match command {
        Command::Say(line) => Some(line.as_str().to_owned()),
        _ => None,
    };
    editor.state().session.commands().into_iter().filter_map(text).collect()
}

#[test]
fn lines_of_the_chat_are_counted_read_and_answered_with_the_keyboard() {
    let mut editor = open(MadeUpSession::band());
    editor.get_by_label("Chat");
    editor.state_mut().session.write("From the top?");
    editor.state_mut().session.write("see https://example.org");
    editor.run();
    assert!(editor.query_by_label("Ada: From the top?").is_none(), "closed until somebody opens it");
    editor.get_by_label("Chat (2)").focus();
    editor.key_press(Key::Enter);
    editor.run();
    editor.get_by_label("Chat");
    editor.get_by_label("Ada: From the top?");
    let link = editor.get_by_label("Ada: see https://example.org");
    assert_eq!(link.accesskit_node().role(), Role::Label, "a link stays text");
    assert!(editor.get_by_label("Line to everybody").is_focused(), "who opens it can write");
    editor.get_by_label("Line to everybody").type_text("Yes, da capo");
    editor.step();
    editor.key_press(Key::Enter);
    editor.run();
    editor.get_by_label("You: Yes, da capo");
    assert!(editor.get_by_label("Line to everybody").is_focused(), "and go on writing");
    editor.key_press(Key::Enter);
    editor.run();
    assert_eq!(said(&editor), ["Yes, da capo"], "nothing is sent where nothing is written");
    editor.get_by_label("Line to everybody").type_text("half a li");
    editor.step();
    editor.key_press(Key::Escape);
    editor.run();
    assert!(editor.query_by_label("Line to everybody").is_none(), "Escape closes it");
    editor.state_mut().session.write("One more");
    editor.run();
    click(&mut editor, "Chat (1)");
    assert_eq!(
        editor.get_by_label("Line to everybody").value().as_deref(),
        Some("half a li"),
        "nothing is lost"
    );
    click(&mut editor, "Send");
    click(&mut editor, "Close chat");
    assert!(editor.query_by_label("Line to everybody").is_none());
    assert_eq!(said(&editor), ["Yes, da capo", "half a li"]);
}

#[test]
fn a_line_that_cannot_be_sent_stays_and_the_chat_says_why() {
    let mut editor = open(MadeUpSession::band());
    click(&mut editor, "Chat");
    let long = "x".repeat(501);
    editor.get_by_label("Line to everybody").type_text(&long);
    editor.step();
    editor.key_press(Key::Enter);
    editor.run();
    editor.get_by_label("A line has at most 500 characters, this one has 501. Send it as several lines.");
    assert_eq!(editor.get_by_label("Line to everybody").value(), Some(long));
    editor.key_press(Key::Backspace);
    editor.run();
    assert!(editor.query_by_label_contains("A line has at most").is_none());
    editor.state_mut().session.snapshot.connection = Connection::Reconnecting;
    editor.run();
    click(&mut editor, "Send");
    editor.get_by_label_contains("The host does not answer: nobody would see it");
    assert!(said(&editor).is_empty());
    editor.state_mut().session.snapshot.connection = Connection::Joined;
    editor.run();
    click(&mut editor, "Send");
    assert_eq!(said(&editor), ["x".repeat(500)]);
}

#[test]
fn what_was_read_is_not_counted_again_in_the_next_window_nor_in_the_next_session() {
    let mut editor = open(MadeUpSession::band());
    editor.state_mut().session.write("Hello");
    editor.run();
    click(&mut editor, "Chat (1)");
    let state = editor.state_mut();
    state.view = state.view.in_new_window(None, ServerFields::default());
    state.session.write("Anybody?");
    editor.run();
    editor.get_by_label("Chat (1)");
    click(&mut editor, "Chat (1)");
    click(&mut editor, "Close chat");
    click(&mut editor, "End session");
    assert!(editor.query_by_label("Chat").is_none(), "nobody is there to write to");
    click(&mut editor, "Host");
    editor.state_mut().session.write("New here");
    editor.run();
    editor.get_by_label("Chat (1)");
}

#[test]
fn a_chat_of_a_hundred_long_lines_scrolls_and_shows_the_last_one() {
    let mut session = MadeUpSession::band();
    (0..100).for_each(|number| session.write(&format!("{number} {}", "la ".repeat(150))));
    let mut editor = open_sized(session, theme::MIN_SIZE_POINTS + Vec2::splat(16.0));
    editor.run();
    click(&mut editor, "Chat (100)");
    let last = ChatLine::new(&format!("99 {}", "la ".repeat(150))).unwrap();
    let rect = editor.get_by_label(&format!("Ada: {}", last.as_str())).rect();
    let field = editor.get_by_label("Line to everybody").rect();
    assert!(
        rect.bottom() <= field.top() + 1.0 && rect.bottom() > field.top() - 40.0,
        "{rect:?} over {field:?}"
    );
}

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

/// Steps through some frames and returns what was put into the clipboard meanwhile.
fn copied_soon(editor: &mut Harness<'_, Editor>) -> Option<String> {
    (0..4).fold(None, |clipboard, _| {
        editor.step();
        clipboard.or_else(|| copied(editor))
    })
}

#[test]
fn the_recording_offset_is_copied_as_a_plain_number_of_samples() {
    let mut editor = open(MadeUpSession::band());
    editor.run();
    let copy = "Copy recording offset";
    assert!(editor.query_by_label(copy).is_none());
    click(&mut editor, "Guitar, Ada");
    editor.get_by_label("Recording offset");
    editor.get_by_label("8.7 ms, 419 samples at 48 kHz");
    editor.get_by_label(copy).click();
    assert_eq!(copied_soon(&mut editor).as_deref(), Some("419"));
    editor.run();
    assert!(editor.query_by_label(copy).is_none(), "done");

    // The same by the other button, and by the keyboard alone.
    editor.get_by_label("Upright bass, Emilia Sandström-Okonkwo").click_secondary();
    editor.run();
    editor.get_by_label(copy);
    editor.key_press(Key::Escape);
    editor.run();
    assert!(editor.query_by_label(copy).is_none());
    editor.get_by_label("Upright bass, Emilia Sandström-Okonkwo").focus();
    editor.step();
    editor.key_press(Key::Enter);
    editor.run();
    editor.get_by_label(copy).focus();
    editor.run();
    assert!(editor.get_by_label(copy).accesskit_node().is_focused());
    // Pressed only: the frame of the release has an output of its own.
    editor.key_down(Key::Enter);
    assert_eq!(copied_soon(&mut editor).as_deref(), Some("1581"));
}

#[test]
fn a_strip_says_how_good_its_link_is_and_does_not_flicker() {
    let mut editor = open(MadeUpSession::band());
    editor.run();
    let count = |editor: &Harness<'_, Editor>, text: &str| editor.query_all_by_label_contains(text).count();
    assert_eq!(count(&editor, "Link good"), 3);
    assert_eq!(count(&editor, "Link strained: 0.2 % made up"), 1, "Ben's drums");
    assert_eq!(count(&editor, "Link bad: 3.4 % made up"), 1, "Farid's voice");
    editor.state_mut().session.snapshot.sources[0].lost = 0.08;
    editor.run_steps(10);
    editor.get_by_label("Link strained: the network loses 8.0 %");
    editor.state_mut().session.snapshot.sources[0].lost = 0.0;
    editor.run_steps(60);
    editor.get_by_label("Link strained: the network loses 8.0 %");
    editor.run_steps(90);
    assert_eq!(count(&editor, "Link good"), 3, "after a while it is good again");
}

#[test]
fn test_my_path_answers_in_words_and_by_the_keyboard() {
    let mut editor = open(MadeUpSession::idle());
    editor.run();
    assert!(editor.query_by_label("Test my path").is_none(), "there is no path without a session");
    let mut editor = open(MadeUpSession::band());
    editor.run();
    editor.get_by_label("Test my path").focus();
    editor.step();
    editor.key_press(Key::Enter);
    editor.run();
    let verdict =
        "Farthest is Farid, 64.2 ms one way: as if you stood 22 m apart; play along, but not together.";
    assert_eq!(editor.get_by_label(verdict).accesskit_node().role(), Role::Alert);
    editor.get_by_label(
        "The largest part is the network, 59.0 ms: no direct path was found; one would be shorter, see Network before you join.",
    );
    editor.get_by_label("7.4 ms, 3 m; round trip of the network 5.8 ms");
    // It follows the session, and the rest of the editor works beside it.
    let sources = &mut editor.state_mut().session.snapshot.sources;
    sources.truncate(1);
    editor.run_steps(10);
    editor.get_by_label("7.4 ms one way: as if you stood 3 m apart; as on one stage, good for everything.");
    editor.key_press(Key::Escape);
    editor.run();
    assert!(editor.query_by_label("Your path").is_none());
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
