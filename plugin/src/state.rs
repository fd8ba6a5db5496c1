//! What a project keeps of an instance besides parameters: the format, its versions, reading and writing.
//!
//! Not the live copy (`project.rs`) and not parameters (`params.rs`). The text is JSON inside the
//! framework's own state, under [`STATE_FIELD`]. Every field may be missing and then has its default.
//! A text that cannot be read, or that a newer Backline wrote, is never thrown away: see [`Saved`].

use std::collections::BTreeMap;
use std::time::Duration;

use backline_bridge::{AUX_BUSES, BusChoice};
use backline_client::{
    DEPTH_CEILING_DEFAULT, DEPTH_CEILING_MAX, InstanceId, ParticipantId, Quality, ReturnChoice, SLOTS,
    SourceId,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::state_text;

/// The version that this Backline writes.
pub const STATE_VERSION: u32 = 1;
/// Where the state is in the framework's fields.
pub const STATE_FIELD: &str = "backline";
/// Where texts that could not be used are kept.
pub const KEPT_FIELD: &str = "backline_kept";

/// The editor's first width and height, logical points.
pub const EDITOR_SIZE_POINTS_DEFAULT: (u32, u32) = (960, 600);
/// Editor widths and heights that make sense, logical points.
const EDITOR_SIDE_POINTS: std::ops::RangeInclusive<u32> = 320..=8192;
/// Editor scales that make sense.
const EDITOR_SCALE: std::ops::RangeInclusive<f32> = 0.5..=4.0;

/// One instance as its project keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectState {
    /// Of the format; see [`STATE_VERSION`].
    pub version: u32,
    /// Whose project this is; the key itself lives in the user's config folder.
    #[serde(with = "state_text::optional")]
    pub participant: Option<ParticipantId>,
    /// This instance, chosen at random once; zero until chosen.
    #[serde(with = "state_text")]
    pub instance: InstanceId,
    /// The participant's name, where the person has given one.
    pub name: Option<String>,
    /// The participant's colour, sRGB, where the person has given one.
    pub colour: Option<[u8; 3]>,
    /// What this instance sends is called this; empty for the default.
    pub source_name: String,
    /// Whether the others get what this instance plays.
    pub sends: bool,
    /// What this instance returns.
    #[serde(with = "state_text::returns")]
    pub returns: ReturnChoice,
    /// The session of last time, offered again but never entered or opened by itself.
    pub session: Option<LastSession>,
    /// Under which address the internet reaches this machine, for invite links.
    pub host_address: Option<String>,
    /// Whether the local network hears of a session that is hosted here, and people there get in without a link.
    pub open_to_lan: bool,
    /// Whether this participant's own sources are in the mix that a server makes for them.
    pub hear_own: bool,
    /// Servers that help through routers.
    pub servers: ServerState,
    /// How this instance sends.
    #[serde(with = "state_text::quality")]
    pub quality: Quality,
    /// Whether another way of sending is taken while the paths do not carry that quality.
    pub automatic: bool,
    /// How much every playout holds back, microseconds.
    pub playout_depth_us: u32,
    /// The strips' bindings, slot 1 first.
    pub slots: [SlotState; SLOTS],
    /// The editor's window.
    pub editor: EditorState,
}

/// The STUN and TURN servers of a project; empty where none is named. The password of the TURN server is not here: a
/// project is passed around.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerState {
    /// `203.0.113.7:3478`, or without the port.
    pub stun: String,
    /// `203.0.113.7:3478`, or without the port.
    pub turn: String,
    /// The user name on the TURN server.
    pub turn_user: String,
}

/// The session that an instance was in when its project was saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastSession {
    /// Hosted here or joined.
    pub role: Role,
    /// The invite link; the host opens the session again with it.
    pub link: String,
}

/// What an instance was in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The session ran in this instance.
    Hosted,
    /// This instance followed a link.
    Joined,
}

/// What a slot is bound to and where it plays.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SlotState {
    /// The source, also while it is away.
    #[serde(with = "state_text::optional")]
    pub source: Option<SourceId>,
    /// "main" or "aux1" to "aux8".
    #[serde(with = "state_text::bus")]
    pub bus: BusChoice,
}

/// The editor's window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EditorState {
    /// Logical points at scale 1.
    pub width_points: u32,
    /// Logical points at scale 1.
    pub height_points: u32,
    /// 1.0 is 100 %.
    pub scale: f32,
}

/// A state text that could not be used, exactly as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptText {
    /// Verbatim.
    pub text: String,
    /// The person has changed settings since it was put aside, so it must not come back by itself.
    pub superseded: bool,
}

/// Everything that Backline has in the framework's fields.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Saved {
    /// The instance.
    pub state: ProjectState,
    /// Texts that could not be used, oldest first; written back unchanged with every save.
    pub kept: Vec<KeptText>,
    /// Fields of other versions of Backline; written back unchanged.
    pub foreign: BTreeMap<String, String>,
}

/// Why a state text cannot be used. The texts are for musicians.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StateError {
    /// From a later Backline.
    #[error(
        "This project was saved by a newer Backline (state version {found}; this one reads up to {STATE_VERSION})."
    )]
    Newer {
        /// Its version.
        found: u32,
    },
    /// Not JSON, not ours, or with values that cannot be.
    #[error("The Backline settings in this project are damaged ({detail}).")]
    Damaged {
        /// For a report.
        detail: String,
    },
}

impl StateError {
    /// What the person can do.
    pub fn advice(&self) -> &'static str {
        match self {
            StateError::Newer { .. } => {
                "This instance starts afresh; the newer settings stay in the project unchanged. \
                 Update Backline and open the project again to have them back."
            }
            StateError::Damaged { .. } => {
                "This instance starts afresh; the damaged settings stay in the project unchanged. \
                 An earlier version of the project may have them whole."
            }
        }
    }
}

impl Default for ProjectState {
    fn default() -> Self {
        Self {
            version: STATE_VERSION,
            participant: None,
            instance: InstanceId(0),
            name: None,
            colour: None,
            source_name: String::new(),
            sends: true,
            returns: ReturnChoice::Automatic,
            session: None,
            host_address: None,
            open_to_lan: true,
            hear_own: false,
            servers: ServerState::default(),
            quality: Quality::Balanced,
            automatic: true,
            playout_depth_us: DEPTH_CEILING_DEFAULT.as_micros() as u32,
            slots: [SlotState::default(); SLOTS],
            editor: EditorState::default(),
        }
    }
}

impl Default for SlotState {
    fn default() -> Self {
        Self { source: None, bus: BusChoice::Main }
    }
}

impl Default for EditorState {
    fn default() -> Self {
        let (width_points, height_points) = EDITOR_SIZE_POINTS_DEFAULT;
        Self { width_points, height_points, scale: 1.0 }
    }
}

impl ProjectState {
    /// Reads one state text.
    ///
    /// # Errors
    /// The text is of a newer version, or damaged; nothing of it is used then.
    pub fn parse(text: &str) -> Result<Self, StateError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let damaged = |error: serde_json::Error| StateError::Damaged { detail: error.to_string() };
        let Versioned { version } = serde_json::from_str(text).map_err(damaged)?;
        match version {
            0 => Err(StateError::Damaged { detail: "version 0".to_owned() }),
            1..=STATE_VERSION => serde_json::from_str(text).map(Self::within_limits).map_err(damaged),
            found => Err(StateError::Newer { found }),
        }
    }

    /// The text that [`ProjectState::parse`] reads.
    pub fn to_text(&self) -> String {
        // Only maps with keys that are no text can fail to serialise; there are none.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// How much every playout holds back.
    pub fn depth_ceiling(&self) -> Duration {
        Duration::from_micros(self.playout_depth_us.into())
    }

    /// The sources of all slots.
    pub fn bindings(&self) -> [Option<SourceId>; SLOTS] {
        self.slots.map(|slot| slot.source)
    }

    fn within_limits(mut self) -> Self {
        let editor = &mut self.editor;
        editor.width_points =
            editor.width_points.clamp(*EDITOR_SIDE_POINTS.start(), *EDITOR_SIDE_POINTS.end());
        editor.height_points =
            editor.height_points.clamp(*EDITOR_SIDE_POINTS.start(), *EDITOR_SIDE_POINTS.end());
        editor.scale = editor.scale.clamp(*EDITOR_SCALE.start(), *EDITOR_SCALE.end());
        self.playout_depth_us = self.playout_depth_us.min(DEPTH_CEILING_MAX.as_micros() as u32);
        self.version = STATE_VERSION;
        self
    }
}

impl Saved {
    /// Reads the framework's fields. What cannot be used is put aside, and said.
    ///
    /// A text that an older Backline had put aside, and after which nobody changed anything, comes back
    /// as soon as a Backline can read it.
    pub fn read(fields: &BTreeMap<String, String>) -> (Self, Option<StateError>) {
        let mut saved = Saved { foreign: fields.clone(), ..Saved::default() };
        let kept = saved.foreign.remove(KEPT_FIELD);
        saved.kept = kept.map(|text| parse_kept(&text)).unwrap_or_default();
        let error = match saved.foreign.remove(STATE_FIELD) {
            None => None,
            Some(text) => saved.take(text).err(),
        };
        saved.bring_back();
        (saved, error)
    }

    /// The fields that [`Saved::read`] reads.
    pub fn write(&self) -> BTreeMap<String, String> {
        let mut fields = self.foreign.clone();
        fields.insert(STATE_FIELD.to_owned(), self.state.to_text());
        if !self.kept.is_empty() {
            fields.insert(KEPT_FIELD.to_owned(), serde_json::to_string(&self.kept).unwrap_or_default());
        }
        fields
    }

    /// The person changed something: what was put aside stays aside from now on.
    pub fn supersede_kept(&mut self) {
        self.kept.iter_mut().for_each(|kept| kept.superseded = true);
    }

    fn take(&mut self, text: String) -> Result<(), StateError> {
        match ProjectState::parse(&text) {
            Ok(state) => {
                self.state = state;
                Ok(())
            }
            Err(error) => {
                self.kept.retain(|kept| kept.text != text);
                self.kept.push(KeptText { text, superseded: false });
                Err(error)
            }
        }
    }

    fn bring_back(&mut self) {
        let Some(last) = self.kept.last().filter(|last| !last.superseded) else { return };
        if let Ok(state) = ProjectState::parse(&last.text) {
            self.state = state;
            self.kept.pop();
        }
    }
}

/// A list of kept texts that is itself damaged becomes one kept text.
fn parse_kept(text: &str) -> Vec<KeptText> {
    serde_json::from_str(text).unwrap_or_else(|_| vec![KeptText { text: text.to_owned(), superseded: true }])
}

const _: () = assert!(AUX_BUSES <= 9, "bus texts have one digit");

#[cfg(test)]
mod tests;
