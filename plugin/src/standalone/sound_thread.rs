//! The thread that opens and closes audio for the standalone: at the start, when a person chooses other, when a device is lost.
//!
//! The instance is always in one place: with the callback of what plays, or here. A callback that ends sends it home. The step before
//! is `sound.rs` (a choice); the step after is `jack_audio.rs` or `device_audio.rs`.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use backline_client::{Command, Severity};

use super::{StandaloneError, device_audio, jack_audio, memory};
use crate::processor::Processor;
use crate::sound::{Sound, SoundChoice, SoundOrder, SoundSystem, SoundView};

/// The instance on its way back from a callback that has ended.
pub type Home = Sender<Box<Processor>>;

/// An instance in the hands of a callback; goes home when that ends, wherever that is.
pub struct Lent {
    processor: Option<Box<Processor>>,
    home: Home,
}

impl Lent {
    /// The instance; none never, but while it goes home. [audio-thread]
    pub fn get(&mut self) -> Option<&mut Processor> {
        self.processor.as_deref_mut()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(mut processor) = self.processor.take() {
            processor.deactivate();
            // Nobody is at home only when the program ends.
            let _ = self.home.send(processor);
        }
    }
}

/// Sound while it is held.
enum Running {
    Jack(jack_audio::JackAudio),
    Device(device_audio::DeviceAudio),
}

impl Running {
    fn words(&self) -> String {
        match self {
            Running::Jack(jack) => jack.words(),
            Running::Device(device) => device.words(),
        }
    }
}

/// Ends the sound and the thread when dropped, and with them the instance. [main-thread]
pub struct SoundThread {
    sound: Arc<Sound>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for SoundThread {
    fn drop(&mut self) {
        self.sound.end();
        let ended = self.thread.take().map(JoinHandle::join);
        if let Some(Err(_)) = ended {
            tracing::warn!("the thread of the audio devices has failed");
        }
    }
}

/// Opens what was chosen and goes on from there. With `must_open` it fails where that cannot be had; else it says so in the editor,
/// and plays on what there is. [main-thread]
///
/// # Errors
/// See `must_open`; and where the system gives no thread.
pub fn start(
    processor: Processor,
    choice: SoundChoice,
    must_open: bool,
) -> Result<(Arc<Sound>, SoundThread), StandaloneError> {
    let (orders, inbox) = channel();
    let sound = Arc::new(Sound::new(orders.clone()));
    let (first, opened) = channel();
    let mut keeper = Keeper::new(processor, Arc::clone(&sound), orders);
    let run = move || {
        let outcome = keeper.open(choice);
        let goes_on = outcome.is_ok() || !must_open;
        let _ = first.send(outcome);
        if goes_on {
            keeper.run(&inbox);
        }
    };
    let thread = std::thread::Builder::new().name("backline-sound".to_owned()).spawn(run);
    let thread = thread.map_err(|error| StandaloneError::Device(error.to_string()))?;
    let thread = SoundThread { sound: Arc::clone(&sound), thread: Some(thread) };
    match opened.recv() {
        Ok(Err(error)) if must_open => Err(error),
        _ => Ok((sound, thread)),
    }
}

struct Keeper {
    sound: Arc<Sound>,
    orders: Sender<SoundOrder>,
    home: Home,
    comes_home: Receiver<Box<Processor>>,
    /// While nothing plays.
    processor: Option<Box<Processor>>,
    running: Option<Running>,
}

impl Keeper {
    fn new(processor: Processor, sound: Arc<Sound>, orders: Sender<SoundOrder>) -> Self {
        let (home, comes_home) = channel();
        Self { sound, orders, home, comes_home, processor: Some(Box::new(processor)), running: None }
    }

    fn run(&mut self, inbox: &Receiver<SoundOrder>) {
        while let Ok(order) = inbox.recv() {
            match order {
                SoundOrder::Choose(choice) => {
                    memory::remember_sound(&choice);
                    if let Err(error) = self.open(choice) {
                        tracing::warn!("{error}");
                    }
                }
                SoundOrder::Lost(why) => {
                    let problem = Some((format!("The audio device is gone: {why}."), ANOTHER.to_owned()));
                    let view =
                        SoundView { problem, running: SILENT.to_owned(), ..(*self.sound.view()).clone() };
                    self.stop();
                    self.rest();
                    self.sound.publish(view);
                }
                SoundOrder::End => break,
            }
        }
        self.stop();
    }

    /// Plays on what was chosen, or on what there is and says so; on nothing where there is nothing, with the reason.
    fn open(&mut self, choice: SoundChoice) -> Result<(), StandaloneError> {
        self.stop();
        let devices = device_audio::Devices::look(&choice);
        let opened = self.start(&choice, &devices);
        let view = |running: String, problem| SoundView {
            running,
            problem,
            outputs: devices.output_names(),
            inputs: devices.input_names(),
            rates_hz: devices.rates_hz(),
            choice: choice.clone(),
        };
        match opened {
            Ok(running) => {
                self.sound.publish(view(running.words(), devices.missing()));
                self.running = Some(running);
                Ok(())
            }
            Err(_) if choice.system == SoundSystem::None => {
                self.rest();
                self.sound.publish(view(SILENT.to_owned(), None));
                Ok(())
            }
            Err(error) => {
                let problem = Some((format!("There is no sound: {error}."), ANOTHER.to_owned()));
                self.complain();
                self.rest();
                self.sound.publish(view(SILENT.to_owned(), problem));
                Err(error)
            }
        }
    }

    fn start(
        &mut self,
        choice: &SoundChoice,
        devices: &device_audio::Devices,
    ) -> Result<Running, StandaloneError> {
        let nothing = || StandaloneError::Device("none was chosen".to_owned());
        match choice.system {
            SoundSystem::None => Err(nothing()),
            SoundSystem::Jack => jack_audio::Ready::open().and_then(|jack| self.play_on_jack(jack)),
            SoundSystem::Device => self.play_on_device(choice, devices),
            SoundSystem::Best => match jack_audio::Ready::open() {
                Ok(jack) => self.play_on_jack(jack),
                Err(no_jack) => {
                    tracing::debug!("{no_jack}");
                    self.play_on_device(choice, devices)
                }
            },
        }
    }

    fn play_on_jack(&mut self, jack: jack_audio::Ready) -> Result<Running, StandaloneError> {
        let lent = self.lend();
        jack.start(lent, self.orders.clone()).map(Running::Jack)
    }

    fn play_on_device(
        &mut self,
        choice: &SoundChoice,
        devices: &device_audio::Devices,
    ) -> Result<Running, StandaloneError> {
        let lent = self.lend();
        devices.start(choice, lent, &self.orders).map(Running::Device)
    }

    fn lend(&mut self) -> Lent {
        Lent { processor: self.take(), home: self.home.clone() }
    }

    /// The instance, which is at home or has been sent there.
    fn take(&mut self) -> Option<Box<Processor>> {
        self.processor.take().or_else(|| self.comes_home.try_recv().ok())
    }

    /// The sound ends; the instance comes home.
    fn stop(&mut self) {
        drop(self.running.take());
        self.processor = self.take();
    }

    /// Activated all the same: the environment's wishes are read then, and a session can be looked at without sound.
    fn rest(&mut self) {
        self.processor = self.take();
        if let Some(processor) = &mut self.processor {
            processor.activate(2, 48_000.0, 512);
        }
    }

    /// Where nobody opens the list of devices, a notice says it.
    fn complain(&mut self) {
        self.processor = self.take();
        if let Some(processor) = &self.processor {
            let text = "There is no sound: no audio device, and no JACK.".to_owned();
            let advice = "Connect an audio device, or start JACK, then press “Audio”.".to_owned();
            processor.client().send(Command::Notify { severity: Severity::Error, text, advice });
        }
    }
}

const SILENT: &str = "No sound";
const ANOTHER: &str = "Choose another device, or connect it and choose it again.";
