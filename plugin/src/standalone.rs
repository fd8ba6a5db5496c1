//! Backline without a DAW: the same instance and editor, on JACK or on the system's audio device.
//!
//! Written here and not taken from the framework, whose standalone tells a plugin 48 kHz and 512 whatever the device
//! runs at, and holds input back for 150 ms (LANDSCAPE, fault 3). Here the instance is activated with the rate and
//! the block size that the device has. Without any device the editor opens all the same, and says so.
//! Parts: `jack_audio.rs`, `device_audio.rs`, `host.rs` (the editor's host), `memory.rs` (what is kept for next time).

mod device_audio;
mod host;
mod jack_audio;
mod memory;

use std::io::Write;
use std::sync::Arc;

use backline_client::{Command, EndSignals, Severity};
use nice_plug::context::gui::GuiContext;
use nice_plug::editor::{Editor, EditorHandle};
use thiserror::Error;

use crate::editor::BacklineEditor;
use crate::kind::Kind;
use crate::logging;
use crate::params::BacklineParams;
use crate::processor::Processor;

/// Which audio to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AudioChoice {
    /// JACK where a server runs, else the device.
    #[default]
    Best,
    /// JACK only.
    Jack,
    /// The default audio device only.
    Device,
    /// No sound.
    None,
}

/// What the command line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Which audio to use.
    pub audio: AudioChoice,
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
        "the audio device cannot be used: {0}. Close programs that hold it, or choose another in the system's settings"
    )]
    Device(String),
    /// The window, and why.
    #[error("the window cannot be opened: {0}. On a machine without a display use --no-window")]
    Window(String),
}

/// Sound while it is held; ends the instance's processing when dropped.
enum Running {
    #[expect(dead_code, reason = "held for its drop")]
    Jack(jack_audio::JackAudio),
    #[expect(dead_code, reason = "held for its drop")]
    Device(device_audio::DeviceAudio),
    #[expect(dead_code, reason = "held for its drop")]
    Silent(Box<Processor>),
}

impl Options {
    /// Reads the command line, without the program's name.
    ///
    /// # Errors
    /// A word that is no option.
    pub fn parse(arguments: &[String]) -> Result<Self, StandaloneError> {
        let mut options = Self::default();
        let mut words = arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match (word, word.strip_prefix("--audio=")) {
                ("--no-window", _) => options.is_windowless = true,
                ("--audio", _) => options.audio = audio_choice(words.next().unwrap_or(word))?,
                (_, Some(choice)) => options.audio = audio_choice(choice)?,
                _ => return Err(StandaloneError::Option(word.to_owned())),
            }
        }
        Ok(options)
    }
}

fn audio_choice(word: &str) -> Result<AudioChoice, StandaloneError> {
    match word {
        "jack" => Ok(AudioChoice::Jack),
        "device" => Ok(AudioChoice::Device),
        "none" => Ok(AudioChoice::None),
        _ => Err(StandaloneError::Option(word.to_owned())),
    }
}

/// Runs until the window is closed, or without one until a signal asks to end. Then leaves the session. [main-thread]
///
/// # Errors
/// The window cannot be opened, or the audio that was asked for by name cannot be used.
pub fn run(options: Options) -> Result<(), StandaloneError> {
    logging::set_up();
    // Before the first thread, which inherits it.
    let signals = options.is_windowless.then(EndSignals::hold);
    let processor = Processor::new(Kind::Track);
    let params = processor.params().clone();
    memory::recall(&params);
    let running = start_audio(options.audio, processor)?;
    let outcome = match signals {
        Some(signals) => {
            wait_for_end(signals);
            // Nobody is there to open a session that is hosted here again.
            params.project.send(Command::Leave);
            Ok(())
        }
        None => show_editor(&params),
    };
    drop(running);
    memory::remember(&params);
    // The last hold on the client goes with the parameters: it says goodbye, and waits until that is sent.
    drop(params);
    outcome
}

fn start_audio(choice: AudioChoice, processor: Processor) -> Result<Running, StandaloneError> {
    let device = |processor| device_audio::DeviceAudio::open()?.start(processor).map(Running::Device);
    match choice {
        AudioChoice::Jack => jack_audio::Ready::open()?.start(processor).map(Running::Jack),
        AudioChoice::Device => device(processor),
        AudioChoice::None => Ok(silent(processor, None)),
        AudioChoice::Best => match (jack_audio::Ready::open(), device_audio::DeviceAudio::open()) {
            (Ok(jack), _) => jack.start(processor).map(Running::Jack),
            (Err(_), Ok(device)) => device.start(processor).map(Running::Device),
            (Err(no_jack), Err(no_device)) => {
                tracing::warn!("{no_jack}");
                Ok(silent(processor, Some(&no_device)))
            }
        },
    }
}

/// Activated all the same: the environment's wishes are read then, and a session can be looked at without sound.
fn silent(mut processor: Processor, reason: Option<&StandaloneError>) -> Running {
    processor.activate(2, 48_000.0, 512);
    if let Some(reason) = reason {
        let _ = writeln!(std::io::stderr(), "backline: running without sound: {reason}.");
        let text = "There is no sound: no audio device, and no JACK.".to_owned();
        let advice = "Connect an audio device, or start JACK, and start Backline again.".to_owned();
        processor.client().send(Command::Notify { severity: Severity::Error, text, advice });
    }
    Running::Silent(Box::new(processor))
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
