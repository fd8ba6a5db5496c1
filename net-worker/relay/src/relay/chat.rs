//! A line of the chat: from one member to all.
//!
//! The step before is `incoming.rs` (which has counted it); the step after is everybody's path. Nothing of it is kept, so who comes
//! later sees nothing of before.

use backline_wire::ChatLine;

use super::*;

impl Relay {
    /// Passes a line on, in the name of who has written it, whatever they said about that; to them as well, who learn by it that it arrived.
    pub(super) fn pass_line_on(&mut self, now: Instant, peer: PeerId, line: ChatLine) {
        self.say_to_all(now, &Control::Chat { peer, line });
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests may look at the clock")]
mod tests {
    use super::*;
    use backline_wire::SessionSecret;

    fn relay(now: Instant) -> Relay {
        let config = RelayConfig {
            secret: SessionSecret([7; 16]),
            certificate: Certificate::generate().unwrap(),
            addresses: LocalAddresses::default(),
            first_ssrc: 1,
            document: KeptDocument::new(DocumentId([1; 16])),
            has_store: false,
            unix_time: Duration::ZERO,
            limits: Limits::default(),
            route: Route::Mesh,
            mix: MixConfig::default(),
        };
        Relay::new(config, now)
    }

    /// Without a path: what is said to them is said to the process.
    fn enter(relay: &mut Relay, number: u16, now: Instant) -> PeerId {
        let peer = PeerId(number);
        let participant = ParticipantId([number as u8; 32]);
        let info = PeerInfo { peer, participant, name: Name::new("Somebody"), colour: [0; 3] };
        let usage = Usage::new(&relay.config.limits, now);
        let connection = (InstanceId(u64::from(number)), Generation(1));
        relay.members.insert(Member::new(info, connection, None, usage, now));
        peer
    }

    #[test]
    fn nobody_writes_in_the_name_of_somebody_else() {
        let now = Instant::now();
        let mut relay = relay(now);
        let [_, bob, cleo] = [1, 2, 3].map(|number| enter(&mut relay, number, now));
        let line = ChatLine::new("It was Cleo").unwrap();
        relay.member_says(now, bob, Control::Chat { peer: cleo, line: line.clone() });
        let said: Vec<LocalMessage> = std::iter::from_fn(|| relay.poll_local()).collect();
        let in_bobs_name = LocalMessage::Control(Control::Chat { peer: bob, line });
        assert_eq!(said, vec![in_bobs_name; 3], "to all three, the writer included");
        let stranger = Control::Chat { peer: bob, line: ChatLine::new("Me too").unwrap() };
        relay.path_says(now, LinkId(99), &stranger.encode());
        assert_eq!(relay.poll_local(), None, "who is not in says nothing");
    }
}
