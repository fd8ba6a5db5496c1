//! A virtual X11 display of a test's own, with what a person has on it: a window manager, a mouse, a keyboard, a
//! clipboard, and eyes.
//!
//! It knows windows by their title and no plugin; what is in Backline's window is [`editor_look`]'s, and the process that
//! opens it [`editor_window`]'s. Every program started here is ended by its id when the desktop is dropped. The programs
//! are Debian packages that `xtask/src/needs.rs` lists; one that is not installed is an error that names its package.

pub mod editor_look;
pub mod editor_window;
pub mod picture;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::error::HostError;
use editor_look::Point;
use picture::Picture;

/// The X11 id of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowId(u64);

/// A running display. Other displays, other tests' too, are not touched.
pub struct Desktop {
    display: String,
    clipboard_owner: Option<Running>,
    _settings: Running,
    _window_manager: Running,
    _server: Running,
}

impl Desktop {
    /// Starts the display and its window manager; `folder` takes their configuration, so that the user's own is not read.
    pub fn start(folder: &Path) -> Result<Self, HostError> {
        let (server, display) = start_server()?;
        let on_display = |program: &'static str| {
            let mut command = Command::new(program);
            command.env("DISPLAY", &display).env("HOME", folder).env("XDG_CONFIG_HOME", folder);
            command
        };
        let settings = start_settings(on_display("xsettingsd"), folder)?;
        let window_manager = Running::start(&mut on_display("openbox"), Stdio::null(), Stdio::null())?;
        let desktop = Self {
            display,
            clipboard_owner: None,
            _settings: settings,
            _window_manager: window_manager,
            _server: server,
        };
        wait_until("the window manager works", || {
            Ok(desktop.run(&["xdotool", "get_num_desktops"]).is_ok().then_some(()))
        })?;
        Ok(desktop)
    }

    /// The value of DISPLAY for programs that are to appear here.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// The visible window with exactly this title, a pattern, if there is one.
    pub fn window(&self, title: &str) -> Result<Option<WindowId>, HostError> {
        let pattern = format!("^{title}$");
        // It ends with 1 where there is none.
        let output = self.tool("xdotool").args(["search", "--onlyvisible", "--name", &pattern]).output();
        let output = output.map_err(|error| HostError::host("xdotool", error))?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.lines().next().and_then(|line| line.trim().parse().ok()).map(WindowId))
    }

    /// What the window shows now.
    pub fn picture(&self, window: WindowId) -> Result<Picture, HostError> {
        let id = window.0.to_string();
        Picture::from_ppm(&self.run(&["import", "-silent", "-window", &id, "-depth", "8", "ppm:-"])?)
    }

    /// A click of the left button at a place in the window.
    pub fn click(&self, window: WindowId, at: Point) -> Result<(), HostError> {
        let (id, x, y) = (window.0.to_string(), at.x.to_string(), at.y.to_string());
        self.run(&["xdotool", "mousemove", "--window", &id, &x, &y, "click", "1"]).map(drop)
    }

    /// Whether keys go to this window.
    pub fn has_keyboard(&self, window: WindowId) -> Result<bool, HostError> {
        let id = self.run(&["xdotool", "getwindowfocus", "-f"])?;
        Ok(String::from_utf8_lossy(&id).trim().parse() == Ok(window.0))
    }

    /// A key, `ctrl+v` for instance, for whoever has the keyboard.
    pub fn press(&self, key: &str) -> Result<(), HostError> {
        self.run(&["xdotool", "key", key]).map(drop)
    }

    /// Puts a text into the clipboard, as another program would that stays open.
    pub fn set_clipboard(&mut self, text: &str) -> Result<(), HostError> {
        let mut command = Command::new("xclip");
        command.args(["-quiet", "-selection", "clipboard", "-in"]).env("DISPLAY", &self.display);
        let mut owner = Running::start(&mut command, Stdio::null(), Stdio::null())?;
        let written = owner.child.stdin.take().map(|mut words| words.write_all(text.as_bytes()));
        if !matches!(written, Some(Ok(()))) {
            return Err(HostError::host("xclip", "does not read"));
        }
        self.clipboard_owner = Some(owner);
        wait_until("the clipboard holds the text", || {
            Ok((self.clipboard()?.as_deref() == Some(text)).then_some(()))
        })
    }

    /// What pasting would insert here; none while no program offers a text.
    pub fn clipboard(&self) -> Result<Option<String>, HostError> {
        let output = self.tool("xclip").args(["-selection", "clipboard", "-out"]).output();
        let output = output.map_err(|error| HostError::host("xclip", error))?;
        Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    /// A tool of this display that cannot hang for ever: the other side of a selection may never answer.
    fn tool(&self, program: &str) -> Command {
        let mut command = Command::new("timeout");
        command.args(["10", program]).env("DISPLAY", &self.display).stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Result<Vec<u8>, HostError> {
        let (program, arguments) = words.split_first().unwrap_or((&"true", &[]));
        let output = self.tool(program).args(arguments).output();
        let output = output.map_err(|error| HostError::host(*program, error))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(HostError::host(*program, format!("{arguments:?} ended with {}: {said}", output.status)))
    }
}

/// Sees that every program is there; the error names the Debian packages of those that are not.
pub fn check_tools() -> Result<(), HostError> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let is_there =
        |program: &str| std::env::split_paths(&folders).any(|folder| folder.join(program).is_file());
    let missing: Vec<&str> =
        TOOLS.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(HostError::Missing(format!("for the editor's window: Debian package {}", missing.join(", "))))
}

/// Looks until there is something, and gives it; an error says `what` did not come.
pub fn wait_until<T>(
    what: &str,
    mut look: impl FnMut() -> Result<Option<T>, HostError>,
) -> Result<T, HostError> {
    let started = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if started.elapsed() > APPEARS_WITHIN {
            let why = format!("after {} s it is still not so: {what}", APPEARS_WITHIN.as_secs());
            return Err(HostError::host("display", why));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// A program that ends with its owner.
struct Running {
    child: Child,
}

impl Running {
    fn start(command: &mut Command, stdout: Stdio, stderr: Stdio) -> Result<Self, HostError> {
        let program = command.get_program().to_string_lossy().into_owned();
        let started = command.stdin(Stdio::piped()).stdout(stdout).stderr(stderr).spawn();
        started.map(|child| Self { child }).map_err(|error| HostError::host(program, error))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Either fails only where it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first line that a program says with these words in it; none where it ends or is silent for too long.
fn line_with(words: &'static str, stream: Option<impl Read + Send + 'static>) -> Option<String> {
    let (found, line) = channel();
    let stream = stream?;
    // Reads on after that line, or the program would end at its next one.
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if line.contains(words) {
                // Nobody waits for a second one.
                let _ = found.send(line);
            }
        }
    });
    line.recv_timeout(APPEARS_WITHIN).ok()
}

/// The server picks a free display number itself and says which, so that two tests never want the same.
fn start_server() -> Result<(Running, String), HostError> {
    check_tools()?;
    let mut command = Command::new("Xvfb");
    command.args(["-displayfd", "1", "-screen", "0", SCREEN, "-nolisten", "tcp", "-noreset"]);
    let mut server = Running::start(&mut command, Stdio::piped(), Stdio::null())?;
    match line_with("", server.child.stdout.take()).and_then(|number| number.trim().parse::<u32>().ok()) {
        Some(number) => Ok((server, format!(":{number}"))),
        None => Err(HostError::host("Xvfb", "opened no display")),
    }
}

/// JUCE asks the owner of the settings for its properties, and the X server ends a program that asks nobody.
fn start_settings(mut command: Command, folder: &Path) -> Result<Running, HostError> {
    let file = folder.join("xsettingsd.conf");
    std::fs::write(&file, "Xft/DPI 98304\n").map_err(|error| HostError::file(&file, error))?;
    let mut settings = Running::start(command.arg("-c").arg(&file), Stdio::null(), Stdio::piped())?;
    match line_with("Took ownership of selection", settings.child.stderr.take()) {
        Some(_) => Ok(settings),
        None => Err(HostError::host("xsettingsd", "does not offer the settings of the display")),
    }
}

/// Programs, and the Debian packages that they come from.
const TOOLS: [(&str, &str); 6] = [
    ("Xvfb", "xvfb"),
    ("openbox", "openbox"),
    ("xsettingsd", "xsettingsd"),
    ("xdotool", "xdotool"),
    ("import", "imagemagick"),
    ("xclip", "xclip"),
];
const SCREEN: &str = "1280x800x24";
/// A busy machine without a graphics card needs some seconds for the first frame.
const APPEARS_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(50);
