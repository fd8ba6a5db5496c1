//! What the standalone keeps for next time: its one project, `standalone.json`, and which audio was chosen, `sound.json`, in the config
//! folder.
//!
//! The same text that a DAW's project file would hold. A file that cannot be read is put aside under
//! another name, never overwritten.

use std::path::{Path, PathBuf};

use backline_client::{Command, Severity, config_dir};
use nice_plug::plugin::{ParamValue, PluginState};
use nice_plug::prelude::{Param, ParamPtr, Params};

use crate::params::BacklineParams;
use crate::sound::SoundChoice;
use crate::state_filter;

const FILE_NAME: &str = "standalone.json";
const SOUND_FILE_NAME: &str = "sound.json";

/// Loads what was kept, if anything. [main-thread]
pub fn recall(params: &BacklineParams) {
    let Some(path) = path() else { return };
    let Ok(text) = std::fs::read(&path) else { return };
    match serde_json::from_slice(&text) {
        Ok(state) => apply(params, state),
        Err(error) => put_aside(params, &path, &error.to_string()),
    }
}

/// Keeps everything for next time. [main-thread]
pub fn remember(params: &BacklineParams) {
    let Some(path) = path() else { return };
    let written =
        serde_json::to_vec(&state(params)).map_err(std::io::Error::from).and_then(|text| write(&path, &text));
    if let Err(error) = written {
        tracing::warn!("the settings cannot be kept in {}: {error}", path.display());
    }
}

/// Which audio was chosen last; the system's own choice where that cannot be read. [main-thread]
pub fn recall_sound() -> SoundChoice {
    let text = config_dir().and_then(|folder| std::fs::read(folder.join(SOUND_FILE_NAME)).ok());
    text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

/// Keeps which audio was chosen. [sound-thread]
pub fn remember_sound(choice: &SoundChoice) {
    let Some(path) = config_dir().map(|folder| folder.join(SOUND_FILE_NAME)) else { return };
    let written =
        serde_json::to_vec(choice).map_err(std::io::Error::from).and_then(|text| write(&path, &text));
    if let Err(error) = written {
        tracing::warn!("which audio was chosen cannot be kept in {}: {error}", path.display());
    }
}

/// Everything, as a project file would hold it. [main-thread]
pub fn state(params: &BacklineParams) -> PluginState {
    let value = |pointer| match pointer {
        // SAFETY: the pointers lead into `params`.
        ParamPtr::FloatParam(param) => Some(ParamValue::F32(unsafe { (*param).unmodulated_plain_value() })),
        // SAFETY: as above.
        ParamPtr::BoolParam(param) => Some(ParamValue::Bool(unsafe { (*param).unmodulated_plain_value() })),
        ParamPtr::IntParam(_) | ParamPtr::EnumParam(_) => None,
    };
    let entries = params.param_map().into_iter();
    PluginState {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        params: entries.filter_map(|(id, pointer, _)| Some((id, value(pointer)?))).collect(),
        fields: params.serialize_fields(),
    }
}

/// Takes everything from a project file's text. [main-thread]
pub fn apply(params: &BacklineParams, mut state: PluginState) {
    state_filter::before_load(&mut state);
    for (id, pointer, _) in params.param_map() {
        let normalized = match (pointer, state.params.get(&id)) {
            (ParamPtr::FloatParam(param), Some(ParamValue::F32(value))) => {
                // SAFETY: the pointers lead into `params`.
                unsafe { &*param }.preview_normalized(*value)
            }
            (ParamPtr::BoolParam(_), Some(ParamValue::Bool(value))) => f32::from(u8::from(*value)),
            _ => continue,
        };
        // SAFETY: as above.
        unsafe { pointer._internal_set_normalized_value(normalized) };
    }
    params.deserialize_fields(&state.fields);
}

fn path() -> Option<PathBuf> {
    config_dir().map(|folder| folder.join(FILE_NAME))
}

fn write(path: &Path, text: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension("json.new");
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, path)
}

fn put_aside(params: &BacklineParams, path: &Path, reason: &str) {
    let aside =
        (1..).map(|number| path.with_extension(format!("json.damaged-{number}"))).find(|path| !path.exists());
    let moved = aside.and_then(|aside| std::fs::rename(path, &aside).ok().map(|()| aside));
    let place = moved.as_deref().unwrap_or(path).display().to_string();
    params.project.client().send(Command::Notify {
        severity: Severity::Warning,
        text: format!("The settings of last time are damaged ({reason})."),
        advice: format!("Backline starts afresh; the damaged settings are kept in {place}."),
    });
}
