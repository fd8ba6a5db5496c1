//! Recording offset, how good a link is, and *Test my path*.

use super::*;

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
        "Farthest is Farid, 130 ms there and back: as if you stood 22 m apart; play along, but not together.";
    assert_eq!(editor.get_by_label(verdict).accesskit_node().role(), Role::Alert);
    editor.get_by_label(
        "The largest part is the network, 59.0 ms: no direct path was found; one would be shorter, see Network before you join.",
    );
    for of_ada in ["9.1 ms", "3 m", "5.8 ms"] {
        editor.get_by_label(of_ada);
    }
    // It follows the session, and the rest of the editor works beside it.
    let sources = &mut editor.state_mut().session.snapshot.sources;
    sources.truncate(1);
    editor.run_steps(10);
    editor.get_by_label(
        "16.5 ms there and back: as if you stood 3 m apart; as on one stage, good for everything.",
    );
    editor.key_press(Key::Escape);
    editor.run();
    assert!(editor.query_by_label("Your path").is_none());
}

#[test]
fn the_last_minutes_of_a_source_are_a_plot_on_demand() {
    let mut editor = open(scene("past"));
    click(&mut editor, "Drums, Ben");
    assert!(editor.query_by_label_contains("in the last 3 minutes").is_none());
    click(&mut editor, "Last minutes");
    let plot = editor.get_by_label_contains("in the last 3 minutes");
    let summary = plot.accesskit_node().label().unwrap_or_default();
    assert!(summary.starts_with("Latency 1") && summary.contains("most of it network"), "{summary}");
    click(&mut editor, "Figures");
    editor.get_by_label("Last minutes");
}
