//! Sound cards never run alike: at every drift the sound goes on, without a gap and without a click.
//!
//! A click is measured as the largest second difference of what is heard, against that of what was played:
//! any step in a signal this smooth stands far out of it.

use std::time::Duration;

use backline_sim::judge::{level, roughness};
use backline_sim::signal::{chord, silence};
use backline_sim::{Card, Musician, World};

#[test]
fn two_cards_that_drift_are_heard_without_gap_or_click() {
    for drift_ppm in [0.0, 50.0, -50.0, 500.0, -500.0, 1_000.0, -1_000.0] {
        let mut world = World::new(3);
        let ada = world.add(Musician::new("Ada", chord(48_000.0)));
        let card = Card { drift_ppm, first_callback: Duration::from_micros(300), ..Card::default() };
        let bob = world.add(Musician { card, ..Musician::new("Bob", silence()) });
        world.meet(ada, &[bob]);
        world.run(Duration::from_secs(3));
        let settled = world.heard(bob).len();
        let before = world.sources(bob).remove(0);
        world.run(Duration::from_secs(40));
        let after = world.sources(bob).remove(0);
        let heard = &world.heard(bob)[settled..];
        let rough = roughness(heard) / roughness(&world.sent(ada)[48_000..]);
        println!(
            "{drift_ppm} ppm: measured {} ppm, roughness {rough:.3}, depth {:?} → {:?}, latency {:?} → {:?}",
            after.drift_ppm, before.depth, after.depth, before.latency, after.latency
        );
        assert_eq!(after.concealed_frames, before.concealed_frames, "{drift_ppm} ppm: {after:?}");
        assert_eq!(world.meters(bob).faults().underruns, 0, "{drift_ppm} ppm");
        assert!(rough < 1.05, "{drift_ppm} ppm: roughness {rough}");
        let shortest_window = heard.chunks(480).map(level).fold(f64::MAX, f64::min);
        assert!(shortest_window > 0.05, "{drift_ppm} ppm: a hole, level {shortest_window}");
    }
}
