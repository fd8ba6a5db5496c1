//! One instance as it goes from its handle to a worker and back: what it owns, and what its handle and its worker share.
//!
//! An instance is always in one place: with a worker, or, while it is in no session, in [`Shared::home`], from where whoever
//! calls its handle does what is to be done. The steps before and after are `client.rs` and `worker.rs`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use backline_bridge::{Doorbell, Meters, MetronomeLead, NetEnd, Wake};
use backline_codec::Quality;
use backline_session::ReturnChoice;
use backline_wire::limits::SLOTS;
use backline_wire::{InstanceId, InviteLink, LinkError, Name, ParticipantId, SourceId};
use crossbeam_queue::ArrayQueue;

use crate::api::{
    AccessView, Command, Connection, DEPTH_CEILING_DEFAULT, DEPTH_CEILING_MAX, FaderView, Identity,
    LeftBehindView, OutboxStats, SendView, Severity, SlotView, Snapshot, TempoView, WaitingView, WorkerView,
};
use crate::client::ClientConfig;
use crate::history::{Historian, Histories};
use crate::notices::Notices;
use crate::registry::Registry;
use crate::sentences::sentences;
use crate::servers::{self, Servers};

/// Orders that wait for a worker; it empties the queue at every turn.
const ORDERS_MAX: usize = 1024;

/// Is told of an instance's snapshots.
pub type Listener = Box<dyn FnMut(&Snapshot) + Send>;

/// What an instance's handle and its worker share.
pub(crate) struct Shared {
    pub snapshot: ArcSwap<Snapshot>,
    listener: Mutex<Option<Listener>>,
    pub meters: ArcSwap<Meters>,
    pub orders: ArrayQueue<Order>,
    /// Where the instance is while it is in no session.
    pub home: ArrayQueue<Box<Own>>,
    pub doorbell: Arc<Doorbell>,
    pub wake: Arc<WorkerWake>,
}

/// From the handle to whoever has the instance.
#[expect(clippy::large_enum_variant, reason = "a few in a minute, and none is kept")]
pub(crate) enum Order {
    Command(Command),
    Attach(Option<Box<NetEnd>>),
    Stop,
}

/// A session that an instance asks for.
pub(crate) enum Wish {
    Host,
    HostAgain(InviteLink),
    Join(InviteLink),
}

/// Wakes the worker that the instance is with.
pub(crate) struct WorkerWake {
    registry: Arc<Registry>,
    /// Of [`Registry::wake`]; a number that does not exist while it is with none.
    number: AtomicUsize,
}

/// What a person set for an instance, also while there is no session.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub instance: InstanceId,
    pub app: String,
    pub config_dir: Option<PathBuf>,
    pub person: Person,
    pub source_name: String,
    pub sends: bool,
    pub returns: ReturnChoice,
    pub quality: Quality,
    pub automatic: bool,
    pub depth_ceiling: Duration,
    pub slots: [Option<SourceId>; SLOTS],
}

/// What is the same for all instances of a process that are in one session.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub name: String,
    pub colour: [u8; 3],
    pub host_address: Option<String>,
    pub servers: Servers,
    pub uses_local_network: bool,
    pub open_to_lan: bool,
    pub hear_own: bool,
}

/// All that belongs to one instance.
pub(crate) struct Own {
    pub settings: Settings,
    pub net_end: Option<Box<NetEnd>>,
    pub notices: Notices,
    pub participant: Option<ParticipantId>,
    /// Of the session that it is in.
    pub historian: Historian,
    /// Why the last session ended, where it did not end as asked.
    pub failure: Option<String>,
}

/// An instance that is not at home. Dropped without being settled (a worker panicked), it goes home and says so.
pub(crate) struct Guest {
    pub shared: Arc<Shared>,
    pub own: Box<Own>,
    is_settled: bool,
}

impl Shared {
    pub fn new(config: ClientConfig, registry: &Arc<Registry>) -> Self {
        let own = Box::new(Own::new(config));
        let wake =
            Arc::new(WorkerWake { registry: Arc::clone(registry), number: AtomicUsize::new(usize::MAX) });
        let shared = Self {
            snapshot: ArcSwap::from_pointee(own.idle_snapshot()),
            listener: Mutex::default(),
            meters: ArcSwap::from_pointee(Meters::default()),
            orders: ArrayQueue::new(ORDERS_MAX),
            home: ArrayQueue::new(1),
            doorbell: Arc::new(Doorbell::new(Arc::clone(&wake) as Arc<dyn Wake>)),
            wake,
        };
        shared.home.force_push(own);
        shared
    }

    /// This is how things stand now. [main-thread, worker-thread]
    pub fn show(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
        self.tell();
    }

    /// Tells the listener how things stand. Whoever tells last tells the last snapshot. [main-thread, worker-thread]
    pub fn tell(&self) {
        if let Some(listener) = self.listener().as_mut() {
            listener(&self.snapshot.load());
        }
    }

    /// Who is told; as long as this is held, nobody is. [main-thread, worker-thread]
    pub fn listener(&self) -> MutexGuard<'_, Option<Listener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WorkerWake {
    /// The instance is with this worker from now on.
    pub fn point_to(&self, number: usize) {
        self.number.store(number, Ordering::Release);
    }
}

impl Wake for WorkerWake {
    fn wake(&self) {
        self.registry.wake(self.number.load(Ordering::Acquire));
    }
}

impl Guest {
    pub fn new(shared: Arc<Shared>, own: Box<Own>) -> Self {
        Self { shared, own, is_settled: false }
    }

    pub fn id(&self) -> InstanceId {
        self.own.settings.instance
    }

    /// An instance that is in no session does `first` and all that was ordered since; then it is with a worker, or at home.
    pub fn settle(self, first: Option<Command>) {
        let registry = Arc::clone(&self.shared.wake.registry);
        let mut next = first.map(Order::Command);
        let mut guest = self;
        loop {
            while let Some(order) = next.take().or_else(|| guest.shared.orders.pop()) {
                guest = match guest.obey(order, &registry) {
                    Some(guest) => guest,
                    None => return,
                };
            }
            guest = match guest.go_home() {
                Some(guest) => guest,
                None => return,
            };
        }
    }

    /// Does what can be done without a session; none when it is in one now.
    fn obey(mut self, order: Order, registry: &Arc<Registry>) -> Option<Self> {
        if let Order::Command(command) = &order {
            self.own.settings.apply(command);
        }
        let wish = match order {
            Order::Command(command @ (Command::Host | Command::Join { .. } | Command::HostAgain { .. })) => {
                wish(&command)
            }
            order => {
                self.own.handle(order);
                return Some(self);
            }
        };
        let wish = match wish {
            Ok(wish) => wish,
            Err(error) => {
                self.own.failure = Some(error.to_string());
                return Some(self);
            }
        };
        self.own.failure = None;
        let (mut guest, why) = registry.lodge(self, wish).err()?;
        let text = format!("No session can be opened: {why}.");
        guest.own.notices.add(Severity::Error, text, "Close other programs or plugins, and try again.");
        Some(guest)
    }

    /// At home its handle finds it. None unless something was ordered just then by one who did not find it there.
    fn go_home(mut self) -> Option<Self> {
        self.shared.wake.point_to(usize::MAX);
        self.own.historian = Historian::default();
        self.shared.show(self.own.idle_snapshot());
        self.is_settled = true;
        let shared = Arc::clone(&self.shared);
        let own = std::mem::take(&mut self.own);
        shared.home.force_push(own);
        let own = if shared.orders.is_empty() { None } else { shared.home.pop() };
        own.map(|own| Self::new(shared, own))
    }
}

/// The session that a command with a link is about.
fn wish(command: &Command) -> Result<Wish, LinkError> {
    match command {
        Command::HostAgain { link } => InviteLink::parse(link).map(Wish::HostAgain),
        Command::Join { link } => InviteLink::parse(link).map(Wish::Join),
        _ => Ok(Wish::Host),
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if self.is_settled {
            return;
        }
        self.own.stop_audio();
        self.own.historian = Historian::default();
        let advice = "Press Host or Join again. Please report this with the log.";
        self.own.notices.add(
            Severity::Error,
            "Backline's worker stopped because of an error of its own.",
            advice,
        );
        self.shared.show(self.own.idle_snapshot());
        self.shared.home.force_push(std::mem::take(&mut self.own));
    }
}

impl Own {
    fn new(config: ClientConfig) -> Self {
        Self {
            settings: Settings::new(config),
            net_end: None,
            notices: Notices::default(),
            participant: None,
            historian: Historian::default(),
            failure: None,
        }
    }

    /// What is shown while there is no session.
    pub fn idle_snapshot(&self) -> Snapshot {
        let settings = &self.settings;
        let slot = |slot: usize| {
            settings.slots[slot].map(|source| SlotView {
                source,
                name: String::new(),
                present: false,
                monitor: FaderView::default(),
            })
        };
        Snapshot {
            connection: self.failure.clone().map_or(Connection::Idle, |text| Connection::Failed { text }),
            here: None,
            invite: None,
            participants: 0,
            you: Identity {
                participant: self.participant,
                instance: settings.instance,
                name: settings.person.name.clone(),
                source_name: settings.source_name.clone(),
                colour: settings.person.colour,
            },
            instances: Vec::new(),
            sends: settings.sends,
            returns: settings.returns.clone(),
            send: SendView::default(),
            send_fader: FaderView::default(),
            send_access: AccessView::default(),
            mix_access: AccessView::default(),
            people: Vec::new(),
            mixes: Vec::new(),
            waiting: WaitingView::default(),
            left_behind: LeftBehindView::default(),
            changes: OutboxStats::default(),
            operations: Vec::new(),
            quality: settings.quality,
            automatic: settings.automatic,
            depth_ceiling: settings.depth_ceiling,
            open_to_lan: settings.person.open_to_lan,
            is_mixed: false,
            hear_own: settings.person.hear_own,
            sources: Vec::new(),
            histories: Histories::new(),
            slots: std::array::from_fn(slot),
            chat: Arc::default(),
            log: Vec::new(),
            tempo: TempoView::default(),
            notices: self.notices.list(),
            local_port: None,
            worker: WorkerView::default(),
        }
    }

    /// Does what needs no session, in one or not.
    pub fn handle(&mut self, order: Order) {
        match order {
            Order::Attach(net_end) => self.net_end = net_end,
            Order::Command(Command::Notify { severity, text, advice }) => {
                self.notices.add(severity, text, advice);
            }
            Order::Command(Command::Say(_)) => {
                let advice = "Host a session or join one, then send it again.";
                self.notices.add(Severity::Warning, "Your line was not sent: no session is reached.", advice);
            }
            Order::Command(Command::StartTransport { .. }) => {
                let advice = "Start that DAW, let nobody lead, or wait until the host answers.";
                self.notices.add(
                    Severity::Warning,
                    "Nothing was started: a DAW leads, or no session is reached.",
                    advice,
                );
            }
            Order::Command(Command::DismissNotice(id)) => self.notices.dismiss(id),
            Order::Command(Command::Leave) => self.failure = None,
            Order::Command(Command::SetServers { stun, turn }) => {
                for problem in (Servers { stun, turn }).config().1 {
                    self.notices.add(Severity::Warning, problem, servers::ADVICE);
                }
            }
            Order::Command(_) | Order::Stop => {}
        }
    }

    /// An error as a notice.
    pub fn complain(&mut self, error: &str) {
        let (text, advice) = sentences(error);
        self.notices.add(Severity::Error, text, advice);
    }

    /// No session: nothing is captured, and what is returned fades out.
    pub fn stop_audio(&mut self) {
        if let Some(net_end) = &mut self.net_end {
            net_end.stop_capture();
            net_end.lead_metronome(MetronomeLead::Nobody);
            (0..SLOTS).for_each(|slot| net_end.set_slot_live(slot, false));
        }
    }
}

impl Default for Own {
    fn default() -> Self {
        Self::new(ClientConfig {
            instance: InstanceId(0),
            app: String::new(),
            config_dir: None,
            uses_local_network: false,
        })
    }
}

impl Person {
    /// By which the others know the participant.
    pub fn shown_name(&self) -> Name {
        Name::new(if self.name.is_empty() { "Musician" } else { &self.name })
    }

    /// Whether the local network hears of a session that is hosted here.
    pub fn is_open_to_lan(&self) -> bool {
        self.uses_local_network && self.open_to_lan
    }
}

impl Settings {
    fn new(config: ClientConfig) -> Self {
        Self {
            instance: config.instance,
            app: config.app,
            config_dir: config.config_dir,
            person: Person {
                name: String::new(),
                colour: [0x4F, 0xC3, 0xF7],
                host_address: None,
                servers: Servers::default(),
                uses_local_network: config.uses_local_network,
                open_to_lan: true,
                hear_own: false,
            },
            source_name: String::new(),
            sends: true,
            returns: ReturnChoice::Automatic,
            quality: Quality::Balanced,
            automatic: true,
            depth_ceiling: DEPTH_CEILING_DEFAULT,
            slots: [None; SLOTS],
        }
    }

    /// Remembers what a command sets.
    pub fn apply(&mut self, command: &Command) {
        match command {
            Command::SetName(name) => self.person.name = Name::new(name).to_string(),
            Command::SetSourceName(name) => self.source_name = Name::new(name).to_string(),
            Command::SetColour(colour) => self.person.colour = *colour,
            Command::SetSends(sends) => self.sends = *sends,
            Command::SetReturns(returns) => self.returns = returns.clone(),
            Command::SetQuality(quality) => self.quality = *quality,
            Command::SetAutomatic(automatic) => self.automatic = *automatic,
            Command::SetDepthCeiling(depth) => self.depth_ceiling = (*depth).min(DEPTH_CEILING_MAX),
            Command::SetSlots(slots) => self.slots = *slots,
            Command::SetHostAddress(address) => self.person.host_address = address.clone(),
            Command::SetOpenToLan(is_open) => self.person.open_to_lan = *is_open,
            Command::SetHearOwn(hear_own) => self.person.hear_own = *hear_own,
            Command::SetServers { stun, turn } => {
                self.person.servers = Servers { stun: stun.clone(), turn: turn.clone() };
            }
            Command::Host
            | Command::HostAgain { .. }
            | Command::CarryOn
            | Command::Join { .. }
            | Command::Leave
            | Command::MoveFader { .. }
            | Command::Permit { .. }
            | Command::Say(_)
            | Command::SetTempo(_)
            | Command::Lead(_)
            | Command::StartTransport { .. }
            | Command::StopTransport
            | Command::SyncNow
            | Command::DiscardWaiting
            | Command::DiscardLeftBehind
            | Command::Notify { .. }
            | Command::DismissNotice(_) => {}
        }
    }
}
