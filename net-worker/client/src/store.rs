//! The store thread: keeps on the disk what we have changed until the host has answered, and the session that is hosted here.
//!
//! The worker asks and goes on; what has gathered meanwhile is written in one transaction for each file, confirmed, and the worker is woken.
//! The step before is `worker.rs`; the step after is `backline_io::store`, whose bytes are given their meaning in the modules here.

pub(crate) mod outbox;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use backline_io::WakeHandle;
use backline_io::store::{Store, StoreError, Write};
use backline_kept::{SessionFile, bytes_of};
use backline_session::document::{LedgerWrite, StoreRequest};
use crossbeam_queue::SegQueue;

use crate::engine::Stored;

/// Requests that wait for the thread; further ones wait at the worker.
const REQUESTS_MAX: usize = 4_096;
/// Requests that are written in one transaction at the most.
const BATCH_MAX: usize = 1_024;

/// What to keep.
pub(crate) enum Request {
    /// Of our outbox.
    Outbox(StoreRequest),
    /// Of the session that is hosted here.
    Ledger(LedgerWrite),
    /// From now on this session is hosted here.
    Host(SessionFile),
    /// The session that is hosted here is over: nothing of it stays.
    EndSession,
}

/// What has become of it.
#[derive(Debug)]
pub(crate) enum Confirmation {
    /// It is on the disk.
    Done(Stored),
    /// Nothing more of this can be kept, and why.
    Failed(Stored, StoreError),
}

/// What the thread writes to; a file that has failed is written to no more.
#[derive(Default)]
pub(crate) struct Files {
    /// Of our outbox.
    pub outbox: Option<Store>,
    /// Of the session that is hosted here.
    pub session: Option<SessionFile>,
}

/// The thread, and the queues to and from it.
pub(crate) struct StoreThread {
    requests: Option<SyncSender<Request>>,
    /// What the thread has no room for.
    waiting: VecDeque<Request>,
    confirmations: Arc<SegQueue<Confirmation>>,
    thread: Option<JoinHandle<()>>,
}

impl StoreThread {
    /// Starts the thread; `wake` is used when something is confirmed.
    ///
    /// # Errors
    /// When there is no thread.
    pub fn start(files: Files, wake: WakeHandle) -> std::io::Result<Self> {
        let (requests, received) = sync_channel(REQUESTS_MAX);
        let confirmations = Arc::new(SegQueue::new());
        let news = Arc::clone(&confirmations);
        let thread = std::thread::Builder::new()
            .name("backline-store".to_owned())
            .spawn(move || run(files, &received, &news, &wake))?;
        Ok(Self { requests: Some(requests), waiting: VecDeque::new(), confirmations, thread: Some(thread) })
    }

    /// Asks for something; in the order asked.
    pub fn ask(&mut self, request: Request) {
        self.waiting.push_back(request);
        self.pass_on();
    }

    /// Whether nothing waits here: what can wait elsewhere should, as long as the disk is behind.
    pub fn has_room(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What has been done since.
    pub fn poll(&mut self) -> Option<Confirmation> {
        self.pass_on();
        self.confirmations.pop()
    }

    fn pass_on(&mut self) {
        let Some(requests) = &self.requests else { return self.waiting.clear() };
        while let Some(request) = self.waiting.pop_front() {
            match requests.try_send(request) {
                Ok(()) => {}
                Err(TrySendError::Full(request)) => return self.waiting.push_front(request),
                // It has ended by an error of its own.
                Err(TrySendError::Disconnected(_)) => return self.waiting.clear(),
            }
        }
    }
}

impl Drop for StoreThread {
    /// Waits until everything that was asked for is on the disk: some milliseconds.
    fn drop(&mut self) {
        if let Some(requests) = self.requests.take() {
            for request in self.waiting.drain(..) {
                // A thread that has ended has said why.
                let _ = requests.send(request);
            }
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store thread ended by an error of its own");
        }
    }
}

/// The store thread's loop: ends when nobody asks any more.
fn run(
    mut files: Files,
    requests: &Receiver<Request>,
    confirmations: &SegQueue<Confirmation>,
    wake: &WakeHandle,
) {
    while let Ok(first) = requests.recv() {
        let mut batch = Batch::default();
        let others = requests.try_iter().take(BATCH_MAX - 1);
        std::iter::once(first).chain(others).for_each(|request| batch.add(request, &mut files));
        for confirmation in batch.write(&mut files) {
            confirmations.push(confirmation);
        }
        wake.wake();
    }
}

/// What has gathered.
#[derive(Default)]
struct Batch {
    outbox: Vec<Write>,
    outbox_done: Option<Stored>,
    session: Vec<Write>,
    session_done: Option<Stored>,
    ends_session: bool,
}

impl Batch {
    fn add(&mut self, request: Request, files: &mut Files) {
        match request {
            Request::Outbox(request) => {
                self.outbox.extend(outbox::writes_of(&request));
                self.outbox_done = Some(Stored::Outbox(outbox::ticket_of(&request)));
            }
            Request::Ledger(write) => {
                self.session.extend(backline_kept::writes_of(&write));
                if let LedgerWrite::Entry(entry) = write {
                    self.session_done = Some(Stored::Ledger(entry.revision));
                }
            }
            Request::Host(file) => files.session = Some(file),
            Request::EndSession => self.ends_session = true,
        }
    }

    fn write(self, files: &mut Files) -> Vec<Confirmation> {
        let mut confirmations = Vec::new();
        let outbox = files.outbox.as_ref().filter(|_| !self.outbox.is_empty());
        let outcome = outbox.map(|store| store.commit(&self.outbox));
        match outcome {
            Some(Ok(())) => confirmations.extend(self.outbox_done.map(Confirmation::Done)),
            Some(Err(error)) => {
                files.outbox = None;
                confirmations.push(Confirmation::Failed(Stored::OutboxFailed, error));
            }
            None => {}
        }
        if self.ends_session {
            if let Some(file) = files.session.take() {
                file.remove();
            }
            return confirmations;
        }
        let outcome = files.session.as_ref().map(|file| file.commit(&self.session));
        match outcome {
            Some(Ok(())) => confirmations.extend(self.session_done.map(Confirmation::Done)),
            Some(Err(error)) => {
                files.session = None;
                confirmations.push(Confirmation::Failed(Stored::LedgerFailed, error));
            }
            None => {}
        }
        confirmations
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backline_session::document::{OperationState, Outbox, QueuedOperation};
    use backline_wire::{
        Change, Counter, DocumentId, Fader, GainValue, InstanceId, OutboxId, Outcome, ParticipantId,
        Revision, Setting, SourceId,
    };
    use std::path::Path;
    use std::time::Duration;

    fn open(dir: &Path) -> (StoreThread, Outbox) {
        let wake = backline_io::Poller::new().unwrap().wake_handle();
        let (store, kept) = outbox::open(dir, OutboxId(42), [7; 32]).unwrap();
        let files = Files { outbox: Some(store), session: None };
        (StoreThread::start(files, wake).unwrap(), kept.outbox)
    }

    fn change(number: i16) -> Change {
        let source = SourceId { participant: ParticipantId([1; 32]), instance: InstanceId(number as u64) };
        let gain = GainValue::try_from(number).unwrap();
        Change::Fader { fader: Fader::Send(source), setting: Setting::Gain(gain) }
    }

    fn settle(thread: &mut StoreThread, outbox: &mut Outbox) {
        let mut asked = 0;
        while let Some(request) = outbox.poll_store() {
            asked = match &request {
                StoreRequest::Put { ticket, .. } | StoreRequest::Remove { ticket, .. } => *ticket,
            };
            thread.ask(Request::Outbox(request));
        }
        loop {
            match thread.poll() {
                Some(Confirmation::Done(Stored::Outbox(ticket))) => {
                    outbox.handle_stored(ticket);
                    if ticket >= asked {
                        return;
                    }
                }
                Some(other) => panic!("{other:?}"),
                None => std::thread::yield_now(),
            }
        }
    }

    #[test]
    fn what_waits_is_there_after_a_restart_and_what_is_answered_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let document = DocumentId([3; 16]);
        let (mut thread, mut outbox) = open(dir.path());
        assert_eq!(outbox.id(), OutboxId(42));
        for number in 1..=5_000 {
            outbox.make(document, change(number % 1_000), Duration::from_secs(1));
        }
        settle(&mut thread, &mut outbox);
        let accepted = Outcome::Accepted { revision: Revision(1) };
        assert!(outbox.handle_outcome(OutboxId(42), Counter(1), accepted).is_some());
        settle(&mut thread, &mut outbox);
        let waiting: Vec<QueuedOperation> = outbox.waiting().cloned().collect();
        let next = outbox.next_counter();
        drop((thread, outbox));
        let (_thread, outbox) = open(dir.path());
        assert_eq!(outbox.waiting().cloned().collect::<Vec<_>>(), waiting);
        assert_eq!((outbox.id(), outbox.next_counter(), waiting.len()), (OutboxId(42), next, 999));
        assert!(outbox.waiting().all(|operation| operation.state == OperationState::Pending));
    }
}
