//! Which instance of this process returns which remote source: a pure function of what each instance wants and whether it plays.
//!
//! Every source is returned by one instance at the most, so that nothing is ever heard twice. The step before is `listening.rs`,
//! which asks anew whenever an instance comes, goes, plays or not any more, or wants something else.

use std::collections::BTreeMap;

use backline_wire::{InstanceId, SourceId};

/// What an instance returns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ReturnChoice {
    /// The mix, unless another instance of the process returns it.
    #[default]
    Automatic,
    /// Everything that no other instance of the process has chosen.
    Mix,
    /// These sources, which are then in nobody's mix.
    Sources(Vec<SourceId>),
    /// Nothing: it only sends.
    Nothing,
}

/// What one instance wants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub instance: InstanceId,
    pub choice: &'a ReturnChoice,
    /// Its host calls it, and it is not bypassed.
    pub is_active: bool,
}

/// Who returns what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Assignment {
    /// Who returns all that is not in `chosen`.
    pub mix: Option<InstanceId>,
    chosen: BTreeMap<SourceId, InstanceId>,
}

impl Assignment {
    /// Of instances in the order in which they came. Of several that want the same the first that is active gets it, and the
    /// first of all where none is. A source that somebody chose stays out of the mix also while they are not active: who bypasses
    /// a musician's track does not want to hear them elsewhere.
    pub fn new(wishes: &[Wish<'_>]) -> Self {
        let first = |wants: &dyn Fn(&Wish<'_>) -> bool, also_inactive: bool| {
            let mut wanting = wishes.iter().filter(|wish| wants(wish) && (wish.is_active || also_inactive));
            wanting.next().map(|wish| wish.instance)
        };
        let mix = |wish: &Wish<'_>| *wish.choice == ReturnChoice::Mix;
        let automatic = |wish: &Wish<'_>| *wish.choice == ReturnChoice::Automatic;
        let active = first(&mix, false).or_else(|| first(&automatic, false));
        let mut chosen = BTreeMap::new();
        for source in wishes.iter().flat_map(|wish| wish.sources()) {
            let wants = |wish: &Wish<'_>| wish.sources().contains(source);
            let owner = first(&wants, false).or_else(|| first(&wants, true));
            chosen.extend(owner.map(|owner| (*source, owner)));
        }
        Self { mix: active.or_else(|| first(&mix, true)).or_else(|| first(&automatic, true)), chosen }
    }

    /// Who returns a source.
    pub fn owner(&self, source: SourceId) -> Option<InstanceId> {
        self.chosen.get(&source).copied().or(self.mix)
    }
}

impl<'a> Wish<'a> {
    fn sources(&self) -> &'a [SourceId] {
        match self.choice {
            ReturnChoice::Sources(sources) => sources,
            ReturnChoice::Automatic | ReturnChoice::Mix | ReturnChoice::Nothing => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backline_wire::ParticipantId;
    use proptest::prelude::*;

    fn source(number: u8) -> SourceId {
        SourceId { participant: ParticipantId([number; 32]), instance: InstanceId(1) }
    }

    fn assign(wishes: &[(ReturnChoice, bool)]) -> Assignment {
        let wishes: Vec<Wish<'_>> = (0..)
            .zip(wishes)
            .map(|(number, (choice, is_active))| Wish {
                instance: InstanceId(number),
                choice,
                is_active: *is_active,
            })
            .collect();
        Assignment::new(&wishes)
    }

    #[test]
    fn by_default_the_first_that_plays_returns_the_mix() {
        use ReturnChoice::{Automatic, Mix, Nothing};
        let mix = |wishes: &[(ReturnChoice, bool)]| assign(wishes).mix.map(|instance| instance.0);
        assert_eq!(mix(&[(Automatic, true), (Automatic, true)]), Some(0));
        assert_eq!(mix(&[(Automatic, false), (Automatic, true)]), Some(1), "bypassed or suspended");
        assert_eq!(mix(&[(Automatic, true), (Mix, true)]), Some(1), "who asks for it goes first");
        assert_eq!(mix(&[(Automatic, true), (Mix, false)]), Some(0));
        assert_eq!(mix(&[(Automatic, false), (Automatic, false)]), Some(0), "nobody plays: no matter");
        assert_eq!(mix(&[(Nothing, true), (Nothing, true)]), None);
        assert_eq!(mix(&[]), None);
    }

    #[test]
    fn a_chosen_source_is_in_nobodys_mix() {
        let track = ReturnChoice::Sources(vec![source(1)]);
        for is_active in [true, false] {
            let assignment = assign(&[(ReturnChoice::Automatic, true), (track.clone(), is_active)]);
            assert_eq!(assignment.owner(source(1)), Some(InstanceId(1)));
            assert_eq!(assignment.owner(source(2)), Some(InstanceId(0)));
        }
        let twice = assign(&[(track.clone(), false), (track.clone(), true), (track, true)]);
        assert_eq!(twice.owner(source(1)), Some(InstanceId(1)));
        assert_eq!(twice.owner(source(2)), None, "nobody returns the mix");
    }

    fn choice() -> impl Strategy<Value = ReturnChoice> {
        let sources = prop::collection::vec((0..6_u8).prop_map(source), 0..4);
        prop_oneof![
            3 => Just(ReturnChoice::Automatic),
            1 => Just(ReturnChoice::Mix),
            2 => sources.prop_map(ReturnChoice::Sources),
            1 => Just(ReturnChoice::Nothing),
        ]
    }

    proptest! {
        #[test]
        fn who_returns_a_source_wants_it(wishes in prop::collection::vec((choice(), any::<bool>()), 0..10)) {
            let assignment = assign(&wishes);
            let wants_mix = |choice: &ReturnChoice| matches!(choice, ReturnChoice::Automatic | ReturnChoice::Mix);
            let names = |choice: &ReturnChoice, id| matches!(choice, ReturnChoice::Sources(list) if list.contains(&id));
            for id in (0..8).map(source) {
                let is_chosen = wishes.iter().any(|(choice, _)| names(choice, id));
                let wanting = |choice: &ReturnChoice| if is_chosen { names(choice, id) } else { wants_mix(choice) };
                match assignment.owner(id) {
                    Some(owner) => {
                        let (choice, is_active) = &wishes[owner.0 as usize];
                        prop_assert!(wanting(choice), "{choice:?}");
                        let somebody_plays = wishes.iter().any(|(choice, is_active)| wanting(choice) && *is_active);
                        prop_assert_eq!(*is_active, somebody_plays);
                    }
                    None => prop_assert!(!wishes.iter().any(|(choice, _)| wanting(choice))),
                }
            }
        }

        #[test]
        fn who_goes_takes_nothing_from_those_who_stay(
            wishes in prop::collection::vec((choice(), any::<bool>()), 1..10), gone in any::<prop::sample::Index>()
        ) {
            let gone = gone.index(wishes.len());
            let all: Vec<Wish<'_>> = (0..)
                .zip(&wishes)
                .map(|(number, (choice, is_active))| Wish { instance: InstanceId(number), choice, is_active: *is_active })
                .collect();
            let mut rest = all.clone();
            rest.remove(gone);
            let (before, after) = (Assignment::new(&all), Assignment::new(&rest));
            for id in (0..8).map(source) {
                let was_theirs = before.owner(id) == Some(InstanceId(gone as u64));
                prop_assert!(was_theirs || after.owner(id) == before.owner(id));
            }
        }
    }
}
