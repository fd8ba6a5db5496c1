//! The outbox as bytes: what we have changed and the host has not answered.
//!
//! The step before is `store.rs`; the step after is `backline_io::store`.

use std::path::Path;

use backline_io::store::{Opened, Store, StoreError, Write};
use backline_session::document::{Outbox, QueuedOperation, StoreRequest};
use backline_wire::{Counter, OutboxId};

use super::bytes_of;

const OUTBOX: &str = "outbox";
const META: &str = "meta";
const OUTBOX_ID: &[u8] = b"outbox id";
const NEXT_COUNTER: &[u8] = b"next counter";

/// What a store had kept.
pub(crate) struct Kept {
    /// The outbox, going on where it was.
    pub outbox: Outbox,
    /// A damaged file and where it is now, for the person.
    pub kept_aside: Option<String>,
}

/// Opens this process's outbox in `dir`, and reads what it had kept. `fresh` becomes its id where it has none; `seed` is for the outbox.
///
/// # Errors
/// When the store cannot be opened or read.
pub(crate) fn open(dir: &Path, fresh: OutboxId, seed: [u8; 32]) -> Result<(Store, Kept), StoreError> {
    let Opened { store, kept_aside } = Store::open(dir, "outbox")?;
    let outbox = load(&store, fresh, seed)?;
    Ok((store, Kept { outbox, kept_aside: kept_aside.map(|path| path.display().to_string()) }))
}

pub(super) fn ticket_of(request: &StoreRequest) -> u64 {
    let (StoreRequest::Put { ticket, .. } | StoreRequest::Remove { ticket, .. }) = request;
    *ticket
}

pub(super) fn writes_of(request: &StoreRequest) -> Vec<Write> {
    match request {
        StoreRequest::Put { operation, .. } => {
            let next = Counter(operation.counter.0.saturating_add(1));
            vec![
                Write::Put { table: OUTBOX, key: key_of(operation.counter), value: bytes_of(operation) },
                Write::Put { table: META, key: NEXT_COUNTER.to_vec(), value: bytes_of(&next) },
            ]
        }
        StoreRequest::Remove { counter, .. } => vec![Write::Remove { table: OUTBOX, key: key_of(*counter) }],
    }
}

fn load(store: &Store, fresh: OutboxId, seed: [u8; 32]) -> Result<Outbox, StoreError> {
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
