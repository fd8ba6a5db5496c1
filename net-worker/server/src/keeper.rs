//! The disk of one shard: a thread that writes what its sessions must keep, one transaction for each session and batch, and confirms it.
//!
//! The shard asks and goes on; it is woken when something is kept. The step before is `shard_thread/driver.rs`, the step after is `backline_kept`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use backline_io::clock::Clock;
use backline_io::store::Write;
use backline_io::{WakeHandle, clock};
use backline_kept::{SessionFile, writes_of};
use backline_relay::SessionId;
use backline_session::document::{KeptDocument, LedgerWrite};
use backline_wire::{Revision, Route};
use crossbeam_queue::SegQueue;

use crate::log::AUDIT;
use crate::seen::Seen;

/// Requests that wait for the disk; beyond it the shard keeps its own, and its sessions push back.
const REQUESTS_MAX: usize = 4_096;
/// Requests that go into one transaction.
const BATCH_MAX: usize = 1_024;

/// What the shard asks for.
pub enum Request {
    /// Keep this of a session.
    Write(SessionId, LedgerWrite),
    /// This file is a session's from now on.
    Open(SessionId, Box<SessionFile>),
    /// Keep this beside a session's document, under a key.
    Note(SessionId, &'static str, Vec<u8>),
    /// Nothing is kept of a session any more.
    End(SessionId),
    /// What is kept of a session, when everything that was asked before is.
    Read(SessionId, SyncSender<KeptDocument>),
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// Everything up to this revision is kept.
    Kept {
        /// Whose.
        id: SessionId,
        /// Up to here.
        revision: Revision,
        /// When the oldest of it was asked for.
        since: Instant,
    },
    /// The disk cannot keep the session any more.
    Failed(SessionId),
}

/// The thread, as its shard sees it.
pub struct Keeper {
    requests: Option<SyncSender<(Instant, Request)>>,
    confirmations: Arc<SegQueue<Confirmation>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts it.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(number: usize, wake: WakeHandle) -> std::io::Result<Self> {
        let (requests, received) = sync_channel(REQUESTS_MAX);
        let confirmations = Arc::new(SegQueue::new());
        let news = Arc::clone(&confirmations);
        let thread = std::thread::Builder::new()
            .name(format!("keeper-{number}"))
            .spawn(move || run(&received, &news, &wake))?;
        Ok(Self { requests: Some(requests), confirmations, thread: Some(thread) })
    }

    /// Asks; the request back when there is no room.
    pub fn ask(&self, request: Request) -> Option<Request> {
        match self.requests.as_ref()?.try_send((clock::now(), request)) {
            Err(TrySendError::Full((_, request))) => Some(request),
            // A thread that has ended has said why.
            Ok(()) | Err(TrySendError::Disconnected(_)) => None,
        }
    }

    /// What became of something.
    pub fn poll(&self) -> Option<Confirmation> {
        self.confirmations.pop()
    }
}

impl Drop for Keeper {
    /// Waits until everything is written.
    fn drop(&mut self) {
        self.requests = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that writes to the disk ended by an error of its own");
        }
    }
}

fn run(requests: &Receiver<(Instant, Request)>, confirmations: &SegQueue<Confirmation>, wake: &WakeHandle) {
    let mut files: BTreeMap<SessionId, SessionFile> = BTreeMap::new();
    while let Ok(first) = requests.recv() {
        let mut batches: BTreeMap<SessionId, Batch> = BTreeMap::new();
        for (since, request) in std::iter::once(first).chain(requests.try_iter().take(BATCH_MAX - 1)) {
            match request {
                Request::Open(id, file) => drop(files.insert(id, *file)),
                Request::Read(id, answer) => {
                    if let Some(batch) = batches.remove(&id) {
                        confirmations.push(commit(&mut files, id, &batch));
                    }
                    match files.get(&id).map(SessionFile::read) {
                        // Who does not wait any more has no use for it.
                        Some(Ok(document)) => drop(answer.send(document)),
                        Some(Err(error)) => tracing::error!(session = %id, %error, "a session can't be read"),
                        None => {}
                    }
                }
                Request::Note(id, key, value) => {
                    let kept = files.get(&id).map(|file| file.set_note(key, &value));
                    if let Some(Err(error)) = kept {
                        tracing::error!(session = %id, key, %error, "this is forgotten at the next start");
                    }
                }
                Request::End(id) => {
                    batches.remove(&id);
                    if let Some(file) = files.remove(&id) {
                        file.remove();
                    }
                }
                Request::Write(id, write) => {
                    let batch = batches.entry(id).or_insert_with(|| Batch::of(since));
                    batch.writes.extend(writes_of(&write));
                    if let LedgerWrite::Entry(entry) = &write {
                        batch.revision = batch.revision.max(entry.revision);
                    }
                }
            }
        }
        for (id, batch) in batches {
            confirmations.push(commit(&mut files, id, &batch));
        }
        wake.wake();
    }
}

/// What goes into one transaction of a session.
struct Batch {
    writes: Vec<Write>,
    revision: Revision,
    since: Instant,
}

impl Batch {
    fn of(since: Instant) -> Self {
        Self { writes: Vec::new(), revision: Revision::default(), since }
    }
}

fn commit(files: &mut BTreeMap<SessionId, SessionFile>, id: SessionId, batch: &Batch) -> Confirmation {
    let Some(file) = files.get(&id) else { return Confirmation::Failed(id) };
    match file.commit(&batch.writes) {
        Ok(()) => Confirmation::Kept { id, revision: batch.revision, since: batch.since },
        Err(error) => {
            tracing::error!(session = %id, %error, "the session goes on from memory");
            files.remove(&id);
            Confirmation::Failed(id)
        }
    }
}

/// A session as it was kept, opened for a shard.
pub struct Kept {
    /// Which.
    pub id: SessionId,
    /// As it was called.
    pub name: String,
    /// How its media travelled.
    pub route: Route,
    /// Its file.
    pub file: SessionFile,
    /// What was in it.
    pub session: backline_kept::KeptSession,
    /// When each of its people was there last.
    pub seen: Seen,
}

/// All that were kept, without people who were away for longer than `retire_after`; those that cannot be opened are told of and left as they are.
///
/// # Errors
/// When the folder cannot be read.
pub fn open_all(dir: &Path, retire_after: Duration) -> Result<Vec<Kept>, backline_io::store::StoreError> {
    let now = Clock::read();
    let mut all = Vec::new();
    for (file_name, opened) in SessionFile::open_all(dir)? {
        match opened {
            Ok((file, mut session)) => {
                let Some(keys) = &session.keys else {
                    tracing::error!(file_name, "a session has no readable key, and is left as it is");
                    continue;
                };
                let id = id_of(&keys.certificate.fingerprint());
                let note = |key| file.note(key).ok().flatten().and_then(|text| String::from_utf8(text).ok());
                let name = note(NAME).unwrap_or_default();
                let route = note(ROUTE).and_then(|route| route.parse().ok()).unwrap_or_default();
                let seen = file.note(SEEN).ok().flatten().unwrap_or_default();
                let mut seen = Seen::from_bytes(&seen, now.now);
                let gone = seen.retire(session.document.participants(), now.unix_time, retire_after);
                match file.forget(&mut session.document, &gone) {
                    Ok(()) if gone.is_empty() => {}
                    Ok(()) => {
                        tracing::info!(target: AUDIT, session = %id, people = gone.len(), "retired: they were away for too long")
                    }
                    Err(error) => {
                        tracing::error!(session = %id, %error, "people who are gone can't be forgotten")
                    }
                }
                all.push(Kept { id, name, route, file, session, seen });
            }
            Err(error) => {
                tracing::error!(file_name, %error, "a session can't be opened, and is left as it is")
            }
        }
    }
    Ok(all)
}

/// A session's id follows from its certificate, as its file's name does.
pub fn id_of(fingerprint: &backline_wire::Fingerprint) -> SessionId {
    SessionId(u64::from_be_bytes(backline_kept::first_bytes(fingerprint.0)))
}

/// The note under which it is kept who was there when.
pub const SEEN: &str = "seen";
/// The note under which a session's name is kept.
pub const NAME: &str = "name";
/// The note under which it is kept how a session's media travels.
pub const ROUTE: &str = "route";
