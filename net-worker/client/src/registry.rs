//! Which sessions this process is in: all its instances find the worker that they share here.
//!
//! The one mutable static of this crate. It lives as long as any instance does, and opens nothing by itself. The steps before are
//! `client.rs` (an instance wants a session) and `worker.rs` (a session ends); the step after is a [worker](crate::worker).
//! Its lock is held for moments only, and by a worker only where one begins or has nobody left.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::JoinHandle;

use arc_swap::ArcSwapOption;
use backline_bridge::CycleClock;
use backline_io::{Poller, WakeHandle, clock};
use backline_wire::limits::INSTANCES_MAX;
use backline_wire::{Fingerprint, InviteLink, SessionSecret};
use crossbeam_queue::ArrayQueue;

use crate::api::SessionHere;
use crate::guest::{Guest, Wish};
use crate::worker::Worker;

/// Sessions that one process may be in at a time.
const HOUSES_MAX: usize = 16;

static REGISTRY: Mutex<Weak<Registry>> = Mutex::new(Weak::new());

/// Of this process.
pub(crate) struct Registry {
    /// Shared by all instances, so that what they capture lies side by side.
    pub cycles: Arc<CycleClock>,
    /// One for each worker there may be; once there, it stays, so that audio threads may use it at any time.
    wakes: [OnceLock<WakeHandle>; HOUSES_MAX],
    state: Mutex<State>,
}

struct State {
    open: Vec<(Arc<House>, JoinHandle<()>)>,
    /// Workers that end, or have ended.
    ending: Vec<JoinHandle<()>>,
    /// Of the workers that there are not now.
    pollers: [Option<Poller>; HOUSES_MAX],
}

/// A session of this process, as those see it who may join it.
pub(crate) struct House {
    /// Which of the wakes.
    pub number: usize,
    config_dir: Option<PathBuf>,
    /// Instances that the worker has not seen yet.
    pub arrivals: ArrayQueue<Guest>,
    here: ArcSwapOption<Here>,
}

struct Here {
    key: (Fingerprint, SessionSecret),
    session: SessionHere,
}

impl Registry {
    /// The one of this process. [main-thread]
    pub fn of_process() -> Arc<Self> {
        let mut registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
        registry.upgrade().unwrap_or_else(|| {
            let fresh = Arc::new(Self {
                cycles: Arc::new(CycleClock::new(clock::now())),
                wakes: std::array::from_fn(|_| OnceLock::new()),
                state: Mutex::new(State {
                    open: Vec::new(),
                    ending: Vec::new(),
                    pollers: std::array::from_fn(|_| None),
                }),
            });
            *registry = Arc::downgrade(&fresh);
            fresh
        })
    }

    /// Ends the wait of a worker. [audio-thread]
    pub fn wake(&self, number: usize) {
        if let Some(handle) = self.wakes.get(number).and_then(OnceLock::get) {
            handle.wake();
        }
    }

    /// Brings an instance to the worker of the session that it wants: to one that is there, or to a new one. Never waits.
    ///
    /// # Errors
    /// The instance, and why there is no worker for it. [main-thread, worker-thread]
    pub fn lodge(self: &Arc<Self>, guest: Guest, wish: Wish) -> Result<(), (Guest, String)> {
        let mut state = self.state();
        let same = state.open.iter().find(|(house, _)| house.is_wanted(&guest, &wish));
        let Some(house) = same.map(|(house, _)| Arc::clone(house)) else {
            return self.open(&mut state, guest, wish);
        };
        guest.shared.wake.point_to(house.number);
        match house.arrivals.push(guest) {
            Ok(()) => {
                self.wake(house.number);
                Ok(())
            }
            Err(guest) => Err((guest, "too many instances join at once".to_owned())),
        }
    }

    /// The session that instances with this identity are in, if any. [any-thread but the audio thread]
    pub fn here(&self, config_dir: Option<&PathBuf>) -> Option<SessionHere> {
        let state = self.state();
        let theirs = state.open.iter().filter(|(house, _)| house.config_dir.as_ref() == config_dir);
        theirs.filter_map(|(house, _)| house.here.load_full()).map(|here| here.session.clone()).next()
    }

    /// Nobody is left in a house: from now on nobody comes. False when somebody is on the way. [worker-thread]
    pub fn close_if_empty(&self, house: &Arc<House>) -> bool {
        let mut state = self.state();
        let is_empty = house.arrivals.is_empty();
        if is_empty {
            state.close(house);
        }
        is_empty
    }

    /// The session is over, whoever is on the way. [worker-thread]
    pub fn close(&self, house: &Arc<House>) {
        self.state().close(house);
    }

    /// A worker's poller, for the next one. [worker-thread]
    pub fn give_back(&self, house: &House, poller: Poller) {
        if let Some(place) = self.state().pollers.get_mut(house.number) {
            *place = Some(poller);
        }
    }

    /// Waits for the workers that end; some milliseconds. [main-thread]
    pub fn wait_for_the_ending(&self) {
        let ending = std::mem::take(&mut self.state().ending);
        for thread in ending {
            // One that panicked has given its instances back all the same, and they say so.
            let _ = thread.join();
        }
    }

    fn open(self: &Arc<Self>, state: &mut State, guest: Guest, wish: Wish) -> Result<(), (Guest, String)> {
        let (number, poller) = match self.poller(state) {
            Ok(poller) => poller,
            Err(why) => return Err((guest, why)),
        };
        guest.shared.wake.point_to(number);
        let house = Arc::new(House {
            number,
            config_dir: guest.own.settings.config_dir.clone(),
            arrivals: ArrayQueue::new(INSTANCES_MAX),
            here: ArcSwapOption::empty(),
        });
        if let Wish::Join(link) | Wish::HostAgain(link) = &wish {
            house.is_session(link);
        }
        // The first comes as all do: where no thread can be made, it can be taken back.
        let _ = house.arrivals.push(guest);
        let (registry, its_house) = (Arc::clone(self), Arc::clone(&house));
        let run = move || Worker::new(registry, its_house, poller).run(wish);
        match std::thread::Builder::new().name("backline-worker".to_owned()).spawn(run) {
            Ok(thread) => {
                state.open.push((house, thread));
                Ok(())
            }
            Err(error) => match house.arrivals.pop() {
                Some(guest) => Err((guest, format!("the system gives no thread ({error})"))),
                None => Ok(()),
            },
        }
    }

    /// A number that is free, and its poller.
    fn poller(&self, state: &mut State) -> Result<(usize, Poller), String> {
        let is_open = |number: usize| state.open.iter().any(|(house, _)| house.number == number);
        for (number, wake) in self.wakes.iter().enumerate() {
            if let Some(poller) = state.pollers[number].take() {
                return Ok((number, poller));
            }
            if wake.get().is_none() && !is_open(number) {
                let poller =
                    Poller::new().map_err(|error| format!("the system gives no event queue ({error})"))?;
                wake.get_or_init(|| poller.wake_handle());
                return Ok((number, poller));
            }
        }
        Err("this program is in too many sessions at once".to_owned())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while it was held leaves lists that are still whole: every change is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn close(&mut self, house: &Arc<House>) {
        if let Some(at) = self.open.iter().position(|(other, _)| Arc::ptr_eq(other, house)) {
            self.ending.push(self.open.remove(at).1);
        }
        for thread in self.ending.extract_if(.., |thread| thread.is_finished()) {
            // One that panicked has given its instances back all the same, and they say so.
            let _ = thread.join();
        }
    }
}

impl House {
    /// From now on instances of the process find this session by its link. [any-thread]
    pub fn is_session(&self, link: &InviteLink) {
        let text = link.to_text();
        if self.here.load().as_ref().is_none_or(|here| here.session.link != text) {
            let key = (*link.fingerprint(), *link.secret());
            self.here.store(Some(Arc::new(Here { key, session: SessionHere { link: text } })));
        }
    }

    /// Whether this is the session that an instance wishes for, and its participant is the one that it would be.
    fn is_wanted(&self, guest: &Guest, wish: &Wish) -> bool {
        let (Wish::Join(link) | Wish::HostAgain(link)) = wish else { return false };
        let here = self.here.load();
        let is_it = here.as_ref().is_some_and(|here| here.key == (*link.fingerprint(), *link.secret()));
        is_it && self.config_dir == guest.own.settings.config_dir
    }
}
