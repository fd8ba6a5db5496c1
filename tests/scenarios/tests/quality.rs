//! Each quality over a path that is not perfect: what the listener gets.

use std::time::Duration;

use backline_client::Quality;
use backline_sim::judge::{level, roughness};
use backline_sim::signal::{chord, silence};
use backline_sim::{Jitter, Loss, Musician, Way, World};

/// What is heard in the last seconds, and the share of it that was concealed.
fn listen(quality: Quality, way: Way, depth_ms: u64) -> (Vec<[f32; 2]>, f64, u64) {
    let mut world = World::new(50);
    world.network.usual = way;
    let ada = world.add(Musician { quality, ..Musician::new("Ada", chord(48_000.0)) });
    let depth_ceiling = Duration::from_millis(depth_ms);
    let bob = world.add(Musician { depth_ceiling, ..Musician::new("Bob", silence()) });
    world.meet(ada, &[bob]);
    world.run(Duration::from_secs(4));
    let (from, before) = (world.heard(bob).len(), world.sources(bob).remove(0));
    world.run(Duration::from_secs(10));
    let after = world.sources(bob).remove(0);
    let concealed = (after.concealed_frames - before.concealed_frames) as f64 / 480_000.0;
    (world.heard(bob)[from..].to_vec(), concealed, after.recovered_frames)
}

const CLEAN: Way = Way::clean(Duration::from_millis(3));

#[test]
fn every_quality_is_heard_without_a_gap_on_a_clean_path() {
    for quality in Quality::ALL {
        let (heard, concealed, _) = listen(quality, CLEAN, 5);
        assert_eq!(concealed, 0.0, "{quality:?}");
        let quietest = heard.chunks(480).map(level).fold(f64::MAX, f64::min);
        assert!(quietest > 0.1, "{quality:?}: {quietest}");
    }
}

#[test]
fn jitter_within_the_depth_is_not_heard() {
    let way = Way { jitter: Jitter::Uniform(Duration::from_millis(3)), duplication: 0.05, ..CLEAN };
    let (_, concealed, _) = listen(Quality::LowestLatency, way, 5);
    assert!(concealed < 0.001, "{concealed}");
}

#[test]
fn losses_are_concealed_without_clicks_and_careful_brings_them_back() {
    let way = Way { loss: Loss::Random(0.03), ..CLEAN };
    let (smooth, _, _) = listen(Quality::LowestLatency, CLEAN, 5);
    let (heard, concealed, _) = listen(Quality::LowestLatency, way, 5);
    assert!((0.01..0.06).contains(&concealed), "{concealed}");
    let rough = roughness(&heard) / roughness(&smooth);
    println!("PCM at 3 % loss: {:.2} % concealed, roughness {rough:.2}", 100.0 * concealed);
    assert!(rough < 3.0, "{rough}");
    let (_, concealed, recovered) = listen(Quality::Careful, way, 2);
    println!(
        "Careful at 3 % loss: {:.3} % concealed, {recovered} sample frames recovered",
        100.0 * concealed
    );
    assert!(concealed < 0.002 && recovered > 5_000, "{concealed} {recovered}");
}
