use super::*;

/// A host's side of one call.
struct Host {
    transport: Transport,
}

impl<P: Plugin> ActivateContext<P> for Host {
    fn plugin_api(&self) -> PluginApi {
        PluginApi::Clap
    }

    fn execute(&self, _task: P::BackgroundTask) {
        panic!("Backline runs nothing while it activates");
    }

    fn set_latency_samples(&self, _samples: u32) {
        panic!("Backline reports no latency of its own");
    }

    fn set_current_voice_capacity(&self, _capacity: u32) {
        panic!("Backline has no voices");
    }
}

impl<P: Plugin> ProcessContext<P> for Host {
    fn plugin_api(&self) -> PluginApi {
        PluginApi::Clap
    }

    fn execute_background(&self, _task: P::BackgroundTask) {
        panic!("nothing may be queued from the audio thread");
    }

    fn execute_gui(&self, _task: P::BackgroundTask) {
        panic!("nothing may be queued from the audio thread");
    }

    fn transport(&self) -> &Transport {
        &self.transport
    }

    fn next_event(&mut self) -> Option<PluginNoteEvent<P>> {
        None
    }

    fn try_send_event(
        &mut self,
        event: PluginNoteEvent<P>,
    ) -> Result<(), (PluginNoteEvent<P>, nice_plug::context::process::SendEventError)> {
        Err((event, nice_plug::context::process::SendEventError::NoOutputBuffer))
    }

    fn set_latency_samples(&self, _samples: u32) {
        panic!("Backline reports no latency of its own");
    }

    fn request_restart(&self) {
        panic!("Backline never asks to be restarted");
    }

    fn set_current_voice_capacity(&self, _capacity: u32) {
        panic!("Backline has no voices");
    }
}

fn run_one_block<C: Class>() -> ProcessStatus {
    let mut plugin = BacklinePlugin::<C>::default();
    let mut host = Host { transport: Transport::new(48_000.0) };
    let config = BufferConfig {
        sample_rate: 48_000.0,
        min_buffer_size: None,
        max_buffer_size: 64,
        process_mode: ProcessMode::Realtime,
    };
    assert!(plugin.activate(&C::LAYOUTS[0], &config, &mut host));
    plugin.reset();
    let mut samples = vec![vec![0.5; 64]; 2];
    let mut buffer = Buffer::default();
    // SAFETY: the slices live as long as the buffer and have one length.
    unsafe { buffer.set_slices(64, |slices| *slices = samples.iter_mut().map(Vec::as_mut_slice).collect()) };
    let mut aux = AuxiliaryBuffers { inputs: &mut [], outputs: &mut [] };
    let status = plugin.process(&mut buffer, &mut aux, &mut host);
    plugin.deactivate();
    status
}

#[test]
fn all_classes_make_sound_without_input_for_as_long_as_they_live() {
    assert_eq!(run_one_block::<Stereo>(), ProcessStatus::KeepAlive);
    assert_eq!(run_one_block::<MultiOut>(), ProcessStatus::KeepAlive);
    assert_eq!(run_one_block::<ReturnOnly>(), ProcessStatus::KeepAlive);
}

#[test]
fn the_main_class_has_no_auxiliary_ports_and_multi_has_eight() {
    assert!(Stereo::LAYOUTS.iter().all(|layout| layout.aux_output_ports.is_empty()));
    assert!(MultiOut::LAYOUTS.iter().all(|layout| layout.aux_output_ports.len() == 8));
    assert!(!Backline::default().processor.params().kind.has_aux_buses());
    assert!(BacklineMulti::default().processor.params().kind.has_aux_buses());
}

#[test]
fn a_return_has_no_input_and_takes_notes_and_its_ids_are_its_own() {
    assert!(ReturnOnly::LAYOUTS.iter().all(|layout| layout.main_input_channels.is_none()));
    assert_eq!(BacklineReturn::MIDI_INPUT, MidiConfig::Basic);
    assert_ne!(BacklineReturn::VST3_CLASS_ID, Backline::VST3_CLASS_ID);
    let ids = [Stereo::CLAP_ID, MultiOut::CLAP_ID, ReturnOnly::CLAP_ID];
    assert!(ids.iter().all(|id| ids.iter().filter(|other| id == *other).count() == 1));
}

#[test]
fn loading_the_library_sets_up_no_logger_and_no_panic_hook() {
    assert_eq!(Backline::setup_logger(), Some(false));
}
