//! Writing to each other.

use std::time::Duration;

use backline_client::LogLine;

use super::*;

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
fn what_was_changed_is_beside_what_was_written() {
    let mut session = MadeUpSession::band();
    let line = |text: &str, seconds| LogLine { text: text.into(), age: Duration::from_secs(seconds) };
    session.snapshot.log = vec![
        line("Ada set the tempo to 92 bpm, 4/4.", 0),
        line("Ben set how loud everyone gets your “Piano” to −3.0 dB.", 120),
    ];
    let mut editor = open(session);
    click(&mut editor, "Chat");
    assert!(editor.query_by_label_contains("92 bpm").is_none());
    click(&mut editor, "What was changed");
    editor.get_by_label("Ada set the tempo to 92 bpm, 4/4. just now");
    editor.get_by_label("Ben set how loud everyone gets your “Piano” to −3.0 dB. 2 min ago");
    assert!(editor.query_by_label("Line to everybody").is_none());
    click(&mut editor, "What was written");
    editor.get_by_label("Line to everybody");
}
