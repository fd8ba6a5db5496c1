//! One instance, whichever class and format: made by a host's scan, activated, processed, deactivated.
//!
//! Not the framework's traits (`plugin.rs`) and not the audio path itself (`backline_bridge`). An instance that was
//! never activated has opened nothing, written nothing and started no thread: hosts scan plugins.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use backline_audio::{SampleRate, UnsupportedRate};
use backline_bridge::{AUX_BUSES, AudioEnd, BlockIo, BlockPart, BridgeConfig, StereoBus, Transport};
use backline_client::{Client, ClientConfig, Command, Severity, sentences};

use nice_plug::prelude::NoteEvent;

use crate::controls::ControlReader;
use crate::environment::Environment;
use crate::kind::Kind;
use crate::live_instances::LiveInstance;
use crate::params::BacklineParams;
use crate::project::Project;
use crate::talk_keys::TalkKeys;
use crate::unattended::Unattended;

/// The auxiliary outputs of a block; none where the host gave none.
pub type AuxBuses<'a> = [Option<StereoBus<'a>>; AUX_BUSES];

/// One instance.
pub struct Processor {
    params: Arc<BacklineParams>,
    controls: ControlReader,
    keys: TalkKeys,
    audio: Option<Active>,
    /// Read once, at the first activation.
    unattended: Option<Unattended>,
}

/// What exists between activate and deactivate.
struct Active {
    end: AudioEnd,
    input_channels: usize,
    /// When the host called for the block at hand.
    called_at: Instant,
}

impl Processor {
    /// A fresh instance with an id of its own. Opens nothing. [main-thread]
    pub fn new(kind: Kind) -> Self {
        let live = LiveInstance::random();
        let config = ClientConfig {
            instance: live.id(),
            app: concat!("Backline ", env!("CARGO_PKG_VERSION")).to_owned(),
            config_dir: Environment::config_dir(),
            uses_local_network: Environment::uses_local_network(),
        };
        let client = Arc::new(Client::new(config));
        let project = Arc::new(Project::new(client, live, kind));
        Self {
            params: Arc::new(BacklineParams::new(project, kind)),
            controls: ControlReader::default(),
            keys: TalkKeys::default(),
            audio: None,
            unattended: None,
        }
    }

    /// Everything automatable, and the project.
    pub fn params(&self) -> &Arc<BacklineParams> {
        &self.params
    }

    /// What the project keeps.
    pub fn project(&self) -> &Arc<Project> {
        &self.params.project
    }

    /// The worker's front.
    pub fn client(&self) -> &Arc<Client> {
        self.project().client()
    }

    /// Gets ready for audio with 1 or 2 input channels (0 for none). Calling it again with the same rate and block
    /// size changes nothing; with others it replaces the bridge, and a running session goes on. [main-thread]
    pub fn activate(&mut self, input_channels: usize, rate_hz: f32, max_block_frames: usize) {
        match SampleRate::new(rate_hz.round() as u32) {
            Ok(sample_rate) => self.connect(BridgeConfig { sample_rate, max_block_frames }, input_channels),
            Err(error) => self.refuse_rate(&error),
        }
        if self.unattended.is_none() {
            self.unattended = Some(Unattended::start(self.project().clone(), Environment::read()));
        }
    }

    /// A note of the block that comes. [audio-thread]
    pub fn note<S>(&mut self, event: &NoteEvent<S>) {
        self.keys.hear(event);
        self.params.is_key_down.store(self.keys.is_any_down(), Ordering::Relaxed);
    }

    /// Forgets what was queued for playing, and which keys were held. [audio-thread]
    pub fn reset(&mut self) {
        self.let_go_of_keys();
        if let Some(active) = &mut self.audio {
            active.end.reset();
        }
    }

    /// One whole block. [audio-thread]
    pub fn process(&mut self, main: &mut [&mut [f32]], aux: AuxBuses, transport: Option<Transport>) {
        let part = BlockPart::whole(main.iter().map(|channel| channel.len()).min().unwrap_or(0));
        self.process_part(main, aux, transport, part);
    }

    /// A part of a block, in place: the input is in `main` on entry; the host's song is at `transport` when the block begins. Parameters
    /// count from the part's first sample frame on. Where there is no bridge (a rate that Backline cannot run at), the input passes.
    /// [audio-thread]
    pub fn process_part(
        &mut self,
        main: &mut [&mut [f32]],
        aux: AuxBuses,
        transport: Option<Transport>,
        part: BlockPart,
    ) {
        let Some(active) = &mut self.audio else {
            silence(aux);
            if !self.params.kind.can_send() {
                // There is no input to pass: this is what the host has left there.
                main.iter_mut().for_each(|channel| channel.fill(0.0));
            }
            drop_subnormals(main);
            return;
        };
        if part.is_first() {
            active.called_at = Instant::now();
        }
        let frames = main.iter().map(|channel| channel.len()).min().unwrap_or(0);
        let controls = self.controls.read(&self.params, transport);
        let io = BlockIo { main: &mut *main, input_channels: active.input_channels, aux };
        active.end.process_part(active.called_at, io, &controls, part);
        drop_subnormals(main);
        if part.is_last(frames) {
            active.end.record_cost(active.called_at.elapsed());
        }
    }

    /// Audio stops; a running session goes on without this instance's sound. [main-thread]
    pub fn deactivate(&mut self) {
        self.let_go_of_keys();
        if self.audio.take().is_some() {
            self.client().deactivate();
        }
        if let Some(unattended) = &self.unattended {
            unattended.report_now();
        }
    }

    fn let_go_of_keys(&mut self) {
        self.keys.let_go();
        self.params.is_key_down.store(false, Ordering::Relaxed);
    }

    fn connect(&mut self, config: BridgeConfig, input_channels: usize) {
        match &mut self.audio {
            Some(active) if active.end.config() == config => active.input_channels = input_channels,
            _ => {
                let end = self.client().activate(config);
                self.audio = Some(Active { end, input_channels, called_at: Instant::now() });
            }
        }
    }

    fn refuse_rate(&mut self, error: &UnsupportedRate) {
        if self.audio.take().is_some() {
            self.client().deactivate();
        }
        let (text, advice) = sentences(&error.to_string());
        self.client().send(Command::Notify { severity: Severity::Error, text, advice });
    }
}

/// What is far too quiet to be heard but slows down every processor that computes with it ends here, also on a bypassed track; everything else
/// stays as it is, to the bit.
fn drop_subnormals(main: &mut [&mut [f32]]) {
    for sample in main.iter_mut().flat_map(|channel| channel.iter_mut()) {
        if sample.abs() < f32::MIN_POSITIVE {
            *sample *= 0.0;
        }
    }
}

fn silence(aux: AuxBuses) {
    for bus in aux.into_iter().flatten() {
        bus.left.fill(0.0);
        bus.right.fill(0.0);
    }
}

#[cfg(test)]
mod tests;
