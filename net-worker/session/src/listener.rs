//! One instance of this process as a listener: its slots, how deep its playouts may be, and what it wants to return.
//!
//! Not the playouts (`listening.rs`), which go from one listener to another as the [assignment](crate::assignment) says.

use std::time::Duration;

use backline_wire::InstanceId;

use crate::assignment::{ReturnChoice, Wish};
use crate::slots::SlotTable;

/// What an instance listens with.
pub(crate) struct Listener {
    pub instance: InstanceId,
    pub slots: SlotTable,
    pub depth_ceiling: Duration,
    pub choice: ReturnChoice,
    /// Its host calls it, and it is not bypassed.
    pub is_active: bool,
    /// A bit for each slot that is heard on an auxiliary output.
    pub aux_slots: u16,
    /// What its return ring and rate conversion add after a playout, for the last sample frame of a pull.
    pub return_delay: Duration,
}

impl Listener {
    /// One whose host has not called yet.
    pub fn new(
        instance: InstanceId,
        slots: SlotTable,
        depth_ceiling: Duration,
        choice: ReturnChoice,
    ) -> Self {
        let (is_active, aux_slots, return_delay) = (false, 0, Duration::ZERO);
        Self { instance, slots, depth_ceiling, choice, is_active, aux_slots, return_delay }
    }

    /// For the assignment.
    pub fn wish(&self) -> Wish<'_> {
        Wish { instance: self.instance, choice: &self.choice, is_active: self.is_active }
    }
}
