//! Who may, who wins, what is answered to what comes twice.

use backline_wire::limits::OPERATIONS_PER_SECOND_MAX;
use backline_wire::{Operation, OperationRefusal, Outcome};

use super::*;

struct Desk {
    clock: Clock,
    authority: Authority,
    counter: u64,
}

impl Desk {
    fn new() -> Self {
        Self::with_store(false)
    }

    fn with_store(has_store: bool) -> Self {
        let authority = Authority::new(KeptDocument::new(DOCUMENT), has_store);
        Self { clock: Clock::new(), authority, counter: 0 }
    }

    fn operate(&mut self, author: u8, age_ms: u64, change: Change) -> Option<Outcome> {
        self.counter += 1;
        let operation = Operation { counter: Counter(self.counter), age_ms, change };
        let outbox = (OutboxId(u64::from(author)), Counter(0));
        self.authority.operate(person(author), outbox, operation, self.clock.both())
    }

    fn value(&self, register: &Register) -> Option<&Change> {
        self.authority.document().get(register).map(|entry| &entry.change)
    }
}

#[test]
fn only_the_owner_and_who_is_let_may_move_a_fader() {
    let mut desk = Desk::new();
    let refused = Some(Outcome::Refused { reason: OperationRefusal::NotAllowed });
    assert_eq!(desk.operate(2, 0, send_gain(1, -600)), refused);
    assert_eq!(
        desk.operate(2, 0, permission(Scope::Send(source(1)), Grantee::Everyone, true)),
        Some(Outcome::Refused { reason: OperationRefusal::NotYours })
    );
    let let_bob = |allowed| permission(Scope::Send(source(1)), Grantee::Participant(person(2)), allowed);
    desk.operate(1, 0, let_bob(true));
    assert!(matches!(desk.operate(2, 0, send_gain(1, -600)), Some(Outcome::Accepted { .. })));
    assert_eq!(desk.operate(3, 0, send_gain(1, -300)), refused, "it was given to one");
    desk.operate(1, 0, let_bob(false));
    assert_eq!(desk.operate(2, 0, send_gain(1, -300)), refused, "and taken back");
    assert_eq!(desk.value(&send_gain(1, 0).register()), Some(&send_gain(1, -600)));
}

#[test]
fn a_permission_for_sends_is_none_for_the_monitor_mix() {
    let mut desk = Desk::new();
    desk.operate(1, 0, permission(Scope::Send(source(1)), Grantee::Everyone, true));
    let fader = Fader::Monitor { listener: person(1), source: source(3) };
    let change = Change::Fader { fader, setting: Setting::Mute(true) };
    assert!(matches!(desk.operate(2, 0, change.clone()), Some(Outcome::Refused { .. })));
    desk.operate(1, 0, permission(Scope::Monitor(person(1)), Grantee::Everyone, true));
    assert!(matches!(desk.operate(2, 0, change), Some(Outcome::Accepted { .. })));
}

#[test]
fn what_was_changed_while_away_does_not_undo_what_others_changed_since() {
    let mut desk = Desk::new();
    desk.operate(1, 0, permission(Scope::Send(source(1)), Grantee::Everyone, true));
    desk.clock.advance_ms(60_000);
    desk.operate(2, 0, send_gain(1, -600));
    desk.clock.advance_ms(60_000);
    let Some(Outcome::Superseded { by }) = desk.operate(1, 90_000, send_gain(1, -100)) else {
        panic!("made before the other, and sent after it");
    };
    assert_eq!((by.author, &by.change), (person(2), &send_gain(1, -600)));
    assert!(matches!(desk.operate(1, 30_000, send_gain(1, -200)), Some(Outcome::Accepted { .. })));
}

#[test]
fn what_comes_twice_is_done_once_and_answered_twice() {
    let mut desk = Desk::new();
    let operation = Operation { counter: Counter(5), age_ms: 0, change: send_gain(1, -600) };
    let outbox = (OutboxId(1), Counter(5));
    let first = desk.authority.operate(person(1), outbox, operation.clone(), desk.clock.both());
    desk.counter = 10;
    desk.operate(1, 0, send_gain(1, -300));
    let second = desk.authority.operate(person(1), outbox, operation.clone(), desk.clock.both());
    assert_eq!(first, second);
    assert_eq!(desk.value(&operation.change.register()), Some(&send_gain(1, -300)));
    // Once its author has settled it, nobody can bring it back.
    let settled = (OutboxId(1), Counter(6));
    let third = desk.authority.operate(person(1), settled, operation, desk.clock.both());
    assert_eq!(third, Some(Outcome::Refused { reason: OperationRefusal::TooOld }));
}

#[test]
fn a_flood_is_counted_for_its_author_and_leaves_room_at_the_store_for_others() {
    let mut desk = Desk::with_store(true);
    let mute = |author: u8, number: u64| Change::Fader {
        fader: Fader::Monitor {
            listener: person(author),
            source: SourceId { participant: person(9), instance: InstanceId(number) },
        },
        setting: Setting::Mute(true),
    };
    // The store takes nothing: what waits for it grows up to one participant's share.
    let taken = (0..3_000).filter(|number| desk.operate(1, 0, mute(1, *number)).is_some()).count() as u64;
    assert!((512..3_000).contains(&taken), "{taken}");
    assert!(desk.operate(2, 0, mute(2, 1)).is_some(), "another one's is taken");
    desk.clock.advance_ms(200);
    let traffic = |desk: &Desk, author| desk.authority.traffic(person(author), desk.clock.now());
    let flood = traffic(&desk, 1).last_second;
    assert_eq!((flood.received(), flood.accepted, flood.dropped), (3_000, taken, 3_000 - taken));
    let other = traffic(&desk, 2).last_second;
    assert_eq!((other.accepted, other.dropped), (1, 0));
    assert_eq!(traffic(&desk, 3), OperationTraffic::default());
    while desk.authority.poll_store().is_some() {}
    assert!(desk.operate(1, 0, mute(1, 1)).is_some(), "and theirs, once the store has caught up");
}

#[test]
fn a_flood_uses_up_only_its_own_budget() {
    let mut desk = Desk::new();
    let answered = (0..3 * OPERATIONS_PER_SECOND_MAX)
        .filter(|number| {
            let settled = Counter(desk.counter + 1);
            desk.counter += 1;
            let change = send_gain(1, (number % 1_000) as i16);
            let operation = Operation { counter: Counter(desk.counter), age_ms: 0, change };
            let outbox = (OutboxId(1), settled);
            desk.authority.operate(person(1), outbox, operation, desk.clock.both()).is_some()
        })
        .count();
    assert_eq!(answered, OPERATIONS_PER_SECOND_MAX as usize);
    assert!(matches!(desk.operate(2, 0, send_gain(2, 0)), Some(Outcome::Accepted { .. })));
    desk.clock.advance_ms(1_000);
    assert!(desk.operate(1, 0, send_gain(1, 5)).is_some());
}

#[test]
fn a_wall_clock_that_jumps_back_changes_nobodys_turn() {
    let mut desk = Desk::new();
    desk.operate(1, 0, send_gain(1, -600));
    let back = desk.clock.unix_time() - Duration::from_secs(3_600);
    let operation = Operation { counter: Counter(99), age_ms: 0, change: send_gain(1, -100) };
    let outbox = (OutboxId(1), Counter(0));
    let outcome = desk.authority.operate(person(1), outbox, operation, (desk.clock.now(), back));
    assert!(matches!(outcome, Some(Outcome::Accepted { .. })));
}

#[test]
fn nothing_is_told_before_it_is_kept() {
    let clock = Clock::new();
    let mut authority = Authority::new(KeptDocument::new(DOCUMENT), true);
    for number in 1..=3 {
        let operation =
            Operation { counter: Counter(number), age_ms: 0, change: send_gain(1, number as i16) };
        authority.operate(person(1), (OutboxId(1), Counter(0)), operation, clock.both());
    }
    assert_eq!(authority.kept(), Revision(0));
    let mut store = KeptDocument::new(DOCUMENT);
    std::iter::from_fn(|| authority.poll_store()).for_each(|write| store.apply(&write));
    assert_eq!(store.entries().count(), 1, "three moves of one fader are one entry");
    let (_, outbox) = store.outboxes().next().expect("and all three are remembered");
    assert_eq!(outbox.applied.len(), 3);
    authority.handle_stored(Revision(2));
    assert_eq!(authority.kept(), Revision(2));
    authority.handle_stored(Revision(3));
    assert_eq!(authority.kept(), Revision(3));
    authority.handle_store_failed();
    let operation = Operation { counter: Counter(4), age_ms: 0, change: send_gain(1, 4) };
    authority.operate(person(1), (OutboxId(1), Counter(0)), operation, clock.both());
    assert_eq!(authority.kept(), Revision(4), "without a store it goes on from memory");
}

#[test]
fn one_fader_is_sent_fifty_times_a_second_and_ends_where_it_was_left() {
    let mut clock = Clock::new();
    let mut outbox = outbox(1);
    let (mut sent, mut last) = (0, None);
    for step in 0..1_200_i16 {
        if step < 1_000 {
            outbox.make(DOCUMENT, send_gain(1, step), clock.unix_time());
        }
        while let Some(Control::Operate { outbox: id, operations, .. }) =
            outbox.poll_message(DOCUMENT, clock.now(), clock.unix_time())
        {
            for operation in operations {
                sent += 1;
                last = Some(operation.change);
                let outcome = Outcome::Accepted { revision: Revision(sent) };
                outbox.handle_outcome(id, operation.counter, outcome);
            }
        }
        clock.advance_ms(1);
    }
    assert!((49..=51).contains(&sent), "{sent} in a second");
    assert_eq!(last, Some(send_gain(1, 999)));
    assert!(outbox.is_empty());
    assert_eq!(outbox.stats().coalesced, 1_000 - sent);
}

#[test]
fn what_is_never_answered_waits_for_a_person() {
    let mut clock = Clock::new();
    let mut outbox = outbox(1);
    outbox.make(DOCUMENT, send_gain(1, 1), clock.unix_time());
    let mut attempts = 0;
    for _ in 0..1_200 {
        outbox.handle_timeout(clock.now());
        attempts += usize::from(outbox.poll_message(DOCUMENT, clock.now(), clock.unix_time()).is_some());
        clock.advance_ms(100);
    }
    assert_eq!(attempts, 8);
    let waiting: Vec<_> = outbox.waiting().cloned().collect();
    assert_eq!((waiting.len(), waiting[0].state), (1, OperationState::Failed));
    outbox.retry();
    assert!(outbox.poll_message(DOCUMENT, clock.now(), clock.unix_time()).is_some());
    outbox.disconnected();
    assert_eq!(outbox.discard(waiting[0].counter), Some(send_gain(1, 1)));
    assert!(outbox.is_empty());
}

/// Makes, sends and answers one move after the other; how many were answered.
fn moves_answered(desk: &mut Desk, outbox: &mut Outbox, moves: i16) -> usize {
    let mut answered = 0;
    for number in 0..moves {
        outbox.make(DOCUMENT, send_gain(1, number), desk.clock.unix_time());
        desk.clock.advance_ms(25);
        let (now, unix_time) = desk.clock.both();
        while let Some(Control::Operate { outbox: id, settled, operations }) =
            outbox.poll_message(DOCUMENT, now, unix_time)
        {
            for operation in operations {
                let counter = operation.counter;
                let outcome = desk.authority.operate(person(1), (id, settled), operation, (now, unix_time));
                answered += usize::from(
                    outcome.is_some_and(|outcome| outbox.handle_outcome(id, counter, outcome).is_some()),
                );
            }
        }
    }
    answered
}

#[test]
fn what_waits_for_a_session_that_never_comes_back_stops_no_other() {
    let mut desk = Desk::new();
    let mut outbox = outbox(1);
    outbox.make(DocumentId([8; 16]), send_gain(1, 1), desk.clock.unix_time());
    assert_eq!(moves_answered(&mut desk, &mut outbox, 1_200), 1_200);
    assert_eq!(outbox.len(), 1, "and it is kept");
}

#[test]
fn what_was_never_answered_stops_nothing_that_comes_after_it() {
    let mut desk = Desk::new();
    let mut outbox = outbox(1);
    outbox.make(DOCUMENT, send_gain(2, 1), desk.clock.unix_time());
    for _ in 0..1_200 {
        outbox.handle_timeout(desk.clock.now());
        outbox.poll_message(DOCUMENT, desk.clock.now(), desk.clock.unix_time());
        desk.clock.advance_ms(100);
    }
    assert_eq!(outbox.waiting().next().map(|waiting| waiting.state), Some(OperationState::Failed));
    assert_eq!(moves_answered(&mut desk, &mut outbox, 1_200), 1_200);
}

#[test]
fn who_makes_up_outboxes_pushes_out_no_answers_but_their_own() {
    let mut desk = Desk::new();
    let operation = Operation { counter: Counter(1), age_ms: 0, change: send_gain(1, -600) };
    let ask = |desk: &mut Desk| {
        let outbox = (OutboxId(1), Counter(0));
        desk.authority.operate(person(1), outbox, operation.clone(), desk.clock.both())
    };
    let first = ask(&mut desk);
    let later = Operation { counter: Counter(2), age_ms: 0, change: send_gain(1, -100) };
    desk.authority.operate(person(1), (OutboxId(1), Counter(0)), later, desk.clock.both());
    for number in 0..1_000 {
        let operation = Operation { counter: Counter(1), age_ms: 0, change: send_gain(2, 0) };
        desk.authority.operate(person(2), (OutboxId(number), Counter(0)), operation, desk.clock.both());
    }
    assert_eq!(ask(&mut desk), first, "answered as before, not as overtaken since");
}
