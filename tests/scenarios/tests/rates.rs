//! Every device rate plays with every other: the right pitch, the right level, no gap.

use std::time::Duration;

use backline_sim::judge::{silent_frames, tone};
use backline_sim::signal::{silence, sine};
use backline_sim::{Card, Musician, World};

const FREQUENCY_HZ: f64 = 1_000.0;

#[test]
fn a_tone_keeps_its_pitch_and_level_between_all_rates() {
    for rate_hz in [44_100, 88_200, 96_000, 192_000] {
        for (from_hz, to_hz) in [(rate_hz, 48_000), (48_000, rate_hz), (rate_hz, rate_hz)] {
            let mut world = World::new(40);
            let card = |rate_hz| Card { rate_hz, block_frames: 128, ..Card::default() };
            let signal = sine(FREQUENCY_HZ, f64::from(from_hz), 0.25);
            let ada = world.add(Musician { card: card(from_hz), ..Musician::new("Ada", signal) });
            let bob = world.add(Musician { card: card(to_hz), ..Musician::new("Bob", silence()) });
            world.meet(ada, &[bob]);
            world.run(Duration::from_secs(6));
            let heard = world.heard(bob);
            let last = &heard[heard.len() - to_hz as usize..];
            let amplitude = tone(last, FREQUENCY_HZ, f64::from(to_hz));
            assert!((amplitude - 0.25).abs() < 0.005, "{from_hz} → {to_hz} Hz: {amplitude}");
            let faults = world.meters(bob).faults();
            assert_eq!(faults.underruns, 0, "{from_hz} → {to_hz} Hz: {faults:?}");
            let what = format!("{from_hz} → {to_hz} Hz: {:?}", world.sources(bob));
            assert_eq!(silent_frames(last, 0), 0, "{what}");
        }
    }
}
