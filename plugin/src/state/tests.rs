use super::*;
use backline_client::{InstanceId, ParticipantId};
use proptest::prelude::*;

/// A project saved by version 1, byte for byte. Never regenerate it: old projects do not change either.
const FIXTURE_V1: &str = include_str!("../../tests/fixtures/state-v1.json");

fn full_state() -> ProjectState {
    let source =
        |byte: u8| SourceId { participant: ParticipantId([byte; 32]), instance: InstanceId(byte.into()) };
    let mut state = ProjectState {
        participant: Some(ParticipantId([7; 32])),
        instance: InstanceId(0xFEDC_BA98_7654_3210),
        name: Some("Ada Löv".to_owned()),
        colour: Some([10, 200, 30]),
        source_name: "Guitar".to_owned(),
        session: Some(LastSession { role: Role::Joined, link: "backline://join/abc".to_owned() }),
        host_address: Some("music.example:4000".to_owned()),
        quality: Quality::Careful,
        playout_depth_us: 12_500,
        editor: EditorState { width_points: 1200, height_points: 700, scale: 1.5 },
        ..ProjectState::default()
    };
    state.slots[0] = SlotState { source: Some(source(1)), bus: BusChoice::Main };
    state.slots[15] = SlotState { source: Some(source(9)), bus: BusChoice::Aux(7) };
    state
}

fn fields(text: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(STATE_FIELD.to_owned(), text.to_owned())])
}

fn newer_text() -> String {
    r#"{"version":99,"quality":"telepathy","slots":"everywhere"}"#.to_owned()
}

#[test]
fn a_state_survives_saving_and_loading() {
    let saved = Saved { state: full_state(), ..Saved::default() };
    let (again, error) = Saved::read(&saved.write());
    assert_eq!(error, None);
    assert_eq!(again, saved);
}

#[test]
fn a_project_of_version_1_still_loads() {
    assert_eq!(ProjectState::parse(FIXTURE_V1), Ok(full_state()));
}

#[test]
fn missing_fields_have_defaults() {
    assert_eq!(ProjectState::parse(r#"{"version":1}"#), Ok(ProjectState::default()));
    let (saved, error) = Saved::read(&BTreeMap::new());
    assert_eq!((saved, error), (Saved::default(), None));
}

#[test]
fn garbage_is_put_aside_verbatim_and_saved_again() {
    for garbage in
        ["", "{", "null", "[]", "{}", r#"{"version":0}"#, r#"{"version":1,"slots":[]}"#, "\u{0}\u{1}é"]
    {
        let (saved, error) = Saved::read(&fields(garbage));
        assert!(matches!(error, Some(StateError::Damaged { .. })), "{garbage:?}");
        assert_eq!(saved.state, ProjectState::default());
        let (again, error) = Saved::read(&saved.write());
        assert_eq!(error, None, "what was put aside once is not reported again");
        assert_eq!(again.kept, vec![KeptText { text: garbage.to_owned(), superseded: false }]);
    }
}

#[test]
fn a_newer_state_is_put_aside_verbatim_and_said() {
    let (mut saved, error) = Saved::read(&fields(&newer_text()));
    assert_eq!(error, Some(StateError::Newer { found: 99 }));
    assert!(error.unwrap().to_string().contains("newer Backline"));
    saved.state = full_state();
    saved.supersede_kept();
    let (again, _) = Saved::read(&saved.write());
    assert_eq!(again.state, full_state());
    assert_eq!(again.kept, vec![KeptText { text: newer_text(), superseded: true }]);
}

#[test]
fn the_same_text_is_not_put_aside_twice() {
    let (saved, _) = Saved::read(&fields(&newer_text()));
    let mut fields = saved.write();
    fields.insert(STATE_FIELD.to_owned(), newer_text());
    let (again, _) = Saved::read(&fields);
    assert_eq!(again.kept.len(), 1);
}

#[test]
fn a_text_put_aside_comes_back_when_it_can_be_read_and_nobody_changed_anything() {
    let kept = |superseded| KeptText { text: full_state().to_text(), superseded };
    let older = Saved { kept: vec![kept(false)], ..Saved::default() };
    let (back, _) = Saved::read(&older.write());
    assert_eq!(back.state, full_state());
    assert!(back.kept.is_empty());

    let changed = Saved { kept: vec![kept(true)], ..Saved::default() };
    let (stays, _) = Saved::read(&changed.write());
    assert_eq!(stays, changed);
}

#[test]
fn fields_of_other_versions_and_damaged_lists_are_saved_again() {
    let found = BTreeMap::from([
        ("from_the_future".to_owned(), "[1, 2".to_owned()),
        (KEPT_FIELD.to_owned(), "not a list".to_owned()),
    ]);
    let (saved, _) = Saved::read(&found);
    let written = saved.write();
    assert_eq!(written["from_the_future"], "[1, 2");
    assert!(written[KEPT_FIELD].contains("not a list"));
}

#[test]
fn values_beyond_limits_are_brought_inside() {
    let text = r#"{"version":1,"playout_depth_us":4000000000,"editor":{"width_points":0,"height_points":99999,"scale":99.0}}"#;
    let state = ProjectState::parse(text).unwrap();
    assert_eq!(state.depth_ceiling(), DEPTH_CEILING_MAX);
    assert_eq!(state.editor, EditorState { width_points: 320, height_points: 8192, scale: 4.0 });
}

proptest! {
    #[test]
    fn no_text_panics_and_every_unusable_text_is_kept(text in ".*") {
        let (saved, error) = Saved::read(&fields(&text));
        prop_assert_eq!(error.is_some(), saved.kept.iter().any(|kept| kept.text == text));
    }

    #[test]
    fn a_damaged_byte_loses_nothing(at in 0usize..400, byte in 0x20u8..0x7f) {
        let mut bytes = full_state().to_text().into_bytes();
        let at = at % bytes.len();
        prop_assume!(bytes[at].is_ascii());
        bytes[at] = byte;
        let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
        let (saved, error) = Saved::read(&fields(&text));
        prop_assert!(error.is_none() || saved.kept[0].text == text);
    }
}
