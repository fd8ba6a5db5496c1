//! Bar 4: packets that the network loses, brought back by copies in later packets, or by sending them again.
//!
//! What is heard is held against what would have been heard of the same stream without loss: for PCM that is what was sent, for Opus
//! it is what a twin of the session hears that loses nothing. Whatever differs was made up or faded.

use std::time::Duration;

use backline_client::Quality;
use backline_sim::judge::track::Track;
use backline_sim::{Loss, Way};

use crate::figure::{Figure, Limit, Report};
use crate::pair::{Pair, Setting};
use crate::signals::{self, Loop};

const SEED: u64 = 304;
/// Until then the depth has found itself.
const SETTLING: Duration = Duration::from_secs(15);
const PIECE: Duration = Duration::from_millis(500);
const DELAY_FRAMES_MAX: usize = 4_800;
/// Runs of 2 to 5 packets that are 5 % of all.
const BURSTS: Loss = Loss::Runs { chance: 0.0145, shortest: 2, longest: 5 };

/// A way of bringing packets back, and the path on which it is measured.
struct Remedy {
    id: &'static str,
    what: &'static str,
    quality: Quality,
    one_way: Duration,
    depth_ceiling: Duration,
    /// Limits in percent, for a share of random loss.
    limits: &'static [(u32, f64)],
}

const REMEDIES: [Remedy; 3] = [
    Remedy {
        id: "4.copies",
        what: "Opus 5 ms with two copies, 20 ms round trip",
        quality: Quality::Careful,
        one_way: Duration::from_millis(10),
        depth_ceiling: Duration::from_millis(40),
        limits: &[(5, 0.05), (10, 0.2)],
    },
    Remedy {
        id: "4.again",
        what: "PCM, sent again, 10 ms round trip, at most 25 ms deep",
        quality: Quality::LowestLatency,
        one_way: Duration::from_millis(5),
        depth_ceiling: Duration::from_millis(25),
        limits: &[(5, 0.02)],
    },
    Remedy {
        id: "4.again.opus",
        what: "Opus 2.5 ms, sent again, 10 ms round trip, at most 25 ms deep",
        quality: Quality::Balanced,
        one_way: Duration::from_millis(5),
        depth_ceiling: Duration::from_millis(25),
        limits: &[(5, 0.02)],
    },
];

/// Each remedy at 1, 2, 5 and 10 % and with bursts, on music.
pub fn measure(report: &mut Report<'_>) {
    let music = match signals::music() {
        Ok(music) => music,
        Err(error) => return report.print(&Figure::unmeasured("4", "music", "", None, error.to_string())),
    };
    for remedy in &REMEDIES {
        for percent in [1, 2, 5, 10] {
            let limit =
                remedy.limits.iter().find(|(of, _)| *of == percent).map(|(_, limit)| Limit::AtMost(*limit));
            let loss = Loss::Random(f64::from(percent) / 100.0);
            one(report, remedy, &music, &percent.to_string(), &format!("{percent} % lost"), loss, limit);
        }
        one(report, remedy, &music, "bursts", "5 % lost in bursts of 2 to 5", BURSTS, None);
    }
}

fn one(
    report: &mut Report<'_>,
    remedy: &Remedy,
    sound: &Loop,
    part: &str,
    lost: &str,
    loss: Loss,
    limit: Option<Limit>,
) {
    // What is left comes once in many seconds: where it is judged, a short run would be a throw of dice.
    let time = Duration::from_secs(report.seconds(300, if limit.is_some() { 120 } else { 20 }));
    let clean = Way::clean(remedy.one_way);
    let setting = |way| Setting {
        quality: remedy.quality,
        depth_ceiling: remedy.depth_ceiling,
        ..Setting::new(SEED, way)
    };
    let mut lossy = Pair::new(&setting(Way { loss, ..clean }), sound);
    lossy.settle(SETTLING);
    let before = lossy.counted();
    let track = if remedy.quality == Quality::LowestLatency {
        let mut track = lossy.track(DELAY_FRAMES_MAX, 30.0);
        lossy.run(time, |sent, heard| track.feed(sent, heard));
        track
    } else {
        beside_its_twin(&mut lossy, Pair::new(&setting(clean), sound), time)
    };
    let after = lossy.counted();
    let id = format!("{}.{part}", remedy.id);
    let what =
        format!("{}, {lost}, music, {} s: time that is not as without loss", remedy.what, time.as_secs());
    if track.judged_frames() == 0 {
        return report.print(&Figure::unmeasured(
            &id,
            what,
            "%",
            limit,
            "nothing that was sent was found in what was heard",
        ));
    }
    let share = 100.0 * track.foreign_frames(0) as f64 / track.judged_frames() as f64;
    let counted = 100.0 * (after.0 - before.0) as f64 / track.judged_frames() as f64;
    let why = format!(
        "the engine counts {counted:.4} % made up, without cross-fades; {} packets came again",
        after.1 - before.1
    );
    let figure = Figure { limit, ..Figure::shown(&id, what, share, "%") };
    report.print(&figure.because(why));
}

/// Follows what a session hears in what its twin hears.
fn beside_its_twin(lossy: &mut Pair, mut clean: Pair, time: Duration) -> Track {
    clean.settle(SETTLING);
    let mut track = lossy.track(DELAY_FRAMES_MAX, 20.0);
    let end = lossy.world.now() + time;
    while lossy.world.now() < end {
        let mut whole = Vec::new();
        clean.run(PIECE, |_, heard| whole.extend_from_slice(heard));
        lossy.run(PIECE, |_, heard| track.feed(&std::mem::take(&mut whole), heard));
    }
    track
}
