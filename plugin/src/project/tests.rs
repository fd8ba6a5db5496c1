use super::*;
use backline_client::{InstanceId, ParticipantId, Quality, SLOTS, SourceId};
use std::time::Duration;

use crate::processor::Processor;
use crate::servers::ServerFields;
use crate::state::{KEPT_FIELD, STATE_FIELD};

fn project() -> Arc<Project> {
    Processor::new(Kind::Multi).project().clone()
}

fn source(byte: u8) -> SourceId {
    SourceId { participant: ParticipantId([byte; 32]), instance: InstanceId(1) }
}

#[test]
fn what_is_sent_is_kept() {
    let project = project();
    let mut slots = [None; SLOTS];
    slots[2] = Some(source(5));
    project.send(Command::SetName("Ada".to_owned()));
    project.send(Command::SetSourceName("Guitar".to_owned()));
    project.send(Command::SetColour([1, 2, 3]));
    project.send(Command::SetQuality(Quality::Lossless));
    project.send(Command::SetDepthCeiling(Duration::from_secs(9)));
    project.send(Command::SetSlots(slots));
    assert!(project.state().open_to_lan, "until somebody does not want it");
    project.send(Command::SetOpenToLan(false));
    assert!(!project.state().hear_own, "until somebody wants it");
    project.send(Command::SetHearOwn(true));
    let state = project.state();
    assert!(!state.open_to_lan && state.hear_own);
    assert_eq!(state.name.as_deref(), Some("Ada"));
    assert_eq!((state.source_name.as_str(), state.colour), ("Guitar", Some([1, 2, 3])));
    assert_eq!((state.quality, state.depth_ceiling()), (Quality::Lossless, Duration::from_millis(250)));
    assert_eq!(state.bindings(), slots);
}

#[test]
fn changes_are_reported_once() {
    let project = project();
    assert!(!project.take_changed());
    project.set_bus(4, BusChoice::Aux(7));
    assert_eq!(project.bus(4), BusChoice::Aux(7));
    assert!(project.take_changed());
    project.set_bus(4, BusChoice::Aux(7));
    assert!(!project.take_changed(), "nothing changed");
    project.set_bus(99, BusChoice::Main);
    assert_eq!(project.bus(99), BusChoice::Main);
}

#[test]
fn a_saved_project_loads_into_another_instance() {
    let first = project();
    first.send(Command::SetSourceName("Guitar".to_owned()));
    first.set_bus(0, BusChoice::Aux(2));
    first.send(Command::SetOpenToLan(false));
    first.send(Command::SetHearOwn(true));
    let fields = first.save();
    let second = project();
    second.load(&fields);
    assert_eq!(second.state().source_name, "Guitar");
    assert!(!second.client().snapshot().open_to_lan && second.client().snapshot().hear_own);
    assert_eq!(second.bus(0), BusChoice::Aux(2));
    assert!(!second.take_changed(), "loading is no change");
}

#[test]
fn a_reopened_project_has_its_instance_id_and_a_copied_track_one_of_its_own() {
    let original = project();
    let (fields, id) = (original.save(), original.state().instance);
    let copy = project();
    copy.load(&fields);
    assert_ne!(copy.state().instance, id, "the original lives");
    drop(original);
    let reopened = project();
    reopened.load(&fields);
    assert_eq!(reopened.state().instance, id);
    assert_eq!(reopened.client().snapshot().you.instance, id);
}

#[test]
fn unreadable_state_is_told_and_saved_again() {
    let project = project();
    let garbage = "{\"version\":7000}".to_owned();
    project.load(&BTreeMap::from([(STATE_FIELD.to_owned(), garbage.clone())]));
    let notices = &project.client().snapshot().notices;
    assert!(notices.iter().any(|notice| notice.text.contains("newer Backline") && !notice.advice.is_empty()));
    project.send(Command::SetSourceName("Guitar".to_owned()));
    let kept = &project.save()[KEPT_FIELD];
    assert!(kept.contains("7000") && kept.contains("true"), "{kept}");
}

#[test]
fn servers_are_kept_without_the_password_and_a_reopened_project_asks_for_it() {
    let servers = ServerFields {
        stun: "203.0.113.7".to_owned(),
        turn: "203.0.113.9".to_owned(),
        turn_user: "ada".to_owned(),
        turn_password: "hush".to_owned(),
    };
    let first = project();
    first.set_servers(&servers);
    assert_eq!(first.servers(), servers, "in memory as long as the instance lives");
    let fields = first.save();
    assert!(!format!("{fields:?}").contains("hush"));
    first.load(&fields);
    assert_eq!(first.servers(), servers, "also where the host loads the state again");
    assert!(first.client().snapshot().notices.is_empty());

    let reopened = project();
    reopened.load(&fields);
    assert_eq!(reopened.servers(), ServerFields { turn_password: String::new(), ..servers });
    let notices = &reopened.client().snapshot().notices;
    assert!(notices.iter().any(|notice| notice.text.contains("TURN") && !notice.advice.is_empty()));
}

#[test]
fn the_session_that_was_joined_last_is_offered_again_also_after_the_project_was_reopened() {
    let first = project();
    assert_eq!(first.last_joined(), None);
    first.update(|state| {
        state.session = Some(LastSession { role: Role::Joined, link: "backline://join/a".to_owned() });
    });
    let reopened = project();
    reopened.load(&first.save());
    assert_eq!(reopened.last_joined().as_deref(), Some("backline://join/a"));
    reopened.update(|state| state.session.as_mut().unwrap().role = Role::Hosted);
    assert_eq!(reopened.last_joined(), None, "whoever hosted hosts again");
    assert_eq!(reopened.last_hosted().as_deref(), Some("backline://join/a"));
}

#[test]
fn a_session_that_its_host_has_ended_is_not_offered_again_and_one_that_was_joined_is() {
    let project = project();
    for (role, link) in [(Role::Hosted, None), (Role::Joined, Some("backline://join/a".to_owned()))] {
        project.update(|state| {
            state.session = Some(LastSession { role, link: "backline://join/a".to_owned() });
        });
        project.send(Command::Leave);
        assert_eq!(project.last_hosted(), None);
        assert_eq!(project.last_joined(), link);
    }
}

#[test]
fn a_snapshot_of_before_does_not_bring_an_ended_session_back() {
    let mut state = ProjectState::default();
    let invite = Some("backline://join/a".to_owned());
    let snapshot = Snapshot { invite: invite.clone(), ..Snapshot::clone(&project().client().snapshot()) };
    fetch(&mut state, &snapshot, invite.as_ref());
    assert_eq!(state.session, None);
    fetch(&mut state, &snapshot, None);
    assert_eq!(state.session.map(|last| last.role), Some(Role::Hosted));
}

#[test]
fn a_return_publishes_nothing_and_wants_the_mix() {
    let returning = Processor::new(Kind::Return).project().clone();
    assert!(!returning.state().sends);
    assert_eq!(returning.state().returns, ReturnChoice::Mix);
    assert!(!returning.client().snapshot().sends);
}

#[test]
fn a_return_that_gets_a_senders_project_still_publishes_nothing() {
    let sender = project();
    sender.send(Command::SetReturns(ReturnChoice::Automatic));
    let returning = Processor::new(Kind::Return).project().clone();
    returning.load(&sender.save());
    assert!(!returning.state().sends);
    assert_eq!(returning.state().returns, ReturnChoice::Automatic);
    assert!(!returning.client().snapshot().sends);
}

#[test]
fn a_slot_that_moves_to_another_bus_is_told_to_the_listener_and_nothing_after_it_is_taken_away() {
    let project = project();
    let (buses, heard) = (project.buses().clone(), Arc::new(Mutex::new(Vec::new())));
    let noted = heard.clone();
    project.client().set_listener(Some(Box::new(move |snapshot: &Snapshot| {
        noted.lock().unwrap().push((snapshot.connection.clone(), buses.get(3)));
    })));
    let take = || std::mem::take(&mut *heard.lock().unwrap());
    project.set_bus(3, BusChoice::Aux(7));
    assert_eq!(take(), [(Connection::Idle, BusChoice::Aux(7))]);
    let fields = project.save();
    project.set_bus(3, BusChoice::Main);
    project.load(&fields);
    assert_eq!(take().last(), Some(&(Connection::Idle, BusChoice::Aux(7))));
    project.set_bus(99, BusChoice::Aux(0));
    assert_eq!(take(), [], "there is no such slot");
    project.client().set_listener(None);
    project.set_bus(3, BusChoice::Main);
    assert_eq!((take(), Arc::strong_count(&heard)), (Vec::new(), 1));
}
