//! The thread that carries a session: it waits for a doorbell, a datagram or a deadline, and does a turn.
//!
//! It carries one session for all instances of the process that are in it, and exists only as long as there are any. Everything that
//! decides is in [`Engine`]; here are the port, the clock and the queues. All methods are [worker-thread].

mod announce;
mod hosting;
mod orders;
mod report;
mod words;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use backline_bridge::NetEnd;
use backline_io::clock;
use backline_io::{Announcer, Poller, Port, interfaces, priority};
use backline_wire::InstanceId;

use crate::api::{Severity, WorkerView};
use crate::engine::{Engine, Stored};
use crate::guest::{Guest, Person, Wish};
use crate::registry::{House, Registry};
use crate::sentences::sentences;
use crate::store::{Confirmation, Request, StoreThread};

/// Between snapshots: 20 a second.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(50);
/// Between looks at the network interfaces, and at what the local network should hear.
const INTERFACES_EVERY: Duration = Duration::from_secs(2);
/// A turn that begins so long after it was due is counted.
const LATE: Duration = Duration::from_millis(1);
/// How long the last words may take to be sent.
const GOODBYE: Duration = Duration::from_millis(30);
/// How long a TURN server may take to hear that its address is free again; where it does not, it frees it after a while.
const GIVING_BACK: Duration = Duration::from_millis(100);

/// The thread's own.
pub(crate) struct Worker {
    registry: Arc<Registry>,
    house: Arc<House>,
    /// None only while it is given back.
    poller: Option<Poller>,
    /// In the order in which they came.
    guests: Vec<Guest>,
    person: Option<Person>,
    open: Option<Open>,
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
    /// It is hosted here and kept on the disk: when the DAW is closed it can be carried on.
    is_kept: bool,
}

/// Why a session is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// The person wants it: where it is hosted here, it is over for everybody, and nothing of it stays on the disk.
    OnPurpose,
    /// The DAW is closed, or something went wrong: where it is hosted here and kept, it is carried on later.
    ForNow,
}

impl Worker {
    pub fn new(registry: Arc<Registry>, house: Arc<House>, poller: Poller) -> Self {
        let now = clock::now();
        Self {
            registry,
            house,
            poller: Some(poller),
            guests: Vec::new(),
            person: None,
            open: None,
            is_raised: false,
            started: now,
            snapshot_at: now,
            interfaces_at: now,
            view: WorkerView::default(),
        }
    }

    /// Opens the session that the first instance wishes for, and carries it until nobody is left in it.
    pub fn run(mut self, wish: Wish) {
        self.is_raised = priority::raise();
        self.begin(wish);
        while self.open.is_some() {
            self.take_in();
            self.handle_orders();
            self.turn();
            self.wait();
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
        let mut ends: Vec<(InstanceId, &mut NetEnd)> = self
            .guests
            .iter_mut()
            .filter_map(|guest| Some((guest.own.settings.instance, guest.own.net_end.as_deref_mut()?)))
            .collect();
        open.engine.run_audio(now, &mut ends);
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
        if let Some(poller) = &mut self.poller
            && let Err(error) = poller.wait(Some(timeout))
        {
            tracing::error!(%error, "waiting failed");
        }
        self.view.late_turns += u64::from(clock::now() > until + LATE);
        for guest in &self.guests {
            guest.shared.doorbell.silence();
        }
    }

    /// What must be kept goes to the store's thread; what is kept may be sent.
    fn run_store(&mut self, now: Instant) {
        let Some(Open { engine, store: Some(store), .. }) = &mut self.open else { return };
        while let Some(request) = engine.poll_outbox() {
            store.ask(Request::Outbox(request));
        }
        while store.has_room()
            && let Some(write) = engine.poll_ledger()
        {
            store.ask(Request::Ledger(write));
        }
        while let Some(confirmation) = store.poll() {
            let stored = match confirmation {
                Confirmation::Done(stored) => stored,
                Confirmation::Failed(stored, error) => {
                    tracing::warn!(%error, "the disk keeps nothing any more");
                    let words = match stored {
                        Stored::LedgerFailed => hosting::words_of_failed_disk(),
                        _ => sentences(&error.to_string()),
                    };
                    if let Some(guest) = self.guests.first_mut() {
                        guest.own.notices.add(Severity::Warning, words.0, words.1);
                    }
                    stored
                }
            };
            engine.handle_stored(now, stored);
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

    /// Says goodbye (or nothing, where the session is carried on later), gives it a moment to leave, and drops the session.
    fn close(&mut self, ending: Ending) {
        let Some(open) = &mut self.open else { return };
        open.announcer = None;
        if open.is_kept && ending == Ending::ForNow {
            open.engine.suspend(clock::now());
        } else {
            // First of all: whatever happens now, the session does not come back.
            if let Some(store) = &mut open.store {
                store.ask(Request::EndSession);
            }
            open.engine.close(clock::now());
        }
        self.linger(GOODBYE);
        if self.open.as_mut().is_some_and(|open| open.engine.give_back(clock::now())) {
            self.linger(GIVING_BACK);
        }
        self.open = None;
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
            if let Some(poller) = &mut self.poller {
                // An error here only means that the last words are not repeated.
                let _ = poller.wait(Some(time / 10));
            }
        }
    }
}

impl Drop for Worker {
    /// Also after a panic: nobody finds this house any more, and its instances go home.
    fn drop(&mut self) {
        self.registry.close(&self.house);
        if let Some(poller) = self.poller.take() {
            self.registry.give_back(&self.house, poller);
        }
    }
}
