//! The way of a sample, walked once: a click in at one plugin, a click out at the other, at a known place.

use std::time::Duration;

use backline_client::Quality;
use backline_sim::judge::{exact_delay, silent_frames};
use backline_sim::signal::{click, grid_noise, silence};
use backline_sim::{Card, Musician, Way, World};

#[test]
fn a_click_goes_in_and_comes_out_where_it_must() {
    let mut world = World::new(1);
    let ada = world.add(Musician::new("Ada", click(96_000)));
    let bob = world.add(Musician::new("Bob", silence()));
    world.meet(ada, &[bob]);
    world.run(Duration::from_secs(3));
    let out: Vec<usize> =
        (0..world.heard(bob).len()).filter(|n| world.heard(bob)[*n][0].abs() > 0.1).collect();
    assert_eq!(out.len(), 1, "one click in, one click out: {out:?}");
    println!("delay of the click: {} sample frames", out[0] - 96_000);
}

#[test]
fn what_arrives_is_what_was_sent_to_the_bit_at_every_block_size() {
    for block_frames in [1, 17, 64, 480, 512, 8192] {
        let mut world = World::new(2);
        let card = Card { block_frames, ..Card::default() };
        let ada = world.add(Musician { card, ..Musician::new("Ada", grid_noise(7)) });
        let bob = world.add(Musician { card, ..Musician::new("Bob", silence()) });
        world.meet(ada, &[bob]);
        world.run(Duration::from_secs(8));
        let from = 48_000 * 4;
        assert_eq!(silent_frames(world.heard(bob), from), 0, "block {block_frames}");
        let delay = exact_delay(world.sent(ada), world.heard(bob), from);
        println!("block {block_frames}: delay {delay:?} sample frames; {:?}", world.meters(bob).faults());
        assert!(delay.is_some(), "block {block_frames}: {:?}", world.sources(bob));
    }
}

/// Both DAWs begin to count at the same moment, so that a place in one timeline is the same place in the other.
#[test]
fn the_latency_is_by_how_much_a_recording_is_late_and_its_stages_are_its_parts() {
    for quality in [Quality::LowestLatency, Quality::Careful] {
        for (theirs, ours) in [(64, 64), (480, 480), (1024, 1024), (64, 512), (512, 64), (128, 441)] {
            let mut world = World::new(2);
            world.network.usual = Way::clean(Duration::from_millis(8));
            let card = |block_frames| Card { block_frames, ..Card::default() };
            let ada = Musician { card: card(theirs), quality, ..Musician::new("Ada", click(480_000)) };
            let ada = world.add(ada);
            let bob = world.add(Musician { card: card(ours), ..Musician::new("Bob", silence()) });
            world.meet(ada, &[bob]);
            world.run(Duration::from_secs(11));
            let heard = world.heard(bob);
            let loudest =
                (0..heard.len()).max_by(|one, other| heard[*one][0].abs().total_cmp(&heard[*other][0].abs()));
            let late_frames = loudest.map_or(0.0, |at| at as f64) - 480_000.0;
            let source = world.sources(bob).remove(0);
            let latency = source.latency.expect("measured by now");
            let stages = source.stages.expect("measured by now");
            let sum = stages.encode + stages.network.median + stages.playout.median + stages.output_block;
            println!("{latency:?} against {sum:?} in all: {stages:?}");
            // Medians of what swings by a frame add up only about.
            assert!(sum.abs_diff(latency) < Duration::from_micros(1_500));
            assert!(stages.network.median.abs_diff(Duration::from_millis(8)) < Duration::from_micros(200));
            let shown_frames = latency.as_secs_f64() * 48_000.0 + ours as f64;
            println!("{quality:?}, blocks {theirs} and {ours}: {late_frames} late, {shown_frames:.1} shown");
            assert!((late_frames - shown_frames).abs() <= 2.0);
        }
    }
}
