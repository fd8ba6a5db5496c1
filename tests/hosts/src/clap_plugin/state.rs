//! Saving and loading states, also through streams that take or give only a few bytes at a time.

use std::io::{self, Read, Write};

use clack_extensions::state::PluginState;
use serde_json::Value;

use super::ClapPlugin;
use crate::error::HostError;

impl ClapPlugin {
    /// The state as the plugin saves it into a project.
    pub fn save_state(&mut self) -> Result<Vec<u8>, HostError> {
        self.save_state_in_pieces(usize::MAX)
    }

    /// Gives the plugin a state from a project.
    pub fn load_state(&mut self, bytes: &[u8]) -> Result<(), HostError> {
        self.load_state_in_pieces(bytes, usize::MAX)
    }

    /// The state, through a stream that takes at most `piece_bytes` at once.
    pub fn save_state_in_pieces(&mut self, piece_bytes: usize) -> Result<Vec<u8>, HostError> {
        self.save_state_until(piece_bytes, usize::MAX)
    }

    /// The same, through a stream that fails after so many bytes.
    pub fn save_state_until(
        &mut self,
        piece_bytes: usize,
        breaks_after: usize,
    ) -> Result<Vec<u8>, HostError> {
        let plugin = self.instance.plugin_handle();
        let state = plugin
            .get_extension::<PluginState>()
            .ok_or_else(|| HostError::plugin("save its state", "no state"))?;
        let mut pieces = Pieces { stream: Vec::new(), piece_bytes, breaks_after };
        state.save(&plugin, &mut pieces).map_err(|error| HostError::plugin("save its state", error))?;
        Ok(pieces.stream)
    }

    /// Gives the plugin a state through a stream that gives at most `piece_bytes` at once.
    pub fn load_state_in_pieces(&mut self, bytes: &[u8], piece_bytes: usize) -> Result<(), HostError> {
        self.load_state_until(bytes, piece_bytes, usize::MAX)
    }

    /// The same, through a stream that fails after so many bytes.
    pub fn load_state_until(
        &mut self,
        bytes: &[u8],
        piece_bytes: usize,
        breaks_after: usize,
    ) -> Result<(), HostError> {
        let plugin = self.instance.plugin_handle();
        let state = plugin
            .get_extension::<PluginState>()
            .ok_or_else(|| HostError::plugin("load a state", "no state"))?;
        let mut pieces = Pieces { stream: bytes, piece_bytes, breaks_after };
        state.load(&plugin, &mut pieces).map_err(|error| HostError::plugin("load a state", error))
    }
}

/// A state in which something of what the project keeps besides parameters is changed. The framework writes the length of its JSON in 8
/// bytes before it.
pub fn with_project(state: &[u8], change: impl FnOnce(&mut Value)) -> Result<Vec<u8>, HostError> {
    let unread = |error: serde_json::Error| HostError::plugin("save a state that can be read", error);
    let mut saved: Value = serde_json::from_slice(state.get(8..).unwrap_or_default()).map_err(unread)?;
    let field = &mut saved["fields"]["backline"];
    let mut project = serde_json::from_str(field.as_str().unwrap_or_default()).map_err(unread)?;
    change(&mut project);
    *field = Value::from(project.to_string());
    let json = saved.to_string();
    Ok([&(json.len() as u64).to_le_bytes(), json.as_bytes()].concat())
}

/// A stream in small pieces.
struct Pieces<S> {
    stream: S,
    piece_bytes: usize,
    breaks_after: usize,
}

impl<S> Pieces<S> {
    /// How much of `bytes` goes through at once.
    fn piece(&mut self, bytes: usize) -> io::Result<usize> {
        let piece = bytes.min(self.piece_bytes).min(self.breaks_after);
        if piece == 0 && bytes > 0 {
            return Err(io::Error::other("the stream is broken"));
        }
        self.breaks_after -= piece;
        Ok(piece)
    }
}

impl<S: Read> Read for Pieces<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.piece(buffer.len())?;
        self.stream.read(&mut buffer[..piece])
    }
}

impl<S: Write> Write for Pieces<S> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let piece = self.piece(buffer.len())?;
        self.stream.write(&buffer[..piece])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
