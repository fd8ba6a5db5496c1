//! Which instance ids are alive in this process, so that a copied track or a shared preset gets an id of
//! its own, and is a new source: two instances with one id would be one source, and each would silence the other.
//!
//! The one mutable static of this crate. Instances in other processes are not seen here; a session tells
//! those apart when they publish. The step after is `project.rs`.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use backline_client::InstanceId;

static ALIVE: Mutex<BTreeSet<InstanceId>> = Mutex::new(BTreeSet::new());

/// An id that no other instance of this process has; free again when dropped.
#[derive(Debug, PartialEq, Eq)]
pub struct LiveInstance(InstanceId);

impl LiveInstance {
    /// A new id at random. [main-thread]
    pub fn random() -> Self {
        // Without a random source an address still differs between processes; counting on from there makes
        // ids differ within this one.
        let mut id = getrandom::u64().unwrap_or_else(|_| std::ptr::from_ref(&ALIVE).addr() as u64);
        loop {
            id = id.wrapping_add(1).max(1);
            if let Some(live) = Self::claim(InstanceId(id)) {
                return live;
            }
        }
    }

    /// The id of a project, unless another instance of this process has it. [main-thread]
    pub fn claim(id: InstanceId) -> Option<Self> {
        let is_free = ALIVE.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        is_free.then(|| Self(id))
    }

    /// The id.
    pub fn id(&self) -> InstanceId {
        self.0
    }
}

impl Drop for LiveInstance {
    fn drop(&mut self) {
        ALIVE.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_while_it_lives() {
        let first = LiveInstance::random();
        assert_eq!(LiveInstance::claim(first.id()), None);
        let id = first.id();
        drop(first);
        assert_eq!(LiveInstance::claim(id).map(|live| live.id()), Some(id));
    }
}
