//! What a person did in the editor, as data: gestures on parameters, and commands for the worker.
//!
//! Panels and widgets only push intents; `app.rs` hands them to the backend after the frame is drawn. So a frame
//! is drawn from one state, and tests see exactly what each click asks for.

use backline_client::{Command, ParticipantId, SourceId};

use super::theme::Look;
use crate::servers::ServerFields;
use crate::sound::SoundChoice;

/// A fader in somebody else's mix, by who it is about: whoever comes or goes, a hand stays on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OfMix {
    /// Whose ears.
    pub listener: ParticipantId,
    /// What they hear.
    pub source: SourceId,
}

/// A parameter that a control moves, by meaning (the plugin's parameter ids are the backend's business).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Control {
    /// What everybody gets of this track, in dB.
    SendGain,
    /// 1 where this track is not sent, else 0.
    SendMute,
    /// 1 where this track is sent only while one talks, else 0.
    Talkback,
    /// 1 while one talks, else 0.
    Talk,
    /// This track in one's own ears, in dB.
    MonitorGain,
    /// Everybody else in one's own ears, in dB.
    ReturnGain,
    /// 1 where the metronome clicks, else 0.
    Metronome,
    /// How loud the metronome is in one's own ears, in dB.
    MetronomeLevel,
    /// Gain of a slot, in dB. The slot counts from 0.
    SlotGain(usize),
    /// Balance of a slot, -1 (left) to 1 (right).
    SlotPan(usize),
    /// 1 where the slot is muted, else 0.
    SlotMute(usize),
    /// 1 where the slot is heard alone, else 0.
    SlotSolo(usize),
    /// 0 for the main output, 1 to 8 for an auxiliary one.
    SlotBus(usize),
    /// How much every playout holds back, in milliseconds (a setting of the project, not a parameter).
    DepthCeiling,
    /// How loud everyone gets the source of a slot, in dB (a fader of the session, not a parameter).
    RemoteSend(usize),
    /// How loud somebody else hears a source, in dB (a fader of the session, not a parameter).
    MixGain(OfMix),
    /// Where they hear it, -1 to 1 (the same).
    MixPan(OfMix),
    /// 1 where they do not hear it, else 0 (the same).
    MixMute(OfMix),
    /// Whether the quality moves as the paths allow, 0 or 1 (a setting of the project, not a parameter).
    Automatic,
    /// Whether the others get this track, 0 or 1 (a setting of the project, not a parameter).
    Sends,
    /// Whether the local network hears of a session that is hosted here, 0 or 1 (a setting of the project, not a parameter).
    OpenToLan,
    /// Whether one's own sources are in the server's mix, 0 or 1 (a setting of the project, not a parameter).
    HearOwn,
}

impl Control {
    /// Whether the host has it, and records its gestures.
    pub fn is_parameter(self) -> bool {
        !matches!(
            self,
            Self::DepthCeiling
                | Self::Automatic
                | Self::Sends
                | Self::OpenToLan
                | Self::HearOwn
                | Self::RemoteSend(_)
                | Self::MixGain(_)
                | Self::MixPan(_)
                | Self::MixMute(_)
        )
    }
}

/// One thing that the person did.
#[derive(Debug, Clone, PartialEq)]
pub enum Intent {
    /// A gesture starts; the host records automation from here.
    Begin(Control),
    /// The control was moved, in the control's unit.
    Set(Control, f32),
    /// The gesture is over.
    End(Control),
    /// For the worker. Boxed, because a command that binds all slots is large and a moved fader is small.
    Send(Box<Command>),
    /// Open a session here; its link goes to the clipboard as soon as it is there.
    Host,
    /// Host the session whose host is gone; its new link goes to the clipboard as soon as it is there.
    CarryOn,
    /// Other audio for the standalone.
    ChooseSound(SoundChoice),
    /// Other STUN and TURN servers.
    SetServers(ServerFields),
    /// This slot alone is solo; none, where it was that already.
    SoloAlone(usize),
    /// Unbind a slot whose source is away.
    FreeSlot(usize),
    /// Show the mix of somebody else, or one's own strips.
    ShowMix(Option<ParticipantId>),
    /// Show the editor at this zoom, in percent.
    Zoom(u32),
    /// Show this editor, and every one that is opened from now on, in these colours.
    Look(Look),
    /// Put the clip light of the send meter out.
    ForgiveSendClip,
    /// Put the clip light of a slot's meter out.
    ForgiveSlotClip(usize),
}

impl Intent {
    /// A command for the worker.
    pub fn send(command: Command) -> Self {
        Self::Send(Box::new(command))
    }
}

/// A whole gesture at once, for clicks, wheel steps and typed values.
pub fn set_once(intents: &mut Vec<Intent>, control: Control, value: f32) {
    intents.extend([Intent::Begin(control), Intent::Set(control, value), Intent::End(control)]);
}
