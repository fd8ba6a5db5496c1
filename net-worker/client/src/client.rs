//! What the plugin holds: it starts the worker when a session is wanted, and speaks to it without waiting.
//!
//! The desk (behind a mutex that only the host's main thread and the editor take) knows what to start a worker
//! with; the worker itself shares nothing but its queue, the snapshot and the meters.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use backline_bridge::{AudioEnd, BridgeConfig, Doorbell, Meters, NetEnd, Wake, bridge};
use backline_codec::Quality;
use backline_io::{Poller, WakeHandle};
use backline_wire::limits::SLOTS;
use backline_wire::{InstanceId, InviteLink};
use crossbeam_queue::ArrayQueue;

use crate::api::{
    Command, Connection, DEPTH_CEILING_DEFAULT, FaderView, FoundSession, Identity, SendView, Severity,
    Snapshot, WaitingView, WorkerView,
};
use crate::around::Around;
use crate::sentences::sentences;
use crate::servers::Servers;
use crate::worker::{Parked, Settings, Worker};

/// Orders that wait for a worker; it empties the queue at every turn.
const ORDERS_MAX: usize = 1024;

/// What an instance is made with.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// From the DAW project.
    pub instance: InstanceId,
    /// Program and version, for the other side's log.
    pub app: String,
    /// Where the identity lives; none for the system's usual place.
    pub config_dir: Option<PathBuf>,
    /// Whether the local network may hear of us at all; where not, nothing is announced, looked for or let in without a link.
    pub uses_local_network: bool,
}

/// An instance's handle. Cheap to make: no thread, no socket and no file before a session.
pub struct Client {
    desk: Mutex<Desk>,
    shared: Arc<Shared>,
    doorbell: Arc<Doorbell>,
    wake: Arc<LateWake>,
    /// None where the local network is not used.
    around: Option<Around>,
}

/// What worker and handle share.
pub(crate) struct Shared {
    pub snapshot: ArcSwap<Snapshot>,
    pub meters: ArcSwap<Meters>,
    pub orders: ArrayQueue<Order>,
    /// The worker has looked into the queue for the last time.
    pub is_closing: AtomicBool,
}

/// From the handle to the worker.
#[expect(clippy::large_enum_variant, reason = "a few in a minute, and none is kept")]
pub(crate) enum Order {
    Command(Command),
    Attach(Option<Box<NetEnd>>),
    Stop,
}

struct Desk {
    settings: Settings,
    state: WorkerState,
}

enum WorkerState {
    Idle(Box<Parked>),
    Running(JoinHandle<Parked>),
}

/// A worker's waker that is there only from the first session on.
#[derive(Default)]
struct LateWake(OnceLock<WakeHandle>);

impl Wake for LateWake {
    fn wake(&self) {
        if let Some(handle) = self.0.get() {
            handle.wake();
        }
    }
}

impl Client {
    /// A handle without a session. [main-thread]
    pub fn new(config: ClientConfig) -> Self {
        let around = config.uses_local_network.then(Around::default);
        let settings = Settings::new(config);
        let snapshot = idle_snapshot(&settings, &Parked::default());
        let wake = Arc::new(LateWake::default());
        Self {
            shared: Arc::new(Shared {
                snapshot: ArcSwap::from_pointee(snapshot),
                meters: ArcSwap::from_pointee(Meters::default()),
                orders: ArrayQueue::new(ORDERS_MAX),
                is_closing: AtomicBool::new(false),
            }),
            desk: Mutex::new(Desk { settings, state: WorkerState::Idle(Box::default()) }),
            doorbell: Arc::new(Doorbell::new(Arc::clone(&wake) as Arc<dyn Wake>)),
            wake,
            around,
        }
    }

    /// Makes both ends of the rings for a sample rate and block size; the worker's end goes to the worker.
    /// Calling it again replaces them. [main-thread]
    pub fn activate(&self, config: BridgeConfig) -> AudioEnd {
        let (audio_end, net_end) = bridge(config, Arc::clone(&self.doorbell));
        self.shared.meters.store(Arc::clone(net_end.meters()));
        self.attach(Some(net_end));
        audio_end
    }

    /// The host processes no longer. [main-thread]
    pub fn deactivate(&self) {
        self.attach(None);
    }

    /// Asks for something; the snapshots show what comes of it. Never waits for the network. [any-thread]
    /// but the audio thread.
    pub fn send(&self, command: Command) {
        let mut desk = self.desk();
        desk.settings.apply(&command);
        self.order(&mut desk, Order::Command(command));
    }

    /// Takes the id that a loaded project gives this instance; not during a session, where others know it by the
    /// old one: then nothing changes, and it returns false. [main-thread]
    pub fn set_instance(&self, instance: InstanceId) -> bool {
        let mut desk = self.desk();
        self.reclaim(&mut desk);
        let Desk { settings, state: WorkerState::Idle(parked) } = &mut *desk else { return false };
        settings.instance = instance;
        self.shared.snapshot.store(Arc::new(idle_snapshot(settings, parked)));
        true
    }

    /// How things stand. [any-thread]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.snapshot.load_full()
    }

    /// The callback's meters; others after each [`Client::activate`]. [any-thread]
    pub fn meters(&self) -> Arc<Meters> {
        self.shared.meters.load_full()
    }

    /// Looks around in the local network for sessions to join, or no longer: a thread and a socket while somebody looks.
    /// [main-thread]
    pub fn look_around(&self, is_wanted: bool) {
        let Some(Err(error)) = self.around.as_ref().map(|around| around.look(is_wanted)) else { return };
        let (text, advice) = sentences(&error.to_string());
        self.send(Command::Notify { severity: Severity::Warning, text, advice });
    }

    /// The sessions in the local network while somebody looks around; not the one that is hosted here. [main-thread]
    pub fn found(&self) -> Vec<FoundSession> {
        let mut found = self.around.as_ref().map(Around::found).unwrap_or_default();
        if let Some(own) = self.snapshot().invite.as_deref() {
            found.retain(|session| !leads_to_the_same(&session.link, own));
        }
        found
    }

    fn attach(&self, net_end: Option<NetEnd>) {
        let mut desk = self.desk();
        self.order(&mut desk, Order::Attach(net_end.map(Box::new)));
    }

    /// Hands an order to the worker, or does it here while there is none.
    fn order(&self, desk: &mut Desk, order: Order) {
        self.reclaim(desk);
        match &mut desk.state {
            WorkerState::Idle(parked) => {
                let wants_session = matches!(&order, Order::Command(Command::Host | Command::Join { .. }));
                if wants_session {
                    self.start(desk, order);
                } else {
                    parked.handle(order);
                    self.shared.snapshot.store(Arc::new(idle_snapshot(&desk.settings, parked)));
                }
            }
            WorkerState::Running(_) => {
                if self.shared.orders.push(order).is_err() {
                    tracing::error!("the worker does not take orders any more");
                }
                self.doorbell.ring();
                // It may have ended while we wrote; then the order is done here.
                if self.shared.is_closing.load(Ordering::SeqCst) {
                    self.reclaim(desk);
                }
            }
        }
    }

    /// Takes back what an ended worker left, and does the orders that it did not see. Waits at most for the
    /// last instructions of a thread that has said that it ends.
    fn reclaim(&self, desk: &mut Desk) {
        if !self.shared.is_closing.load(Ordering::SeqCst) {
            return;
        }
        let state = std::mem::replace(&mut desk.state, WorkerState::Idle(Box::default()));
        desk.state = match state {
            WorkerState::Running(thread) => {
                let mut parked = joined(thread);
                desk.settings.slots = parked.slots.take().unwrap_or(desk.settings.slots);
                WorkerState::Idle(Box::new(parked))
            }
            idle @ WorkerState::Idle(_) => idle,
        };
        self.shared.is_closing.store(false, Ordering::SeqCst);
        while let Some(order) = self.shared.orders.pop() {
            self.order(desk, order);
        }
    }

    fn start(&self, desk: &mut Desk, order: Order) {
        let WorkerState::Idle(parked) = &mut desk.state else { return };
        let poller = match parked.poller.take().map_or_else(Poller::new, Ok) {
            Ok(poller) => poller,
            Err(error) => {
                let text = format!("No session can be opened: the system gives no event queue ({error}).");
                parked.notices.add(Severity::Error, text, "Close other programs or plugins, and try again.");
                return self.shared.snapshot.store(Arc::new(idle_snapshot(&desk.settings, parked)));
            }
        };
        // The first poller's handle stays: the same poller is handed from worker to worker.
        self.wake.0.get_or_init(|| poller.wake_handle());
        let parked = std::mem::take(parked.as_mut());
        let worker = Worker::new(
            Arc::clone(&self.shared),
            Arc::clone(&self.doorbell),
            desk.settings.clone(),
            Parked { poller: Some(poller), ..parked },
        );
        if self.shared.orders.push(order).is_err() {
            tracing::error!("a new worker's queue is full");
        }
        match std::thread::Builder::new().name("backline-worker".to_owned()).spawn(move || worker.run()) {
            Ok(thread) => desk.state = WorkerState::Running(thread),
            Err(error) => {
                while self.shared.orders.pop().is_some() {}
                let mut parked = Parked::default();
                let text = format!("No session can be opened: the system gives no thread ({error}).");
                let advice = "Close other programs, then load the plugin again.";
                parked.notices.add(Severity::Error, text, advice);
                self.shared.snapshot.store(Arc::new(idle_snapshot(&desk.settings, &parked)));
                desk.state = WorkerState::Idle(Box::new(parked));
            }
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        // The desk holds plain values that a panic elsewhere cannot leave half changed.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Client {
    /// Says goodbye and waits for the worker to end (some milliseconds): the host may unload our code next.
    fn drop(&mut self) {
        let desk = self.desk.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let WorkerState::Running(thread) =
            std::mem::replace(&mut desk.state, WorkerState::Idle(Box::default()))
        {
            if self.shared.orders.push(Order::Stop).is_err() {
                tracing::error!("the worker does not take orders any more");
            }
            self.doorbell.ring();
            drop(joined(thread));
        }
    }
}

/// Whether two links are of one session.
fn leads_to_the_same(one: &str, other: &str) -> bool {
    let host = |link: &str| InviteLink::parse(link).map(|link| *link.fingerprint());
    matches!((host(one), host(other)), (Ok(one), Ok(other)) if one == other)
}

fn joined(thread: JoinHandle<Parked>) -> Parked {
    thread.join().unwrap_or_else(|_| {
        let mut parked = Parked::default();
        let advice = "Press Host or Join again. Please report this with the log.";
        parked.notices.add(
            Severity::Error,
            "Backline's worker stopped because of an error of its own.",
            advice,
        );
        parked
    })
}

/// What is shown while there is no worker.
pub(crate) fn idle_snapshot(settings: &Settings, parked: &Parked) -> Snapshot {
    Snapshot {
        connection: parked.failure.clone().map_or(Connection::Idle, |text| Connection::Failed { text }),
        invite: None,
        participants: 0,
        you: Identity {
            participant: parked.participant,
            instance: settings.instance,
            name: settings.name.clone(),
            source_name: settings.source_name.clone(),
            colour: settings.colour,
        },
        send: SendView::default(),
        send_fader: FaderView::default(),
        others_may_move_send: false,
        waiting: WaitingView::default(),
        quality: settings.quality,
        automatic: settings.automatic,
        depth_ceiling: settings.depth_ceiling,
        open_to_lan: settings.open_to_lan,
        sources: Vec::new(),
        slots: std::array::from_fn(|slot| {
            settings.slots[slot].map(|source| crate::api::SlotView {
                source,
                name: String::new(),
                present: false,
            })
        }),
        notices: parked.notices.list(),
        local_port: None,
        worker: WorkerView::default(),
    }
}

impl Settings {
    fn new(config: ClientConfig) -> Self {
        Self {
            instance: config.instance,
            app: config.app,
            config_dir: config.config_dir,
            uses_local_network: config.uses_local_network,
            open_to_lan: true,
            name: String::new(),
            source_name: String::new(),
            colour: [0x4F, 0xC3, 0xF7],
            quality: Quality::Balanced,
            automatic: true,
            depth_ceiling: DEPTH_CEILING_DEFAULT,
            slots: [None; SLOTS],
            host_address: None,
            servers: Servers::default(),
        }
    }
}
