//! A session in two histories: opened again by its host, or carried on by somebody else. They are never mixed.

use backline_wire::{Operation, Outcome};

use super::*;

const OTHER: DocumentId = DocumentId([7, 7, 7, 7, 7, 7, 7, 7, 9, 9, 9, 9, 9, 9, 9, 9]);

fn entry(revision: u64, change: Change) -> Entry {
    let author = person(1);
    let operation = (OutboxId(1), Counter(revision));
    Entry { change, revision: Revision(revision), author, operation, made_at_ms: revision }
}

fn shown(replica: &Replica, change: &Change) -> Option<Change> {
    replica.value(&outbox(1), &change.register()).cloned()
}

#[test]
fn a_copy_of_another_history_is_replaced_whole_and_nothing_flickers() {
    let mut replica = Replica::default();
    let told = vec![entry(1, send_gain(1, -100)), entry(9, send_gain(2, -200))];
    replica.handle_changes(DOCUMENT, Revision(9), told);
    // The host of the other history never had the second, and has given its revision to something else.
    replica.handle_changes(OTHER, Revision(9), Vec::new());
    assert_eq!(shown(&replica, &send_gain(2, 0)), Some(send_gain(2, -200)), "until the other one is whole");
    assert!(!replica.is_up_to_date());
    replica.handle_changes(OTHER, Revision(9), vec![entry(1, send_gain(1, -100))]);
    assert_eq!(replica.whole_copy().map(Document::id), Some(DOCUMENT));
    replica.handle_changes(OTHER, Revision(9), vec![entry(9, send_gain(3, -300))]);
    assert!(replica.is_up_to_date());
    assert_eq!(replica.whole_copy().map(Document::id), Some(OTHER));
    assert_eq!(shown(&replica, &send_gain(2, 0)), None, "nothing of the other history is left");
    assert_eq!(shown(&replica, &send_gain(3, 0)), Some(send_gain(3, -300)));
}

#[test]
fn another_session_is_never_shown_in_place_of_one() {
    let mut replica = Replica::default();
    replica.handle_changes(DOCUMENT, Revision(1), vec![entry(1, send_gain(1, -100))]);
    replica.handle_changes(DocumentId([8; 16]), Revision(5), Vec::new());
    assert_eq!(shown(&replica, &send_gain(1, 0)), None);
}

#[test]
fn what_waits_is_sent_to_whoever_carries_the_session_on() {
    let clock = Clock::new();
    let mut outbox = outbox(1);
    outbox.make(DOCUMENT, send_gain(1, -600), clock.unix_time());
    assert!(outbox.poll_message(DocumentId([8; 16]), clock.now(), clock.unix_time()).is_none());
    let Some(Control::Operate { operations, .. }) =
        outbox.poll_message(OTHER, clock.now(), clock.unix_time())
    else {
        panic!("it is of this session");
    };
    assert_eq!(operations.len(), 1);
}

#[test]
fn whoever_carries_on_has_all_and_answers_the_last_writers_as_before() {
    let clock = Clock::new();
    let mut authority = Authority::new(KeptDocument::new(DOCUMENT), false);
    let operation = Operation { counter: Counter(4), age_ms: 0, change: send_gain(1, -600) };
    let outbox = (OutboxId(1), Counter(4));
    let first = authority.operate(person(1), outbox, operation.clone(), clock.both());
    let copy = authority.document().clone();
    let mut next = Authority::new(KeptDocument::of_copy(&copy).in_history([9; 8]), false);
    assert_eq!(next.document().id(), OTHER);
    assert!(next.document().entries().eq(copy.entries()));
    assert_eq!(next.operate(person(1), outbox, operation, clock.both()), first);
    let newer = Operation { counter: Counter(5), age_ms: 0, change: send_gain(1, -300) };
    let outcome = next.operate(person(1), (OutboxId(1), Counter(5)), newer, clock.both());
    assert_eq!(outcome, Some(Outcome::Accepted { revision: Revision(2) }), "revisions go on");
}
