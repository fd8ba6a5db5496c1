//! What the editor needs from the plugin: a snapshot and readings to show, parameters to move, commands to send.
//!
//! Not the plugin itself: tests and the gallery give the editor a made-up session instead. Nothing here may wait.
//! The step before is the editor's view; the step after is `plugin_backend.rs`.

use std::sync::Arc;

use backline_client::{Command, FoundSession, SLOTS, Snapshot};

use super::intent::Control;
use super::theme::Look;
use crate::servers::ServerFields;
use crate::sound::{SoundChoice, SoundView};

/// How the host calls `process()`, as far as a person cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HostPace {
    /// Audio flows.
    #[default]
    RealTime,
    /// Not known yet; a tenth of a second.
    Measuring,
    /// A bounce or export: nothing is sent, silence is returned.
    Faster,
    /// The host cannot keep up: nothing is sent, silence is returned.
    Slower,
    /// The host does not ask for audio.
    Stopped,
}

/// Levels and pace at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Readings {
    /// Peaks of what is sent since the last reading, left and right, in dBFS; minus infinity is silence.
    pub send_db: [f32; 2],
    /// Peaks of what arrives for each slot, before its fader, in dBFS.
    pub slots_db: [[f32; 2]; SLOTS],
    /// How the host calls.
    pub pace: HostPace,
}

impl Default for Readings {
    fn default() -> Self {
        let silent = [f32::NEG_INFINITY; 2];
        Self { send_db: silent, slots_db: [silent; SLOTS], pace: HostPace::default() }
    }
}

/// One slot's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SlotValues {
    /// In dB; minus infinity is silence.
    pub gain_db: f32,
    /// -1 (left) to 1 (right).
    pub pan: f32,
    /// Not heard.
    pub muted: bool,
    /// Heard alone.
    pub solo: bool,
    /// 0 for the main output, 1 to 8 for an auxiliary one.
    pub bus: usize,
}

/// Every parameter that the editor shows, and what the DAW has set.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Values {
    /// In dB; minus infinity is silence.
    pub send_gain_db: f32,
    /// Nobody hears this track.
    pub send_muted: bool,
    /// This track is sent only while one talks.
    pub talkback: bool,
    /// One talks.
    pub talks: bool,
    /// This track in one's own ears, in dB.
    pub monitor_db: f32,
    /// Everybody else in one's own ears, in dB.
    pub return_db: f32,
    /// The metronome clicks.
    pub metronome: bool,
    /// How loud it is in one's own ears, in dB.
    pub metronome_db: f32,
    /// All slots.
    pub slots: [SlotValues; SLOTS],
    /// The DAW's sample rate, in Hz; 0 before it has asked for audio.
    pub sample_rate_hz: u32,
    /// Sample frames in its last block.
    pub block_frames: usize,
    /// The plugin has auxiliary outputs (Backline Multi): a strip chooses its bus.
    pub has_aux_buses: bool,
    /// The plugin has no input (Backline Return): there is nothing to send, and no send to show.
    pub returns_only: bool,
}

/// The editor's side of the plugin. All of it is `[main-thread]`, and none of it may wait.
pub trait EditorBackend {
    /// The worker's last snapshot.
    fn snapshot(&self) -> Arc<Snapshot>;
    /// Levels since the last call, and the pace.
    fn readings(&mut self) -> Readings;
    /// The parameters as the host has them.
    fn values(&self) -> Values;
    /// The link of the session that was joined last, to offer it again.
    fn last_joined(&self) -> Option<String>;

    /// The link of the session that was hosted here last, as long as it was not ended; none where one was joined last.
    fn last_hosted(&self) -> Option<String>;
    /// Somebody looks for sessions in the local network, or no longer.
    fn look_around(&mut self, is_wanted: bool);
    /// The sessions that were found there.
    fn found(&self) -> Vec<FoundSession>;
    /// A gesture on a parameter starts.
    fn begin(&mut self, control: Control);
    /// Moves a parameter, in the control's unit.
    fn set(&mut self, control: Control, value: f32);
    /// The gesture is over.
    fn end(&mut self, control: Control);
    /// Hands a command to the worker.
    fn send(&mut self, command: Command);
    /// Which audio the standalone plays on; none in a DAW.
    fn sound(&self) -> Option<Arc<SoundView>>;
    /// Takes other audio for the standalone.
    fn choose_sound(&mut self, choice: SoundChoice);
    /// Takes other STUN and TURN servers.
    fn set_servers(&mut self, servers: &ServerFields);
    /// Keeps how the person wants editors to look, for every project.
    fn keep_look(&mut self, look: Look);
}
