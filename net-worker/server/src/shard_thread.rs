//! A shard's thread as the rest of the server sees it: started, given orders, let go.
//!
//! The step before is `server.rs`; what the thread does is in `shard_thread/driver.rs`.

mod driver;
mod orders;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use backline_io::{Poller, Port, WakeHandle, clock};
use backline_relay::{Limits, MixConfig, SessionId};
use backline_wire::Route;
use tokio::sync::oneshot;

use crate::keeper::{Keeper, Kept};
use crate::shard_view::ShardView;
pub(crate) use driver::Driver;

/// Orders that wait; beyond it the API says that it is busy.
const ORDERS_MAX: usize = 256;

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
