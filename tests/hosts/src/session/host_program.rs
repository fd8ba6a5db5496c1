//! The inner side of a host process: the arguments of a host that plays a recording, the words that it reads meanwhile, and what
//! it leaves. [`super::host_process`] is the side that starts it.

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use clap::Args;

use super::host_process::HostRun;
use crate::audio_file::Recording;
use crate::block_clock::MonotonicNs;
use crate::error::HostError;

/// What every host is told.
#[derive(Debug, Clone, Args)]
pub struct PlayArguments {
    /// A file with a saved state to begin with, or the folder of a DAW's project.
    #[arg(long)]
    pub state: Option<PathBuf>,
    /// Samples of each second.
    #[arg(long, default_value_t = 48_000)]
    pub rate: u32,
    /// Sample frames of each block.
    #[arg(long, default_value_t = 64)]
    pub block: usize,
    /// How fast this sound card is, in parts per million.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    pub ppm: f64,
    /// The FLAC or WAV file to play.
    #[arg(long)]
    music: PathBuf,
    /// The sample frames of it that repeat.
    #[arg(long)]
    loop_frames: usize,
    /// How many sample frames to play.
    #[arg(long)]
    play_frames: usize,
    /// How many sample frames to record after that.
    #[arg(long)]
    pub tail_frames: usize,
    /// Where to write what came back.
    #[arg(long)]
    heard: PathBuf,
    /// Where to write what was measured.
    #[arg(long)]
    figures: PathBuf,
}

impl PlayArguments {
    /// The recording to play, as long as it is to be played.
    pub fn music(&self) -> Result<Recording, HostError> {
        Ok(Recording::read(&self.music)?.looped(self.loop_frames, self.play_frames))
    }

    /// Everything that is recorded.
    pub fn record_frames(&self) -> usize {
        self.play_frames + self.tail_frames
    }

    /// The folder of this host.
    pub fn folder(&self) -> &Path {
        self.figures.parent().unwrap_or(Path::new("."))
    }

    /// Leaves what was heard and measured.
    pub fn write(&self, heard: &Recording, run: &HostRun) -> Result<(), HostError> {
        heard.write_wav(&self.heard)?;
        let json =
            serde_json::to_string_pretty(run).map_err(|error| HostError::file(&self.figures, error))?;
        std::fs::write(&self.figures, json).map_err(|error| HostError::file(&self.figures, error))
    }
}

/// What standard input has said so far.
#[derive(Debug, Default)]
pub struct Orders {
    begin_ns: AtomicU64,
    is_abandoned: AtomicBool,
}

impl Orders {
    /// Begins to read, on a thread of its own.
    pub fn read() -> Arc<Self> {
        let orders = Arc::new(Self::default());
        let told = Arc::clone(&orders);
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                if let Some(begin) = line.strip_prefix("play ").and_then(|text| text.trim().parse().ok()) {
                    told.begin_ns.store(begin, Ordering::Release);
                }
            }
            told.is_abandoned.store(true, Ordering::Release);
        });
        orders
    }

    /// When to begin, once that is known.
    pub fn begin_ns(&self) -> Option<MonotonicNs> {
        Some(self.begin_ns.load(Ordering::Acquire)).filter(|begin_ns| *begin_ns != 0)
    }

    /// An error when nobody is there any more who started this.
    pub fn check(&self) -> Result<(), HostError> {
        match self.is_abandoned.load(Ordering::Acquire) {
            true => Err(HostError::host("this host", "was abandoned")),
            false => Ok(()),
        }
    }
}
