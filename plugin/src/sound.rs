//! Which audio the standalone plays on: what is shown of it, and what a person chooses. In a DAW there is none of this.
//!
//! The step before is the editor; the step after is `standalone/sound_thread.rs`, which opens and closes devices.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// Where audio goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SoundSystem {
    /// JACK where a server runs, else a device.
    #[default]
    Best,
    /// JACK only.
    Jack,
    /// An audio device of the system.
    Device,
    /// No sound.
    None,
}

/// What a person has chosen; what is none is the system's own choice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SoundChoice {
    /// Where audio goes through.
    pub system: SoundSystem,
    /// The id of the device that plays.
    pub output: Option<String>,
    /// The id of the device that records.
    pub input: Option<String>,
    /// Samples a second; JACK has its own.
    pub rate_hz: Option<u32>,
    /// Sample frames of a block; JACK has its own.
    pub block_frames: Option<u32>,
}

/// A device that could be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceName {
    /// The same as long as the device is there, and after it was away.
    pub id: String,
    /// For people.
    pub name: String,
}

/// What is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SoundView {
    /// What plays now: “JACK at 48 kHz, blocks of 64”.
    pub running: String,
    /// Why there is no sound, or not what was chosen, and what to do.
    pub problem: Option<(String, String)>,
    /// Devices that play.
    pub outputs: Vec<DeviceName>,
    /// Devices that record.
    pub inputs: Vec<DeviceName>,
    /// Rates of the device that plays, in Hz.
    pub rates_hz: Vec<u32>,
    /// What was chosen.
    pub choice: SoundChoice,
}

/// Asked of the thread that has the devices.
#[derive(Debug)]
pub enum SoundOrder {
    /// Another choice; also to look again which devices there are.
    Choose(SoundChoice),
    /// A device is gone, and why.
    Lost(String),
    /// The program ends.
    End,
}

/// The editor's hold on it.
#[derive(Debug)]
pub struct Sound {
    view: Mutex<Arc<SoundView>>,
    orders: Sender<SoundOrder>,
}

impl Sound {
    /// Nothing is shown before the first [`publish`](Self::publish). [sound-thread]
    pub fn new(orders: Sender<SoundOrder>) -> Self {
        Self { view: Mutex::default(), orders }
    }

    /// What is shown. [main-thread]
    pub fn view(&self) -> Arc<SoundView> {
        Arc::clone(&self.view.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes another choice; the sound pauses for a moment. [main-thread]
    pub fn choose(&self, choice: SoundChoice) {
        // Whoever would hear it is gone only when the program ends.
        let _ = self.orders.send(SoundOrder::Choose(choice));
    }

    /// Shows something else from now on. [sound-thread]
    pub fn publish(&self, view: SoundView) {
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
    }

    /// The program ends: the thread closes what plays, and ends. [main-thread]
    pub fn end(&self) {
        let _ = self.orders.send(SoundOrder::End);
    }
}
