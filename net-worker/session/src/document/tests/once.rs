//! Whatever crashes and whatever is sent again: an operation is applied once, and answered the same for ever.

use std::collections::{BTreeMap, VecDeque};

use backline_wire::{Operation, Outcome};
use proptest::prelude::*;

use super::*;

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// One of the authors moves one of two faders that both may move, and sends that.
    Make {
        author: u8,
        fader: u8,
    },
    /// Something that is not answered is sent again, by a way of another length.
    Again {
        which: u8,
        late_ms: u8,
    },
    /// The store does so many things and confirms them.
    Store {
        requests: u8,
    },
    /// So many of the unconfirmed requests are done all the same.
    HostCrashes {
        done: u8,
    },
    Wait {
        ms: u8,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (1_u8..3, 0_u8..2).prop_map(|(author, fader)| Step::Make { author, fader }),
        5 => (any::<u8>(), any::<u8>()).prop_map(|(which, late_ms)| Step::Again { which, late_ms }),
        4 => (1_u8..6).prop_map(|requests| Step::Store { requests }),
        1 => (0_u8..6).prop_map(|done| Step::HostCrashes { done }),
        3 => any::<u8>().prop_map(|ms| Step::Wait { ms }),
    ]
}

type Id = (u8, Counter);

/// A host with a store, and two authors of whom only the operations are looked at.
struct World {
    clock: Clock,
    authority: Authority,
    store: KeptDocument,
    requests: VecDeque<LedgerWrite>,
    next: Counter,
    /// Not answered yet: what, and when it was made.
    open: BTreeMap<Id, (Change, Duration)>,
    /// Answered by the host, and not kept yet.
    unkept: Vec<(Id, Outcome)>,
    told: BTreeMap<Id, Outcome>,
    /// How often the store was asked to keep what an operation wrote, and did.
    applied: BTreeMap<Id, usize>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            clock: Clock::new(),
            authority: Authority::new(KeptDocument::new(DOCUMENT), true),
            store: KeptDocument::new(DOCUMENT),
            requests: VecDeque::new(),
            next: Counter(1),
            open: BTreeMap::new(),
            unkept: Vec::new(),
            told: BTreeMap::new(),
            applied: BTreeMap::new(),
        };
        for fader in 0..2 {
            let scope = Scope::Send(SourceId { instance: InstanceId(fader), ..source(1) });
            world.make(1, permission(scope, Grantee::Everyone, true));
        }
        world
    }

    fn make(&mut self, author: u8, change: Change) {
        let id = (author, self.next);
        self.next = Counter(self.next.0 + 1);
        self.open.insert(id, (change, self.clock.unix_time()));
        self.send(id, 0);
    }

    /// `late_ms`: the way is so much shorter than ways are at the most, so that the host believes it older.
    fn send(&mut self, id: Id, late_ms: u8) {
        let Some((change, made_at)) = self.open.get(&id).cloned() else { return };
        let age_ms = (self.clock.unix_time() - made_at).as_millis() as u64;
        let age_ms = (age_ms + 255).saturating_sub(u64::from(late_ms));
        let of_author = self.open.keys().filter(|(author, _)| *author == id.0);
        let settled = of_author.map(|(_, counter)| *counter).min().unwrap_or(self.next);
        let outbox = (OutboxId(u64::from(id.0)), settled);
        let operation = Operation { counter: id.1, age_ms, change };
        let outcome = self.authority.operate(person(id.0), outbox, operation, self.clock.both());
        self.unkept.extend(outcome.map(|outcome| (id, outcome)));
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Make { author, fader } => {
                let fader = SourceId { instance: InstanceId(u64::from(fader)), ..source(1) };
                let gain = GainValue::try_from((self.next.0 % 1_000) as i16).unwrap();
                let change = Change::Fader { fader: Fader::Send(fader), setting: Setting::Gain(gain) };
                self.make(author, change);
            }
            Step::Again { which, late_ms } => {
                let at = usize::from(which) % self.open.len().max(1);
                let id = self.open.keys().nth(at).copied();
                id.into_iter().for_each(|id| self.send(id, late_ms));
            }
            Step::Store { requests } => (0..requests).for_each(|_| self.store(true)),
            Step::HostCrashes { done } => {
                (0..done).for_each(|_| self.store(false));
                self.requests.clear();
                self.unkept.clear();
                self.authority = Authority::new(self.store.clone(), true);
            }
            Step::Wait { ms } => self.clock.advance_ms(u64::from(ms)),
        }
        self.requests.extend(std::iter::from_fn(|| self.authority.poll_store()));
        self.tell_what_is_kept();
    }

    fn store(&mut self, confirms: bool) {
        let Some(write) = self.requests.pop_front() else { return };
        self.store.apply(&write);
        let LedgerWrite::Entry(entry) = write else { return };
        let id = (entry.author.0[0], entry.operation.1);
        *self.applied.entry(id).or_default() += 1;
        if confirms {
            self.authority.handle_stored(entry.revision);
        }
    }

    fn tell_what_is_kept(&mut self) {
        let kept = self.authority.kept();
        let is_kept = |outcome: &Outcome| match outcome {
            Outcome::Accepted { revision } => *revision <= kept,
            Outcome::Superseded { by } => by.revision <= kept,
            Outcome::Refused { .. } => true,
        };
        let (told, unkept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.unkept).into_iter().partition(|(_, outcome)| is_kept(outcome));
        self.unkept = unkept;
        for (id, outcome) in told {
            self.open.remove(&id);
            let before = self.told.entry(id).or_insert_with(|| outcome.clone());
            assert_eq!(*before, outcome, "two answers to one operation");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]
    #[test]
    fn an_operation_is_applied_once(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.run(step));
        for late_ms in [0, 255] {
            let open: Vec<Id> = world.open.keys().copied().collect();
            open.into_iter().for_each(|id| world.send(id, late_ms));
            world.run(Step::Wait { ms: 1 });
            world.run(Step::Store { requests: 255 });
            world.run(Step::Store { requests: 255 });
        }
        prop_assert!(world.open.is_empty(), "all are answered: {:?}", world.open);
        for (id, times) in &world.applied {
            prop_assert_eq!(*times, 1, "{:?} was applied more than once", id);
        }
        for (id, outcome) in &world.told {
            let is_applied = world.applied.contains_key(id);
            prop_assert_eq!(matches!(outcome, Outcome::Accepted { .. }), is_applied, "{:?}", outcome);
        }
        // Opened again, it is the same to the last bit.
        let again = Authority::new(world.store.clone(), true);
        prop_assert_eq!(again.document(), world.authority.document());
    }
}

#[test]
fn what_was_applied_is_forgotten_once_its_author_has_settled_it() {
    let clock = Clock::new();
    let (mut authority, mut store) =
        (Authority::new(KeptDocument::new(DOCUMENT), true), KeptDocument::new(DOCUMENT));
    for counter in 1..=5_000 {
        let operation = Operation { counter: Counter(counter), age_ms: 0, change: send_gain(1, 5) };
        authority.operate(person(1), (OutboxId(1), Counter(counter)), operation, clock.both());
        while let Some(write) = authority.poll_store() {
            store.apply(&write);
        }
    }
    let (_, outbox) = store.outboxes().next().unwrap();
    assert!(outbox.applied.len() <= 1, "{} are remembered", outbox.applied.len());
    let mut again = Authority::new(store, true);
    let old = Operation { counter: Counter(7), age_ms: 0, change: send_gain(1, 9) };
    let outcome = again.operate(person(1), (OutboxId(1), Counter(7)), old, clock.both());
    assert!(matches!(outcome, Some(Outcome::Refused { .. })), "{outcome:?}");
}

#[test]
fn a_disk_that_is_behind_makes_nothing_grow() {
    let mut clock = Clock::new();
    let mut authority = Authority::new(KeptDocument::new(DOCUMENT), true);
    for counter in 1..=20_000 {
        let operation = Operation { counter: Counter(counter), age_ms: 0, change: send_gain(1, 5) };
        authority.operate(person(1), (OutboxId(1), Counter(counter)), operation, clock.both());
        clock.advance_ms(1);
    }
    let waiting = std::iter::from_fn(|| authority.poll_store()).count();
    assert!((500..2_000).contains(&waiting), "{waiting}");
    let operation = Operation { counter: Counter(20_001), age_ms: 0, change: send_gain(1, 6) };
    let outcome = authority.operate(person(1), (OutboxId(1), Counter(20_001)), operation, clock.both());
    assert!(matches!(outcome, Some(Outcome::Accepted { .. })), "and it goes on: {outcome:?}");
}
