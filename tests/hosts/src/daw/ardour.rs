//! Ardour without its window (`ardour7-lua`): a project, the tracks in it and its transport, by the functions of `lua/ardour.lua`; and
//! its export.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Class, at_home};
use crate::audio_file::Recording;
use crate::bundles;
use crate::error::HostError;
use crate::program::{self, Program};

/// Where Ardour's audio comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Its own clock, and no ports outside of Ardour.
    Dummy,
    /// The JACK server that [`crate::jack_graph::SERVER_VARIABLE`] names.
    Jack,
}

/// A running Ardour with one project open.
pub struct Ardour {
    program: Program,
    asked: usize,
}

const SCANNER: &str = "/usr/lib/ardour7/ardour-vst3-scanner";
const LIBRARIES: &str = "/usr/lib/ardour7";
/// A project opens in two seconds, and an export is some times as fast as its music.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);
const ENDS_WITHIN: Duration = Duration::from_secs(20);
/// Five seconds, in superclocks.
const LENGTH: &str = r#"<Locations><Location id="99999" name="session" start="a0" end="a1411200000" flags="IsSessionRange"/></Locations>"#;
const EXPORTS_WITHIN: Duration = Duration::from_secs(10);
/// With no plugin too, an export of Ardour 7.3 now and then never begins.
const EXPORTS_MAX: usize = 6;
const LOOK_EVERY: Duration = Duration::from_millis(10);

impl Ardour {
    /// Opens the project in this folder, or makes one. `home` is Ardour's home folder; `environment` is for the plugin in it.
    pub fn open(
        backend: Backend,
        project: &Path,
        home: &Path,
        environment: &[(&str, &Path)],
    ) -> Result<Self, HostError> {
        scan(home)?;
        let backend = match backend {
            Backend::Dummy => "None (Dummy)",
            Backend::Jack => "JACK",
        };
        let mut command = at_home("ardour7-lua", home);
        program::ends_with_this_thread(&mut command);
        // -X: an end of the audio is its end, not a project that stands still.
        command.args(["-X", "-i"]).arg(script()).arg(backend).arg(project).envs(environment.iter().copied());
        let program = Program::start("ardour", &mut command, home)?;
        let mut ardour = Self { program, asked: 0 };
        ardour.answer(0)?;
        Ok(ardour)
    }

    /// Adds a track that plays its input through the plugin; says how many channels Ardour gave the plugin.
    pub fn add(&mut self, class: Class) -> Result<String, HostError> {
        self.ask(&format!("return add({:?})", class.name()))
    }

    /// Moves a parameter of the plugin on the track of that class.
    pub fn set(&mut self, class: Class, parameter: &str, value: f64) -> Result<(), HostError> {
        self.ask(&format!("return set({:?}, {parameter:?}, {value})", class.name())).map(drop)
    }

    /// Runs Lua in which the functions of `lua/ardour.lua` are known, and gives what it returns.
    pub fn ask(&mut self, lua: &str) -> Result<String, HostError> {
        self.asked += 1;
        self.program.tell(&format!("answer({}, function() {lua} end)", self.asked))?;
        self.answer(self.asked)
    }

    /// An error when it has ended.
    pub fn check_running(&mut self) -> Result<(), HostError> {
        self.program.check_running()
    }

    /// Closes the project without saving it, and ends.
    pub fn close(self) -> Result<(), HostError> {
        let status = self.program.finish(ENDS_WITHIN)?;
        if status.success() { Ok(()) } else { Err(HostError::host("ardour", format!("ended with {status}"))) }
    }

    fn answer(&mut self, number: usize) -> Result<String, HostError> {
        let (yes, no) = (format!("= {number} yes "), format!("= {number} no "));
        let began = Instant::now();
        loop {
            let said = self.program.said();
            // A line that is not at its end is still being written.
            let whole = said.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
            for line in whole {
                if let Some(answer) = line.strip_prefix(&yes) {
                    return Ok(answer.to_owned());
                }
                if let Some(why) = line.strip_prefix(&no) {
                    return Err(self.program.failed(why));
                }
            }
            self.program.check_running()?;
            if began.elapsed() > ANSWERS_WITHIN {
                return Err(self.program.failed("does not answer"));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

/// Ardour's export of a saved project by its own program for that (`ardour7-export`), faster than real time; `name` is the
/// project's, or what it was saved as.
pub fn export(project: &Path, name: &str, home: &Path) -> Result<Recording, HostError> {
    let file = project.join(format!("{name}.ardour"));
    let text = std::fs::read_to_string(&file).map_err(|error| HostError::file(&file, error))?;
    // A project whose length nobody has said is exported as nothing.
    std::fs::write(&file, text.replace("<Locations/>", LENGTH))
        .map_err(|error| HostError::file(&file, error))?;
    let wav = project.join(format!("{name}.wav"));
    let mut failed = HostError::host("ardour7-export", "was not started");
    for _ in 0..EXPORTS_MAX {
        let _ = std::fs::remove_file(&wav);
        let mut command = at_home("ardour7-export", home);
        program::ends_with_this_thread(&mut command);
        command.args(["-b", "float", "-o"]).arg(&wav).arg(project).arg(name);
        match Program::start("ardour7-export", &mut command, home)?.finish(EXPORTS_WITHIN) {
            Ok(status) if status.success() => return Recording::read(&wav),
            Ok(status) => failed = HostError::host("ardour7-export", format!("ended with {status}")),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Sees that Ardour is installed.
pub fn check_installed() -> Result<(), HostError> {
    match Path::new(SCANNER).exists() {
        true => Ok(()),
        false => Err(HostError::Missing("Debian package ardour".to_owned())),
    }
}

/// Ardour's own scan of the bundle, in the home folder; what it says of the classes.
pub fn scan(home: &Path) -> Result<String, HostError> {
    check_installed()?;
    let folder = home.join(".vst3");
    let link = folder.join("Backline.vst3");
    let bundle = bundles::vst3()?;
    std::fs::create_dir_all(&folder).map_err(|error| HostError::file(&folder, error))?;
    let bundle = bundle.canonicalize().map_err(|error| HostError::file(&bundle, error))?;
    match std::os::unix::fs::symlink(bundle, &link) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(HostError::file(&link, error));
        }
        _ => {}
    }
    let mut command = at_home(SCANNER, home);
    command.args(["-f", "-v"]).arg(&link).env("LD_LIBRARY_PATH", LIBRARIES);
    let output = command.output().map_err(|error| HostError::host("ardour-vst3-scanner", error))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    Err(HostError::host("ardour-vst3-scanner", format!("ended with {}: {said}", output.status)))
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("lua/ardour.lua")
}
