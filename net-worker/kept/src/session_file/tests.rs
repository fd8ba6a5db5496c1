//! What a file holds after each step is what the oracle holds, opened again.

use backline_session::document::Document;
use backline_wire::{Change, Fader, GainValue, InstanceId, Name, Setting, SourceId};

use super::*;

const DOCUMENT: DocumentId = DocumentId([3; 16]);

fn person(number: u8) -> ParticipantId {
    ParticipantId([number; 32])
}

fn entry(revision: u64, author: u8, fader: u64) -> LedgerWrite {
    let source = SourceId { participant: person(1), instance: InstanceId(fader) };
    let gain = GainValue::try_from(revision as i16).unwrap();
    let change = Change::Fader { fader: Fader::Send(source), setting: Setting::Gain(gain) };
    let operation = (OutboxId(u64::from(author)), Counter(revision));
    let author = person(author);
    LedgerWrite::Entry(Entry {
        change,
        revision: Revision(revision),
        author,
        operation,
        made_at_ms: revision,
    })
}

fn by_host(revision: u64) -> LedgerWrite {
    let change = Change::Person { participant: person(1), name: Name::new("Ada"), colour: [1, 2, 3] };
    let operation = (OutboxId(0), Counter(0));
    let (author, made_at_ms) = (person(1), revision);
    LedgerWrite::Entry(Entry { change, revision: Revision(revision), author, operation, made_at_ms })
}

fn settled(author: u8, settled: u64, forget: &[u64]) -> LedgerWrite {
    LedgerWrite::Settled {
        author: person(author),
        outbox: OutboxId(u64::from(author)),
        settled: Counter(settled),
        forget: forget.iter().copied().map(Counter).collect(),
    }
}

fn steps() -> Vec<LedgerWrite> {
    vec![
        by_host(1),
        entry(2, 1, 1),
        entry(3, 2, 1),
        settled(1, 3, &[2]),
        entry(4, 1, 2),
        entry(5, 1, 1),
        settled(1, 5, &[4]),
        LedgerWrite::Forgotten { author: person(2), outbox: OutboxId(2), forget: vec![Counter(3)] },
        entry(6, 2, 2),
    ]
}

fn keys() -> HostKeys {
    HostKeys::generate([5; 32]).unwrap()
}

fn link(keys: &HostKeys) -> InviteLink {
    InviteLink::new(&[([127, 0, 0, 1], 4464).into()], keys.secret, keys.certificate.fingerprint()).unwrap()
}

#[test]
fn after_a_crash_at_any_step_the_file_holds_what_was_done() {
    let keys = keys();
    for done in 0..=steps().len() {
        let dir = tempfile::tempdir().unwrap();
        let mut oracle = KeptDocument::new(DOCUMENT);
        let file = SessionFile::create(dir.path(), &keys, &oracle, 4470).unwrap();
        for write in steps().iter().take(done) {
            file.commit(&writes_of(write)).unwrap();
            oracle.apply(write);
        }
        drop(file);
        let (_, kept) = SessionFile::open(dir.path(), &link(&keys)).unwrap();
        assert_eq!(kept.document, oracle, "after {done} steps");
        assert_eq!(kept.port, 4470);
        let found = kept.keys.expect("its keys are kept");
        assert!(found.secret == keys.secret);
        assert_eq!(found.certificate.to_der(), keys.certificate.to_der());
    }
}

#[test]
fn a_session_that_begins_with_a_document_has_all_of_it_in_the_file() {
    let mut oracle = KeptDocument::new(DOCUMENT);
    steps().iter().for_each(|write| oracle.apply(write));
    let (dir, keys) = (tempfile::tempdir().unwrap(), keys());
    let file = SessionFile::create(dir.path(), &keys, &oracle, 1).unwrap();
    file.set_port(4471).unwrap();
    drop(file);
    let (_, kept) = SessionFile::open(dir.path(), &link(&keys)).unwrap();
    assert_eq!((kept.document, kept.port), (oracle.clone(), 4471));
    let copy = Document::restore(DOCUMENT, oracle.entries().cloned());
    assert!(KeptDocument::of_copy(&copy).entries().eq(oracle.entries()));
}

#[test]
fn a_session_that_was_ended_is_gone_with_its_secrets() {
    let (dir, keys) = (tempfile::tempdir().unwrap(), keys());
    let file = SessionFile::create(dir.path(), &keys, &KeptDocument::new(DOCUMENT), 1).unwrap();
    let other = SessionFile::open(dir.path(), &link(&keys)).err().unwrap();
    assert!(matches!(other, HostAgainError::Store(StoreError::Held { .. })), "{other}");
    file.remove();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    let gone = SessionFile::open(dir.path(), &link(&keys)).err().unwrap();
    assert!(matches!(gone, HostAgainError::NotHere) && gone.to_string().contains("press Host"), "{gone}");
}

#[test]
fn a_link_with_another_secret_opens_nothing() {
    let (dir, keys) = (tempfile::tempdir().unwrap(), keys());
    drop(SessionFile::create(dir.path(), &keys, &KeptDocument::new(DOCUMENT), 1).unwrap());
    let wrong = HostKeys { secret: SessionSecret([9; 16]), ..keys };
    let error = SessionFile::open(dir.path(), &link(&wrong)).err().unwrap();
    assert!(matches!(error, HostAgainError::NotHere), "{error}");
}

#[test]
#[cfg(unix)]
fn only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, keys) = (tempfile::tempdir().unwrap(), keys());
    drop(SessionFile::create(dir.path(), &keys, &KeptDocument::new(DOCUMENT), 1).unwrap());
    for file in std::fs::read_dir(dir.path()).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn who_is_forgotten_leaves_nothing_in_the_file_and_the_others_keep_what_is_theirs() {
    let mut oracle = KeptDocument::new(DOCUMENT);
    let monitor = |revision: u64, listener: u8, of: u8| {
        let source = SourceId { participant: person(of), instance: InstanceId(1) };
        let fader = Fader::Monitor { listener: person(listener), source };
        let change = Change::Fader { fader, setting: Setting::Mute(true) };
        let operation = (OutboxId(u64::from(listener)), Counter(revision));
        let author = person(listener);
        LedgerWrite::Entry(Entry {
            change,
            revision: Revision(revision),
            author,
            operation,
            made_at_ms: revision,
        })
    };
    let writes = [
        by_host(1),
        entry(2, 1, 1),
        monitor(3, 2, 3),
        monitor(4, 2, 1),
        monitor(5, 3, 2),
        settled(1, 2, &[]),
    ];
    writes.iter().for_each(|write| oracle.apply(write));
    let (dir, keys) = (tempfile::tempdir().unwrap(), keys());
    let file = SessionFile::create(dir.path(), &keys, &oracle, 1).unwrap();
    assert_eq!(oracle.participants(), [1, 2, 3].map(person).into());
    file.forget(&mut oracle, &[person(1)].into()).unwrap();
    drop(file);
    let (_, kept) = SessionFile::open(dir.path(), &link(&keys)).unwrap();
    assert_eq!(kept.document, oracle);
    assert_eq!(kept.document.participants(), [2, 3].map(person).into());
    assert_eq!(kept.document.entries().count(), 2, "what Bob and Cleo hear of each other");
}
