//! What waits for a session that its author has left: kept, sent there only, and nothing to the session that they are in.

use super::*;

const LEFT: DocumentId = DocumentId([8; 16]);

/// An outbox in which so many changes wait for a session that was left.
fn with_left_behind(clock: &Clock, count: u64) -> Outbox {
    let mut outbox = outbox(1);
    for number in 0..count {
        let source = SourceId { participant: person(9), instance: InstanceId(number) };
        let fader = Fader::Monitor { listener: person(1), source };
        outbox.make(LEFT, Change::Fader { fader, setting: Setting::Mute(true) }, clock.unix_time());
    }
    outbox
}

#[test]
fn what_was_wanted_in_a_session_that_was_left_is_not_shown_in_another() {
    let clock = Clock::new();
    let mut outbox = outbox(1);
    outbox.make(LEFT, send_gain(1, -1_200), clock.unix_time());
    let mut replica = Replica::default();
    replica.handle_changes(DOCUMENT, Revision(0), Vec::new());
    let register = send_gain(1, 0).register();
    assert_eq!(replica.value(&outbox, &register), None);
    outbox.make(DOCUMENT, send_gain(1, -300), clock.unix_time());
    assert_eq!(replica.value(&outbox, &register), Some(&send_gain(1, -300)));
    let left: Vec<Counter> = outbox.waiting().take(1).map(|operation| operation.counter).collect();
    assert_eq!(outbox.discard(left[0]), Some(send_gain(1, -1_200)));
    assert_eq!(replica.value(&outbox, &register), Some(&send_gain(1, -300)), "given up alone");
}

#[test]
fn what_waits_for_a_session_that_was_left_delays_nothing_here() {
    let mut clock = Clock::new();
    let mut outbox = with_left_behind(&clock, 1_000);
    outbox.make(DOCUMENT, send_gain(1, -100), clock.unix_time());
    assert!(outbox.poll_message(DOCUMENT, clock.now(), clock.unix_time()).is_some());
    // Dragged on: due as soon as the fader may be sent again, by the time alone.
    outbox.make(DOCUMENT, send_gain(1, -200), clock.unix_time());
    assert!(outbox.poll_message(DOCUMENT, clock.now(), clock.unix_time()).is_none());
    let due = outbox.poll_timeout(DOCUMENT);
    assert_eq!(due, Some(clock.now() + Duration::from_millis(20)));
    clock.advance_ms(20);
    assert!(outbox.poll_message(DOCUMENT, clock.now(), clock.unix_time()).is_some());
    assert_eq!(outbox.waiting().filter(|operation| operation.document == LEFT).count(), 1_000, "kept");
}
