//! Sessions on a server by each route: what is heard where the server passes on, and where it mixes for each listener.

use std::time::Duration;

use backline_audio::Gain;
use backline_client::engine::EngineEvent;
use backline_client::{Quality, Route as Way};
use backline_relay::{Limits, SessionId};
use backline_session::{ReturnChoice, SessionEvent};
use backline_sim::judge::{level, tone};
use backline_sim::signal::{chord, click, silence, sine};
use backline_sim::{Bottleneck, Card, Id, Loss, Musician, Track, Way as Path, World};
use backline_wire::Route;

const SECOND: Duration = Duration::from_secs(1);
const RATE_HZ: f64 = 48_000.0;
const LOUD: f64 = 0.1;
const TONES: [f64; 3] = [300.0, 500.0, 700.0];

struct Trio {
    world: World,
    people: [Id; 3],
    session: SessionId,
}

/// Three on a server, at 300, 500 and 700 Hz.
fn trio(seed: u64, route: Route) -> Trio {
    let mut world = World::new(seed);
    let people = [("Ada", TONES[0]), ("Bob", TONES[1]), ("Cleo", TONES[2])];
    let people = people.map(|(name, tone)| world.add(Musician::new(name, sine(tone, RATE_HZ, LOUD))));
    world.add_server(Limits::default());
    let (session, link) = world.serve_session("Rehearsal");
    let mut trio = Trio { world, people, session };
    trio.set_route(route);
    people.iter().for_each(|who| trio.world.join(*who, &link));
    trio.world.run(3 * SECOND);
    trio
}

impl Trio {
    fn set_route(&mut self, route: Route) {
        let now = self.world.instant();
        assert!(self.world.server().shard.set_route(self.session, now, route));
    }

    /// How loud each of the three is on one of a listener's tracks, of their own level, over the last second.
    fn balance(&mut self, who: usize, instance: u64) -> [f64; 3] {
        self.world.take_heard_on(self.people[who], instance);
        self.world.run(SECOND);
        let heard = self.world.take_heard_on(self.people[who], instance);
        TONES.map(|frequency| {
            // Tenths of a second: a playout that gets to its depth shifts the pitch a little.
            let tenths = heard.chunks_exact(4_800).map(|tenth| tone(tenth, frequency, RATE_HZ));
            tenths.sum::<f64>() / 10.0 / LOUD
        })
    }

    fn assert_balance(&mut self, who: usize, expected: [f64; 3]) {
        let heard = self.balance(who, 1);
        let fits = heard.iter().zip(expected).all(|(heard, wanted)| (heard - wanted).abs() < 0.08);
        assert!(fits, "{who} hears {heard:?}, not {expected:?}");
    }

    fn slot_of(&self, listener: usize, speaker: &str) -> usize {
        let views = self.world.sources(self.people[listener]);
        let view = views.iter().find(|view| view.participant_name == speaker);
        view.and_then(|view| view.slot).unwrap_or_else(|| unreachable!("{speaker} has no slot: {views:?}"))
    }

    fn ways(&self, listener: usize) -> Vec<Way> {
        let views = self.world.sources(self.people[listener]);
        views.iter().filter(|view| view.present).map(|view| view.route).collect()
    }
}

#[test]
fn everybody_hears_everybody_else_once_by_each_route() {
    for (seed, route) in [(700, Route::Mesh), (701, Route::Forward), (702, Route::Mix)] {
        let mut trio = trio(seed, route);
        trio.assert_balance(0, [0.0, 1.0, 1.0]);
        trio.assert_balance(1, [1.0, 0.0, 1.0]);
        trio.assert_balance(2, [1.0, 1.0, 0.0]);
        let ways = trio.ways(0);
        match route {
            Route::Mesh => assert_eq!(ways, [Way::Direct; 2]),
            Route::Forward => assert_eq!(ways, [Way::ThroughHost; 2]),
            Route::Mix => {
                assert_eq!(ways.iter().filter(|way| **way == Way::Mixed).count(), 2, "{ways:?}");
                assert_eq!(ways.iter().filter(|way| **way == Way::Direct).count(), 1, "the mix: {ways:?}");
            }
        }
    }
}

#[test]
fn a_mix_follows_its_listeners_faders_and_nobody_elses() {
    let mut trio = trio(703, Route::Mix);
    let (bob, cleo) = (trio.slot_of(0, "Bob"), trio.slot_of(0, "Cleo"));
    let ada = trio.people[0];
    trio.world.controls(ada).slots[bob].gain = Gain::new(0.5);
    trio.world.run(SECOND);
    trio.assert_balance(0, [0.0, 0.5, 1.0]);
    trio.world.controls(ada).slots[cleo].muted = true;
    trio.world.run(SECOND);
    trio.assert_balance(0, [0.0, 0.5, 0.0]);
    trio.assert_balance(1, [1.0, 0.0, 1.0]);
    trio.assert_balance(2, [1.0, 1.0, 0.0]);
    trio.world.controls(ada).slots[cleo].muted = false;
    trio.world.controls(ada).slots[cleo].soloed = true;
    trio.world.run(SECOND);
    trio.assert_balance(0, [0.0, 0.0, 1.0]);
    trio.world.controls(ada).slots[cleo].soloed = false;
    trio.world.run(SECOND);
    trio.assert_balance(0, [0.0, 0.5, 1.0]);
}

#[test]
fn who_asks_for_it_hears_themselves_in_the_mix() {
    let mut trio = trio(710, Route::Mix);
    let ada = trio.people[0];
    let engine = trio.world.engine(ada).unwrap_or_else(|| unreachable!("she is in"));
    engine.session_mut().set_hear_own(true);
    trio.world.run(SECOND);
    trio.assert_balance(0, [1.0, 1.0, 1.0]);
    trio.assert_balance(1, [1.0, 0.0, 1.0]);
}

#[test]
fn faders_are_where_they_were_when_the_route_changes() {
    let mut trio = trio(704, Route::Forward);
    let bob = trio.slot_of(0, "Bob");
    let ada = trio.people[0];
    trio.world.controls(ada).slots[bob].gain = Gain::new(0.5);
    trio.assert_balance(0, [0.0, 0.5, 1.0]);
    for route in [Route::Mix, Route::Mesh, Route::Mix, Route::Forward] {
        trio.set_route(route);
        trio.world.run(3 * SECOND);
        trio.assert_balance(0, [0.0, 0.5, 1.0]);
        trio.assert_balance(1, [1.0, 0.0, 1.0]);
    }
}

/// No listener does without for more than 200 ms, and nobody is heard twice meanwhile: never louder than all together.
#[test]
fn a_change_of_route_leaves_no_gap_to_speak_of() {
    let mut trio = trio(705, Route::Mesh);
    let changes = [Route::Forward, Route::Mix, Route::Forward, Route::Mesh, Route::Mix, Route::Mesh];
    for route in changes {
        trio.people.iter().for_each(|who| drop(trio.world.take_heard_on(*who, 1)));
        trio.set_route(route);
        trio.world.run(2 * SECOND);
        for who in trio.people {
            let heard = trio.world.take_heard_on(who, 1);
            let hundredths: Vec<f64> = heard.chunks_exact(480).map(level).collect();
            let quiet = hundredths.iter().filter(|level| **level < 0.05 * LOUD).count();
            assert!(quiet <= 20, "to {route}: {} ms of silence", 10 * quiet);
            let loudest = heard.iter().map(|frame| f64::from(frame[0].abs())).fold(0.0, f64::max);
            assert!(loudest < 2.3 * LOUD, "to {route}: {loudest}");
        }
    }
}

#[test]
fn a_source_with_an_instance_of_its_own_comes_by_itself_and_is_in_no_mix() {
    let mut trio = trio(706, Route::Mix);
    let ada = trio.people[0];
    trio.world.add_track(ada, Track::new(2, sine(900.0, RATE_HZ, 0.0)));
    let bob = trio.world.source_of(trio.people[1], 1);
    trio.world.set_returns(ada, 2, ReturnChoice::Sources(vec![bob]));
    trio.world.run(2 * SECOND);
    let (mix, alone) = (trio.balance(0, 1), trio.balance(0, 2));
    assert!(mix[1] < 0.05 && mix[2] > 0.9, "{mix:?}");
    assert!(alone[1] > 0.9 && alone[2] < 0.05, "{alone:?}");
}

#[test]
fn who_only_sends_gets_nothing_and_who_only_listens_sends_nothing() {
    for (seed, route) in [(707, Route::Mesh), (708, Route::Forward), (709, Route::Mix)] {
        let mut trio = trio(seed, route);
        let [ada, bob, _] = trio.people;
        trio.world.set_returns(ada, 1, ReturnChoice::Nothing);
        trio.world.set_sends(bob, 1, false);
        trio.world.run(2 * SECOND);
        let media = |trio: &mut Trio| {
            let now = trio.world.instant();
            let view = trio.world.server().shard.view(now);
            let of = |name: &str| {
                let found =
                    view[0].participants.iter().find(|participant| participant.name.to_string() == name);
                found.map(|participant| participant.path).unwrap_or_else(|| unreachable!("{view:?}"))
            };
            (of("Ada").media_out, of("Bob").media_in)
        };
        let before = media(&mut trio);
        let sent_to_ada = trio.world.network.delivered_to(trio.world.address(ada));
        trio.world.run(5 * SECOND);
        let after = media(&mut trio);
        assert_eq!(before, after, "{route}: to Ada and from Bob through the server");
        let sent_to_ada = trio.world.network.delivered_to(trio.world.address(ada)) - sent_to_ada;
        // Reports, checks and answers of three paths; two musicians' media would be 4,000.
        assert!(sent_to_ada < 600, "{route}: {sent_to_ada} datagrams to Ada in 5 s");
        trio.assert_balance(0, [0.0, 0.0, 0.0]);
        trio.assert_balance(2, [1.0, 0.0, 0.0]);
    }
}

/// Ada and Bob in a mix, each with the automatic; what each was told about their sending in 20 s, with this path from Ada to the server.
fn moves_over(seed: u64, up: Path) -> [Vec<String>; 2] {
    let mut world = World::new(seed);
    world.network.usual = Path::clean(Duration::from_millis(30));
    world.add_server(Limits::default());
    let (session, link) = world.serve_session("Rehearsal");
    let now = world.instant();
    assert!(world.server().shard.set_route(session, now, Route::Mix));
    let people = ["Ada", "Bob"].map(|name| {
        let quality = Quality::LowestLatency;
        world.add(Musician { quality, automatic: true, ..Musician::new(name, chord(RATE_HZ)) })
    });
    let (ada, server) = (world.address(people[0]), world.server().address);
    world.network.set(ada, server, up);
    people.iter().for_each(|who| world.join(*who, &link));
    world.run(20 * SECOND);
    people.map(|who| {
        let told = world.events(who).iter().filter_map(|event| match event {
            EngineEvent::Session(SessionEvent::Moved(_, moved)) => Some(moved.to.to_string()),
            _ => None,
        });
        told.collect()
    })
}

#[test]
fn the_automatic_goes_by_how_the_server_hears_who_is_mixed() {
    let clean = Path::clean(Duration::from_millis(30));
    let nothing: [String; 0] = [];
    let [ada, bob] = moves_over(711, clean);
    assert_eq!((&ada[..], &bob[..]), (&nothing[..], &nothing[..]), "all is calm");
    let [ada, bob] = moves_over(712, Path { loss: Loss::Random(0.06), ..clean });
    assert_eq!(ada.first().map(String::as_str), Some("Balanced with every frame sent twice"), "{ada:?}");
    assert_eq!(bob, nothing);
    let narrow = Bottleneck { rate_bps: 1_000_000.0, queue: Duration::from_millis(300) };
    let [ada, bob] = moves_over(713, Path { bottleneck: Some(narrow), ..clean });
    assert_eq!((ada, &bob[..]), (vec!["Balanced".to_owned()], &nothing[..]));
}

/// What somebody's meter shows of somebody else's strip, in dB of what they play; minus infinity for silence.
fn metered_db(trio: &Trio, listener: usize, speaker: &str) -> [f64; 2] {
    let peak = trio.world.meters(trio.people[listener]).slot(trio.slot_of(listener, speaker));
    [peak.left, peak.right].map(|side| 20.0 * (f64::from(side) / LOUD).log10())
}

#[test]
fn strips_show_the_level_of_their_source_in_a_mix_as_elsewhere() {
    const HUSH: [f64; 2] = [f64::NEG_INFINITY; 2];
    let mut trio = trio(714, Route::Mix);
    let [ada, bob, _] = trio.people;
    let shows = |trio: &Trio, listener, speaker, wanted_db: f64| {
        let shown = metered_db(trio, listener, speaker);
        assert!(shown.iter().all(|db| (db - wanted_db).abs() < 1.0), "{speaker} to {listener}: {shown:?}");
    };
    for (listener, speaker) in [(0, "Bob"), (0, "Cleo"), (1, "Ada"), (1, "Cleo"), (2, "Ada"), (2, "Bob")] {
        shows(&trio, listener, speaker, 0.0);
    }
    // What they send is what counts, and not one's own fader.
    trio.world.controls(bob).send_gain = Gain::new(0.25);
    let (of_bob, of_cleo) = (trio.slot_of(0, "Bob"), trio.slot_of(0, "Cleo"));
    trio.world.controls(ada).slots[of_bob].gain = Gain::new(0.5);
    trio.world.controls(ada).slots[of_cleo].muted = true;
    trio.world.run(SECOND);
    shows(&trio, 0, "Bob", -12.0);
    shows(&trio, 0, "Cleo", 0.0);
    trio.world.controls(bob).send_muted = true;
    trio.world.run(SECOND);
    assert_eq!(metered_db(&trio, 0, "Bob"), HUSH);
    assert_eq!(metered_db(&trio, 2, "Bob"), HUSH);
    shows(&trio, 0, "Cleo", 0.0);
    trio.world.controls(bob).send_muted = false;
    trio.world.run(SECOND);
    // Nothing of the mix is left on the next route: what is shown there is what comes.
    trio.set_route(Route::Forward);
    trio.world.run(SECOND);
    shows(&trio, 0, "Bob", -12.0);
    trio.world.controls(bob).send_muted = true;
    trio.world.run(SECOND);
    assert_eq!(metered_db(&trio, 0, "Bob"), HUSH);
    // Nor of somebody whom the server does not reach any more.
    trio.set_route(Route::Mix);
    trio.world.run(2 * SECOND);
    shows(&trio, 0, "Cleo", 0.0);
    let address = trio.world.address(ada);
    trio.world.network.cut(address, true);
    trio.world.run(SECOND / 2);
    assert_eq!(metered_db(&trio, 0, "Cleo"), HUSH);
}

/// The way into the mix and the way of the mix: Ada's click comes out where the latency says, whoever's clock shows what.
#[test]
fn the_latency_of_a_source_in_a_mix_is_by_how_much_it_is_late() {
    for (theirs, ours, ms) in [(64, 64, 8), (480, 128, 20), (128, 512, 3)] {
        let mut world = World::new(730 + ms);
        world.network.usual = Path::clean(Duration::from_millis(ms));
        let card = |block_frames| Card { block_frames, ..Card::default() };
        let ada = world.add(Musician { card: card(theirs), ..Musician::new("Ada", click(480_000)) });
        let bob = world.add(Musician { card: card(ours), ..Musician::new("Bob", silence()) });
        world.add_server(Limits::default());
        let (session, link) = world.serve_session("Rehearsal");
        let now = world.instant();
        assert!(world.server().shard.set_route(session, now, Route::Mix));
        [ada, bob].iter().for_each(|who| world.join(*who, &link));
        world.run(11 * SECOND);
        let heard = world.heard(bob);
        let loudest =
            (0..heard.len()).max_by(|one, other| heard[*one][0].abs().total_cmp(&heard[*other][0].abs()));
        let late_frames = loudest.map_or(0.0, |at| at as f64) - 480_000.0;
        let view = world.sources(bob).into_iter().find(|view| view.participant_name == "Ada").unwrap();
        assert_eq!(view.route, Way::Mixed);
        let shown_frames = view.latency.unwrap().as_secs_f64() * RATE_HZ + ours as f64;
        println!("blocks {theirs} and {ours}, {ms} ms: {late_frames} late, {shown_frames:.1} shown");
        assert!((late_frames - shown_frames).abs() <= 12.0, "a quarter of a millisecond");
    }
}
