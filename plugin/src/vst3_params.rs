//! Sets parameters as a VST3 host says, past the framework.
//!
//! nice-plug 0.4.2 tells the editor's window of every change that it sets itself. Where that does not come from the main thread (all
//! automation), a note goes to its background thread on Linux, which ends by a panic where a host opens or closes the window just then, or
//! has it open and offers no run loop; and the last instance that goes aborts the host, because the thread has ended. Backline's editor
//! looks at parameters by itself. A part of `vst3_buses.rs`.

use std::sync::Arc;

use nice_plug::prelude::{ParamPtr, Params};
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    IEditControllerTrait, ParamID, ParamValue, ParameterInfo,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{int32, kResultOk};

use crate::params::BacklineParams;

/// The parameters of an instance by the ids that hosts know them by.
pub struct OwnParams {
    /// In the order of ids. Each is one of `owner`'s.
    by_id: Vec<(ParamID, ParamPtr)>,
    _owner: Option<Arc<BacklineParams>>,
}

impl OwnParams {
    /// Those of `owner`, which are in the framework's `controller`; none without an owner. [main-thread]
    pub fn new(controller: &impl IEditControllerTrait, owner: Option<Arc<BacklineParams>>) -> Self {
        // The framework numbers them in this order.
        let params = owner.iter().flat_map(|owner| owner.param_map());
        let mut by_id: Vec<(ParamID, ParamPtr)> =
            params.zip(ids(controller)).map(|((_, param, _), id)| (id, param)).collect();
        by_id.sort_by_key(|(id, _)| *id);
        Self { by_id, _owner: owner }
    }

    /// Whether there is such a parameter. [any-thread]
    pub fn has(&self, id: ParamID) -> bool {
        self.get(id).is_some()
    }

    /// Sets a parameter to a normalized value. What is not a number, and a parameter that does not exist, changes nothing; false then.
    /// [audio-thread, main-thread]
    pub fn set(&self, id: ParamID, value: ParamValue) -> bool {
        let value = value as f32;
        match self.get(id).filter(|_| value.is_finite()) {
            Some(param) => {
                // SAFETY: `_owner` keeps it alive; its value is an atomic.
                unsafe { param._internal_set_normalized_value(value) };
                true
            }
            None => false,
        }
    }

    fn get(&self, id: ParamID) -> Option<ParamPtr> {
        let index = self.by_id.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.by_id.get(index).map(|(_, param)| *param)
    }
}

/// The ids of all parameters in the framework's order.
fn ids(controller: &impl IEditControllerTrait) -> impl Iterator<Item = ParamID> {
    // SAFETY: it only counts.
    (0..unsafe { controller.getParameterCount() }).map_while(|index: int32| {
        // SAFETY: all zeros describes a parameter without a name, and the answer goes to a place of our own.
        unsafe {
            let mut info: ParameterInfo = std::mem::zeroed();
            (controller.getParameterInfo(index, &mut info) == kResultOk).then_some(info.id)
        }
    })
}
