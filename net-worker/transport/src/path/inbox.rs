//! Events that wait for the caller: control is never lost, media and feedback about it are bounded.

use std::collections::VecDeque;

use backline_wire::limits::PATH_EVENTS_MAX;

use super::PathEvent;

#[derive(Default)]
pub(super) struct Inbox {
    events: VecDeque<PathEvent>,
}

impl Inbox {
    pub(super) fn push(&mut self, event: PathEvent) {
        self.events.push_back(event);
    }

    pub(super) fn pop(&mut self) -> Option<PathEvent> {
        self.events.pop_front()
    }

    pub(super) fn is_over_limit(&self) -> bool {
        self.events.len() > PATH_EVENTS_MAX
    }

    /// Removes the oldest media packet or feedback; false when there is none.
    pub(super) fn drop_oldest_media(&mut self) -> bool {
        let oldest = self
            .events
            .iter()
            .position(|event| matches!(event, PathEvent::Media(_) | PathEvent::Feedback { .. }));
        oldest.and_then(|at| self.events.remove(at)).is_some()
    }
}
