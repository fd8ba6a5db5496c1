//! Remote volume: one person moves a fader, everybody sees it, nobody else's moves; also without a connection for a while.

use std::time::Duration;

use backline_audio::{Db, Pan};
use backline_client::engine::EngineEvent;
use backline_session::document::{OperationCounts, OperationTraffic, OutboxStats};
use backline_session::view::{FaderView, LeftBehindView};
use backline_session::{Session, SessionEvent};
use backline_sim::judge::{level, roughness};
use backline_sim::signal::{silence, sine};
use backline_sim::{Id, Musician, Way, World};
use backline_wire::limits::OPERATIONS_PER_SECOND_MAX;
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

/// Moves a source's level, and tells how it ended: whether it was refused, and where everybody has it.
fn try_to_move(world: &mut World, who: Id, source: SourceId, db: f32, everybody: &[Id]) -> (bool, f32) {
    let told = conflicts(world, who).len();
    move_send(world, who, source, db);
    world.run(SECOND);
    let new = conflicts(world, who).split_off(told);
    assert!(new.iter().all(|outcome| matches!(outcome, Outcome::Refused { .. })), "{new:?}");
    let everywhere: Vec<f32> = everybody.iter().map(|who| gain_db(world, *who, source)).collect();
    assert!(everywhere.iter().all(|db| *db == everywhere[0]), "{everywhere:?}");
    (!new.is_empty(), everywhere[0])
}

#[test]
fn one_who_is_let_by_name_moves_a_fader_and_another_does_not() {
    let (mut world, people, sources) = trio(509, Duration::from_millis(10));
    let [ada, bob, cleo] = people;
    let scope = Scope::Send(sources[0]);
    let only_bob = Grantee::Participant(sources[1].participant);
    let permit = |world: &mut World, grantee, allowed| {
        change(world, ada, Change::Permission { scope, grantee, allowed });
        world.run(SECOND / 2);
    };
    permit(&mut world, only_bob, true);
    permit(&mut world, Grantee::Everyone, false);
    let access = session(&mut world, ada).access(scope);
    assert_eq!((access.everyone, access.people), (false, vec![sources[1].participant]));
    assert!(send_level(&mut world, bob, sources[0]).may_move);
    assert!(!send_level(&mut world, cleo, sources[0]).may_move);
    assert_eq!(try_to_move(&mut world, bob, sources[0], -6.0, &people), (false, -6.0));
    assert_eq!(try_to_move(&mut world, cleo, sources[0], -20.0, &people), (true, -6.0));

    let address = world.address(bob);
    let away = |world: &mut World, is_away| {
        world.network.cut(address, is_away);
        world.run(6 * SECOND);
    };
    away(&mut world, true);
    move_send(&mut world, bob, sources[0], -7.0);
    away(&mut world, false);
    assert_eq!(gain_db(&mut world, ada, sources[0]), -7.0, "what he moved while he was away");
    assert_eq!(try_to_move(&mut world, bob, sources[0], -8.0, &people), (false, -8.0));

    away(&mut world, true);
    move_send(&mut world, bob, sources[0], -9.0);
    permit(&mut world, only_bob, false);
    away(&mut world, false);
    assert!(matches!(conflicts(&world, bob)[..], [Outcome::Refused { .. }]), "told once he is back");
    assert_eq!(try_to_move(&mut world, bob, sources[0], -10.0, &people), (true, -8.0));
    assert!(!send_level(&mut world, bob, sources[0]).may_move);
    assert_all_equal(&mut world, &people);
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

/// What the host counts of somebody's operations.
fn operations_of(world: &mut World, host: Id, source: SourceId) -> OperationTraffic {
    let now = world.instant();
    let operations = world.engine(host).map(|engine| engine.operations(now)).unwrap_or_default();
    let of_them = operations.iter().find(|member| member.participant == source.participant);
    of_them.map(|member| member.traffic).unwrap_or_else(|| unreachable!("the host counts everybody"))
}

#[test]
fn the_host_sees_who_floods_and_the_others_changes_arrive_in_time_and_in_full() {
    let (mut world, people, sources) = trio(511, Duration::from_millis(10));
    let [ada, bob, cleo] = people;
    let me = world_participant(&mut world, bob);
    let before = [1, 2].map(|who| operations_of(&mut world, ada, sources[who]).total.received());
    let sent_before = stats(&mut world, cleo).sent;
    for number in 0..12_000_u64 {
        let source = SourceId { participant: ParticipantId([9; 32]), instance: InstanceId(number) };
        let fader = Fader::Monitor { listener: me, source };
        change(&mut world, bob, Change::Fader { fader, setting: Setting::Mute(true) });
    }
    let mut flood = OperationTraffic::default();
    let mut slowest = Duration::ZERO;
    let mut waits_since = None;
    for step in 0..3_000 {
        if step % 50 == 0 {
            let seen = operations_of(&mut world, ada, sources[1]);
            flood = if seen.last_second.received() > flood.last_second.received() { seen } else { flood };
            move_send(&mut world, cleo, sources[2], -0.01 * step as f32);
        }
        world.run(Duration::from_millis(1));
        let now = world.now();
        let is_answered = session(&mut world, cleo).waiting().count() == 0;
        let since = *waits_since.get_or_insert(now);
        slowest = slowest.max(now - since);
        waits_since = waits_since.filter(|_| !is_answered);
    }
    let calm = operations_of(&mut world, ada, sources[2]);
    println!("flood {flood:?}\nbeside it {calm:?}, answered within {slowest:?}");
    assert!(flood.last_second.dropped > 0, "what is beyond the limit");
    assert!(flood.last_second.received() > 50 * calm.last_second.received(), "the figures name Bob");
    let handled = flood.last_second.received() - flood.last_second.dropped;
    // A second in which the budget was full at first brings as much again.
    assert!(handled <= 2 * u64::from(OPERATIONS_PER_SECOND_MAX), "{handled} in a second");
    assert_eq!(calm.total.received() - before[1], stats(&mut world, cleo).sent - sent_before);
    assert_eq!((calm.total.dropped, calm.total.refused, calm.total.superseded), (0, 0, 0));
    assert!((19..=21).contains(&calm.last_second.accepted), "{calm:?}");
    // There and back, and what the host gathers before it answers.
    assert!(slowest <= Duration::from_millis(45), "{slowest:?}");
    assert_eq!(gain_db(&mut world, ada, sources[2]), GainValue::from_db(-29.5).db());
    assert!(flood.total.received() - before[0] > u64::from(OPERATIONS_PER_SECOND_MAX));
}

#[test]
fn where_nobody_changes_anything_the_host_counts_nothing() {
    let (mut world, people, sources) = trio(512, Duration::from_millis(10));
    world.run(2 * SECOND);
    for source in sources {
        let traffic = operations_of(&mut world, people[0], source);
        assert_eq!((traffic.last_second, traffic.total.accepted), (OperationCounts::default(), 1));
    }
    let now = world.instant();
    assert!(world.engine(people[1]).unwrap().operations(now).is_empty(), "only a host counts");
}

#[test]
fn changes_of_a_session_that_was_left_wait_for_it_and_are_nothing_to_another() {
    let (mut world, [ada, bob, _], sources) = trio(513, Duration::from_millis(10));
    let (link, address) = (world.invite(ada), world.address(bob));
    world.network.cut(address, true);
    world.run(4 * SECOND);
    move_send(&mut world, bob, sources[0], -7.0);
    move_send(&mut world, bob, sources[1], -8.0);
    // He gives it up and hosts a session of his own; what waits goes with him, as it does with a worker.
    let outbox = session(&mut world, bob).take_outbox();
    world.leave(bob);
    world.network.cut(address, false);
    world.host(bob);
    session(&mut world, bob).set_outbox(outbox);
    world.run(2 * SECOND);
    let now = world.instant();
    let left = session(&mut world, bob).left_behind(now);
    assert_eq!((left.changes, left.sessions), (2, 1));
    assert!(left.since > SECOND && left.since < 10 * SECOND, "{left:?}");
    assert_eq!(session(&mut world, bob).waiting_view(now).changes, 0, "here nothing waits");
    assert_eq!(gain_db(&mut world, bob, sources[0]), 0.0, "and nothing is shown of it");
    assert_eq!(gain_db(&mut world, bob, sources[1]), 0.0);
    session(&mut world, bob).discard_all();
    let outbox = session(&mut world, bob).take_outbox();
    world.leave(bob);
    world.join(bob, &link);
    session(&mut world, bob).set_outbox(outbox);
    world.run(5 * SECOND);
    assert_eq!(gain_db(&mut world, ada, sources[0]), -7.0, "sent once he is back");
    let now = world.instant();
    assert_eq!(session(&mut world, bob).left_behind(now), LeftBehindView::default());
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

#[test]
fn a_network_that_is_away_for_a_second_half_a_minute_or_ten_minutes_takes_nothing_with_it() {
    for (seed, away) in [(530, SECOND), (531, 30 * SECOND), (532, 600 * SECOND)] {
        let (mut world, [ada, bob, cleo], [of_ada, of_bob, of_cleo]) = trio(seed, Duration::from_millis(10));
        let slots = |world: &World| {
            [(ada, of_bob), (bob, of_ada), (cleo, of_bob)].map(|(who, of)| slot_of(world, who, of))
        };
        let before = slots(&world);
        let address = world.address(bob);
        world.network.cut(address, true);
        world.run(away / 2);
        move_send(&mut world, bob, of_ada, -7.0);
        move_send(&mut world, ada, of_cleo, -9.0);
        world.run(away / 2);
        world.network.cut(address, false);
        world.run(10 * SECOND);
        assert_all_equal(&mut world, &[ada, bob, cleo]);
        for who in [ada, bob, cleo] {
            assert_eq!(gain_db(&mut world, who, of_ada), -7.0, "{away:?}");
            assert_eq!(gain_db(&mut world, who, of_cleo), -9.0, "{away:?}");
            assert_eq!(world.sources(who).iter().filter(|source| source.present).count(), 2, "{away:?}");
        }
        assert_eq!(slots(&world), before, "{away:?}");
    }
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
fn ears_are_set_by_one_who_is_let_by_name() {
    let (mut world, [ada, bob, cleo], sources) = sound_check(510);
    let slot = slot_of(&world, ada, sources[1]);
    world.controls(ada).slots[slot].gain = Db::new(-3.0).to_gain();
    world.run(SECOND);
    let before = level(&listen(&mut world, ada));
    let listener = world_participant(&mut world, ada);
    let grantee = Grantee::Participant(sources[2].participant);
    let permission = Change::Permission { scope: Scope::Monitor(listener), grantee, allowed: true };
    change(&mut world, ada, permission);
    world.run(SECOND);
    let fader = Fader::Monitor { listener, source: sources[1] };
    assert_eq!(session(&mut world, cleo).fader(fader).gain.db(), -3.0, "it begins where it stands");
    assert_eq!(session(&mut world, cleo).mixes().len(), 1);
    assert!(session(&mut world, bob).mixes().is_empty());
    let gain = |db| Setting::Gain(GainValue::from_db(db));
    set_monitor(&mut world, bob, (ada, sources[1]), gain(-30.0));
    assert_ratio_db(level(&listen(&mut world, ada)) / before, 0.0);
    set_monitor(&mut world, cleo, (ada, sources[1]), gain(-15.0));
    assert_ratio_db(level(&listen(&mut world, ada)) / before, -12.0);
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
