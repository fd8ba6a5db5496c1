//! Several participants move the same faders, now and then without a connection, and come, go, are renamed, crash: moving N changes N
//! and nothing else, all end equal, and who lost is told by whom.

use std::collections::{BTreeMap, VecDeque};

use backline_wire::Outcome;
use proptest::prelude::*;

use super::*;

const PEOPLE: usize = 3;

#[derive(Debug, Clone, Copy)]
enum Step {
    Move {
        who: usize,
        fader: u8,
    },
    Online {
        who: usize,
        is_online: bool,
    },
    Wait {
        ms: u16,
    },
    Tell {
        who: usize,
    },
    Rename {
        who: usize,
    },
    /// Their DAW crashes and is opened again; the outbox is on the disk.
    Reopen {
        who: usize,
    },
    /// The same at the host, whose document is on the disk.
    HostReopens,
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..PEOPLE;
    prop_oneof![
        6 => (who.clone(), 1_u8..4).prop_map(|(who, fader)| Step::Move { who, fader }),
        2 => (who.clone(), any::<bool>()).prop_map(|(who, is_online)| Step::Online { who, is_online }),
        4 => (1_u16..2_000).prop_map(|ms| Step::Wait { ms }),
        4 => who.clone().prop_map(|who| Step::Tell { who }),
        1 => who.clone().prop_map(|who| Step::Rename { who }),
        1 => who.prop_map(|who| Step::Reopen { who }),
        1 => Just(Step::HostReopens),
    ]
}

struct Participant {
    outbox: Outbox,
    replica: Replica,
    is_online: bool,
    from_host: VecDeque<Entry>,
    told: Revision,
    made: u64,
    conflicts: Vec<Conflict>,
    overtaken: u64,
    /// What earlier runs of their DAW had counted.
    earlier: Vec<OutboxStats>,
}

struct World {
    clock: Clock,
    made: i16,
    names: u32,
    authority: Authority,
    people: Vec<Participant>,
    /// By whom the last accepted move of each value was made.
    moved: BTreeMap<i16, usize>,
}

impl World {
    /// Everybody may move everybody's faders.
    fn new() -> Self {
        let clock = Clock::new();
        let mut authority = Authority::new(KeptDocument::new(DOCUMENT), false);
        for number in 1..=PEOPLE as u8 {
            let change = permission(Scope::Send(source(number)), Grantee::Everyone, true);
            let operation = backline_wire::Operation { counter: Counter(1), age_ms: 0, change };
            authority.operate(person(number), (OutboxId(99), Counter(1)), operation, clock.both());
        }
        let people = (0..PEOPLE)
            .map(|who| {
                let mut replica = Replica::default();
                replica.handle_changes(DOCUMENT, Revision::default(), Vec::new());
                Participant {
                    outbox: outbox(who as u64),
                    replica,
                    is_online: true,
                    from_host: VecDeque::new(),
                    told: Revision::default(),
                    made: 0,
                    conflicts: Vec::new(),
                    overtaken: 0,
                    earlier: Vec::new(),
                }
            })
            .collect();
        Self { clock, made: 0, names: 0, authority, people, moved: BTreeMap::new() }
    }

    /// One step, and what may not change by it does not.
    fn run(&mut self, step: Step) {
        let before = self.authority.document().clone();
        let may_change: Vec<Register> = match step {
            Step::Move { fader, .. } => vec![send_gain(fader, 0).register()],
            Step::Online { who, is_online: true } => {
                self.people[who].outbox.waiting().map(|waiting| waiting.change.register()).collect()
            }
            Step::Rename { who } => vec![Register::Person(person(who as u8 + 1))],
            // What waits for its turn is sent with whatever comes next.
            Step::Wait { .. }
            | Step::Tell { .. }
            | Step::Reopen { .. }
            | Step::HostReopens
            | Step::Online { .. } => Vec::new(),
        };
        let waiting: Vec<Register> = self.online_waiting().collect();
        self.act(step);
        for entry in self.authority.document().entries() {
            let register = entry.change.register();
            if before.get(&register) != Some(entry) {
                assert!(
                    may_change.contains(&register) || waiting.contains(&register),
                    "{step:?}: {register:?}"
                );
            }
        }
        assert!(
            before.entries().all(|entry| self.authority.document().get(&entry.change.register()).is_some())
        );
    }

    fn online_waiting(&self) -> impl Iterator<Item = Register> {
        let online = self.people.iter().filter(|person| person.is_online);
        online.flat_map(|person| person.outbox.waiting().map(|waiting| waiting.change.register()))
    }

    fn act(&mut self, step: Step) {
        match step {
            Step::Move { who, fader } => {
                self.made += 1;
                self.moved.insert(self.made, who);
                let person = &mut self.people[who];
                person.made += 1;
                person.outbox.make(DOCUMENT, send_gain(fader, self.made), self.clock.unix_time());
            }
            Step::Online { who, is_online } => {
                let person = &mut self.people[who];
                person.is_online = is_online;
                person.from_host.clear();
                person.told = person.replica.document().map_or(Revision::default(), Document::revision);
                person.outbox.disconnected();
            }
            Step::Wait { ms } => self.clock.advance_ms(u64::from(ms)),
            Step::Tell { who } => self.tell(who),
            Step::Rename { who } => {
                self.names += 1;
                let name = backline_wire::Name::new(&format!("Name {}", self.names));
                self.authority.introduce(person(who as u8 + 1), name, [0; 3], self.clock.unix_time());
            }
            Step::Reopen { who } => {
                let person = &mut self.people[who];
                let kept: Vec<QueuedOperation> = person.outbox.waiting().cloned().collect();
                let (id, next, stats) =
                    (person.outbox.id(), person.outbox.next_counter(), person.outbox.stats());
                person.earlier.push(stats);
                person.outbox = Outbox::with_store(id, next, kept, [3; 32]);
                person.outbox.handle_store_failed(id);
                person.replica = Replica::default();
                person.replica.handle_changes(DOCUMENT, Revision::default(), Vec::new());
                person.told = Revision::default();
            }
            Step::HostReopens => {
                let entries = self.authority.document().entries().cloned();
                self.authority =
                    Authority::new(KeptDocument::from_parts(DOCUMENT, entries, BTreeMap::new()), false);
            }
        }
        (0..PEOPLE).for_each(|who| self.exchange(who));
        self.look_for_flicker();
    }

    fn exchange(&mut self, who: usize) {
        let author = person(who as u8 + 1);
        let person = &mut self.people[who];
        if !person.is_online {
            return;
        }
        let (now, unix_time) = self.clock.both();
        while let Some(Control::Operate { outbox, settled, operations }) =
            person.outbox.poll_message(DOCUMENT, now, unix_time)
        {
            for operation in operations {
                let counter = operation.counter;
                let outcome = self.authority.operate(author, (outbox, settled), operation, (now, unix_time));
                let outcome = outcome.expect("nobody floods here");
                person.overtaken +=
                    u64::from(matches!(&outcome, Outcome::Superseded { by } if by.author == author));
                let settled = person.outbox.handle_outcome(outbox, counter, outcome).expect("it was sent");
                person.conflicts.extend(person.replica.handle_settled(settled, author));
            }
        }
    }

    /// The host's changes reach somebody some time after they were made.
    fn tell(&mut self, who: usize) {
        let person = &mut self.people[who];
        if person.is_online {
            let entries: Vec<Entry> = self.authority.document().since(person.told).cloned().collect();
            person.told = entries.last().map_or(person.told, |entry| entry.revision);
            person.replica.handle_changes(DOCUMENT, person.told, entries);
        }
    }

    /// Who waits for an answer sees what they want, and nothing else.
    fn look_for_flicker(&self) {
        for person in &self.people {
            for waiting in person.outbox.waiting() {
                let register = waiting.change.register();
                let shown = person.replica.value(&person.outbox, &register);
                assert_eq!(shown, person.outbox.wanted(DOCUMENT, &register));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]
    #[test]
    fn all_end_equal_and_losers_are_told(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.run(step));
        for who in 0..PEOPLE {
            world.run(Step::Online { who, is_online: true });
        }
        for _ in 0..10 {
            world.run(Step::Wait { ms: 100 });
        }
        (0..PEOPLE).for_each(|who| world.run(Step::Tell { who }));
        for (who, participant) in world.people.iter().enumerate() {
            prop_assert!(participant.outbox.is_empty());
            prop_assert_eq!(participant.replica.document(), Some(world.authority.document()));
            for entry in world.authority.document().entries() {
                let shown = participant.replica.value(&participant.outbox, &entry.change.register());
                prop_assert_eq!(shown, Some(&entry.change));
            }
            for conflict in &participant.conflicts {
                let Outcome::Superseded { by } = &conflict.outcome else {
                    panic!("everybody may: {conflict:?}");
                };
                prop_assert_ne!(by.author, person(who as u8 + 1));
                prop_assert_eq!(by.change.register(), conflict.wanted.register());
            }
            let all = participant.earlier.iter().copied().chain([participant.outbox.stats()]);
            let (mut made, mut settled) = (0, participant.conflicts.len() as u64 + participant.overtaken);
            for stats in all {
                made += stats.made;
                settled += stats.coalesced + stats.accepted;
            }
            prop_assert_eq!(made, settled, "each change is answered once");
        }
    }
}
