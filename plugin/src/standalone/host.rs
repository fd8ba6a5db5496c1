//! What the editor takes for its host when there is none: parameters are moved at once.
//!
//! The audio thread reads parameters as atomics at the start of each block, so nothing needs a queue.

use std::sync::Arc;

use nice_plug::context::PluginApi;
use nice_plug::prelude::{GuiContextInner, ParamPtr, PluginState};

use super::memory;
use crate::params::BacklineParams;

/// The editor's host.
pub struct StandaloneHost {
    params: Arc<BacklineParams>,
}

impl StandaloneHost {
    /// The host of the instance with these parameters.
    pub fn new(params: Arc<BacklineParams>) -> Self {
        Self { params }
    }
}

impl GuiContextInner for StandaloneHost {
    fn plugin_api(&self) -> PluginApi {
        PluginApi::Standalone
    }

    unsafe fn raw_begin_set_parameter(&self, _param: ParamPtr) {}

    unsafe fn raw_set_parameter_normalized(&self, param: ParamPtr, normalized: f32) {
        // SAFETY: the editor only knows parameters of `self.params`, which live as long as this.
        unsafe { param._internal_set_normalized_value(normalized) };
    }

    unsafe fn raw_end_set_parameter(&self, _param: ParamPtr) {}

    fn get_state(&self) -> PluginState {
        memory::state(&self.params)
    }

    fn set_state(&self, state: PluginState) {
        memory::apply(&self.params, state);
    }

    fn request_restart(&self) {}
}
