//! The host's DAW is closed or crashes and is opened again, or never comes back: nobody is lost, nothing is done twice.
#![allow(clippy::panic, clippy::expect_used, reason = "in a test that is the way to fail")]

use std::time::Duration;

use backline_client::engine::EngineEvent;
use backline_session::document::Document;
use backline_session::{Session, SessionEvent, SessionState};
use backline_sim::judge::level;
use backline_sim::signal::{silence, sine};
use backline_sim::{Id, Musician, Way, World};
use backline_wire::{Change, Fader, GainValue, Grantee, Scope, Setting, SourceId};

const SECOND: Duration = Duration::from_secs(1);

struct Band {
    world: World,
    people: [Id; 3],
    sources: [SourceId; 3],
}

/// Ada hosts with a disk; Bob and Cleo play; everybody lets everybody move what they send.
fn band(seed: u64) -> Band {
    let mut world = World::new(seed);
    world.network.usual = Way::clean(Duration::from_millis(15));
    let musicians = [
        Musician::new("Ada", silence()),
        Musician::new("Bob", sine(440.0, 48_000.0, 0.1)),
        Musician::new("Cleo", silence()),
    ];
    let sources = [musicians[0].source(), musicians[1].source(), musicians[2].source()];
    let people = musicians.map(|musician| world.add(musician));
    world.host_kept(people[0]);
    let link = world.invite(people[0]);
    people[1..].iter().for_each(|who| world.join(*who, &link));
    let mut band = Band { world, people, sources };
    band.world.run(3 * SECOND);
    for (who, source) in people.into_iter().zip(sources) {
        let scope = Scope::Send(source);
        band.change(who, Change::Permission { scope, grantee: Grantee::Everyone, allowed: true });
    }
    band.world.run(SECOND);
    band
}

impl Band {
    fn session(&mut self, who: Id) -> &mut Session {
        match self.world.engine(who) {
            Some(engine) => engine.session_mut(),
            None => unreachable!("{who:?} is in no session"),
        }
    }

    fn change(&mut self, who: Id, change: Change) {
        let now = self.world.instant();
        assert!(self.session(who).change(now, change), "the session is known");
    }

    fn move_send(&mut self, who: Id, source: SourceId, db: f32) {
        let setting = Setting::Gain(GainValue::from_db(db));
        self.change(who, Change::Fader { fader: Fader::Send(source), setting });
    }

    fn gain_db(&mut self, who: Id, source: SourceId) -> f32 {
        self.session(who).fader(Fader::Send(source)).gain.db()
    }

    fn document(&mut self, who: Id) -> Document {
        self.session(who).document().cloned().expect("the session is known")
    }

    fn wait_until_joined(&mut self, who: Id) {
        for _ in 0..200 {
            if self.world.state(who) == Some(SessionState::Joined) {
                return;
            }
            self.world.run(SECOND / 10);
        }
        panic!("{who:?} is not back: {:?}", self.world.state(who));
    }

    fn assert_all_equal(&mut self, people: &[Id]) {
        let first = self.document(people[0]);
        for who in people {
            assert_eq!(self.document(*who), first, "{who:?} has another document");
            assert_eq!(self.session(*who).waiting().count(), 0, "{who:?} still waits");
        }
    }

    fn slots(&self, who: Id) -> Vec<(SourceId, Option<usize>)> {
        let mut slots: Vec<_> = self.world.sources(who).iter().map(|view| (view.source, view.slot)).collect();
        slots.sort();
        slots
    }

    fn hears(&mut self, who: Id) -> f64 {
        let from = self.world.heard(who).len();
        self.world.run(SECOND / 2);
        level(&self.world.heard(who)[from..])
    }

    fn conflicts(&self, who: Id) -> usize {
        let is_conflict =
            |event: &&EngineEvent| matches!(event, EngineEvent::Session(SessionEvent::Conflict(_)));
        self.world.events(who).iter().filter(is_conflict).count()
    }
}

#[test]
fn a_host_that_crashed_goes_on_under_the_same_link_with_everybody_and_everything() {
    let mut band = band(1101);
    let ([ada, bob, cleo], sources) = (band.people, band.sources);
    band.move_send(cleo, sources[1], -12.0);
    band.world.run(SECOND);
    let (before, link) = (band.document(ada), band.world.invite(ada));
    let slots = [bob, cleo].map(|who| band.slots(who));
    let (ada_hears, cleo_hears) = (band.hears(ada), band.hears(cleo));
    assert!(ada_hears > 0.01 && cleo_hears > 0.01);

    band.world.crash(ada);
    band.world.run(2 * SECOND);
    assert_eq!(band.world.state(bob), Some(SessionState::Reconnecting));
    assert!(band.hears(cleo) > 0.01, "those who reach each other directly still hear each other");
    // Changed while the host is away: one by one, and in conflict.
    band.move_send(bob, sources[0], -3.0);
    band.world.run(SECOND);
    band.move_send(cleo, sources[0], -5.0);
    band.move_send(cleo, sources[2], -7.0);
    band.world.run(SECOND);

    band.world.host_again(ada);
    assert_eq!(band.world.invite(ada).to_text(), link.to_text(), "the same link");
    band.wait_until_joined(bob);
    band.wait_until_joined(cleo);
    band.world.run(5 * SECOND);
    band.assert_all_equal(&[ada, bob, cleo]);
    for who in [ada, bob, cleo] {
        assert_eq!(band.gain_db(who, sources[1]), -12.0, "what was set before");
        assert_eq!(band.gain_db(who, sources[0]), -5.0, "the later of the two");
        assert_eq!(band.gain_db(who, sources[2]), -7.0);
        assert_eq!(band.world.sources(who).iter().filter(|view| view.present).count(), 2);
    }
    assert_eq!([bob, cleo].map(|who| band.slots(who)), slots, "everybody has their slot");
    let after = band.document(ada);
    let expected = before.revision().0 + 3;
    assert!(after.revision().0 <= expected, "each change was applied once: {:?}", after.revision());
    assert!(after.id() != before.id() && after.id().is_same_session(&before.id()));
    assert!((band.hears(ada) / ada_hears - 1.0).abs() < 0.01, "as loud as before");
    assert!((band.hears(cleo) / cleo_hears - 1.0).abs() < 0.01);
    let names: Vec<_> = [ada, bob, cleo]
        .map(|who| band.session(who).participant())
        .into_iter()
        .map(|participant| band.session(cleo).name_of(participant).map(|name| name.to_string()))
        .collect();
    assert_eq!(names, ["Ada", "Bob", "Cleo"].map(|name| Some(name.to_owned())));
}

#[test]
fn those_who_play_directly_hear_no_gap_when_the_host_comes_back() {
    let mut band = band(1102);
    let [ada, bob, cleo] = band.people;
    assert!(band.hears(cleo) > 0.01);
    band.world.crash(ada);
    band.world.run(3 * SECOND);
    band.world.take_heard(cleo);
    band.world.host_again(ada);
    band.wait_until_joined(bob);
    band.wait_until_joined(cleo);
    band.world.run(3 * SECOND);
    let heard = band.world.take_heard(cleo);
    // A tenth of a second at a time: a stream that begins anew is quiet for less than that.
    let quiet = heard.chunks_exact(4_800).filter(|chunk| level(chunk) < 0.01).count();
    assert!(quiet <= 1, "{quiet} tenths of a second are silent");
}

#[test]
fn crashes_between_any_two_steps_apply_everything_once() {
    for (seed, after_ms) in [(1110, 1), (1111, 16), (1112, 18), (1113, 31), (1114, 33), (1115, 47)] {
        let mut band = band(seed);
        let ([ada, bob, cleo], sources) = (band.people, band.sources);
        let before = band.document(ada).revision().0;
        for number in 1..=5 {
            band.move_send(bob, sources[0], -(number as f32));
            band.world.run(Duration::from_millis(10));
            band.move_send(cleo, sources[0], -10.0 - number as f32);
            band.world.run(Duration::from_millis(15));
        }
        band.world.run(Duration::from_millis(after_ms));
        band.world.crash(ada);
        band.world.run(2 * SECOND);
        band.world.host_again(ada);
        band.wait_until_joined(bob);
        band.wait_until_joined(cleo);
        band.world.run(5 * SECOND);
        band.assert_all_equal(&[ada, bob, cleo]);
        assert_eq!(band.gain_db(ada, sources[0]), -15.0, "the last that was made");
        let applied = band.document(ada).revision().0 - before;
        let made = band.session(bob).outbox_stats().accepted + band.session(cleo).outbox_stats().accepted;
        // Two permissions of theirs were accepted before.
        assert_eq!(applied, made - 2, "entries, and changes that were accepted");
    }
}

#[test]
fn a_host_whose_daw_is_closed_ends_nothing_and_one_who_leaves_ends_all() {
    let mut band = band(1103);
    let [ada, bob, cleo] = band.people;
    band.world.close_daw(ada);
    band.world.run(3 * SECOND);
    assert_eq!(band.world.state(bob), Some(SessionState::Reconnecting));
    band.world.host_again(ada);
    band.wait_until_joined(bob);
    band.wait_until_joined(cleo);
    band.world.leave(ada);
    band.world.run(SECOND);
    for who in [bob, cleo] {
        assert!(
            matches!(band.world.state(who), Some(SessionState::Failed(_))),
            "{:?}",
            band.world.state(who)
        );
    }
}

#[test]
fn where_the_host_is_gone_for_good_another_carries_on_and_nothing_is_mixed_when_it_returns() {
    let mut band = band(1104);
    let ([ada, bob, cleo], sources) = (band.people, band.sources);
    band.move_send(ada, sources[1], -12.0);
    band.world.run(SECOND);
    let before = band.document(ada);
    band.world.crash(ada);
    band.world.run(3 * SECOND);
    band.move_send(cleo, sources[2], -4.0);
    band.move_send(bob, sources[2], -6.0);
    band.world.run(SECOND);

    band.world.carry_on(bob);
    assert_eq!(band.world.state(bob), Some(SessionState::Hosting));
    let link = band.world.invite(bob);
    band.world.close_daw(cleo);
    band.world.join(cleo, &link);
    band.world.run(5 * SECOND);
    band.assert_all_equal(&[bob, cleo]);
    assert_eq!(band.gain_db(cleo, sources[1]), -12.0, "levels are kept");
    assert_eq!(band.gain_db(cleo, sources[2]), -6.0, "and what Bob had changed meanwhile is there");
    let granted = band.session(cleo).is_permitted(Scope::Send(sources[0]), Grantee::Everyone);
    assert!(granted, "what Ada allowed, too");
    let theirs = sources[0].participant;
    assert_eq!(band.session(cleo).name_of(theirs).unwrap().as_str(), "Ada");
    assert!(band.hears(cleo) > 0.005);
    assert_eq!(band.conflicts(bob), 0);

    // The old host comes back, goes on alone, and then joins the others: what it has is replaced whole.
    band.world.host_again(ada);
    band.world.run(SECOND);
    let scope = Scope::Send(sources[0]);
    let to_cleo = Grantee::Participant(sources[2].participant);
    band.change(ada, Change::Permission { scope, grantee: to_cleo, allowed: true });
    band.world.run(SECOND);
    assert!(band.session(ada).is_permitted(scope, to_cleo));
    let alone = band.document(ada);
    assert!(alone.id() != band.document(bob).id() && alone.id().is_same_session(&before.id()));
    band.world.leave(ada);
    band.world.join(ada, &link);
    band.wait_until_joined(ada);
    band.world.run(3 * SECOND);
    band.assert_all_equal(&[ada, bob, cleo]);
    assert!(
        !band.session(ada).is_permitted(scope, to_cleo),
        "what nobody else was there for is not in theirs"
    );
}
