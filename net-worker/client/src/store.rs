//! The store thread: keeps what we have changed on the disk until the host has answered.
//!
//! The worker asks and goes on; what has gathered meanwhile is written in one transaction, confirmed, and the worker is woken. The step
//! before is `worker.rs`; the step after is `backline_io::store`, whose bytes are given their meaning here.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use backline_io::WakeHandle;
use backline_io::store::{Opened, Store, StoreError, Write};
use backline_session::document::{Outbox, QueuedOperation, StoreRequest};
use backline_wire::{Counter, OutboxId};
use crossbeam_queue::SegQueue;

/// Requests that wait for the thread; further ones wait at the worker.
const REQUESTS_MAX: usize = 4_096;
/// Requests that are written in one transaction at the most.
const BATCH_MAX: usize = 1_024;

const OUTBOX: &str = "outbox";
const META: &str = "meta";
const OUTBOX_ID: &[u8] = b"outbox id";
const NEXT_COUNTER: &[u8] = b"next counter";

/// What to keep.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    /// Of our outbox.
    Outbox(StoreRequest),
}

impl Request {
    fn ticket(&self) -> u64 {
        let Request::Outbox(StoreRequest::Put { ticket, .. } | StoreRequest::Remove { ticket, .. }) = self;
        *ticket
    }
}

/// What has become of it.
#[derive(Debug)]
pub(crate) enum Confirmation {
    /// The outbox's requests are done up to this ticket.
    Outbox(u64),
    /// Nothing more can be kept.
    Failed(StoreError),
}

/// The thread, and the queues to and from it.
pub(crate) struct StoreThread {
    requests: Option<SyncSender<Request>>,
    /// What the thread has no room for.
    waiting: VecDeque<Request>,
    confirmations: Arc<SegQueue<Confirmation>>,
    thread: Option<JoinHandle<()>>,
}

/// What a store had kept.
pub(crate) struct Kept {
    /// The outbox, going on where it was.
    pub outbox: Outbox,
    /// A damaged file and where it is now, for the person.
    pub kept_aside: Option<String>,
}

impl StoreThread {
    /// Opens the store in `dir`, reads what it had kept, and starts the thread; `wake` is used when something is confirmed.
    /// `fresh` becomes the outbox's id where the store has none; `seed` is for the outbox.
    ///
    /// # Errors
    /// When the store cannot be opened or read, or there is no thread.
    pub fn open(
        dir: &Path,
        wake: WakeHandle,
        fresh: OutboxId,
        seed: [u8; 32],
    ) -> Result<(Self, Kept), StoreError> {
        let Opened { store, kept_aside } = Store::open(dir, "outbox")?;
        let outbox = load_outbox(&store, fresh, seed)?;
        let kept_aside = kept_aside.map(|path| path.display().to_string());
        let (requests, received) = sync_channel(REQUESTS_MAX);
        let confirmations = Arc::new(SegQueue::new());
        let news = Arc::clone(&confirmations);
        let thread = std::thread::Builder::new()
            .name("backline-store".to_owned())
            .spawn(move || run(&store, &received, &news, &wake))
            .map_err(|error| StoreError::File { path: dir.to_owned(), error })?;
        let this =
            Self { requests: Some(requests), waiting: VecDeque::new(), confirmations, thread: Some(thread) };
        Ok((this, Kept { outbox, kept_aside }))
    }

    /// Asks for something; in the order asked.
    pub fn ask(&mut self, request: Request) {
        self.waiting.push_back(request);
        self.pass_on();
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
                // It has failed, and said so.
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

/// The store thread's loop: ends when nobody asks any more, or the disk fails.
fn run(
    store: &Store,
    requests: &Receiver<Request>,
    confirmations: &SegQueue<Confirmation>,
    wake: &WakeHandle,
) {
    while let Ok(first) = requests.recv() {
        let batch: Vec<Request> =
            std::iter::once(first).chain(requests.try_iter().take(BATCH_MAX - 1)).collect();
        let writes: Vec<Write> = batch.iter().flat_map(writes_of).collect();
        let outcome = store.commit(&writes);
        let has_failed = outcome.is_err();
        let last = batch.iter().map(Request::ticket).max().unwrap_or_default();
        confirmations.push(outcome.map_or_else(Confirmation::Failed, |()| Confirmation::Outbox(last)));
        wake.wake();
        if has_failed {
            return;
        }
    }
}

fn writes_of(request: &Request) -> Vec<Write> {
    match request {
        Request::Outbox(StoreRequest::Put { operation, .. }) => {
            let next = Counter(operation.counter.0.saturating_add(1));
            vec![
                Write::Put { table: OUTBOX, key: key_of(operation.counter), value: bytes_of(operation) },
                Write::Put { table: META, key: NEXT_COUNTER.to_vec(), value: bytes_of(&next) },
            ]
        }
        Request::Outbox(StoreRequest::Remove { counter, .. }) => {
            vec![Write::Remove { table: OUTBOX, key: key_of(*counter) }]
        }
    }
}

fn load_outbox(store: &Store, fresh: OutboxId, seed: [u8; 32]) -> Result<Outbox, StoreError> {
    let meta = store.load(META)?;
    let of = |name: &[u8]| meta.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_slice());
    let id = of(OUTBOX_ID).and_then(|bytes| postcard::from_bytes::<OutboxId>(bytes).ok());
    let next = of(NEXT_COUNTER).and_then(|bytes| postcard::from_bytes::<Counter>(bytes).ok());
    // What a later version wrote, and this one cannot read, stays where it is and is not counted again.
    let kept = store.load(OUTBOX)?;
    let operations = kept.iter().filter_map(|(_, value)| postcard::from_bytes::<QueuedOperation>(value).ok());
    let id = match id {
        Some(id) => id,
        None => {
            store.commit(&[Write::Put { table: META, key: OUTBOX_ID.to_vec(), value: bytes_of(&fresh) }])?;
            fresh
        }
    };
    Ok(Outbox::with_store(id, next.unwrap_or_default(), operations, seed))
}

fn key_of(counter: Counter) -> Vec<u8> {
    counter.0.to_be_bytes().to_vec()
}

fn bytes_of(value: &impl serde::Serialize) -> Vec<u8> {
    // Only maps of unknown length and writers that fail can make this fail; there are none.
    postcard::to_allocvec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use backline_session::document::OperationState;
    use backline_wire::{
        Change, DocumentId, Fader, GainValue, InstanceId, Outcome, ParticipantId, Revision, Setting, SourceId,
    };
    use std::time::Duration;

    fn open(dir: &Path) -> (StoreThread, Outbox) {
        let wake = backline_io::Poller::new().unwrap().wake_handle();
        let (thread, kept) = StoreThread::open(dir, wake, OutboxId(42), [7; 32]).unwrap();
        (thread, kept.outbox)
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
                Some(Confirmation::Outbox(ticket)) => {
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
