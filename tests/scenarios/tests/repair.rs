//! Packets that the network loses are sent again, straight and through the host, where the listener can wait for them.

use std::time::Duration;

use backline_client::Quality;
use backline_sim::judge::roughness;
use backline_sim::signal::{chord, silence};
use backline_sim::{Card, Id, Loss, Musician, Way, World};

fn lossy(share: f64, one_way_ms: u64) -> Way {
    Way { loss: Loss::Random(share), ..Way::clean(Duration::from_millis(one_way_ms)) }
}

fn add(world: &mut World, name: &'static str, plays: bool, quality: Quality) -> Id {
    let signal = if plays { chord(48_000.0) } else { silence() };
    let depth_ceiling = Duration::from_millis(25);
    world.add(Musician { quality, depth_ceiling, ..Musician::new(name, signal) })
}

/// Share of the time that was made up for the first source that somebody hears, over `seconds` after the first five.
fn made_up(world: &mut World, listener: Id, seconds: u64) -> f64 {
    world.run(Duration::from_secs(5));
    let before = world.sources(listener)[0].concealed_frames;
    world.run(Duration::from_secs(seconds));
    let after = &world.sources(listener)[0];
    (after.concealed_frames - before) as f64 / (48_000 * seconds) as f64
}

#[test]
fn a_lossy_path_is_made_whole() {
    for (quality, first_us) in [
        (Quality::LowestLatency, 0),
        (Quality::LowestLatency, 430),
        (Quality::LowestLatency, 900),
        (Quality::Balanced, 430),
    ] {
        let mut world = World::new(60);
        world.network.usual = lossy(0.05, 5);
        let ada = add(&mut world, "Ada", true, quality);
        // Whether an answer is nearly in time depends on when the callbacks come.
        let card = Card { first_callback: Duration::from_micros(first_us), ..Card::default() };
        let depth_ceiling = Duration::from_millis(25);
        let bob = world.add(Musician { quality, depth_ceiling, card, ..Musician::new("Bob", silence()) });
        world.meet(ada, &[bob]);
        let share = made_up(&mut world, bob, 20);
        let source = world.sources(bob).remove(0);
        let heard = world.heard(bob);
        let rough = roughness(&heard[heard.len() - 240_000..]) / roughness(&world.sent(ada)[..48_000]);
        println!("{quality:?}: {:.4} % made up, {:?}, roughness {rough:.2}", 100.0 * share, source.latency);
        assert!(share < 0.000_5, "{share}");
        assert!(
            source.lost > 0.03 && source.latency.is_some_and(|latency| latency < Duration::from_millis(40))
        );
    }
}

#[test]
fn what_the_host_passes_on_is_made_whole_on_both_legs() {
    let mut world = World::new(61);
    world.network.usual = lossy(0.03, 2);
    let ada = add(&mut world, "Ada", false, Quality::LowestLatency);
    let bob = add(&mut world, "Bob", true, Quality::LowestLatency);
    let cleo = add(&mut world, "Cleo", false, Quality::LowestLatency);
    let (bob_at, cleo_at) = (world.address(bob), world.address(cleo));
    world.network.block(bob_at, cleo_at);
    world.meet(ada, &[bob, cleo]);
    world.run(Duration::from_secs(5));
    let at = |world: &World| {
        let sources = world.sources(cleo);
        let of_bob = sources.iter().find(|source| source.participant_name == "Bob");
        of_bob.map(|source| source.concealed_frames).unwrap_or_default()
    };
    let before = at(&world);
    world.run(Duration::from_secs(10));
    let share = (at(&world) - before) as f64 / 480_000.0;
    println!("through the host, 3 % lost on each leg: {:.4} % made up", 100.0 * share);
    assert!(share < 0.001, "{share}");
}
