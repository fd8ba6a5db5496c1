//! Where automation cuts a host's block. A change begins at its sample frame; a host that brings very many at different places gets
//! them on a grid, each early by less than a step of it, so that what a block costs stays bounded.
//!
//! The step before is a host's list of changes (`clap_instance.rs`, `vst3_changes.rs`), the step after is the framework, which cuts there.

/// So many places in a block are always exact.
const EXACT_MIN: usize = 8;
/// Beyond that, one for each so many sample frames; and the step of the grid. A power of two.
const GRID_FRAMES: usize = 32;
/// So many at the most: what is remembered while they are counted.
const EXACT_MAX: usize = 64;

/// Where the changes of one block go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cuts {
    last_frame: u32,
    is_on_grid: bool,
    /// The host has put a change behind the end of its block.
    has_late: bool,
}

impl Cuts {
    /// For changes at these sample frames of a block. [audio-thread]
    pub fn of(at_frames: impl Iterator<Item = u32>, block_frames: usize) -> Self {
        let limit = (block_frames / GRID_FRAMES).clamp(EXACT_MIN, EXACT_MAX);
        let last_frame = u32::try_from(block_frames.saturating_sub(1)).unwrap_or(u32::MAX);
        let mut cuts = Self { last_frame, is_on_grid: false, has_late: false };
        let (mut places, mut count) = ([0; EXACT_MAX], 0);
        for at_frame in at_frames {
            cuts.has_late |= at_frame > last_frame;
            if places[..count].contains(&at_frame) {
                continue;
            }
            if count == limit {
                return Self { is_on_grid: true, ..cuts };
            }
            places[count] = at_frame;
            count += 1;
        }
        cuts
    }

    /// Whether any change goes elsewhere than the host has put it. [audio-thread]
    pub fn moves_any(&self) -> bool {
        self.is_on_grid || self.has_late
    }

    /// Where a change goes that the host has put at `at_frame`. [audio-thread]
    pub fn place(&self, at_frame: u32) -> u32 {
        let at_frame = at_frame.min(self.last_frame);
        if self.is_on_grid { at_frame & !(GRID_FRAMES as u32 - 1) } else { at_frame }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const _: () = assert!(GRID_FRAMES.is_power_of_two());

    #[test]
    fn a_few_changes_stay_where_they_are_however_many_parameters_change_there() {
        let places = [0, 3, 100, 101, 511];
        let cuts = Cuts::of((0..16).flat_map(|_| places), 512);
        assert!(!cuts.moves_any());
        assert_eq!(places.map(|place| cuts.place(place)), places);
    }

    #[test]
    fn a_change_behind_the_end_goes_to_the_last_frame() {
        let cuts = Cuts::of([64, 9_999].into_iter(), 64);
        assert!(cuts.moves_any());
        assert_eq!([64, 9_999, 5].map(|place| cuts.place(place)), [63, 63, 5]);
    }

    proptest! {
        #[test]
        fn no_block_is_cut_often_and_no_change_is_late(
            block_frames in 1..9_000_usize,
            places in prop::collection::vec(0..9_000_u32, 0..2_000),
        ) {
            let cuts = Cuts::of(places.iter().copied(), block_frames);
            let mut cut: Vec<u32> = places.iter().map(|place| cuts.place(*place)).collect();
            for (place, cut) in places.iter().zip(&cut) {
                prop_assert!(cut <= place && (*cut as usize) < block_frames);
                prop_assert!((*place).min(block_frames as u32 - 1) - cut < GRID_FRAMES as u32);
            }
            cut.sort_unstable();
            cut.dedup();
            prop_assert!(cut.len() <= EXACT_MIN.max(block_frames.div_ceil(GRID_FRAMES)));
        }
    }
}
