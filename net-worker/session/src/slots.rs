//! Which of the 16 slots each source plays on.
//!
//! A slot is bound by the source's id, never by its place in a list: who comes first, leaves or renames
//! changes nobody else's slot. A slot stays bound while its source is away.

use backline_wire::SourceId;
use backline_wire::limits::SLOTS;

/// The bindings of one instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlotTable {
    bound: [Option<SourceId>; SLOTS],
}

impl SlotTable {
    /// As the DAW project had them; of a source that is named twice the first slot counts.
    pub fn new(bindings: [Option<SourceId>; SLOTS]) -> Self {
        let mut table = Self::default();
        for (slot, source) in bindings.into_iter().enumerate() {
            if source.is_some_and(|source| table.slot_of(source).is_none()) {
                table.bound[slot] = source;
            }
        }
        table
    }

    /// The slot of a source, if it has one.
    pub fn slot_of(&self, source: SourceId) -> Option<usize> {
        self.bound.iter().position(|bound| *bound == Some(source))
    }

    /// The source of a slot.
    pub fn source_at(&self, slot: usize) -> Option<SourceId> {
        self.bound.get(slot).copied().flatten()
    }

    /// Finds a slot for a source that has come: its own; else an empty one; else, where all 16 are bound,
    /// the first whose source does not keep it, because it is away. None when all 16 are kept.
    pub fn bind(&mut self, source: SourceId, keeps: impl Fn(SourceId) -> bool) -> Option<usize> {
        let slot = self
            .slot_of(source)
            .or_else(|| self.bound.iter().position(Option::is_none))
            .or_else(|| self.bound.iter().position(|bound| bound.is_some_and(|other| !keeps(other))))?;
        self.bound[slot] = Some(source);
        Some(slot)
    }

    /// All of them, for the DAW project.
    pub fn bindings(&self) -> [Option<SourceId>; SLOTS] {
        self.bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backline_wire::{InstanceId, ParticipantId};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn source(number: u64) -> SourceId {
        SourceId { participant: ParticipantId([1; 32]), instance: InstanceId(number) }
    }

    #[test]
    fn a_source_comes_back_to_its_slot() {
        let mut table = SlotTable::default();
        assert_eq!(table.bind(source(1), |_| true), Some(0));
        assert_eq!(table.bind(source(2), |_| true), Some(1));
        assert_eq!(table.bind(source(1), |_| true), Some(0));
    }

    #[test]
    fn only_a_slot_whose_source_is_away_is_given_to_another() {
        let mut table = SlotTable::default();
        for number in 0..SLOTS as u64 {
            table.bind(source(number), |_| true);
        }
        assert_eq!(table.bind(source(99), |_| true), None);
        assert_eq!(table.bind(source(99), |other| other != source(5)), Some(5));
    }

    #[test]
    fn a_project_that_names_a_source_twice_is_mended() {
        let mut bindings = [None; SLOTS];
        bindings[3] = Some(source(1));
        bindings[4] = Some(source(1));
        let table = SlotTable::new(bindings);
        assert_eq!((table.source_at(3), table.source_at(4)), (Some(source(1)), None));
    }

    proptest! {
        #[test]
        fn nobody_elses_slot_ever_moves(events in prop::collection::vec((0..40_u64, any::<bool>()), 0..200)) {
            let mut table = SlotTable::default();
            let mut present = BTreeSet::new();
            for (number, joins) in events {
                let before: Vec<_> = present.iter().map(|&s| (s, table.slot_of(s))).collect();
                if joins {
                    table.bind(source(number), |other| present.contains(&other));
                    present.insert(source(number));
                } else {
                    present.remove(&source(number));
                }
                for (other, slot) in before {
                    prop_assert!(slot.is_none() || table.slot_of(other) == slot || !present.contains(&other));
                }
            }
        }
    }
}
