//! Whether there is anything new to show, so that a window draws nothing while nothing moves.
//!
//! A look costs no frame: it compares what a frame would show, in words and numbers, with what the look before found. The
//! framework has no such look of its own (whatever wakes its window draws it), so a thread looks while the window is open.
//! The step before is `backend.rs`; the step after is a frame (`view.rs`), which goes on by itself while meters move.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use backline_client::{FoundSession, SLOTS, Snapshot, SourceId};

use super::backend::{EditorBackend, HostPace, Readings, Values};
use super::law::METER_FLOOR_DB;
use super::view::Position;
use super::view_model::ViewModel;
use crate::sound::SoundView;

/// From one look to the next: as often as the worker tells anything new.
pub const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Compares one look with the one before.
#[derive(Default)]
pub struct Watch {
    seen: Option<Seen>,
    shown: Option<Shown>,
    was_audible: bool,
}

/// What there is to show, but for levels.
struct Seen {
    snapshot: Arc<Snapshot>,
    values: Values,
    pace: HostPace,
    found: Vec<FoundSession>,
    /// Of the standalone; another one whenever it changes.
    sound: Option<Arc<SoundView>>,
}

/// What a frame makes of it.
#[derive(PartialEq)]
struct Shown {
    model: ViewModel,
    found: Vec<FoundSession>,
    sound: Option<Arc<SoundView>>,
    /// Where others have moved faders, which the DAW's parameters are to follow.
    send: Option<Position>,
    slots: [Option<(SourceId, Position)>; SLOTS],
}

impl Watch {
    /// Looks: true where a frame would show something else than at the look before, or where levels begin to move.
    /// [any-thread] but the audio thread.
    pub fn look(&mut self, backend: &mut dyn EditorBackend) -> bool {
        let readings = backend.readings();
        let is_audible = is_audible(&readings);
        let begins = is_audible && !std::mem::replace(&mut self.was_audible, is_audible);
        let seen = Seen {
            snapshot: backend.snapshot(),
            values: backend.values(),
            pace: readings.pace,
            found: backend.found(),
            sound: backend.sound(),
        };
        if self.seen.as_ref().is_some_and(|before| before.is_same(&seen)) {
            return begins;
        }
        let shown = Shown::new(&seen);
        let is_news = self.shown.as_ref() != Some(&shown);
        (self.seen, self.shown) = (Some(seen), Some(shown));
        is_news || begins
    }
}

impl Seen {
    /// The very same: nothing has to be put into words to know.
    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.snapshot, &other.snapshot)
            && self.values == other.values
            && self.pace == other.pace
            && self.found == other.found
            && self.sound == other.sound
    }
}

impl Shown {
    fn new(seen: &Seen) -> Self {
        Self {
            model: ViewModel::new(&seen.snapshot, &seen.values, seen.pace),
            found: seen.found.clone(),
            sound: seen.sound.clone(),
            send: Position::set_by_others(&seen.snapshot.send_fader),
            slots: seen.snapshot.slots.each_ref().map(|slot| {
                let slot = slot.as_ref()?;
                Some((slot.source, Position::set_by_others(&slot.monitor)?))
            }),
        }
    }
}

/// A meter would move: from then on frames follow each other until all have fallen.
fn is_audible(readings: &Readings) -> bool {
    readings.slots_db.iter().chain([&readings.send_db]).flatten().any(|db| *db > METER_FLOOR_DB)
}

/// Looks on a thread of its own until it is dropped.
pub struct Watchman {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watchman {
    /// Calls `look` 20 times a second. Where the system gives no thread, nothing looks: the window then follows the mouse
    /// only, and the log says so. [main-thread]
    pub fn new(mut look: impl FnMut() + Send + 'static) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        let watch = move || {
            while !told.load(Ordering::Acquire) {
                look();
                std::thread::park_timeout(LOOK_EVERY);
            }
        };
        let thread = Builder::new().name("backline-look".to_owned()).spawn(watch);
        let thread = thread.inspect_err(|error| tracing::error!(%error, "no thread for the editor")).ok();
        Self { is_over, thread }
    }
}

impl Drop for Watchman {
    /// Waits for a look that is under way, some microseconds: the host may unload our code next.
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        let Some(thread) = self.thread.take() else { return };
        thread.thread().unpark();
        if thread.join().is_err() {
            tracing::error!("the editor's look has failed");
        }
    }
}
