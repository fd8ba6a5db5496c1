//! What the plugin holds: it asks for a session when one is wanted, and speaks to the worker without waiting.
//!
//! The instance itself ([`Guest`]) is with a worker, or at home; then what is asked is done here. Handle and worker share nothing
//! but queues, the snapshot and the meters. Which worker carries which session: `registry.rs`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backline_bridge::{AudioEnd, BridgeConfig, Meters, NetEnd, bridge};
use backline_wire::{InstanceId, InviteLink};

use crate::api::{Command, Connection, FoundSession, Severity, Snapshot};
use crate::around::Around;
use crate::guest::{Guest, Listener, Order, Shared};
use crate::registry::Registry;
use crate::sentences::sentences;

/// Between looks whether a worker has let go of an instance that is dropped.
const LETTING_GO: Duration = Duration::from_millis(1);

/// What an instance is made with.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// From the DAW project.
    pub instance: InstanceId,
    /// Program and version, for the other side's log.
    pub app: String,
    /// Where the identity lives; none for the system's usual place. Instances of one process that have one identity share
    /// participant, connection and worker.
    pub config_dir: Option<PathBuf>,
    /// Whether the local network may hear of us at all; where not, nothing is announced, looked for or let in without a link.
    pub uses_local_network: bool,
}

/// An instance's handle. Cheap to make: no thread, no socket and no file before a session.
pub struct Client {
    config_dir: Option<PathBuf>,
    shared: Arc<Shared>,
    registry: Arc<Registry>,
    /// Only one at a time takes the instance from home and brings it back.
    turn: Mutex<()>,
    /// None where the local network is not used.
    around: Option<Around>,
}

impl Client {
    /// A handle without a session. [main-thread]
    pub fn new(config: ClientConfig) -> Self {
        let registry = Registry::of_process();
        Self {
            config_dir: config.config_dir.clone(),
            around: config.uses_local_network.then(Around::default),
            shared: Arc::new(Shared::new(config, &registry)),
            registry,
            turn: Mutex::new(()),
        }
    }

    /// Makes both ends of the rings for a sample rate and block size; the worker's end goes to the worker.
    /// Calling it again replaces them. [main-thread]
    pub fn activate(&self, config: BridgeConfig) -> AudioEnd {
        let (doorbell, cycles) = (Arc::clone(&self.shared.doorbell), Arc::clone(&self.registry.cycles));
        let (audio_end, net_end) = bridge(config, doorbell, cycles);
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
        self.order(Order::Command(command));
    }

    /// Takes the id that a loaded project gives this instance; not during a session, where others know it by the
    /// old one: then nothing changes, and it returns false. [main-thread]
    pub fn set_instance(&self, instance: InstanceId) -> bool {
        let _turn = self.turn();
        let Some(mut own) = self.shared.home.pop() else { return false };
        own.settings.instance = instance;
        Guest::new(Arc::clone(&self.shared), own).settle(None);
        true
    }

    /// How things stand. [any-thread] but the audio thread.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        let snapshot = self.shared.snapshot.load_full();
        if !matches!(snapshot.connection, Connection::Idle | Connection::Failed { .. }) {
            return snapshot;
        }
        match self.registry.here(self.config_dir.as_ref()) {
            None => snapshot,
            here => Arc::new(Snapshot { here, ..Snapshot::clone(&snapshot) }),
        }
    }

    /// Looks at how things stand without taking it along: some nanoseconds. [any-thread] but the audio thread.
    pub fn read<T>(&self, look: impl FnOnce(&Snapshot) -> T) -> T {
        look(&self.shared.snapshot.load())
    }

    /// Has a listener told of every snapshot from now on, instead of the one before, or nobody. When this returns, the one before is not
    /// being told and never will be again. It is told on whichever thread makes a snapshot, never on an audio thread; it must not wait, and
    /// not call this handle. [main-thread]
    pub fn set_listener(&self, listener: Option<Listener>) {
        *self.shared.listener() = listener;
    }

    /// Tells the listener again, because something else that it goes by has changed. [main-thread]
    pub fn tell_listener(&self) {
        self.shared.tell();
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

    /// The sessions in the local network while somebody looks around; not those that this process is in: these are in
    /// [`Snapshot::here`]. [main-thread]
    pub fn found(&self) -> Vec<FoundSession> {
        let mut found = self.around.as_ref().map(Around::found).unwrap_or_default();
        let snapshot = self.snapshot();
        let here = snapshot.here.as_ref().map(|here| here.link.as_str());
        for own in snapshot.invite.as_deref().into_iter().chain(here) {
            found.retain(|session| !leads_to_the_same(&session.link, own));
        }
        found
    }

    fn attach(&self, net_end: Option<NetEnd>) {
        self.order(Order::Attach(net_end.map(Box::new)));
    }

    /// Hands an order to the worker, or does it here while there is none.
    fn order(&self, order: Order) {
        let _turn = self.turn();
        if self.shared.orders.push(order).is_err() {
            tracing::error!("the worker does not take orders any more");
        }
        self.shared.doorbell.ring();
        // After the push: a worker that brings the instance home sees the order, or the instance is seen here.
        if let Some(own) = self.shared.home.pop() {
            Guest::new(Arc::clone(&self.shared), own).settle(None);
        }
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether two links are of one session.
fn leads_to_the_same(one: &str, other: &str) -> bool {
    let host = |link: &str| InviteLink::parse(link).map(|link| *link.fingerprint());
    matches!((host(one), host(other)), (Ok(one), Ok(other)) if one == other)
}

impl Drop for Client {
    /// Leaves and waits for the worker to let go (some milliseconds; where it was the last instance, until the worker has said
    /// goodbye and ended): the host may unload our code next.
    fn drop(&mut self) {
        let mut is_told = false;
        while self.shared.home.pop().is_none() {
            is_told = is_told || self.shared.orders.push(Order::Stop).is_ok();
            self.shared.doorbell.ring();
            std::thread::sleep(LETTING_GO);
        }
        self.registry.wait_for_the_ending();
    }
}
