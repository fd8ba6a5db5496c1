use super::*;

fn parse(line: &str) -> Result<Options, StandaloneError> {
    Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
}

#[test]
fn the_command_line_is_read() {
    assert_eq!(parse(""), Ok(Options::default()));
    let expected = Options { audio: Some(SoundSystem::Jack), is_windowless: true, ..Options::default() };
    assert_eq!(parse("--audio jack --no-window"), Ok(expected.clone()));
    assert_eq!(parse("--no-window --audio=jack"), Ok(expected));
    let expected = Options {
        rate_hz: Some(96_000),
        block_frames: Some(64),
        output: Some("alsa:hw:1".to_owned()),
        ..Options::default()
    };
    assert_eq!(parse("--rate 96000 --block=64 --output alsa:hw:1"), Ok(expected));
    for wrong in ["--audio", "--audio loud", "--window", "x", "--rate fast", "--block", "--block -1"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_command_line_counts_before_what_was_chosen_last() {
    let last = SoundChoice { output: Some("old".into()), rate_hz: Some(44_100), ..SoundChoice::default() };
    let choice = |line: &str| parse(line).map(|options| options.choice(last.clone()));
    assert_eq!(choice(""), Ok(last.clone()));
    let named = SoundChoice { system: SoundSystem::Device, output: Some("new".into()), ..last.clone() };
    assert_eq!(choice("--output new"), Ok(named));
    let jack = SoundChoice { system: SoundSystem::Jack, ..last.clone() };
    assert_eq!(choice("--audio jack"), Ok(jack));
}

#[test]
fn what_is_kept_comes_back() {
    let first = Processor::new(Kind::Track);
    // SAFETY: the parameter lives in an `Arc` that `first` holds.
    unsafe {
        nice_plug::prelude::Param::as_ptr(&first.params().slots[4].pan)._internal_set_normalized_value(0.25)
    };
    first.project().update(|state| state.source_name = "Flute".to_owned());
    let second = Processor::new(Kind::Track);
    memory::apply(second.params(), memory::state(first.params()));
    assert_eq!(second.params().slots[4].pan.value(), -0.5);
    assert_eq!(second.project().state().source_name, "Flute");
}
