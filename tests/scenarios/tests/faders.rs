//! Remote volume: one person moves a fader, everybody sees it, nobody else's moves; also without a connection for a while.

use std::time::Duration;

use backline_audio::{Db, Pan};
use backline_client::engine::EngineEvent;
use backline_session::document::OutboxStats;
use backline_session::view::FaderView;
use backline_session::{Session, SessionEvent};
use backline_sim::judge::{level, roughness};
use backline_sim::signal::{silence, sine};
use backline_sim::{Id, Musician, Way, World};
use backline_wire::{
    Change, Fader, GainValue, Grantee, InstanceId, Outcome, PanValue, ParticipantId, Scope, Setting, SourceId,
};

const SECOND: Duration = Duration::from_secs(1);
const NAMES: [&str; 3] = ["Ada", "Bob", "Cleo"];

/// Ada hosts; everybody lets everybody move what they send.
fn trio(seed: u64, one_way: Duration) -> (World, [Id; 3], [SourceId; 3]) {
    let mut world = World::new(seed);
    world.network.usual = Way::clean(one_way);
    let musicians = NAMES.map(|name| Musician::new(name, silence()));
    let sources = [musicians[0].source(), musicians[1].source(), musicians[2].source()];
    let people = musicians.map(|musician| world.add(musician));
    world.meet(people[0], &people[1..]);
    world.run(3 * SECOND);
    for (who, source) in people.into_iter().zip(sources) {
        let scope = Scope::Send(source);
        change(&mut world, who, Change::Permission { scope, grantee: Grantee::Everyone, allowed: true });
    }
    world.run(SECOND);
    (world, people, sources)
}

fn session(world: &mut World, who: Id) -> &mut Session {
    match world.engine(who) {
        Some(engine) => engine.session_mut(),
        None => unreachable!("{who:?} is in no session"),
    }
}

fn change(world: &mut World, who: Id, change: Change) {
    let now = world.instant();
    assert!(session(world, who).change(now, change), "the session is known");
}

fn move_send(world: &mut World, who: Id, source: SourceId, db: f32) {
    let setting = Setting::Gain(GainValue::from_db(db));
    change(world, who, Change::Fader { fader: Fader::Send(source), setting });
}

fn send_level(world: &mut World, who: Id, source: SourceId) -> FaderView {
    session(world, who).fader(Fader::Send(source))
}

fn gain_db(world: &mut World, who: Id, source: SourceId) -> f32 {
    send_level(world, who, source).gain.db()
}

fn stats(world: &mut World, who: Id) -> OutboxStats {
    session(world, who).outbox_stats()
}

fn assert_all_equal(world: &mut World, people: &[Id]) {
    let first = session(world, people[0]).document().cloned();
    assert!(first.as_ref().is_some_and(|document| !document.is_empty()));
    for who in people {
        assert_eq!(session(world, *who).document().cloned(), first, "{who:?} has another document");
        assert_eq!(session(world, *who).waiting().count(), 0, "{who:?} still waits");
    }
}

#[test]
fn a_fader_that_is_dragged_ends_where_it_was_left_for_everybody() {
    let (mut world, people, sources) = trio(501, Duration::from_millis(25));
    let before = stats(&mut world, people[1]).sent;
    for step in 0..2_000 {
        move_send(&mut world, people[1], sources[2], -0.01 * step as f32);
        // The one who drags never sees it anywhere else.
        assert_eq!(gain_db(&mut world, people[1], sources[2]), GainValue::from_db(-0.01 * step as f32).db());
        world.run(Duration::from_millis(1));
    }
    world.run(SECOND / 5);
    let sent = stats(&mut world, people[1]).sent - before;
    assert!((90..=101).contains(&sent), "{sent} messages in 2 s");
    for who in people {
        let view = send_level(&mut world, who, sources[2]);
        assert_eq!(view.gain.db(), -19.99);
        assert_eq!(view.moved_by.as_deref(), Some(if who == people[1] { "you" } else { "Bob" }));
        assert_eq!(gain_db(&mut world, who, sources[0]), 0.0, "and nobody else's moves");
        assert_eq!(gain_db(&mut world, who, sources[1]), 0.0);
    }
    assert_all_equal(&mut world, &people);
}

#[test]
fn who_is_not_let_is_told_and_nothing_moves() {
    let (mut world, people, sources) = trio(502, Duration::from_millis(10));
    let scope = Scope::Send(sources[0]);
    change(&mut world, people[0], Change::Permission { scope, grantee: Grantee::Everyone, allowed: false });
    world.run(SECOND);
    assert!(!send_level(&mut world, people[1], sources[0]).may_move);
    move_send(&mut world, people[1], sources[0], -12.0);
    world.run(SECOND);
    assert_eq!(gain_db(&mut world, people[1], sources[0]), 0.0, "it goes back");
    let conflicts = conflicts(&world, people[1]);
    assert!(matches!(conflicts[..], [Outcome::Refused { .. }]), "{conflicts:?}");
}

fn conflicts(world: &World, who: Id) -> Vec<Outcome> {
    let of_document = |event: &EngineEvent| match event {
        EngineEvent::Session(SessionEvent::Conflict(conflict)) => Some(conflict.outcome.clone()),
        _ => None,
    };
    world.events(who).iter().filter_map(of_document).collect()
}

#[test]
fn of_three_who_move_the_same_fader_the_last_wins_and_the_others_are_told() {
    let (mut world, people, sources) = trio(503, Duration::from_millis(20));
    let [ada, bob, cleo] = people;
    for who in [bob, cleo] {
        let address = world.address(who);
        world.network.cut(address, true);
    }
    world.run(5 * SECOND);
    move_send(&mut world, bob, sources[0], -10.0);
    world.run(5 * SECOND);
    move_send(&mut world, cleo, sources[0], -20.0);
    move_send(&mut world, cleo, sources[1], -3.0);
    world.run(5 * SECOND);
    move_send(&mut world, ada, sources[0], -30.0);
    world.run(5 * SECOND);
    assert_eq!(gain_db(&mut world, bob, sources[0]), -10.0, "what was changed is shown while it waits");
    assert_eq!(session(&mut world, cleo).waiting().count(), 2);
    for who in [bob, cleo] {
        let address = world.address(who);
        world.network.cut(address, false);
    }
    world.run(10 * SECOND);
    assert_all_equal(&mut world, &people);
    for who in people {
        assert_eq!(gain_db(&mut world, who, sources[0]), -30.0);
        assert_eq!(gain_db(&mut world, who, sources[1]), -3.0);
    }
    assert!(conflicts(&world, ada).is_empty());
    for (who, wanted) in [(bob, -10.0), (cleo, -20.0)] {
        let conflicts = conflicts(&world, who);
        let [Outcome::Superseded { by }] = &conflicts[..] else { panic!("{wanted}: {conflicts:?}") };
        assert_eq!(by.author, sources[0].participant);
        let name = session(&mut world, who).name_of(by.author);
        assert_eq!(name.unwrap().as_str(), "Ada");
    }
}

#[test]
fn ten_thousand_changes_made_offline_are_replayed_in_order_in_less_than_five_seconds() {
    let (mut world, people, _) = trio(504, Duration::from_millis(50));
    let bob = people[1];
    let me = world_participant(&mut world, bob);
    let address = world.address(bob);
    world.network.cut(address, true);
    world.run(3 * SECOND);
    let setting = |number: u64| Setting::Gain(GainValue::from_db(-(number as f32) / 100.0));
    for number in 0..10_000_u64 {
        let source = SourceId { participant: ParticipantId([9; 32]), instance: InstanceId(number) };
        let fader = Fader::Monitor { listener: me, source };
        change(&mut world, bob, Change::Fader { fader, setting: setting(number) });
    }
    world.network.cut(address, false);
    while world.state(bob) != Some(backline_session::SessionState::Joined) {
        world.run(SECOND / 100);
    }
    let back = world.now();
    while session(&mut world, bob).waiting().count() > 0 {
        world.run(SECOND / 100);
        assert!(world.now() - back < 20 * SECOND, "{} wait", session(&mut world, bob).waiting().count());
    }
    let took = world.now() - back;
    println!("10,000 operations in {took:?} over 50 ms each way");
    assert!(took < 5 * SECOND, "{took:?}");
    let document = session(&mut world, people[0]).document().unwrap();
    let revisions: Vec<_> = (0..10_000_u64)
        .map(|number| {
            let source = SourceId { participant: ParticipantId([9; 32]), instance: InstanceId(number) };
            let fader = Fader::Monitor { listener: me, source };
            let change = Change::Fader { fader, setting: setting(number) };
            let entry = document.get(&change.register()).expect("it arrived");
            assert_eq!(entry.change, change);
            entry.revision
        })
        .collect();
    assert!(revisions.is_sorted(), "in the order in which they were made");
}

fn world_participant(world: &mut World, who: Id) -> ParticipantId {
    session(world, who).participant()
}

#[test]
fn what_somebody_sends_is_as_loud_as_another_has_set_it_until_they_move_it_themselves() {
    let mut world = World::new(506);
    let ada = world.add(Musician::new("Ada", silence()));
    let musician = Musician::new("Bob", sine(440.0, 48_000.0, 0.1));
    let source = musician.source();
    let bob = world.add(musician);
    world.controls(bob).send_gain = Db::new(-3.0).to_gain();
    world.meet(ada, &[bob]);
    world.run(3 * SECOND);
    assert_eq!(gain_db(&mut world, ada, source), -3.0, "where Bob's parameter stands");
    let full = listen(&mut world, ada);
    let scope = Scope::Send(source);
    change(&mut world, bob, Change::Permission { scope, grantee: Grantee::Everyone, allowed: true });
    world.run(SECOND);

    move_send(&mut world, ada, source, -15.0);
    let moving = listen(&mut world, ada);
    // A step would be a hundred times as rough; a ramp of 10 ms has corners.
    assert!(roughness(&moving) < 2.0 * roughness(&full), "a click");
    assert_ratio_db(level(&listen(&mut world, ada)) / level(&full), -12.0);
    let view = send_level(&mut world, bob, source);
    assert_eq!((view.gain.db(), view.moved_by.as_deref()), (-15.0, Some("Ada")));

    world.controls(bob).send_gain = Db::new(-9.0).to_gain();
    world.run(SECOND / 2);
    assert_ratio_db(level(&listen(&mut world, ada)) / level(&full), -6.0);
    let view = send_level(&mut world, ada, source);
    assert_eq!((view.gain.db(), view.moved_by.as_deref()), (-9.0, Some("Bob")));

    change(&mut world, ada, Change::Fader { fader: Fader::Send(source), setting: Setting::Mute(true) });
    world.run(SECOND / 2);
    assert_eq!(level(&listen(&mut world, ada)), 0.0);
    world.controls(bob).send_muted = true;
    world.run(SECOND / 2);
    world.controls(bob).send_muted = false;
    world.run(SECOND / 2);
    assert!(level(&listen(&mut world, ada)) > 0.0, "Bob lets himself be heard again");
    assert_eq!(stats(&mut world, bob).refused + stats(&mut world, ada).refused, 0);
}

/// Half a second of what they hear.
fn listen(world: &mut World, who: Id) -> Vec<[f32; 2]> {
    let from = world.heard(who).len();
    world.run(SECOND / 2);
    world.heard(who)[from..].to_vec()
}

fn assert_ratio_db(ratio: f64, expected_db: f64) {
    let db = 20.0 * ratio.log10();
    assert!((db - expected_db).abs() < 0.1, "{db:.2} dB, expected {expected_db}");
}

#[test]
fn a_flood_of_changes_by_one_delays_nobody_elses() {
    let (mut world, people, sources) = trio(505, Duration::from_millis(10));
    let [_, bob, cleo] = people;
    let me = world_participant(&mut world, bob);
    for number in 0..12_000_u64 {
        let source = SourceId { participant: ParticipantId([9; 32]), instance: InstanceId(number) };
        let fader = Fader::Monitor { listener: me, source };
        change(&mut world, bob, Change::Fader { fader, setting: Setting::Mute(true) });
    }
    world.run(SECOND / 2);
    move_send(&mut world, cleo, sources[2], -6.0);
    world.run(SECOND / 5);
    assert_eq!(session(&mut world, cleo).waiting().count(), 0, "answered at once");
    assert!(session(&mut world, bob).waiting().count() > 0, "the flood still goes on");
}

/// Ada hosts and hears Bob's tone; Cleo listens.
fn sound_check(seed: u64) -> (World, [Id; 3], [SourceId; 3]) {
    let mut world = World::new(seed);
    let musicians = [
        Musician::new("Ada", silence()),
        Musician::new("Bob", sine(440.0, 48_000.0, 0.1)),
        Musician::new("Cleo", silence()),
    ];
    let sources = [musicians[0].source(), musicians[1].source(), musicians[2].source()];
    let people = musicians.map(|musician| world.add(musician));
    world.meet(people[0], &people[1..]);
    world.run(4 * SECOND);
    (world, people, sources)
}

fn slot_of(world: &World, who: Id, source: SourceId) -> usize {
    let views = world.sources(who);
    let slot = views.iter().find(|view| view.source == source).and_then(|view| view.slot);
    slot.unwrap_or_else(|| unreachable!("{source:?} has no slot"))
}

fn open_mix(world: &mut World, who: Id, allowed: bool) {
    let scope = Scope::Monitor(world_participant(world, who));
    change(world, who, Change::Permission { scope, grantee: Grantee::Everyone, allowed });
    world.run(SECOND);
}

fn set_monitor(world: &mut World, who: Id, (listener, source): (Id, SourceId), setting: Setting) {
    let listener = world_participant(world, listener);
    change(world, who, Change::Fader { fader: Fader::Monitor { listener, source }, setting });
    world.run(SECOND / 2);
}

#[test]
fn somebody_elses_ears_are_set_from_afar_and_nobody_elses() {
    let (mut world, [ada, bob, cleo], sources) = sound_check(507);
    let slot = slot_of(&world, ada, sources[1]);
    world.controls(ada).slots[slot].gain = Db::new(-3.0).to_gain();
    world.run(SECOND);
    let heard = |world: &mut World, who| level(&listen(world, who));
    let (at_ada, at_cleo) = (heard(&mut world, ada), heard(&mut world, cleo));
    let gain = |db| Setting::Gain(GainValue::from_db(db));

    set_monitor(&mut world, cleo, (ada, sources[1]), gain(-20.0));
    assert_ratio_db(heard(&mut world, ada) / at_ada, 0.0);
    assert!(matches!(conflicts(&world, cleo)[..], [Outcome::Refused { .. }]), "Ada has not let her");

    open_mix(&mut world, ada, true);
    let listener = world_participant(&mut world, ada);
    let fader = Fader::Monitor { listener, source: sources[1] };
    assert_eq!(session(&mut world, cleo).fader(fader).gain.db(), -3.0, "it begins where it stands");
    set_monitor(&mut world, cleo, (ada, sources[1]), gain(-15.0));
    assert_ratio_db(heard(&mut world, ada) / at_ada, -12.0);
    assert_ratio_db(heard(&mut world, cleo) / at_cleo, 0.0);
    assert_eq!(session(&mut world, ada).fader(fader).moved_by.as_deref(), Some("Cleo"));
    assert_eq!(gain_db(&mut world, bob, sources[1]), 0.0, "what everybody gets of Bob is another fader");

    world.controls(ada).slots[slot].gain = Db::new(-6.0).to_gain();
    world.run(SECOND / 2);
    assert_ratio_db(heard(&mut world, ada) / at_ada, -3.0);
    assert_eq!(session(&mut world, cleo).fader(fader).gain.db(), -6.0);

    set_monitor(&mut world, cleo, (ada, sources[1]), Setting::Mute(true));
    assert_eq!(heard(&mut world, ada), 0.0);
    assert_ratio_db(heard(&mut world, cleo) / at_cleo, 0.0);

    open_mix(&mut world, ada, false);
    set_monitor(&mut world, cleo, (ada, sources[1]), Setting::Mute(false));
    assert_eq!(heard(&mut world, ada), 0.0, "what was set stays, and nobody else sets it any more");
    world.controls(ada).slots[slot].muted = true;
    world.run(SECOND / 2);
    world.controls(ada).slots[slot].muted = false;
    world.run(SECOND / 2);
    assert_ratio_db(heard(&mut world, ada) / at_ada, -3.0);
}

#[test]
fn an_automated_fader_and_one_who_moves_it_from_afar_each_count_when_they_move() {
    let (mut world, [ada, _, cleo], sources) = sound_check(508);
    let slot = slot_of(&world, ada, sources[1]);
    open_mix(&mut world, ada, true);
    let listener = world_participant(&mut world, ada);
    let fader = Fader::Monitor { listener, source: sources[1] };
    let before = stats(&mut world, ada).sent;
    for step in 0..2_000 {
        world.controls(ada).slots[slot].pan = Pan::new(step as f32 / 2_000.0);
        world.run(Duration::from_millis(1));
    }
    world.run(SECOND / 5);
    let sent = stats(&mut world, ada).sent - before;
    assert!((80..=101).contains(&sent), "{sent} messages in 2 s");
    assert!((session(&mut world, cleo).fader(fader).pan.get() - 1.0).abs() < 0.01);
    set_monitor(&mut world, cleo, (ada, sources[1]), Setting::Pan(PanValue::new(-1.0)));
    let heard = listen(&mut world, ada);
    assert!(heard.iter().all(|frame| frame[1].abs() < 1e-3), "all on the left, the lane rests");
    world.controls(ada).slots[slot].pan = Pan::new(1.0 - 1e-6);
    world.run(SECOND / 2);
    let heard = listen(&mut world, ada);
    assert!(heard.iter().all(|frame| frame[0].abs() < 1e-3), "the lane has moved again");
}
