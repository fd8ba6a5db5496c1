//! Real clients on loopback: threads, sockets and clocks as in a DAW, without the DAW.
//!
//! A [`Rig`] is an instance with a thread that calls `process()` as a host does. Built with `--cfg rtsan`
//! (`cargo xtask sanitize`), RealtimeSanitizer watches every one of those calls.
#![cfg_attr(any(rtsan, tsan), feature(sanitize))]

pub mod cable;
#[cfg(tsan)]
mod tsan;
pub mod turn_server;

use std::f32::consts::TAU;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use backline_audio::SampleRate;
use backline_bridge::{AudioEnd, BlockControls, BlockIo, BridgeConfig};
use backline_client::{Client, ClientConfig, Command, Connection, InstanceId, Snapshot};
use tempfile::TempDir;

const RATE_HZ: u32 = 48_000;
const BLOCK_FRAMES: usize = 64;

/// An instance, its identity's folder, and its host's audio thread.
pub struct Rig {
    /// The instance.
    pub client: Client,
    config: ClientConfig,
    folder: Arc<Folder>,
    is_running: Arc<AtomicBool>,
    heard: Arc<Mutex<Vec<f32>>>,
    thread: Option<JoinHandle<()>>,
}

/// Of an identity and its data.
enum Folder {
    /// Gone with its last instance.
    Own(TempDir),
    /// Of a test that starts several processes.
    Lent(PathBuf),
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Folder::Own(dir) => dir.path(),
            Folder::Lent(path) => path,
        }
    }
}

impl Rig {
    /// An instance that nobody processes yet, and of which the local network hears nothing.
    pub fn new(number: u64) -> Self {
        Self::made(number, false)
    }

    /// An instance that may use the local network: for tests in a network of their own.
    pub fn in_own_network(number: u64) -> Self {
        Self::made(number, true)
    }

    fn made(number: u64, uses_local_network: bool) -> Self {
        let Ok(folder) = tempfile::tempdir() else { unreachable!("tests can write to the temporary folder") };
        Self::with_identity_in(number, Arc::new(Folder::Own(folder)), uses_local_network)
    }

    /// An instance whose identity and data are in a folder that outlives it.
    pub fn in_folder(number: u64, folder: &Path) -> Self {
        Self::with_identity_in(number, Arc::new(Folder::Lent(folder.to_owned())), false)
    }

    /// Where this instance's data is.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Another instance of the same participant, as on another track of their project.
    pub fn beside(&self, number: u64) -> Self {
        Self::with_identity_in(number, Arc::clone(&self.folder), self.config.uses_local_network)
    }

    fn with_identity_in(number: u64, folder: Arc<Folder>, uses_local_network: bool) -> Self {
        let config = ClientConfig {
            instance: InstanceId(number),
            app: "loopback test".to_owned(),
            config_dir: Some(folder.path().to_owned()),
            uses_local_network,
        };
        Self {
            client: Client::new(config.clone()),
            config,
            folder,
            is_running: Arc::new(AtomicBool::new(false)),
            heard: Arc::default(),
            thread: None,
        }
    }

    /// Starts a host that plays a sine (or silence at 0 Hz) at the pace of real time.
    pub fn play(&mut self, frequency_hz: f32) {
        let Ok(sample_rate) = SampleRate::new(RATE_HZ) else { unreachable!("48 kHz is supported") };
        let audio_end = self.client.activate(BridgeConfig { sample_rate, max_block_frames: BLOCK_FRAMES });
        self.is_running.store(true, Ordering::Relaxed);
        let (is_running, heard) = (Arc::clone(&self.is_running), Arc::clone(&self.heard));
        self.thread =
            Some(std::thread::spawn(move || run_host(audio_end, frequency_hz, &is_running, &heard)));
    }

    /// Stops the host.
    pub fn stop(&mut self) {
        self.is_running.store(false, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A host thread that panicked has failed the test already.
            let _ = thread.join();
        }
        self.client.deactivate();
    }

    /// Closes the DAW and opens its project again: the same person and instance.
    pub fn reopen(&mut self) {
        self.stop();
        self.client = Client::new(self.config.clone());
    }

    /// Waits until the snapshot is as wished; the last one otherwise.
    ///
    /// # Errors
    /// When it does not become so within ten seconds.
    pub fn wait(&self, wish: impl Fn(&Snapshot) -> bool) -> Result<Arc<Snapshot>, Arc<Snapshot>> {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let snapshot = self.client.snapshot();
            if wish(&snapshot) {
                return Ok(snapshot);
            }
            if Instant::now() > end {
                return Err(snapshot);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Hosts and gives the invite link.
    ///
    /// # Errors
    /// When no session opens.
    pub fn host(&self) -> Result<String, Arc<Snapshot>> {
        self.client.send(Command::Host);
        let snapshot = self.wait(|snapshot| snapshot.invite.is_some())?;
        Ok(snapshot.invite.clone().unwrap_or_default())
    }

    /// Goes on with the session that was hosted before, and gives the invite link that it has now.
    ///
    /// # Errors
    /// When it does not go on.
    pub fn host_again(&self, link: &str) -> Result<String, Arc<Snapshot>> {
        self.client.send(Command::HostAgain { link: link.to_owned() });
        let snapshot = self.wait(|snapshot| snapshot.invite.is_some())?;
        Ok(snapshot.invite.clone().unwrap_or_default())
    }

    /// Joins, and waits until it is in.
    ///
    /// # Errors
    /// When it does not get in.
    pub fn join(&self, link: &str) -> Result<Arc<Snapshot>, Arc<Snapshot>> {
        self.client.send(Command::Join { link: link.to_owned() });
        self.wait(|snapshot| snapshot.connection == Connection::Joined)
    }

    /// What came out of the left side in the last `time`.
    pub fn heard(&self, time: Duration) -> Vec<f32> {
        std::thread::sleep(time);
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let frames = (time.as_secs_f64() * f64::from(RATE_HZ)) as usize;
        heard[heard.len().saturating_sub(frames)..].to_vec()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a host's audio thread does, block by block.
#[cfg_attr(rtsan, sanitize(realtime = "nonblocking"))]
fn callback(audio_end: &mut AudioEnd, channels: &mut [&mut [f32]], controls: &BlockControls) {
    let now = Instant::now();
    audio_end.process(now, BlockIo::main_only(channels, 2), controls);
    audio_end.record_cost(now.elapsed());
}

fn run_host(mut audio_end: AudioEnd, frequency_hz: f32, is_running: &AtomicBool, heard: &Mutex<Vec<f32>>) {
    backline_io::priority::raise();
    let controls = BlockControls::default();
    let start = Instant::now();
    let mut frames = 0_u64;
    while is_running.load(Ordering::Relaxed) {
        let due = start + Duration::from_secs_f64(frames as f64 / f64::from(RATE_HZ));
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let mut left: Vec<f32> = (frames..frames + BLOCK_FRAMES as u64)
            .map(|n| 0.25 * (TAU * frequency_hz * (n % u64::from(RATE_HZ)) as f32 / RATE_HZ as f32).sin())
            .collect();
        let mut right = left.clone();
        let mut channels = [left.as_mut_slice(), right.as_mut_slice()];
        callback(&mut audio_end, &mut channels, &controls);
        heard.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&left);
        frames += BLOCK_FRAMES as u64;
    }
}

/// Threads of this process that carry a session.
pub fn worker_threads() -> usize {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return 0 };
    let names = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.trim() == "backline-worker").count()
}
