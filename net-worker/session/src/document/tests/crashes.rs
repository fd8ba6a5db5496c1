//! Crashes of either side between any two steps: what the store had confirmed is never lost, nothing is done twice, nothing old comes
//! back.

use std::collections::{BTreeMap, VecDeque};

use backline_wire::Outcome;
use proptest::prelude::*;

use super::*;

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Make {
        fader: u8,
    },
    StoreOfAuthor {
        requests: u8,
    },
    StoreOfHost {
        requests: u8,
    },
    DeliverOperations,
    DeliverOutcomes,
    Disconnect,
    /// So many of the requests that the store has not confirmed are done all the same.
    AuthorCrashes {
        done: u8,
    },
    HostCrashes {
        done: u8,
    },
    Wait {
        ms: u16,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_u8..4).prop_map(|fader| Step::Make { fader }),
        4 => (1_u8..6).prop_map(|requests| Step::StoreOfAuthor { requests }),
        4 => (1_u8..6).prop_map(|requests| Step::StoreOfHost { requests }),
        6 => Just(Step::DeliverOperations),
        6 => Just(Step::DeliverOutcomes),
        1 => Just(Step::Disconnect),
        1 => (0_u8..6).prop_map(|done| Step::AuthorCrashes { done }),
        1 => (0_u8..6).prop_map(|done| Step::HostCrashes { done }),
        4 => (1_u16..4_000).prop_map(|ms| Step::Wait { ms }),
    ]
}

/// One author and their host, each with a store, and the way between them.
struct World {
    clock: Clock,
    made: i16,
    outbox: Outbox,
    author_store: BTreeMap<Counter, QueuedOperation>,
    next_counter: Counter,
    author_requests: VecDeque<StoreRequest>,
    authority: Authority,
    host_store: KeptDocument,
    host_requests: VecDeque<LedgerWrite>,
    unkept: Vec<(Counter, Outcome)>,
    up: VecDeque<Control>,
    down: VecDeque<(OutboxId, Counter, Outcome)>,
    /// The last of each fader that the author's store has confirmed.
    confirmed: BTreeMap<Register, i16>,
    told: BTreeMap<Register, i16>,
    host_crashed: bool,
}

const ID: OutboxId = OutboxId(1);

impl World {
    fn new() -> Self {
        Self {
            clock: Clock::new(),
            made: 0,
            outbox: Outbox::with_store(ID, Counter(1), [], [1; 32]),
            author_store: BTreeMap::new(),
            next_counter: Counter(1),
            author_requests: VecDeque::new(),
            authority: Authority::new(KeptDocument::new(DOCUMENT), true),
            host_store: KeptDocument::new(DOCUMENT),
            host_requests: VecDeque::new(),
            unkept: Vec::new(),
            up: VecDeque::new(),
            down: VecDeque::new(),
            confirmed: BTreeMap::new(),
            told: BTreeMap::new(),
            host_crashed: false,
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Make { fader } => {
                self.made += 1;
                self.outbox.make(DOCUMENT, change(fader, self.made), self.clock.unix_time());
            }
            Step::StoreOfAuthor { requests } => {
                for _ in 0..requests {
                    self.author_stores(true);
                }
            }
            Step::StoreOfHost { requests } => {
                for _ in 0..requests {
                    self.host_stores(true);
                }
            }
            Step::DeliverOperations => self.deliver_operations(),
            Step::DeliverOutcomes => {
                if let Some((outbox, counter, outcome)) = self.down.pop_front() {
                    self.outbox.handle_outcome(outbox, counter, outcome);
                }
            }
            Step::Disconnect => self.disconnect(),
            Step::AuthorCrashes { done } => {
                (0..done).for_each(|_| self.author_stores(false));
                self.author_requests.clear();
                let kept: Vec<_> = self.author_store.values().cloned().collect();
                self.outbox = Outbox::with_store(ID, self.next_counter, kept, [2; 32]);
                self.disconnect();
            }
            Step::HostCrashes { done } => {
                (0..done).for_each(|_| self.host_stores(false));
                self.host_requests.clear();
                self.authority = Authority::new(self.host_store.clone(), true);
                self.host_crashed = true;
                self.disconnect();
            }
            Step::Wait { ms } => {
                self.clock.advance_ms(u64::from(ms));
                self.outbox.handle_timeout(self.clock.now());
            }
        }
        self.author_requests.extend(std::iter::from_fn(|| self.outbox.poll_store()));
        self.host_requests.extend(std::iter::from_fn(|| self.authority.poll_store()));
        while let Some(message) = self.outbox.poll_message(DOCUMENT, self.clock.now(), self.clock.unix_time())
        {
            self.up.push_back(message);
        }
        self.answer_what_is_kept();
        self.look_at_what_is_told();
    }

    fn disconnect(&mut self) {
        self.up.clear();
        self.down.clear();
        self.unkept.clear();
        self.outbox.disconnected();
    }

    fn author_stores(&mut self, confirms: bool) {
        let Some(request) = self.author_requests.pop_front() else { return };
        let ticket = match request {
            StoreRequest::Put { ticket, operation } => {
                self.next_counter = self.next_counter.max(Counter(operation.counter.0 + 1));
                if confirms {
                    let made = number(&operation.change);
                    let confirmed = self.confirmed.entry(operation.change.register()).or_insert(0);
                    *confirmed = made.max(*confirmed);
                }
                self.author_store.insert(operation.counter, operation);
                ticket
            }
            StoreRequest::Remove { ticket, counter } => {
                self.author_store.remove(&counter);
                ticket
            }
        };
        if confirms {
            self.outbox.handle_stored(ticket);
        }
    }

    fn host_stores(&mut self, confirms: bool) {
        let Some(write) = self.host_requests.pop_front() else { return };
        self.host_store.apply(&write);
        if let LedgerWrite::Entry(entry) = write
            && confirms
        {
            self.authority.handle_stored(entry.revision);
        }
    }

    fn deliver_operations(&mut self) {
        let Some(Control::Operate { outbox, settled, operations }) = self.up.pop_front() else { return };
        for operation in operations {
            let counter = operation.counter;
            let clock = self.clock.both();
            let outcome = self.authority.operate(person(1), (outbox, settled), operation, clock);
            self.unkept.extend(outcome.map(|outcome| (counter, outcome)));
        }
    }

    fn answer_what_is_kept(&mut self) {
        let kept = self.authority.kept();
        let (ready, unkept) =
            std::mem::take(&mut self.unkept).into_iter().partition(|(_, outcome)| match outcome {
                Outcome::Accepted { revision } => *revision <= kept,
                Outcome::Superseded { by } => by.revision <= kept,
                Outcome::Refused { .. } => true,
            });
        let ready: Vec<(Counter, Outcome)> = ready;
        self.unkept = unkept;
        self.down.extend(ready.into_iter().map(|(counter, outcome)| (ID, counter, outcome)));
    }

    /// A listener never sees a fader go back to where it was before, unless the host has lost its answers.
    fn look_at_what_is_told(&mut self) {
        let kept = self.authority.kept();
        for entry in self.authority.document().entries().filter(|entry| entry.revision <= kept) {
            let told = self.told.entry(entry.change.register()).or_insert(0);
            assert!(self.host_crashed || number(&entry.change) >= *told, "something old came back");
            *told = number(&entry.change);
        }
    }

    /// Nothing goes wrong any more, the person presses *Sync now*, and time passes.
    fn settle(&mut self) {
        self.outbox.retry();
        for _ in 0..2_000 {
            self.run(Step::StoreOfAuthor { requests: 100 });
            self.run(Step::DeliverOperations);
            self.run(Step::StoreOfHost { requests: 100 });
            self.run(Step::DeliverOutcomes);
            self.run(Step::Wait { ms: 50 });
        }
    }
}

fn change(fader: u8, made: i16) -> Change {
    let fader = Fader::Monitor { listener: person(1), source: source(fader) };
    Change::Fader { fader, setting: Setting::Gain(GainValue::try_from(made).unwrap()) }
}

fn number(change: &Change) -> i16 {
    match change {
        Change::Fader { setting: Setting::Gain(gain), .. } => i16::from(*gain),
        other => panic!("only faders are moved here: {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn no_crash_loses_or_repeats_a_change(steps in prop::collection::vec(step(), 1..150)) {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.run(step));
        world.settle();
        prop_assert!(world.outbox.is_empty(), "{:?}", world.outbox.waiting().collect::<Vec<_>>());
        prop_assert!(world.author_store.is_empty());
        for (register, confirmed) in &world.confirmed {
            let entry = world.authority.document().get(register).expect("what is stored arrives");
            prop_assert!(number(&entry.change) >= *confirmed, "{} after {confirmed}", number(&entry.change));
        }
    }

    #[test]
    fn without_crashes_the_last_value_is_the_last_that_was_made(
        faders in prop::collection::vec((0_u8..4, 0_u64..60), 1..200)
    ) {
        let mut world = World::new();
        let mut last = BTreeMap::new();
        for (fader, wait_ms) in faders {
            world.run(Step::Make { fader });
            last.insert(change(fader, 0).register(), world.made);
            world.run(Step::StoreOfAuthor { requests: 1 });
            world.run(Step::DeliverOperations);
            world.run(Step::Wait { ms: wait_ms as u16 });
        }
        world.settle();
        for (register, made) in last {
            let entry = world.authority.document().get(&register).expect("it was made");
            prop_assert_eq!(number(&entry.change), made);
        }
    }
}

#[test]
fn a_full_disk_stops_nothing() {
    let clock = Clock::new();
    let mut outbox = Outbox::with_store(ID, Counter(1), [], [1; 32]);
    outbox.make(DOCUMENT, change(1, 5), clock.unix_time());
    assert!(outbox.poll_message(DOCUMENT, clock.now(), clock.unix_time()).is_none(), "not stored yet");
    outbox.handle_store_failed(OutboxId(2));
    let Some(Control::Operate { outbox: id, operations, .. }) =
        outbox.poll_message(DOCUMENT, clock.now(), clock.unix_time())
    else {
        panic!("it goes on from memory");
    };
    assert_eq!((id, operations.len()), (OutboxId(2), 1));
    outbox.make(DOCUMENT, change(2, 6), clock.unix_time());
    assert!(outbox.poll_message(DOCUMENT, clock.now(), clock.unix_time()).is_some());
    assert!(outbox.poll_store().is_none());
}
