use backline_client::{InstanceId, SourceId};

use super::*;
use crate::editor::view_model::tests::{snapshot, source};

const ME: ParticipantId = ParticipantId([9; 32]);

fn scope() -> Scope {
    Scope::Send(SourceId { participant: ME, instance: InstanceId(1) })
}

fn id(number: u8) -> ParticipantId {
    ParticipantId([number; 32])
}

fn person(number: u8, name: &str) -> PersonView {
    PersonView { participant: id(number), name: name.to_owned(), colour: [1, 2, 3], is_here: true }
}

fn with(people: &[PersonView]) -> Snapshot {
    let mut snapshot = snapshot(backline_client::Connection::Hosting);
    snapshot.people = people.to_vec();
    snapshot
}

fn access(snapshot: &Snapshot, everyone: bool, people: &[u8]) -> Access {
    let view = AccessView { everyone, people: people.iter().map(|number| id(*number)).collect() };
    Access::new(snapshot, scope(), &view)
}

/// What picking the option of a name asks for.
fn picked(access: &Access, name: &str) -> Vec<(Grantee, bool)> {
    let option = access.options.iter().find(|option| option.name == name).unwrap();
    let commands = option.commands().map(|command| match command {
        Command::Permit { scope: of, grantee, allowed } if of == scope() => (grantee, allowed),
        other => panic!("{other:?}"),
    });
    commands.collect()
}

fn chosen(access: &Access) -> Vec<&str> {
    access.options.iter().filter(|option| option.is_chosen).map(|option| option.name.as_str()).collect()
}

#[test]
fn nobody_may_to_begin_with_and_everyone_or_one_may_be_let() {
    let snapshot = with(&[person(1, "Ada"), person(2, "Ben")]);
    let access = access(&snapshot, false, &[]);
    assert_eq!((access.shown.as_str(), access.is_open), ("nobody", false));
    assert_eq!(chosen(&access), ["Nobody"]);
    assert_eq!(picked(&access, "Everyone"), [(Grantee::Everyone, true)]);
    assert_eq!(picked(&access, "Ben"), [(Grantee::Participant(id(2)), true)]);
    assert_eq!(picked(&access, "Nobody"), []);
}

#[test]
fn chosen_people_are_shown_and_let_no_longer_when_picked_again() {
    let snapshot = with(&[person(1, "Ada"), person(2, "Ben"), person(3, "Cleo")]);
    let one = access(&snapshot, false, &[2]);
    assert_eq!((one.shown.as_str(), one.is_open), ("Ben", true));
    let two = access(&snapshot, false, &[2, 3]);
    assert_eq!((two.shown.as_str(), chosen(&two)), ("2 people", vec!["Ben", "Cleo"]));
    assert_eq!(picked(&two, "Ben"), [(Grantee::Participant(id(2)), false)]);
    let (ben, cleo) = ((Grantee::Participant(id(2)), false), (Grantee::Participant(id(3)), false));
    assert_eq!(picked(&two, "Nobody"), [ben, cleo]);
    assert_eq!(picked(&two, "Everyone"), [(Grantee::Everyone, true), ben, cleo]);
}

#[test]
fn one_in_place_of_everyone_is_let_before_the_others_are_not() {
    let snapshot = with(&[person(1, "Ada"), person(2, "Ben")]);
    let everyone = access(&snapshot, true, &[]);
    assert_eq!((everyone.shown.as_str(), chosen(&everyone)), ("everyone", vec!["Everyone"]));
    assert_eq!(picked(&everyone, "Ben"), [(Grantee::Participant(id(2)), true), (Grantee::Everyone, false)]);
    assert_eq!(picked(&everyone, "Nobody"), [(Grantee::Everyone, false)]);
    assert_eq!(picked(&access(&snapshot, true, &[2]), "Ben"), [(Grantee::Everyone, false)]);
}

#[test]
fn two_of_one_name_are_two_people() {
    let mut snapshot = with(&[person(1, "Ben"), person(2, "Ben"), person(7, "Ben"), person(8, "")]);
    snapshot.sources.push(source(7, Some(0)));
    let access = access(&snapshot, false, &[2]);
    let names: Vec<&str> = access.options[2..].iter().map(|option| option.name.as_str()).collect();
    assert_eq!(names, ["Ben (0101)", "Ben (0202)", "Ben · Guitar", "Participant"]);
    assert_eq!(picked(&access, "Ben (0101)"), [(Grantee::Participant(id(1)), true)]);
    assert_eq!(picked(&access, "Ben (0202)"), [(Grantee::Participant(id(2)), false)]);
}

#[test]
fn whoever_is_away_is_listed_as_long_as_they_may() {
    let away = PersonView { is_here: false, ..person(1, "Ada") };
    let snapshot = with(&[away]);
    let names = |access: &Access| access.options.iter().map(|option| option.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&access(&snapshot, false, &[])), ["Nobody", "Everyone"]);
    let lets = access(&snapshot, false, &[1]);
    assert_eq!(names(&lets), ["Nobody", "Everyone", "Ada, away"]);
    assert_eq!(picked(&lets, "Ada, away"), [(Grantee::Participant(id(1)), false)]);
}
