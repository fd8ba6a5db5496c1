//! The editor of the built VST3 bundle, opened by a real host (JUCE, through pedalboard) on a [`Desktop`].
//!
//! The host is `python/vst3_editor.py`, a process of its own, with music running through the plugin. What a person would
//! see is read from the window's pixels; what the plugin thinks, from its report.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::editor_look::{EditorLook, Point};
use super::picture::Picture;
use super::{Desktop, WindowId, line_with, wait_until};
use crate::audio_file::Recording;
use crate::bundles;
use crate::error::HostError;
use crate::session::MUSIC_LOOP_FRAMES;

/// The title that the plugin gives its window; the host's frame around it has another.
const TITLE: &str = "Backline";
/// As many looks in a row as a person takes to get from the mouse to the keyboard: half a second.
const SETTLED_LOOKS: u32 = 10;

/// An open editor; its host ends when this is dropped.
pub struct EditorWindow {
    child: Child,
    window: WindowId,
    look: EditorLook,
    said_file: PathBuf,
    report_file: PathBuf,
    heard_file: PathBuf,
    last_picture_file: PathBuf,
    clicks: Cell<usize>,
}

impl EditorWindow {
    /// Starts the host with the plugin on its own configuration in `folder`, and waits for the first frame of the editor.
    /// `screenshots` takes a picture when something that is waited for never shows.
    pub fn open(desktop: &Desktop, folder: &Path, screenshots: &Path) -> Result<Self, HostError> {
        std::fs::create_dir_all(folder).map_err(|error| HostError::file(folder, error))?;
        let said_file = folder.join("editor-host.log");
        let report_file = folder.join("plugin-report.json");
        let heard_file = folder.join("heard.wav");
        let child = start(desktop, folder, &said_file, &report_file, &heard_file)?;
        let last_picture_file = screenshots.join("editor-not-as-expected.png");
        let look = EditorLook::new((0, 0));
        let mut editor = Self {
            child,
            window: WindowId(0),
            look,
            said_file,
            report_file,
            heard_file,
            last_picture_file,
            clicks: Cell::new(0),
        };
        editor.window = editor.wait("the host opens the editor's window", |_| desktop.window(TITLE))?;
        let first = editor.wait_for_picture(desktop, "the first frame is drawn", |_, picture| {
            // Before it the window is one colour.
            picture.distinct_colours() > 100
        })?;
        editor.look = EditorLook::new(first.size());
        Ok(editor)
    }

    /// Where things are.
    pub fn look(&self) -> EditorLook {
        self.look
    }

    /// What it shows now.
    pub fn picture(&self, desktop: &Desktop) -> Result<Picture, HostError> {
        desktop.picture(self.window)
    }

    /// Clicks at a point.
    pub fn click(&self, desktop: &Desktop, at: Point) -> Result<(), HostError> {
        self.clicks.set(self.clicks.get() + 1);
        desktop.click(self.window, at)
    }

    /// Clicks so far.
    pub fn clicks(&self) -> usize {
        self.clicks.get()
    }

    /// Waits until keys go to the editor and stay there: the window manager, the host and the editor each have a say in
    /// it after a click, and the last word has to be the editor's.
    pub fn wait_for_keyboard(&mut self, desktop: &Desktop) -> Result<(), HostError> {
        let mut in_a_row = 0;
        self.wait("the editor has the keyboard", |editor| {
            let has_it = desktop.has_keyboard(editor.window)?;
            in_a_row = if has_it { in_a_row + 1 } else { 0 };
            Ok((in_a_row == SETTLED_LOOKS).then_some(()))
        })
    }

    /// Waits until the window looks as expected, and gives that picture.
    pub fn wait_for_picture(
        &mut self,
        desktop: &Desktop,
        what: &str,
        is_so: impl Fn(&EditorLook, &Picture) -> bool,
    ) -> Result<Picture, HostError> {
        let mut last = None;
        let seen = self.wait(what, |editor| {
            let picture = editor.picture(desktop)?;
            let found = is_so(&editor.look, &picture).then(|| picture.clone());
            last = Some(picture);
            Ok(found)
        });
        if let (Err(_), Some(picture)) = (&seen, last) {
            picture.save(&self.last_picture_file)?;
        }
        seen
    }

    /// Waits until the plugin's report has something.
    pub fn wait_for_report<T>(
        &mut self,
        what: &str,
        find: impl Fn(&Value) -> Option<T>,
    ) -> Result<T, HostError> {
        self.wait(what, |editor| Ok(find(&editor.report())))
    }

    /// What the plugin reported last; null before that.
    pub fn report(&self) -> Value {
        let text = std::fs::read_to_string(&self.report_file).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Closes the window as a host does, and waits for the host's end: it must not crash on the way. Returns the last 4 s that came out
    /// of the plugin.
    pub fn close(mut self) -> Result<Recording, HostError> {
        drop(self.child.stdin.take());
        let child = &mut self.child;
        let ended = wait_until("the window is closed and the host has ended", || {
            child.try_wait().map_err(|error| HostError::host("editor", error))
        });
        match ended {
            Ok(status) if status.success() => Recording::read(&self.heard_file),
            Ok(status) => Err(self.with_words(&format!("ended with {status}"))),
            Err(error) => Err(self.with_words(&error.to_string())),
        }
    }

    /// [`wait_until`], as long as the host runs; an error tells what it said.
    fn wait<T>(
        &mut self,
        what: &str,
        mut look: impl FnMut(&Self) -> Result<Option<T>, HostError>,
    ) -> Result<T, HostError> {
        let waited = wait_until(what, || match self.child.try_wait() {
            Ok(None) => look(self),
            ended => Err(HostError::host("editor", format!("ended ({ended:?}) before this: {what}"))),
        });
        waited.map_err(|error| self.with_words(&error.to_string()))
    }

    fn with_words(&self, why: &str) -> HostError {
        let said = std::fs::read_to_string(&self.said_file).unwrap_or_default();
        let report = self.report();
        let state = (&report["connection"], &report["failure"], &report["notices"]);
        HostError::host("editor", format!("{why}\nThe plugin reports {state:?}. Its host said:\n{said}"))
    }
}

impl Drop for EditorWindow {
    fn drop(&mut self) {
        // A test that failed does not wait for the window to close.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the host and waits until blocks are running.
fn start(
    desktop: &Desktop,
    folder: &Path,
    said: &Path,
    report: &Path,
    heard: &Path,
) -> Result<Child, HostError> {
    let said_file = std::fs::File::create(said).map_err(|error| HostError::file(said, error))?;
    let mut child = Command::new(bundles::python()?)
        .arg(bundles::vst3_host_script().with_file_name("vst3_editor.py"))
        .args([Path::new("--bundle"), &bundles::vst3()?, Path::new("--music"), &bundles::music('b')])
        .args(["--loop-frames", &MUSIC_LOOP_FRAMES.to_string()])
        .args([Path::new("--heard"), heard])
        .env("DISPLAY", desktop.display())
        // The same pixels whether or not the machine has a graphics card.
        .env("LIBGL_ALWAYS_SOFTWARE", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("BACKLINE_CONFIG_DIR", folder.join("config"))
        // Tests tell the network nothing.
        .env("BACKLINE_LOCAL_NETWORK", "off")
        .env("BACKLINE_REPORT", report)
        .env("BACKLINE_NAME", "Berta")
        .env_remove("BACKLINE_HOST_LINK_FILE")
        .env_remove("BACKLINE_JOIN")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(said_file)
        .spawn()
        .map_err(|error| HostError::host("editor", error))?;
    if line_with("ready", child.stdout.take()).is_some() {
        return Ok(child);
    }
    let _ = child.kill();
    let _ = child.wait();
    let said = std::fs::read_to_string(said).unwrap_or_default();
    Err(HostError::host("editor", format!("did not begin to process; it said:\n{said}")))
}
