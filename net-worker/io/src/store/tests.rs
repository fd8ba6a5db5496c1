//! A store on a disk that fails: at every single write, whole or torn.

use std::sync::{Arc, Mutex};

use super::*;

const TABLE: &str = "outbox";

fn put(key: u8, value: u8) -> Write {
    Write::Put { table: TABLE, key: vec![key], value: vec![value; 300] }
}

fn keys(store: &Store) -> Vec<u8> {
    store.load(TABLE).unwrap().into_iter().map(|(key, _)| key[0]).collect()
}

#[test]
fn what_was_committed_is_there_again() {
    let dir = tempfile::tempdir().unwrap();
    let Opened { store, kept_aside } = Store::open(dir.path(), "test").unwrap();
    assert!(kept_aside.is_none() && keys(&store).is_empty());
    store.commit(&[put(1, 1), put(2, 2), put(3, 3)]).unwrap();
    store.commit(&[put(2, 9), Write::Remove { table: TABLE, key: vec![1] }]).unwrap();
    drop(store);
    let store = Store::open(dir.path(), "test").unwrap().store;
    assert_eq!(keys(&store), [2, 3]);
    assert_eq!(store.load(TABLE).unwrap()[0].1, vec![9; 300]);
    assert!(store.load("another").unwrap().is_empty());
}

#[test]
fn each_process_has_a_file_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let first = Store::open(dir.path(), "test").unwrap().store;
    first.commit(&[put(1, 1)]).unwrap();
    let second = Store::open(dir.path(), "test").unwrap().store;
    assert!(keys(&second).is_empty());
    drop(first);
    assert_eq!(keys(&Store::open(dir.path(), "test").unwrap().store), [1]);
}

#[test]
fn a_damaged_file_is_kept_aside() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("test-0.redb"), b"this is no store at all, and longer than its head").unwrap();
    let Opened { store, kept_aside } = Store::open(dir.path(), "test").unwrap();
    store.commit(&[put(1, 1)]).unwrap();
    let aside = fs::read(kept_aside.unwrap()).unwrap();
    assert!(aside.starts_with(b"this is no store"));
}

#[test]
#[cfg(unix)]
fn only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path(), "test").unwrap());
    let mode = fs::metadata(dir.path().join("test-0.redb")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_named_store_is_held_by_one_and_gone_when_removed() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Store::open_existing(dir.path(), "session").unwrap().is_none());
    let store = Store::open_named(dir.path(), "session").unwrap();
    store.commit(&[put(1, 1)]).unwrap();
    let held = Store::open_existing(dir.path(), "session").err().unwrap();
    assert!(matches!(held, StoreError::Held { .. }) && held.to_string().contains("close it"), "{held}");
    drop(store);
    assert_eq!(keys(&Store::open_existing(dir.path(), "session").unwrap().unwrap()), [1]);
    remove(dir.path(), "session").unwrap();
    remove(dir.path(), "session").unwrap();
    assert!(Store::open_existing(dir.path(), "session").unwrap().is_none());
}

#[test]
fn a_damaged_named_store_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("session.redb");
    fs::write(&path, b"this is no store at all, and longer than its head").unwrap();
    let error = Store::open_existing(dir.path(), "session").err().unwrap();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(fs::read(&path).unwrap().starts_with(b"this is no store"));
}

#[test]
fn old_stores_are_removed_unless_they_are_held() {
    let dir = tempfile::tempdir().unwrap();
    let old = std::time::SystemTime::now() - Duration::from_secs(1_000);
    let make = |name: &str| Store::open_named(dir.path(), name).unwrap();
    drop((make("session-a"), make("outbox-0")));
    let held = make("session-b");
    let age = |name: &str| {
        let file = File::options().write(true).open(dir.path().join(name)).unwrap();
        file.set_modified(old).unwrap();
    };
    ["session-a.redb", "session-b.redb", "outbox-0.redb"].into_iter().for_each(age);
    drop(Store::open_named(dir.path(), "session-new").unwrap());
    remove_older(dir.path(), "session-", Duration::from_secs(100));
    let is_there = |name: &str| dir.path().join(name).exists();
    assert!(!is_there("session-a.redb") && is_there("session-b.redb"));
    assert!(is_there("outbox-0.redb") && is_there("session-new.redb"));
    drop(held);
}

/// A disk in memory that stops working with a certain write, of which it still does a part.
#[derive(Debug, Clone)]
struct Disk(Arc<Mutex<Plates>>);

#[derive(Debug, Clone, Default)]
struct Plates {
    bytes: Vec<u8>,
    /// What a power cut leaves for certain: the state at the last sync.
    synced: Vec<u8>,
    writes_left: Option<usize>,
    torn_after: usize,
}

impl Disk {
    fn new(bytes: Vec<u8>, writes_left: Option<usize>, torn_after: usize) -> Self {
        Self(Arc::new(Mutex::new(Plates { synced: bytes.clone(), bytes, writes_left, torn_after })))
    }

    fn plates(&self) -> Plates {
        self.0.lock().unwrap().clone()
    }

    fn is_dead(plates: &Plates) -> bool {
        plates.writes_left == Some(0)
    }
}

fn dead() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.0.lock().unwrap().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let plates = self.0.lock().unwrap();
        let from = offset as usize;
        out.copy_from_slice(plates.bytes.get(from..from + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        let mut plates = self.0.lock().unwrap();
        if Self::is_dead(&plates) {
            return Err(dead());
        }
        plates.bytes.resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut plates = self.0.lock().unwrap();
        if Self::is_dead(&plates) {
            return Err(dead());
        }
        plates.synced = plates.bytes.clone();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut plates = self.0.lock().unwrap();
        if Self::is_dead(&plates) {
            return Err(dead());
        }
        let left = plates.writes_left.map(|left| left - 1);
        plates.writes_left = left;
        let whole = if left == Some(0) { plates.torn_after.min(data.len()) } else { data.len() };
        let from = offset as usize;
        plates.bytes[from..from + whole].copy_from_slice(&data[..whole]);
        if left == Some(0) { Err(dead()) } else { Ok(()) }
    }
}

/// Commits one after the other until the disk fails; how many were confirmed.
fn commit_until_it_fails(disk: &Disk) -> u8 {
    let Ok(store) = Store::on(disk.clone()) else { return 0 };
    let mut confirmed = 0;
    for number in 1..=5 {
        match store.commit(&[put(number, number), put(100 + number, number)]) {
            Ok(()) => confirmed = number,
            Err(error) => {
                assert!(error.to_string().contains("make room"), "{error}");
                break;
            }
        }
    }
    confirmed
}

#[test]
fn a_disk_that_fails_at_any_write_leaves_whole_transactions() {
    let empty = Disk::new(Vec::new(), None, 0);
    drop(Store::on(empty.clone()).unwrap());
    let start = empty.plates().bytes;
    let mut tried = 0;
    for writes in 1.. {
        let mut all_done = false;
        for torn_after in [0, 1, 100, 5_000] {
            let disk = Disk::new(start.clone(), Some(writes), torn_after);
            let confirmed = commit_until_it_fails(&disk);
            tried += 1;
            // With the process killed everything written is there; with a power cut only what was synced is for certain.
            let Plates { bytes, synced, writes_left, .. } = disk.plates();
            for left in [bytes, synced] {
                let found = keys(&Store::on(Disk::new(left, None, 0)).unwrap());
                let (ours, theirs): (Vec<u8>, Vec<u8>) = found.iter().partition(|key| **key < 100);
                assert_eq!(ours.len(), theirs.len(), "half of a transaction after {writes} writes");
                let count = ours.len() as u8;
                assert!(count >= confirmed && count <= confirmed + 1, "{count} of {confirmed}");
            }
            all_done |= confirmed == 5 && writes_left != Some(0);
        }
        if all_done {
            break;
        }
    }
    assert!(tried > 60, "{tried} failures");
}
