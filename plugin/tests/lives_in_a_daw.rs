//! What becomes of tracks in a DAW while a session runs: bypassed, frozen, duplicated, moved, deleted and brought back, opened without a
//! network, and very many. Real instances, each with a host's audio thread, and a musician somewhere else who looks and listens.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use backline::kind::Kind;
use backline::processor::Processor;
use backline_bridge::AUX_BUSES;
use backline_client::{Command, Connection, Snapshot, SourceId};
use backline_loopback::{Rig, worker_threads};
use nice_plug::prelude::{BoolParam, Param};
use tempfile::TempDir;

/// Longer than any step takes on a busy machine; a step that is not reached by then never is.
const PATIENCE: Duration = Duration::from_secs(30);
const SOURCES_MAX: usize = 8;

/// Who the DAW's musician is; one for the whole process, as in a DAW.
static HOME: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    // SAFETY: the first step of every test, which all wait for it; nothing else of this process runs yet.
    unsafe {
        std::env::set_var("BACKLINE_CONFIG_DIR", folder.path());
        std::env::set_var("BACKLINE_LOCAL_NETWORK", "off");
    }
    folder
});

/// Threads are counted, and a process has one session: one test at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    let guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    LazyLock::force(&HOME);
    guard
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

type Project = BTreeMap<String, String>;

/// An instance on a track, called by a host at the pace of real time with a sound that never rests.
struct Track {
    processor: Arc<Mutex<Processor>>,
    is_running: Arc<AtomicBool>,
    host: Option<JoinHandle<()>>,
}

impl Track {
    fn new(saved: Option<&Project>) -> Self {
        let processor = Processor::new(Kind::Track);
        if let Some(fields) = saved {
            processor.project().load(fields);
        }
        let mut track =
            Self { processor: Arc::new(Mutex::new(processor)), is_running: Arc::default(), host: None };
        track.activate(48_000, 480);
        track
    }

    fn activate(&mut self, rate_hz: u32, block_frames: usize) {
        self.lock().activate(2, rate_hz as f32, block_frames);
        self.is_running.store(true, Ordering::Relaxed);
        let (processor, is_running) = (Arc::clone(&self.processor), Arc::clone(&self.is_running));
        self.host = Some(std::thread::spawn(move || {
            let block = Duration::from_secs_f64(block_frames as f64 / f64::from(rate_hz));
            let mut next = Instant::now();
            while is_running.load(Ordering::Relaxed) {
                let mut side: Vec<f32> = (0..block_frames).map(|n| (n as f32 * 0.05).sin() * 0.5).collect();
                let mut other = side.clone();
                let mut main = [side.as_mut_slice(), other.as_mut_slice()];
                let mut processor = processor.lock().unwrap_or_else(PoisonError::into_inner);
                processor.process(&mut main, [const { None }; AUX_BUSES], None);
                drop(processor);
                next = (next + block).max(Instant::now() - Duration::from_millis(100));
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        }));
    }

    fn deactivate(&mut self) {
        self.is_running.store(false, Ordering::Relaxed);
        self.host.take().into_iter().for_each(|host| host.join().unwrap());
        self.lock().deactivate();
    }

    fn lock(&self) -> MutexGuard<'_, Processor> {
        self.processor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.lock().client().snapshot()
    }

    fn send(&self, command: Command) {
        let project = Arc::clone(self.lock().project());
        project.send(command);
    }

    fn join(&self, link: &str) {
        self.send(Command::Join { link: link.to_owned() });
        wait_until("the track is in", || self.snapshot().connection == Connection::Joined);
    }

    fn save(&self) -> Project {
        let project = Arc::clone(self.lock().project());
        project.save()
    }

    /// The session that the editor offers to join again.
    fn offered(&self) -> Option<String> {
        let project = Arc::clone(self.lock().project());
        project.last_joined()
    }

    fn switch(&self, parameter: impl Fn(&Processor) -> &BoolParam, on: bool) {
        let processor = self.lock();
        // SAFETY: the parameter lives in an `Arc` that the processor holds.
        unsafe { parameter(&processor).as_ptr()._internal_set_normalized_value(f32::from(u8::from(on))) };
    }
}

impl Drop for Track {
    fn drop(&mut self) {
        self.deactivate();
    }
}

/// A musician somewhere else, who hosts.
fn somebody(number: u64) -> (Rig, String) {
    let mut rig = Rig::new(number);
    rig.play(0.0);
    let link = rig.host().unwrap();
    (rig, link)
}

/// The sources that are there for somebody, and the slots that they have.
fn present(rig: &Rig) -> Vec<(SourceId, Option<usize>)> {
    let snapshot = rig.client.snapshot();
    let sources = snapshot.sources.iter().filter(|source| source.present);
    sources.map(|source| (source.source, source.slot)).collect()
}

fn wait_for_sources(rig: &Rig, count: usize) -> Vec<(SourceId, Option<usize>)> {
    wait_until(&format!("{count} sources are there"), || present(rig).len() == count);
    present(rig)
}

fn wait_until_heard(rig: &Rig, is_heard: bool, when: &str) {
    wait_until(when, || {
        let loudest = rig.heard(Duration::from_millis(100)).iter().fold(0.0_f32, |max, x| max.max(x.abs()));
        (loudest > 0.2) == is_heard
    });
}

#[test]
fn bypassed_frozen_and_at_another_rate_a_track_stays_who_it_is() {
    let _guard = alone();
    let (ada, link) = somebody(1);
    let mut track = Track::new(None);
    track.join(&link);
    let before = wait_for_sources(&ada, 1);
    wait_until_heard(&ada, true, "it plays");
    track.switch(|processor| &processor.params().bypass, true);
    wait_until_heard(&ada, false, "it is bypassed");
    track.switch(|processor| &processor.params().bypass, false);
    wait_until_heard(&ada, true, "it is back");
    track.deactivate();
    wait_until_heard(&ada, false, "it is frozen, or its DAW suspends it");
    assert_eq!(present(&ada), before, "it is in the session all the same");
    for (rate_hz, block_frames) in [(44_100, 256), (96_000, 1024)] {
        track.activate(rate_hz, block_frames);
        wait_until_heard(&ada, true, "it plays at another rate");
        track.deactivate();
        wait_until_heard(&ada, false, "it is suspended");
    }
    assert_eq!(present(&ada), before);
}

#[test]
fn a_duplicate_and_a_preset_are_sources_of_their_own() {
    let _guard = alone();
    let (ada, link) = somebody(2);
    let original = Track::new(None);
    original.join(&link);
    let first = wait_for_sources(&ada, 1);
    let state = original.save();
    // A copied track, and a preset that is loaded where an instance lives already.
    let duplicate = Track::new(Some(&state));
    let other = Track::new(None);
    let own_id = other.lock().project().state().instance;
    other.lock().project().load(&state);
    assert_eq!(other.lock().project().state().instance, own_id, "a preset takes nobody's place");
    for track in [&duplicate, &other] {
        assert_eq!(track.snapshot().connection, Connection::Idle, "loading joins nothing");
        track.join(&track.offered().unwrap());
    }
    let all = wait_for_sources(&ada, 3);
    assert_eq!(all.iter().map(|(source, _)| *source).collect::<BTreeSet<_>>().len(), 3);
    assert!(all.contains(&first[0]), "the original keeps its place");
}

#[test]
fn a_preset_of_a_track_that_is_gone_leaves_a_track_in_a_session_who_it_is() {
    let _guard = alone();
    let (ada, link) = somebody(3);
    let state = Track::new(None).save();
    let track = Track::new(None);
    track.join(&link);
    let before = wait_for_sources(&ada, 1);
    let loaded = Arc::clone(track.lock().project());
    loaded.load(&state);
    loaded.send(Command::SetSourceName("Bass".to_owned()));
    wait_until("the new name is told", || {
        ada.client.snapshot().sources.iter().any(|source| source.source_name == "Bass")
    });
    assert_eq!(present(&ada), before);
}

/// Undo of a deletion, a move to another track, a project that is opened again: a new instance with the old one's state.
#[test]
fn a_track_that_is_deleted_and_brought_back_has_its_source_and_its_slot_again() {
    let _guard = alone();
    let (ada, link) = somebody(4);
    let stays = Track::new(None);
    stays.join(&link);
    wait_for_sources(&ada, 1);
    let track = Track::new(None);
    track.join(&link);
    let before = wait_for_sources(&ada, 2);
    let state = track.save();
    drop(track);
    wait_for_sources(&ada, 1);
    let back = Track::new(Some(&state));
    back.join(&back.offered().unwrap());
    let after = wait_for_sources(&ada, 2);
    let sorted = |mut sources: Vec<(SourceId, Option<usize>)>| {
        sources.sort_by_key(|(_, slot)| *slot);
        sources
    };
    assert_eq!(sorted(after), sorted(before));
    wait_until_heard(&ada, true, "it plays again");
}

#[test]
fn a_project_that_is_opened_while_the_network_is_down_says_so_and_keeps_its_session() {
    let _guard = alone();
    let (ada, link) = somebody(5);
    let track = Track::new(None);
    track.join(&link);
    let state = track.save();
    drop(track);
    drop(ada);
    let opened = Track::new(Some(&state));
    assert_eq!(opened.snapshot().connection, Connection::Idle);
    let offered = opened.offered().unwrap();
    assert_eq!(offered, link);
    opened.send(Command::Join { link: offered });
    wait_until("it gives up, in words", || matches!(opened.snapshot().connection, Connection::Failed { .. }));
    let again = Track::new(Some(&opened.save()));
    assert_eq!(again.offered().as_deref(), Some(link.as_str()), "to be tried once more");
}

#[test]
fn thirty_two_tracks_are_one_participant_with_eight_sources_and_one_worker() {
    let _guard = alone();
    let (ada, link) = somebody(6);
    let mut tracks: Vec<Track> = (0..32).map(|_| Track::new(None)).collect();
    let workers = worker_threads();
    tracks.iter().for_each(|track| track.join(&link));
    wait_for_sources(&ada, SOURCES_MAX);
    assert_eq!(ada.client.snapshot().participants, 2);
    assert_eq!(worker_threads(), workers + 1);
    let snapshot = tracks[31].snapshot();
    assert_eq!(snapshot.instances.len(), 32);
    let published = snapshot.instances.iter().filter(|one| one.is_published).map(|one| one.instance);
    let first: Vec<_> = tracks[..SOURCES_MAX].iter().map(|track| track.snapshot().you.instance).collect();
    assert_eq!(published.collect::<Vec<_>>(), first, "the first that want to");
    assert_eq!(snapshot.instances.iter().filter(|one| one.returns_mix).count(), 1);
    wait_until_heard(&ada, true, "they play");
    // Whoever goes makes room.
    tracks.drain(..4);
    wait_until("the next are published", || {
        tracks[4..8].iter().all(|track| {
            let snapshot = track.snapshot();
            snapshot.instances.iter().any(|one| one.instance == snapshot.you.instance && one.is_published)
        })
    });
    wait_for_sources(&ada, SOURCES_MAX);
    tracks.clear();
    wait_for_sources(&ada, 0);
    assert_eq!(worker_threads(), workers);
}
