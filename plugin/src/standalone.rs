//! Backline without a DAW: the same instance and editor, on JACK or on the system's audio device.
//!
//! Written here and not taken from the framework, whose standalone tells a plugin 48 kHz and 512 whatever the device
//! runs at, and holds input back for 150 ms (LANDSCAPE, fault 3). Here the instance is activated with the rate and
//! the block size that the device has. Without any device the editor opens all the same, and says so.
//! Parts: `sound_thread.rs` (which audio runs), `jack_audio.rs`, `device_audio.rs`, `host.rs` (the editor's host), `memory.rs` (what is
//! kept for next time).

mod device_audio;
mod host;
mod jack_audio;
mod memory;
mod sound_thread;

use std::io::Write;
use std::sync::Arc;

use backline_client::{Command, EndSignals};
use nice_plug::context::gui::GuiContext;
use nice_plug::editor::{Editor, EditorHandle};
use thiserror::Error;

use crate::editor::BacklineEditor;
use crate::kind::Kind;
use crate::logging;
use crate::params::BacklineParams;
use crate::processor::Processor;
use crate::sound::{SoundChoice, SoundSystem};

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// Which audio to use; none: what was chosen last time.
    pub audio: Option<SoundSystem>,
    /// Rate and block, where they are given; else what was chosen last time.
    pub rate_hz: Option<u32>,
    /// See `rate_hz`.
    pub block_frames: Option<u32>,
    /// List the audio devices and end.
    pub lists_devices: bool,
    /// A device that plays, by its id or its name; the same for `input`.
    pub output: Option<String>,
    /// One that records.
    pub input: Option<String>,
    /// Run until stopped, without an editor.
    pub is_windowless: bool,
}

/// Why the program cannot run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StandaloneError {
    /// A word on the command line.
    #[error("there is no option \"{0}\"; backline --help lists them")]
    Option(String),
    /// JACK, and why.
    #[error("JACK cannot be used: {0}. Start it (or PipeWire's JACK), or leave --audio out")]
    Jack(String),
    /// The device, and why.
    #[error(
        "the audio device cannot be used: {0}. Close programs that hold it, or choose another; --list-devices names them"
    )]
    Device(String),
    /// The window, and why.
    #[error("the window cannot be opened: {0}. On a machine without a display use --no-window")]
    Window(String),
}

impl Options {
    /// Reads the command line, without the program's name.
    ///
    /// # Errors
    /// A word that is no option, or a number that is none.
    pub fn parse(arguments: &[String]) -> Result<Self, StandaloneError> {
        let mut options = Self::default();
        let mut words = arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let (name, given) =
                word.split_once('=').map_or((word, None), |(name, given)| (name, Some(given)));
            let unknown = || StandaloneError::Option(word.to_owned());
            match name {
                "--no-window" => options.is_windowless = true,
                "--list-devices" => options.lists_devices = true,
                "--audio" | "--rate" | "--block" | "--output" | "--input" => {
                    let value = given.or_else(|| words.next()).ok_or_else(unknown)?;
                    let number =
                        || value.parse().map_err(|_| StandaloneError::Option(format!("{name} {value}")));
                    match name {
                        "--audio" => options.audio = Some(system(value)?),
                        "--rate" => options.rate_hz = Some(number()?),
                        "--block" => options.block_frames = Some(number()?),
                        "--output" => options.output = Some(value.to_owned()),
                        _ => options.input = Some(value.to_owned()),
                    }
                }
                _ => return Err(unknown()),
            }
        }
        Ok(options)
    }

    /// What was chosen last time, but for what the command line says.
    fn choice(&self, last: SoundChoice) -> SoundChoice {
        // Who names a device means one.
        let named = self.output.as_ref().or(self.input.as_ref()).map(|_| SoundSystem::Device);
        SoundChoice {
            system: self.audio.or(named).unwrap_or(last.system),
            output: self.output.clone().or(last.output),
            input: self.input.clone().or(last.input),
            rate_hz: self.rate_hz.or(last.rate_hz),
            block_frames: self.block_frames.or(last.block_frames),
        }
    }
}

fn system(word: &str) -> Result<SoundSystem, StandaloneError> {
    match word {
        "jack" => Ok(SoundSystem::Jack),
        "device" => Ok(SoundSystem::Device),
        "none" => Ok(SoundSystem::None),
        _ => Err(StandaloneError::Option(word.to_owned())),
    }
}

/// Runs until the window is closed, or without one until a signal asks to end. Then leaves the session. [main-thread]
///
/// # Errors
/// The window cannot be opened, or the audio that was asked for by name cannot be used.
pub fn run(options: &Options) -> Result<(), StandaloneError> {
    if options.lists_devices {
        list_devices();
        return Ok(());
    }
    logging::set_up();
    // Before the first thread, which inherits it.
    let signals = options.is_windowless.then(EndSignals::hold);
    let processor = Processor::new(Kind::Track);
    let params = processor.params().clone();
    memory::recall(&params);
    let choice = options.choice(memory::recall_sound());
    let (sound, thread) = sound_thread::start(processor, choice, options.audio.is_some())?;
    let _ = params.sound.set(sound);
    let outcome = match signals {
        Some(signals) => {
            wait_for_end(signals);
            // Nobody is there to open a session that is hosted here again.
            params.project.send(Command::Leave);
            Ok(())
        }
        None => show_editor(&params),
    };
    drop(thread);
    memory::remember(&params);
    // The last hold on the client goes with the parameters: it says goodbye, and waits until that is sent.
    drop(params);
    outcome
}

fn list_devices() {
    let devices = device_audio::Devices::look(&SoundChoice::default());
    let mut text = String::new();
    for (kind, names) in [("--output", devices.output_names()), ("--input", devices.input_names())] {
        names.iter().for_each(|device| text += &format!("{kind} {:?}  ({})\n", device.id, device.name));
    }
    let text = if text.is_empty() { "There is no audio device.\n".to_owned() } else { text };
    // Nobody reads it any more if it fails (a closed pipe).
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn show_editor(params: &Arc<BacklineParams>) -> Result<(), StandaloneError> {
    let Some(editor) = BacklineEditor::new(params.clone()) else {
        return Err(StandaloneError::Window("this build has no editor".to_owned()));
    };
    let context = GuiContext::new(Arc::new(host::StandaloneHost::new(params.clone())));
    let failed = |error: &dyn std::fmt::Display| StandaloneError::Window(error.to_string());
    let spawned = editor.spawn(None, false, None, context, None).map_err(|error| failed(&error))?;
    let _handle = spawned.handle;
    <<BacklineEditor as Editor>::Handle as EditorHandle>::run_until_closed(spawned.window)
        .map_err(|error| failed(&error))
}

fn wait_for_end(signals: std::io::Result<EndSignals>) {
    match signals {
        Ok(signals) => signals.wait(),
        Err(error) => {
            tracing::warn!(
                "signals cannot be waited for ({error}): the others will notice the end after 3 s"
            );
            loop {
                std::thread::park();
            }
        }
    }
}

#[cfg(test)]
mod tests;
