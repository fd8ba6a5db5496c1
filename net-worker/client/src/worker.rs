//! The thread that carries a session: it waits for the doorbell, a datagram or a deadline, and does a turn.
//!
//! Everything that decides is in [`Engine`]; here are the port, the clock and the queue. The thread exists only
//! while a session does. All methods are [worker-thread] unless said.

mod announce;
mod orders;
mod report;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use backline_bridge::{Doorbell, NetEnd};
use backline_codec::Quality;
use backline_io::clock;
use backline_io::{Announcer, Poller, Port, interfaces, priority};
use backline_wire::limits::SLOTS;
use backline_wire::{InstanceId, ParticipantId, SourceId};

use crate::api::{DEPTH_CEILING_MAX, Severity, WorkerView};
use crate::client::{Order, Shared};
use crate::engine::Engine;
use crate::notices::Notices;
use crate::sentences::sentences;
use crate::servers::Servers;
use crate::store::{Confirmation, StoreThread};

/// Between snapshots: 20 a second.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(50);
/// Between looks at the network interfaces, and at what the local network should hear.
const INTERFACES_EVERY: Duration = Duration::from_secs(2);
/// How long the last words may take to be sent.
const GOODBYE: Duration = Duration::from_millis(30);
/// How long a TURN server may take to hear that its address is free again; where it does not, it frees it after a while.
const GIVING_BACK: Duration = Duration::from_millis(100);

/// What a person set, also while there is no session.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub instance: InstanceId,
    pub app: String,
    pub config_dir: Option<PathBuf>,
    pub uses_local_network: bool,
    pub open_to_lan: bool,
    pub name: String,
    pub source_name: String,
    pub colour: [u8; 3],
    pub quality: Quality,
    pub automatic: bool,
    pub depth_ceiling: Duration,
    pub slots: [Option<SourceId>; SLOTS],
    pub host_address: Option<String>,
    pub servers: Servers,
}

/// What stays while there is no worker, and goes from worker to worker.
#[derive(Default)]
pub(crate) struct Parked {
    pub net_end: Option<Box<NetEnd>>,
    pub poller: Option<Poller>,
    pub notices: Notices,
    pub participant: Option<ParticipantId>,
    /// What the last session bound the slots to.
    pub slots: Option<[Option<SourceId>; SLOTS]>,
    /// Why the last session ended, where it did not end as asked.
    pub failure: Option<String>,
}

/// The thread's own.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    doorbell: Arc<Doorbell>,
    settings: Settings,
    parked: Parked,
    open: Option<Open>,
    is_stopping: bool,
    is_raised: bool,
    started: Instant,
    snapshot_at: Instant,
    interfaces_at: Instant,
    view: WorkerView,
}

/// A session that is carried.
struct Open {
    engine: Engine,
    port: Port,
    /// Once there was something to announce.
    announcer: Option<Announcer>,
    addresses: Vec<IpAddr>,
    buffer: Vec<u8>,
    /// None where nothing can be kept: what waits is lost with the process then.
    store: Option<StoreThread>,
}

impl Worker {
    /// [main-thread]
    pub fn new(shared: Arc<Shared>, doorbell: Arc<Doorbell>, settings: Settings, parked: Parked) -> Self {
        let now = clock::now();
        Self {
            shared,
            doorbell,
            settings,
            parked,
            open: None,
            is_stopping: false,
            is_raised: false,
            started: now,
            snapshot_at: now,
            interfaces_at: now,
            view: WorkerView::default(),
        }
    }

    /// Carries sessions until there is none to carry, and gives back what the next worker needs.
    pub fn run(mut self) -> Parked {
        self.is_raised = priority::raise();
        loop {
            self.handle_orders();
            if self.open.is_none() && self.is_done() {
                return self.parked;
            }
            self.turn();
            self.wait();
        }
    }

    /// No session and nothing asked for. From the moment that `is_closing` is set the handle does by itself
    /// what it finds in the queue.
    fn is_done(&mut self) -> bool {
        self.publish();
        self.shared.is_closing.store(true, Ordering::SeqCst);
        self.is_stopping || self.shared.orders.is_empty() || {
            self.shared.is_closing.store(false, Ordering::SeqCst);
            false
        }
    }

    /// One turn: datagrams in, audio out and in, datagrams out, news.
    fn turn(&mut self) {
        let now = clock::now();
        self.view.turns += 1;
        self.receive(now);
        let Some(open) = &mut self.open else { return };
        if open.engine.poll_timeout() <= now {
            open.engine.handle_timeout(now);
        }
        if let Some(net_end) = &mut self.parked.net_end {
            open.engine.run_audio(now, net_end);
        }
        self.run_store(now);
        self.transmit();
        self.handle_events(now);
        if now >= self.interfaces_at {
            self.interfaces_at = now + INTERFACES_EVERY;
            self.look_at_interfaces();
            self.announce();
        }
        if now >= self.snapshot_at {
            self.snapshot_at = now + SNAPSHOT_EVERY;
            self.publish();
        }
    }

    fn wait(&mut self) {
        let Some(open) = &mut self.open else { return };
        let until = open.engine.poll_timeout().min(self.snapshot_at);
        let timeout = until.saturating_duration_since(clock::now());
        if let Some(poller) = &mut self.parked.poller
            && let Err(error) = poller.wait(Some(timeout))
        {
            tracing::error!(%error, "waiting failed");
        }
        self.doorbell.silence();
    }

    /// What must be kept goes to the store's thread; what is kept may be sent.
    fn run_store(&mut self, now: Instant) {
        let Some(Open { engine, store: Some(store), .. }) = &mut self.open else { return };
        while let Some(request) = engine.poll_store() {
            store.ask(request);
        }
        while let Some(confirmation) = store.poll() {
            engine.handle_stored(now, &confirmation);
            if let Confirmation::Failed(error) = confirmation {
                let (text, advice) = sentences(&error.to_string());
                self.parked.notices.add(Severity::Warning, text, advice);
            }
        }
    }

    fn receive(&mut self, now: Instant) {
        let Some(Open { engine, port, .. }) = &mut self.open else { return };
        let number = port.number();
        let mut count = 0;
        port.receive(|source, local, datagram| {
            count += 1;
            engine.handle_datagram(now, source, SocketAddr::new(local, number), datagram);
        });
        self.view.datagrams_in += count;
    }

    fn transmit(&mut self) {
        let Some(Open { engine, port, buffer, .. }) = &mut self.open else { return };
        while let Some(destination) = engine.poll_transmit(buffer) {
            port.send(destination, buffer);
            self.view.datagrams_out += 1;
        }
    }

    /// Wi-Fi to cable, a VPN that came up: the session goes on by the new address.
    fn look_at_interfaces(&mut self) {
        let Some(open) = &mut self.open else { return };
        let addresses = interfaces::addresses();
        if addresses != open.addresses {
            let port = open.port.number();
            let with_port: Vec<SocketAddr> = addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
            open.engine.set_addresses(clock::now(), &with_port);
            open.addresses = addresses;
        }
    }

    /// Says goodbye, gives it a moment to leave, and drops the session.
    fn close(&mut self) {
        let Some(open) = &mut self.open else { return };
        self.settings.slots = open.engine.session().bindings();
        self.parked.slots = Some(self.settings.slots);
        open.announcer = None;
        open.engine.close(clock::now());
        self.linger(GOODBYE);
        if self.open.as_mut().is_some_and(|open| open.engine.give_back(clock::now())) {
            self.linger(GIVING_BACK);
        }
        self.open = None;
        if let Some(net_end) = &mut self.parked.net_end {
            net_end.stop_capture();
            (0..SLOTS).for_each(|slot| net_end.set_slot_live(slot, false));
        }
    }
    /// Goes on sending and receiving for a moment, for what must be said at the end.
    fn linger(&mut self, time: Duration) {
        let started = clock::now();
        self.transmit();
        while clock::now().saturating_duration_since(started) < time {
            let now = clock::now();
            self.receive(now);
            let Some(open) = &mut self.open else { return };
            open.engine.handle_timeout(now);
            self.transmit();
            if let Some(poller) = &mut self.parked.poller {
                // An error here only means that the last words are not repeated.
                let _ = poller.wait(Some(time / 10));
            }
        }
    }
}
