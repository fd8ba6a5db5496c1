//! The thread of one shard: it waits for a datagram, an order or a deadline, and does a turn.
//!
//! Everything that decides is in [`Shard`]; here are the port, the clock and the queues. The step before is a datagram or an order of the API; the step
//! after is the port.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use backline_io::clock::{self, Clock};
use backline_io::{Poller, Port, WakeHandle, entropy, interfaces, priority};
use backline_kept::{Hosted, SessionFile, first_bytes, split_seed};
use backline_relay::{
    Limits, MixConfig, Outbound, RelayConfig, RelayEvent, SessionId, Shard, ShardEvent, Spread,
};
use backline_transport::LocalAddresses;
use backline_wire::Route;
use tokio::sync::oneshot;

use crate::keeper::{Confirmation, Keeper, Kept, NAME, ROUTE, Request, SEEN, id_of};
use crate::log;
use crate::seen::Seen;
use crate::shard_view::{ShardCounts, ShardView};

/// Orders that wait; beyond it the API says that it is busy.
const ORDERS_MAX: usize = 256;
/// Between two snapshots.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(200);
/// Between two looks at the network interfaces.
const INTERFACES_EVERY: Duration = Duration::from_secs(5);
/// A turn that begins so long after it was due is late.
const LATE: Duration = Duration::from_millis(1);
/// And so is one that takes longer than the shortest Opus frame.
const TURN_MAX: Duration = Duration::from_micros(2_500);
/// What the system had no room for is tried again so soon.
const SEND_AGAIN: Duration = Duration::from_millis(1);
/// How long the last words of sessions may take to be sent.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// Between two looks for sessions in which nobody was for too long.
const RETIRE_EVERY: Duration = Duration::from_secs(3_600);
/// How long the disk may take to give a session's document back.
const READING: Duration = Duration::from_secs(2);
/// Batches of datagrams that are read before what they cause is sent.
const BATCHES_AT_ONCE: usize = 2;

/// What a shard starts with.
pub struct Setup {
    /// Which, from 0.
    pub number: usize,
    /// The address and port to bind.
    pub bind: SocketAddr,
    /// Named in links.
    pub public: Vec<IpAddr>,
    /// Where files of sessions are made.
    pub dir: std::path::PathBuf,
    /// What each participant may use.
    pub limits: Limits,
    /// How mixes are made.
    pub mix: MixConfig,
    /// A session in which nobody was for so long is retired, and so is a person.
    pub retire_after: Duration,
}

/// What the API asks of a shard.
pub enum Order {
    /// Make a session of this name, in which media travels this way; the answer is its id and its link.
    Create(String, Route, oneshot::Sender<Result<(SessionId, String), OrderError>>),
    /// The link to a session.
    Link(SessionId, oneshot::Sender<Result<String, OrderError>>),
    /// Let a session's media travel another way from now on.
    SetRoute(SessionId, Route, oneshot::Sender<Result<(), OrderError>>),
    /// End a session for everybody, and keep nothing of it.
    End(SessionId, oneshot::Sender<Result<(), OrderError>>),
    /// Say the last words and stop.
    Drain,
    /// Do whatever a test wants.
    #[cfg(test)]
    Act(Box<dyn FnOnce(&mut Driver) + Send>),
}

/// An order, and since when it waits.
type Waiting = (Instant, Order);

/// Why an order was not followed.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// No such session on this server.
    #[error("there is no such session on this server")]
    NoSession,
    /// As many as allowed are there.
    #[error("the server carries as many sessions as it may ({0}): end one, or raise sessions.at_most")]
    TooMany(usize),
    /// It could not be made.
    #[error("the session can't be made: {0}")]
    NotMade(String),
    /// The shard has more to do than it can.
    #[error("the server is busy: try again in a moment")]
    Busy,
    /// It does not answer.
    #[error("this part of the server does not answer: look at its log")]
    Gone,
}

/// A shard's thread, as the rest of the server sees it.
pub struct ShardThread {
    orders: SyncSender<Waiting>,
    wake: WakeHandle,
    thread: Option<JoinHandle<()>>,
}

impl ShardThread {
    /// Opens the port, and carries these sessions from now on. It is seen by `view`, and goes on counting where the one before it was.
    ///
    /// # Errors
    /// When the port cannot be had, or the system gives no thread.
    pub fn start(setup: Setup, kept: Vec<Kept>, view: Arc<ArcSwap<ShardView>>) -> Result<Self, ShardError> {
        let mut port = Port::bind(setup.bind).map_err(|error| ShardError::Port { at: setup.bind, error })?;
        let poller = Poller::new().map_err(ShardError::Thread)?;
        poller.watch(&mut port).map_err(ShardError::Thread)?;
        let wake = poller.wake_handle();
        let keeper = Keeper::start(setup.number, poller.wake_handle()).map_err(ShardError::Thread)?;
        let (orders, received) = sync_channel(ORDERS_MAX);
        let before = view.load().handed_on();
        view.store(Arc::new(ShardView {
            port: port.number(),
            counts: before.clone(),
            ..ShardView::default()
        }));
        let number = setup.number;
        let driver = Driver::new(setup, (port, poller), keeper, received, (view, before));
        let thread = std::thread::Builder::new()
            .name(format!("shard-{number}"))
            .spawn(move || driver.run(kept))
            .map_err(ShardError::Thread)?;
        Ok(Self { orders, wake, thread: Some(thread) })
    }

    /// Gives an order.
    ///
    /// # Errors
    /// When the shard has too much to do, or is gone.
    pub fn order(&self, order: Order) -> Result<(), OrderError> {
        let outcome = self.orders.try_send((clock::now(), order)).map_err(|error| match error {
            TrySendError::Full(_) => OrderError::Busy,
            TrySendError::Disconnected(_) => OrderError::Gone,
        });
        self.wake.wake();
        outcome
    }

    /// Whether its thread has ended.
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Lets it say its last words, and waits until all is kept. False when it had failed.
    pub fn drain(&mut self) -> bool {
        // One that is gone needs no order.
        let _ = self.order(Order::Drain);
        self.thread.take().is_some_and(|thread| thread.join().is_ok())
    }
}

/// Why a shard does not start.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// Its port cannot be had.
    #[error(
        "the UDP port {at} can't be opened ({error}): another program has it, or this computer has no such address"
    )]
    Port {
        /// Which.
        at: SocketAddr,
        /// Why.
        error: backline_io::PortError,
    },
    /// The system gives no thread or no files.
    #[error("a thread can't be started ({0}): the system is out of resources")]
    Thread(std::io::Error),
}

/// What a session is, beside its keys and document.
#[derive(Debug, Clone)]
struct Plan {
    name: String,
    route: Route,
}

/// The shard and all that it lives from.
pub(crate) struct Driver {
    setup: Setup,
    pub(crate) shard: Shard,
    pub(crate) port: Port,
    poller: Poller,
    keeper: Keeper,
    /// Of sessions that wait for room in the keeper's queue.
    waiting: Option<Request>,
    /// To open a session again that has failed.
    kept: BTreeMap<SessionId, (Plan, backline_kept::HostKeys)>,
    /// Who was there when.
    pub(crate) seen: BTreeMap<SessionId, Seen>,
    pub(crate) retire_at: Instant,
    orders: Receiver<Waiting>,
    view: Arc<ArcSwap<ShardView>>,
    /// What the shard before this one has counted.
    before: ShardCounts,
    addresses: Vec<IpAddr>,
    outbound: Outbound,
    turns: u64,
    late_turns: u64,
    turn_times: Spread,
    fan_out_times: Spread,
    /// When the next turn is to begin at the latest.
    due: Instant,
    started: Instant,
    send_failures: u64,
    store_failures: u64,
    order_wait: Spread,
    store_wait: Spread,
    send_calls: u64,
    send_messages: u64,
    snapshot_at: Instant,
    interfaces_at: Instant,
}

impl Driver {
    fn new(
        setup: Setup,
        (port, poller): (Port, Poller),
        keeper: Keeper,
        orders: Receiver<Waiting>,
        (view, before): (Arc<ArcSwap<ShardView>>, ShardCounts),
    ) -> Self {
        let now = clock::now();
        Self {
            shard: Shard::new(setup.limits, now),
            setup,
            port,
            poller,
            keeper,
            waiting: None,
            kept: BTreeMap::new(),
            seen: BTreeMap::new(),
            retire_at: now + RETIRE_EVERY,
            orders,
            view,
            before,
            addresses: Vec::new(),
            outbound: Outbound::new(),
            turns: 0,
            late_turns: 0,
            turn_times: Spread::default(),
            fan_out_times: Spread::default(),
            due: now,
            started: now,
            send_failures: 0,
            store_failures: 0,
            order_wait: Spread::default(),
            store_wait: Spread::default(),
            send_calls: 0,
            send_messages: 0,
            snapshot_at: now,
            interfaces_at: now,
        }
    }

    fn run(mut self, kept: Vec<Kept>) {
        if !priority::prefer() {
            tracing::warn!(
                shard = self.setup.number,
                "the system does not let this shard run before other programs: start the server as root or with the right to (CAP_SYS_NICE), or expect late turns where the computer does other work"
            );
        }
        self.look_at_interfaces(clock::now());
        for Kept { id, name, route, file, session, seen } in kept {
            let Some(keys) = session.keys else { continue };
            let hosted = match entropy::seed() {
                Ok(seed) => Hosted::again(keys, session.document, seed).with_store(),
                Err(error) => {
                    tracing::error!(session = %id, %error, "a session can't be opened");
                    continue;
                }
            };
            self.seen.insert(id, seen);
            self.open(id, Plan { name, route }, hosted, Some(file));
        }
        while self.follow_orders() {
            let more = self.turn();
            if !more {
                self.wait();
            }
        }
        self.last_words();
    }

    /// One turn: datagrams in, what they cause out, the disk, news. True when there may be more datagrams to read.
    fn turn(&mut self) -> bool {
        let now = clock::now();
        let began_late = now > self.due + LATE;
        let before = self.shard.stats().datagrams_in;
        let more = self.receive(now);
        if self.shard.poll_timeout() <= now {
            self.shard.handle_timeout(now);
        }
        self.transmit();
        if self.shard.stats().datagrams_in > before {
            self.fan_out_times.record(clock::now().saturating_duration_since(now));
        }
        self.keep(now);
        self.transmit();
        self.hear();
        if now >= self.interfaces_at {
            self.look_at_interfaces(now);
        }
        if now >= self.retire_at {
            self.retire(Clock::read());
        }
        if now >= self.snapshot_at {
            self.publish(now);
        }
        self.count_turn(now, began_late);
        more
    }

    fn count_turn(&mut self, began: Instant, began_late: bool) {
        let took = clock::now().saturating_duration_since(began);
        self.turns += 1;
        self.late_turns += u64::from(began_late || took > TURN_MAX);
        self.turn_times.record(took);
        self.due = self.shard.poll_timeout().min(self.snapshot_at);
    }

    fn wait(&mut self) {
        let mut timeout = self.due.saturating_duration_since(clock::now());
        if !self.outbound.is_empty() {
            timeout = timeout.min(SEND_AGAIN);
        }
        if let Err(error) = self.poller.wait(Some(timeout)) {
            tracing::error!(%error, "waiting failed");
        }
    }

    fn receive(&mut self, now: Instant) -> bool {
        let Self { port, shard, .. } = self;
        let number = port.number();
        port.receive_some(BATCHES_AT_ONCE, |source, local, datagram| {
            shard.handle_datagram(now, source, SocketAddr::new(local, number), datagram);
        })
    }

    fn transmit(&mut self) {
        let Self { shard, outbound, port, .. } = self;
        loop {
            let more = outbound.gather(|buffer| shard.poll_transmit(buffer));
            let sent = port.send_all(outbound.len(), |number| outbound.datagram(number));
            outbound.done(sent.done);
            self.send_failures += sent.failed as u64;
            self.send_calls += sent.calls as u64;
            self.send_messages += sent.messages as u64;
            if !more {
                break;
            }
        }
    }

    /// What must be kept goes to the keeper; what is kept may be told.
    fn keep(&mut self, now: Instant) {
        loop {
            let next = self.waiting.take();
            let next = next.or_else(|| self.shard.poll_store().map(|(id, write)| Request::Write(id, write)));
            let Some(request) = next else { break };
            self.waiting = self.keeper.ask(request);
            if self.waiting.is_some() {
                break;
            }
        }
        while let Some(confirmation) = self.keeper.poll() {
            match confirmation {
                Confirmation::Kept { id, revision, since } => {
                    self.store_wait.record(now.saturating_duration_since(since));
                    self.shard.handle_stored(id, now, revision);
                }
                Confirmation::Failed(id) => {
                    self.store_failures += 1;
                    self.shard.handle_store_failed(id, now);
                }
            }
        }
    }

    fn hear(&mut self) {
        while let Some(event) = self.shard.poll_event() {
            log::shard_event(&event);
            if let ShardEvent::Relay(id, RelayEvent::Joined(who, _) | RelayEvent::Left(who, ..)) = &event {
                self.seen.get_mut(id).into_iter().for_each(|seen| seen.saw(*who, Clock::read()));
            }
            if let ShardEvent::SessionFailed(id, _) = event {
                self.open_again(id);
            }
        }
    }

    /// A session that failed goes on under its link, from its document as it is kept.
    fn open_again(&mut self, id: SessionId) {
        let Some((plan, keys)) = self.kept.get(&id).cloned() else { return };
        let (answer, document) = sync_channel(1);
        self.ask(Request::Read(id, answer));
        match (document.recv_timeout(READING), entropy::seed()) {
            (Ok(document), Ok(seed)) => {
                self.open(id, plan, Hosted::again(keys, document, seed).with_store(), None);
            }
            _ => {
                tracing::error!(session = %id, "a session that failed can't be opened again before the next start")
            }
        }
    }

    fn open(&mut self, id: SessionId, plan: Plan, hosted: Hosted, file: Option<SessionFile>) {
        // Both of the same moment: mixes say when they were made.
        let Clock { now, unix_time, .. } = Clock::read();
        let seed = entropy::seed().unwrap_or_default();
        let [_, _, ssrc, _] = split_seed(seed);
        let Hosted { keys, document, has_store } = hosted;
        self.kept.insert(id, (plan.clone(), keys.clone()));
        self.seen.entry(id).or_insert_with(|| Seen::new(now));
        if let Some(file) = file {
            self.ask(Request::Open(id, Box::new(file)));
        }
        let config = RelayConfig {
            secret: keys.secret,
            certificate: keys.certificate,
            addresses: self.local_addresses(),
            first_ssrc: u32::from_be_bytes(first_bytes(ssrc)),
            document,
            has_store,
            unix_time,
            limits: self.setup.limits,
            route: plan.route,
            mix: self.setup.mix,
        };
        self.shard.open(id, plan.name, config, now);
    }

    /// A request that must not be lost: it waits for room.
    pub(crate) fn ask(&mut self, request: Request) {
        let mut request = self.keeper.ask(request);
        while let Some(again) = request {
            std::thread::yield_now();
            request = self.keeper.ask(again);
        }
    }

    /// False when it is time to stop.
    fn follow_orders(&mut self) -> bool {
        while let Ok((since, order)) = self.orders.try_recv() {
            self.order_wait.record(clock::now().saturating_duration_since(since));
            // Whoever asked and went away wants no answer.
            match order {
                Order::Create(name, route, answer) => drop(answer.send(self.create(name, route))),
                Order::Link(id, answer) => drop(answer.send(self.link(id))),
                Order::SetRoute(id, route, answer) => drop(answer.send(self.set_route(id, route))),
                Order::End(id, answer) => drop(answer.send(self.end(id))),
                Order::Drain => return false,
                #[cfg(test)]
                Order::Act(act) => act(self),
            }
            self.snapshot_at = clock::now();
        }
        true
    }

    fn create(&mut self, name: String, route: Route) -> Result<(SessionId, String), OrderError> {
        let failed = |error: &dyn std::fmt::Display| OrderError::NotMade(error.to_string());
        let seed = entropy::seed().map_err(|error| failed(&error))?;
        let hosted = Hosted::new(seed).map_err(|error| failed(&error))?.with_store();
        let file = SessionFile::create(&self.setup.dir, &hosted.keys, &hosted.document, self.port.number())
            .map_err(|error| failed(&error))?;
        file.set_note(NAME, name.as_bytes()).map_err(|error| failed(&error))?;
        file.set_note(ROUTE, route.name().as_bytes()).map_err(|error| failed(&error))?;
        let id = id_of(&hosted.keys.certificate.fingerprint());
        tracing::info!(session = %id, name, %route, "a session was made");
        self.open(id, Plan { name, route }, hosted, Some(file));
        Ok((id, self.link(id)?))
    }

    fn link(&self, id: SessionId) -> Result<String, OrderError> {
        let port = self.port.number();
        let named: Vec<SocketAddr> = self.setup.public.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
        let link = self.shard.invite(id, &named).ok_or(OrderError::NoSession)?;
        link.map(|link| link.to_text()).map_err(|error| OrderError::NotMade(error.to_string()))
    }

    fn set_route(&mut self, id: SessionId, route: Route) -> Result<(), OrderError> {
        if !self.shard.set_route(id, clock::now(), route) {
            return Err(OrderError::NoSession);
        }
        self.kept.get_mut(&id).into_iter().for_each(|(plan, _)| plan.route = route);
        self.ask(Request::Note(id, ROUTE, route.name().into()));
        tracing::info!(session = %id, %route, "a session's media travels in another way");
        Ok(())
    }

    fn end(&mut self, id: SessionId) -> Result<(), OrderError> {
        if !self.shard.close(id, clock::now()) {
            return Err(OrderError::NoSession);
        }
        self.kept.remove(&id);
        self.seen.remove(&id);
        self.ask(Request::End(id));
        tracing::info!(session = %id, "a session was ended");
        Ok(())
    }

    /// Keeps who was there when, and ends sessions in which nobody was for too long.
    fn retire(&mut self, now: Clock) {
        self.retire_at = now.now + RETIRE_EVERY;
        self.keep_seen(now);
        let age = self.setup.retire_after;
        let is_unused =
            |id: &SessionId| self.seen.get(id).is_some_and(|seen| seen.unused_for(now.now) >= age);
        let unused: Vec<SessionId> = self.seen.keys().copied().filter(is_unused).collect();
        for id in unused {
            tracing::info!(target: log::AUDIT, session = %id, days = age.as_secs() / 86_400, "retired: nobody was there for so long");
            // One that is gone already is as it should be.
            let _ = self.end(id);
        }
    }

    /// Whoever is in was there now; it is kept where it is news.
    fn keep_seen(&mut self, now: Clock) {
        for (id, who) in self.shard.people() {
            self.seen.get_mut(&id).into_iter().for_each(|seen| seen.saw(who, now));
        }
        let news: Vec<(SessionId, Vec<u8>)> =
            self.seen.iter_mut().filter_map(|(id, seen)| Some((*id, seen.poll_bytes()?))).collect();
        news.into_iter().for_each(|(id, bytes)| self.ask(Request::Note(id, SEEN, bytes)));
    }

    fn look_at_interfaces(&mut self, now: Instant) {
        self.interfaces_at = now + INTERFACES_EVERY;
        let bound = self.setup.bind.ip();
        let addresses = if bound.is_unspecified() { interfaces::addresses() } else { vec![bound] };
        if addresses != self.addresses {
            self.addresses = addresses;
            let addresses = self.local_addresses();
            self.shard.set_addresses(&addresses);
        }
    }

    fn local_addresses(&self) -> LocalAddresses {
        let port = self.port.number();
        let with_port: Vec<SocketAddr> = self.addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
        LocalAddresses::of_host(&with_port)
    }

    fn publish(&mut self, now: Instant) {
        self.snapshot_at = now + SNAPSHOT_EVERY;
        let counts = ShardCounts {
            stats: self.shard.stats(),
            ended: self.shard.ended(),
            turns: self.turns,
            late_turns: self.late_turns,
            turn_time: self.turn_times.clone(),
            fan_out_time: self.fan_out_times.clone(),
            cpu_time: clock::thread_cpu_time(),
            send_failures: self.send_failures,
            store_failures: self.store_failures,
            order_wait: self.order_wait.clone(),
            store_wait: self.store_wait.clone(),
            send_dropped: self.outbound.dropped(),
            send_calls: self.send_calls,
            send_messages: self.send_messages,
        };
        self.view.store(Arc::new(ShardView {
            port: self.port.number(),
            sessions: self.shard.view(now),
            counts: counts.after(&self.before),
            at: now.saturating_duration_since(self.started),
            pool: self.outbound.pool(),
        }));
    }

    /// Paths are closed, so that everybody knows at once; sessions stay as they are kept.
    fn last_words(&mut self) {
        let now = clock::now();
        self.keep(now);
        self.keep_seen(Clock::read());
        self.shard.suspend(now);
        let started = now;
        while clock::now().saturating_duration_since(started) < LAST_WORDS {
            self.transmit();
            // An error here only means that the last words are not repeated.
            let _ = self.poller.wait(Some(LAST_WORDS / 10));
            self.receive(clock::now());
        }
    }
}
