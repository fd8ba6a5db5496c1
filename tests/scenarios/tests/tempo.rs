//! Tempo and transport: the beat is where the leader is heard, for everybody, by every route; started by a DAW or by hand.
#![allow(clippy::unwrap_used, reason = "a test ends where a step of its own fails")]

use std::time::Duration;

use backline_audio::Gain;
use backline_bridge::Transport;
use backline_client::TempoView;
use backline_relay::Limits;
use backline_sim::signal::{Signal, silence};
use backline_sim::{Card, Id, Jitter, Musician, Way, World};
use backline_wire::{Bpm, Meter, Route, SongPosition, Tempo, TransportMark};

const SECOND: Duration = Duration::from_secs(1);
const RATE: u64 = 48_000;
/// The leader's song begins here on their card, a beat of 120 bpm is so long.
const SONG: u64 = 4 * RATE;
const BEAT: u64 = RATE / 2;

/// A tick on each beat of the song, as a drummer with a click in the ear plays.
fn ticks() -> Signal {
    Box::new(|frame| {
        let is_beat = frame >= SONG && (frame - SONG).is_multiple_of(BEAT);
        if is_beat { [0.5; 2] } else { [0.0; 2] }
    })
}

fn song(quarters: f64) -> Transport {
    Transport::new(quarters, 0.0, 120.0, (4, 4)).unwrap()
}

struct Band {
    world: World,
    ada: Id,
    bob: Id,
}

/// Ada plays the ticks; Bob hears her on an output of its own, and his metronome on the main one.
fn band(seed: u64, route: Option<Route>, cards: [Card; 2], way: Way) -> Band {
    let mut world = World::new(seed);
    world.network.usual = way;
    let depth_ceiling = Duration::from_millis(60);
    let [ada, bob] =
        [("Ada", ticks(), cards[0]), ("Bob", silence(), cards[1])].map(|(name, signal, card)| {
            world.add(Musician { card, depth_ceiling, ..Musician::new(name, signal) })
        });
    match route {
        None => world.meet(ada, &[bob]),
        Some(route) => {
            world.add_server(Limits::default());
            let (session, link) = world.serve_session("Rehearsal");
            let now = world.instant();
            assert!(world.server().shard.set_route(session, now, route));
            world.join(ada, &link);
            world.join(bob, &link);
        }
    }
    world.hear_apart(bob);
    world.controls(bob).metronome_gain = Gain::UNITY;
    world.run(3 * SECOND);
    Band { world, ada, bob }
}

impl Band {
    fn lead(&mut self, who: Id) {
        let now = self.world.instant();
        assert!(self.world.engine(who).unwrap().session_mut().lead(now, true));
    }

    fn view(&mut self, who: Id) -> TempoView {
        let now = self.world.instant();
        self.world.engine(who).unwrap().session().tempo_view(now)
    }

    /// Where clicks of Bob's metronome and Ada's ticks begin, in frames of what he heard.
    fn clicks_and_ticks(&mut self) -> (Vec<f64>, Vec<f64>) {
        let clicks = onsets(&self.world.take_heard(self.bob), 1e-3);
        let ticks = onsets(&self.world.take_apart(self.bob, 0), 0.05);
        (clicks, ticks)
    }
}

/// Where something begins after silence.
fn onsets(heard: &[[f32; 2]], least: f32) -> Vec<f64> {
    let mut onsets = Vec::new();
    let mut index = 0;
    while let Some(found) =
        heard.get(index..).and_then(|rest| rest.iter().position(|[left, _]| left.abs() > least))
    {
        onsets.push((index + found) as f64);
        index += found + 4_000;
    }
    onsets
}

/// Every tick has its click within `within` of it, and there is no other.
fn assert_together((clicks, ticks): &(Vec<f64>, Vec<f64>), within: Duration, context: &str) {
    assert!(!ticks.is_empty(), "{context}: nothing was heard");
    let apart: Vec<f64> =
        clicks.iter().zip(ticks).map(|(click, tick)| 1e3 * (click - tick) / RATE as f64).collect();
    let most = apart.iter().fold(0.0_f64, |most, apart| most.max(apart.abs()));
    assert_eq!(clicks.len(), ticks.len(), "{context}: {clicks:?} {ticks:?}");
    assert!(most <= within.as_secs_f64() * 1e3, "{context}: {apart:.3?}");
}

#[test]
fn the_click_falls_where_the_leader_is_heard_by_every_route() {
    let far = Way::clean(Duration::from_millis(20));
    for (seed, route) in
        [(900, None), (901, Some(Route::Mesh)), (902, Some(Route::Forward)), (903, Some(Route::Mix))]
    {
        let mut band = band(seed, route, [Card::default(); 2], far);
        band.lead(band.ada);
        band.world.play_song(band.ada, SONG, song(0.0).rolling(false));
        band.world.run(10 * SECOND);
        let view = band.view(band.bob);
        let leader = view.leader.map(|leader| (leader.name, leader.is_here));
        assert_eq!(leader, Some(("Ada".to_owned(), true)));
        assert!(view.path.is_some_and(|path| path >= far.delay), "{:?}", view.path);
        let heard = band.clicks_and_ticks();
        assert!(heard.1.len() >= 16);
        assert_together(&heard, Duration::from_millis(1), &format!("{route:?}"));
    }
}

/// Bob hears Ada in the mix, on his left, and his metronome in the middle.
#[test]
fn in_a_mix_the_click_falls_where_the_leader_is_heard_through_the_server() {
    let mut world = World::new(904);
    world.network.usual = Way::clean(Duration::from_millis(20));
    let mut both = ticks();
    let left: Signal = Box::new(move |frame| [both(frame)[0], 0.0]);
    let people = [("Ada", left), ("Bob", silence())];
    let [ada, bob] = people.map(|(name, signal)| world.add(Musician::new(name, signal)));
    world.add_server(Limits::default());
    let (session, link) = world.serve_session("Rehearsal");
    let now = world.instant();
    assert!(world.server().shard.set_route(session, now, Route::Mix));
    [ada, bob].iter().for_each(|who| world.join(*who, &link));
    world.controls(bob).metronome_gain = Gain::UNITY;
    world.run(3 * SECOND);
    let now = world.instant();
    assert!(world.engine(ada).unwrap().session_mut().lead(now, true));
    world.play_song(ada, SONG, song(0.0).rolling(false));
    world.run(10 * SECOND);
    let heard = world.take_heard(bob);
    let clicks: Vec<[f32; 2]> = heard.iter().map(|[_, right]| [*right; 2]).collect();
    let ticks: Vec<[f32; 2]> = heard.iter().map(|[left, right]| [left - right; 2]).collect();
    let heard = (onsets(&clicks, 0.01), onsets(&ticks, 0.05));
    assert!(heard.1.len() >= 16);
    assert_together(&heard, Duration::from_millis(1), "by the mix");
}

/// Ada and Bob play straight to each other, and the server that keeps the session is far away.
#[test]
fn the_word_of_a_start_is_there_before_its_sound_wherever_the_server_is() {
    let mut band = band(905, Some(Route::Mesh), [Card::default(); 2], Way::clean(Duration::from_millis(120)));
    let (ada, bob) = (band.world.address(band.ada), band.world.address(band.bob));
    let near = Way::clean(Duration::from_millis(4));
    band.world.network.set(ada, bob, near);
    band.world.network.set(bob, ada, near);
    band.lead(band.ada);
    band.world.play_song(band.ada, SONG, song(0.0).rolling(false));
    band.world.run(10 * SECOND);
    let heard = band.clicks_and_ticks();
    assert!(heard.1.len() >= 16);
    assert_together(&heard, Duration::from_millis(1), "a far server");
}

#[test]
fn uneven_networks_and_cards_that_drift_move_no_click_far() {
    let drifting = |drift_ppm, block_frames, ms| Card {
        drift_ppm,
        block_frames,
        first_callback: Duration::from_micros(ms),
        ..Card::default()
    };
    let jitter =
        Way { jitter: Jitter::Uniform(Duration::from_millis(8)), ..Way::clean(Duration::from_millis(15)) };
    for (seed, cards, way) in [
        (910, [drifting(80.0, 128, 300), drifting(-60.0, 256, 900)], Way::clean(Duration::from_millis(10))),
        (911, [drifting(0.0, 480, 0), drifting(20.0, 64, 500)], Way::clean(Duration::from_millis(10))),
        (912, [drifting(30.0, 128, 300), drifting(-30.0, 128, 900)], jitter),
    ] {
        let mut band = band(seed, None, cards, way);
        band.lead(band.ada);
        band.world.play_song(band.ada, SONG, song(0.0).rolling(false));
        band.world.run(20 * SECOND);
        let heard = band.clicks_and_ticks();
        assert_together(&heard, Duration::from_millis(1), &format!("seed {seed}"));
    }
}

#[test]
fn it_stops_jumps_and_changes_its_tempo_with_the_leader() {
    let mut band = band(920, None, [Card::default(); 2], Way::clean(Duration::from_millis(20)));
    band.lead(band.ada);
    band.world.play_song(band.ada, SONG, song(0.0).rolling(false));
    band.world.run(3 * SECOND);
    assert_together(&band.clicks_and_ticks(), Duration::from_millis(1), "rolling");
    // Ada stops half way between two beats, while the ticks of her track go on.
    let stop = 6 * RATE + BEAT / 2;
    band.world.play_song(band.ada, stop, song(5.0).rolling(false));
    band.world.run(SECOND / 4);
    band.world.play_song(band.ada, u64::MAX, song(4.5));
    band.world.run(SECOND / 4);
    band.clicks_and_ticks();
    band.world.run(2 * SECOND);
    let (clicks, ticks) = band.clicks_and_ticks();
    assert_eq!((clicks.len(), ticks.len()), (0, 4), "she stands and plays on");
    let transport = band.view(band.bob).transport.expect("Ada still leads");
    assert_eq!((transport.is_rolling, transport.position_quarters), (false, 4.5));

    // She goes on elsewhere, in eighths of 60 bpm: as many as her ticks.
    let from = 10 * RATE + BEAT;
    let eighths = Transport::new(32.0, 30.5, 60.0, (7, 8)).unwrap();
    band.world.play_song(band.ada, from, eighths.rolling(true));
    band.world.run(5 * SECOND);
    let (clicks, ticks) = band.clicks_and_ticks();
    let after: Vec<f64> = ticks.into_iter().filter(|tick| *tick > clicks[0] - 1_000.0).collect();
    assert_together(&(clicks, after), Duration::from_millis(1), "elsewhere");
    let view = band.view(band.bob);
    assert_eq!(view.tempo, Tempo { bpm: Bpm::new(60.0).unwrap(), meter: Meter::new(7, 8).unwrap() });
    assert_eq!(view.others_record, ["Ada"]);
}

#[test]
fn who_comes_later_is_with_the_beat_and_who_leads_and_leaves_takes_it_along() {
    let mut band = band(930, None, [Card::default(); 2], Way::clean(Duration::from_millis(10)));
    band.lead(band.bob);
    band.world.play_song(band.bob, 0, song(0.0).rolling(true));
    band.world.run(SECOND);
    let cleo = band.world.add(Musician::new("Cleo", silence()));
    let link = band.world.invite(band.ada);
    band.world.controls(cleo).metronome_gain = Gain::UNITY;
    band.world.controls(cleo).return_gain = Gain::SILENT;
    band.world.join(cleo, &link);
    band.world.run(3 * SECOND);
    band.world.take_heard(cleo);
    band.world.run(4 * SECOND);
    assert_eq!(onsets(&band.world.take_heard(cleo), 1e-3).len(), 8);
    assert_eq!(band.view(cleo).others_record, ["Bob"]);
    band.world.leave(band.bob);
    band.world.run(SECOND);
    band.world.take_heard(cleo);
    band.world.run(2 * SECOND);
    assert!(onsets(&band.world.take_heard(cleo), 1e-3).is_empty());
    let leader = band.view(cleo).leader.map(|leader| leader.is_here);
    assert_eq!(leader, Some(false));
    assert!(band.view(cleo).others_record.is_empty());
}

#[test]
fn somebody_starts_it_by_hand_counts_in_and_anybody_stops_it_or_changes_the_tempo() {
    for (seed, route) in [(940, None), (941, Some(Route::Forward)), (942, Some(Route::Mix))] {
        let mut band = band(seed, route, [Card::default(); 2], Way::clean(Duration::from_millis(10)));
        let people = [band.ada, band.bob];
        people.iter().for_each(|who| band.world.controls(*who).metronome_gain = Gain::UNITY);
        let waltz = Tempo { bpm: Bpm::new(120.0).unwrap(), meter: Meter::new(3, 4).unwrap() };
        let now = band.world.instant();
        assert!(band.world.engine(band.bob).unwrap().session_mut().set_tempo(now, waltz), "{route:?}");
        band.world.run(SECOND);
        people.iter().for_each(|who| drop(band.world.take_heard(*who)));
        let now = band.world.instant();
        assert!(band.world.engine(band.bob).unwrap().session_mut().start_transport(now, 1));
        band.world.run(5 * SECOND);
        let clicks = people.map(|who| onsets(&band.world.take_heard(who), 1e-3));
        assert!(clicks.iter().all(|clicks| (9..=10).contains(&clicks.len())), "{route:?}: {clicks:?}");
        for who in people {
            let view = band.view(who);
            let transport = view.transport.expect("it rolls");
            assert!(transport.is_rolling && transport.by_hand && transport.position_quarters == -3.0);
            assert_eq!(view.tempo, waltz, "{route:?}");
        }
        let faster = Tempo { bpm: Bpm::new(240.0).unwrap(), ..waltz };
        let now = band.world.instant();
        assert!(band.world.engine(band.ada).unwrap().session_mut().set_tempo(now, faster));
        band.world.run(SECOND);
        people.iter().for_each(|who| drop(band.world.take_heard(*who)));
        band.world.run(2 * SECOND);
        let clicks = people.map(|who| onsets(&band.world.take_heard(who), 1e-3).len());
        assert_eq!(clicks, [8, 8], "{route:?}");
        let now = band.world.instant();
        assert!(band.world.engine(band.ada).unwrap().session_mut().stop_transport(now));
        band.world.run(SECOND);
        people.iter().for_each(|who| drop(band.world.take_heard(*who)));
        band.world.run(2 * SECOND);
        let clicks = people.map(|who| onsets(&band.world.take_heard(who), 1e-3).len());
        assert_eq!(clicks, [0, 0], "{route:?}");
    }
}

#[test]
fn while_a_daw_leads_nobody_starts_it_by_hand_and_of_others_only_that_they_record_is_told() {
    let mut band = band(950, None, [Card::default(); 2], Way::clean(Duration::from_millis(10)));
    band.lead(band.ada);
    band.world.play_song(band.ada, u64::MAX, song(8.0));
    band.world.play_song(band.bob, 0, song(64.0).rolling(true));
    band.world.run(2 * SECOND);
    let now = band.world.instant();
    assert!(!band.world.engine(band.bob).unwrap().session_mut().start_transport(now, 0));
    let view = band.view(band.ada);
    assert_eq!((view.others_record, view.records), (vec!["Bob".to_owned()], false));
    let transport = band.view(band.bob).transport.expect("Ada's DAW stands somewhere");
    assert_eq!((transport.position_quarters, transport.is_rolling), (8.0, false));
    assert!(band.view(band.bob).records);
}

#[test]
fn a_leader_who_lies_about_the_time_stops_nobodys_metronome_for_good() {
    let mut band = band(960, None, [Card::default(); 2], Way::clean(Duration::from_millis(10)));
    band.lead(band.ada);
    let now = band.world.instant();
    let mark = TransportMark {
        at_us: 0,
        position: SongPosition::default(),
        bar_start: SongPosition::default(),
        tempo: Tempo::default(),
        is_rolling: true,
        is_recording: false,
        by_hand: false,
    };
    let ada = band.world.engine(band.ada).unwrap().session_mut();
    ada.daw_moves(now, now + 3_600 * SECOND, mark);
    band.world.run(2 * SECOND);
    band.lead(band.bob);
    band.world.play_song(band.bob, 0, song(0.0).rolling(false));
    // Half way between two beats.
    band.world.run(SECOND + SECOND / 4);
    band.clicks_and_ticks();
    band.world.run(3 * SECOND);
    assert_eq!(band.clicks_and_ticks().0.len(), 6);
}
