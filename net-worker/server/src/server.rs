//! The whole server, from its start to its drain: shards, the HTTP API, and somebody who looks whether they live.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use backline_io::signals::EndSignals;
use backline_kept::SessionFile;
use backline_relay::SessionId;
use backline_wire::Route;
use tokio::sync::oneshot;

use crate::api;
use crate::config::Config;
use crate::keeper::{self, Kept};
use crate::log;
use crate::shard_thread::{Order, OrderError, Setup, ShardError, ShardThread};
use crate::shard_view::ShardView;
use crate::token::Token;

/// Between two looks at whether all shards live.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Between two looks for logs that are too old.
const EXPIRE_EVERY: Duration = Duration::from_secs(3_600);
/// A shard that fails so often within [`FAILURES_WITHIN`] takes the server down in order: starting it again does not help.
const FAILURES_MAX: usize = 5;
const FAILURES_WITHIN: Duration = Duration::from_secs(60);

/// What the API and the watcher share.
pub struct Server {
    /// As it was asked for.
    pub config: Config,
    /// Of the API.
    pub token: Token,
    started: Instant,
    shards: Vec<Mutex<ShardThread>>,
    views: Vec<Arc<arc_swap::ArcSwap<ShardView>>>,
    /// No new sessions and nobody new: it is about to stop.
    pub(crate) draining: AtomicBool,
    restarts: AtomicU64,
    /// What the API counts.
    pub counters: Counters,
}

/// What is counted beside the shards.
#[derive(Debug, Default)]
pub struct Counters {
    answers: [AtomicU64; 4],
    unauthorised: AtomicU64,
    orders_refused: AtomicU64,
}

impl Counters {
    /// An answer with this status was given.
    pub fn answered(&self, status: u16) {
        let class = usize::from(status / 100).clamp(2, 5) - 2;
        self.answers[class].fetch_add(1, Ordering::Relaxed);
        if status == 401 {
            self.unauthorised.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Answers by class of their status.
    pub fn answers(&self) -> [(&'static str, u64); 4] {
        let count = |class: usize| self.answers[class].load(Ordering::Relaxed);
        [("2xx", count(0)), ("3xx", count(1)), ("4xx", count(2)), ("5xx", count(3))]
    }

    /// Requests without the token, or with another one.
    pub fn unauthorised(&self) -> u64 {
        self.unauthorised.load(Ordering::Relaxed)
    }

    /// Orders for which a shard had no room or no answer.
    pub fn orders_refused(&self) -> u64 {
        self.orders_refused.load(Ordering::Relaxed)
    }
}

impl Server {
    /// Opens every port and every session that was kept.
    ///
    /// # Errors
    /// When a port cannot be had or the folder cannot be read.
    pub fn start(config: Config, token: Token) -> Result<Self, StartError> {
        let dir = sessions_dir(&config.data);
        SessionFile::retire(&dir, config.retire_after);
        let mut kept: Vec<Vec<Kept>> = (0..config.shards).map(|_| Vec::new()).collect();
        for session in keeper::open_all(&dir, config.retire_after)? {
            // A session stays with the port that its link names, as long as there is a shard at it.
            let shard = session.session.port.checked_sub(config.port).map_or(0, usize::from);
            let shard = if shard < kept.len() { shard } else { 0 };
            kept[shard].push(session);
        }
        let mut shards = Vec::new();
        let views: Vec<Arc<arc_swap::ArcSwap<ShardView>>> = kept.iter().map(|_| Arc::default()).collect();
        for (number, (kept, view)) in kept.into_iter().zip(&views).enumerate() {
            shards.push(ShardThread::start(setup(&config, number), kept, Arc::clone(view))?);
        }
        Ok(Self {
            config,
            token,
            started: backline_io::clock::now(),
            shards: shards.into_iter().map(Mutex::new).collect(),
            views,
            draining: AtomicBool::new(false),
            restarts: AtomicU64::new(0),
            counters: Counters::default(),
        })
    }

    /// What every shard looks like, without waiting for any.
    pub fn views(&self) -> Vec<Arc<ShardView>> {
        self.views.iter().map(|view| view.load_full()).collect()
    }

    /// Whether somebody who comes now is served.
    pub fn is_ready(&self) -> bool {
        !self.draining.load(Ordering::Relaxed)
    }

    /// Since the start.
    pub fn uptime(&self) -> Duration {
        backline_io::clock::now().saturating_duration_since(self.started)
    }

    /// How often a shard had to be started again.
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Makes a session on the shard that has the fewest.
    ///
    /// # Errors
    /// When there are too many, or the shard cannot.
    pub async fn create(&self, name: String, route: Route) -> Result<(SessionId, String), OrderError> {
        let views = self.views();
        let total: usize = views.iter().map(|view| view.sessions.len()).sum();
        if total >= self.config.sessions {
            return Err(OrderError::TooMany(self.config.sessions));
        }
        let fewest = (0..views.len()).min_by_key(|shard| views[*shard].sessions.len()).unwrap_or(0);
        self.ask(fewest, |answer| Order::Create(name, route, answer)).await
    }

    /// The link to a session.
    ///
    /// # Errors
    /// When there is none of that id.
    pub async fn link(&self, id: SessionId) -> Result<String, OrderError> {
        let shard = self.shard_of(id)?;
        self.ask(shard, |answer| Order::Link(id, answer)).await
    }

    /// Lets a session's media travel another way from now on.
    ///
    /// # Errors
    /// When there is none of that id.
    pub async fn set_route(&self, id: SessionId, route: Route) -> Result<(), OrderError> {
        let shard = self.shard_of(id)?;
        self.ask(shard, |answer| Order::SetRoute(id, route, answer)).await
    }

    /// Ends a session for everybody.
    ///
    /// # Errors
    /// When there is none of that id.
    pub async fn end(&self, id: SessionId) -> Result<(), OrderError> {
        let shard = self.shard_of(id)?;
        self.ask(shard, |answer| Order::End(id, answer)).await
    }

    fn shard_of(&self, id: SessionId) -> Result<usize, OrderError> {
        let holds = |view: &Arc<ShardView>| view.sessions.iter().any(|session| session.id == id);
        self.views().iter().position(holds).ok_or(OrderError::NoSession)
    }

    async fn ask<T>(
        &self,
        shard: usize,
        order: impl FnOnce(oneshot::Sender<Result<T, OrderError>>) -> Order,
    ) -> Result<T, OrderError> {
        let (sender, answer) = oneshot::channel();
        let taken = self.shard(shard, |shard| shard.order(order(sender))).unwrap_or(Err(OrderError::Gone));
        let outcome = match taken {
            Ok(()) => answer.await.unwrap_or(Err(OrderError::Gone)),
            Err(error) => Err(error),
        };
        if let Err(OrderError::Busy | OrderError::Gone) = &outcome {
            self.counters.orders_refused.fetch_add(1, Ordering::Relaxed);
        }
        outcome
    }

    pub(crate) fn shard<T>(&self, number: usize, act: impl FnOnce(&mut ShardThread) -> T) -> Option<T> {
        let shard = self.shards.get(number)?;
        Some(act(&mut shard.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn setup(config: &Config, number: usize) -> Setup {
    Setup {
        number,
        bind: SocketAddr::new(config.bind, config.port + number as u16),
        public: config.public.clone(),
        dir: sessions_dir(&config.data),
        limits: config.limits,
        mix: config.mix,
        retire_after: config.retire_after,
    }
}

/// Where the files of sessions are.
pub fn sessions_dir(data: &Path) -> PathBuf {
    data.join("sessions")
}

/// Carries sessions until a signal comes. Then it drains: nobody new, everybody told, everything kept.
///
/// # Errors
/// When it cannot start, or a shard fails again and again.
pub fn run(config: Config, token: Token, signals: EndSignals) -> Result<(), StartError> {
    let server = Arc::new(Server::start(config, token)?);
    let api = api::Api::start(Arc::clone(&server))?;
    for (number, view) in server.views().iter().enumerate() {
        tracing::info!(shard = number, udp = %SocketAddr::new(server.config.bind, view.port), "ready");
    }
    tracing::info!(http = %api.address, "ready");
    say_ready(api.address);
    let ended = wait(&server, signals);
    server.draining.store(true, Ordering::Relaxed);
    tracing::info!("draining: everybody is told, and everything is kept");
    let all_well =
        (0..server.shards.len()).all(|number| server.shard(number, ShardThread::drain) == Some(true));
    api.stop();
    tracing::info!("stopped");
    match ended {
        Ended::Asked if all_well => Ok(()),
        _ => Err(StartError::Failed),
    }
}

/// For whoever started it and waits.
#[expect(clippy::print_stdout, reason = "a script reads this line")]
fn say_ready(api: SocketAddr) {
    println!("backline-server is ready. API: http://{api}");
}

enum Ended {
    Asked,
    Failing,
}

/// Until a signal comes, or a shard fails so often that it is no use. One that failed is started again, with its sessions.
fn wait(server: &Arc<Server>, signals: EndSignals) -> Ended {
    let asked = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&asked);
    let waiting = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        signals.wait();
        told.store(true, Ordering::Relaxed);
    });
    if let Err(error) = waiting {
        tracing::error!(%error, "signals can't be waited for");
        return Ended::Failing;
    }
    let mut failures: Vec<Instant> = Vec::new();
    let mut expired_at = server.started;
    while !asked.load(Ordering::Relaxed) {
        std::thread::sleep(LOOK_EVERY);
        if !look_after(server, &mut failures) {
            return Ended::Failing;
        }
        let now = backline_io::clock::now();
        if now.saturating_duration_since(expired_at) >= EXPIRE_EVERY {
            expired_at = now;
            log::expire(&server.config.data, server.config.log_files);
        }
    }
    Ended::Asked
}

/// Starts again what has failed. False when that is no use any more.
pub(crate) fn look_after(server: &Server, failures: &mut Vec<Instant>) -> bool {
    for number in 0..server.shards.len() {
        if server.shard(number, |shard| shard.has_ended()) != Some(true) {
            continue;
        }
        let now = backline_io::clock::now();
        failures.retain(|at| now.saturating_duration_since(*at) < FAILURES_WITHIN);
        failures.push(now);
        if failures.len() > FAILURES_MAX {
            tracing::error!(shard = number, "a shard fails again and again: the server stops");
            return false;
        }
        restart(server, number);
    }
    true
}

fn restart(server: &Server, number: usize) {
    tracing::error!(shard = number, "a shard has failed and is started again, with its sessions");
    server.restarts.fetch_add(1, Ordering::Relaxed);
    let ids: Vec<SessionId> = server.views()[number].sessions.iter().map(|session| session.id).collect();
    let started = keeper::open_all(&sessions_dir(&server.config.data), server.config.retire_after)
        .map_err(StartError::from)
        .and_then(|kept| {
            let kept = kept.into_iter().filter(|kept| ids.contains(&kept.id)).collect();
            let view = Arc::clone(&server.views[number]);
            Ok(ShardThread::start(setup(&server.config, number), kept, view)?)
        });
    match started {
        Ok(fresh) => {
            server.shard(number, |shard| *shard = fresh);
        }
        Err(error) => tracing::error!(shard = number, %error, "a shard can't be started again"),
    }
}

/// Why a server does not start, or ends by itself.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A shard does not start.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// What was kept cannot be read.
    #[error(transparent)]
    Store(#[from] backline_io::store::StoreError),
    /// The API's port cannot be had.
    #[error("the HTTP API can't listen at {at} ({error}): choose another port with --http")]
    Http {
        /// Where.
        at: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// The system gives no thread.
    #[error("a thread can't be started ({0}): the system is out of resources")]
    Thread(String),
    /// A shard failed, and was not helped by starting it again.
    #[error("the server has stopped since a part of it failed: everything was kept; its log says why")]
    Failed,
}
