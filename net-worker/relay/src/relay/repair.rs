//! Packets that a listener misses: from what was passed on last, or else from who publishes them.

use std::sync::Arc;

use backline_transport::MediaHead;
use backline_wire::{Feedback, Missing, MissingRun, Ssrc};

use super::*;

/// Packets of one stream that are remembered: 80 ms of the shortest.
const RECENT_PACKETS_MAX: usize = 64;

/// The packets of each stream that were passed on last; their payloads are shared with what was sent.
#[derive(Default)]
pub(super) struct Recent {
    streams: BTreeMap<Ssrc, Stream>,
}

#[derive(Default)]
struct Stream {
    packets: VecDeque<(MediaHead, Arc<[u8]>)>,
    /// All that there ever were.
    count: u64,
}

impl Recent {
    pub fn remember(&mut self, ssrc: Ssrc, head: &MediaHead, payload: &Arc<[u8]>) {
        let stream = self.streams.entry(ssrc).or_default();
        if stream.packets.len() == RECENT_PACKETS_MAX {
            stream.packets.pop_front();
        }
        stream.packets.push_back((*head, Arc::clone(payload)));
        stream.count += 1;
    }

    pub fn forget(&mut self, ssrc: Ssrc) {
        self.streams.remove(&ssrc);
    }

    /// Of how many streams.
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    fn find(&self, ssrc: Ssrc, run: MissingRun) -> Vec<(MediaHead, Arc<[u8]>)> {
        let packets = self.streams.get(&ssrc).map(|stream| &stream.packets);
        packets.into_iter().flatten().filter(|(head, _)| run.holds(head.timestamp)).cloned().collect()
    }

    fn count(&self, ssrc: Ssrc) -> u64 {
        self.streams.get(&ssrc).map_or(0, |stream| stream.count)
    }
}

impl Relay {
    /// Somebody on a path says what they miss of a stream that is passed on to them.
    pub(super) fn path_misses(&mut self, now: Instant, link: LinkId, ssrc: Ssrc, bytes: &[u8]) {
        let Some(listener) = self.members.by_link(link) else { return };
        match Feedback::decode(bytes) {
            Ok(Feedback::Missing(missing)) => self.member_misses(now, listener, ssrc, &missing),
            Ok(Feedback::Levels(_) | Feedback::MixTimes(_)) => {
                tracing::debug!(%listener, "a member mixes nothing");
                self.wrong(Some(listener), Wrong::FeedbackNotUnderstood);
            }
            Err(error) => {
                tracing::debug!(%listener, %error, "feedback was dropped");
                self.wrong(Some(listener), Wrong::FeedbackNotUnderstood);
            }
        }
    }

    pub(super) fn member_misses(&mut self, now: Instant, listener: PeerId, ssrc: Ssrc, missing: &Missing) {
        if self.members.get(listener).is_some_and(|member| member.mix_stream == Some(ssrc)) {
            return self.mix_again(now, listener, ssrc, missing);
        }
        let Some(publisher) = self.members.publisher_of(ssrc).filter(|publisher| *publisher != listener)
        else {
            return;
        };
        let mut unknown = Missing::default();
        for run in &missing.runs {
            let found = self.recent.find(ssrc, *run);
            // What the participant of this process misses, we miss too.
            if found.is_empty() || listener == PeerId::HOST {
                unknown.runs.push(*run);
                continue;
            }
            self.send_again(now, listener, ssrc, found);
        }
        let link = self.members.get(publisher).and_then(|member| member.link);
        if let Some(path) =
            link.and_then(|link| self.links.get_mut(link)).filter(|_| !unknown.runs.is_empty())
            && let Err(error) = path.send_feedback(now, ssrc, &unknown.encode())
        {
            tracing::debug!(%publisher, %error, "missing packets could not be asked for");
            self.wrong(Some(publisher), Wrong::FeedbackNotSent);
        }
    }

    fn send_again(
        &mut self,
        now: Instant,
        listener: PeerId,
        ssrc: Ssrc,
        packets: Vec<(MediaHead, Arc<[u8]>)>,
    ) {
        let Some(link) = self.members.get(listener).and_then(|member| member.link) else { return };
        let sent = self.recent.count(ssrc);
        for (head, payload) in packets {
            let Some(member) = self.members.get_mut(listener) else { return };
            if !member.repairs.entry(ssrc).or_default().spend(sent) {
                return;
            }
            let path = self.links.get_to_send(link);
            let again = path.is_some_and(|path| path.send_media(now, ssrc, head, &payload).is_ok());
            self.stats.packets_again += u64::from(again);
        }
    }
}
