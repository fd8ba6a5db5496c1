//! What a shard's thread does: it waits for a datagram, an order or a deadline, and does a turn.
//!
//! Everything that decides is in [`Shard`]; here are the port, the clock and the disk. The step before is a datagram, or an order (`orders.rs`); the
//! step after is the port.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use backline_io::clock::{self, Clock};
use backline_io::{Poller, Port, entropy, interfaces, priority};
use backline_kept::{Hosted, SessionFile, first_bytes, split_seed};
use backline_relay::{Outbound, RelayConfig, RelayEvent, SessionId, Shard, ShardEvent};
use backline_transport::LocalAddresses;
use backline_wire::Route;

use super::orders::RETIRE_EVERY;
use super::{Setup, Waiting};
use crate::keeper::{Confirmation, Keeper, Kept, Request};
use crate::log;
use crate::seen::Seen;
use crate::shard_view::{ShardCounts, ShardView};

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
/// How long the disk may take to give a session's document back.
const READING: Duration = Duration::from_secs(2);
/// Batches of datagrams that are read before what they cause is sent.
const BATCHES_AT_ONCE: usize = 2;

/// What a session is, beside its keys and document.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub name: String,
    pub route: Route,
}

/// The shard and all that it lives from.
pub(crate) struct Driver {
    pub(super) setup: Setup,
    pub(crate) shard: Shard,
    pub(crate) port: Port,
    poller: Poller,
    keeper: Keeper,
    /// Of sessions that wait for room in the keeper's queue.
    waiting: Option<Request>,
    /// To open a session again that has failed.
    pub(super) kept: BTreeMap<SessionId, (Plan, backline_kept::HostKeys)>,
    /// Who was there when.
    pub(crate) seen: BTreeMap<SessionId, Seen>,
    pub(crate) retire_at: Instant,
    pub(super) orders: Receiver<Waiting>,
    view: Arc<ArcSwap<ShardView>>,
    /// What the shard before this one has counted.
    before: ShardCounts,
    /// What this one has counted.
    pub(super) counts: ShardCounts,
    addresses: Vec<IpAddr>,
    pub(crate) outbound: Outbound,
    /// When the next turn is to begin at the latest.
    due: Instant,
    started: Instant,
    pub(super) snapshot_at: Instant,
    interfaces_at: Instant,
}

impl Driver {
    pub(super) fn new(
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
            counts: ShardCounts::default(),
            addresses: Vec::new(),
            outbound: Outbound::new(),
            due: now,
            started: now,
            snapshot_at: now,
            interfaces_at: now,
        }
    }

    pub(super) fn run(mut self, kept: Vec<Kept>) {
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
            self.counts.fan_out_time.record(clock::now().saturating_duration_since(now));
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
        self.counts.turns += 1;
        self.counts.late_turns += u64::from(began_late || took > TURN_MAX);
        self.counts.turn_time.record(took);
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
            self.counts.send_failures += sent.failed as u64;
            self.counts.send_calls += sent.calls as u64;
            self.counts.send_messages += sent.messages as u64;
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
                    self.counts.store_wait.record(now.saturating_duration_since(since));
                    self.shard.handle_stored(id, now, revision);
                }
                Confirmation::Failed(id) => {
                    self.counts.store_failures += 1;
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

    pub(super) fn open(&mut self, id: SessionId, plan: Plan, hosted: Hosted, file: Option<SessionFile>) {
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
        self.counts.stats = self.shard.stats();
        self.counts.ended = self.shard.ended();
        self.counts.cpu_time = clock::thread_cpu_time();
        self.counts.send_dropped = self.outbound.dropped();
        self.counts.pool = self.outbound.pool();
        self.view.store(Arc::new(ShardView {
            port: self.port.number(),
            sessions: self.shard.view(now),
            counts: self.counts.clone().after(&self.before),
            at: now.saturating_duration_since(self.started),
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
