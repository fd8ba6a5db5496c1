//! Hosting, joining, and what is typed for it.

use super::*;

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
    let offer = editor.get_by_label("Join Ada (3 people)");
    assert_eq!(offer.accesskit_node().role(), Role::Button);
    assert_eq!(editor.get_by_label("Join").rect(), join_card, "nothing moves");
    editor.state_mut().session.around.clear();
    editor.run_steps(10);
    assert!(editor.query_by_label_contains("Ada’s session").is_none());
    editor.state_mut().session.appear("Ada", 4);
    editor.run_steps(10);
    click(&mut editor, "Join Ada (4 people)");
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
    let last = editor.get_by_label("Join Ada (9 people)");
    last.scroll_to_me();
    editor.run();
    click(&mut editor, "Join Ada (9 people)");
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
fn the_session_of_this_project_is_one_click_away() {
    let mut session = MadeUpSession::idle();
    session.last_joined = Some(OLD_LINK.into());
    session.snapshot.here = Some(SessionHere { link: LINK.into() });
    let mut editor = open(session);
    editor.run();
    click(&mut editor, "Join the session of this project");
    assert_eq!(editor.state().session.commands(), [Command::Join { link: LINK.into() }]);
}
