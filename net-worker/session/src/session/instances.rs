//! The instances of this process: who takes part, what each sends, and what it returns.

use backline_wire::limits::INSTANCES_MAX;

use super::*;
use crate::assignment::ReturnChoice;
use crate::listener::Listener;
use crate::publishing::OwnSource;
use crate::view::InstanceView;

/// One instance, and how it takes part.
#[derive(Debug, Clone)]
pub struct InstanceConfig {
    /// As its DAW project calls it.
    pub instance: InstanceId,
    /// Later than that of every earlier start of this instance.
    pub generation: Generation,
    /// What it plays.
    pub source_name: Name,
    /// Whether the others get what it plays.
    pub sends: bool,
    /// How to send.
    pub quality: Quality,
    /// Whether it may send in another way while the paths do not carry that.
    pub automatic: bool,
    /// The most that its playouts hold back.
    pub depth_ceiling: Duration,
    /// Slots as its DAW project had them.
    pub slots: [Option<SourceId>; SLOTS],
    /// What it returns.
    pub returns: ReturnChoice,
}

impl Session {
    /// One more instance of this process. False when it is here already, or there are too many.
    pub fn add_instance(&mut self, now: Instant, config: InstanceConfig) -> bool {
        let is_here = self.listening.listener(config.instance).is_some();
        if is_here || self.listening.listeners().len() >= INSTANCES_MAX {
            return false;
        }
        self.publishing.add(OwnSource {
            instance: config.instance,
            name: config.source_name,
            is_wanted: config.sends,
            is_published: false,
            sending: Sending::new(config.quality, config.automatic, config.generation),
        });
        self.listening.add(Listener::new(
            config.instance,
            SlotTable::new(config.slots),
            config.depth_ceiling,
            config.returns,
        ));
        self.admit(now);
        true
    }

    /// An instance leaves, with its source; the session goes on with the others, also when there are none.
    pub fn remove_instance(&mut self, now: Instant, instance: InstanceId) {
        self.listening.remove(instance);
        if let Some(mut source) = self.publishing.remove(instance).filter(|source| source.is_published) {
            self.unpublish(now, instance, source.sending.stop());
        }
        self.admit(now);
    }

    /// Another name for what an instance plays.
    pub fn set_source_name(&mut self, now: Instant, instance: InstanceId, name: Name) {
        if let Some(source) = self.publishing.get_mut(instance) {
            source.name = name;
            self.publish(now, instance);
        }
    }

    /// Whether the others get what an instance plays.
    pub fn set_sends(&mut self, now: Instant, instance: InstanceId, sends: bool) {
        if let Some(source) = self.publishing.get_mut(instance) {
            source.is_wanted = sends;
            self.admit(now);
        }
    }

    /// Another quality, from the next frame on. False when its encoder cannot be made.
    pub fn set_quality(&mut self, now: Instant, instance: InstanceId, quality: Quality) -> bool {
        let Some(source) = self.publishing.get_mut(instance) else { return true };
        let changed = source.sending.set_quality(quality);
        self.publish(now, instance);
        changed
    }

    /// Whether an instance may send in another way than the chosen one while the paths do not carry that.
    pub fn set_automatic(&mut self, now: Instant, instance: InstanceId, automatic: bool) {
        if let Some(source) = self.publishing.get_mut(instance) {
            source.sending.set_automatic(automatic);
            self.publish(now, instance);
        }
    }

    /// The device's block in sample frames at 48 kHz, or 0 where its rate is another: PCM frames are made to fit it.
    pub fn set_block(&mut self, now: Instant, instance: InstanceId, block_frames: usize) {
        let source = self.publishing.get_mut(instance);
        if source.is_some_and(|source| source.sending.set_block(block_frames)) {
            self.publish(now, instance);
        }
    }

    /// How many sample frames at 48 kHz the device captures at a time, at the most.
    pub fn set_capture_block(&mut self, now: Instant, instance: InstanceId, block_frames: usize) {
        let source = self.publishing.get_mut(instance);
        if source.is_some_and(|source| source.sending.set_capture_block(block_frames)) {
            self.publish(now, instance);
        }
    }

    /// The most that the playouts of an instance hold back.
    pub fn set_depth_ceiling(&mut self, instance: InstanceId, depth: Duration) {
        self.listening.set_depth_ceiling(instance, depth);
    }

    /// Bindings from the DAW project.
    pub fn set_slots(&mut self, instance: InstanceId, slots: [Option<SourceId>; SLOTS]) {
        self.listening.set_slots(instance, slots);
    }

    /// What an instance returns.
    pub fn set_returns(&mut self, instance: InstanceId, choice: ReturnChoice) {
        self.listening.set_choice(instance, choice);
    }

    /// Whether the host calls an instance, and does not bypass it. Cheap where that is as before.
    pub fn set_active(&mut self, instance: InstanceId, is_active: bool) {
        self.listening.set_active(instance, is_active);
    }

    /// All of them, in the order in which they came.
    pub fn instances(&self) -> Vec<InstanceView> {
        let mix = self.listening.returns_mix();
        let view = |listener: &Listener| {
            let source = self.publishing.get(listener.instance);
            InstanceView {
                instance: listener.instance,
                source_name: source.map_or_else(String::new, |source| source.name.to_string()),
                is_published: source.is_some_and(|source| source.is_published),
                is_active: listener.is_active,
                returns: listener.choice.clone(),
                returns_mix: mix == Some(listener.instance),
            }
        };
        self.listening.listeners().iter().map(view).collect()
    }

    /// What an instance sends.
    pub fn send_view(&self, instance: InstanceId) -> SendView {
        let source = self.publishing.get(instance).filter(|source| source.is_published);
        source.map_or_else(SendView::default, |source| source.sending.view())
    }

    /// Bindings for the DAW project; none where the instance is not here.
    pub fn bindings(&self, instance: InstanceId) -> Option<[Option<SourceId>; SLOTS]> {
        self.listening.listener(instance).map(|listener| listener.slots.bindings())
    }

    /// Tells the host what is published from now on, and what no longer.
    fn admit(&mut self, now: Instant) {
        for (instance, on, stream) in self.publishing.admit() {
            if on {
                self.publish(now, instance);
            } else {
                self.unpublish(now, instance, stream);
            }
        }
    }

    /// Tells the host what an instance plays, or something new about it.
    pub(super) fn publish(&mut self, now: Instant, instance: InstanceId) {
        let source = self.publishing.get(instance).filter(|source| source.is_published && self.me.is_some());
        if let Some(info) = source.map(|source| self.source_info(source)) {
            self.network.say_to_host(now, Control::Publish(info));
        }
    }

    pub(super) fn publish_all(&mut self, now: Instant) {
        let all: Vec<InstanceId> = self.publishing.iter().map(|source| source.instance).collect();
        all.into_iter().for_each(|instance| self.publish(now, instance));
    }

    fn unpublish(&mut self, now: Instant, instance: InstanceId, stream: Option<Ssrc>) {
        if let Some(ssrc) = stream {
            self.network.close_stream(ssrc);
        }
        if self.me.is_some() {
            let source = SourceId { participant: self.config.identity.participant_id(), instance };
            self.network.say_to_host(now, Control::Unpublish { source });
        }
    }

    /// What is published now, for the host.
    pub(super) fn source_infos(&self) -> Vec<SourceInfo> {
        let published = self.publishing.iter().filter(|source| source.is_published);
        published.map(|source| self.source_info(source)).collect()
    }

    fn source_info(&self, source: &OwnSource) -> SourceInfo {
        let participant = self.config.identity.participant_id();
        SourceInfo {
            source: SourceId { participant, instance: source.instance },
            name: source.name.clone(),
            colour: self.config.colour,
            format: source.sending.format(),
            generation: source.sending.generation,
        }
    }
}
