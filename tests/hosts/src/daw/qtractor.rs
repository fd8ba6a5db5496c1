//! qtractor under JACK, with its window on nobody's screen or on a test's: a session file is opened, saved, exported and closed again.
//!
//! It starts only where it can open an ALSA sequencer. Where the kernel has none, one is preloaded in which nobody is connected
//! (`c/no_sequencer.c`).

pub mod song;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::at_home;
use crate::audio_file::Recording;
use crate::desktop::editor_look::Point;
use crate::desktop::{Desktop, wait_until};
use crate::error::HostError;
use crate::jack_graph::{SERVER_VARIABLE, Server};
use crate::program::{self, Program};

/// What qtractor calls itself in JACK.
pub const CLIENT: &str = "Qtractor";
/// The device that the kernel offers where it has a sequencer.
const SEQUENCER: &str = "/dev/snd/seq";
/// With `DISPLAY` in the environment of [`Qtractor::open`]: its window is on that screen.
pub const ON_SCREEN: (&str, &str) = ("QT_QPA_PLATFORM", "xcb");
/// Titles, as patterns.
const MAIN_WINDOW: &str = ".*song.qtr.*";
const EXPORT_WINDOW: &str = "Export Audio Tracks.*";
/// The first of the outputs that may be exported, in that window.
const FIRST_OUTPUT: Point = Point { x: 262, y: 148 };
const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// A running qtractor.
pub struct Qtractor {
    program: Program,
    song: PathBuf,
}

impl Qtractor {
    /// Opens a session file under JACK. `home` is qtractor's home folder; `environment` is for the plugin.
    pub fn open(
        song: &Path,
        jack: &Server,
        home: &Path,
        environment: &[(&str, &str)],
    ) -> Result<Self, HostError> {
        std::fs::create_dir_all(home).map_err(|error| HostError::file(home, error))?;
        let mut command = at_home("qtractor", home);
        program::ends_with_this_thread(&mut command);
        command.arg(song).env("QT_QPA_PLATFORM", "offscreen").env(SERVER_VARIABLE, jack.name());
        command.env("JACK_NO_START_SERVER", "1").envs(environment.iter().copied());
        if !Path::new(SEQUENCER).exists() {
            command.env("LD_PRELOAD", no_sequencer(home)?);
        }
        let program = Program::start("qtractor", &mut command, home)?;
        let mut qtractor = Self { program, song: song.to_path_buf() };
        let last_port = format!("{CLIENT}:{}/out_2\n", song::BUS);
        wait_until("qtractor's ports are in JACK", || {
            qtractor.check_running()?;
            Ok(jack.ports()?.contains(&last_port).then_some(()))
        })?;
        // Its ports are there before its tracks. It saves once it has opened all of its file.
        qtractor.save()?;
        Ok(qtractor)
    }

    /// An error when it has ended.
    pub fn check_running(&mut self) -> Result<(), HostError> {
        self.program.check_running()
    }

    /// Lets it save, as a session manager does (LADISH); gives what it has written.
    pub fn save(&mut self) -> Result<String, HostError> {
        std::fs::remove_file(&self.song).map_err(|error| HostError::file(&self.song, error))?;
        self.program.signal(libc::SIGUSR1);
        wait_until("qtractor saves", || {
            self.program.check_running()?;
            let text = std::fs::read_to_string(&self.song).unwrap_or_default();
            Ok(text.trim_end().ends_with("</session>").then_some(text))
        })
    }

    /// Lets it export its session, faster than real time, by its menu on a test's screen ([`ON_SCREEN`]).
    pub fn export(&mut self, desktop: &Desktop) -> Result<Recording, HostError> {
        let mut wait_for_keyboard = |title| {
            wait_until(&format!("{title} has the keyboard"), || {
                self.program.check_running()?;
                let window = desktop.window(title)?;
                Ok(window.filter(|window| desktop.has_keyboard(*window).unwrap_or(false)))
            })
        };
        wait_for_keyboard(MAIN_WINDOW)?;
        for key in ["alt+t", "x", "a"] {
            desktop.press(key)?;
        }
        let dialog = wait_for_keyboard(EXPORT_WINDOW)?;
        desktop.click(dialog, FIRST_OUTPUT)?;
        desktop.press("Return")?;
        wait_until("qtractor has exported", || {
            self.program.check_running()?;
            Ok(desktop.window(EXPORT_WINDOW)?.is_none().then_some(()))
        })?;
        Recording::read(&self.song.with_file_name("song-export-1.wav"))
    }

    /// Ends it; what is not saved is asked for in a window that nobody sees, so it is saved first.
    pub fn close(mut self) -> Result<(), HostError> {
        self.save()?;
        self.program.signal(libc::SIGTERM);
        let status = self.program.finish(ENDS_WITHIN)?;
        if status.success() {
            Ok(())
        } else {
            Err(HostError::host("qtractor", format!("ended with {status}")))
        }
    }
}

/// Compiles the sequencer in which nobody is connected; Rust needs the same compiler.
fn no_sequencer(folder: &Path) -> Result<PathBuf, HostError> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("c/no_sequencer.c");
    let library = folder.join("no_sequencer.so");
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source);
    let output = command.output().map_err(|error| HostError::host("cc", error))?;
    match output.status.success() {
        true => Ok(library),
        false => Err(HostError::host("cc", String::from_utf8_lossy(&output.stderr))),
    }
}
