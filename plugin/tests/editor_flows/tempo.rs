//! Tempo, transport, metronome.

use std::time::Duration;

use backline_client::{Bpm, Meter, Tempo};

use super::*;

fn tempo(bpm: f64, meter: &str) -> Option<Command> {
    let (bpm, meter) = (Bpm::new(bpm).ok()?, meter.parse::<Meter>().ok()?);
    Some(Command::SetTempo(Tempo { bpm, meter }))
}

fn last(editor: &Harness<'_, Editor>) -> Option<Command> {
    editor.state().session.commands().pop()
}

#[test]
fn the_beat_is_set_started_with_a_count_in_and_stopped() {
    let mut editor = open(MadeUpSession::band());
    click(&mut editor, "Tempo");
    type_over(&mut editor, "Tempo in beats a minute", "92.5");
    assert_eq!(last(&editor), tempo(92.5, "4/4"));
    type_over(&mut editor, "Beats of a bar", "7/8");
    assert_eq!(last(&editor), tempo(92.5, "7/8"));
    type_over(&mut editor, "Beats of a bar", "7/9");
    let problem = editor.get_by_role(Role::Alert);
    assert!(problem.accesskit_node().label().is_some_and(|text| text.starts_with("A bar has 1 to 64 beats")));
    type_over(&mut editor, "Beats of a bar", "3/4");
    assert!(editor.query_by_role(Role::Alert).is_none(), "what is right again is not complained of");
    click(&mut editor, "Count in 2 bars");
    assert!(
        toggled(&editor.get_by_label("Count in 2 bars")) && !toggled(&editor.get_by_label("Count in 1 bar"))
    );
    click(&mut editor, "Start");
    assert_eq!(last(&editor), Some(Command::StartTransport { count_in_bars: 2 }));
    // Two bars before the first.
    assert!(editor.query_all_by_label_contains("Bar −2").count() == 1);
    click(&mut editor, "Stop");
    assert_eq!(last(&editor), Some(Command::StopTransport));
    editor.get_by_label("Tempo");
}

#[test]
fn a_leader_gives_the_tempo_and_one_may_take_the_lead_over() {
    let mut session = MadeUpSession::band();
    session.led_by("Ada", Duration::from_millis(24));
    let mut editor = open(session);
    let button = editor.get_by_label_contains("Bar 12");
    button.click();
    editor.run();
    editor.get_by_label("Ada's DAW leads.");
    editor.get_by_label("120 bpm, 4/4");
    editor.get_by_label_contains("24.0 ms after they play");
    assert!(editor.query_all_by_label("Ada records.").count() >= 1, "on the button, and in words");
    assert!(editor.query_by_label("Tempo in beats a minute").is_none(), "the leader's");
    assert!(editor.query_by_label("Start").is_none() && editor.query_by_label("Stop").is_none());
    click(&mut editor, "Lead with my DAW");
    assert_eq!(last(&editor), Some(Command::Lead(true)));
    click(&mut editor, "Stop leading");
    assert_eq!(last(&editor), Some(Command::Lead(false)));
}

#[test]
fn the_metronome_is_switched_on_and_as_loud_as_one_likes() {
    let mut editor = open(MadeUpSession::band());
    click(&mut editor, "Tempo");
    assert!(editor.get_by_label("Lead with my DAW").accesskit_node().is_disabled(), "this DAW tells nothing");
    editor.get_by_label("Metronome").click();
    editor.run();
    assert!(editor.state().session.values.metronome && toggled(&editor.get_by_label("Metronome")));
    drag(&mut editor, "Click", vec2(0.0, -40.0), Modifiers::NONE);
    assert!(editor.state().session.values.metronome_db > -5.0);
}

#[test]
fn without_a_session_there_is_no_tempo() {
    let editor = open(MadeUpSession::idle());
    assert!(editor.query_by_label("Tempo").is_none());
}

/// Replaces what is in a field, and presses Enter.
fn type_over(editor: &mut Harness<'_, Editor>, label: &str, text: &str) {
    editor.get_by_label(label).focus();
    editor.step();
    editor.key_press_modifiers(Modifiers::COMMAND, Key::A);
    editor.step();
    editor.get_by_label(label).type_text(text);
    editor.step();
    editor.key_press(Key::Enter);
    editor.run();
}
