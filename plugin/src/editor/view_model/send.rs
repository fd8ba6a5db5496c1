//! The panel of one's own send, in words.

use backline_client::{Quality, Scope, Snapshot, SourceId};

use super::{Access, Returns, in_session, words};
use crate::editor::backend::{HostPace, Values};
use crate::editor::theme::Tone;

/// The panel of one's own send.
#[derive(Debug, Clone, PartialEq)]
pub struct SendPanel {
    /// The participant's name; may be empty.
    pub name: String,
    /// What this track is called in the session; may be empty.
    pub source_name: String,
    /// The participant's colour, sRGB.
    pub colour: [u8; 3],
    /// Colour of the lamp over the fader.
    pub tone: Tone,
    /// "On air", "Muted".
    pub state: String,
    /// What goes out, "Opus 2.5 ms, 256 kbit/s".
    pub encoding: String,
    /// The rate of it, "528 kbit/s"; empty without a session.
    pub rate: String,
    /// What this track returns.
    pub returns: Returns,
    /// There is nothing to send here (Backline Return).
    pub returns_only: bool,
    /// The person wants the others to get this track.
    pub sends: bool,
    /// The quality that is chosen.
    pub quality: Quality,
    /// Another way of sending is taken while the paths do not carry that.
    pub automatic: bool,
    /// The playout depth that is chosen, in milliseconds.
    pub depth_ms: f32,
    /// Send gain in dB.
    pub gain_db: f32,
    /// Nobody hears this track.
    pub muted: bool,
    /// This track is sent only while one talks.
    pub talkback: bool,
    /// One talks.
    pub talks: bool,
    /// Who else may move gain and mute; none outside of a session.
    pub level_access: Option<Access>,
    /// Who else may set what is heard here; none outside of a session.
    pub mix_access: Option<Access>,
    /// Who moved it last, where that was somebody else.
    pub moved_by: Option<String>,
    /// This track in one's own ears, in dB.
    pub monitor_db: f32,
    /// Everybody else in one's own ears, in dB.
    pub return_db: f32,
    /// Audio goes out: fader and meter are drawn in full.
    pub live: bool,
}

impl SendPanel {
    pub(super) fn new(snapshot: &Snapshot, values: &Values, pace: HostPace) -> Self {
        let (tone, state) = state(snapshot, values, pace);
        let in_session = in_session(&snapshot.connection);
        let you = snapshot.you.participant.filter(|_| in_session);
        Self {
            name: snapshot.you.name.clone(),
            source_name: snapshot.you.source_name.clone(),
            colour: snapshot.you.colour,
            tone,
            state: state.to_owned(),
            encoding: if in_session { snapshot.send.encoding.clone() } else { String::new() },
            rate: if in_session { words::rate(snapshot.send.bits_per_second) } else { String::new() },
            returns: Returns::new(snapshot, values.returns_only),
            returns_only: values.returns_only,
            sends: snapshot.sends,
            quality: snapshot.quality,
            automatic: snapshot.automatic,
            depth_ms: snapshot.depth_ceiling.as_secs_f32() * 1000.0,
            gain_db: values.send_gain_db,
            muted: values.send_muted,
            talkback: values.talkback,
            talks: values.talks,
            level_access: you.map(|you| {
                let source = SourceId { participant: you, instance: snapshot.you.instance };
                Access::new(snapshot, Scope::Send(source), &snapshot.send_access)
            }),
            mix_access: you.map(|you| Access::new(snapshot, Scope::Monitor(you), &snapshot.mix_access)),
            moved_by: snapshot.send_fader.moved_by.clone().filter(|name| name != "you"),
            monitor_db: values.monitor_db,
            return_db: values.return_db,
            live: !values.send_muted && snapshot.sends && (!values.talkback || values.talks),
        }
    }
}

/// Whether anybody hears this track, and why not.
fn state(snapshot: &Snapshot, values: &Values, pace: HostPace) -> (Tone, &'static str) {
    match (in_session(&snapshot.connection), pace) {
        (_, HostPace::Faster) => (Tone::Warning, "Paused: offline render"),
        (_, HostPace::Slower) => (Tone::Warning, "Paused: DAW too slow"),
        (true, _) if values.returns_only => (Tone::Good, "Returns only"),
        (false, _) if values.returns_only => (Tone::Quiet, "Returns only"),
        (_, _) if !snapshot.sends => (Tone::Quiet, "Sends nothing"),
        (false, _) => (Tone::Quiet, "Nobody listens yet"),
        (true, _) if !is_published(snapshot) => (Tone::Warning, "Not sent: 8 tracks are"),
        (true, HostPace::Stopped) => (Tone::Warning, "No audio from the DAW"),
        (true, HostPace::Measuring) => (Tone::Busy, "Starting…"),
        (true, HostPace::RealTime) if values.send_muted => (Tone::Bad, "Muted for everybody"),
        (true, HostPace::RealTime) if values.talkback && !values.talks => (Tone::Quiet, "Hold Talk to speak"),
        (true, HostPace::RealTime) => (Tone::Good, "On air"),
    }
}

/// Of many tracks of a project only so many are sent.
fn is_published(snapshot: &Snapshot) -> bool {
    let own = snapshot.instances.iter().find(|instance| instance.instance == snapshot.you.instance);
    own.is_none_or(|own| own.is_published)
}

/// Every quality in the order of the menu.
pub const QUALITIES: [Quality; 4] =
    [Quality::LowestLatency, Quality::Balanced, Quality::Careful, Quality::Lossless];
