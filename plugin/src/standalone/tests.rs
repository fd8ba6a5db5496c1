use super::*;

fn parse(line: &str) -> Result<Options, StandaloneError> {
    Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
}

#[test]
fn the_command_line_is_read() {
    assert_eq!(parse(""), Ok(Options::default()));
    let expected = Options { audio: AudioChoice::Jack, is_windowless: true };
    assert_eq!(parse("--audio jack --no-window"), Ok(expected));
    assert_eq!(parse("--no-window --audio=jack"), Ok(expected));
    for wrong in ["--audio", "--audio loud", "--window", "x"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
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
