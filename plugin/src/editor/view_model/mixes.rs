//! What others hear who let us set it, in words: a mix for each of them.

use backline_client::{FaderView, MixStrip, MixView, ParticipantId, Snapshot};

use super::{in_session, words};
use crate::editor::intent::OfMix;

/// Somebody else's mix.
#[derive(Debug, Clone, PartialEq)]
pub struct Mix {
    /// Whose ears.
    pub listener: ParticipantId,
    /// "Ada’s mix".
    pub title: String,
    /// Every source but theirs.
    pub strips: Vec<MixStripPanel>,
}

/// One source in it.
#[derive(Debug, Clone, PartialEq)]
pub struct MixStripPanel {
    /// Which fader.
    pub of: OfMix,
    /// The participant who sends it.
    pub participant_name: String,
    /// What they call it.
    pub source_name: String,
    /// The participant's colour, sRGB.
    pub colour: [u8; 3],
    /// In dB.
    pub gain_db: f32,
    /// -1 to 1.
    pub pan: f32,
    /// They do not hear it.
    pub muted: bool,
    /// What it does, and who moved it last.
    pub help: String,
}

/// All mixes that we may set, in the order of the snapshot.
pub(super) fn mixes(snapshot: &Snapshot) -> Vec<Mix> {
    let is_shown = in_session(&snapshot.connection);
    snapshot.mixes.iter().filter(|_| is_shown).map(Mix::new).collect()
}

impl Mix {
    fn new(mix: &MixView) -> Self {
        let strips = mix.strips.iter().map(|strip| MixStripPanel::new(mix, strip)).collect();
        Self { listener: mix.listener, title: words::mix_of(&mix.name), strips }
    }
}

impl MixStripPanel {
    fn new(mix: &MixView, strip: &MixStrip) -> Self {
        let FaderView { gain, pan, mute, .. } = strip.monitor;
        let moved_by = strip.monitor.moved_by.as_deref();
        let moved = moved_by.map_or_else(String::new, |name| format!("\nMoved last by {name}"));
        Self {
            of: OfMix { listener: mix.listener, source: strip.source },
            participant_name: words::or(&strip.participant_name, "Participant"),
            source_name: words::or(&strip.source_name, "Source"),
            colour: strip.colour,
            gain_db: gain.db(),
            pan: pan.get(),
            muted: mute,
            help: format!("How loud {} hears it; nobody else{moved}", words::or(&mix.name, "Participant")),
        }
    }
}
