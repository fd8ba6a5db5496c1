//! Our own sources: one for each instance of this process that sends.
//!
//! The step before is the session's instances; inside is one [`Sending`] each; the step after is the host, which gives each source
//! its stream. Of more instances than a participant may publish, the first send and the others wait.

use backline_wire::limits::SOURCES_PER_PARTICIPANT_MAX;
use backline_wire::{InstanceId, Name, Ssrc};

use crate::sending::Sending;

/// Everything that the instances of this process send.
#[derive(Default)]
pub(crate) struct Publishing {
    /// In the order in which their instances came.
    sources: Vec<OwnSource>,
}

/// What one instance sends.
pub(crate) struct OwnSource {
    pub instance: InstanceId,
    pub name: Name,
    /// The person wants it to be sent.
    pub is_wanted: bool,
    /// It is, or will be as soon as the host has given it a stream.
    pub is_published: bool,
    pub sending: Sending,
}

impl Publishing {
    /// One more instance; see [`Publishing::admit`].
    pub fn add(&mut self, source: OwnSource) {
        self.sources.push(source);
    }

    /// An instance is gone, with its source.
    pub fn remove(&mut self, instance: InstanceId) -> Option<OwnSource> {
        let at = self.sources.iter().position(|source| source.instance == instance)?;
        Some(self.sources.remove(at))
    }

    /// Decides which sources may be published: the first that are wanted. Returns those for which that is new: whether they
    /// are published from now on, and the stream that they had.
    pub fn admit(&mut self) -> Vec<(InstanceId, bool, Option<Ssrc>)> {
        let mut room = SOURCES_PER_PARTICIPANT_MAX;
        let mut changes = Vec::new();
        for source in &mut self.sources {
            let is_published = source.is_wanted && room > 0;
            room -= usize::from(is_published);
            if source.is_published != is_published {
                source.is_published = is_published;
                changes.push((source.instance, is_published, source.sending.stop()));
            }
        }
        changes
    }

    pub fn get(&self, instance: InstanceId) -> Option<&OwnSource> {
        self.sources.iter().find(|source| source.instance == instance)
    }

    pub fn get_mut(&mut self, instance: InstanceId) -> Option<&mut OwnSource> {
        self.sources.iter_mut().find(|source| source.instance == instance)
    }

    /// The source of a stream.
    pub fn of_stream(&mut self, ssrc: Ssrc) -> Option<&mut OwnSource> {
        self.sources.iter_mut().find(|source| source.sending.ssrc == Some(ssrc))
    }

    pub fn iter(&self) -> impl Iterator<Item = &OwnSource> {
        self.sources.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut OwnSource> {
        self.sources.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backline_codec::Quality;
    use backline_wire::Generation;

    fn publishing(instances: u64) -> Publishing {
        let mut publishing = Publishing::default();
        for number in 0..instances {
            publishing.add(OwnSource {
                instance: InstanceId(number),
                name: Name::new("Guitar"),
                is_wanted: true,
                is_published: false,
                sending: Sending::new(Quality::LowestLatency, false, Generation(1)),
            });
        }
        publishing
    }

    fn changes(publishing: &mut Publishing) -> Vec<(u64, bool)> {
        publishing.admit().into_iter().map(|(instance, on, _)| (instance.0, on)).collect()
    }

    #[test]
    fn the_ninth_source_waits_until_one_is_gone() {
        let mut publishing = publishing(9);
        assert_eq!(changes(&mut publishing), (0..8).map(|number| (number, true)).collect::<Vec<_>>());
        assert_eq!(changes(&mut publishing), []);
        publishing.remove(InstanceId(3));
        assert_eq!(changes(&mut publishing), [(8, true)]);
    }

    #[test]
    fn who_sends_nothing_leaves_room() {
        let mut publishing = publishing(9);
        publishing.get_mut(InstanceId(0)).unwrap().is_wanted = false;
        publishing.admit();
        assert!(publishing.iter().all(|source| source.is_published == (source.instance.0 != 0)));
        publishing.get_mut(InstanceId(0)).unwrap().is_wanted = true;
        assert_eq!(changes(&mut publishing), [(0, true), (8, false)]);
    }
}
