//! What the automatic does on paths that do not carry what was chosen, and when they do again.

use std::time::Duration;

use backline_client::Quality;
use backline_client::engine::EngineEvent;
use backline_session::SessionEvent;
use backline_sim::signal::{chord, silence};
use backline_sim::{Bottleneck, Id, Loss, Musician, Way, World};

fn add(world: &mut World, name: &'static str, quality: Quality) -> Id {
    let depth_ceiling = Duration::from_millis(20);
    world.add(Musician { quality, automatic: true, depth_ceiling, ..Musician::new(name, chord(48_000.0)) })
}

/// What somebody was told about their sending, oldest first.
fn moves(world: &World, who: Id) -> Vec<String> {
    let told = world.events(who).iter().filter_map(|event| match event {
        EngineEvent::Session(SessionEvent::Moved(_, moved)) => Some(format!("{}", moved.to)),
        _ => None,
    });
    told.collect()
}

fn far(loss: Loss) -> Way {
    // Too far for packets to be sent again in time.
    Way { loss, ..Way::clean(Duration::from_millis(30)) }
}

#[test]
fn a_path_that_loses_gets_copies_and_is_trusted_again_when_it_is_calm() {
    let mut world = World::new(70);
    world.network.usual = far(Loss::Random(0.06));
    let ada = add(&mut world, "Ada", Quality::LowestLatency);
    let bob = add(&mut world, "Bob", Quality::LowestLatency);
    world.meet(ada, &[bob]);
    world.run(Duration::from_secs(25));
    let told = moves(&world, ada);
    println!("6 % lost: {told:?}");
    assert_eq!(told[0], "Balanced with every frame sent twice");
    let before = world.sources(bob)[0].concealed_frames;
    world.run(Duration::from_secs(10));
    let made_up = (world.sources(bob)[0].concealed_frames - before) as f64 / 480_000.0;
    println!("then {:.2} % is made up", 100.0 * made_up);
    assert!(made_up < 0.01, "{made_up}");
    world.network.usual = far(Loss::None);
    world.run(Duration::from_secs(80));
    println!("calm again: {:?}", moves(&world, ada));
    assert_eq!(moves(&world, ada).last().map(String::as_str), Some("Lowest latency"));
}

#[test]
fn a_narrow_path_gets_less_and_says_how_much_gets_through() {
    let mut world = World::new(71);
    let narrow = Bottleneck { rate_bps: 1_000_000.0, queue: Duration::from_millis(300) };
    world.network.usual = Way { bottleneck: Some(narrow), ..Way::clean(Duration::from_millis(5)) };
    let ada = add(&mut world, "Ada", Quality::LowestLatency);
    let bob = add(&mut world, "Bob", Quality::Balanced);
    world.meet(ada, &[bob]);
    world.run(Duration::from_secs(20));
    println!("1 Mbit/s: {:?}, {:?}", moves(&world, ada), moves(&world, bob));
    assert_eq!(moves(&world, ada), ["Balanced"]);
    assert_eq!(moves(&world, bob), [] as [&str; 0]);
    let latency = world.sources(bob)[0].latency;
    assert!(
        latency.is_some_and(|latency| latency < Duration::from_millis(40)),
        "the queue is gone: {latency:?}"
    );
}

#[test]
fn one_bad_listener_of_three_changes_nothing_for_the_others() {
    let mut world = World::new(72);
    let musicians = ["Ada", "Bob", "Cleo", "Dan"].map(|name| add(&mut world, name, Quality::Balanced));
    let dan = world.address(musicians[3]);
    for who in &musicians[..3] {
        let to = world.address(*who);
        world.network.set(to, dan, far(Loss::Random(0.3)));
    }
    world.meet(musicians[0], &musicians[1..]);
    world.run(Duration::from_secs(20));
    for who in &musicians[..3] {
        assert_eq!(moves(&world, *who), [] as [&str; 0]);
    }
}

#[test]
fn every_stage_of_the_latency_is_measured_and_they_add_up() {
    let mut world = World::new(73);
    world.network.usual = Way::clean(Duration::from_millis(8));
    let ada = add(&mut world, "Ada", Quality::Balanced);
    let bob = world.add(Musician::new("Bob", silence()));
    world.meet(ada, &[bob]);
    world.run(Duration::from_secs(10));
    let source = world.sources(bob).remove(0);
    let stages = source.stages.expect("measured by now");
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!("{stages:?}, {:?}", source.latency);
    assert!((7.9..8.5).contains(&ms(stages.network.median)), "{stages:?}");
    assert!((1.3..1.4).contains(&ms(stages.capture_block)), "{stages:?}");
    // A frame of 2.5 ms is full with the callback that brings its last sample frame, 1.2 to 2.5 ms after its first one, and
    // Opus takes another 2.5 ms.
    assert!((3.7..5.0).contains(&ms(stages.encode)) && ms(stages.playout.median) < 5.0, "{stages:?}");
    let sum = stages.encode + stages.network.median + stages.playout.median + stages.output_block;
    let latency = ms(source.latency.expect("measured by now"));
    assert!((ms(sum) - latency).abs() < 0.5, "{} against {latency}", ms(sum));
}
