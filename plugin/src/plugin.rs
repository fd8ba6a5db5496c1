//! Backline for the framework: names, ids, ports, and the calls of a host handed on to `processor.rs`.
//!
//! Three classes from one type: *Backline* (stereo), *Backline Multi* (with eight auxiliary stereo outputs) and
//! *Backline Return* (an instrument without audio input, for hosts and tracks that want one).
//! VST3 hosts may leave any bus inactive; what that takes is in `vst3_buses.rs`. CLAP hosts pass all buses. Either brings a block in
//! parts where parameters change within it: each part with the values of its beginning.

use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::sync::Arc;

use backline_bridge::{AUX_BUSES, StereoBus};
use nice_plug::context::PluginApi;
use nice_plug::prelude::*;

use crate::editor::BacklineEditor;
use crate::fence::{Fence, FenceTask};
use crate::host_call::HostCall;
use crate::kind::Kind;
use crate::logging;
use crate::processor::{AuxBuses, Processor};
use crate::song;
use crate::state_filter;

/// What tells the classes apart.
pub trait Class: Send + Sync + 'static {
    /// As hosts show it.
    const NAME: &'static str;
    /// Frozen: projects hold it.
    const CLAP_ID: &'static str;
    /// One sentence for plugin browsers.
    const DESCRIPTION: &'static str;
    /// What it can do.
    const KIND: Kind;
    /// What CLAP hosts sort it under; the first is the category.
    const CLAP_FEATURES: &'static [ClapFeature];
    /// The first is the default.
    const LAYOUTS: &'static [AudioIOLayout];
}

/// Stereo in and out; mono accepted.
pub struct Stereo;

/// Stereo in and out, and eight auxiliary stereo outputs.
pub struct MultiOut;

/// Nothing in, stereo out; mono accepted.
pub struct ReturnOnly;

/// The plugin of a class.
pub struct BacklinePlugin<C: Class> {
    processor: Processor,
    fence: Fence<Self>,
    api: PluginApi,
    call: Arc<HostCall>,
    class: PhantomData<C>,
}

/// *Backline*.
pub type Backline = BacklinePlugin<Stereo>;

/// *Backline Multi*.
pub type BacklineMulti = BacklinePlugin<MultiOut>;

/// *Backline Return*.
pub type BacklineReturn = BacklinePlugin<ReturnOnly>;

const MONO: Option<NonZeroU32> = NonZeroU32::new(1);
const STEREO: Option<NonZeroU32> = NonZeroU32::new(2);
const AUX_STEREO: [NonZeroU32; AUX_BUSES] = [new_nonzero_u32(2); AUX_BUSES];
const AUX_NAMES: &[&str] = &["Aux 1", "Aux 2", "Aux 3", "Aux 4", "Aux 5", "Aux 6", "Aux 7", "Aux 8"];
const _: () = assert!(AUX_NAMES.len() == AUX_STEREO.len());
const EFFECT_FEATURES: &[ClapFeature] =
    &[ClapFeature::AudioEffect, ClapFeature::Utility, ClapFeature::Mixing, ClapFeature::Stereo];

impl Class for Stereo {
    const NAME: &'static str = "Backline";
    const CLAP_ID: &'static str = "org.backline.backline";
    const DESCRIPTION: &'static str =
        "Play together over the network: this track to everybody, everybody on a fader";
    const KIND: Kind = Kind::Track;
    const CLAP_FEATURES: &'static [ClapFeature] = EFFECT_FEATURES;
    const LAYOUTS: &'static [AudioIOLayout] = &[
        AudioIOLayout {
            main_input_channels: STEREO,
            main_output_channels: STEREO,
            ..AudioIOLayout::const_default()
        },
        AudioIOLayout {
            main_input_channels: MONO,
            main_output_channels: STEREO,
            ..AudioIOLayout::const_default()
        },
        AudioIOLayout {
            main_input_channels: MONO,
            main_output_channels: MONO,
            ..AudioIOLayout::const_default()
        },
    ];
}

impl Class for MultiOut {
    const NAME: &'static str = "Backline Multi";
    const CLAP_ID: &'static str = "org.backline.backline-multi";
    const DESCRIPTION: &'static str =
        "Backline with eight auxiliary outputs: every musician on a DAW track of their own";
    const KIND: Kind = Kind::Multi;
    const CLAP_FEATURES: &'static [ClapFeature] = EFFECT_FEATURES;
    const LAYOUTS: &'static [AudioIOLayout] = &[multi_layout(STEREO), multi_layout(MONO)];
}

impl Class for ReturnOnly {
    const NAME: &'static str = "Backline Return";
    const CLAP_ID: &'static str = "org.backline.backline-return";
    const DESCRIPTION: &'static str =
        "Everybody of a Backline session on an instrument track: nothing is sent from here";
    const KIND: Kind = Kind::Return;
    const CLAP_FEATURES: &'static [ClapFeature] =
        &[ClapFeature::Instrument, ClapFeature::Utility, ClapFeature::Mixing, ClapFeature::Stereo];
    const LAYOUTS: &'static [AudioIOLayout] = &[
        AudioIOLayout { main_output_channels: STEREO, ..AudioIOLayout::const_default() },
        AudioIOLayout { main_output_channels: MONO, ..AudioIOLayout::const_default() },
    ];
}

const fn multi_layout(main_input_channels: Option<NonZeroU32>) -> AudioIOLayout {
    AudioIOLayout {
        main_input_channels,
        main_output_channels: STEREO,
        aux_output_ports: &AUX_STEREO,
        names: PortNames { aux_outputs: AUX_NAMES, ..PortNames::const_default() },
        ..AudioIOLayout::const_default()
    }
}

impl<C: Class> Default for BacklinePlugin<C> {
    fn default() -> Self {
        let (processor, call) = (Processor::new(C::KIND), HostCall::prepared());
        call.introduce(processor.params());
        Self { processor, fence: Fence::default(), api: PluginApi::Standalone, call, class: PhantomData }
    }
}

impl<C: Class> BacklinePlugin<C> {
    /// On Linux only the VST3 wrapper uses the background queue for parameters.
    fn needs_fence(&self) -> bool {
        self.api == PluginApi::Vst3
    }
}

impl<C: Class> Plugin for BacklinePlugin<C> {
    const NAME: &'static str = C::NAME;
    const VENDOR: &'static str = "Backline";
    const URL: &'static str = "";
    const EMAIL: &'static str = "";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = C::LAYOUTS;
    // A key that is held talks.
    const MIDI_INPUT: MidiConfig = MidiConfig::Basic;
    // The framework cuts blocks where a parameter changes; `host_call.rs` knows the host's own.
    const SAMPLE_ACCURATE_AUTOMATION: bool = true;

    type Editor = BacklineEditor;
    type SysExMessage = ();
    type BackgroundTask = FenceTask;

    fn task_executor(&mut self) -> TaskExecutor<Self> {
        Box::new(FenceTask::run)
    }

    fn params(&self) -> Arc<dyn Params> {
        self.processor.params().clone()
    }

    fn editor(&mut self, executor: AsyncExecutor<Self>) -> Option<Self::Editor> {
        self.fence.connect(executor);
        BacklineEditor::new(self.processor.params().clone())
    }

    fn filter_state(state: &mut PluginState) {
        state_filter::before_load(state);
    }

    fn activate(
        &mut self,
        layout: &AudioIOLayout,
        config: &BufferConfig,
        context: &mut impl ActivateContext<Self>,
    ) -> bool {
        self.api = context.plugin_api();
        let input_channels = layout.main_input_channels.map_or(0, |channels| channels.get() as usize);
        self.processor.activate(input_channels, config.sample_rate, config.max_buffer_size.max(1) as usize);
        true
    }

    fn reset(&mut self) {
        self.processor.reset();
    }

    fn process(
        &mut self,
        buffer: &mut Buffer,
        aux: &mut AuxiliaryBuffers,
        context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        while let Some(event) = context.next_event() {
            self.processor.note(&event);
        }
        let mut buses: AuxBuses = [const { None }; AUX_BUSES];
        let present = aux.outputs.iter_mut().enumerate().filter(|(index, _)| !self.call.has_no_aux(*index));
        for (index, output) in present.take(AUX_BUSES) {
            buses[index] = StereoBus::from_channels(output.as_slice());
        }
        let transport = song::transport(context.transport());
        let part = self.call.next_part(buffer.samples());
        self.processor.process_part(buffer.as_slice(), buses, transport, part);
        // Others play whether or not this track does: a tail without end.
        ProcessStatus::KeepAlive
    }

    fn deactivate(&mut self) {
        self.processor.deactivate();
        if self.needs_fence() {
            self.fence.wait();
        }
    }

    fn setup_logger() -> Option<bool> {
        logging::set_up()
    }
}

impl<C: Class> ClapPlugin for BacklinePlugin<C> {
    const CLAP_ID: &'static str = C::CLAP_ID;
    const CLAP_DESCRIPTION: Option<&'static str> = Some(C::DESCRIPTION);
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] = C::CLAP_FEATURES;
}

impl Vst3Plugin for Backline {
    // Frozen: projects hold it.
    const VST3_CLASS_ID: [u8; 16] = *b"BacklineNetMixB1";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] =
        &[Vst3SubCategory::Fx, Vst3SubCategory::Network, Vst3SubCategory::Stereo];
}

impl Vst3Plugin for BacklineMulti {
    // Frozen: projects hold it.
    const VST3_CLASS_ID: [u8; 16] = *b"BacklineMultiOM1";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] =
        &[Vst3SubCategory::Fx, Vst3SubCategory::Network, Vst3SubCategory::Stereo];
}

impl Vst3Plugin for BacklineReturn {
    // Frozen: projects hold it.
    const VST3_CLASS_ID: [u8; 16] = *b"BacklineReturnR1";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] =
        &[Vst3SubCategory::Instrument, Vst3SubCategory::Network, Vst3SubCategory::Stereo];
}

#[cfg(test)]
mod tests;
