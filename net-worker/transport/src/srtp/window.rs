//! Which packets came before (RFC 3711 section 3.3.2), and which 48-bit index a 16-bit sequence number means (section 3.3.1).

/// The indices of the last packets that were authentic. Blocks of bits are reused in a ring, so that nothing is shifted
/// (as in RFC 6479).
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplayWindow {
    /// The highest index that came, and one; 0: none came yet.
    next: u64,
    seen: [u64; BLOCKS as usize],
}

impl ReplayWindow {
    /// Whether this index may be taken: it did not come before, as far as is remembered. What is too old to be known may not.
    pub(crate) fn is_fresh(&self, index: u64) -> bool {
        index >= self.next || (self.next - index <= WINDOW && self.seen[block(index)] & bit(index) == 0)
    }

    /// Remembers an index. Only of a packet that is authentic: a forged one would push out others.
    pub(crate) fn accept(&mut self, index: u64) {
        if index >= self.next {
            let newest = if self.next == 0 { None } else { Some((self.next - 1) / BLOCK_BITS) };
            let first_new = newest.map_or(0, |newest| newest + 1);
            // A leap over the whole ring clears each block once.
            let first = first_new.max((index / BLOCK_BITS + 1).saturating_sub(BLOCKS));
            (first..=index / BLOCK_BITS).for_each(|number| self.seen[(number % BLOCKS) as usize] = 0);
            self.next = index + 1;
        }
        self.seen[block(index)] |= bit(index);
    }

    /// The highest index that came.
    pub(crate) fn highest(&self) -> Option<u64> {
        self.next.checked_sub(1)
    }

    /// The index that is nearest to the highest one, of those that a sequence number can mean. The first packet is
    /// believed to be within the first 65,536.
    pub(crate) fn index_of(&self, sequence: u16) -> u64 {
        let Some(highest) = self.highest() else { return sequence.into() };
        let same_turn = (highest & !0xFFFF) | u64::from(sequence);
        if same_turn + HALF_TURN < highest {
            same_turn + TURN
        } else if same_turn > highest + HALF_TURN {
            same_turn.checked_sub(TURN).unwrap_or(same_turn)
        } else {
            same_turn
        }
    }
}

fn block(index: u64) -> usize {
    (index / BLOCK_BITS % BLOCKS) as usize
}

fn bit(index: u64) -> u64 {
    1 << (index % BLOCK_BITS)
}

const BLOCK_BITS: u64 = 64;
const BLOCKS: u64 = 16;
/// Packets behind the highest that are still taken. RFC 3711 asks for 64 at least; a second of one stream at the smallest frames
/// that are usual is 750. The block that is being filled does not count.
const WINDOW: u64 = (BLOCKS - 1) * BLOCK_BITS;
const TURN: u64 = 1 << 16;
const HALF_TURN: u64 = TURN / 2;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    /// Steps of an index: mostly near, sometimes far.
    fn steps() -> impl Strategy<Value = Vec<i64>> {
        let step = prop_oneof![8 => -80_i64..90, 2 => -1100_i64..1100, 1 => -100_000_i64..200_000];
        proptest::collection::vec(step, 1..400)
    }

    proptest! {
        #[test]
        fn each_index_is_taken_once_and_none_that_is_too_old(start in 0_u64..5000, steps in steps()) {
            let mut window = ReplayWindow::default();
            let mut taken = BTreeSet::new();
            let mut at = start;
            for step in steps {
                at = at.saturating_add_signed(step);
                let highest = taken.last().copied();
                prop_assert_eq!(window.highest(), highest);
                let too_old = highest.is_some_and(|highest| at + WINDOW <= highest);
                let expected = !too_old && !taken.contains(&at);
                prop_assert_eq!(window.is_fresh(at), expected, "{} of {:?}", at, highest);
                if expected {
                    window.accept(at);
                    taken.insert(at);
                }
            }
        }

        #[test]
        fn a_sequence_number_within_half_a_turn_means_its_index(highest in 0_u64..1 << 40, distance in -32_767_i64..32_768) {
            let mut window = ReplayWindow::default();
            window.accept(highest);
            let Some(index) = highest.checked_add_signed(distance) else { return Ok(()) };
            prop_assert_eq!(window.index_of(index as u16), index);
        }
    }

    #[test]
    fn the_first_packet_may_be_any_of_the_first_turn() {
        let window = ReplayWindow::default();
        assert_eq!([0, 1, 40_000, 65_535].map(|sequence| window.index_of(sequence)), [0, 1, 40_000, 65_535]);
        assert!(window.is_fresh(0) && window.highest().is_none());
    }

    #[test]
    fn nothing_is_before_the_beginning() {
        let mut window = ReplayWindow::default();
        window.accept(5);
        assert_eq!(window.index_of(65_000), 65_000, "not 65,000 less a turn");
    }
}
