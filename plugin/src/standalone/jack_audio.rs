//! JACK (or PipeWire's JACK): the library is looked for at run time, so the program starts without it.
//!
//! The rate is the server's. The block size is the server's at each moment: JACK calls back on its own thread when it
//! changes, where allocating is allowed. All four ports are connected to the system's, where there are such.

use std::sync::mpsc::Sender;

use backline_bridge::AUX_BUSES;
use jack::{
    AudioIn, AudioOut, Client, ClientOptions, ClientStatus, Control, Frames, NotificationHandler, Port,
    PortFlags, ProcessHandler, ProcessScope,
};

use super::StandaloneError;
use super::sound_thread::Lent;
use crate::sound::SoundOrder;

/// Connected to a server; no sound yet.
pub struct Ready {
    client: Client,
    inputs: [Port<AudioIn>; 2],
    outputs: [Port<AudioOut>; 2],
}

/// Sound, until dropped.
pub struct JackAudio {
    /// Deactivates when dropped, and drops the callback, which sends the instance home.
    client: jack::AsyncClient<Watch, Callback>,
}

/// Told by JACK on a thread of its own.
struct Watch(Sender<SoundOrder>);

impl NotificationHandler for Watch {
    unsafe fn shutdown(&mut self, _: ClientStatus, reason: &str) {
        let _ = self.0.send(SoundOrder::Lost(format!("JACK has ended ({reason})")));
    }
}

struct Callback {
    lent: Lent,
    rate_hz: f32,
    inputs: [Port<AudioIn>; 2],
    outputs: [Port<AudioOut>; 2],
}

impl Ready {
    /// Finds the server; starts none. [sound-thread]
    ///
    /// # Errors
    /// No library, no server, or no ports.
    pub fn open() -> Result<Self, StandaloneError> {
        jack::set_logger(jack::LoggerType::None);
        let (client, _) = Client::new("Backline", ClientOptions::NO_START_SERVER).map_err(failed)?;
        let input = |name| client.register_port(name, AudioIn::default()).map_err(failed);
        let output = |name| client.register_port(name, AudioOut::default()).map_err(failed);
        let inputs = [input("in_left")?, input("in_right")?];
        let outputs = [output("out_left")?, output("out_right")?];
        Ok(Self { client, inputs, outputs })
    }

    /// Starts the callback and connects the ports. [sound-thread]
    ///
    /// # Errors
    /// The server refuses.
    pub fn start(self, mut lent: Lent, orders: Sender<SoundOrder>) -> Result<JackAudio, StandaloneError> {
        let Self { client, inputs, outputs } = self;
        let rate_hz = client.sample_rate() as f32;
        if let Some(processor) = lent.get() {
            processor.activate(2, rate_hz, client.buffer_size() as usize);
        }
        let names = PortNames::of(&inputs, &outputs);
        let callback = Callback { lent, rate_hz, inputs, outputs };
        let client = client.activate_async(Watch(orders), callback).map_err(failed)?;
        names.connect(client.as_client());
        Ok(JackAudio { client })
    }
}

impl JackAudio {
    /// “JACK at 48 kHz, blocks of 64”.
    pub fn words(&self) -> String {
        let client = self.client.as_client();
        let rate_khz = f64::from(client.sample_rate()) / 1e3;
        format!("JACK at {rate_khz} kHz, blocks of {}", client.buffer_size())
    }
}

impl ProcessHandler for Callback {
    fn process(&mut self, _: &Client, scope: &ProcessScope) -> Control {
        let [left, right] = &mut self.outputs;
        let main = [left.as_mut_slice(scope), right.as_mut_slice(scope)];
        let mut main = main.map(|channel| -> &mut [f32] { channel });
        for (output, input) in main.iter_mut().zip(&self.inputs) {
            output.copy_from_slice(input.as_slice(scope));
        }
        if let Some(processor) = self.lent.get() {
            processor.process(&mut main, [const { None }; AUX_BUSES], None);
        }
        Control::Continue
    }

    fn buffer_size(&mut self, _: &Client, frames: Frames) -> Control {
        if let Some(processor) = self.lent.get() {
            processor.activate(2, self.rate_hz, frames as usize);
        }
        Control::Continue
    }
}

struct PortNames {
    inputs: Vec<String>,
    outputs: Vec<String>,
}

impl PortNames {
    fn of(inputs: &[Port<AudioIn>; 2], outputs: &[Port<AudioOut>; 2]) -> Self {
        Self {
            inputs: inputs.iter().filter_map(|port| port.name().ok()).collect(),
            outputs: outputs.iter().filter_map(|port| port.name().ok()).collect(),
        }
    }

    /// A port that cannot be connected is left to the person's patch bay.
    fn connect(&self, client: &Client) {
        let audio = Some("32 bit float mono audio");
        let microphones = client.ports(None, audio, PortFlags::IS_PHYSICAL | PortFlags::IS_OUTPUT);
        let speakers = client.ports(None, audio, PortFlags::IS_PHYSICAL | PortFlags::IS_INPUT);
        // A single microphone is for both sides.
        let microphones: Vec<&String> = match microphones.as_slice() {
            [only] => vec![only, only],
            several => several.iter().collect(),
        };
        let pairs = microphones.into_iter().zip(&self.inputs).chain(self.outputs.iter().zip(&speakers));
        for (from, to) in pairs {
            if let Err(error) = client.connect_ports_by_name(from, to) {
                tracing::debug!("{from} is not connected to {to}: {error}");
            }
        }
    }
}

fn failed(error: jack::Error) -> StandaloneError {
    StandaloneError::Jack(match error {
        jack::Error::LibraryError(_) => "it is not installed".to_owned(),
        jack::Error::ClientError(_) => "no JACK server runs".to_owned(),
        other => other.to_string(),
    })
}
