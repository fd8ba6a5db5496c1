//! The session that is hosted here as a file of its own: its keys, its document, and which operations were applied.
//!
//! One file for each session, named by its certificate and readable by its owner only; it is removed when the session is ended on purpose,
//! so that its secrets are gone. The steps before are who carries the session (opens it) and their store thread (writes to it); the step after is
//! `backline_io::store`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use backline_io::store::{self, Store, StoreError, Write};
use backline_session::document::{KeptDocument, KeptOutbox, LedgerWrite, operation_of};
use backline_wire::{
    Counter, DocumentId, Entry, Fingerprint, InviteLink, OutboxId, ParticipantId, Revision, SessionSecret,
};
use serde::{Deserialize, Serialize};

use crate::{HostKeys, bytes_of, certificate};

/// What begins the names of these files.
const PREFIX: &str = "session-";

const META: &str = "meta";
const KEYS: &[u8] = b"keys";
const NOTES: &str = "notes";
const ENTRIES: &str = "entries";
const APPLIED: &str = "applied";
const SETTLED: &str = "settled";

/// The file of a session.
pub struct SessionFile {
    store: Store,
    dir: PathBuf,
    name: String,
}

/// What was kept of a session.
pub struct KeptSession {
    /// By which it was reached; none where the key of its certificate was not kept.
    pub keys: Option<HostKeys>,
    /// Its document.
    pub document: KeptDocument,
    /// The port it had.
    pub port: u16,
}

/// A session's file and what is in it, or why it can't be opened.
pub type Opened = Result<(SessionFile, KeptSession), HostAgainError>;

/// What is read once, when a session is opened again.
#[derive(Serialize, Deserialize)]
struct Meta {
    secret: [u8; 16],
    certificate: Option<Vec<u8>>,
    document: DocumentId,
    port: u16,
}

impl SessionFile {
    /// Removes the files in `dir` of sessions that nobody has written to for so long, with their secrets.
    pub fn retire(dir: &Path, age: Duration) {
        store::remove_older(dir, PREFIX, age);
    }

    /// Makes the file of a session in `dir`, with what the session begins with.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(
        dir: &Path,
        keys: &HostKeys,
        document: &KeptDocument,
        port: u16,
    ) -> Result<Self, StoreError> {
        let name = name_of(&keys.certificate.fingerprint());
        let file = Self { store: Store::open_named(dir, &name)?, dir: dir.to_owned(), name };
        let meta = Meta {
            secret: keys.secret.0,
            certificate: certificate::to_bytes(&keys.certificate),
            document: document.id,
            port,
        };
        let mut writes = vec![meta.write()];
        writes.extend(document.entries().cloned().flat_map(|entry| writes_of(&LedgerWrite::Entry(entry))));
        for ((author, outbox), kept) in document.outboxes() {
            let key = |counter: &Counter| operation_key(*author, *outbox, *counter);
            writes.push(settled_write(*author, *outbox, kept.settled));
            writes.extend(
                kept.applied.iter().map(|(counter, revision)| applied_write(key(counter), *revision)),
            );
        }
        match file.store.commit(&writes) {
            Ok(()) => Ok(file),
            Err(error) => {
                file.remove();
                Err(error)
            }
        }
    }

    /// Opens the file of the session of a link in `dir`, and reads what was kept.
    ///
    /// # Errors
    /// When there is none, or it cannot be read, or another program has it.
    pub fn open(dir: &Path, link: &InviteLink) -> Result<(Self, KeptSession), HostAgainError> {
        let (file, kept, secret) = Self::open_file(dir, name_of(link.fingerprint()))?;
        if secret != *link.secret() {
            return Err(HostAgainError::NotHere);
        }
        let is_of_link = |keys: &HostKeys| keys.certificate.fingerprint() == *link.fingerprint();
        Ok((file, KeptSession { keys: kept.keys.filter(is_of_link), ..kept }))
    }

    /// Every session that is kept in `dir`, or why it can't be opened, by the name of its file.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn open_all(dir: &Path) -> Result<Vec<(String, Opened)>, StoreError> {
        let open = |name: String| {
            let opened = Self::open_file(dir, name.clone()).map(|(file, kept, _)| (file, kept));
            (name, opened)
        };
        Ok(store::names(dir, PREFIX)?.into_iter().map(open).collect())
    }

    /// What else is kept of the session under a key, by whoever carries it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn note(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let rows = self.store.load(NOTES)?;
        Ok(rows.into_iter().find(|(known, _)| known == key.as_bytes()).map(|(_, value)| value))
    }

    /// Keeps something else of the session under a key.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_note(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.store.commit(&[Write::Put { table: NOTES, key: key.as_bytes().to_vec(), value: value.to_vec() }])
    }

    fn open_file(dir: &Path, name: String) -> Result<(Self, KeptSession, SessionSecret), HostAgainError> {
        let store = Store::open_existing(dir, &name)?.ok_or(HostAgainError::NotHere)?;
        let file = Self { store, dir: dir.to_owned(), name };
        let meta = file.meta()?.ok_or(HostAgainError::Unreadable)?;
        let secret = SessionSecret(meta.secret);
        let certificate = meta.certificate.as_deref().and_then(certificate::from_bytes);
        let keys = certificate.map(|certificate| HostKeys { secret, certificate });
        let document = file.document(meta.document)?;
        Ok((file, KeptSession { keys, document, port: meta.port }, secret))
    }

    /// The session has another port now.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set_port(&self, port: u16) -> Result<(), StoreError> {
        match self.meta()? {
            Some(meta) if meta.port != port => self.store.commit(&[Meta { port, ..meta }.write()]),
            _ => Ok(()),
        }
    }

    /// Does all of it, or none.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn commit(&self, writes: &[Write]) -> Result<(), StoreError> {
        if writes.is_empty() { Ok(()) } else { self.store.commit(writes) }
    }

    /// Forgets people with all that is theirs or about them, here and in the document that was read from here.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn forget(
        &self,
        document: &mut KeptDocument,
        gone: &BTreeSet<ParticipantId>,
    ) -> Result<(), StoreError> {
        let (registers, forgotten) = document.forget(gone);
        let entries =
            registers.iter().map(|register| Write::Remove { table: ENTRIES, key: bytes_of(register) });
        let writes: Vec<Write> = entries.chain(forgotten.iter().flat_map(writes_of)).collect();
        self.commit(&writes)
    }

    /// Nothing of the session stays.
    pub fn remove(self) {
        let Self { store, dir, name } = self;
        drop(store);
        if let Err(error) = store::remove(&dir, &name) {
            tracing::warn!(%error, "what was kept of a session can't be removed");
        }
    }

    /// The document as it is kept now.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self) -> Result<KeptDocument, HostAgainError> {
        let meta = self.meta()?.ok_or(HostAgainError::Unreadable)?;
        Ok(self.document(meta.document)?)
    }

    fn meta(&self) -> Result<Option<Meta>, StoreError> {
        let rows = self.store.load(META)?;
        let keys = rows.iter().find(|(key, _)| key == KEYS);
        Ok(keys.and_then(|(_, value)| postcard::from_bytes(value).ok()))
    }

    fn document(&self, id: DocumentId) -> Result<KeptDocument, StoreError> {
        let mut outboxes: BTreeMap<(ParticipantId, OutboxId), KeptOutbox> = BTreeMap::new();
        for (key, value) in self.store.load(SETTLED)? {
            let Some(((author, outbox), [])) = outbox_of(&key) else { continue };
            let Ok(value) = value.try_into() else { continue };
            outboxes.entry((author, outbox)).or_default().settled = Counter(u64::from_be_bytes(value));
        }
        for (key, value) in self.store.load(APPLIED)? {
            let Some((owner, counter)) = outbox_of(&key) else { continue };
            let (Ok(counter), Ok(value)) = (counter.try_into(), value.try_into()) else { continue };
            let (counter, revision) =
                (Counter(u64::from_be_bytes(counter)), Revision(u64::from_be_bytes(value)));
            outboxes.entry(owner).or_default().applied.insert(counter, revision);
        }
        let rows = self.store.load(ENTRIES)?;
        // What a later version wrote, and this one cannot read, stays where it is.
        let entries = rows.iter().filter_map(|(_, value)| postcard::from_bytes::<Entry>(value).ok());
        Ok(KeptDocument::from_parts(id, entries, outboxes))
    }
}

impl Meta {
    fn write(&self) -> Write {
        Write::Put { table: META, key: KEYS.to_vec(), value: bytes_of(self) }
    }
}

/// What the file must do for it.
pub fn writes_of(write: &LedgerWrite) -> Vec<Write> {
    match write {
        LedgerWrite::Entry(entry) => {
            let key = bytes_of(&entry.change.register());
            let put = Write::Put { table: ENTRIES, key, value: bytes_of(entry) };
            let applied = operation_of(entry).map(|(outbox, counter)| {
                applied_write(operation_key(entry.author, outbox, counter), entry.revision)
            });
            std::iter::once(put).chain(applied).collect()
        }
        LedgerWrite::Settled { author, outbox, settled, forget } => {
            let put = settled_write(*author, *outbox, *settled);
            std::iter::once(put).chain(forgotten(*author, *outbox, forget)).collect()
        }
        LedgerWrite::Forgotten { author, outbox, forget } => {
            let remove = Write::Remove { table: SETTLED, key: outbox_key(*author, *outbox) };
            std::iter::once(remove).chain(forgotten(*author, *outbox, forget)).collect()
        }
    }
}

fn settled_write(author: ParticipantId, outbox: OutboxId, settled: Counter) -> Write {
    let value = settled.0.to_be_bytes().to_vec();
    Write::Put { table: SETTLED, key: outbox_key(author, outbox), value }
}

fn applied_write(key: Vec<u8>, revision: Revision) -> Write {
    Write::Put { table: APPLIED, key, value: revision.0.to_be_bytes().to_vec() }
}

fn forgotten(author: ParticipantId, outbox: OutboxId, forget: &[Counter]) -> impl Iterator<Item = Write> {
    let key = move |counter: &Counter| operation_key(author, outbox, *counter);
    forget.iter().map(move |counter| Write::Remove { table: APPLIED, key: key(counter) })
}

fn outbox_key(author: ParticipantId, outbox: OutboxId) -> Vec<u8> {
    [author.0.as_slice(), &outbox.0.to_be_bytes()].concat()
}

fn operation_key(author: ParticipantId, outbox: OutboxId, counter: Counter) -> Vec<u8> {
    [outbox_key(author, outbox).as_slice(), &counter.0.to_be_bytes()].concat()
}

/// Whose key it is, and what follows.
fn outbox_of(key: &[u8]) -> Option<((ParticipantId, OutboxId), &[u8])> {
    let (author, rest) = key.split_first_chunk::<32>()?;
    let (outbox, rest) = rest.split_first_chunk::<8>()?;
    Some(((ParticipantId(*author), OutboxId(u64::from_be_bytes(*outbox))), rest))
}

fn name_of(fingerprint: &Fingerprint) -> String {
    let text = fingerprint.to_string();
    format!("{PREFIX}{}", text.get(..16).unwrap_or(&text))
}

/// Why a session cannot be opened again here.
#[derive(Debug, thiserror::Error)]
pub enum HostAgainError {
    /// Ended on purpose, or of another computer.
    #[error("this session was ended, or it was not hosted on this computer: press Host for a new one")]
    NotHere,
    /// By a later version, or damaged.
    #[error("what was kept of this session can't be read by this Backline: press Host for a new one")]
    Unreadable,
    /// The file itself.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests;
