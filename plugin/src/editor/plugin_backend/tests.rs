use std::sync::Mutex;

use nice_plug::prelude::{GuiContextInner, Param, ParamPtr, PluginApi, PluginState};

use super::*;
use crate::kind::Kind;
use crate::processor::Processor;

/// A host that takes every change at once and writes it down.
#[derive(Default)]
struct Host(Mutex<Vec<(&'static str, ParamPtr)>>);

impl GuiContextInner for Host {
    fn plugin_api(&self) -> PluginApi {
        PluginApi::Clap
    }

    unsafe fn raw_begin_set_parameter(&self, param: ParamPtr) {
        self.0.lock().unwrap().push(("begin", param));
    }

    unsafe fn raw_set_parameter_normalized(&self, param: ParamPtr, normalized: f32) {
        self.0.lock().unwrap().push(("set", param));
        // SAFETY: the test holds the parameters as long as this host.
        unsafe { param._internal_set_normalized_value(normalized) };
    }

    unsafe fn raw_end_set_parameter(&self, param: ParamPtr) {
        self.0.lock().unwrap().push(("end", param));
    }

    fn get_state(&self) -> PluginState {
        unreachable!("the editor asks for no state")
    }

    fn set_state(&self, _state: PluginState) {}

    fn request_restart(&self) {}
}

/// Moves one control and returns what the host heard and what the editor shows then.
fn moved(processor: &Processor, control: Control, value: f32) -> (Vec<(&'static str, ParamPtr)>, Values) {
    let host = Host::default();
    let mut backend = PluginBackend {
        params: processor.params(),
        client: processor.client(),
        setter: ParamSetter::new(&host),
    };
    backend.begin(control);
    backend.set(control, value);
    backend.end(control);
    let values = backend.values();
    (host.0.into_inner().unwrap(), values)
}

#[test]
fn every_control_moves_its_own_parameter_in_one_gesture() {
    let processor = Processor::new(Kind::Multi);
    let params = processor.params();
    for (control, param) in [
        (Control::SendGain, params.send_gain.as_ptr()),
        (Control::SendMute, params.send_mute.as_ptr()),
        (Control::Talkback, params.talkback.as_ptr()),
        (Control::Talk, params.talk.as_ptr()),
        (Control::Metronome, params.metronome.as_ptr()),
        (Control::MetronomeLevel, params.metronome_level.as_ptr()),
        (Control::MonitorGain, params.monitor_gain.as_ptr()),
        (Control::ReturnGain, params.return_gain.as_ptr()),
        (Control::SlotGain(0), params.slots[0].gain.as_ptr()),
        (Control::SlotGain(15), params.slots[15].gain.as_ptr()),
        (Control::SlotPan(3), params.slots[3].pan.as_ptr()),
        (Control::SlotMute(4), params.slots[4].mute.as_ptr()),
        (Control::SlotSolo(5), params.slots[5].solo.as_ptr()),
    ] {
        let (heard, _) = moved(&processor, control, 1.0);
        assert_eq!(heard, [("begin", param), ("set", param), ("end", param)], "{control:?}");
    }
}

#[test]
fn what_was_set_is_what_is_shown() {
    let processor = Processor::new(Kind::Multi);
    for db in [-6.0, 0.0, 12.0, -79.9, f32::NEG_INFINITY] {
        let shown = moved(&processor, Control::SlotGain(2), db).1.slots[2].gain_db;
        assert!(shown == db || (shown - db).abs() < 0.001, "{db} dB is shown as {shown} dB");
    }
    assert_eq!(moved(&processor, Control::SendGain, 0.0).1.send_gain_db, 0.0, "unity is exact");
    for pan in [-1.0, -0.4, 0.0, 1.0] {
        let shown = moved(&processor, Control::SlotPan(2), pan).1.slots[2].pan;
        assert!((shown - pan).abs() < 0.001, "{pan} is shown as {shown}");
    }
    assert!(moved(&processor, Control::SlotMute(2), 1.0).1.slots[2].muted);
    assert!(!moved(&processor, Control::SlotMute(2), 0.0).1.slots[2].muted);
}

#[test]
fn a_bus_is_the_projects_and_no_parameter() {
    let processor = Processor::new(Kind::Multi);
    for bus in [0, 1, 8] {
        let (heard, values) = moved(&processor, Control::SlotBus(6), bus as f32);
        assert!(heard.is_empty());
        assert_eq!(values.slots[6].bus, bus);
    }
    assert!(moved(&processor, Control::SlotBus(99), 1.0).0.is_empty(), "a slot that does not exist");
}

#[test]
fn a_fresh_instance_is_silent_and_not_in_a_session() {
    let processor = Processor::new(Kind::Track);
    let host = Host::default();
    let mut backend = PluginBackend {
        params: processor.params(),
        client: processor.client(),
        setter: ParamSetter::new(&host),
    };
    let readings = backend.readings();
    assert_eq!(readings.send_db, [f32::NEG_INFINITY; 2]);
    assert_eq!(readings.pace, HostPace::Stopped);
    let model =
        super::super::view_model::ViewModel::new(&backend.snapshot(), &backend.values(), readings.pace);
    assert_eq!(model.header.state, "Not in a session");
    assert_eq!(backend.values().monitor_db, f32::NEG_INFINITY);
    assert!(!backend.values().has_aux_buses);
}
