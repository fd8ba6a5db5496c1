//! What goes out: welcomes, news of members and sources, refusals.

use backline_wire::limits::PROTOCOL_VERSION;
use backline_wire::{SourceId, SourceInfo, Ssrc, Welcome};

use super::*;

impl Relay {
    /// Tells a member that it is in, and all that is there already.
    pub(super) fn welcome(&mut self, peer: PeerId, observed: SocketAddr, now: Instant) {
        let welcome = Welcome {
            protocol_version: PROTOCOL_VERSION,
            app: Name::new(concat!("Backline ", env!("CARGO_PKG_VERSION"))),
            peer,
            participants: u8::try_from(self.members.len()).unwrap_or(u8::MAX),
            observed,
        };
        self.say(now, peer, &Control::Welcome(welcome));
        self.tell_route(now, peer);
        let mut news = Vec::new();
        let mut streams = Vec::new();
        for (other, member) in self.members.iter().filter(|(other, _)| *other != peer) {
            news.push(Control::Joined(member.info.clone()));
            for source in member.sources.values() {
                streams.push(source.ssrc);
                news.push(Control::Published(source.clone()));
            }
            tracing::trace!(%peer, %other, "told of");
        }
        self.open_streams(peer, &streams);
        news.iter().for_each(|message| self.say(now, peer, message));
        self.give_mix(now, peer);
        self.offer_document(now, peer);
    }

    /// A member publishes a source: everybody's path carries its stream from now on.
    pub(super) fn publish(&mut self, now: Instant, peer: PeerId, info: SourceInfo) {
        while let Some(owner) = self.members.outdated(peer, &info) {
            self.unpublish(now, owner, info.source);
        }
        let Some(published) = self.members.publish(peer, info) else {
            tracing::debug!(%peer, "published what it may not");
            return self.wrong(Some(peer), Wrong::ControlNotAllowed);
        };
        let link = self.members.get(peer).and_then(|member| member.link);
        let path = link.and_then(|link| self.links.get_mut(link));
        if let Some(Err(error)) = path.map(|path| path.expect_stream(published.ssrc)) {
            tracing::debug!(%peer, %error, "a stream could not be expected");
            self.wrong(Some(peer), Wrong::StreamNotOpened);
        }
        let listeners: Vec<PeerId> =
            self.members.iter().map(|(other, _)| other).filter(|other| *other != peer).collect();
        listeners.into_iter().for_each(|listener| self.open_streams(listener, &[published.ssrc]));
        self.mixing.set_source(published.ssrc, published.info.format);
        self.say_to_all(now, &Control::Published(published));
        self.refresh_mixes();
    }

    /// A member no longer publishes a source: no path carries its stream any more.
    pub(super) fn unpublish(&mut self, now: Instant, peer: PeerId, source: SourceId) {
        let Some(ssrc) = self.members.unpublish(peer, source) else { return };
        self.recent.forget(ssrc);
        self.mixing.remove_source(ssrc);
        let link = self.members.get(peer).and_then(|member| member.link);
        for (other, path) in self.links.iter_mut() {
            if Some(other) == link {
                path.forget_stream(ssrc);
            } else {
                path.close_stream(ssrc);
            }
        }
        self.say_to_all(now, &Control::Unpublished { source });
        self.refresh_mixes();
    }

    /// A member is gone, with all it published.
    pub(super) fn remove_member(&mut self, now: Instant, peer: PeerId, reason: LeaveReason) {
        let Some(member) = self.members.remove(peer) else { return };
        if let Some(link) = member.link {
            self.drop_path(link);
        }
        let streams: Vec<Ssrc> = member.sources.values().map(|source| source.ssrc).collect();
        for ssrc in &streams {
            self.recent.forget(*ssrc);
            self.mixing.remove_source(*ssrc);
        }
        self.mixing.remove_listener(peer);
        for (_, path) in self.links.iter_mut() {
            streams.iter().for_each(|ssrc| path.close_stream(*ssrc));
        }
        self.stats.leaves.leave(reason);
        self.tell(RelayEvent::Left(member.info.participant, member.info.name, reason));
        self.say_to_all(now, &Control::Left { peer, reason });
        self.refresh_mixes();
    }

    pub(super) fn refuse(&mut self, now: Instant, link: LinkId, name: Name, reason: RefusalReason) {
        self.stats.refusals.refuse(reason);
        if let Some(knocking) = self.knocking.remove(&link) {
            tracing::debug!(ufrag = knocking.ufrag, ?reason, "refused");
        }
        self.end(now, link, &Control::Refused { reason });
        self.tell(RelayEvent::Refused(name, reason));
    }

    /// Says a last word over a path, and forgets the path once that had time to arrive.
    pub(super) fn end(&mut self, now: Instant, link: LinkId, last_word: &Control) {
        if let Some(path) = self.links.get_mut(link) {
            // Where it cannot be said any more, the path is closed soon and says it by itself.
            let _ = path.send_control(now, &last_word.encode());
            self.ending.insert(link, now);
        }
    }

    pub(super) fn say(&mut self, now: Instant, peer: PeerId, message: &Control) {
        let Some(member) = self.members.get(peer) else { return };
        match member.link {
            None => self.to_local.push_back(LocalMessage::Control(message.clone())),
            Some(link) => {
                let Some(path) = self.links.get_mut(link) else { return };
                if let Err(error) = path.send_control(now, &message.encode()) {
                    tracing::debug!(%peer, %error, "a control message could not be sent");
                    self.wrong(Some(peer), Wrong::ControlNotSent);
                }
            }
        }
    }

    pub(super) fn say_to_all(&mut self, now: Instant, message: &Control) {
        let everybody: Vec<PeerId> = self.members.iter().map(|(peer, _)| peer).collect();
        everybody.into_iter().for_each(|peer| self.say(now, peer, message));
    }

    pub(super) fn say_to_others(&mut self, now: Instant, but: PeerId, message: &Control) {
        let others: Vec<PeerId> =
            self.members.iter().map(|(peer, _)| peer).filter(|peer| *peer != but).collect();
        others.into_iter().for_each(|peer| self.say(now, peer, message));
    }

    pub(super) fn open_streams(&mut self, listener: PeerId, streams: &[Ssrc]) {
        let link = self.members.get(listener).and_then(|member| member.link);
        let Some(path) = link.and_then(|link| self.links.get_mut(link)) else { return };
        let errors: Vec<_> = streams.iter().filter_map(|ssrc| path.open_stream(*ssrc).err()).collect();
        for error in errors {
            tracing::debug!(%listener, %error, "a stream could not be opened");
            self.wrong(Some(listener), Wrong::StreamNotOpened);
        }
    }
}
