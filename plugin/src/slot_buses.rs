//! Where each slot plays. Kept by the project; read at every block, and by whoever names the outputs.

use std::sync::atomic::{AtomicU8, Ordering};

use backline_bridge::{AUX_BUSES, BusChoice};
use backline_client::SLOTS;

/// A bus for each slot. All methods are [any-thread], audio threads too.
#[derive(Debug)]
pub struct SlotBuses([AtomicU8; SLOTS]);

impl Default for SlotBuses {
    /// All on main.
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU8::new(code(BusChoice::Main))))
    }
}

impl SlotBuses {
    /// Where a slot plays; main where there is no such slot.
    pub fn get(&self, slot: usize) -> BusChoice {
        self.0.get(slot).map_or(BusChoice::Main, |code| choice(code.load(Ordering::Relaxed)))
    }

    /// Plays a slot elsewhere; false where there is no such slot.
    pub fn set(&self, slot: usize, bus: BusChoice) -> bool {
        let Some(place) = self.0.get(slot) else { return false };
        place.store(code(bus), Ordering::Relaxed);
        true
    }
}

fn code(bus: BusChoice) -> u8 {
    match bus {
        BusChoice::Main => 0,
        BusChoice::Aux(index) => index.min(AUX_BUSES as u8 - 1) + 1,
    }
}

fn choice(code: u8) -> BusChoice {
    match code {
        0 => BusChoice::Main,
        _ => BusChoice::Aux(code - 1),
    }
}
