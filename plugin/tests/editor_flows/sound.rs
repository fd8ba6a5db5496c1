//! The standalone's audio.

use backline::sound::{DeviceName, SoundChoice, SoundSystem, SoundView};

use super::*;

fn standalone() -> MadeUpSession {
    let mut session = MadeUpSession::idle();
    session.sound = Some(SoundView {
        running: "Speakers at 44.1 kHz".into(),
        outputs: vec![DeviceName { id: "alsa:2".into(), name: "Scarlett".into() }],
        rates_hz: vec![44_100, 48_000],
        ..SoundView::default()
    });
    session
}

fn chosen(editor: &Harness<'_, Editor>) -> Option<SoundChoice> {
    let last = editor.state().session.asked.last();
    last.and_then(|asked| if let Asked::Sound(choice) = asked { Some(choice.clone()) } else { None })
}

#[test]
fn a_device_and_its_rate_are_chosen_beside_a_session_or_without_one() {
    let mut editor = open(standalone());
    click(&mut editor, "Audio");
    editor.get_by_label("Speakers at 44.1 kHz");
    assert!(editor.query_by_label("Host").is_none(), "one page at a time");
    click(&mut editor, "Plays on");
    click(&mut editor, "Scarlett");
    let scarlett =
        SoundChoice { system: SoundSystem::Device, output: Some("alsa:2".into()), ..SoundChoice::default() };
    assert_eq!(chosen(&editor), Some(scarlett.clone()));
    click(&mut editor, "Rate");
    click(&mut editor, "48 kHz");
    assert_eq!(chosen(&editor), Some(SoundChoice { rate_hz: Some(48_000), ..scarlett }));
    click(&mut editor, "Close audio");
    editor.get_by_label("Host");
}

#[test]
fn a_lost_device_is_told_with_what_to_do() {
    let mut session = standalone();
    let told = ("The audio device is gone: unplugged.".to_owned(), "Choose another.".to_owned());
    session.sound.iter_mut().for_each(|sound| sound.problem = Some(told.clone()));
    let mut editor = open(session);
    click(&mut editor, "Audio");
    let alert = editor.get_by_role(Role::Alert);
    let text = alert.accesskit_node().label();
    assert_eq!(text.as_deref(), Some("The audio device is gone: unplugged. Choose another."));
}

#[test]
fn a_daw_has_audio_of_its_own() {
    assert!(open(MadeUpSession::band()).query_by_label("Audio").is_none());
}
