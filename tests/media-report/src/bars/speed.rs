//! How fast the simulator is: simulated seconds in a second of one core, for two participants who hear each other, encrypted.

use std::time::{Duration, Instant};

use backline_sim::{Musician, Way};

use crate::figure::{Figure, Limit, Report};
use crate::pair::world;
use crate::signals;

const SEED: u64 = 309;
/// What a simulation must reach to be of use for hours.
const SPEED_MIN: f64 = 200.0;

/// Two participants, PCM at block 64 both ways; the fastest of three runs, for whatever else the machine does only slows it.
pub fn measure(report: &mut Report<'_>) {
    let seconds = report.seconds(60, 20);
    let fastest = (0..3).map(|_| speed(seconds)).fold(0.0, f64::max);
    let what = "simulator: two participants, PCM, block 64, both ways, encrypted: simulated seconds a second of one core";
    report.print(&Figure::judged("speed", what, fastest, "s/s", Limit::AtLeast(SPEED_MIN)));
}

fn speed(seconds: u64) -> f64 {
    let mut world = world(SEED);
    world.network.usual = Way::clean(Duration::from_millis(5));
    let ada = world.add(Musician::new("Ada", signals::clicks().signal(0)));
    let bob = world.add(Musician::new("Bob", signals::clicks().signal(6_000)));
    world.meet(ada, &[bob]);
    world.run(Duration::from_secs(2));
    let clock = Clock::start();
    for _ in 0..seconds {
        world.run(Duration::from_secs(1));
        for who in [ada, bob] {
            world.take_sent(who);
            world.take_heard(who);
        }
    }
    seconds as f64 / clock.elapsed_s()
}

/// The time of the processor that this program took, so that whatever else runs does not count; where the system does not say,
/// the time that passed.
struct Clock {
    began: Instant,
    used_before_s: Option<f64>,
}

impl Clock {
    fn start() -> Self {
        Self { began: Instant::now(), used_before_s: used_s() }
    }

    fn elapsed_s(&self) -> f64 {
        let used = used_s().zip(self.used_before_s).map(|(now, before)| now - before);
        used.filter(|used| *used > 0.0).unwrap_or_else(|| self.began.elapsed().as_secs_f64())
    }
}

/// On Linux the first number of `schedstat` is the time on a processor, in nanoseconds.
fn used_s() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    text.split_whitespace().next()?.parse::<f64>().ok().map(|nanoseconds| nanoseconds * 1e-9)
}
