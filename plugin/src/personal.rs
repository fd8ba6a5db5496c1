//! What a person chooses once and for every project: how the editor looks. `personal.json` in the config folder.
//!
//! Not in a DAW's project, which others open too (`state.rs`). The step before is the editor; a file that is missing or
//! cannot be read means a fresh start.

use std::path::Path;

use backline_client::config_dir;
use serde::{Deserialize, Serialize};

use crate::editor::theme::Look;

const FILE_NAME: &str = "personal.json";

/// All of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Personal {
    /// The editor's colours.
    pub look: Look,
}

impl Personal {
    /// What was kept, or a fresh start. [main-thread]
    pub fn recall() -> Self {
        config_dir().map_or_else(Self::default, |folder| Self::read(&folder))
    }

    /// Keeps it for every project: one small file. Where it cannot be written, it holds until the window is closed. [main-thread]
    pub fn keep(self) {
        let Some(folder) = config_dir() else { return };
        if let Err(error) = self.write(&folder) {
            tracing::warn!("{FILE_NAME} cannot be kept in {}: {error}", folder.display());
        }
    }

    fn read(folder: &Path) -> Self {
        let text = std::fs::read(folder.join(FILE_NAME)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Written beside and moved into place, so that a crash leaves no half file.
    fn write(self, folder: &Path) -> std::io::Result<()> {
        let text = serde_json::to_vec(&self)?;
        std::fs::create_dir_all(folder)?;
        let draft = folder.join(format!("{FILE_NAME}.{}", std::process::id()));
        std::fs::write(&draft, text)?;
        std::fs::rename(draft, folder.join(FILE_NAME))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_recalled_and_a_damaged_file_is_a_fresh_start() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("made on the way");
        assert_eq!(Personal::read(&inner), Personal::default());
        Personal { look: Look::Light }.write(&inner).unwrap();
        assert_eq!(Personal::read(&inner), Personal { look: Look::Light });
        assert_eq!(std::fs::read_dir(&inner).unwrap().count(), 1, "nothing is left beside it");
        std::fs::write(inner.join(FILE_NAME), "{\"look\":\"striped\"}").unwrap();
        assert_eq!(Personal::read(&inner), Personal::default());
    }
}
