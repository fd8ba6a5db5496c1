//! Notices, strips of people who come and go, and the window itself.

use super::*;

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
    editor.get_by_label("Mix returned by “Drums”");
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
fn dark_and_light_are_chosen_in_the_header_and_kept_for_every_project() {
    let mut editor = open(MadeUpSession::band());
    assert_eq!(editor.get_by_label("Colours").accesskit_node().value().as_deref(), Some("Dark"));
    click(&mut editor, "Colours");
    click(&mut editor, "Light");
    assert_eq!(editor.state().session.asked, [Asked::Look(Look::Light)]);
    assert_eq!(Look::of(&editor.ctx), Look::Light);
    assert_eq!(editor.get_by_label("Colours").accesskit_node().value().as_deref(), Some("Light"));
    click(&mut editor, "Colours");
    click(&mut editor, "Dark");
    assert_eq!(Look::of(&editor.ctx), Look::Dark);
}
