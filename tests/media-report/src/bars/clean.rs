//! Bar 1: a clean network and no drift. PCM arrives bit by bit as it was played, for an hour, with one and the same latency.

use std::time::Duration;

use backline_sim::judge::exact::Exact;
use backline_sim::signal::silence;
use backline_sim::{Musician, Way};

use crate::figure::{Figure, Limit, Report};
use crate::pair::world;
use crate::signals::{self, Loop};

const SEED: u64 = 301;
const ONE_WAY: Duration = Duration::from_millis(5);
/// Until then somebody who has just joined gets to their depth.
const SETTLING: Duration = Duration::from_secs(5);
const DELAY_FRAMES_MAX: usize = 9_600;

/// An hour of each kind of sound (30 s where it must be quick).
pub fn measure(report: &mut Report<'_>) {
    let music = match signals::music() {
        Ok(music) => music,
        Err(error) => {
            return report.print(&Figure::unmeasured("1.music", "music", "", None, error.to_string()));
        }
    };
    for sound in [music, signals::speech(), signals::clicks()] {
        let seconds = if sound.name == "music" { report.seconds(3_600, 30) } else { report.seconds(600, 10) };
        one(report, &sound, seconds);
    }
}

fn one(report: &mut Report<'_>, sound: &Loop, seconds: u64) {
    let mut world = world(SEED);
    world.network.usual = Way::clean(ONE_WAY);
    let ada = world.add(Musician::new("Ada", sound.signal(0)));
    let bob = world.add(Musician::new("Bob", silence()));
    world.meet(ada, &[bob]);
    world.run(SETTLING);
    world.take_sent(ada);
    world.take_heard(bob);
    let mut exact = Exact::new(DELAY_FRAMES_MAX);
    for _ in 0..seconds {
        world.run(Duration::from_secs(1));
        exact.feed(&world.take_sent(ada), &world.take_heard(bob));
        world.take_sent(bob);
        world.take_heard(ada);
    }
    print(report, sound.name, &exact, seconds);
}

fn print(report: &mut Report<'_>, name: &str, exact: &Exact, seconds: u64) {
    let id = format!("1.{name}");
    let what = format!(
        "clean network, PCM, {name}, {seconds} s: sample frames that are not what was sent so long before"
    );
    let none = Limit::AtMost(0.0);
    let Some(delay) = exact.delay_frames() else {
        return report.print(&Figure::unmeasured(
            &id,
            what,
            "",
            Some(none),
            "nothing that was sent was found in what was heard",
        ));
    };
    report.print(&Figure::judged(&id, what, exact.wrong_frames() as f64, "", none));
    let added_ms = delay as f64 / 48.0 - ONE_WAY.as_secs_f64() * 1_000.0;
    let what = format!("the same: constant latency, without the network's {} ms", ONE_WAY.as_millis());
    report.print(&Figure::shown(&format!("{id}.latency"), what, added_ms, "ms"));
}
